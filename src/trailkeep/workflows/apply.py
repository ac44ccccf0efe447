"""``apply``: observe, show, agree, observe again, act, and observe what is now in force."""

from __future__ import annotations

from typing import Protocol

import msgspec

from trailkeep.aws.act import Performer
from trailkeep.aws.journal import Journal, Outcome
from trailkeep.core.config import Config
from trailkeep.core.errors import StoppedError, TrailkeepError, UncheckedError
from trailkeep.guard.changes import Action
from trailkeep.guard.decisions import Allowance
from trailkeep.guard.plan import Plan
from trailkeep.workflows.plan import Observe, plan

__all__ = ["Applied", "Report", "apply", "check_unmoved"]


class Applied(msgspec.Struct, frozen=True, kw_only=True):
    """What was done, and the plan that is left; an empty one means that everything asked for is in force."""

    performed: tuple[Action, ...]
    left: Plan


class Report(Protocol):
    """Who is told and asked on the way."""

    def agree(self, proposed: Plan) -> bool:
        """Show the plan and return whether it shall be performed."""
        ...

    def doing(self, action: Action) -> None:
        """Say that an action begins."""
        ...


def apply(
    config: Config,
    *,
    observe: Observe,
    performer: Performer,
    journal: Journal,
    report: Report,
    allow: frozenset[Allowance] = frozenset(),
    fingerprint: str = "",
) -> Applied:
    """Perform the plan and return what was done and what is left.

    With a ``fingerprint`` exactly the plan that was reviewed under it is performed, or none.

    Raises:
        UncheckedError: a fact that the plan needs could not be read.
        StoppedError: what was observed moved since the plan was shown, or an action failed; what was
            performed before stays, and the next apply goes on from there.
    """
    shown = plan(config, observe(), allow=allow)
    check_unmoved(fingerprint, shown.fingerprint)
    agreed = report.agree(shown)
    if shown.unknown:
        first = shown.unknown[0]
        raise UncheckedError(
            f"plan: expected every fact to be readable, got {len(shown.unknown)} that are not, "
            f"the first: {first.call}: {first.error}; allow the call and run 'trailkeep apply' again"
        )
    if not agreed or not shown.actions:
        return Applied(performed=(), left=shown)
    current = plan(config, observe(), allow=allow)
    check_unmoved(shown.fingerprint, current.fingerprint)
    for done, action in enumerate(current.actions):
        report.doing(action)
        _perform(action, current.fingerprint, performer, journal, done=done)
    return Applied(performed=current.actions, left=plan(config, observe()))


def check_unmoved(expected: str, got: str) -> None:
    """Refuse a plan whose fingerprint does not begin with ``expected``.

    Raises:
        StoppedError: what was observed, or the configuration, changed since.
    """
    if not got.startswith(expected):
        raise StoppedError(
            f"plan: expected fingerprint {expected}, got {got}, because something changed since; "
            "run 'trailkeep plan' and review it again"
        )


def _perform(action: Action, plan_id: str, performer: Performer, journal: Journal, *, done: int) -> None:
    journal.write(plan_id, action, Outcome.BEGUN)
    try:
        target = performer.perform(action)
    except TrailkeepError as error:
        journal.write(plan_id, action, Outcome.FAILED, error=str(error))
        raise StoppedError(
            f"{action.id} ({action.target}): expected it to succeed, got {error}; "
            f"the {done} actions before it stay, correct the cause and run 'trailkeep apply' again"
        ) from error
    journal.write(plan_id, action, Outcome.DONE, target=target)
