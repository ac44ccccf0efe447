"""The bucket's part of a plan; nothing here makes a bucket weaker than it is."""

from __future__ import annotations

from collections.abc import Iterator

from trailkeep.core.errors import ConfigError
from trailkeep.guard import plan_bucket_policy
from trailkeep.guard.blueprint import Blueprint
from trailkeep.guard.changes import (
    Change,
    CreateBucket,
    PutObjectLock,
    PutOwnership,
    PutPublicAccessBlock,
    PutRequestPayment,
    PutVersioning,
)
from trailkeep.guard.decisions import Allowance, Decision, Kept, unknown
from trailkeep.guard.estate import (
    Absent,
    Bucket,
    Estate,
    ForeignBucket,
    ObjectLock,
    PublicAccessBlock,
    Unreadable,
)
from trailkeep.guard.lock_modes import holds_as, stronger

__all__ = ["OWNERSHIP", "PUBLIC_ACCESS", "decide"]

PUBLIC_ACCESS = PublicAccessBlock(
    block_public_acls=True,
    ignore_public_acls=True,
    block_public_policy=True,
    restrict_public_buckets=True,
)
OWNERSHIP = "BucketOwnerEnforced"
_FINAL = "; COMPLIANCE is final for every log that is delivered from then on"


def decide(blueprint: Blueprint, estate: Estate, allow: frozenset[Allowance]) -> Iterator[Decision]:
    """Yield what is missing of the bucket.

    Raises:
        ConfigError: the bucket is somebody else's or in another region; no plan can change that.
    """
    match estate.bucket:
        case Unreadable():
            yield unknown(estate.bucket, f"whether the bucket {blueprint.bucket} exists and is guarded")
        case ForeignBucket(evidence=evidence):
            raise ConfigError(
                "archive.bucket",
                f"expected a bucket of account {blueprint.archive_account} or a free name, "
                f"got {blueprint.bucket}, which another account owns ({evidence}); choose another name",
            )
        case Absent():
            yield from _all_new(blueprint)
        case Bucket() as bucket:
            yield from _existing(blueprint, bucket, allow)
            yield from plan_bucket_policy.decide(blueprint, estate, bucket, allow)


def _all_new(blueprint: Blueprint) -> Iterator[Decision]:
    lock = ObjectLock(mode=blueprint.lock_mode, days=blueprint.retention_days)
    yield CreateBucket(
        id="bucket.create",
        target=blueprint.bucket,
        account=blueprint.archive_account,
        reason="the archive account has no bucket of this name",
        changes=(
            Change(field="region", before="", after=blueprint.bucket_region),
            Change(field="object lock", before="", after="on"),
        ),
        bucket=blueprint.bucket,
        region=blueprint.bucket_region,
    )
    yield _public_access(blueprint, Absent(), "a new bucket must never become public")
    yield _ownership(blueprint, "", "access lists must not give a log away")
    yield _versioning(blueprint, "", "a log that is overwritten must stay readable")
    yield _lock(blueprint, "", lock, "a log must not be deleted before its time, whoever asks")
    yield plan_bucket_policy.new(blueprint)


def _existing(blueprint: Blueprint, bucket: Bucket, allow: frozenset[Allowance]) -> Iterator[Decision]:
    if isinstance(bucket.region, Unreadable):
        yield unknown(bucket.region, f"whether {bucket.name} is in {blueprint.bucket_region}")
    elif bucket.region != blueprint.bucket_region:
        raise ConfigError(
            "archive.region",
            f"expected {bucket.region}, where {bucket.name} is, got {blueprint.bucket_region}; "
            "correct it or choose another bucket (a bucket cannot move)",
        )
    yield from _existing_settings(blueprint, bucket)
    yield from _existing_lock(blueprint, bucket, allow)


def _existing_settings(blueprint: Blueprint, bucket: Bucket) -> Iterator[Decision]:
    block = bucket.public_access_block
    if isinstance(block, Unreadable):
        yield unknown(block, f"whether {bucket.name} blocks public access")
    elif block != PUBLIC_ACCESS:
        yield _public_access(blueprint, block, "public access is not blocked in every way")
    if isinstance(bucket.ownership, Unreadable):
        yield unknown(bucket.ownership, f"whether access lists of {bucket.name} are off")
    elif bucket.ownership != OWNERSHIP:
        before = "" if isinstance(bucket.ownership, Absent) else bucket.ownership
        yield _ownership(blueprint, before, f"access lists are on (ownership is {before or 'not set'})")
    if isinstance(bucket.versioning, Unreadable):
        yield unknown(bucket.versioning, f"whether {bucket.name} keeps old versions")
    elif bucket.versioning != "Enabled":
        yield _versioning(blueprint, bucket.versioning, f"versioning is {bucket.versioning or 'off'}")
    if isinstance(bucket.request_payer, Unreadable):
        yield unknown(bucket.request_payer, f"whether CloudTrail can deliver to {bucket.name} at all")
    elif bucket.request_payer == "Requester":
        yield PutRequestPayment(
            id="bucket.request_payment",
            target=bucket.name,
            account=blueprint.archive_account,
            reason="CloudTrail cannot deliver to a bucket where the requester pays",
            changes=(Change(field="request payer", before=bucket.request_payer, after="BucketOwner"),),
            bucket=bucket.name,
            region=blueprint.bucket_region,
        )


def _existing_lock(blueprint: Blueprint, bucket: Bucket, allow: frozenset[Allowance]) -> Iterator[Decision]:
    lock = bucket.object_lock
    if isinstance(lock, Unreadable):
        yield unknown(lock, f"whether logs in {bucket.name} are locked, and for how long")
        return
    observed = ObjectLock(mode="", days=0) if isinstance(lock, Absent) else lock
    wanted = ObjectLock(mode=blueprint.lock_mode, days=blueprint.retention_days)
    strongest = ObjectLock(mode=stronger(observed.mode, wanted.mode), days=max(observed.days, wanted.days))
    target = wanted if Allowance.SHORTEN_RETENTION in allow else strongest
    before = "" if isinstance(lock, Absent) else _said(observed)
    if isinstance(lock, Absent) or target != observed:
        weaker = target.days < observed.days or not holds_as(target.mode, observed.mode)
        reason = f"new logs are held by {before or 'no lock'}, {_said(wanted)} is asked for"
        reason += (
            f" ('--allow {Allowance.SHORTEN_RETENTION}' holds new logs less than before)" if weaker else ""
        )
        yield _lock(blueprint, before, target, reason, destructive=weaker)
    if target != wanted:
        yield Kept(
            target=bucket.name,
            reason=f"the lock ({before}) holds more than is asked for ({_said(wanted)})",
            allow=Allowance.SHORTEN_RETENTION,
        )


def _public_access(
    blueprint: Blueprint, before: PublicAccessBlock | Absent, reason: str
) -> PutPublicAccessBlock:
    return PutPublicAccessBlock(
        id="bucket.public_access",
        target=blueprint.bucket,
        account=blueprint.archive_account,
        reason=reason,
        changes=(
            Change(
                field="public access block",
                before="" if isinstance(before, Absent) else _switches(before),
                after=_switches(PUBLIC_ACCESS),
            ),
        ),
        bucket=blueprint.bucket,
        region=blueprint.bucket_region,
    )


def _ownership(blueprint: Blueprint, before: str, reason: str) -> PutOwnership:
    return PutOwnership(
        id="bucket.ownership",
        target=blueprint.bucket,
        account=blueprint.archive_account,
        reason=reason,
        changes=(Change(field="object ownership", before=before, after=OWNERSHIP),),
        bucket=blueprint.bucket,
        region=blueprint.bucket_region,
    )


def _versioning(blueprint: Blueprint, before: str, reason: str) -> PutVersioning:
    return PutVersioning(
        id="bucket.versioning",
        target=blueprint.bucket,
        account=blueprint.archive_account,
        reason=reason,
        changes=(Change(field="versioning", before=before, after="Enabled"),),
        bucket=blueprint.bucket,
        region=blueprint.bucket_region,
    )


def _lock(
    blueprint: Blueprint, before: str, after: ObjectLock, reason: str, *, destructive: bool = False
) -> PutObjectLock:
    return PutObjectLock(
        id="bucket.object_lock",
        target=blueprint.bucket,
        account=blueprint.archive_account,
        reason=reason + (_FINAL if after.mode == "COMPLIANCE" else ""),
        destructive=destructive,
        changes=(Change(field="default retention", before=before, after=_said(after)),),
        bucket=blueprint.bucket,
        region=blueprint.bucket_region,
        mode=after.mode,
        days=after.days,
    )


def _switches(block: PublicAccessBlock) -> str:
    """Return which of S3's four switches are on, in AWS's words."""
    names = {
        "BlockPublicAcls": block.block_public_acls,
        "IgnorePublicAcls": block.ignore_public_acls,
        "BlockPublicPolicy": block.block_public_policy,
        "RestrictPublicBuckets": block.restrict_public_buckets,
    }
    return ", ".join(name for name, on in names.items() if on) or "all off"


def _said(lock: ObjectLock) -> str:
    return f"{lock.mode} {lock.days} days" if lock.mode else "Object Lock without a default retention"
