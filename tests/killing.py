"""Runs ``apply`` that dies after each action, as a process does that is killed."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from trailkeep.aws.act import Actor, Performer
from trailkeep.aws.journal import Journal, Outcome
from trailkeep.aws.observe import observe
from trailkeep.aws.patience import Patience
from trailkeep.aws.session import Accounts
from trailkeep.aws.verify import AwsVerifier
from trailkeep.core.config import Config
from trailkeep.guard.changes import Action
from trailkeep.guard.irreversible import Sheet
from trailkeep.guard.plan import Plan
from trailkeep.workflows.apply import Applied, apply

__all__ = ["Agrees", "DiesAfter", "Killed", "killed_until_done"]


class Killed(BaseException):
    """Nobody catches this, as nobody catches SIGKILL."""


class DiesAfter:
    """Performs some actions and dies after the last of them, before anybody hears of it."""

    def __init__(self, performer: Performer, count: int) -> None:
        self._performer = performer
        self._left = count

    def perform(self, action: Action) -> str:
        """Perform an action, then die if it was the last."""
        target = self._performer.perform(action)
        self._left -= 1
        if not self._left:
            raise Killed
        return target


class Agrees:
    """Agrees to everything."""

    def agree(self, proposed: Plan, sheet: Sheet | None) -> bool:
        """Agree."""
        del proposed, sheet
        return True

    def doing(self, action: Action) -> None:
        """Hear of an action."""


def killed_until_done(asked: Config, folder: Path, *, arm: bool) -> tuple[list[str], Applied]:
    """Apply and die after each action until nothing is left; return the actions begun, and the last result."""
    journal = Journal(folder / "j" / "journal.jsonl", now=lambda: datetime.now(UTC))
    begun: list[str] = []
    for _ in range(20):
        accounts = Accounts(region=asked.trail_region, role=asked.archive.access_role)
        patience = Patience(clock=lambda: 0.0, sleep=lambda _: None)
        try:
            applied = apply(
                asked,
                observe=lambda reach=accounts: observe(reach, asked),  # type: ignore[misc]  # bound early on purpose
                performer=DiesAfter(Actor(accounts, patience), 1),
                journal=journal,
                report=Agrees(),
                verifier=AwsVerifier(accounts=accounts, patience=patience, now=lambda: datetime.now(UTC)),
                arm=arm,
            )
        except Killed:
            last = [*journal.read()][-1]
            assert last.outcome is Outcome.BEGUN
            begun.append(last.action)
            continue
        assert (applied.performed, applied.left.actions) == ((), ())
        return begun, applied
    raise AssertionError(begun)
