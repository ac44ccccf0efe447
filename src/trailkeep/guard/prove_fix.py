"""The smallest change of a policy that closes a threat: tried on the documents, and proved.

Two kinds of change are tried on every document that could refuse: adding a resource to a Deny that names the
action already, and adding one Deny. A Deny opens nothing, so only what was open is proved again, and that the
trail may still deliver. Where no one document is enough, two are tried.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

from trailkeep.guard.documents import compact
from trailkeep.guard.evaluate import FULL_AWS_ACCESS
from trailkeep.guard.policy import parse_policy
from trailkeep.guard.principals import PrincipalKind
from trailkeep.guard.prove_callers import CLOUDTRAIL, Asker
from trailkeep.guard.prove_closure import Prover
from trailkeep.guard.prove_guards import Guard, Guards, Levels, about
from trailkeep.guard.prove_missing import is_near, names_service
from trailkeep.guard.prove_model import Fix
from trailkeep.guard.prove_pairs import Pair
from trailkeep.guard.statement import Effect, Statement
from trailkeep.guard.symbolic import Caller, Outcome
from trailkeep.guard.symbolic_keys import Form, KeyFact, Presence
from trailkeep.guard.threat import Attacker, Call, Control, Target, Threat

__all__ = ["smallest_fix"]

_SIZES = {
    Control.ARCHIVE_SCP: 10_240,
    Control.ORGANIZATION_SCP: 10_240,
    Control.RCP: 5_120,
    Control.BUCKET_POLICY: 20_480,
    Control.KEY_POLICY: 32_768,
}
_SCPS = frozenset({Control.ARCHIVE_SCP, Control.ORGANIZATION_SCP})
_DELIVERY = Call(action="s3:PutObject", target=Target.LOG)
_ANY = frozenset({Target.EVERYTHING, Target.HANDSHAKE})
_EMPTY = '{"Version": "2012-10-17", "Statement": []}'


@dataclass(frozen=True, slots=True, kw_only=True)
class _Edit:
    """One changed document."""

    control: Control
    old: Guard | None
    new: Guard
    statements: tuple[dict[str, Any], ...]

    @property
    def size(self) -> int:
        """How much longer the document gets."""
        before = compact(json.loads(self.old.text)) if self.old else ""
        return len(compact(json.loads(self.new.text))) - len(before)

    def as_fix(self) -> Fix:
        before = json.dumps(json.loads(self.old.text), indent=2).splitlines() if self.old else []
        policy = json.loads(self.new.text)
        after = json.dumps(policy, indent=2).splitlines()
        lines = difflib.unified_diff(before, after, self.new.name, self.new.name, lineterm="")
        return Fix(
            document=self.new.name,
            control=self.control.value,
            statements=self.statements,
            policy=policy,
            diff="\n".join(lines),
        )


def smallest_fix(threat: Threat, prover: Prover, open_pairs: Sequence[Pair]) -> tuple[Fix, ...]:
    """Return the smallest change that is proved to close a threat; empty where none was found."""
    edits = [edit for edit in _edits(threat, prover, open_pairs) if _fits(edit)]
    for count in (1, 2):
        closing = (
            chosen
            for chosen in combinations(edits, count)
            if len({edit.control for edit in chosen}) == count and _closes(prover, open_pairs, chosen)
        )
        best = min(closing, key=lambda chosen: sum(edit.size for edit in chosen), default=None)
        if best:
            return tuple(edit.as_fix() for edit in best)
    return ()


def _fits(edit: _Edit) -> bool:
    return len(compact(json.loads(edit.new.text))) <= _SIZES[edit.control]


def _edits(threat: Threat, prover: Prover, open_pairs: Sequence[Pair]) -> Iterator[_Edit]:
    controls = [control for control in threat.controls if control in _SIZES]
    for calls in dict.fromkeys((_calls(open_pairs, 0), _calls(open_pairs, -1))):
        for control in controls:
            if control in prover.guards.unread:
                continue
            documents = [guard for guard in prover.guards.guards if guard.control is control and guard.text]
            for guard in documents:
                yield from _extended(prover.guards, control, guard, calls)
            yield from _added(prover.guards, threat, control, documents[0] if documents else None, calls)


def _calls(open_pairs: Sequence[Pair], place: int) -> tuple[Call, ...]:
    return tuple(dict.fromkeys(pair.way[place] for pair in open_pairs))


def _extended(guards: Guards, control: Control, guard: Guard, calls: tuple[Call, ...]) -> Iterator[_Edit]:
    """Yield the document with the resources added to a Deny that names the actions already."""
    for statement in guard.policy.statements:
        named = [call for call in calls if about(statement, call.action)]
        if statement.effect is not Effect.DENY or not named or not is_near(statement, named[0].action):
            continue
        added = [one for one in _resources(guards, control, named) if one not in statement.resources]
        if added and "*" not in added and all(_is_of_service(statement, one) for one in added):
            changed = _listed(guard)
            body = {**changed[statement.index], "Resource": [*statement.resources, *added]}
            changed[statement.index] = body
            yield _edit(control, guard, guard.name, changed, [body])


def _is_of_service(statement: Statement, resource: str) -> bool:
    """Say whether a statement is about resources of that service already: NotAction denies all the rest."""
    return bool(statement.actions) or names_service(statement, resource.split(":")[2])


def _added(
    guards: Guards, threat: Threat, control: Control, guard: Guard | None, calls: tuple[Call, ...]
) -> Iterator[_Edit]:
    """Yield the document with a Deny more; what CloudTrail needs is denied to all but the trail.

    Actions that know no resource get a statement of their own, so that no other is denied on everything.
    """
    on_any = tuple(call for call in calls if call.target in _ANY)
    on_some = tuple(call for call in calls if call.target not in _ANY)
    if control not in _SCPS and (on_any or (not guards.facts.trail and _DELIVERY.action in _actions(calls))):
        return
    bodies = [
        _deny(guards, f"{_sid(threat)}{suffix}", control, group)
        for suffix, group in (("", on_some), ("Anywhere", on_any))
        if group
    ]
    name = guard.name if guard else f"{control.value}.json"
    yield _edit(control, guard, name, [*(_listed(guard) if guard else []), *bodies], bodies)


def _deny(guards: Guards, sid: str, control: Control, calls: tuple[Call, ...]) -> dict[str, Any]:
    actions, resources = _actions(calls), _resources(guards, control, calls)
    body: dict[str, Any] = {"Sid": sid, "Effect": "Deny"}
    if control not in _SCPS:
        body["Principal"] = "*"
    body["Action"] = actions[0] if len(actions) == 1 else actions
    body["Resource"] = resources[0] if len(resources) == 1 else resources
    if control not in _SCPS and _DELIVERY.action in actions:
        body["Condition"] = {"StringNotEquals": {"aws:SourceArn": guards.facts.trail}}
    return body


def _actions(calls: Sequence[Call]) -> list[str]:
    return sorted({call.action for call in calls})


def _resources(guards: Guards, control: Control, calls: Sequence[Call]) -> list[str]:
    if control is Control.KEY_POLICY:
        return ["*"]
    names = replace(guards.facts.names, log="*", member_account="*")
    return sorted({"*" if call.target in _ANY else call.target.resource(names) for call in calls})


def _sid(threat: Threat) -> str:
    return "No" + "".join(word.capitalize() for word in threat.id.split("-"))


def _listed(guard: Guard) -> list[dict[str, Any]]:
    found = json.loads(guard.text)["Statement"]
    return list(found) if isinstance(found, list) else [found]


def _edit(
    control: Control, old: Guard | None, name: str, listed: list[dict[str, Any]], bodies: list[dict[str, Any]]
) -> _Edit:
    document = {**json.loads(old.text if old else _EMPTY), "Statement": listed}
    text = json.dumps(document)
    policy = parse_policy(text, name=name)
    new = Guard(name=name, control=control, policy=policy, text=text)
    return _Edit(control=control, old=old, new=new, statements=tuple(bodies))


def _closes(prover: Prover, open_pairs: Sequence[Pair], edits: Sequence[_Edit]) -> bool:
    changed = prover.guards
    for edit in edits:
        changed = _applied(changed, edit)
    again = Prover(guards=changed)
    for pair in open_pairs:
        scps = pair.asker.scps
        is_archive = pair.asker.caller.account_id == changed.facts.archive_account
        for edit in edits:
            scps = _on_path(scps, edit, is_archive=is_archive)
        asker = replace(pair.asker, scps=scps if pair.asker.scps else ())
        if not any(again.answer(asker, call).outcome is Outcome.NONE for call in pair.way):
            return False
    return not _delivers(prover) or _delivers(again)


def _applied(guards: Guards, edit: _Edit) -> Guards:
    match edit.control:
        case Control.BUCKET_POLICY:
            return replace(guards, bucket_policy=edit.new)
        case Control.KEY_POLICY:
            return replace(guards, key_policy=edit.new)
        case Control.RCP:
            levels = guards.rcps or ((),)
            return replace(guards, rcps=_swapped(levels, edit) if edit.old else _put(levels, edit, -1))
        case _:
            members = tuple(
                replace(path, scps=_on_path(path.scps, edit, is_archive=False)) for path in guards.members
            )
            return replace(guards, scps=_on_path(guards.scps, edit, is_archive=True), members=members)


def _on_path(levels: Levels, edit: _Edit, *, is_archive: bool) -> Levels:
    """Return a path with the change: of a document on it, or a new one where it would be attached."""
    if edit.control not in _SCPS or not levels:
        return levels
    if edit.old:
        return _swapped(levels, edit)
    if edit.control is Control.ORGANIZATION_SCP:
        return _put(levels, edit, 0)
    return _put(levels, edit, -1) if is_archive else levels


def _swapped(levels: Levels, edit: _Edit) -> Levels:
    return tuple(tuple(edit.new if guard == edit.old else guard for guard in level) for level in levels)


def _put(levels: Levels, edit: _Edit, place: int) -> Levels:
    full = Guard(name="FullAWSAccess", control=edit.control, policy=FULL_AWS_ACCESS)
    listed = list(levels)
    listed[place] = (*(listed[place] or (full,)), edit.new)
    return tuple(listed)


def _delivers(prover: Prover) -> bool:
    """Say whether CloudTrail may deliver for the trail."""
    trail = prover.guards.facts.trail
    if not trail:
        return False
    fact = KeyFact(presence=Presence.ALWAYS, form=Form.ARN, values=(trail,))
    caller = Caller(kind=PrincipalKind.SERVICE, service=CLOUDTRAIL)
    asker = Asker(attacker=Attacker.OTHER_TRAIL, caller=caller, facts={"aws:SourceArn": fact})
    return prover.answer(asker, _DELIVERY).outcome is Outcome.ALLOWED
