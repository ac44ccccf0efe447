"""``apply`` observes twice, acts in order, journals, and goes on where an earlier one was killed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from msgspec.structs import replace

from estates import config, created_archive, nothing
from guard_verbs import CREATED, Verbs, settings
from trailkeep.aws.act import Actor, Performer
from trailkeep.aws.journal import Journal, Outcome
from trailkeep.aws.observe import observe
from trailkeep.aws.patience import Patience
from trailkeep.aws.session import Accounts
from trailkeep.core.config import Config, parse_config
from trailkeep.core.errors import AwsCallError, StoppedError, UncheckedError
from trailkeep.guard.changes import Action
from trailkeep.guard.estate import Absent, Estate, Unreadable
from trailkeep.guard.model import apply_all
from trailkeep.guard.plan import Plan
from trailkeep.sandbox.organization import Sandbox
from trailkeep.workflows.apply import Applied, apply

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


class World:
    """An estate that actions change as the planner thinks they do."""

    def __init__(self, estate: Estate) -> None:
        self.estate = estate
        self.performed: list[str] = []

    def observe(self) -> Estate:
        """Return what there is now."""
        return self.estate

    def perform(self, action: Action) -> str:
        """Change the estate."""
        self.performed.append(action.id)
        self.estate = apply_all(self.estate, [action])
        return action.target


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


class Fails:
    """Performs nothing: AWS refuses."""

    def perform(self, action: Action) -> str:
        """Refuse the action."""
        del action
        raise AwsCallError("s3:CreateBucket", "AccessDenied", "no")


class Says:
    """Answers a fixed answer, after doing something while the user thinks."""

    def __init__(self, *, yes: bool = True, meanwhile: Callable[[], None] = lambda: None) -> None:
        self._yes = yes
        self._meanwhile = meanwhile
        self.shown: list[Plan] = []

    def agree(self, proposed: Plan) -> bool:
        """Answer."""
        self.shown.append(proposed)
        self._meanwhile()
        return self._yes

    def doing(self, action: Action) -> None:
        """Hear of an action."""


def _apply(
    world: World,
    folder: Path,
    *,
    performer: Performer | None = None,
    says: Says | None = None,
    settings: Config | None = None,
) -> Applied:
    return apply(
        settings or config(),
        observe=world.observe,
        performer=performer or world,
        journal=Journal(folder / "j" / "journal.jsonl", now=lambda: NOW),
        report=says or Says(),
    )


def _outcomes(folder: Path) -> list[tuple[str, Outcome]]:
    journal = Journal(folder / "j" / "journal.jsonl", now=lambda: NOW)
    return [(entry.action, entry.outcome) for entry in journal.read()]


def test_second_apply_does_nothing(tmp_path: Path) -> None:
    """After an apply there is nothing left, and a second one performs no action."""
    world = World(nothing())
    first = _apply(world, tmp_path)
    assert first.left.actions == ()
    assert _apply(world, tmp_path).performed == ()
    assert len(world.performed) == len(first.performed)


def test_declined(tmp_path: Path) -> None:
    """A plan that is declined is not performed and not journaled."""
    world = World(nothing())
    applied = _apply(world, tmp_path, says=Says(yes=False))
    assert applied.performed == ()
    assert applied.left.actions != ()
    assert (world.performed, _outcomes(tmp_path)) == ([], [])


def test_world_moves_while_the_user_thinks(tmp_path: Path) -> None:
    """A plan is not performed when what was observed moved between showing it and the answer."""
    world = World(nothing())

    def meanwhile() -> None:
        world.estate = replace(world.estate, trusted_services=("cloudtrail.amazonaws.com",))

    with pytest.raises(
        StoppedError, match=r"^plan: expected fingerprint .*, because something changed since"
    ):
        _apply(world, tmp_path, says=Says(meanwhile=meanwhile))
    assert world.performed == []


def test_unknown_is_shown_and_not_performed(tmp_path: Path) -> None:
    """A plan with unknowns is shown and refused as a whole."""
    world = World(
        replace(nothing(), trails=Unreadable(call="cloudtrail:DescribeTrails", error="AccessDenied: no"))
    )
    says = Says()
    with pytest.raises(UncheckedError, match="cloudtrail:DescribeTrails: AccessDenied: no"):
        _apply(world, tmp_path, says=says)
    assert len(says.shown) == 1
    assert world.performed == []


def test_failure_is_journaled(tmp_path: Path) -> None:
    """An action that fails is in the journal as failed, and the error names action, target and way on."""
    world = World(nothing())
    with pytest.raises(StoppedError) as caught:
        _apply(world, tmp_path, performer=Fails())
    assert str(caught.value) == (
        "trust.enable (cloudtrail.amazonaws.com): expected it to succeed, got s3:CreateBucket: AccessDenied: no; "
        "the 0 actions before it stay, correct the cause and run 'trailkeep apply' again"
    )
    assert _outcomes(tmp_path) == [("trust.enable", Outcome.BEGUN), ("trust.enable", Outcome.FAILED)]


def test_unwritable_journal(tmp_path: Path) -> None:
    """Where the journal cannot be written no action is performed."""
    (tmp_path / "j").write_text("a file, not a folder")
    world = World(nothing())
    with pytest.raises(StoppedError, match="expected to append to the journal"):
        _apply(world, tmp_path)
    assert world.performed == []


@pytest.mark.parametrize("count", range(1, 22))
def test_killed_after_any_action(tmp_path: Path, count: int) -> None:
    """Killed after any action, the journal says which was begun, and the next apply does the rest, nothing twice."""
    asked = created_archive()
    start = replace(nothing(), archive_account=Absent())
    whole = World(start)
    _apply(whole, tmp_path / "whole", settings=asked)
    world = World(start)
    with pytest.raises(Killed):
        _apply(world, tmp_path, performer=DiesAfter(world, count), settings=asked)
    assert _outcomes(tmp_path)[-1] == (world.performed[-1], Outcome.BEGUN)
    assert _apply(world, tmp_path, settings=asked).left.actions == ()
    assert world.estate == whole.estate
    assert len(set(world.performed)) == len(world.performed)


@pytest.mark.sandbox
def test_killed_after_every_action_on_aws(
    sandbox_without_archive: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Killed after each single action, each next apply goes on, until everything is in force and none was twice."""
    Verbs(sandbox_without_archive, monkeypatch, tmp_path)
    asked = parse_config(settings(**CREATED))
    done = []
    for _ in range(30):
        accounts = Accounts(region=asked.trail_region, role=asked.archive.access_role)
        actor = Actor(accounts, Patience(clock=lambda: 0.0, sleep=lambda _: None))
        try:
            applied = apply(
                asked,
                observe=lambda reach=accounts: observe(reach, asked),  # type: ignore[misc]  # bound early on purpose
                performer=DiesAfter(actor, 1),
                journal=Journal(tmp_path / "j" / "journal.jsonl", now=lambda: NOW),
                report=Says(),
            )
        except Killed:
            done.append(_outcomes(tmp_path)[-1])
            continue
        assert applied.performed == ()
        assert applied.left.actions == ()
        break
    assert {outcome for _, outcome in done} == {Outcome.BEGUN}
    assert (done[0][0], done[-1][0]) == ("account.create", "rcp.attach")
    assert len({action for action, _ in done}) == len(done)
