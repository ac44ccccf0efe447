"""``apply`` observes twice, acts in order, journals, and goes on where an earlier one was killed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from msgspec.structs import replace

from estates import config, created_archive, nothing
from guard_verbs import CREATED, Verbs, deliver_logs, settings
from killing import DiesAfter, Killed, killed_until_done
from trailkeep.aws.act import Performer
from trailkeep.aws.journal import Journal, Outcome
from trailkeep.aws.probes import Probe
from trailkeep.core.config import Config, parse_config
from trailkeep.core.errors import AwsCallError, StoppedError, UncheckedError
from trailkeep.core.verdict import ExitCode, VerdictKind
from trailkeep.guard.arrival import Arrival
from trailkeep.guard.blueprint import Blueprint
from trailkeep.guard.changes import Action
from trailkeep.guard.estate import Absent, Estate, Unreadable
from trailkeep.guard.irreversible import Sheet, irreversibility_sheet
from trailkeep.guard.model import apply_all
from trailkeep.guard.plan import Plan
from trailkeep.sandbox.organization import Sandbox
from trailkeep.workflows.apply import Applied, apply

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


class World:
    """An estate that actions change as the planner thinks they do; a member's log is there, guards hold."""

    def __init__(self, estate: Estate) -> None:
        self.estate = estate
        self.performed: list[str] = []
        self.found = Arrival(awaited=("333333333333",), account="333333333333", key="a-log")
        self.verdict = VerdictKind.PASS

    def arrival(self, blueprint: Blueprint, estate: Estate) -> Arrival:
        """Return what was found."""
        del blueprint, estate
        return self.found

    def sheet(self, blueprint: Blueprint, estate: Estate, proposed: Plan) -> Sheet:
        """Return the sheet without a measured day."""
        return irreversibility_sheet(blueprint, estate, proposed.actions, now=NOW)

    def probes(self, blueprint: Blueprint, locked_since: datetime | None) -> tuple[Probe, ...]:
        """Return one probe with the verdict."""
        del locked_since
        got = {VerdictKind.PASS: "AccessDenied", VerdictKind.FAIL: "success", VerdictKind.UNKNOWN: "SlowDown"}
        return (
            Probe(
                call="s3:DeleteObjectVersion",
                target=blueprint.bucket,
                expected="AccessDenied",
                got=got[self.verdict],
                message="",
                verdict=self.verdict,
            ),
        )

    def observe(self) -> Estate:
        """Return what there is now."""
        return self.estate

    def perform(self, action: Action) -> str:
        """Change the estate."""
        self.performed.append(action.id)
        self.estate = apply_all(self.estate, [action])
        return action.target


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
        self.sheets: list[Sheet | None] = []

    def agree(self, proposed: Plan, sheet: Sheet | None) -> bool:
        """Answer."""
        self.shown.append(proposed)
        self.sheets.append(sheet)
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
    arm: bool = True,
) -> Applied:
    return apply(
        settings or config(),
        observe=world.observe,
        performer=performer or world,
        journal=Journal(folder / "j" / "journal.jsonl", now=lambda: NOW),
        report=says or Says(),
        verifier=world,
        arm=arm,
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
    """Killed after any action of either phase, the next apply of that phase does the rest, nothing twice."""
    asked = created_archive()
    start = replace(nothing(), archive_account=Absent())
    whole = World(start)
    _apply(whole, tmp_path / "whole", settings=asked)
    world = World(start)
    dying = DiesAfter(world, count)
    with pytest.raises(Killed):
        [_apply(world, tmp_path, performer=dying, settings=asked, arm=arm) for arm in (False, True)]
    assert _outcomes(tmp_path)[-1] == (world.performed[-1], Outcome.BEGUN)
    for arm in (False, True):
        left = _apply(world, tmp_path, settings=asked, arm=arm).left
        assert left.actions == ()
    assert left.waiting == ()
    assert replace(world.estate, trails=()) == replace(whole.estate, trails=())
    assert len(set(world.performed)) == len(world.performed)


def test_building_arms_nothing(tmp_path: Path) -> None:
    """Without arm no log is locked and no guard attached; it looks for a log and probes nothing."""
    world = World(nothing())
    says = Says()
    applied = _apply(world, tmp_path, says=says, arm=False)
    assert {"bucket.object_lock", "bucket.policy.arm", "scp.attach"}.isdisjoint(world.performed)
    assert (applied.arrival, applied.probes, applied.sheet) == (world.found, (), None)
    assert (says.sheets, applied.exit_code) == ([None], ExitCode.FOUND)


def test_no_arming_before_a_log_arrived(tmp_path: Path) -> None:
    """Without a member's log arming is refused before anybody is asked, and nothing is performed."""
    world, says = World(nothing()), Says()
    world.found = Arrival(awaited=("333333333333",))
    with pytest.raises(StoppedError, match="expected a member account's log before the archive is armed"):
        _apply(world, tmp_path, says=says)
    assert (says.shown, world.performed) == ([], [])


def test_no_arming_while_deliveries_fail(tmp_path: Path) -> None:
    """An old log does not help where the last delivery failed; the error is named."""
    world = World(nothing())
    world.found = replace(world.found, delivery_error="AccessDenied")
    with pytest.raises(StoppedError, match=r"GetTrailStatus says: AccessDenied"):
        _apply(world, tmp_path)


def test_no_arming_where_nobody_could_look(tmp_path: Path) -> None:
    """A listing that is refused is UNKNOWN, not a missing log."""
    world = World(nothing())
    world.found = Arrival(awaited=("333333333333",), error="s3:ListObjectsV2: AccessDenied: no")
    with pytest.raises(UncheckedError, match="s3:ListObjectsV2: AccessDenied: no"):
        _apply(world, tmp_path)


def test_an_armed_archive_needs_no_log(tmp_path: Path) -> None:
    """Where nothing is left to arm, arming again only probes."""
    world = World(nothing())
    _apply(world, tmp_path)
    world.found = Arrival(awaited=("333333333333",))
    applied = _apply(world, tmp_path)
    assert (applied.performed, len(applied.probes), applied.exit_code) == ((), 1, ExitCode.OK)


@pytest.mark.parametrize(
    ("verdict", "code"),
    [
        (VerdictKind.PASS, ExitCode.OK),
        (VerdictKind.FAIL, ExitCode.FOUND),
        (VerdictKind.UNKNOWN, ExitCode.UNKNOWN),
    ],
)
def test_a_probe_decides(tmp_path: Path, verdict: VerdictKind, code: ExitCode) -> None:
    """A guard that lets a probe through is exit code 1, a probe without an answer 3, and the journal has it."""
    world = World(nothing())
    world.verdict = verdict
    assert _apply(world, tmp_path).exit_code == code
    outcome = Outcome.DONE if verdict is VerdictKind.PASS else Outcome.FAILED
    assert _outcomes(tmp_path)[-1] == ("probe.s3:DeleteObjectVersion", outcome)


def test_the_sheet_is_shown_before_asking(tmp_path: Path) -> None:
    """Whoever is asked to arm has seen what is final, and may decline."""
    world, says = World(nothing()), Says(yes=False)
    applied = _apply(world, tmp_path, says=says)
    assert says.sheets == [applied.sheet]
    assert applied.sheet is not None
    assert (applied.sheet.mode, applied.probes, world.performed) == ("GOVERNANCE", (), [])


@pytest.mark.sandbox
def test_killed_after_every_action_on_aws(
    sandbox_without_archive: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Killed after each action of both phases, each next apply goes on, until all is in force and none twice."""
    Verbs(sandbox_without_archive, monkeypatch, tmp_path)
    asked = parse_config(settings(**CREATED))
    built, last = killed_until_done(asked, tmp_path, arm=False)
    assert not last.probes
    deliver_logs(sandbox_without_archive)
    armed, last = killed_until_done(asked, tmp_path, arm=True)
    assert last.probes
    assert (built[0], built[-1]) == ("account.create", "trail.start")
    assert armed == [
        "bucket.object_lock",
        "bucket.policy.arm",
        "scp.enable",
        "rcp.enable",
        "scp.create",
        "members.create",
        "rcp.create",
        "scp.attach",
        "members.attach",
        "rcp.attach",
    ]
    assert len({*built, *armed}) == len(built) + len(armed)
