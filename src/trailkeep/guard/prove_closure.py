"""Which controls refuse a call to a class of callers: the smallest sets each of which suffices.

``closed`` answers with a set of sets. No set: something gets through. A set with the empty set in it: nothing
is needed, as for a caller to whom no policy ever granted anything. Otherwise each set is a smallest number of
controls that refuse every request although all others failed, so everything about depth follows:

* one control suffices: it is alone in a set;
* the call stays refused while some set is untouched, so an attacker must fail one control of every set.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import combinations

from trailkeep.guard.applicable import BUCKET_POLICY_ACTIONS, RCP_SERVICES
from trailkeep.guard.evaluate import TRUST_ACTIONS
from trailkeep.guard.principals import PrincipalKind
from trailkeep.guard.prove_callers import DELEGATION, Asker
from trailkeep.guard.prove_guards import Guards
from trailkeep.guard.symbolic import Answer, Outcome, Question, prove
from trailkeep.guard.threat import Attacker, Call, Control, Target

__all__ = ["Closure", "Prover", "Sets", "hitting", "minimal"]

Sets = frozenset[frozenset[Control]]
"""Sets of controls, each of which refuses on its own."""

_SCPS = frozenset({Control.ARCHIVE_SCP, Control.ORGANIZATION_SCP})
_BOUND = frozenset({PrincipalKind.ROOT, PrincipalKind.IAM})
_MEMBERS = frozenset({Attacker.MEMBER_ROOT, Attacker.MEMBER_IAM, Attacker.DELEGATE})
_EXEMPT = BUCKET_POLICY_ACTIONS | TRUST_ACTIONS | {"kms:retiregrant"}
"""Actions with rules of their own; the others of a service differ only by the statements about them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Closure:
    """What refuses; ``reason`` says why that is not known, where it is not."""

    sets: Sets = frozenset()
    reason: str = ""

    @property
    def is_closed(self) -> bool:
        """Whether every request is refused."""
        return bool(self.sets)


@dataclass(slots=True, kw_only=True)
class Prover:
    """Proofs about one set of guards; each question is decided once."""

    guards: Guards
    _answers: dict[object, Answer] = field(default_factory=dict)
    _closures: dict[object, Closure] = field(default_factory=dict)

    def beside(self, guards: Guards) -> Prover:
        """Return one about other guards of the same archive, which shares what is answered already."""
        return Prover(guards=guards, _answers=self._answers)

    def question(self, asker: Asker, call: Call, without: frozenset[Control] = frozenset()) -> Question:
        """Return the question whether a class of callers may make a call."""
        guards = self.guards.failing(without | frozenset(self.guards.unread))
        names = replace(guards.names, member_account=asker.caller.account_id or "?*")
        owner = call.target.owner(names)
        if asker.is_delegate:
            owner = guards.facts.management_account
        account = owner or asker.caller.account_id or guards.facts.archive_account
        layers = guards.layers(call.action, call.target, asker.scps, owner=owner)
        if asker.is_delegate:
            layers = replace(layers, resource_policy=DELEGATION)
        return Question(
            caller=asker.caller,
            action=call.action,
            resources=guards.resources(call.target, names),
            resource_account_id=account,
            layers=layers,
            resource_organization_id=guards.facts.organization if self._is_inside(account, asker) else "",
            facts=asker.facts,
        )

    def _is_inside(self, owner: str, asker: Asker) -> bool:
        """Say whether the owner of a resource is known to be in the organization."""
        facts, is_member = self.guards.facts, asker.attacker in _MEMBERS
        own = {asker.caller.account_id} if is_member else set[str]()
        return owner in {facts.archive_account, facts.management_account, *own}

    def answer(self, asker: Asker, call: Call, without: frozenset[Control] = frozenset()) -> Answer:
        """Answer it; the witness of ALLOWED may be of an action that policies treat alike."""
        question = self.question(asker, call, without)
        action = question.action.lower()
        key = (
            action if action in _EXEMPT else action.partition(":")[0],
            question.caller,
            question.resources,
            question.resource_account_id,
            question.resource_organization_id,
            question.layers.scps,
            question.layers.rcps,
            question.layers.resource_policy,
            tuple(asker.facts.items()),
        )
        if key not in self._answers:
            self._answers[key] = prove(question)
        return self._answers[key]

    def closed(self, asker: Asker, call: Call) -> Closure:
        """Return what refuses a call to a class of callers."""
        key = (asker.caller, asker.scps, asker.is_delegate, call.action, call.target)
        if key not in self._closures:
            self._closures[key] = self._closed(asker, call)
        return self._closures[key]

    def _closed(self, asker: Asker, call: Call) -> Closure:
        whole = self.answer(asker, call)
        if whole.outcome is Outcome.UNDECIDED:
            return Closure(reason=f"{call.action}: {whole.reason}")
        if whole.outcome is Outcome.ALLOWED:
            return Closure(reason=self._unread(asker, call))
        applying = tuple(control for control in self.guards.controls if self.applies(control, asker, call))
        return Closure(sets=frozenset(self._smallest(asker, call, applying)))

    def _smallest(
        self, asker: Asker, call: Call, applying: tuple[Control, ...]
    ) -> Iterator[frozenset[Control]]:
        everything, found = frozenset(self.guards.controls), list[frozenset[Control]]()
        for size in range(len(applying) + 1):
            for listed in combinations(applying, size):
                kept = frozenset(listed)
                if any(smaller <= kept for smaller in found):
                    continue
                if self.answer(asker, call, everything - kept).outcome is Outcome.NONE:
                    found.append(kept)
                    yield kept

    def applies(self, control: Control, asker: Asker, call: Call) -> bool:
        """Say whether a control has a say at all."""
        names = replace(self.guards.names, member_account=asker.caller.account_id or "?*")
        owner = call.target.owner(names)
        match control:
            case Control.ARCHIVE_SCP | Control.ORGANIZATION_SCP:
                return asker.caller.kind in _BOUND and any(
                    guard.control is control for level in asker.scps for guard in level
                )
            case Control.RCP:
                is_linked = asker.caller.kind is PrincipalKind.SERVICE_LINKED_ROLE
                return (
                    owner == self.guards.facts.archive_account
                    and not is_linked
                    and call.action.partition(":")[0] in RCP_SERVICES
                    and call.action != "kms:RetireGrant"
                )
            case Control.BUCKET_POLICY:
                is_root = asker.attacker is Attacker.ARCHIVE_ROOT
                is_exempt = is_root and call.action.lower() in BUCKET_POLICY_ACTIONS
                return call.target in {Target.BUCKET, Target.LOG} and not is_exempt
            case Control.KEY_POLICY:
                return call.target is Target.KEY
            case Control.OBJECT_LOCK | Control.SERVICE:
                return False

    def _unread(self, asker: Asker, call: Call) -> str:
        """Return why it is not known that a call gets through: a document that could refuse was not read."""
        is_member = asker.caller.kind in _BOUND and asker.attacker not in {
            Attacker.MANAGEMENT_ROOT,
            Attacker.MANAGEMENT_IAM,
            Attacker.OUTSIDER,
        }
        for control, reason in self.guards.unread.items():
            if is_member if control in _SCPS else self.applies(control, asker, call):
                return reason
        return ""


def minimal(sets: Iterable[frozenset[Control]]) -> Sets:
    """Return the sets of which no other is a part."""
    listed = frozenset(sets)
    return frozenset(one for one in listed if not any(other < one for other in listed))


def hitting(sets: Sets) -> frozenset[Control] | None:
    """Return a smallest choice of controls that touches every set; None where the empty set is among them."""
    if frozenset() in sets:
        return None
    controls = sorted({control for one in sets for control in one})
    for size in range(len(controls) + 1):
        for chosen in combinations(controls, size):
            if all(one & frozenset(chosen) for one in sets):
                return frozenset(chosen)
    return None
