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

    Raises:
        StoppedError: an action failed; the guards that were lifted are on again, or are named.
        InterruptedRunError: Ctrl-C while guards were lifted; they are on again, or are named.
    """
    for done, action in enumerate(current.actions):
        try:
            doing(action)
            _perform(action, current.fingerprint, performer, journal)
        except (Exception, KeyboardInterrupt) as error:
            back = _to_put_back(current.actions, done, error)
            failed = _put_back(back, current.fingerprint, doing, performer, journal)
            _give_up(action, error, done=done, back=back, failed=failed)
            raise


def _perform(action: Action, plan_id: str, performer: Performer, journal: Journal) -> None:
    journal.write(plan_id, action, Outcome.BEGUN)
    try:
        target = performer.perform(action)
    except TrailkeepError as error:
        journal.write(plan_id, action, Outcome.FAILED, error=str(error))
        raise
    journal.write(plan_id, action, Outcome.DONE, target=target)


def _to_put_back(actions: Sequence[Action], failed: int, error: BaseException) -> tuple[Action, ...]:
    """Return what is left of the plan that puts back what it lifted; a lift that was refused is none."""
    is_refused = isinstance(error, AwsCallError) and error.code in _REFUSED
    begun = actions[: failed if is_refused else failed + 1]
    off = {_place(action) for action in begun if _lifts(action)}
    left = actions[failed:]
    return tuple(action for action in left if _restores(action) and _place(action) in off)


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


def _put_back(
    back: Sequence[Action],
    plan_id: str,
    doing: Callable[[Action], None],
    performer: Performer,
    journal: Journal,
) -> dict[str, str]:
    """Perform what puts guards back and return the reason for each, by its id, that did not succeed.

    A journal that cannot be written hinders none of them.
    """
    failed: dict[str, str] = {}
    for number, action in enumerate(back):
        try:
            with suppress(OSError):
                doing(action)
            with suppress(StoppedError):
                journal.write(plan_id, action, Outcome.BEGUN)
            performer.perform(action)
        except KeyboardInterrupt:
            return failed | {left.id: "interrupted again" for left in back[number:]}
        except Exception as error:  # noqa: BLE001 - the next guard goes on whatever was wrong with this one
            failed[action.id] = str(error)
            with suppress(StoppedError):
                journal.write(plan_id, action, Outcome.FAILED, error=str(error))
        else:
            with suppress(StoppedError):
                journal.write(plan_id, action, Outcome.DONE, target=action.target)
    return failed


def _give_up(
    action: Action, error: BaseException, *, done: int, back: Sequence[Action], failed: dict[str, str]
) -> None:
    """Raise what is to be said, where it is more than the error itself."""
    guards = _said_of_guards(back, failed)
    stay = f"the {done} actions before it stay"
    if isinstance(error, TrailkeepError):
        said = f"{action.id} ({action.target}): expected it to succeed, got {error}; "
        raise StoppedError(
            f"{said}{guards}{stay}, correct the cause and run 'trailkeep apply' again"
        ) from error
    if isinstance(error, KeyboardInterrupt) and back:
        said = f"{action.id} ({action.target}): expected it to end, got interrupted; "
        raise InterruptedRunError(f"{said}{guards}{stay}, run 'trailkeep apply' again") from error
    if failed:
        said = f"{action.id} ({action.target}): expected it to succeed, got {type(error).__name__}; "
        raise StoppedError(f"{said}{guards}{stay}") from error


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
