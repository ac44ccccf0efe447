"""An organization that has trails, buckets and policies already: what stays, what is fixed, what is dangerous."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from guard_verbs import BUCKET, Verbs
from trailkeep.sandbox.organization import LOG_ARCHIVE_ACCOUNT_ID, ORGANIZATION_ID, Sandbox

pytestmark = pytest.mark.sandbox

_SERVICE = {"Service": ["cloudtrail.amazonaws.com"]}
_OWNED = {"StringEquals": {"s3:x-amz-acl": "bucket-owner-full-control"}}


@pytest.fixture
def verbs(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Verbs:
    """The verbs in a folder with a ``trailkeep.toml``."""
    verbs = Verbs(sandbox, monkeypatch, tmp_path)
    verbs.write()
    return verbs


def _archive(sandbox: Sandbox) -> Any:
    return sandbox.client("s3", LOG_ARCHIVE_ACCOUNT_ID)


def _make_bucket(sandbox: Sandbox, name: str) -> None:
    """Make a bucket as blog posts do: no lock, no versioning, and a policy without aws:SourceArn."""
    client = _archive(sandbox)
    client.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    arn = f"arn:aws:s3:::{name}"
    write = {
        "Sid": "AWSCloudTrailWrite20150319",
        "Effect": "Allow",
        "Principal": _SERVICE,
        "Action": "s3:PutObject",
        "Condition": _OWNED,
    }
    statements = [
        {
            "Sid": "AWSCloudTrailAclCheck20150319",
            "Effect": "Allow",
            "Principal": _SERVICE,
            "Action": "s3:GetBucketAcl",
            "Resource": arn,
        },
        {**write, "Resource": f"{arn}/AWSLogs/111111111111/*"},
        {**write, "Resource": f"{arn}/AWSLogs/{ORGANIZATION_ID}/*"},
    ]
    client.put_bucket_policy(
        Bucket=name, Policy=json.dumps({"Version": "2012-10-17", "Statement": statements})
    )


def _make_trail(sandbox: Sandbox, name: str, bucket: str) -> str:
    sandbox.client("organizations").enable_aws_service_access(ServicePrincipal="cloudtrail.amazonaws.com")
    client = sandbox.client("cloudtrail")
    arn: str = client.create_trail(
        Name=name, S3BucketName=bucket, IsOrganizationTrail=True, IsMultiRegionTrail=True
    )["TrailARN"]
    client.start_logging(Name=arn)
    return arn


def _attach_policy(sandbox: Sandbox, name: str, *actions: str, resource: str) -> str:
    client = sandbox.client("organizations")
    client.enable_policy_type(
        RootId=client.list_roots()["Roots"][0]["Id"], PolicyType="SERVICE_CONTROL_POLICY"
    )
    statement = {"Sid": "Statement1", "Effect": "Deny", "Action": actions, "Resource": [resource]}
    policy: str = client.create_policy(
        Name=name,
        Description=name,
        Type="SERVICE_CONTROL_POLICY",
        Content=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
    )["Policy"]["PolicySummary"]["Id"]
    client.attach_policy(PolicyId=policy, TargetId=LOG_ARCHIVE_ACCOUNT_ID)
    return policy


def test_the_pasted_recipe(sandbox: Sandbox, verbs: Verbs) -> None:
    """The recipe's own SCP refuses its repair: the plan says so first, and repairs all once it is detached."""
    _make_bucket(sandbox, BUCKET)
    _make_trail(sandbox, "trailkeep", BUCKET)
    policy = _attach_policy(
        sandbox,
        "pasted",
        "s3:PutBucketPolicy",
        "s3:PutBucketVersioning",
        "s3:DeleteObjectVersion",
        resource=f"arn:aws:s3:::{BUCKET}",
    )
    seen = verbs.run("plan", "--json").document
    refused = {entry["action"]["id"]: entry["reason"] for entry in seen["blocked"]}
    assert set(refused) >= {"bucket.policy", "bucket.versioning"}
    assert f"pasted ({policy}) refuses s3:PutBucketVersioning" in refused["bucket.versioning"]
    assert "bucket.public_access" in [action["id"] for action in seen["actions"]]
    sandbox.client("organizations").detach_policy(PolicyId=policy, TargetId=LOG_ARCHIVE_ACCOUNT_ID)
    assert verbs.armed().exit_code == 0
    assert verbs.run("plan", "--arm", "--json").document["differences"] == []


def test_a_landing_zone_trail_stays(sandbox: Sandbox, verbs: Verbs) -> None:
    """A trail of a landing zone goes on beside ours, and the plan says what the second copy costs."""
    _make_bucket(sandbox, "landing-zone-logs")
    arn = _make_trail(sandbox, "landing-zone-baseline", "landing-zone-logs")
    seen = verbs.run("plan", "--json").document
    assert "trail.create" in [action["id"] for action in seen["actions"]]
    (kept,) = [entry for entry in seen["differences"] if entry["kind"] == "keep"]
    assert kept["subject"] == arn
    assert "landing-zone-logs" in kept["reason"]
    assert "2.00 USD" in kept["reason"]
    assert verbs.armed().exit_code == 0
    status = sandbox.client("cloudtrail").get_trail_status(Name=arn)
    assert status["IsLogging"]
    assert len(sandbox.client("cloudtrail").describe_trails()["trailList"]) == 2


def test_a_trail_made_by_hand_is_adopted(sandbox: Sandbox, verbs: Verbs) -> None:
    """A trail of the configured name is corrected in place, not made again, and goes on logging."""
    _make_bucket(sandbox, BUCKET)
    client = sandbox.client("cloudtrail")
    sandbox.client("organizations").enable_aws_service_access(ServicePrincipal="cloudtrail.amazonaws.com")
    made = client.create_trail(Name="trailkeep", S3BucketName=BUCKET)
    client.start_logging(Name=made["TrailARN"])
    seen = verbs.run("plan", "--json", "--allow", "replace-policy").document
    assert "trail.update" in [action["id"] for action in seen["actions"]]
    assert "trail.create" not in [action["id"] for action in seen["actions"]]
    verbs.run("apply", "--yes", "--allow", "replace-policy")
    assert verbs.armed().exit_code == 0
    (trail,) = client.describe_trails()["trailList"]
    assert (trail["IsOrganizationTrail"], trail["LogFileValidationEnabled"]) == (True, True)
    assert client.get_trail_status(Name=trail["TrailARN"])["IsLogging"]


def test_a_policy_that_refuses_the_bucket_itself(sandbox: Sandbox, verbs: Verbs) -> None:
    """Where nobody may make a bucket, neither the trail nor the guard is made before that is settled."""
    policy = _attach_policy(sandbox, "no-buckets", "s3:CreateBucket", resource="*")
    seen = verbs.run("plan", "--arm", "--json").document
    blocked = {entry["action"]["id"] for entry in seen["blocked"]}
    assert {"bucket.create", "trail.create", "scp.attach"} <= blocked
    sandbox.client("organizations").detach_policy(PolicyId=policy, TargetId=LOG_ARCHIVE_ACCOUNT_ID)
    assert verbs.armed().exit_code == 0


def test_a_bucket_that_others_write_into(sandbox: Sandbox, verbs: Verbs) -> None:
    """Who else may write is told of and not refused, be it armed, until the bucket policy may be replaced."""
    _make_bucket(sandbox, BUCKET)
    client = _archive(sandbox)
    policy = json.loads(client.get_bucket_policy(Bucket=BUCKET)["Policy"])
    config = {
        "Sid": "ConfigDelivery",
        "Effect": "Allow",
        "Principal": {"Service": "config.amazonaws.com"},
        "Action": "s3:PutObject",
        "Resource": f"arn:aws:s3:::{BUCKET}/AWSLogs/*",
    }
    policy["Statement"].append(config)
    client.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps(policy))
    seen = verbs.run("plan", "--arm", "--json")
    assert seen.exit_code == 1
    (concern,) = seen.document["concerns"]
    assert concern["observed"].startswith("the bucket policy lets config.amazonaws.com write: ")
    assert "a bucket of their own before --arm" in concern["remedy"]
    blocked = {entry["action"]["id"]: entry["allow"] for entry in seen.document["blocked"]}
    assert {blocked[name] for name in ("bucket.policy", "bucket.policy.arm", "rcp.attach")} == {
        "replace-policy"
    }
    verbs.run("apply", "--yes", "--allow", "replace-policy")
    assert verbs.armed().exit_code == 0
    assert verbs.run("plan", "--arm", "--json").document["concerns"] == []
