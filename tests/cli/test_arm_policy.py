"""The armed bucket policy on the embedded organization: what it lets through, and how drift of it is repaired."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from guard_verbs import BUCKET, Verbs, deliver_logs
from trailkeep.sandbox.organization import LOG_ARCHIVE_ACCOUNT_ID, Identity, Sandbox

pytestmark = pytest.mark.sandbox

DENIES = {"TrailkeepDenyOtherWriters", "TrailkeepDenyLogChanges", "TrailkeepDenyBucketChanges"}


@pytest.fixture
def verbs(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Verbs:
    """A folder with a configuration and the management account's credentials."""
    found = Verbs(sandbox, monkeypatch, tmp_path)
    found.write()
    return found


def _s3(sandbox: Sandbox) -> Any:
    return sandbox.client("s3", LOG_ARCHIVE_ACCOUNT_ID)


def _policy(sandbox: Sandbox) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(_s3(sandbox).get_bucket_policy(Bucket=BUCKET)["Policy"])
    return found


def _denies(sandbox: Sandbox) -> set[str]:
    return {one["Sid"] for one in _policy(sandbox)["Statement"]} & DENIES


def _logs(sandbox: Sandbox) -> int:
    return len(_s3(sandbox).list_object_versions(Bucket=BUCKET).get("Versions", []))


def _by_hand(sandbox: Sandbox, statements: list[Any]) -> None:
    """Put another policy, as only somebody can who takes the guards off meanwhile."""
    organizations = sandbox.client("organizations")
    guards = [
        policy["Id"]
        for kind in ("SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY")
        for policy in organizations.list_policies_for_target(TargetId=LOG_ARCHIVE_ACCOUNT_ID, Filter=kind)[
            "Policies"
        ]
        if policy["Name"].startswith("trailkeep-")
    ]
    for policy in guards:
        organizations.detach_policy(PolicyId=policy, TargetId=LOG_ARCHIVE_ACCOUNT_ID)
    document = json.dumps({"Version": "2012-10-17", "Statement": statements})
    _s3(sandbox).put_bucket_policy(Bucket=BUCKET, Policy=document)
    for policy in guards:
        organizations.attach_policy(PolicyId=policy, TargetId=LOG_ARCHIVE_ACCOUNT_ID)


def test_built_then_armed(verbs: Verbs, sandbox: Sandbox) -> None:
    """Building denies nothing yet, arming denies it all, and CloudTrail goes on delivering."""
    assert verbs.run("apply", "--yes").exit_code == 1
    assert _denies(sandbox) == set()
    deliver_logs(sandbox)
    assert verbs.run("apply", "--yes", "--arm").exit_code == 0
    assert _denies(sandbox) == DENIES
    before = _logs(sandbox)
    deliver_logs(sandbox)
    assert _logs(sandbox) > before
    assert verbs.run("plan").exit_code == 0


def test_the_policy_alone_refuses(verbs: Verbs, sandbox: Sandbox) -> None:
    """Without any guard no administrator and no root writes, deletes or re-locks a log; root may replace the policy."""
    verbs.write(scp="false\nmember_scp = false\nrcp = false")
    assert verbs.armed().exit_code == 0
    s3 = _s3(sandbox)
    (log, *_) = s3.list_object_versions(Bucket=BUCKET)["Versions"]
    named = {"Bucket": BUCKET, "Key": log["Key"]}
    version = {**named, "VersionId": log["VersionId"]}
    calls: list[Callable[[], Any]] = [
        lambda: s3.put_object(**named, Body=b"forged"),
        lambda: s3.delete_object(**named),
        lambda: s3.delete_object(**version, BypassGovernanceRetention=True),
        lambda: s3.put_object_legal_hold(**version, LegalHold={"Status": "OFF"}),
        lambda: s3.delete_bucket_policy(Bucket=BUCKET),
        lambda: s3.put_bucket_notification_configuration(Bucket=BUCKET, NotificationConfiguration={}),
    ]
    for call in calls:
        with pytest.raises(ClientError, match="explicit deny in a resource-based policy"):
            call()
    assert s3.get_object(**version)["Body"].read()
    root = sandbox.client("s3", LOG_ARCHIVE_ACCOUNT_ID, Identity.ROOT)
    with pytest.raises(ClientError, match="explicit deny in a resource-based policy"):
        root.delete_object(**version, BypassGovernanceRetention=True)
    root.put_bucket_policy(Bucket=BUCKET, Policy=s3.get_bucket_policy(Bucket=BUCKET)["Policy"])


def test_a_changed_setting_is_repaired_without_touching_the_policy(verbs: Verbs, sandbox: Sandbox) -> None:
    """With the armed policy in force a plan still changes lock and tags, and the policy stays as it is."""
    verbs.write(scp="false\nmember_scp = false\nrcp = false")
    assert verbs.armed().exit_code == 0
    _s3(sandbox).delete_bucket_tagging(Bucket=BUCKET)
    verbs.write(scp="false\nmember_scp = false\nrcp = false", days="500")
    ran = verbs.run("apply", "--yes", "--arm", "--json")
    assert [action["id"] for action in ran.document["performed"]] == ["bucket.object_lock", "bucket.tags"]
    assert (ran.exit_code, _denies(sandbox)) == (0, DENIES)


def test_a_policy_that_lost_its_denies_waits_to_be_armed(verbs: Verbs, sandbox: Sandbox) -> None:
    """An archive whose policy denies nothing, as one of an earlier version, is armed again behind the guards."""
    assert verbs.armed().exit_code == 0
    kept = [one for one in _policy(sandbox)["Statement"] if one["Sid"] not in DENIES]
    _by_hand(sandbox, kept)
    blocked = verbs.run("plan", "--json")
    assert [one["action"]["id"] for one in blocked.document["blocked"]] == ["bucket.policy.arm"]
    waits = verbs.run("apply", "--yes", "--allow", "lift-guards", "--json")
    assert [one["action"]["id"] for one in waits.document["left"]["blocked"]] == ["bucket.policy.arm"]
    assert waits.document["performed"] == []
    armed = verbs.run("apply", "--yes", "--arm", "--allow", "lift-guards", "--json")
    assert [action["id"] for action in armed.document["performed"]] == [
        "scp.detach",
        "rcp.detach",
        "bucket.policy.arm",
        "scp.attach",
        "rcp.attach",
    ]
    assert (armed.exit_code, _denies(sandbox)) == (0, DENIES)


def test_a_deny_that_was_hollowed_out_is_repaired_by_a_plain_apply(verbs: Verbs, sandbox: Sandbox) -> None:
    """A deny of ours that somebody made spare deletes does not wait for --arm, and no plain apply loses it."""
    assert verbs.armed().exit_code == 0
    statements = _policy(sandbox)["Statement"]
    for one in statements:
        if one["Sid"] == "TrailkeepDenyLogChanges":
            one["NotAction"] = [*one["NotAction"], "s3:DeleteObject*"]
    _by_hand(sandbox, statements)
    ran = verbs.run("apply", "--yes", "--allow", "lift-guards", "--json")
    assert [action["id"] for action in ran.document["performed"]] == [
        "scp.detach",
        "rcp.detach",
        "bucket.policy",
        "scp.attach",
        "rcp.attach",
    ]
    assert (ran.exit_code, _denies(sandbox)) == (0, DENIES)
    assert "s3:DeleteObject*" not in json.dumps(_policy(sandbox))
