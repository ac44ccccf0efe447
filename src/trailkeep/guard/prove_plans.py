"""The shortest way of an administrator to a threat, call by call: a search over controls that failed.

::

    management       detaches policies, switches a type of them off, removes the account from the
                     organization; becomes an administrator of the archive account by sts:AssumeRole
    archive          what the policies that are left allow: leaving the organization, changing the bucket
                     policy or the key policy; the same for a management administrator who has become one

Object Lock in compliance mode fails for nobody before its date, so no plan goes through it.

Source: https://docs.aws.amazon.com/organizations/latest/APIReference/API_DetachPolicy.html,
https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_accounts_access-cross-account-role.html
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import count

from trailkeep.guard.facts import Stands, standing
from trailkeep.guard.prove import prove_threat
from trailkeep.guard.prove_callers import askers
from trailkeep.guard.prove_closure import Prover, Sets
from trailkeep.guard.prove_model import Outcome, Plan
from trailkeep.guard.prove_pairs import BYPASS, Pair, pairs
from trailkeep.guard.statement import Effect
from trailkeep.guard.threat import Attacker, Call, Control, Family, Target, Threat
from trailkeep.guard.threats import BY_ID

__all__ = ["GOALS", "plans"]

GOALS = (
    "delete-version",
    "hide-by-delete-marker",
    "overwrite-log",
    "expire-by-lifecycle",
    "change-bucket-policy",
    "destroy-key",
    "stop-trail",
    "leave-organization",
    "close-account",
)
"""The threats for which plans are made when nobody asks for one."""

_ATTACHED = frozenset({Control.ARCHIVE_SCP, Control.ORGANIZATION_SCP, Control.RCP})
_ARCHIVE = frozenset({Attacker.ARCHIVE_ROOT, Attacker.ARCHIVE_IAM})
_MANAGEMENT = frozenset({Attacker.MANAGEMENT_ROOT, Attacker.MANAGEMENT_IAM})
_BUCKET_POLICY, _KEY_POLICY = frozenset({Control.BUCKET_POLICY}), frozenset({Control.KEY_POLICY})
_INSIDE = (
    ("leave-organization", "organizations:LeaveOrganization", Target.EVERYTHING, _ATTACHED),
    ("accept-invitation", "organizations:AcceptHandshake", Target.HANDSHAKE, _ATTACHED),
    ("change-bucket-policy", "s3:DeleteBucketPolicy", Target.BUCKET, _BUCKET_POLICY),
    ("change-bucket-policy", "s3:PutBucketPolicy", Target.BUCKET, _BUCKET_POLICY),
    ("lock-out-by-key-policy", "kms:PutKeyPolicy", Target.KEY, _KEY_POLICY),
)
"""What an administrator of the archive account may try: the threat, its call, and the controls that fail."""
_THREAT_OF = {action: threat for threat, action, *_ in _INSIDE}


class _Actor(StrEnum):
    MANAGEMENT = "management administrator"
    ARCHIVE = "archive administrator"


@dataclass(frozen=True, slots=True)
class _State:
    """Which controls have failed, and whether the actor is in the archive account."""

    failed: frozenset[Control]
    is_inside: bool


@dataclass(frozen=True, slots=True)
class _Move:
    calls: tuple[str, ...]
    state: _State


def plans(threats: Iterable[Threat], prover: Prover) -> Iterator[Plan]:
    """Yield for each threat and each administrator the shortest plan, or why there is none."""
    for threat in threats:
        if not threat.ways or standing(threat, prover.guards.facts).stands is Stands.ABSENT:
            continue
        found = pairs(threat, prover)
        for actor in _Actor:
            attackers = _ARCHIVE if actor is _Actor.ARCHIVE else _ARCHIVE | _MANAGEMENT
            is_own = bool(_MANAGEMENT & threat.attackers) or threat.family is not Family.ORGANIZATION
            if attackers & threat.attackers and (is_own or actor is _Actor.ARCHIVE):
                yield _plan(threat, actor, prover, found)


def _plan(threat: Threat, actor: _Actor, prover: Prover, found: tuple[Pair, ...]) -> Plan:
    start = _State(frozenset(), is_inside=actor is _Actor.ARCHIVE)
    calls = _shortest(start, actor, prover, found)
    if calls is not None:
        opened_by = _opened_by(threat, calls, prover) if actor is _Actor.ARCHIVE else ""
        return Plan(threat=threat.id, actor=actor.value, calls=calls, opened_by=opened_by)
    return Plan(threat=threat.id, actor=actor.value, calls=None, reason=_reason(found))


def _opened_by(threat: Threat, calls: tuple[str, ...], prover: Prover) -> str:
    """Return another threat that opens the way: its call comes first, and it is a counterexample itself."""
    first = _THREAT_OF.get(calls[0], threat.id) if len(calls) > 1 else threat.id
    is_open = first != threat.id and prove_threat(BY_ID[first], prover).verdict is Outcome.COUNTEREXAMPLE
    return first if is_open else ""


def _shortest(
    start: _State, actor: _Actor, prover: Prover, found: tuple[Pair, ...]
) -> tuple[str, ...] | None:
    order, seen = count(), set[_State]()
    waiting: list[tuple[int, int, tuple[str, ...], _State | None]] = [(0, next(order), (), start)]
    while waiting:
        cost, _, calls, state = heapq.heappop(waiting)
        if state is None:
            return calls
        if state in seen:
            continue
        seen.add(state)
        for pair in found:
            if _may(pair.asker.attacker, state, actor) and _is_open(pair.closure.sets, state):
                goal = _goal(pair)
                heapq.heappush(waiting, (cost + len(goal), next(order), (*calls, *goal), None))
        for move in _moves(state, actor, prover):
            heapq.heappush(waiting, (cost + len(move.calls), next(order), (*calls, *move.calls), move.state))
    return None


def _may(attacker: Attacker, state: _State, actor: _Actor) -> bool:
    is_management = attacker in _MANAGEMENT and actor is _Actor.MANAGEMENT
    return is_management or (attacker in _ARCHIVE and state.is_inside)


def _is_open(sets: Sets, state: _State) -> bool:
    return all(one & state.failed for one in sets)


def _goal(pair: Pair) -> tuple[str, ...]:
    """Return the calls of a way; the permission to bypass a lock is a header of the call, not a call."""
    actions = [call.action for call in pair.way if call != BYPASS]
    if len(actions) < len(pair.way):
        actions[-1] += " (with x-amz-bypass-governance-retention)"
    return tuple(dict.fromkeys(actions))


def _moves(state: _State, actor: _Actor, prover: Prover) -> Iterator[_Move]:
    if actor is _Actor.MANAGEMENT:
        yield from _from_above(state, prover)
    if not state.is_inside:
        return
    for _, action, target, controls in _INSIDE:
        call = Call(action=action, target=target)
        gained = controls & frozenset(prover.guards.controls)
        if gained <= state.failed:
            continue
        if any(_is_open(sets, state) for sets in _sets(call, prover)):
            yield _Move((call.action,), _State(state.failed | gained, is_inside=True))


def _sets(call: Call, prover: Prover) -> Iterator[Sets]:
    for attacker in sorted(_ARCHIVE):
        for asker, *_ in askers(prover.guards, attacker, call):
            yield prover.closed(asker, call).sets


def _from_above(state: _State, prover: Prover) -> Iterator[_Move]:
    """Yield what nothing keeps the management account from."""
    present = frozenset(prover.guards.controls) & _ATTACHED
    account = prover.guards.facts.archive_account
    for control in sorted(present - state.failed):
        names = _documents(prover, control)
        calls = tuple(f"organizations:DetachPolicy {name}" for name in names)
        yield _Move(calls, _State(state.failed | {control}, is_inside=state.is_inside))
    if len(present - state.failed) > 1:
        calls = (f"organizations:RemoveAccountFromOrganization {account}",)
        yield _Move(calls, _State(state.failed | present, is_inside=state.is_inside))
    if not state.is_inside:
        role = f"sts:AssumeRole into {account}"
        yield _Move((role,), _State(state.failed, is_inside=True))


def _documents(prover: Prover, control: Control) -> tuple[str, ...]:
    """Return the documents of a control that deny something and are on the path of the archive account."""
    guards = prover.guards
    path = (guard for level in (*guards.scps, *guards.rcps) for guard in level)
    return tuple(
        dict.fromkeys(
            guard.name
            for guard in path
            if guard.control is control
            and any(statement.effect is Effect.DENY for statement in guard.policy.statements)
        )
    )


def _reason(found: tuple[Pair, ...]) -> str:
    if any(frozenset({Control.OBJECT_LOCK}) in pair.closure.sets for pair in found):
        return (
            "Object Lock in compliance mode, until the date of each version; "
            "closing the account is another threat"
        )
    if any(frozenset({Control.SERVICE}) in pair.closure.sets for pair in found):
        return "AWS refuses it"
    return "no call that is left to this administrator takes the guards away"
