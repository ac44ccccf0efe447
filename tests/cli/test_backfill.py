"""``trailkeep backfill`` as a user runs it."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from guard_verbs import Ran, settings
from histories import EU, PROD, STAGING, US, present, remember, spread
from refusals import proxied
from sandbox_archives import attach
from trailkeep.cli import backfill
from trailkeep.cli.backfill import _reporter
from trailkeep.core.errors import TrailkeepError
from trailkeep.sandbox.organization import Sandbox
from trailkeep.workflows.backfill import Progress

pytestmark = pytest.mark.sandbox
REGIONS = ("--region", EU, "--region", US)


@pytest.fixture(autouse=True)
def folder(sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a trailkeep.toml, and some hours of activities in three histories."""
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    for name, value in sandbox.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "trailkeep.toml").write_text(settings())
    hour, end = timedelta(hours=1), present()
    remember(sandbox, spread(30, apart=hour, ends_at=end))
    remember(sandbox, spread(20, apart=hour, ends_at=end, region=US, first=100))
    remember(sandbox, spread(10, apart=hour, ends_at=end, account=STAGING, first=200))
    return tmp_path


def _run(*arguments: str) -> Ran:
    application = typer.Typer(pretty_exceptions_enable=False)
    application.command("backfill")(backfill.command)
    ran = CliRunner().invoke(application, list(arguments))
    if isinstance(ran.exception, TrailkeepError):
        code = ran.exception.exit_code
        return Ran(exit_code=code, stdout=ran.stdout, stderr=f"{ran.stderr}{ran.exception}")
    if ran.exception and not isinstance(ran.exception, SystemExit):
        raise ran.exception
    return Ran(exit_code=int(ran.exit_code), stdout=ran.stdout, stderr=ran.stderr)


def _logs(folder: Path) -> list[Path]:
    return sorted((folder / "backfill" / "lookup-events" / "AWSLogs").rglob("*.json.gz"))


def test_it_saves_every_account_and_says_what_to_do_next(folder: Path) -> None:
    """The summary counts events, files and days, and names the command that takes them in."""
    ran = _run(*REGIONS)
    assert ran.exit_code == 0
    files = len(_logs(folder))
    assert ran.stdout == (
        "10 of 10 histories read with 10 calls\n"
        f"60 events saved in {files} files of {files} days, 0 were there already\n"
    )
    assert "trailkeep collect backfill/lookup-events" in ran.stderr


def test_a_dry_run_saves_nothing(folder: Path) -> None:
    """A dry run says how many histories there are and what they cost at least, and writes nothing."""
    ran = _run(*REGIONS, "--dry-run")
    assert ran.exit_code == 0
    assert ran.stdout.startswith("10 histories (5 accounts, 2 regions): at least 10 calls and 1 s; ")
    assert not (folder / "backfill").exists()
    document = _run(*REGIONS, "--dry-run", "--json").document
    assert document["least"] == {"calls": 10, "seconds": 1}
    assert (document["calls"], document["files"]) == (0, 0)


def test_a_refused_account_is_named_and_the_rest_is_saved(sandbox: Sandbox, folder: Path) -> None:
    """An account that a policy closes to us makes the outcome UNKNOWN; all others are saved."""
    statement = {"Effect": "Deny", "Action": "cloudtrail:LookupEvents", "Resource": "*"}
    attach(sandbox, {"Version": "2012-10-17", "Statement": [statement]}, target=STAGING)
    ran = _run(*REGIONS, "--json")
    assert ran.exit_code == 3
    document = ran.document
    assert document["verdict"]["kind"] == "UNKNOWN"
    assert [(one["account"], one["region"], one["call"]) for one in document["unread"]] == [
        (STAGING, EU, "cloudtrail:LookupEvents"),
        (STAGING, US, "cloudtrail:LookupEvents"),
    ]
    assert document["events"] == {"saved": 50, "known": 0}
    assert (document["histories"], document["complete"]) == (10, 8)
    assert not [path for path in _logs(folder) if STAGING in path.name]
    told = _run(*REGIONS)
    assert f"not read: {STAGING} {EU}: cloudtrail:LookupEvents: AccessDenied" in told.stderr
    assert "outcome: UNKNOWN (not every history could be read)" in told.stderr


def test_accounts_and_the_folder_can_be_chosen(folder: Path) -> None:
    """Only the accounts named are read, into the folder named; the document counts all of it."""
    ran = _run("--account", PROD, "--to", str(folder / "saved"), *REGIONS, "--json")
    document = ran.document
    assert document["trailkeep"]["schema"] == "backfill/1"
    assert (document["histories"], document["accounts"], document["regions"]) == (2, 1, 2)
    assert document["events"]["saved"] == 50
    assert document["folder"] == str(folder / "saved")
    assert len(list((folder / "saved" / "lookup-events").rglob("*.json.gz"))) == document["files"]


def test_regions_that_aws_does_not_tell_make_the_outcome_unknown(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without --region, an account whose regions cannot be read is named, and the exit code is 3."""
    with proxied(sandbox.endpoint_url) as proxy:
        proxy.refused.add("DescribeRegions")
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.url)
        ran = _run("--account", PROD, "--dry-run")
    assert ran.exit_code == 3
    assert f"not read: {PROD}: ec2:DescribeRegions: AccessDenied" in ran.stderr


def test_a_wrong_region_is_refused_before_any_call() -> None:
    """What is no region is a wrong option."""
    ran = _run("--region", "Frankfurt")
    assert ran.exit_code == 2
    assert ran.stderr.endswith(
        "--region: expected a region such as eu-central-1, got 'Frankfurt'; correct it"
    )


def test_progress_is_told_every_ten_seconds_with_the_time_left(capsys: pytest.CaptureFixture[str]) -> None:
    """However often it is told, a line comes every ten seconds, with the time that is left at this speed."""
    moments = iter([0.0, 5.0, 20.0, 25.0, 600.0])
    say = _reporter(lambda: next(moments))
    for share in (0.05, 0.25, 0.3, 0.5):
        say(Progress(done=1, total=4, share=share, calls=1200, events=60000))
    assert capsys.readouterr().err.splitlines() == [
        "1 of 4 histories, 25% of the time, 60,000 events, 1,200 calls; about 1 min left",
        "1 of 4 histories, 50% of the time, 60,000 events, 1,200 calls; about 10 min left",
    ]


def test_the_state_names_days_and_no_secret(folder: Path) -> None:
    """What is remembered of a history is a list of days."""
    _run("--account", PROD, "--region", EU)
    state = json.loads((folder / "backfill" / "state" / f"{PROD}_{EU}").read_bytes())
    assert set(state) == {"final", "parts"}
    assert len(state["final"]) >= 88
