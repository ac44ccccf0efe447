"""An archive made by hand, with ordinary boto3 calls, for tests of what happens around it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from botocore.exceptions import ClientError

from trailkeep.core.arn import trail_arn
from trailkeep.guard.documents import bucket_policy
from trailkeep.sandbox.organization import LOG_ARCHIVE_ACCOUNT_ID, MANAGEMENT_ACCOUNT_ID, Sandbox

BUCKET = "example-org-logs"
TRAIL = "org-trail"


def arn_of_trail(sandbox: Sandbox, name: str = TRAIL) -> str:
    """Return the ARN that a trail of the management account has or would have."""
    return trail_arn(partition="aws", region=sandbox.region, account_id=MANAGEMENT_ACCOUNT_ID, name=name)


def policy(sandbox: Sandbox, bucket: str = BUCKET) -> dict[str, Any]:
    """Return the bucket policy that lets the organization trail deliver."""
    return bucket_policy(
        partition="aws",
        bucket=bucket,
        organization_id=sandbox.organization_id,
        management_account=MANAGEMENT_ACCOUNT_ID,
        trail=arn_of_trail(sandbox),
    )


def make_bucket(sandbox: Sandbox, *, bucket: str = BUCKET, lock: str = "", document: Any = None) -> Any:
    """Make the archive's bucket and return an S3 client of its account; ``lock`` is a retention mode."""
    s3 = sandbox.client("s3", LOG_ARCHIVE_ACCOUNT_ID)
    s3.create_bucket(
        Bucket=bucket,
        ObjectLockEnabledForBucket=True,
        ObjectOwnership="BucketOwnerEnforced",
        CreateBucketConfiguration={"LocationConstraint": sandbox.region},
    )
    if lock:
        set_default_retention(s3, mode=lock, bucket=bucket)
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(document or policy(sandbox, bucket)))
    return s3


def set_default_retention(s3: Any, *, mode: str, bucket: str = BUCKET) -> None:
    """Lock the versions to come for 400 days."""
    rule = {"DefaultRetention": {"Mode": mode, "Days": 400}}
    s3.put_object_lock_configuration(
        Bucket=bucket, ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": rule}
    )


def trust_cloudtrail(sandbox: Sandbox) -> None:
    """Let the organization trust CloudTrail."""
    sandbox.client("organizations").enable_aws_service_access(ServicePrincipal="cloudtrail.amazonaws.com")


def make_trail(sandbox: Sandbox, **changes: Any) -> str:
    """Create the organization trail, start it and return its ARN."""
    cloudtrail = sandbox.client("cloudtrail")
    wanted = {
        "Name": TRAIL,
        "S3BucketName": BUCKET,
        "IsOrganizationTrail": True,
        "IsMultiRegionTrail": True,
        "EnableLogFileValidation": True,
    }
    arn = str(cloudtrail.create_trail(**(wanted | changes))["TrailARN"])
    cloudtrail.start_logging(Name=arn)
    return arn


def make_archive(sandbox: Sandbox, *, lock: str = "") -> Any:
    """Make bucket, trust and trail; return an S3 client of the archive's account."""
    s3 = make_bucket(sandbox, lock=lock)
    trust_cloudtrail(sandbox)
    make_trail(sandbox)
    return s3


def attach(sandbox: Sandbox, document: Any, *, target: str, kind: str = "SERVICE_CONTROL_POLICY") -> str:
    """Enable a policy type where it is not, create a policy, attach it and return its id."""
    organizations = sandbox.client("organizations")
    root = organizations.list_roots()["Roots"][0]
    if kind not in {entry["Type"] for entry in root["PolicyTypes"]}:
        organizations.enable_policy_type(RootId=root["Id"], PolicyType=kind)
    created = organizations.create_policy(
        Name=f"{kind}-{target}", Description="", Type=kind, Content=json.dumps(document)
    )
    policy_id = str(created["Policy"]["PolicySummary"]["Id"])
    organizations.attach_policy(PolicyId=policy_id, TargetId=target)
    return policy_id


@contextmanager
def refused(code: str, *texts: str) -> Iterator[None]:
    """Expect AWS's refusal with this error code, with these texts in its message."""
    with pytest.raises(ClientError) as caught:
        yield
    error = caught.value.response["Error"]
    assert error["Code"] == code, error
    for text in texts:
        assert text in error["Message"], error["Message"]
