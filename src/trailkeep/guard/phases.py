"""Two phases: BUILD makes an archive that receives logs, ARM makes it one that nobody can take back.

An action belongs to ARM by what it is: the default retention of new logs, the bucket policy that denies, and
everything that makes a guard begin or reach further. ARM waits for ``--arm``, also where an archive is armed
already. Three things do not wait, because an archive that was armed must not stay open: a guard that this
plan lifts goes back on in this plan; a guard that exists, says what it must and was taken off is attached
again; a deny that the bucket policy holds under one of our Sids stays, and says again what it must.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from trailkeep.guard.changes import (
    Action,
    AttachPolicy,
    CreatePolicy,
    DetachPolicy,
    EnablePolicyType,
    PutBucketPolicy,
    PutObjectLock,
    UpdatePolicy,
)
from trailkeep.guard.decisions import Decision, Waiting

__all__ = ["OF_ACCOUNT", "REASON", "Phase", "hold", "phase_of"]

REASON = "add --arm once a member account's log has arrived"
OF_ACCOUNT = "add --arm once a log of the account has arrived"


class Phase(StrEnum):
    """When an action is performed."""

    BUILD = "build"
    ARM = "arm"


def phase_of(action: Action) -> Phase:
    """Return the phase of one action, seen alone."""
    arming = PutObjectLock | EnablePolicyType | CreatePolicy | UpdatePolicy | AttachPolicy
    is_arming = isinstance(action, arming) or (isinstance(action, PutBucketPolicy) and action.arms)
    return Phase.ARM if is_arming else Phase.BUILD


def hold(decisions: Iterable[Decision], *, arm: bool, reason: str = REASON) -> list[Decision]:
    """Return the decisions in their order; without ``arm`` an arming action becomes ``Waiting``."""
    listed = list(decisions)
    if arm:
        return listed
    back_on = _back_on(decision for decision in listed if isinstance(decision, Action))
    return [
        Waiting(action=decision, reason=reason)
        if isinstance(decision, Action) and phase_of(decision) is Phase.ARM and decision.id not in back_on
        else decision
        for decision in listed
    ]


def _back_on(actions: Iterable[Action]) -> frozenset[str]:
    """Return the ids of what only puts a guard back where it was, and of what takes a carried one out."""
    listed = list(actions)
    lifted = {(one.policy_id, one.target_id) for one in listed if isinstance(one, DetachPolicy)}
    unready = {one.policy_id for one in listed if isinstance(one, UpdatePolicy)} | {""}
    is_off = any(isinstance(one, EnablePolicyType) for one in listed)
    around = {
        one.id for one in listed if isinstance(one, UpdatePolicy) and one.id.endswith((".lift", ".restore"))
    }
    return frozenset(around) | frozenset(
        one.id
        for one in listed
        if isinstance(one, AttachPolicy)
        and ((one.policy_id, one.target_id) in lifted or not (is_off or one.policy_id in unready))
    )
