"""CloudTrail's writes into a trail's bucket: judged as AWS would, then stored as S3 would.

A write is refused when the organization does not trust CloudTrail (for an organization trail), the trail does
not log, the bucket is gone, or a policy does not allow exactly that key.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from moto.cloudtrail.models import Trail
from moto.s3.models import FakeBucket, get_canned_acl, s3_backends

from trailkeep.guard.evaluate import Decision
from trailkeep.sandbox.authority import judge_cloudtrail
from trailkeep.sandbox.state import find_bucket

__all__ = ["Reason", "put_for_cloudtrail", "store_object"]

_OWNER_HAS_ALL = get_canned_acl("bucket-owner-full-control")  # one for all objects: they are many


class Reason(StrEnum):
    """Why a file did not reach a bucket; the last two are the error codes that GetTrailStatus shows."""

    NO_TRAIL = "NoTrail"
    TRUSTED_ACCESS_OFF = "TrustedAccessOff"
    NOT_LOGGING = "NotLogging"
    NO_SUCH_BUCKET = "NoSuchBucket"
    ACCESS_DENIED = "AccessDenied"


def put_for_cloudtrail(
    trail: Trail, key: str, body: bytes, *, bucket_name: str = "", metadata: Mapping[str, str] | None = None
) -> Reason | None:
    """Put an object into a trail's bucket, or return why not."""
    bucket = find_bucket(bucket_name or trail.bucket_name)
    if bucket is None:
        return Reason.NO_SUCH_BUCKET
    evaluation = judge_cloudtrail(
        action="s3:PutObject", resource=f"{bucket.arn}/{key}", bucket=bucket, trail_arn=trail.arn
    )
    if evaluation.decision is not Decision.ALLOW:
        return Reason.ACCESS_DENIED
    store_object(bucket, key, body, metadata or {})
    return None


def store_object(bucket: FakeBucket, key: str, body: bytes, metadata: Mapping[str, str]) -> None:
    """Write one version as S3 would: encrypted, and locked where the bucket has a default retention."""
    is_locked = bucket.has_default_lock
    stored = s3_backends[bucket.account_id][bucket.partition].put_object(
        bucket.name,
        key,
        body,
        encryption=None if bucket.encryption else "AES256",
        lock_mode=bucket.default_lock_mode if is_locked else None,
        lock_until=bucket.default_retention() if is_locked else None,
    )
    told = {f"x-amz-meta-{name}": value for name, value in metadata.items()}
    stored.set_metadata({"Content-Type": "application/json", "Content-Encoding": "gzip", **told})
    stored.set_acl(_OWNER_HAS_ALL)
