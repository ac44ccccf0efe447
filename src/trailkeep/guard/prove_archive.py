"""The whole proof of an archive: every threat, what an administrator would need, and what was assumed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from trailkeep.guard.prove import prove_threat
from trailkeep.guard.prove_closure import Prover
from trailkeep.guard.prove_guards import Guards
from trailkeep.guard.prove_model import Proof
from trailkeep.guard.threat import Control, Threat
from trailkeep.guard.threats import THREATS

__all__ = ["ASSUMPTIONS", "prove_archive"]

ASSUMPTIONS = (
    "every identity is an administrator: no verdict depends on identity policies, boundaries or sessions",
    "service-linked roles may do whatever no bucket or key policy denies; nobody can assume one, so they "
    "decide only the threat that is about them",
    "nothing binds the management account in its own account",
    "an account to which the management account delegates may be any member, where it is not known",
    "Object Lock is known from the default retention of the bucket, not from each version",
    "ACLs are off and grants of the key are not considered",
    "the rules of AWS are those of the dated documentation that the evaluator follows",
)
"""What every proof takes for granted."""


def prove_archive(guards: Guards, threats: Iterable[Threat] = THREATS) -> Proof:
    """Return the verdict on every threat."""
    prover = Prover(guards=guards)
    return Proof(
        threats=tuple(prove_threat(threat, prover) for threat in threats),
        assumptions=(*ASSUMPTIONS, *guards.notes),
        unread=tuple(_unread(guards)),
    )


def _unread(guards: Guards) -> Iterator[str]:
    yield from dict.fromkeys(
        (*guards.problems, *(guards.unread[control] for control in Control if control in guards.unread))
    )
