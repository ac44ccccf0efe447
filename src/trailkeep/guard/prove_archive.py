"""The whole proof of an archive: every threat, what an administrator would need, and what was assumed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from trailkeep.guard.prove import prove_threat
from trailkeep.guard.prove_closure import Prover
from trailkeep.guard.prove_fix import smallest_fix
from trailkeep.guard.prove_guards import Guards
from trailkeep.guard.prove_model import Outcome, Plan, Proof, ThreatVerdict
from trailkeep.guard.prove_pairs import open_pairs
from trailkeep.guard.prove_plans import GOALS, plans
from trailkeep.guard.prove_redundant import redundant_statements
from trailkeep.guard.threat import Control, Threat
from trailkeep.guard.threats import THREATS

__all__ = ["ASSUMPTIONS", "prove_archive", "worst_of"]

ASSUMPTIONS = (
    "every identity is an administrator: no verdict depends on identity policies, boundaries or sessions",
    "service-linked roles decide only the threat that is about them: nobody can assume one",
    "nothing binds the management account in its own account",
    "an account to which the management account delegates may be any member, where it is not known",
    "Object Lock is known from the default retention of the bucket, not from each version",
    "ACLs are off and grants of the key are not considered",
    "the rules of AWS are those of the dated documentation that the evaluator follows",
)
"""What every proof takes for granted."""


def prove_archive(
    guards: Guards, threats: Iterable[Threat] = THREATS, *, with_redundant: bool = False
) -> Proof:
    """Return the verdict on every threat, with a fix where one is open, and the plans of administrators.

    Of all threats the plans for ``GOALS`` are made, of a few those for each of them; none where something
    was not read, because then nobody knows what stands in their way. ``with_redundant``: also look for the
    denies that no verdict rests on, which proves most threats once more for each; not where something was not
    read, because a verdict that is open rests on nothing.
    """
    listed, prover = tuple(threats), Prover(guards=guards)
    meant = [threat for threat in listed if len(listed) < len(GOALS) or threat.id in GOALS]
    return Proof(
        threats=tuple(_with_fix(threat, prover) for threat in listed),
        plans=() if guards.unread else tuple(plans(meant, prover)),
        assumptions=(*ASSUMPTIONS, *guards.notes),
        unread=tuple(_unread(guards)),
        redundant=redundant_statements(prover, listed) if with_redundant and not guards.unread else None,
    )


def worst_of(proofs: Sequence[Proof]) -> Proof:
    """Return for each threat the worst of several proofs, which differ in what nobody knows.

    A layer suffices where it does in all of them, and the depth is the least. Of the plans the shortest
    count, those that another threat opens first; what is assumed or unread in any of them counts, and what is
    redundant in all of them.
    """
    first, found = proofs[0], [proof.redundant for proof in proofs]
    return msgspec.structs.replace(
        first,
        threats=tuple(map(_worst, zip(*(proof.threats for proof in proofs), strict=True))),
        plans=tuple(_shortest_plans(plan for proof in proofs for plan in proof.plans)),
        assumptions=tuple(dict.fromkeys(text for proof in proofs for text in proof.assumptions)),
        unread=tuple(dict.fromkeys(text for proof in proofs for text in proof.unread)),
        redundant=None
        if first.redundant is None
        else tuple(one for one in first.redundant if all(one in (listed or ()) for listed in found)),
    )


def _shortest_plans(found: Iterable[Plan]) -> Iterator[Plan]:
    """Yield for each threat and administrator the plan that needs the least."""
    alike: dict[tuple[str, str], list[Plan]] = {}
    for plan in found:
        alike.setdefault((plan.threat, plan.actor), []).append(plan)
    for plans_ in alike.values():
        yield min(plans_, key=lambda plan: (not plan.opened_by, plan.calls is None, len(plan.calls or ())))


_ORDER = (Outcome.COUNTEREXAMPLE, Outcome.UNDECIDED, Outcome.RESIDUAL, Outcome.PROVED)


def _worst(alike: Sequence[ThreatVerdict]) -> ThreatVerdict:
    chosen = min(alike, key=lambda verdict: _ORDER.index(verdict.verdict))
    needing = [one for one in alike if one.depth is not None]
    if not needing or chosen.verdict not in {Outcome.PROVED, Outcome.RESIDUAL}:
        return chosen
    layers = tuple(layer for layer in needing[0].layers if all(layer in one.layers for one in needing))
    depth = min(one.depth for one in needing if one.depth is not None)
    return msgspec.structs.replace(chosen, layers=layers, depth=depth)


def _with_fix(threat: Threat, prover: Prover) -> ThreatVerdict:
    verdict = prove_threat(threat, prover)
    if verdict.verdict is not Outcome.COUNTEREXAMPLE or verdict.witness is None:
        return verdict
    fix = smallest_fix(threat, prover, open_pairs(threat, prover))
    missing = verdict.missing
    if not fix and not prover.guards.facts.trail and "s3:PutObject" in threat.actions:
        missing = f"{missing}; no change is proposed without the ARN of the trail: name it in params.json"
    return msgspec.structs.replace(verdict, fix=fix, missing=missing)


def _unread(guards: Guards) -> Iterator[str]:
    yield from dict.fromkeys(
        (*guards.problems, *(guards.unread[control] for control in Control if control in guards.unread))
    )
