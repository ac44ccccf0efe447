"""How many organization policies of a type one target takes, and how large each may be.

Source: https://docs.aws.amazon.com/organizations/latest/userguide/orgs_reference_limits.html (2026-11).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from trailkeep.guard.estate import Policy, Unreadable
from trailkeep.guard.guard_documents import RCP, SCP

__all__ = ["QUOTAS", "Quota", "Room", "room_at"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """``attached`` counts AWS's own FullAWSAccess or RCPFullAWSAccess, ``characters`` white space."""

    attached: int
    characters: int


QUOTAS = {SCP: Quota(attached=10, characters=10_240), RCP: Quota(attached=5, characters=5_120)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """What is attached to a target; ``unreadable`` is one of the policies of which nobody knows."""

    attached: tuple[str, ...]
    unreadable: Unreadable | None
    is_full: bool
    may_be_full: bool


def room_at(target: str, policies: Sequence[Policy], policy_type: str) -> Room:
    """Return whether a target takes one more policy of a type, by what is attached there now."""
    quota = QUOTAS[policy_type].attached
    hidden = [policy.targets for policy in policies if isinstance(policy.targets, Unreadable)]
    names = tuple(
        policy.name
        for policy in policies
        if not isinstance(policy.targets, Unreadable) and target in policy.targets
    )
    return Room(
        attached=names,
        unreadable=hidden[0] if hidden else None,
        is_full=len(names) >= quota,
        may_be_full=len(names) + len(hidden) >= quota,
    )
