"""What decommissioning an archive means, said honestly: nothing is stopped and nothing deleted.

Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock.html
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from datetime import datetime, timedelta

import msgspec

from trailkeep.core.times import format_moment
from trailkeep.guard import plan_organization
from trailkeep.guard.blueprint import Blueprint
from trailkeep.guard.carried import sids_in
from trailkeep.guard.estate import Bucket, Estate, ObjectLock, Policy, Trail, TrailStatus, Unreadable
from trailkeep.guard.guard_documents import GuardPolicy
from trailkeep.guard.plan_bucket_policy import denies_held
from trailkeep.guard.plan_guards import bindings
from trailkeep.guard.plan_trail import observed_trail

__all__ = ["Retirement", "retirement", "retirement_lines"]

_SHARED = (
    "leave CloudTrail's trusted access and the policy type on unless nothing else uses them: switching "
    "either off also ends what is not Trailkeep's"
)


class Retirement(msgspec.Struct, frozen=True, kw_only=True):
    """What outlives a decision to stop, and what a human does, in order; ``unknown`` could not be read.

    ``locked_until`` is when a log delivered now is free at the earliest, empty where no new log is locked.
    """

    locked_until: str
    outlives: tuple[str, ...]
    by_hand: tuple[str, ...]
    unknown: tuple[str, ...]


def retirement(blueprint: Blueprint, estate: Estate, *, now: datetime) -> Retirement:
    """Return what is left when the archive is given up at ``now``.

    Raises:
        UsageError: the credentials or the organization are not those of the configuration.
    """
    plan_organization.check(blueprint, estate)
    lock = estate.bucket.object_lock if isinstance(estate.bucket, Bucket) else None
    is_locked = isinstance(lock, ObjectLock) and bool(lock.mode)
    days = lock.days if isinstance(lock, ObjectLock) else 0
    until = format_moment(now.replace(microsecond=0) + timedelta(days=days)) if is_locked else ""
    return Retirement(
        locked_until=until,
        outlives=tuple(_outlives(blueprint, estate, until)),
        by_hand=tuple(_by_hand(blueprint, estate, until)),
        unknown=tuple(_unknown(blueprint, estate)),
    )


def retirement_lines(found: Retirement) -> Iterator[str]:
    """Yield the retirement as lines of text."""
    yield "retiring the archive: nothing was stopped, detached or deleted, and nothing will be"
    for title, entries in (
        ("what outlives it", found.outlives),
        ("what could not be read", found.unknown),
        ("by hand, in this order", found.by_hand),
    ):
        if entries:
            yield f"{title}:"
            yield from (f"  {number}. {entry}" for number, entry in enumerate(entries, 1))


def _outlives(blueprint: Blueprint, estate: Estate, until: str) -> Iterator[str]:
    trail = observed_trail(blueprint, estate)
    if isinstance(trail, Trail):
        is_logging = isinstance(trail.status, TrailStatus) and trail.status.is_logging
        state = "delivers and bills until somebody stops it" if is_logging else "is there, and is stopped"
        yield f"the trail {trail.arn} {state}; deleting it leaves the bucket and every log"
    if isinstance(estate.bucket, Bucket):
        bucket = estate.bucket.name
        if until:
            yield (
                f"a log delivered now to {bucket} is locked until {until}, and each later one as long after "
                "its delivery; logs locked under an earlier, longer retention stay locked longer"
            )
        yield f"{bucket} cannot be deleted while it holds a version or a delete marker; its storage is billed"
        if held := denies_held(blueprint, estate):
            yield f"the bucket policy of {bucket} denies changes until it is replaced: {', '.join(held)}"
    for guard, policy, target in _attached(blueprint, estate):
        if policy.name == guard.name:
            yield f"the policy {policy.name} binds {target} until somebody detaches it"
        else:
            yield f"{guard.name} in the policy {policy.name} binds {target} until somebody takes it out"


def _attached(blueprint: Blueprint, estate: Estate) -> Iterator[tuple[GuardPolicy, Policy, str]]:
    """Yield each guard once for each target that it binds, with the policy that is it or carries it."""
    for guard in blueprint.guards:
        for policy, target in bindings(guard, estate):
            yield guard, policy, target


def _by_hand(blueprint: Blueprint, estate: Estate, until: str) -> Iterator[str]:
    yield "copy what must be kept, or keep the lake: no event is recorded twice"
    trail = observed_trail(blueprint, estate)
    if isinstance(trail, Trail):
        yield (
            f"let another trail record for a day, then stop this one: aws cloudtrail stop-logging --name "
            f"{trail.arn} (the gap in the digests stays for ever)"
        )
    if until:
        guards = "the guards on and " if blueprint.guards else ""
        yield f"leave {guards}account {blueprint.archive_account} open at least until {until}"
    for guard, policy, target in _attached(blueprint, estate):
        if policy.name == guard.name:
            yield f"aws organizations detach-policy --policy-id {policy.id} --target-id {target}"
        else:
            yield (
                f"take {', '.join(sids_in(guard, str(policy.content)))} out of {policy.name}, and leave the "
                f"rest: aws organizations update-policy --policy-id {policy.id} --content file://policy.json"
            )
    if denies_held(blueprint, estate):
        yield (
            f"replace the bucket policy of {blueprint.bucket} by one without these denies, as the archive "
            f"account: aws s3api put-bucket-policy --bucket {blueprint.bucket} --policy "
            f"{shlex.quote(blueprint.bucket_policy)}"
        )
    if isinstance(estate.bucket, Bucket):
        yield f"then empty and delete {estate.bucket.name}; S3 refuses what is still locked"
    if blueprint.is_of_organization:
        yield _SHARED


def _unknown(blueprint: Blueprint, estate: Estate) -> Iterator[str]:
    trail = observed_trail(blueprint, estate)
    bucket = estate.bucket
    facts: tuple[tuple[str, object], ...] = (
        (f"the trail {blueprint.trail}", trail),
        ("whether the trail logs", trail.status if isinstance(trail, Trail) else None),
        (f"the bucket {blueprint.bucket}", bucket),
        (
            "whether the bucket policy denies deleting",
            bucket.policy if isinstance(bucket, Bucket) else None,
        ),
        ("how long logs are locked", bucket.object_lock if isinstance(bucket, Bucket) else None),
        ("which service control policies are attached", estate.service_control_policies),
        ("which resource control policies are attached", estate.resource_control_policies),
    )
    for what, fact in facts:
        if isinstance(fact, Unreadable):
            yield f"{what}: {fact.call}: {fact.error}"
