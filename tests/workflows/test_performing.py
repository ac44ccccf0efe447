"""An interrupt at any point of a plan that lifts guards: they are on again, or what stays off is named."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from msgspec.structs import replace

from estates import config, in_force, planned, with_facts
from trailkeep.aws.journal import Journal, Outcome
from trailkeep.core.errors import AwsCallError, InterruptedRunError, StoppedError
from trailkeep.guard.changes import Action, AttachPolicy, DetachPolicy
from trailkeep.guard.decisions import Allowance
from trailkeep.guard.plan import Plan
from trailkeep.workflows import performing
from trailkeep.workflows.performing import perform_all

SHORT = {"bucket.object_lock": {"fact": "ObjectLock", "mode": "GOVERNANCE", "days": 300}}
LIFTING = planned(config(), with_facts(in_force(), SHORT), Allowance.LIFT_GUARDS)
GUARDS = {(one.policy_id, one.target_id) for one in LIFTING.actions if isinstance(one, DetachPolicy)}
REFUSED = {"bucket.object_lock": AwsCallError("s3:PutObjectLockConfiguration", "AccessDenied", "no")}


class _Organization:
    """Keeps which guards are attached, and fails at the actions that are named."""

    def __init__(self, errors: dict[str, Exception] | None = None) -> None:
        self.on = set(GUARDS)
        self._errors = dict(errors or {})

    def perform(self, action: Action) -> str:
        """Attach or detach."""
        if error := self._errors.get(action.id):
            raise error
        match action:
            case DetachPolicy():
                self.on.discard((action.policy_id, action.target_id))
            case AttachPolicy():
                self.on.add((action.policy_id, action.target_id))
            case _:
                pass
        return action.target


class _Interrupted(tuple[Action, ...]):
    """Actions of which the loop that goes through them is interrupted before one of them, or at the end."""

    __slots__ = ()
    before = 0

    def __iter__(self) -> Iterator[Action]:
        for number in range(len(self)):
            if number == self.before:
                raise KeyboardInterrupt
            yield self[number]
        raise KeyboardInterrupt


def _interrupted_before(number: int) -> Plan:
    kind = type("_At", (_Interrupted,), {"before": number, "__slots__": ()})
    return replace(LIFTING, actions=kind(LIFTING.actions))


@contextmanager
def _ctrl_c(number: int) -> Iterator[list[int]]:
    """Raise ``KeyboardInterrupt`` at one call or return of the module, where Python looks for signals as well.

    What is yielded holds the number of calls and returns that were seen. Python looks for no signal while an
    exception leaves a function.
    """
    seen = [0]

    def look(frame: FrameType, event: str, _: Any) -> None:
        is_left = event == "return" and frame.f_code is perform_all.__code__
        if not is_left and performing.__name__ in {_module(frame), _module(frame.f_back)}:
            seen[0] += 1
            if seen[0] == number:
                raise KeyboardInterrupt(event)

    before = sys.getprofile()
    sys.setprofile(look)
    try:
        yield seen
    finally:
        sys.setprofile(before)


def _module(frame: FrameType | None) -> object:
    return frame.f_globals.get("__name__") if frame else None


def _run(
    folder: Path,
    current: Plan = LIFTING,
    *,
    organization: _Organization,
    doing: Callable[[Action], None] = lambda _: None,
    at: int = 0,
) -> tuple[BaseException | None, int]:
    """Return what came out of performing a plan, and how many calls and returns were made in it."""
    journal = Journal(folder / "journal.jsonl", now=lambda: datetime(2026, 1, 2, tzinfo=UTC))
    with _ctrl_c(at) as seen:
        try:
            perform_all(current, doing=doing, performer=organization, journal=journal)
        except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - what came out is what is asked about
            return error, seen[0]
    return None, seen[0]


def _is_told(organization: _Organization, error: BaseException | None) -> bool:
    """Return whether each guard that is off is named with the command that attaches it."""
    return all(
        f"attach-policy --policy-id {policy} --target-id {target}" in str(error)
        for policy, target in GUARDS - organization.on
    )


def test_the_plan_lifts_and_restores() -> None:
    """The plan that is broken here takes two guards off, and performed to its end has them on again."""
    assert [one.id for one in LIFTING.actions] == [
        "scp.detach",
        "rcp.detach",
        "bucket.object_lock",
        "scp.attach",
        "rcp.attach",
    ]


@pytest.mark.parametrize("number", range(6))
def test_between_two_actions(tmp_path: Path, number: int) -> None:
    """An interrupt in the loop itself, in no action, puts back what the actions before it lifted."""
    organization = _Organization()
    error, _ = _run(tmp_path, _interrupted_before(number), organization=organization)
    assert organization.on == GUARDS
    assert isinstance(error, InterruptedRunError) is (number in {1, 2, 3, 4})
    if number in {1, 2, 3, 4}:
        action = LIFTING.actions[number]
        assert str(error).startswith(
            f"{action.id} ({action.target}): expected it to begin, got interrupted; "
        )
        assert f"; the {number} actions before it stay, " in str(error)
    else:
        assert isinstance(error, KeyboardInterrupt)


def test_anywhere(tmp_path: Path) -> None:
    """Ctrl-C at any call of performing a plan leaves all guards on, and ends it as interrupted."""
    _, calls = _run(tmp_path, organization=_Organization())
    assert calls > 50
    for at in range(1, calls + 1):
        organization = _Organization()
        error, _ = _run(tmp_path, organization=organization, at=at)
        assert organization.on == GUARDS, at
        assert isinstance(error, KeyboardInterrupt | InterruptedRunError), at


@pytest.mark.parametrize("failing", [{}, {"scp.attach": StoppedError("no answer")}])
def test_anywhere_while_guards_go_back(tmp_path: Path, failing: dict[str, Exception]) -> None:
    """Ctrl-C at any call after an action failed leaves the guards on or names them, also one that fails."""
    errors = REFUSED | failing
    _, calls = _run(tmp_path, organization=_Organization(errors))
    assert calls > 100
    for at in range(1, calls + 1):
        organization = _Organization(errors)
        error, _ = _run(tmp_path, organization=organization, at=at)
        assert error is not None
        assert _is_told(organization, error), (at, error)


def test_anywhere_after_an_interrupt(tmp_path: Path) -> None:
    """A second Ctrl-C at any call after the first leaves the guards on or names them, with the first's exit code."""

    def first(action: Action) -> None:
        if action.id == "bucket.object_lock":
            raise KeyboardInterrupt

    error, calls = _run(tmp_path, organization=_Organization(), doing=first)
    assert isinstance(error, InterruptedRunError)
    for at in range(1, calls + 1):
        organization = _Organization()
        error, _ = _run(tmp_path, organization=organization, doing=first, at=at)
        assert isinstance(error, InterruptedRunError | KeyboardInterrupt)
        assert _is_told(organization, error), (at, error)


def test_done_is_what_was_done(tmp_path: Path) -> None:
    """An action that was performed is not undone nor done again, and the journal tells each of them once."""
    _run(tmp_path, _interrupted_before(4), organization=_Organization())
    entries = Journal(tmp_path / "journal.jsonl", now=lambda: datetime.now(UTC)).read()
    done = [entry.action for entry in entries if entry.outcome is Outcome.DONE]
    assert done == ["scp.detach", "rcp.detach", "bucket.object_lock", "scp.attach", "rcp.attach"]
