"""Whether arming must wait for a log: an archive that was armed before is not left open until one arrives.

Waiting keeps anybody from locking, and from closing to other trails, what never received a log. An archive
that was armed has passed that. When it drifted, perhaps because somebody restarted the trail as well, what is
missing of it goes back at once::

    armed before    the bucket policy denies all that it denies when armed, for this trail and this bucket; or
                    the bucket has a default retention, a deny of ours is in its policy or a guard of the
                    archive exists, and no other trail delivers into it
    all the same    COMPLIANCE is to begin, which nobody can take back

The denies and the guards are Trailkeep's own, by Sid and by name. A default retention alone shows nothing:
whoever made the bucket may have set it. In the archive of one account it is enough: without guards
nothing else is left that its administrators could not take back.
"""

from __future__ import annotations

from collections.abc import Iterable

from trailkeep.guard.blueprint import Blueprint
from trailkeep.guard.changes import Action, PutObjectLock
from trailkeep.guard.estate import Bucket, Estate, ObjectLock, Policy
from trailkeep.guard.other_trails import beside
from trailkeep.guard.plan_bucket_policy import denies_held, is_armed
from trailkeep.guard.plan_guards import observed_policy

__all__ = ["must_wait", "was_armed"]

_FINAL = "COMPLIANCE"


def must_wait(blueprint: Blueprint, estate: Estate, arming: Iterable[Action]) -> bool:
    """Return whether the actions that arm must wait until a log has arrived; none wait for nothing."""
    actions = [*arming]
    if not actions or not was_armed(blueprint, estate):
        return bool(actions)
    begins = any(isinstance(action, PutObjectLock) and action.mode == _FINAL for action in actions)
    return begins and _lock(estate).mode != _FINAL


def was_armed(blueprint: Blueprint, estate: Estate) -> bool:
    """Return whether what is there of the archive shows that it was armed for this trail before."""
    if is_armed(blueprint, estate):
        return True
    ours = not blueprint.is_of_organization or denies_held(blueprint, estate) or _guards(blueprint, estate)
    return bool(_lock(estate).mode and ours and not beside(blueprint, estate).delivering)


def _guards(blueprint: Blueprint, estate: Estate) -> bool:
    """Return whether a guard of the archive exists, attached or not."""
    return any(
        guard.refuses_bucket_changes and isinstance(observed_policy(guard, estate), Policy)
        for guard in blueprint.guards
    )


def _lock(estate: Estate) -> ObjectLock:
    """Return the lock of the bucket, without a mode where there is none or nobody could read it."""
    if isinstance(estate.bucket, Bucket) and isinstance(estate.bucket.object_lock, ObjectLock):
        return estate.bucket.object_lock
    return ObjectLock(mode="", days=0)
