"""Every way of a threat for every class of callers, and what refuses it.

Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock.html,
https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-points-policies.html
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from trailkeep.guard.facts import Standing, Stands, standing
from trailkeep.guard.prove_callers import Asker, askers
from trailkeep.guard.prove_closure import Closure, Prover, minimal
from trailkeep.guard.threat import Attacker, Call, Control, Fact, Target, Threat, Way

__all__ = ["BYPASS", "Pair", "counts", "open_pairs", "pairs"]

BYPASS = Call(action="s3:BypassGovernanceRetention", target=Target.LOG)
_MANAGEMENT = frozenset({Attacker.MANAGEMENT_ROOT, Attacker.MANAGEMENT_IAM})
_LOCKS = frozenset({Fact.OBJECT_LOCK, Fact.COMPLIANCE, Fact.GOVERNANCE})
_ENOUGH = 3
"""How many classes that get through are named; all others are then asked about at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """One way for one class of callers, and what refuses it."""

    asker: Asker
    way: Way
    closure: Closure


def pairs(threat: Threat, prover: Prover) -> tuple[Pair, ...]:
    """Return every way for every class of callers, with what refuses it."""
    stand = standing(threat, prover.guards.facts)
    return tuple(
        _locked(pair, stand)
        for attacker in Attacker
        if attacker in threat.attackers
        for way in _ways_of(threat, attacker, stand)
        for pair in _pairs(prover, attacker, way)
    )


def _ways_of(threat: Threat, attacker: Attacker, stand: Standing) -> Iterator[Way]:
    """Yield the ways that are open to an attacker in principle, with all calls that AWS authorizes.

    Through an access point S3 asks for the object in the bucket as well; a version in governance mode needs
    the permission to bypass it.
    """
    is_governed = stand.facts == (Fact.GOVERNANCE,) and stand.stands is Stands.REFUSED
    for way in threat.ways:
        calls: list[Call] = []
        for call in way:
            if not call.elsewhere:
                calls.append(call)
            if call.target is Target.LOG_BY_ACCESS_POINT:
                calls.append(Call(action=call.action, target=Target.LOG))
        if is_governed:
            calls.append(BYPASS)
        if all(attacker in (call.only or threat.attackers) for call in calls):
            yield tuple(calls)


def open_pairs(threat: Threat, prover: Prover) -> tuple[Pair, ...]:
    """Return what makes a counterexample: the ways and classes that are not refused and that count."""
    return tuple(
        pair
        for pair in pairs(threat, prover)
        if counts(threat, prover, pair) and not pair.closure.is_closed and not pair.closure.reason
    )


def _pairs(prover: Prover, attacker: Attacker, way: Way) -> Iterator[Pair]:
    for first, *others in askers(prover.guards, attacker, way[0]):
        found = _pair(prover, first, way)
        if found.closure.is_closed or not others:
            yield found
            continue
        open_ = 0
        for other in others:
            one = _pair(prover, other, way)
            yield one
            open_ += not one.closure.is_closed
            if open_ == _ENOUGH:
                yield found
                break


def _pair(prover: Prover, asker: Asker, way: Way) -> Pair:
    closures = [prover.closed(asker, call) for call in way]
    sets = minimal(one for closure in closures for one in closure.sets)
    reason = "" if sets else next((one.reason for one in closures if one.reason), "")
    return Pair(asker=asker, way=way, closure=Closure(sets=sets, reason=reason))


def _locked(pair: Pair, stand: Standing) -> Pair:
    """Add Object Lock to what refuses, where it refuses whoever asks."""
    if stand.stands is not Stands.REFUSED or stand.facts == (Fact.GOVERNANCE,):
        return pair
    control = Control.OBJECT_LOCK if set(stand.facts) & _LOCKS else Control.SERVICE
    sets = minimal({*pair.closure.sets, frozenset({control})})
    return replace(pair, closure=Closure(sets=sets))


def counts(threat: Threat, prover: Prover, pair: Pair) -> bool:
    """Say whether a class decides the verdict: a policy could bind it, and a customer controls it."""
    attacker = pair.asker.attacker
    if attacker is Attacker.SERVICE_LINKED_ROLE:
        return False
    facts = prover.guards.facts
    is_management = pair.asker.caller.account_id == facts.management_account != facts.archive_account
    return attacker not in threat.unbound and not (is_management and attacker not in _MANAGEMENT)
