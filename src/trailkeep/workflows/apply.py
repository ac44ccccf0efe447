"""``apply``: observe, show, agree, observe again, act, and observe what is now in force.

Without ``arm`` it builds, and ends by looking whether a member account's log has arrived. With ``arm`` it
refuses before that, unless the archive was armed before, and ends with probes that the guards must refuse.
"""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

import msgspec
from msgspec.structs import replace

from trailkeep.aws.act import Performer
from trailkeep.aws.journal import Journal
from trailkeep.aws.probes import Probe, verdict_of
from trailkeep.core.config import Config
from trailkeep.core.errors import StoppedError, UncheckedError
from trailkeep.core.verdict import ExitCode, VerdictKind, worst
from trailkeep.guard.account_limits import not_probed
from trailkeep.guard.armed_before import must_wait
from trailkeep.guard.arrival import Arrival, refusal
from trailkeep.guard.blueprint import Blueprint, blueprint_for
from trailkeep.guard.changes import Action, PutObjectLock
from trailkeep.guard.decisions import Allowance
from trailkeep.guard.estate import Estate
from trailkeep.guard.irreversible import Sheet
from trailkeep.guard.plan import Plan
from trailkeep.guard.plan_bucket_policy import is_armed
from trailkeep.guard.plan_guards import in_force
from trailkeep.guard.shown import not_shown
from trailkeep.workflows.performing import perform_all
from trailkeep.workflows.plan import Observe, plan

__all__ = ["Applied", "Report", "Verifier", "apply", "check_unmoved"]


class Applied(msgspec.Struct, frozen=True, kw_only=True):
    """What was done, and the plan that is left; an empty one means that everything asked for is in force.

    ``arrival`` is None where nobody looked, ``probes`` are empty where nothing is armed, ``sheet`` is
    there where the archive was to be armed.
    """

    performed: tuple[Action, ...]
    left: Plan
    arrival: Arrival | None = None
    probes: tuple[Probe, ...] = ()
    sheet: Sheet | None = None
    not_probed: tuple[str, ...] = ()

    @property
    def exit_code(self) -> ExitCode:
        """A probe that was not refused over what is unknown over what is left."""
        probed = worst([verdict_of(probe) for probe in self.probes]) if self.probes else None
        if probed is None or probed.kind is VerdictKind.PASS:
            return self.left.exit_code
        return probed.exit_code


class Report(Protocol):
    """Who is told and asked on the way."""

    def agree(self, proposed: Plan, sheet: Sheet | None) -> bool:
        """Show the plan, and what is final after it, and return whether it shall be performed."""
        ...

    def doing(self, action: Action) -> None:
        """Say that an action begins."""
        ...


class Verifier(Protocol):
    """Looks at AWS beside the plan."""

    def arrival(self, blueprint: Blueprint, estate: Estate) -> Arrival:
        """Return whether a member account's log is in the archive."""
        ...

    def sheet(self, blueprint: Blueprint, estate: Estate, proposed: Plan) -> Sheet:
        """Return what is final after a plan."""
        ...

    def probes(self, blueprint: Blueprint, locked_since: datetime | None) -> tuple[Probe, ...]:
        """Return what AWS answers to calls that must be refused, and what a log shows of the lock."""
        ...


def apply(
    config: Config,
    *,
    observe: Observe,
    performer: Performer,
    journal: Journal,
    report: Report,
    verifier: Verifier,
    allow: frozenset[Allowance] = frozenset(),
    fingerprint: str = "",
    arm: bool = False,
) -> Applied:
    """Perform the plan and return what was done and what is left.

    With a ``fingerprint`` exactly the plan that was reviewed under it is performed, or none.

    Raises:
        UncheckedError: a fact that the plan needs could not be read.
        StoppedError: what was observed moved since the plan was shown, an action failed, or no member
            account's log has arrived and the archive was to be armed; what was performed before stays, and
            the next apply goes on from there.
        InterruptedRunError: Ctrl-C while guards were lifted.
    """
    seen = observe()
    shown = plan(config, seen, allow=allow, arm=arm)
    check_unmoved(fingerprint, shown.fingerprint)
    sheet = None
    if arm and not shown.unknown:
        blueprint = blueprint_for(config, seen)
        if _must_wait(blueprint, seen, plan(config, seen, allow=allow), journal):
            _check_arrival(blueprint, verifier.arrival(blueprint, seen))
        sheet = verifier.sheet(blueprint, seen, shown)
    agreed = report.agree(shown, sheet)
    if shown.unknown:
        first = shown.unknown[0]
        raise UncheckedError(
            f"plan: expected every fact to be readable, got {len(shown.unknown)} that are not, "
            f"the first: {first.call}: {first.error}; allow the call and run 'trailkeep apply' again"
        )
    if shown.actions and not agreed:
        return Applied(performed=(), left=shown, sheet=sheet)
    if shown.actions:
        current = plan(config, observe(), allow=allow, arm=arm)
        check_unmoved(shown.fingerprint, current.fingerprint)
        perform_all(current, doing=report.doing, performer=performer, journal=journal)
        seen = observe()
    return _verified(config, seen, shown, verifier, journal, arm=arm, sheet=sheet)


def _must_wait(blueprint: Blueprint, seen: Estate, built: Plan, journal: Journal) -> bool:
    """Return whether what waits for ``arm`` in a plan without it must wait for a log."""
    arming = [waiting.action for waiting in built.waiting]
    in_journal = not blueprint.is_of_organization and journal.was_armed(blueprint.bucket, blueprint.trail_arn)
    return must_wait(blueprint, seen, arming, in_journal=in_journal)


def _check_arrival(blueprint: Blueprint, arrival: Arrival) -> None:
    if reason := refusal(blueprint, arrival):
        raise (UncheckedError if arrival.error else StoppedError)(reason)


def _verified(
    config: Config,
    seen: Estate,
    shown: Plan,
    verifier: Verifier,
    journal: Journal,
    *,
    arm: bool,
    sheet: Sheet | None,
) -> Applied:
    """Return what was done, with the arrival that arming waits for, or the probes of the armed archive."""
    left = plan(config, seen, arm=arm)
    blueprint = blueprint_for(config, seen)
    arrival = None
    if left.waiting:
        waits = _must_wait(blueprint, seen, left, journal)
        arrival = replace(verifier.arrival(blueprint, seen), must_arrive=waits)
    probes: tuple[Probe, ...] = ()
    not_made: tuple[str, ...] = ()
    armed = in_force(blueprint, seen) or is_armed(blueprint, seen)
    if arm and (armed or not blueprint.is_of_organization):
        probes = verifier.probes(blueprint, journal.done_at(PutObjectLock.__name__, blueprint.bucket))
        not_made = (
            *not_probed(blueprint, (probe.call for probe in probes)),
            *not_shown(blueprint, ((probe.call, probe.refused_by) for probe in probes)),
        )
    for probe in probes:
        journal.write_probe(shown.fingerprint, blueprint.archive_account, probe)
    return Applied(
        performed=shown.actions,
        left=left,
        arrival=arrival,
        probes=probes,
        sheet=sheet,
        not_probed=not_made,
    )


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
