"""``trailkeep status`` against the embedded AWS: alive, stopped, failing, silent, and not readable."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from guard_verbs import BUCKET, Ran, Verbs
from logs import packed, record
from refusals import proxied
from trailkeep.aws.objects import open_source
from trailkeep.core.layout import DigestKey, format_key
from trailkeep.lake.table import Lake
from trailkeep.sandbox.delivery import DeliveryReport, deliver
from trailkeep.sandbox.events import Activity
from trailkeep.sandbox.logfiles import Habits
from trailkeep.sandbox.organization import LOG_ARCHIVE_ACCOUNT_ID, WORKLOAD_ACCOUNTS, Sandbox
from trailkeep.sandbox.state import find_account, trails
from trailkeep.workflows.collect import collect

pytestmark = pytest.mark.sandbox
EVERY = ("111111111111", LOG_ARCHIVE_ACCOUNT_ID, *WORKLOAD_ACCOUNTS.values())


def live(
    sandbox: Sandbox, *, accounts: tuple[str, ...] = EVERY, ago: timedelta = timedelta(minutes=20)
) -> DeliveryReport:
    """Deliver one event of each account."""
    at = (datetime.now(UTC) - ago).replace(microsecond=0)
    activities = [
        Activity(account_id=account, region="eu-central-1", occurred_at=at, record=b'{"eventID":"e"}')
        for account in accounts
    ]
    return deliver(sandbox, activities, habits=Habits(late_rate=0, duplicate_rate=0))


def grow_old(*, hours: int) -> None:
    """Let every account have joined, and the trail have started, hours ago."""
    then = datetime.now(UTC) - timedelta(hours=hours)
    for account in EVERY:
        found = find_account(account)
        assert found
        found.create_time = then.replace(tzinfo=None)
    [trail] = trails("111111111111")
    trail.status.started = then.replace(tzinfo=None)


@pytest.fixture
def verbs(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Verbs:
    """An archive that ``apply`` built, and that is not armed."""
    made = Verbs(sandbox, monkeypatch, tmp_path)
    made.write(scp="false")
    assert made.run("apply", "--yes").exit_code == 1
    return made


def kinds(ran: Ran, *severities: str) -> list[str]:
    """Return the kinds of the findings of some severities, those that fail where none is named."""
    wanted = severities or ("fail", "unknown")
    return [one["kind"] for one in ran.document["findings"] if one["severity"] in wanted]


def finding(ran: Ran, kind: str) -> dict[str, Any]:
    """Return the one finding of a kind."""
    [found] = [one for one in ran.document["findings"] if one["kind"] == kind]
    return dict(found)


def test_alive(sandbox: Sandbox, verbs: Verbs) -> None:
    """Where every account delivered lately the outcome is PASS, and a digest that cannot be there yet is a note."""
    live(sandbox)
    ran = verbs.run("status", "--json")
    assert (ran.exit_code, kinds(ran)) == (0, [])
    assert ran.document["verdict"] == {"kind": "PASS", "reason": ""}
    assert set(kinds(ran, "note")) == {"digest.pending", "region.quiet", "lake.absent"}
    assert [row["account"] for row in ran.document["accounts"]] == sorted(EVERY)
    for row in ran.document["accounts"]:
        states = {cell["region"]: cell["state"] for cell in row["cells"]}
        assert (states.pop("eu-central-1"), set(states.values())) == ("fresh", {"never"})


def test_alive_as_text(sandbox: Sandbox, verbs: Verbs) -> None:
    """On a terminal each account is one line with the regions that are not fresh, and the counts come last."""
    live(sandbox)
    ran = verbs.run("status")
    assert ran.exit_code == 0
    assert "333333333333  prod" in ran.stdout
    assert "5 accounts" in ran.stdout
    assert "newest digest never" in ran.stdout
    assert "eu-central-1 fresh" not in ran.stdout
    assert "eu-central-1 fresh (log 1" in verbs.run("status", "--all").stdout
    assert ran.stderr.endswith("outcome: PASS\n")


def test_nothing_yet(verbs: Verbs) -> None:
    """An archive that was built this minute and holds no log is UNKNOWN, never alive."""
    ran = verbs.run("status", "--json")
    assert (ran.exit_code, kinds(ran)) == (3, [])
    assert ran.document["verdict"] == {"kind": "UNKNOWN", "reason": "nothing was delivered yet"}


def test_no_digest_in_time(sandbox: Sandbox, verbs: Verbs) -> None:
    """A trail that validates and has delivered no digest two hours after its start is a finding."""
    grow_old(hours=3)
    live(sandbox)
    ran = verbs.run("status", "--json")
    assert (ran.exit_code, kinds(ran)) == (1, ["digest.never"])


def test_stopped(sandbox: Sandbox, verbs: Verbs) -> None:
    """A trail that was stopped is found although every account delivered lately."""
    live(sandbox)
    sandbox.client("cloudtrail").stop_logging(Name="trailkeep")
    ran = verbs.run("status", "--json")
    assert (ran.exit_code, kinds(ran)) == (1, ["trail.stopped"])
    assert "eu-central-1" in finding(ran, "trail.stopped")["regions"]


def test_missing(sandbox: Sandbox, verbs: Verbs) -> None:
    """Without a trail that delivers to the archive that is the finding."""
    live(sandbox)
    sandbox.client("cloudtrail").delete_trail(Name="trailkeep")
    assert kinds(verbs.run("status", "--json")) == ["trail.missing"]


def test_failing(sandbox: Sandbox, verbs: Verbs) -> None:
    """When the bucket policy refuses CloudTrail, the days are counted down from the last delivery."""
    grow_old(hours=24 * 20)
    live(sandbox, ago=timedelta(days=10))
    s3 = sandbox.client("s3", LOG_ARCHIVE_ACCOUNT_ID)
    policy = s3.get_bucket_policy(Bucket=BUCKET)["Policy"]
    s3.put_bucket_policy(Bucket=BUCKET, Policy=policy.replace("trail/trailkeep", "trail/another"))
    assert live(sandbox).lost_events == 5
    ran = verbs.run("status", "--json")
    assert ran.exit_code == 1
    assert {"delivery.failing", "archive.late", "account.silent"} <= set(kinds(ran))
    found = finding(ran, "delivery.failing")
    assert found["lost_in_days"] in (19, 20)
    assert "got AccessDenied; events are lost in" in found["message"]


def test_silent_account(sandbox: Sandbox, verbs: Verbs) -> None:
    """A member account that never delivered anything is named, once it is old enough."""
    live(sandbox, accounts=EVERY[:-1])
    young = verbs.run("status", "--json")
    assert (young.exit_code, "account.new" in kinds(young, "note")) == (0, True)
    grow_old(hours=3)
    ran = verbs.run("status", "--json")
    assert (ran.exit_code, kinds(ran)) == (1, ["digest.never", "account.silent"])
    assert finding(ran, "account.silent")["account"] == EVERY[-1]


@pytest.mark.parametrize(
    ("operation", "call"),
    [
        ("GetTrailStatus", "cloudtrail:GetTrailStatus in "),
        ("DescribeTrails", "cloudtrail:DescribeTrails"),
        ("ListAccounts", "organizations:ListAccounts"),
        ("DescribeRegions", "ec2:DescribeRegions"),
        ("AssumeRole", "sts:AssumeRole"),
        ("GET", "s3:ListBucket"),
    ],
)
def test_refused(sandbox: Sandbox, verbs: Verbs, operation: str, call: str) -> None:
    """A call that is refused makes the outcome UNKNOWN, never PASS, and is named."""
    live(sandbox)
    with proxied(sandbox.endpoint_url) as proxy:
        proxy.refused.add(operation)
        verbs.behind(proxy.url)
        ran = verbs.run("status", "--json")
    assert ran.exit_code == 3, ran.document
    assert "status.unreadable" in ran.document["verdict"]["reason"]
    unreadable = [one for one in ran.document["findings"] if one["kind"] == "status.unreadable"]
    assert any(one["message"].startswith(call) for one in unreadable)


def digest_hours(sandbox: Sandbox, document: dict[str, Any], *, but: tuple[str, str]) -> None:
    """Put a digest of the last hour into every account and region of a document, but one."""
    s3 = sandbox.client("s3", LOG_ARCHIVE_ACCOUNT_ID)
    ends_at = (datetime.now(UTC) - timedelta(minutes=30)).replace(microsecond=0)
    for row in document["accounts"]:
        for cell in row["cells"]:
            if (row["account"], cell["region"]) == but:
                continue
            key = DigestKey(
                prefix="",
                organization_id=sandbox.organization_id,
                account_id=row["account"],
                region=cell["region"],
                trail_name="trailkeep",
                home_region="eu-central-1",
                ends_at=ends_at,
                backfill=False,
            )
            s3.put_object(Bucket=BUCKET, Key=format_key(key), Body=b"")


def test_digests_tell_quiet_from_silent(sandbox: Sandbox, verbs: Verbs) -> None:
    """Where digests arrive, regions without any log are fresh, and the one without digests is silent."""
    live(sandbox)
    grow_old(hours=24)
    digest_hours(sandbox, verbs.run("status", "--json").document, but=("333333333333", "us-east-1"))
    with proxied(sandbox.endpoint_url) as proxy:
        verbs.behind(proxy.url)
        ran = verbs.run("status", "--json")
    assert (ran.exit_code, kinds(ran)) == (1, ["region.silent"])
    assert finding(ran, "region.silent")["regions"] == ["us-east-1"]
    states = [cell["state"] for row in ran.document["accounts"] for cell in row["cells"]]
    assert (states.count("never"), set(states)) == (1, {"fresh", "never"})
    _check_calls(Counter(proxy.calls), accounts=5, regions=len(states) // 5, logs=5, digests=len(states) - 1)


def _check_calls(calls: Counter[str], *, accounts: int, regions: int, logs: int, digests: int) -> None:
    """Expect the calls that docs/how-to/watch-the-archive.md promises, and no other but the credentials'."""
    assert calls.pop("GET") == 2 * accounts + logs + digests
    assert calls.pop("GetTrailStatus") == regions
    for once in ("DescribeTrails", "DescribeRegions", "ListAccounts"):
        assert calls.pop(once) == 1
    assert set(calls) <= {"GetCallerIdentity", "AssumeRole"}


def test_lake(sandbox: Sandbox, verbs: Verbs) -> None:
    """The lake's newest event is compared with the archive's newest log, and a lake that is no lake is unknown."""
    live(sandbox)
    behind = [record(0, eventTime=f"{datetime.now(UTC) - timedelta(days=2):%Y-%m-%dT%H:%M:%SZ}")]
    log = verbs.folder / "log.json.gz"
    log.write_bytes(packed(behind))
    collect([open_source(str(log))], Lake(path=verbs.folder / "lake"))
    ran = verbs.run("status", "--json")
    assert (ran.exit_code, kinds(ran)) == (1, ["lake.behind"])
    assert ran.document["lake_newest_event_at"] == behind[0]["eventTime"]
    assert verbs.run("status", "--json", "--lake-late-after", "4320").exit_code == 0
    broken = verbs.folder / "broken"
    broken.mkdir()
    (broken / "catalog.db").write_bytes(b"no database")
    ran = verbs.run("status", "--json", "--lake", str(broken))
    assert (ran.exit_code, kinds(ran)) == (3, ["status.unreadable"])


def test_late_after(sandbox: Sandbox, verbs: Verbs) -> None:
    """--late-after decides from when a delivery is late."""
    live(sandbox, ago=timedelta(minutes=45))
    assert verbs.run("status", "--json").exit_code == 0
    ran = verbs.run("status", "--json", "--late-after", "10")
    states = {
        cell["state"]
        for row in ran.document["accounts"]
        for cell in row["cells"]
        if cell["log_at"] is not None
    }
    assert states == {"late"}
