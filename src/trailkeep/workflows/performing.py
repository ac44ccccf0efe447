"""Performing a plan so that a guard that it lifts is on again, whatever happens in between.

Where an action fails, or somebody presses Ctrl-C, the plan's own actions that put its lifted guards back are
performed before it gives up, in the journal like all others. A second Ctrl-C gives up at once. What stays off
is named, with the command that puts it back. Only what kills the process leaves that to the next plan.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from contextlib import suppress

from trailkeep.aws.act import Performer
from trailkeep.aws.journal import Journal, Outcome
from trailkeep.core.errors import AwsCallError, InterruptedRunError, StoppedError, TrailkeepError
from trailkeep.guard.changes import Action, AttachPolicy, DetachPolicy, UpdatePolicy
from trailkeep.guard.plan import Plan

__all__ = ["perform_all"]

_REFUSED = ("AccessDenied", "AccessDeniedException")
_LIFT, _RESTORE = ".lift", ".restore"


def perform_all(
    current: Plan, *, doing: Callable[[Action], None], performer: Performer, journal: Journal
) -> None:
    """Perform the actions of a plan in their order.

    Python raises ``KeyboardInterrupt`` at calls and where a loop goes round, so that no call is outside of a
    ``try`` from the first action on.

    Raises:
        StoppedError: an action failed; the guards that were lifted are on again, or are named.
        InterruptedRunError: Ctrl-C while guards were lifted; they are on again, or are named.
    """
    run = _Run(current, doing, performer, journal)
    try:
        for action in current.actions:
            run.perform(action)
    except (Exception, KeyboardInterrupt) as error:
        told: BaseException | None = None
        try:
            run.put_back(error)
        except KeyboardInterrupt:
            told = None
        while told is None:
            try:
                told = _told(run, error)
            except KeyboardInterrupt:
                told = None
        if told is error:
            raise
        raise told from error


class _Run:
    """How far the actions of a plan came, ``begun`` and ``done``, and what of the guards is ``on`` again.

    ``failed`` holds the reason for each that could not be put back, by the id of its action.
    """

    def __init__(
        self, current: Plan, doing: Callable[[Action], None], performer: Performer, journal: Journal
    ) -> None:
        self.actions: Sequence[Action] = current.actions
        self.begun = 0
        self.done = 0
        self.on: set[str] = set()
        self.failed: dict[str, str] = {}
        self._plan_id = current.fingerprint
        self._doing = doing
        self._performer = performer
        self._journal = journal

    def perform(self, action: Action) -> None:
        """Perform the next action."""
        self.begun = self.done + 1
        self._doing(action)
        self._write(action, Outcome.BEGUN)
        try:
            target = self._performer.perform(action)
        except TrailkeepError as error:
            self._write(action, Outcome.FAILED, error=str(error))
            raise
        self._write(action, Outcome.DONE, target=target)
        self.done = self.begun

    def to_put_back(self, error: BaseException) -> tuple[Action, ...]:
        """Return what is left of the plan that puts back what it lifted; a lift that was refused is none."""
        is_refused = isinstance(error, AwsCallError) and error.code in _REFUSED
        lifting = self.actions[: self.done if is_refused else self.begun]
        off = {_place(action) for action in lifting if _lifts(action)}
        left = self.actions[self.done :]
        return tuple(action for action in left if _restores(action) and _place(action) in off)

    def put_back(self, error: BaseException) -> None:
        """Perform what puts guards back; a journal that cannot be written hinders none of them."""
        for action in self.to_put_back(error):
            try:
                with suppress(OSError):
                    self._doing(action)
                with suppress(StoppedError):
                    self._write(action, Outcome.BEGUN)
                self._performer.perform(action)
            except Exception as reason:  # noqa: BLE001 - the next guard goes on whatever was wrong with this one
                self.failed[action.id] = str(reason)
                with suppress(StoppedError):
                    self._write(action, Outcome.FAILED, error=str(reason))
            else:
                self.on.add(action.id)
                with suppress(StoppedError):
                    self._write(action, Outcome.DONE, target=action.target)

    def _write(self, action: Action, outcome: Outcome, *, target: str = "", error: str = "") -> None:
        self._journal.write(self._plan_id, action, outcome, target=target, error=error)


def _lifts(action: Action) -> bool:
    return isinstance(action, DetachPolicy) or (
        isinstance(action, UpdatePolicy) and action.id.endswith(_LIFT)
    )


def _restores(action: Action) -> bool:
    return isinstance(action, AttachPolicy) or (
        isinstance(action, UpdatePolicy) and action.id.endswith(_RESTORE)
    )


def _place(action: Action) -> tuple[str, str]:
    match action:
        case DetachPolicy() | AttachPolicy():
            return action.policy_id, action.target_id
        case UpdatePolicy():
            return action.policy_id, ""
        case _:
            return "", ""


def _told(run: _Run, error: BaseException) -> BaseException:
    """Return what is to be raised: the error itself, where there is no more to be said."""
    back = run.to_put_back(error)
    cut = "interrupted again" if isinstance(error, KeyboardInterrupt) else "interrupted"
    off = {one.id: run.failed.get(one.id, cut) for one in back if one.id not in run.on}
    guards = _said_of_guards(back, off)
    stay = f"the {run.done} actions before it stay"
    if isinstance(error, TrailkeepError):
        said = f"{_where(run)}: expected it to succeed, got {error}; "
        return StoppedError(f"{said}{guards}{stay}, correct the cause and run 'trailkeep apply' again")
    if isinstance(error, KeyboardInterrupt) and back:
        said = (
            f"{_where(run)}: expected it to {'end' if run.begun > run.done else 'begin'}, got interrupted; "
        )
        return InterruptedRunError(f"{said}{guards}{stay}, run 'trailkeep apply' again")
    if off:
        said = f"{_where(run)}: expected it to succeed, got {type(error).__name__}; "
        return StoppedError(f"{said}{guards}{stay}")
    return error


def _where(run: _Run) -> str:
    """Return the action that was under way, or the next one."""
    action = run.actions[min(run.done, len(run.actions) - 1)]
    return f"{action.id} ({action.target})"


def _said_of_guards(back: Sequence[Action], failed: dict[str, str]) -> str:
    on = [_guard(action) for action in back if action.id not in failed]
    off = [
        f"still off is {_guard(action)} ({failed[action.id]}): put it back at once with {_command(action)}; "
        for action in back
        if action.id in failed
    ]
    again = f"{' and '.join(on)}, lifted for the change, {'is' if len(on) == 1 else 'are'} on again; "
    return f"{again if on else ''}{''.join(off)}"


def _guard(action: Action) -> str:
    if isinstance(action, AttachPolicy):
        return f"{action.name} at {action.target_id}"
    return f"the guard in the policy {action.target}"


def _command(action: Action) -> str:
    if not isinstance(action, AttachPolicy):
        return "'trailkeep apply --arm'"
    words = ("--policy-id", action.policy_id, "--target-id", action.target_id)
    return f"'aws organizations attach-policy {shlex.join(words)}' or 'trailkeep apply --arm'"
