"""The guards of an archive into which another trail still delivers: none may cut that trail off unasked.

Also here: a trail that CloudTrail would not make, because the region is full of trails.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from trailkeep.guard.blueprint import Blueprint
from trailkeep.guard.changes import (
    Action,
    AttachPolicy,
    CreatePolicy,
    CreateTrail,
    PutBucketPolicy,
    UpdatePolicy,
)
from trailkeep.guard.decisions import Allowance, Blocked, Decision
from trailkeep.guard.estate import Estate, Unreadable
from trailkeep.guard.guard_documents import RCP, Place
from trailkeep.guard.other_trails import OtherTrail, beside, refused_by
from trailkeep.guard.plan_bucket_policy import cutting, cutting_allowed
from trailkeep.guard.plan_guard_merge import begins_to_guard

__all__ = ["TRAILS_PER_REGION", "after_arming", "held_guards", "no_room", "without_room"]

TRAILS_PER_REGION = 5
"""Trails of other regions and of the organization count where they are shown.

Source: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/WhatIsCloudTrail-Limits.html
"""


def held_guards(
    blueprint: Blueprint, estate: Estate, guards: Iterable[Decision], allow: frozenset[Allowance]
) -> Iterator[Decision]:
    """Yield the guards' decisions, those blocked that would cut a trail off."""
    others = beside(blueprint, estate).delivering
    for decision in guards:
        if not isinstance(decision, AttachPolicy | UpdatePolicy):
            yield decision
        elif cut := refused_by(document, others) if (document := _document(blueprint, decision)) else ():
            yield _cutting(blueprint, decision, cut, allow)
        else:
            yield decision


def after_arming(
    blueprint: Blueprint, archive: Iterable[Decision], guards: Iterable[Decision]
) -> Iterator[Decision]:
    """Yield the guards' decisions, those blocked that would come before an arming that is blocked.

    The guard of the archive account refuses the arming from then on. One that was in force goes back on: it
    refuses nothing that it did not refuse before.
    """
    blocked = [decision for decision in archive if isinstance(decision, Blocked) and _arms(decision.action)]
    early = {
        f"{guard.key}.{what}"
        for guard in blueprint.guards
        if guard.place is Place.ARCHIVE
        for what in ("create", "attach", "merge")
    }
    for decision in guards:
        if (
            blocked
            and isinstance(decision, AttachPolicy | CreatePolicy | UpdatePolicy)
            and decision.id in early
            and not _is_back_on(decision)
        ):
            yield Blocked(action=decision, allow=blocked[0].allow, reason=_unarmed(blocked[0]))
        else:
            yield decision


def no_room(blueprint: Blueprint, estate: Estate, trail: Iterable[Decision]) -> str:
    """Return why CloudTrail would not make the trail that is to be made, empty where it would."""
    if isinstance(estate.trails, Unreadable) or len(estate.trails) < TRAILS_PER_REGION:
        return ""
    if not any(isinstance(decision, CreateTrail) for decision in trail):
        return ""
    listed = ", ".join(other.arn for other in estate.trails)
    return (
        f"CloudTrail takes {TRAILS_PER_REGION} trails in {blueprint.trail_region}, and as many are there "
        f"({listed}); delete one that nobody reads, or take one over by its name in trail.name"
    )


def without_room(
    reason: str, decisions: Iterable[Decision], kind: type[Action] | None = None
) -> Iterator[Decision]:
    """Yield decisions, those of a ``kind`` blocked, by default all, that are for a trail nobody can make.

    The first policy of a bucket takes nothing from anybody, so it is set all the same.
    """
    for decision in decisions:
        is_meant = isinstance(decision, Action) and (kind is None or isinstance(decision, kind))
        is_first = isinstance(decision, PutBucketPolicy) and not decision.changes[0].before
        if isinstance(decision, Action) and is_meant and not is_first:
            yield Blocked(action=decision, allow="", reason=reason)
        else:
            yield decision


def _cutting(
    blueprint: Blueprint,
    action: AttachPolicy | UpdatePolicy,
    cut: tuple[OtherTrail, ...],
    allow: frozenset[Allowance],
) -> Decision:
    is_armed = not begins_to_guard(action)
    said = action.reason + cutting_allowed(cut, allow)
    cuts = msgspec.structs.replace(action, destructive=True, reason=said)
    if Allowance.CUT_TRAIL in allow:
        return cuts
    reason = cutting(blueprint, cut, armed=is_armed)
    return Blocked(action=cuts, allow=Allowance.CUT_TRAIL, reason=reason)


def _document(blueprint: Blueprint, action: AttachPolicy | UpdatePolicy) -> str:
    """Return what a resource control policy says after an action, empty for every other action."""
    if isinstance(action, UpdatePolicy):
        return action.document if action.policy_type == RCP else ""
    return next(
        (
            guard.document
            for guard in blueprint.guards
            if guard.policy_type == RCP and guard.name == action.name
        ),
        "",
    )


def _is_back_on(action: Action) -> bool:
    """Return whether a guard that exists is only attached again."""
    return isinstance(action, AttachPolicy) and action.policy_id != "" and begins_to_guard(action)


def _arms(action: Action) -> bool:
    return isinstance(action, PutBucketPolicy) and action.arms


def _unarmed(arming: Blocked) -> str:
    """Return why a guard waits for the arming, and for what that waits where no option brings it about."""
    said = "the bucket policy is not armed before it"
    return said if arming.allow else f"{said}: {arming.reason}"
