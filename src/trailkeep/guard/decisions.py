"""What the parts of a plan may decide: an action, or one of three reasons why there is none."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from trailkeep.guard.changes import Action
from trailkeep.guard.estate import Unreadable

__all__ = ["Allowance", "Blocked", "Decision", "Kept", "Unknown", "unknown"]


class Allowance(StrEnum):
    """What a plan does only when it is named on the command line."""

    SHORTEN_RETENTION = "shorten-retention"
    LIFT_GUARDS = "lift-guards"
    REPLACE_POLICY = "replace-policy"


class Unknown(msgspec.Struct, frozen=True, kw_only=True):
    """A call was refused, so ``undecided`` cannot be decided."""

    call: str
    error: str
    undecided: str


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """A difference that is left as it is; ``allow`` is what would change it, empty where nothing would."""

    target: str
    reason: str
    allow: str


class Blocked(msgspec.Struct, frozen=True, kw_only=True):
    """An action that is needed and not done until ``allow`` is named."""

    action: Action
    allow: str
    reason: str


Decision = Action | Unknown | Kept | Blocked


def unknown(fact: Unreadable, undecided: str) -> Unknown:
    """Return that a refused call leaves something undecided."""
    return Unknown(call=fact.call, error=fact.error, undecided=undecided)
