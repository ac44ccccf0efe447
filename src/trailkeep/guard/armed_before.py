"""Whether arming must wait for a log: an archive that was armed before is not left open until one arrives.

Waiting keeps anybody from locking, and from closing to other trails, what never received a log. An archive
that was armed has passed that. When it drifted, perhaps because somebody restarted the trail as well, what is
missing of it goes back at once::

    armed before    the bucket policy denies all that it denies when armed, for this trail and this bucket; or
                    the bucket has a default retention, a deny of ours is in its policy or a guard of the
                    archive that names the bucket exists, and no other trail delivers into it
    of one account  the same, but there are no guards: a deny of ours, or the journal of ``apply``, shows it,
                    and only where our trail exists and delivers into the bucket
    all the same    COMPLIANCE is to begin, which nobody can take back

The denies and the guards are Trailkeep's own, by Sid and by name. A default retention alone shows nothing:
whoever made the bucket may have set it. All else that an archive of one account is left with, the trail, the
tag, the lifecycle rules, is there before it is armed: where all denies are gone only the journal knows, and
without it a log is asked for again.
"""

from __future__ import annotations

from collections.abc import Iterable

from trailkeep.guard.blueprint import Blueprint
from trailkeep.guard.changes import Action, PutObjectLock
from trailkeep.guard.estate import Bucket, Estate, ObjectLock, Policy, Trail
from trailkeep.guard.other_trails import beside
from trailkeep.guard.plan_bucket_policy import denies_held, is_armed
from trailkeep.guard.plan_guards import observed_policy
from trailkeep.guard.plan_trail import observed_trail

__all__ = ["must_wait", "was_armed"]

_FINAL = "COMPLIANCE"


def must_wait(
    blueprint: Blueprint, estate: Estate, arming: Iterable[Action], *, in_journal: bool = False
) -> bool:
    """Return whether the actions that arm must wait until a log has arrived; none wait for nothing.

    ``in_journal`` is whether the journal tells that this trail's bucket policy was armed before.
    """
    actions = [*arming]
    if not actions or not was_armed(blueprint, estate, in_journal=in_journal):
        return bool(actions)
    begins = any(isinstance(action, PutObjectLock) and action.mode == _FINAL for action in actions)
    return begins and _lock(estate).mode != _FINAL


def was_armed(blueprint: Blueprint, estate: Estate, *, in_journal: bool = False) -> bool:
    """Return whether what is there of the archive shows that it was armed for this trail before."""
    if is_armed(blueprint, estate):
        return True
    if not _lock(estate).mode or beside(blueprint, estate).delivering:
        return False
    if blueprint.is_of_organization:
        return bool(denies_held(blueprint, estate)) or _has_guards(blueprint, estate)
    return (in_journal or bool(denies_held(blueprint, estate))) and _delivers(blueprint, estate)


def _delivers(blueprint: Blueprint, estate: Estate) -> bool:
    """Return whether our trail exists and has this bucket, be it stopped or not."""
    trail = observed_trail(blueprint, estate)
    return isinstance(trail, Trail) and (trail.arn, trail.bucket) == (blueprint.trail_arn, blueprint.bucket)


def _has_guards(blueprint: Blueprint, estate: Estate) -> bool:
    """Return whether a guard of this archive exists, attached or not; one of another bucket shows nothing."""
    arn = f"arn:{blueprint.partition}:s3:::{blueprint.bucket}"
    found = (observed_policy(guard, estate) for guard in blueprint.guards if guard.refuses_bucket_changes)
    return any(
        isinstance(policy, Policy)
        and isinstance(policy.content, str)
        and any(said in policy.content for said in (f'"{arn}"', f'"{arn}/'))
        for policy in found
    )


def _lock(estate: Estate) -> ObjectLock:
    """Return the lock of the bucket, without a mode where there is none or nobody could read it."""
    if isinstance(estate.bucket, Bucket) and isinstance(estate.bucket.object_lock, ObjectLock):
        return estate.bucket.object_lock
    return ObjectLock(mode="", days=0)
