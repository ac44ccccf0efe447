"""Is there anybody who can do it: a verdict for every threat of the catalogue, from policies and facts alone.

::

    the archive has not got what it acts on, or AWS refuses it (Object Lock)   PROVED, with that reason
    a caller below the management account gets through, or a policy could      COUNTEREXAMPLE
      bind whoever does
    something that decides was not read, or not decided                        UNDECIDED
    only those get through whom nothing binds, or it is no matter of policies  RESIDUAL
    otherwise                                                                  PROVED

A threat is open when one caller may make all calls of one of its ways. Every identity is taken for an
administrator, so no verdict depends on identity policies. Service-linked roles are named where they get
through, and decide a verdict only where the threat is about them: nobody can assume one.

Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock.html
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import msgspec

from trailkeep.guard.evaluate import Decision, Layer, Request, evaluate
from trailkeep.guard.facts import Standing, Stands, standing
from trailkeep.guard.prove_callers import Asker, askers
from trailkeep.guard.prove_closure import Closure, Prover, Sets, hitting, minimal
from trailkeep.guard.prove_missing import missing
from trailkeep.guard.prove_model import Outcome, ThreatVerdict, witness_of
from trailkeep.guard.prove_standing import done_already, why_absent, why_refused
from trailkeep.guard.symbolic import Outcome as Found
from trailkeep.guard.symbolic import prove
from trailkeep.guard.symbolic_classes import CALLER_KEYS
from trailkeep.guard.threat import Attacker, Call, Control, Fact, Target, Threat, Way

__all__ = ["BYPASS", "Pair", "open_pairs", "pairs", "prove_threat"]

BYPASS = Call(action="s3:BypassGovernanceRetention", target=Target.LOG)
_MANAGEMENT = frozenset({Attacker.MANAGEMENT_ROOT, Attacker.MANAGEMENT_IAM})
_LINKED = frozenset({Attacker.SERVICE_LINKED_ROLE})
_LOCKS = frozenset({Fact.OBJECT_LOCK, Fact.COMPLIANCE, Fact.GOVERNANCE})
_OTHER_TRAIL = "arn:aws:cloudtrail:us-east-1:999999999999:trail/other"
_OF_ORGANIZATION = frozenset(
    {
        "accept-invitation",
        "central-root-access",
        "delegated-trail-administrator",
        "detach-guards",
        "leave-organization",
        "remove-account",
        "withdraw-trusted-access",
    }
)
"""The threats that act on an organization."""
_ENOUGH = 3
"""How many classes that get through are named; all others are then asked about at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """One way for one class of callers, and what refuses it."""

    asker: Asker
    way: Way
    closure: Closure


@dataclass(frozen=True, slots=True, kw_only=True)
class _Opening:
    """Requests of one caller that together do it."""

    pair: Pair
    requests: tuple[Request, ...]


def prove_threat(threat: Threat, prover: Prover) -> ThreatVerdict:
    """Return the verdict on one threat; the fix is for ``prove_fix`` to find."""
    facts = prover.guards.facts
    stand = standing(threat, facts)
    base = ThreatVerdict(
        id=threat.id,
        title=threat.title,
        effect=threat.effect.value,
        verdict=Outcome.PROVED,
        remains=threat.remains,
    )
    if stand.stands is Stands.ABSENT:
        return _with(base, reason=why_absent(stand))
    if not prover.guards.has_organization and threat.id in _OF_ORGANIZATION:
        return _with(base, verdict=Outcome.RESIDUAL, reason="no organization was looked at")
    if done := done_already(threat, prover.guards.facts):
        return _done_verdict(base, done)
    if not threat.ways:
        return _with(base, verdict=Outcome.RESIDUAL, reason=threat.stops)
    found = pairs(threat, prover)
    return _judged(threat, prover, base, found, stand)


def _done_verdict(base: ThreatVerdict, reason: str) -> ThreatVerdict:
    """Return that nobody has to ask any more."""
    return _with(base, verdict=Outcome.COUNTEREXAMPLE, reason=reason, depth=0, who=("nobody has to",))


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
        if _counts(threat, prover, pair) and not pair.closure.is_closed and not pair.closure.reason
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


def _judged(
    threat: Threat, prover: Prover, base: ThreatVerdict, found: tuple[Pair, ...], stand: Standing
) -> ThreatVerdict:
    counted = [pair for pair in found if _counts(threat, prover, pair)]
    left = [pair for pair in found if not _counts(threat, prover, pair) and not pair.closure.is_closed]
    decisive = found if threat.attackers == _LINKED else counted
    remaining = tuple(dict.fromkeys(str(pair.asker) for pair in left))
    base = _with(base, remaining=remaining)
    opening = next(_openings(prover, counted), None)
    if isinstance(opening, _Opening):
        return _open(base, prover, threat, counted, opening)
    undecided = opening or next((pair.closure.reason for pair in counted if pair.closure.reason), "")
    if undecided:
        return _with(base, verdict=Outcome.UNDECIDED, reason=undecided)
    base = _with(base, layers=_layers(decisive), depth=_depth(decisive), reason=why_refused(stand))
    nobody = bool((threat.unbound - _LINKED) & {pair.asker.attacker for pair in left})
    if not nobody and not (left and threat.attackers == _LINKED) and not _of_management(prover, left):
        return base
    opening = next(_openings(prover, left), None)
    if not isinstance(opening, _Opening):
        return base if not left else _with(base, verdict=Outcome.RESIDUAL, reason=threat.remains)
    return _with(
        base,
        verdict=Outcome.RESIDUAL,
        reason=threat.remains or threat.stops,
        witness=witness_of(opening.requests[-1]),
        before=tuple(map(witness_of, opening.requests[:-1])),
        allowed_by=_allowed_by(opening, prover),
    )


def _of_management(prover: Prover, left: list[Pair]) -> bool:
    management = prover.guards.facts.management_account
    return any(pair.asker.caller.account_id == management for pair in left)


def _counts(threat: Threat, prover: Prover, pair: Pair) -> bool:
    """Say whether a class decides the verdict: a policy could bind it, and a customer controls it."""
    attacker = pair.asker.attacker
    if attacker in _LINKED:
        return False
    facts = prover.guards.facts
    is_management = pair.asker.caller.account_id == facts.management_account != facts.archive_account
    return attacker not in threat.unbound and not (is_management and attacker not in _MANAGEMENT)


def _openings(prover: Prover, found: list[Pair]) -> Iterator[_Opening | str]:
    """Yield what gets through; as text why no single caller was found for calls that are each allowed."""
    for pair in found:
        if pair.closure.is_closed or pair.closure.reason:
            continue
        questions = [prover.question(pair.asker, call) for call in pair.way]
        answers = [prove(question) for question in questions]
        requests = [
            answer.witness for answer in answers if answer.outcome is Found.ALLOWED and answer.witness
        ]
        if len(requests) < len(questions):
            yield f"{pair.way[0].action}: an answer changed between two questions"
            continue
        for one in requests:
            joint = tuple(_complete(_as_caller(request, one), pair.asker) for request in requests)
            allowed = (
                evaluate(request, question.layers).decision is Decision.ALLOW
                for request, question in zip(joint, questions, strict=True)
            )
            if all(allowed):
                yield _Opening(pair=pair, requests=joint)
                break
        else:
            actions = " and ".join(call.action for call in pair.way)
            yield f"{actions}: each is allowed to some of {pair.asker}, and no one caller with all was found"


def _as_caller(request: Request, other: Request) -> Request:
    """Return the request as the caller of another one would make it."""
    if request is other:
        return request
    kept = {key: values for key, values in request.context.items() if key.lower() not in CALLER_KEYS}
    added = {key: values for key, values in other.context.items() if key.lower() in CALLER_KEYS}
    return replace(request, principal=other.principal, context={**kept, **added})


def _complete(request: Request, asker: Asker) -> Request:
    """Return the request with the trail that CloudTrail acts for, where no policy asks for it."""
    has_source = any(key.lower() == "aws:sourcearn" for key in request.context)
    if asker.attacker is not Attacker.OTHER_TRAIL or has_source:
        return request
    return replace(request, context={**request.context, "aws:SourceArn": (_OTHER_TRAIL,)})


def _open(
    base: ThreatVerdict, prover: Prover, threat: Threat, counted: list[Pair], opening: _Opening
) -> ThreatVerdict:
    who = tuple(
        dict.fromkeys(
            str(pair.asker) for pair in counted if not pair.closure.is_closed and not pair.closure.reason
        )
    )
    return _with(
        base,
        verdict=Outcome.COUNTEREXAMPLE,
        reason=f"{' and '.join(call.action for call in opening.pair.way)} is allowed to {opening.pair.asker}",
        depth=0,
        who=who,
        witness=witness_of(opening.requests[-1]),
        before=tuple(map(witness_of, opening.requests[:-1])),
        allowed_by=_allowed_by(opening, prover),
        missing=missing(prover, opening.pair.asker, opening.requests[-1], opening.pair.way[-1], threat),
    )


def _allowed_by(opening: _Opening, prover: Prover) -> str:
    question = prover.question(opening.pair.asker, opening.pair.way[-1])
    found = evaluate(opening.requests[-1], question.layers)
    if opening.pair.asker.is_delegate:
        return "the administrator's rights of whoever the management account delegates to"
    match found.layer:
        case Layer.ROOT:
            return "the root user's access to its own account"
        case Layer.IDENTITY:
            return "identity policies of the account, taken to be AdministratorAccess"
        case _:
            return f"statement {found.statement!r} of {found.policy}"


def _layers(counted: Sequence[Pair]) -> tuple[str, ...]:
    needing = [pair.closure.sets for pair in counted if frozenset() not in pair.closure.sets]
    if not needing:
        return ()
    single = [{control for one in sets if len(one) == 1 for control in one} for sets in needing]
    common = set.intersection(*single)
    return tuple(control.value for control in Control if control in common)


def _depth(counted: Sequence[Pair]) -> int | None:
    found = [hit for pair in counted if (hit := hitting(_sets(pair))) is not None]
    return min(map(len, found), default=None)


def _sets(pair: Pair) -> Sets:
    return pair.closure.sets


def _with(base: ThreatVerdict, /, **changes: object) -> ThreatVerdict:
    changed: ThreatVerdict = msgspec.structs.replace(base, **changes)
    return changed
