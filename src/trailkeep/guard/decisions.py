"""What the parts of a plan may decide: an action, why there is none, or a concern that none meets."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from trailkeep.guard.changes import Action
from trailkeep.guard.estate import Unreadable

__all__ = ["Allowance", "Blocked", "Concern", "Decision", "Kept", "Unknown", "Waiting", "unknown"]


class Allowance(StrEnum):
    """What a plan does only when it is named on the command line."""

    SHORTEN_RETENTION = "shorten-retention"
    LIFT_GUARDS = "lift-guards"
    REPLACE_POLICY = "replace-policy"
    REDIRECT_TRAIL = "redirect-trail"
    WEAKEN_GUARDS = "weaken-guards"
    DROP_KEY = "drop-key"
    DROP_EVENTS = "drop-events"
    MERGE_GUARDS = "merge-guards"
    CUT_TRAIL = "cut-trail"


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
    """An action that is needed and not done until ``allow`` is named; empty means that no option does it."""

    action: Action
    allow: str
    reason: str


class Concern(msgspec.Struct, frozen=True, kw_only=True):
    """A fact that keeps logs from being kept and that no action repairs; ``remedy`` is for a human."""

    subject: str
    observed: str
    consequence: str
    remedy: str


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """An action that is needed and not done before the archive is armed; ``reason`` is the way on."""

    action: Action
    reason: str


Decision = Action | Unknown | Kept | Blocked | Concern | Waiting


def unknown(fact: Unreadable, undecided: str) -> Unknown:
    """Return that a refused call leaves something undecided."""
    return Unknown(call=fact.call, error=fact.error, undecided=undecided)
