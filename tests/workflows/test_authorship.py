"""Who made a drift: the event as AWS writes it, delivered, collected, and named by ``plan``."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from guard_verbs import BUCKET, YESTERDAY, Verbs, deliver_logs
from logs import record
from trailkeep.aws.session import Accounts
from trailkeep.guard.guard_documents import ARCHIVE_RCP, ARCHIVE_SCP, MEMBER_SCP
from trailkeep.sandbox.delivery import deliver
from trailkeep.sandbox.events import Activity
from trailkeep.sandbox.organization import LOG_ARCHIVE_ACCOUNT_ID, MANAGEMENT_ACCOUNT_ID, Sandbox

pytestmark = pytest.mark.sandbox

AT = YESTERDAY + timedelta(days=1)  # after the logs that arming waits for
MALLORY = {
    "type": "AssumedRole",
    "principalId": "AROAEXAMPLE:mallory",
    "arn": f"arn:aws:sts::{LOG_ARCHIVE_ACCOUNT_ID}:assumed-role/Admin/mallory",
    "accountId": LOG_ARCHIVE_ACCOUNT_ID,
    "accessKeyId": "ASIAEXAMPLE",
}
CLOUDTRAIL, ORGANIZATIONS = "cloudtrail.amazonaws.com", "organizations.amazonaws.com"
WEAK = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Deny", "Principal": "*", "Action": "s3:PutBucketWebsite", "Resource": "*"},
    ],
}
SCP, RCP = "SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY"
OWN = {"bucketName": BUCKET, "host": f"{BUCKET}.s3.eu-central-1.amazonaws.com", "publicAccessBlock": ""}


@pytest.fixture
def verbs(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Verbs:
    """An archive that is in force, without the guard, so that its bucket can be changed."""
    found = Verbs(sandbox, monkeypatch, tmp_path)
    found.write(scp="false\nrcp = false")
    assert found.armed().exit_code == 0
    return found


def happened(sandbox: Sandbox, *events: dict[str, Any]) -> None:
    """Let CloudTrail deliver events, one each minute from AT on."""
    activities = []
    for number, fields in enumerate(events):
        at = AT + timedelta(minutes=number)
        whole = record(
            number, **({"eventTime": f"{at:%Y-%m-%dT%H:%M:%SZ}", "userIdentity": MALLORY} | fields)
        )
        activities.append(
            Activity(
                account_id=whole["recipientAccountId"],
                region=whole["awsRegion"],
                occurred_at=at,
                record=json.dumps(whole).encode(),
            )
        )
    assert deliver(sandbox, activities).lost_events == 0


def when(minutes: int) -> str:
    """Return the time of an event as the product writes it."""
    return f"{AT + timedelta(minutes=minutes):%Y-%m-%dT%H:%M:%SZ}"


def s3_event(name: str, number: int = 1, **fields: Any) -> dict[str, Any]:
    """Return what S3 records of a call on the archive's bucket."""
    return {
        "eventName": name,
        "requestParameters": OWN,
        "recipientAccountId": LOG_ARCHIVE_ACCOUNT_ID,
        "eventID": f"{number:08d}-aaaa-4000-8000-000000000000",
        "readOnly": False,
        **fields,
    }


def test_plan_names_the_author(verbs: Verbs, sandbox: Sandbox) -> None:
    """A public access block that somebody removed is shown with who did it, when, from where and by which event."""
    sandbox.client("s3", LOG_ARCHIVE_ACCOUNT_ID).delete_public_access_block(Bucket=BUCKET)
    happened(
        sandbox,
        s3_event("DeleteBucketPublicAccessBlock", 1),
        s3_event("DeleteBucketPublicAccessBlock", 2, errorCode="AccessDenied"),
        s3_event("DeleteBucketPublicAccessBlock", 3, requestParameters={"bucketName": f"{BUCKET}-2"}),
    )
    assert verbs.run("collect").exit_code == 0
    ran = verbs.run("plan")
    assert ran.exit_code == 1
    assert (
        f"    changed by {MALLORY['arn']} at {when(0)} from 198.51.100.0 "
        "with DeleteBucketPublicAccessBlock (event 00000001-aaaa-4000-8000-000000000000)\n"
    ) in ran.stdout
    document = verbs.run("plan", "--json").document
    assert document["authors"] == [
        {
            "action": "bucket.public_access",
            "observed": "",
            "event_id": "00000001-aaaa-4000-8000-000000000000",
            "event_name": "DeleteBucketPublicAccessBlock",
            "at": when(0),
            "principal": MALLORY["arn"],
            "source_ip": "198.51.100.0",
            "access_key": "ASIAEXAMPLE",
        }
    ]
    assert document["authors_until"] == when(2)
    assert document["authors_note"] == ""


def test_lake_is_behind(verbs: Verbs, sandbox: Sandbox) -> None:
    """Where the newest event in the lake set what is asked for, nobody is named, and the lake's end is said."""
    sandbox.client("s3", LOG_ARCHIVE_ACCOUNT_ID).delete_public_access_block(Bucket=BUCKET)
    switches = dict.fromkeys(
        ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True
    )
    happened(
        sandbox,
        s3_event("DeleteBucketPublicAccessBlock", 1),
        s3_event(
            "PutBucketPublicAccessBlock",
            2,
            requestParameters=OWN | {"PublicAccessBlockConfiguration": switches},
        ),
    )
    assert verbs.run("collect").exit_code == 0
    ran = verbs.run("plan")
    assert f"    changed by: no event in the lake tells; it ends at {when(1)}\n" in ran.stdout


def test_concern_has_an_author(verbs: Verbs, sandbox: Sandbox) -> None:
    """What only a human can repair is shown with who did it, too."""
    s3 = sandbox.client("s3", LOG_ARCHIVE_ACCOUNT_ID)
    rule = {"ID": "tidy", "Status": "Enabled", "Filter": {"Prefix": "AWSLogs/"}, "Expiration": {"Days": 1}}
    rules = [*s3.get_bucket_lifecycle_configuration(Bucket=BUCKET)["Rules"], rule]
    s3.put_bucket_lifecycle_configuration(Bucket=BUCKET, LifecycleConfiguration={"Rules": rules})
    happened(sandbox, s3_event("PutBucketLifecycle", 1))
    assert verbs.run("collect").exit_code == 0
    found = {one["action"]: one["event_name"] for one in verbs.run("plan", "--json").document["authors"]}
    assert found == {f"bucket {BUCKET}": "PutBucketLifecycle"}
    assert verbs.run("plan").stdout.count("    changed by arn:aws:sts::") == 1


def test_all_at_once(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Fifteen changes to an archive in force are each shown with the event that made it, and repaired.

    The lock is gone and the trail stopped among them, so that arming waits for a log once more.
    """
    verbs = Verbs(sandbox, monkeypatch, tmp_path)
    verbs.write()
    assert verbs.armed().exit_code == 0
    policies = _policies(sandbox)
    happened(sandbox, *_made(sandbox, policies))
    assert verbs.run("collect").exit_code == 0
    _change(sandbox, policies)
    document = verbs.run("plan", "--arm", "--json").document
    names = {one["action"]: one["event_name"] for one in document["authors"]}
    assert names == {
        "trust.enable": "DisableAWSServiceAccess",
        "bucket.public_access": "DeleteBucketPublicAccessBlock",
        "bucket.ownership": "DeleteBucketOwnershipControls",
        "bucket.object_lock": "PutBucketObjectLockConfiguration",
        "bucket.policy": "DeleteBucketPolicy",
        "bucket.policy.arm": "DeleteBucketPolicy",
        "bucket.lifecycle": "DeleteBucketLifecycle",
        "bucket.tags": "DeleteBucketTagging",
        "account.public_access": "DeleteAccountPublicAccessBlock",
        "trail.update": "UpdateTrail",
        "trail.event_selectors": "PutEventSelectors",
        "trail.start": "StopLogging",
        "scp.attach": "DetachPolicy",
        "rcp.update": "UpdatePolicy",
        "rcp.attach": "DetachPolicy",
        "members.create": "DeletePolicy",
    }
    assert {one["principal"] for one in document["authors"]} == {MALLORY["arn"]}
    waits = verbs.run("apply", "--arm", "--yes")
    assert (waits.exit_code, "trail/trailkeep is stopped" in waits.stderr) == (4, True)
    assert verbs.run("apply", "--yes").exit_code == 1
    deliver_logs(sandbox)
    repaired = verbs.run("apply", "--arm", "--yes", "--allow", "lift-guards")
    assert repaired.exit_code == 0, repaired.stderr
    assert verbs.run("plan", "--arm").exit_code == 0


def _policies(sandbox: Sandbox) -> dict[str, str]:
    """Return the ids of the guards, by name."""
    organizations = sandbox.client("organizations")
    found = [*organizations.list_policies(Filter=SCP)["Policies"]]
    found += organizations.list_policies(Filter=RCP)["Policies"]
    return {policy["Name"]: policy["Id"] for policy in found}


def _change(sandbox: Sandbox, policies: dict[str, str]) -> None:
    """Change the archive in fifteen ways; CloudTrail looks at the bucket policy, so the trail comes first."""
    cloudtrail = sandbox.client("cloudtrail")
    selector = {"ReadWriteType": "WriteOnly", "IncludeManagementEvents": True}
    cloudtrail.put_event_selectors(TrailName="trailkeep", EventSelectors=[selector])
    cloudtrail.update_trail(Name="trailkeep", EnableLogFileValidation=False)
    cloudtrail.stop_logging(Name="trailkeep")
    organizations = sandbox.client("organizations")
    for name in (ARCHIVE_SCP, ARCHIVE_RCP):
        organizations.detach_policy(PolicyId=policies[name], TargetId=LOG_ARCHIVE_ACCOUNT_ID)
    organizations.update_policy(PolicyId=policies[ARCHIVE_RCP], Content=json.dumps(WEAK))
    root = organizations.list_roots()["Roots"][0]["Id"]
    organizations.detach_policy(PolicyId=policies[MEMBER_SCP], TargetId=root)
    organizations.delete_policy(PolicyId=policies[MEMBER_SCP])
    s3 = sandbox.client("s3", LOG_ARCHIVE_ACCOUNT_ID)
    s3.delete_public_access_block(Bucket=BUCKET)
    s3.delete_bucket_ownership_controls(Bucket=BUCKET)
    s3.put_object_lock_configuration(Bucket=BUCKET, ObjectLockConfiguration={"ObjectLockEnabled": "Enabled"})
    plain = json.loads(s3.get_bucket_policy(Bucket=BUCKET)["Policy"])
    plain["Statement"] = [one for one in plain["Statement"] if one["Effect"] == "Allow"]
    s3.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps(plain))
    s3.delete_bucket_policy(Bucket=BUCKET)
    s3.delete_bucket_lifecycle(Bucket=BUCKET)
    s3.delete_bucket_tagging(Bucket=BUCKET)
    control = Accounts(region=sandbox.region, role="OrganizationAccountAccessRole")
    control.s3control(LOG_ARCHIVE_ACCOUNT_ID, sandbox.region).delete_public_access_block(
        AccountId=LOG_ARCHIVE_ACCOUNT_ID
    )
    organizations.disable_aws_service_access(ServicePrincipal=CLOUDTRAIL)


def _made(sandbox: Sandbox, policies: dict[str, str]) -> list[dict[str, Any]]:
    """Return what CloudTrail records of these changes."""
    root = sandbox.client("organizations").list_roots()["Roots"][0]["Id"]
    archive = {"targetId": LOG_ARCHIVE_ACCOUNT_ID}
    summary = {"policy": {"policySummary": {"id": policies[MEMBER_SCP], "name": MEMBER_SCP}}}
    said = [
        _call(ORGANIZATIONS, "CreatePolicy", {"name": MEMBER_SCP, "type": SCP}, responseElements=summary),
        _call(ORGANIZATIONS, "DetachPolicy", {"policyId": policies[ARCHIVE_SCP], **archive}),
        _call(ORGANIZATIONS, "DetachPolicy", {"policyId": policies[ARCHIVE_RCP], **archive}),
        _call(
            ORGANIZATIONS, "UpdatePolicy", {"policyId": policies[ARCHIVE_RCP], "content": json.dumps(WEAK)}
        ),
        _call(ORGANIZATIONS, "DetachPolicy", {"policyId": policies[MEMBER_SCP], "targetId": root}),
        _call(ORGANIZATIONS, "DeletePolicy", {"policyId": policies[MEMBER_SCP]}),
        s3_event("DeleteBucketPublicAccessBlock"),
        s3_event("DeleteBucketOwnershipControls"),
        s3_event(
            "PutBucketObjectLockConfiguration",
            requestParameters=OWN | {"ObjectLockConfiguration": {"ObjectLockEnabled": "Enabled"}},
        ),
        s3_event("DeleteBucketPolicy"),
        s3_event("DeleteBucketLifecycle"),
        s3_event("DeleteBucketTagging"),
        s3_event("DeleteAccountPublicAccessBlock", requestParameters={"accountId": LOG_ARCHIVE_ACCOUNT_ID}),
        _call(
            CLOUDTRAIL,
            "PutEventSelectors",
            {
                "trailName": "trailkeep",
                "eventSelectors": [{"readWriteType": "WriteOnly", "includeManagementEvents": True}],
            },
        ),
        _call(CLOUDTRAIL, "UpdateTrail", {"name": "trailkeep", "enableLogFileValidation": False}),
        _call(CLOUDTRAIL, "StopLogging", {"name": "trailkeep"}),
        _call(ORGANIZATIONS, "DisableAWSServiceAccess", {"servicePrincipal": CLOUDTRAIL}),
    ]
    return [one | {"eventID": f"{number:08d}-bbbb-4000-8000-000000000000"} for number, one in enumerate(said)]


def _call(source: str, name: str, asked: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """Return what a service records of a call in the management account."""
    region = "us-east-1" if source == ORGANIZATIONS else "eu-central-1"
    return {
        "eventSource": source,
        "eventName": name,
        "requestParameters": asked,
        "recipientAccountId": MANAGEMENT_ACCOUNT_ID,
        "awsRegion": region,
        "readOnly": False,
        **fields,
    }


def test_broken_lake_is_a_note(verbs: Verbs, sandbox: Sandbox) -> None:
    """A lake that cannot be read is said on stderr and changes neither the plan nor the exit code."""
    sandbox.client("s3", LOG_ARCHIVE_ACCOUNT_ID).delete_public_access_block(Bucket=BUCKET)
    without = verbs.run("plan", "--json")
    assert without.document["authors_note"].startswith("no lake at lake, so nobody is named")
    assert "lake" not in without.stderr
    (verbs.folder / "lake").mkdir()
    (verbs.folder / "lake" / "catalog.db").write_text("this is no catalog")
    ran = verbs.run("plan", "--json")
    assert (ran.exit_code, ran.ids) == (1, ["bucket.public_access"])
    assert ran.document["fingerprint"] == without.document["fingerprint"]
    assert ran.document["authors"] == []
    assert "the lake at lake cannot be asked, so nobody is named: lake: expected a lake" in ran.stderr
