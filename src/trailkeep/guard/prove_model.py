"""What ``prove`` answers, as plain data: verdicts, witnesses, fixes and plans.

The JSON document ``prove/1`` is made of these. Principals and resources are ARNs; a key of a context is there
with its values where the request needs it, and whatever is not there does not matter.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import msgspec

from trailkeep.core.verdict import ExitCode
from trailkeep.guard.evaluate import Request
from trailkeep.guard.principals import PrincipalKind, implied_context

__all__ = ["Fix", "Outcome", "Plan", "Proof", "Redundant", "ThreatVerdict", "Witness", "witness_of"]


class Outcome(StrEnum):
    """The four answers; UNDECIDED is never "safe"."""

    PROVED = "PROVED"
    COUNTEREXAMPLE = "COUNTEREXAMPLE"
    RESIDUAL = "RESIDUAL"
    UNDECIDED = "UNDECIDED"


class Witness(msgspec.Struct, frozen=True, kw_only=True):
    """One request that gets through."""

    principal: str
    kind: str
    account: str
    action: str
    resource: str
    resource_account: str
    context: dict[str, tuple[str, ...]]


class Fix(msgspec.Struct, frozen=True, kw_only=True):
    """A change of one policy that was applied and proved to close the threat.

    ``statements`` are those that are added or changed, ``policy`` the whole document with it, ``diff`` the
    change as text.
    """

    document: str
    control: str
    statements: tuple[dict[str, Any], ...]
    policy: dict[str, Any]
    diff: str


class ThreatVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """What was found about one threat.

    Attributes:
        id: of the catalogue.
        title: of the catalogue.
        verdict: the answer.
        effect: what becomes of the evidence.
        reason: why, in words.
        layers: controls each of which suffices; empty: none is needed, or none alone does.
        depth: how many controls must fail; 0: it is open; None: it depends on none.
        who: classes of callers that are not refused.
        remaining: classes that no customer controls, or that nothing binds, and are not refused.
        witness: a request that gets through; of several that are needed the last.
        before: the requests of the same caller that are needed before it.
        allowed_by: what lets it through.
        missing: what is not there that would refuse it.
        fix: the smallest change that is proved to close it.
        remains: what is left where it is closed.
    """

    id: str
    title: str
    verdict: Outcome
    effect: str
    reason: str = ""
    layers: tuple[str, ...] = ()
    depth: int | None = None
    who: tuple[str, ...] = ()
    remaining: tuple[str, ...] = ()
    witness: Witness | None = None
    before: tuple[Witness, ...] = ()
    allowed_by: str = ""
    missing: str = ""
    fix: tuple[Fix, ...] = ()
    remains: str = ""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """The shortest calls with which an administrator gets there; none where no calls do, with the reason.

    ``opened_by`` is another threat that is a counterexample, and with whose call the plan of an administrator
    of the archive begins: the threat itself may be proved, and is not out of reach.
    """

    threat: str
    actor: str
    calls: tuple[str, ...] | None
    reason: str = ""
    opened_by: str = ""


class Redundant(msgspec.Struct, frozen=True, kw_only=True):
    """A deny without which every verdict is the same; ``statement`` is its Sid or its position from 0."""

    document: str
    control: str
    statement: str


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """The whole answer; ``redundant`` is None where it was not asked for, or something was not read."""

    threats: tuple[ThreatVerdict, ...]
    plans: tuple[Plan, ...] = ()
    assumptions: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    redundant: tuple[Redundant, ...] | None = None

    @property
    def exit_code(self) -> ExitCode:
        """1 with a counterexample or a way through one, 3 where something is not decided or read, else 0."""
        outcomes = {threat.verdict for threat in self.threats}
        if Outcome.COUNTEREXAMPLE in outcomes or any(plan.opened_by for plan in self.plans):
            return ExitCode.FOUND
        if Outcome.UNDECIDED in outcomes or self.unread or not outcomes:
            return ExitCode.UNKNOWN
        return ExitCode.OK

    def count(self, outcome: Outcome) -> int:
        """Return how many threats have an outcome."""
        return sum(threat.verdict is outcome for threat in self.threats)


def witness_of(request: Request) -> Witness:
    """Return a request as data."""
    principal = request.principal
    match principal.kind:
        case PrincipalKind.ROOT:
            name = principal.arn or f"arn:aws:iam::{principal.account}:root"
        case PrincipalKind.SERVICE:
            name = principal.service
        case PrincipalKind.ANONYMOUS:
            name = "anonymous"
        case PrincipalKind.IAM | PrincipalKind.SERVICE_LINKED_ROLE:
            name = principal.arn
    return Witness(
        principal=name,
        kind=principal.kind.value,
        account=principal.account,
        action=request.action,
        resource=request.resource,
        resource_account=request.resource_account_id,
        context={key: tuple(values) for key, values in _told(request)},
    )


def _told(request: Request) -> list[tuple[str, tuple[str, ...]]]:
    """Return the condition keys that do not follow from the caller."""
    implied = implied_context(request.principal)
    return [
        (key, values)
        for key, values in sorted(request.context.items())
        if values and implied.get(key.lower()) != values
    ]
