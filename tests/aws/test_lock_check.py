"""The lock is read from the newest log in the archive, and nothing is tried."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from estates import config
from guard_verbs import BUCKET, Verbs, deliver_logs
from refusals import proxied
from stored_objects import age_objects, empty_bucket, plant_object, unlock_objects
from trailkeep.aws.lock_check import check_lock
from trailkeep.aws.observe import observe
from trailkeep.aws.probes import Probe
from trailkeep.aws.session import Accounts
from trailkeep.guard.blueprint import blueprint_for
from trailkeep.sandbox.organization import LOG_ARCHIVE_ACCOUNT_ID, ORGANIZATION_ID, Sandbox

pytestmark = pytest.mark.sandbox
LONG_AGO = datetime.now(UTC) - timedelta(days=9)


@pytest.fixture
def verbs(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Verbs:
    """An archive that is armed, with logs from before."""
    found = Verbs(sandbox, monkeypatch, tmp_path)
    found.write()
    assert found.armed().exit_code == 0
    age_objects(BUCKET, days=1)
    return found


def _checked(since: datetime | None = None) -> Probe | None:
    settings = config({"archive.bucket": BUCKET})
    accounts = Accounts(region="eu-central-1", role="OrganizationAccountAccessRole")
    blueprint = blueprint_for(settings, observe(accounts, settings))
    return check_lock(accounts, blueprint, locked_since=since, now=datetime.now(UTC))


def test_logs_from_before_the_lock_show_nothing(verbs: Verbs) -> None:
    """Logs that were delivered before arming are not locked; that is said, and fails nothing."""
    assert _checked(datetime.now(UTC)) is None
    ran = verbs.run("apply", "--yes", "--arm", "--json")
    assert (ran.exit_code, ran.document["not_probed"][0][:24]) == (0, "the lock: no log was see")


def test_without_the_journal_a_log_that_is_not_locked_is_unknown(verbs: Verbs) -> None:
    """Where no line tells when the lock was set, an unlocked newest log may be the lock's failure: exit code 3."""
    (verbs.folder / ".trailkeep" / "journal.jsonl").unlink()
    ran = verbs.run("apply", "--yes", "--arm", "--json")
    [probe] = [one for one in ran.document["probes"] if one["call"] == "s3:HeadObject"]
    assert (ran.exit_code, probe["verdict"], probe["got"][:20]) == (3, "UNKNOWN", "no retention, and no")
    assert not any(line.startswith("the lock") for line in ran.document["not_probed"])


@pytest.mark.usefixtures("verbs")
def test_planted_days_hide_no_log(sandbox: Sandbox) -> None:
    """A log under a day to come, or days without a log, keep the newest real log from being judged by nobody."""
    deliver_logs(sandbox)
    unlock_objects(BUCKET)
    root = f"AWSLogs/{ORGANIZATION_ID}/111111111111/CloudTrail/eu-central-1"
    name = "111111111111_CloudTrail_eu-central-1_29990101T0000Z_abcdefghijklmnop.json.gz"
    plant_object(BUCKET, f"{root}/2999/01/01/{name}", LOG_ARCHIVE_ACCOUNT_ID)
    for day in ("30", "31", "29", "28"):
        plant_object(BUCKET, f"{root}/2026/13/{day}/readme.txt", LOG_ARCHIVE_ACCOUNT_ID)
    probe = _checked(LONG_AGO)
    assert probe is not None
    assert (probe.verdict, "/2999/" in probe.target, "readme" in probe.target) == ("FAIL", False, False)


@pytest.mark.usefixtures("verbs")
def test_a_search_that_was_cut_short_is_unknown() -> None:
    """Where a hundred listings showed no log and some were left out, nobody knows whether the lock holds."""
    empty_bucket(BUCKET)
    root = f"AWSLogs/{ORGANIZATION_ID}/333333333333/CloudTrail"
    for number in range(40):
        plant_object(BUCKET, f"{root}/xx-{number:02}/2020/01/01/readme.txt", LOG_ARCHIVE_ACCOUNT_ID)
    probe = _checked()
    assert probe is not None
    assert (probe.call, probe.got, probe.verdict) == ("s3:ListObjectsV2", "none in 100 listings", "UNKNOWN")


def test_a_log_under_the_lock_passes(verbs: Verbs, sandbox: Sandbox) -> None:
    """A log that arrived after arming has the mode and the days that were asked for."""
    deliver_logs(sandbox)
    ran = verbs.run("apply", "--yes", "--arm", "--json")
    [probe] = [one for one in ran.document["probes"] if one["call"] == "s3:HeadObject"]
    assert (ran.exit_code, probe["verdict"], probe["got"][:17]) == (0, "PASS", "GOVERNANCE until ")
    assert not any(line.startswith("the lock") for line in ran.document["not_probed"])


@pytest.mark.usefixtures("verbs")
def test_a_lock_that_does_not_hold_fails(sandbox: Sandbox) -> None:
    """A log from long after the lock was set that is not locked is a FAIL, whatever the policies refuse."""
    deliver_logs(sandbox)
    unlock_objects(BUCKET)
    probe = _checked(LONG_AGO)
    assert probe is not None
    assert (probe.call, probe.got, probe.verdict) == ("s3:HeadObject", "no retention", "FAIL")


def test_a_retention_that_may_not_be_seen_is_unknown(verbs: Verbs, sandbox: Sandbox) -> None:
    """HeadObject shows no retention to a caller who may not see it, so that is asked before it is a FAIL."""
    deliver_logs(sandbox)
    unlock_objects(BUCKET)
    with proxied(sandbox.endpoint_url) as proxy:
        proxy.refused = {"GetObjectRetention"}
        verbs.behind(proxy.url)
        probe = _checked(LONG_AGO)
    assert probe is not None
    assert (probe.call, probe.got, probe.verdict) == ("s3:GetObjectRetention", "AccessDenied", "UNKNOWN")
