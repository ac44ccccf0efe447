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
from trailkeep.guard.prove_callers import Asker
from trailkeep.guard.prove_closure import Prover, Sets, hitting
from trailkeep.guard.prove_missing import missing
from trailkeep.guard.prove_model import Outcome, ThreatVerdict, witness_of
from trailkeep.guard.prove_pairs import Pair, counts, pairs
from trailkeep.guard.prove_standing import done_already, why_absent, why_refused
from trailkeep.guard.symbolic import Outcome as Found
from trailkeep.guard.symbolic import prove
from trailkeep.guard.symbolic_classes import CALLER_KEYS
from trailkeep.guard.threat import Attacker, Control, Threat

__all__ = ["prove_threat"]

_LINKED = frozenset({Attacker.SERVICE_LINKED_ROLE})
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
    return _with(base, verdict=Outcome.COUNTEREXAMPLE, reason=reason, depth=0)


def _judged(
    threat: Threat, prover: Prover, base: ThreatVerdict, found: tuple[Pair, ...], stand: Standing
) -> ThreatVerdict:
    counted = [pair for pair in found if counts(threat, prover, pair)]
    left = [pair for pair in found if not counts(threat, prover, pair) and not pair.closure.is_closed]
    decisive = found if threat.attackers == _LINKED else counted
    remaining = tuple(dict.fromkeys(str(pair.asker) for pair in left))
    base = _with(base, remaining=remaining)
    opening = _first(prover, counted)
    if isinstance(opening, _Opening):
        return _open(base, prover, threat, counted, opening)
    undecided = opening or next((pair.closure.reason for pair in counted if pair.closure.reason), "")
    if undecided:
        return _with(base, verdict=Outcome.UNDECIDED, reason=undecided)
    base = _with(base, layers=_layers(decisive), depth=_depth(decisive), reason=why_refused(stand))
    nobody = bool((threat.unbound - _LINKED) & {pair.asker.attacker for pair in left})
    if not nobody and not (left and threat.attackers == _LINKED) and not _of_management(prover, left):
        return base
    opening = _first(prover, left)
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


def _first(prover: Prover, found: list[Pair]) -> _Opening | str | None:
    """Return the first that gets through, else why one that may was not found."""
    doubt = None
    for one in _openings(prover, found):
        if isinstance(one, _Opening):
            return one
        doubt = doubt or one
    return doubt


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
