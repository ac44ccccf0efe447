"""Arming waits for a log of the trail itself: what was in the bucket before it began counts for nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from guard_verbs import BUCKET, Verbs, deliver_logs
from stored_objects import age_objects
from trailkeep.sandbox.organization import LOG_ARCHIVE_ACCOUNT_ID, ORGANIZATION_ID, Sandbox

pytestmark = pytest.mark.sandbox


@pytest.fixture
def verbs(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Verbs:
    """A folder with a configuration and the management account's credentials."""
    return Verbs(sandbox, monkeypatch, tmp_path)


def test_an_empty_object_of_years_ago_arms_nothing(verbs: Verbs, sandbox: Sandbox) -> None:
    """An empty object under the key of a log is no log, and the archive is neither locked nor guarded."""
    verbs.write()
    verbs.run("apply", "--yes")
    member = "333333333333"
    sandbox.client("s3", LOG_ARCHIVE_ACCOUNT_ID).put_object(
        Bucket=BUCKET,
        Key=f"AWSLogs/{ORGANIZATION_ID}/{member}/CloudTrail/us-east-1/2019/01/01/"
        f"{member}_CloudTrail_us-east-1_20190101T0000Z_abcdefghijklmnop.json.gz",
        Body=b"",
    )
    ran = verbs.run("apply", "--yes", "--arm")
    assert (ran.exit_code, "before the archive is armed, got none" in ran.stderr) == (4, True)
    assert "bucket.object_lock" in [
        one["action"]["id"] for one in verbs.run("plan", "--json").document["waiting"]
    ]


def test_an_older_trails_logs_arm_no_new_trail(verbs: Verbs, sandbox: Sandbox) -> None:
    """An older trail's logs never arm a new trail; its own logs do, once the older one is stopped."""
    verbs.write(trail='name = "older"')
    verbs.run("apply", "--yes")
    deliver_logs(sandbox, trail="older")
    age_objects(BUCKET, days=30)
    verbs.write()
    at_once = verbs.run("apply", "--yes", "--arm")
    assert (at_once.exit_code, "TrailNotFoundException" in at_once.stderr) == (4, True)
    built = verbs.run("apply", "--yes")
    assert "no log of a member account has arrived yet, because only older logs are there" in built.stderr
    refused = verbs.run("apply", "--yes", "--arm")
    assert (refused.exit_code, "only older logs are there: the newest" in refused.stderr) == (4, True)
    deliver_logs(sandbox)
    sandbox.client("cloudtrail").stop_logging(Name="older")
    assert verbs.run("apply", "--yes", "--arm").exit_code == 0


def test_an_armed_archive_is_guarded_again_at_once(verbs: Verbs, sandbox: Sandbox) -> None:
    """Guards that were switched off go back on although the trail was restarted and has delivered nothing since."""
    verbs.write()
    assert verbs.armed().exit_code == 0
    age_objects(BUCKET, days=1)
    organizations, cloudtrail = sandbox.client("organizations"), sandbox.client("cloudtrail")
    [root] = organizations.list_roots()["Roots"]
    organizations.disable_policy_type(RootId=root["Id"], PolicyType="SERVICE_CONTROL_POLICY")
    cloudtrail.stop_logging(Name="trailkeep")
    cloudtrail.start_logging(Name="trailkeep")
    built = verbs.run("apply", "--yes")
    assert "the archive was armed before, so arming does not wait for one" in built.stderr
    assert "arm the archive with 'trailkeep apply --arm'" in built.stderr
    assert verbs.run("apply", "--yes", "--arm").exit_code == 0
    assert verbs.run("plan", "--arm").exit_code == 0
