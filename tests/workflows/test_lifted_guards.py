"""A plan that lifts guards puts them back, wherever it fails and whoever interrupts it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from guard_verbs import Verbs, settings
from trailkeep.aws.act import Actor, Performer
from trailkeep.aws.journal import Journal, Outcome
from trailkeep.aws.observe import observe
from trailkeep.aws.patience import Patience
from trailkeep.aws.session import Accounts
from trailkeep.aws.verify import AwsVerifier
from trailkeep.core.config import parse_config
from trailkeep.core.errors import AwsCallError, InterruptedRunError, StoppedError
from trailkeep.guard.changes import Action
from trailkeep.guard.decisions import Allowance
from trailkeep.guard.irreversible import Sheet
from trailkeep.guard.plan import Plan
from trailkeep.sandbox.organization import LOG_ARCHIVE_ACCOUNT_ID, Sandbox
from trailkeep.workflows.apply import Applied, apply

pytestmark = pytest.mark.sandbox

LIFTING = ("scp.detach", "rcp.detach", "bucket.object_lock", "scp.attach", "rcp.attach")
GUARDS = ["trailkeep-archive", "trailkeep-archive-resources"]


class _Yes:
    def agree(self, proposed: Plan, sheet: Sheet | None) -> bool:
        """Agree."""
        del proposed, sheet
        return True

    def doing(self, action: Action) -> None:
        """Hear of an action."""


class _Breaks:
    """Raises at some actions, before AWS is asked or after it has done what it was asked."""

    def __init__(self, performer: Performer, errors: dict[str, BaseException], *, after: bool) -> None:
        self._performer = performer
        self._errors = errors
        self._after = after

    def perform(self, action: Action) -> str:
        """Perform an action, or not, and raise."""
        error = self._errors.get(action.id)
        if error is None or self._after:
            target = self._performer.perform(action)
        if error is not None:
            self._errors.pop(action.id)
            raise error
        return target


class _Archive:
    """An armed archive whose number of days is raised."""

    def __init__(self, sandbox: Sandbox, folder: Path) -> None:
        self._sandbox = sandbox
        self._folder = folder
        self.now = 0.0

    def _sleep(self, seconds: float) -> None:
        self.now += seconds

    def raise_days(
        self, days: int, errors: dict[str, BaseException] | None = None, *, after: bool = False
    ) -> Applied:
        """Apply with the guards lifted."""
        config = parse_config(settings(days=str(days)))
        accounts = Accounts(region=config.trail_region, role=config.archive.access_role)
        patience = Patience(clock=lambda: self.now, sleep=self._sleep)
        return apply(
            config,
            observe=lambda: observe(accounts, config),
            performer=_Breaks(Actor(accounts, patience), errors or {}, after=after),
            verifier=AwsVerifier(accounts=accounts, patience=patience, now=lambda: datetime.now(UTC)),
            journal=Journal(self._folder / "journal.jsonl", now=lambda: datetime(2026, 1, 2, tzinfo=UTC)),
            report=_Yes(),
            allow=frozenset({Allowance.LIFT_GUARDS}),
            arm=True,
        )

    def guards(self) -> list[str]:
        """Return the guards that are attached to the archive account."""
        client = self._sandbox.client("organizations")
        return sorted(
            policy["Name"]
            for kind in ("SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY")
            for policy in client.list_policies_for_target(TargetId=LOG_ARCHIVE_ACCOUNT_ID, Filter=kind)[
                "Policies"
            ]
            if policy["Name"].startswith("trailkeep-")
        )

    def journal(self) -> list[tuple[str, Outcome]]:
        """Return what was begun, done and failed."""
        entries = Journal(self._folder / "journal.jsonl", now=lambda: datetime.now(UTC)).read()
        return [(entry.action, entry.outcome) for entry in entries]


@pytest.fixture
def archive(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> _Archive:
    """An armed archive."""
    verbs = Verbs(sandbox, monkeypatch, tmp_path)
    verbs.write()
    armed = verbs.armed()
    assert armed.exit_code == 0, armed.stderr
    made = _Archive(sandbox, tmp_path)
    assert made.guards() == GUARDS
    return made


_ERRORS: dict[str, Callable[[], BaseException]] = {
    "refused": lambda: AwsCallError("x:Y", "AccessDenied", "no"),
    "no answer": lambda: AwsCallError("x:Y", "ReadTimeoutError", "nothing came"),
    "interrupted": KeyboardInterrupt,
    "a defect": lambda: ValueError("a defect"),
}


@pytest.mark.parametrize(
    ("kind", "when"),
    [
        ("refused", "before"),
        ("no answer", "after"),
        ("interrupted", "before"),
        ("interrupted", "after"),
        ("a defect", "before"),
    ],
)
def test_guards_are_on_wherever_it_breaks(archive: _Archive, kind: str, when: str) -> None:
    """Whatever breaks which action of a plan that lifts guards, all of them are attached when it ends."""
    for number, broken in enumerate(LIFTING):
        with pytest.raises((StoppedError, KeyboardInterrupt, ValueError)) as caught:
            archive.raise_days(500 + number, {broken: _ERRORS[kind]()}, after=when == "after")
        assert archive.guards() == GUARDS, broken
        if kind != "a defect" and number not in {0, 4} and not isinstance(caught.value, KeyboardInterrupt):
            assert "on again; " in str(caught.value), broken
        assert "still off" not in str(caught.value)
    assert archive.raise_days(600).left.actions == ()


def test_what_puts_back_is_in_the_journal(archive: _Archive) -> None:
    """The attachments after a failure are journaled like any other, and the message says that they are on."""
    said = (
        r"^bucket\.object_lock .*got x:Y: AccessDenied: no; trailkeep-archive at 222222222222 and "
        r"trailkeep-archive-resources at 222222222222, lifted for the change, are on again; "
        r"the 2 actions before it stay, correct the cause and run 'trailkeep apply' again$"
    )
    with pytest.raises(StoppedError, match=said):
        archive.raise_days(500, {"bucket.object_lock": _ERRORS["refused"]()})
    assert archive.journal()[-6:] == [
        ("bucket.object_lock", Outcome.BEGUN),
        ("bucket.object_lock", Outcome.FAILED),
        ("scp.attach", Outcome.BEGUN),
        ("scp.attach", Outcome.DONE),
        ("rcp.attach", Outcome.BEGUN),
        ("rcp.attach", Outcome.DONE),
    ]


def test_a_guard_that_stays_off_is_named(archive: _Archive) -> None:
    """A second failure is told with the first, names the guard, and the command that it gives attaches it."""
    errors = {"bucket.object_lock": _ERRORS["refused"](), "scp.attach": _ERRORS["no answer"]()}
    with pytest.raises(StoppedError) as caught:
        archive.raise_days(500, errors)
    said = str(caught.value)
    assert "trailkeep-archive-resources at 222222222222, lifted for the change, is on again; " in said
    assert "still off is trailkeep-archive at 222222222222 (x:Y: ReadTimeoutError: nothing came)" in said
    assert "'aws organizations attach-policy --policy-id p-" in said
    assert "--target-id 222222222222' or 'trailkeep apply --arm'" in said
    assert archive.guards() == GUARDS[1:]
    assert archive.raise_days(500).left.actions == ()
    assert archive.guards() == GUARDS


def test_a_second_interrupt_gives_up_at_once(archive: _Archive) -> None:
    """Ctrl-C while the guards go back on ends it there, and names what is off; the exit code is Ctrl-C's."""
    errors: dict[str, BaseException] = {
        "bucket.object_lock": KeyboardInterrupt(),
        "scp.attach": KeyboardInterrupt(),
    }
    with pytest.raises(
        InterruptedRunError, match=r"still off is trailkeep-archive at .*interrupted again"
    ) as told:
        archive.raise_days(500, errors)
    assert (told.value.exit_code, archive.guards()) == (130, [])
    assert "still off is trailkeep-archive-resources" in str(told.value)


def test_refusals_of_a_lifted_guard_are_waited_out(sandbox: Sandbox, archive: _Archive) -> None:
    """S3 may refuse for a while after a guard was taken off; that is not the end of the plan."""
    sandbox.inject("PutObjectLockConfiguration", error="AccessDenied", times=5)
    before = archive.now
    assert archive.raise_days(500).left.actions == ()
    assert (archive.now - before, sandbox.injected.left, archive.guards()) == (30, {}, GUARDS)


def test_a_refusal_that_stays_ends_with_the_guards_on(sandbox: Sandbox, archive: _Archive) -> None:
    """Where S3 goes on refusing, apply ends within its deadline and the guards are on again."""
    sandbox.inject("PutObjectLockConfiguration", error="AccessDenied")
    with pytest.raises(StoppedError, match=r"still so after 180 s; see that the role may do it .*on again"):
        archive.raise_days(500)
    assert archive.now <= 180
    assert archive.guards() == GUARDS
