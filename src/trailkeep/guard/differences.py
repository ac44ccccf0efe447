"""Every difference of a plan in one of four classes, for whoever adopts what is there already."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum

import msgspec

from trailkeep.guard.plan import Plan

__all__ = ["Difference", "DifferenceClass", "classify"]


class DifferenceClass(StrEnum):
    """KEEP stays, FIX only adds, DANGER takes something away or needs a human, UNKNOWN was refused."""

    KEEP = "keep"
    FIX = "fix"
    DANGER = "danger"
    UNKNOWN = "unknown"


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """One difference; ``allow`` is the option that it waits for, empty where it waits for none."""

    kind: DifferenceClass
    subject: str
    reason: str
    allow: str = ""


def classify(plan: Plan) -> Iterator[Difference]:
    """Yield the differences in the order of the plan."""
    for action in plan.actions:
        kind = DifferenceClass.DANGER if action.destructive else DifferenceClass.FIX
        yield Difference(kind=kind, subject=action.id, reason=action.reason)
    for blocked in plan.blocked:
        kind = DifferenceClass.DANGER if blocked.action.destructive else DifferenceClass.FIX
        yield Difference(kind=kind, subject=blocked.action.id, reason=blocked.reason, allow=blocked.allow)
    for kept in plan.kept:
        yield Difference(kind=DifferenceClass.KEEP, subject=kept.target, reason=kept.reason, allow=kept.allow)
    for concern in plan.concerns:
        yield Difference(kind=DifferenceClass.DANGER, subject=concern.subject, reason=concern.observed)
    for unknown in plan.unknown:
        yield Difference(kind=DifferenceClass.UNKNOWN, subject=unknown.call, reason=unknown.undecided)
