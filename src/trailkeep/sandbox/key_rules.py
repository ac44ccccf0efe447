"""What CloudTrail checks of the key that a trail shall encrypt with.

Source: https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_CreateTrail.html,
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/create-kms-key-policy-for-cloudtrail.html
"""

from __future__ import annotations

from moto.kms.models import Key, kms_backends
from moto.s3.models import FakeBucket

from trailkeep.guard.delivery import Delivery, Kind
from trailkeep.guard.matching import split_arn
from trailkeep.guard.policy import parse_policy
from trailkeep.guard.preflight import Answer, preflight
from trailkeep.sandbox.faults import Fault

__all__ = ["refuse_key"]


def refuse_key(named: str, bucket: FakeBucket, trail_arn: str) -> Fault | None:
    """Return why a key, by its ARN, is refused: it must be where the bucket is, and let CloudTrail use it."""
    if not named:
        return None
    key = _find(named, bucket.region_name)
    if key is None or not key.enabled:
        message = f"KMS key {named} does not exist, is not enabled, or is in another Region than the bucket."
        return Fault(code="KmsKeyNotFoundException", message=message)
    asked = preflight(
        Kind.KEY, parse_policy(key.policy, name="key policy"), _delivery(key, bucket, trail_arn)
    )
    if all(one.decision is Answer.ALLOWED for one in asked):
        return None
    message = f"Insufficient permissions to access S3 bucket {bucket.name} or KMS key {named}."
    return Fault(code="InsufficientEncryptionPolicyException", message=message)


def _find(named: str, region: str) -> Key | None:
    segments = split_arn(named)
    if segments is None or segments[3] != region:
        return None
    found: Key | None = kms_backends[segments[4]][region].keys.get(segments[5].removeprefix("key/"))
    return found


def _delivery(key: Key, bucket: FakeBucket, trail_arn: str) -> Delivery:
    rule = (bucket.encryption or {}).get("Rule", {})
    return Delivery(
        partition="aws",
        bucket=bucket.name,
        prefix="",
        management_account=trail_arn.split(":")[4],
        organization_id="",
        archive_account=key.account_id,
        trail=trail_arn,
        resource=key.arn,
        has_bucket_key=rule.get("BucketKeyEnabled") == "true",
    )
