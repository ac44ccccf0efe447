"""Which denies no verdict rests on: each is taken away in turn, and its threats are proved again.

A statement is redundant when without it every verdict stays the same, and so does everything behind it: which
controls suffice, how many must fail, who gets through and who remains. It may still be there for something
that no threat of the catalogue is about, such as requests over plain HTTP. Statements that allow are no
guards: taking one away never lets anybody through.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from trailkeep.guard.prove import prove_threat
from trailkeep.guard.prove_closure import Prover
from trailkeep.guard.prove_guards import Guard, Guards, Levels, about
from trailkeep.guard.prove_model import Redundant, ThreatVerdict
from trailkeep.guard.statement import Effect, Statement
from trailkeep.guard.threat import Threat

__all__ = ["redundant_statements"]

_Signature = tuple[object, ...]


def redundant_statements(prover: Prover, threats: Iterable[Threat]) -> tuple[Redundant, ...]:
    """Return the denies without which the verdicts on these threats are the same.

    Each is taken away alone: of two that say the same both are named, and one of them must stay.
    """
    return tuple(_redundant(prover, tuple(threats)))


def _redundant(prover: Prover, threats: tuple[Threat, ...]) -> Iterator[Redundant]:
    whole: dict[str, _Signature] = {}
    for guard in prover.guards.guards:
        for statement in guard.policy.statements:
            if statement.effect is not Effect.DENY:
                continue
            meant = [threat for threat in threats if any(about(statement, one) for one in threat.actions)]
            rest = prover.beside(_without(prover.guards, guard, statement))
            for threat in meant:
                before = whole.get(threat.id) or _signature(prove_threat(threat, prover))
                whole[threat.id] = before
                if _signature(prove_threat(threat, rest)) != before:
                    break
            else:
                yield Redundant(document=guard.name, control=guard.control.value, statement=statement.label)


def _signature(verdict: ThreatVerdict) -> _Signature:
    """Return all of a verdict that a change of a policy may change for the worse."""
    return verdict.verdict, verdict.layers, verdict.depth, verdict.who, verdict.remaining


def _without(guards: Guards, guard: Guard, statement: Statement) -> Guards:
    """Return the guards with a statement taken out of a document, wherever that is attached."""
    kept = tuple(one for one in guard.policy.statements if one != statement)
    changed = replace(guard, policy=replace(guard.policy, statements=kept))

    def swapped(one: Guard | None) -> Guard | None:
        return changed if one == guard else one

    def on_path(levels: Levels) -> Levels:
        return tuple(tuple(changed if one == guard else one for one in level) for level in levels)

    return replace(
        guards,
        scps=on_path(guards.scps),
        rcps=on_path(guards.rcps),
        bucket_policy=swapped(guards.bucket_policy),
        key_policy=swapped(guards.key_policy),
        members=tuple(replace(path, scps=on_path(path.scps)) for path in guards.members),
    )
