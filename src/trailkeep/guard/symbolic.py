"""Can any request of a class get through: proved that none can, or one that does, or undecided.

``prove`` answers for all callers of a class, all resources that match a pattern and all values of condition
keys at once. It agrees with ``evaluate``, which decides one request:

* NONE is a proof: every request of the class was shown to be refused.
* ALLOWED comes with a request, and ``evaluate`` allows it.
* UNDECIDED says what could not be decided. It is never "safe".

How it is done, what is exact and what is assumed: docs/explanation/how-proofs-work.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import combinations, islice
from typing import cast

from trailkeep.core.errors import UsageError
from trailkeep.guard.applicable import BUCKET_POLICY_ACTIONS
from trailkeep.guard.conditions import single_value
from trailkeep.guard.evaluate import Decision, Evaluation, Layer, Layers, Request, evaluate
from trailkeep.guard.matching import Variable, expand_text, parts
from trailkeep.guard.principals import PrincipalKind, implied_context
from trailkeep.guard.symbolic_callers import CallerRow
from trailkeep.guard.symbolic_classes import CALLER_KEYS, Caller, Shape, every_caller, shapes
from trailkeep.guard.symbolic_keys import Form, KeyFact, Presence
from trailkeep.guard.symbolic_layers import present, without_layers
from trailkeep.guard.symbolic_problem import Context, Problem, UndecidableError, problem
from trailkeep.guard.symbolic_search import Chosen, Refusal, Search, TooManyStepsError

__all__ = [
    "Answer",
    "Caller",
    "Form",
    "KeyFact",
    "Outcome",
    "Presence",
    "Question",
    "Refusal",
    "depth",
    "every_caller",
    "prove",
    "sufficient_layers",
]

MAX_CANDIDATES = 64
"""How many requests are tried where the search leaves a doubt."""

_IMPLIED = {"aws:principalservicenameslist", "aws:resourceaccount", "aws:userid", "aws:viaawsservice"}
"""Keys that ``evaluate`` fills in, besides those of the caller."""

_SPELLED = {"aws:principalarn": "aws:PrincipalArn", "aws:federatedprovider": "aws:FederatedProvider"}
"""How AWS spells the keys that a witness may have though no policy asks for them."""


class Outcome(StrEnum):
    """What is known of the requests of a class."""

    ALLOWED = "allowed"
    NONE = "none"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Can any caller of a class do something to any resource of a kind.

    Attributes:
        caller: the class of callers.
        action: ``service:Action``, in any case, without wildcards.
        resources: ARN patterns with all six segments; ``*`` for an action that knows no resource. A name
            after a final ``/`` is never empty: ``arn:aws:s3:::logs/*`` is every object.
        resource_account_id: the account that owns the resources.
        layers: the policies; ``scps`` on the path of these callers. ``identity=None`` is the worst case:
            every caller has AdministratorAccess.
        resource_organization_id: the organization of that account; empty where it is not known.
        facts: what is known of condition keys beyond what AWS guarantees; keys in any case.

    Raises:
        UsageError: no resource, or a fact about a key that the caller decides.
    """

    caller: Caller
    action: str
    resources: tuple[str, ...]
    resource_account_id: str
    layers: Layers
    resource_organization_id: str = ""
    facts: Mapping[str, KeyFact] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.resources:
            raise UsageError("question: expected at least one resource pattern, got none; '*' is one")
        self._refuse_foreign_scps()
        if decided := sorted(key for key in self.facts if key.lower() in CALLER_KEYS | _IMPLIED):
            raise UsageError(
                f"question: expected facts about keys that are free, got {', '.join(decided)}; "
                "choose another class of callers"
            )

    def _refuse_foreign_scps(self) -> None:
        """SCPs bind no caller from outside the organization: to let them would prove what is not so."""
        has_account = self.caller.account_id or self.caller.organization_id
        has_credentials = self.caller.kind not in {PrincipalKind.SERVICE, PrincipalKind.ANONYMOUS}
        if any(self.layers.scps) and has_credentials and not has_account:
            raise UsageError(
                f"question about {self.caller}: expected no SCPs, got some; they bind accounts of the "
                "organization only: name the account or its organization_id, or leave them out"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What was found.

    Attributes:
        outcome: allowed, none or undecided.
        witness: for ALLOWED a request that gets through.
        evaluation: for ALLOWED what ``evaluate`` says of it.
        refusals: for NONE statements and missing allows that together refuse every request of the class.
        reason: for UNDECIDED what could not be decided.
    """

    outcome: Outcome
    witness: Request | None = None
    evaluation: Evaluation | None = None
    refusals: tuple[Refusal, ...] = ()
    reason: str = ""


def prove(question: Question, *, without: frozenset[Layer] = frozenset()) -> Answer:
    """Answer a question.

    Args:
        question: what to prove.
        without: layers to leave out, as if they neither denied nor withheld anything. A resource policy
            keeps its grants and loses its denies.

    Returns:
        For a class of several shapes (users, role sessions, ...) ALLOWED if one gets through; NONE only if
        it is proved for all of them.
    """
    reduced = replace(question, layers=without_layers(question.layers, without)) if without else question
    answers = [_prove_shape(reduced, shape) for shape in shapes(_completed(reduced), question.action)]
    for outcome in (Outcome.ALLOWED, Outcome.UNDECIDED):
        for answer in answers:
            if answer.outcome is outcome:
                return answer
    refusals = dict.fromkeys(refusal for answer in answers for refusal in answer.refusals)
    return Answer(outcome=Outcome.NONE, refusals=tuple(refusals))


def sufficient_layers(question: Question) -> frozenset[Layer]:
    """Return the layers each of which alone, with all others left out, refuses every request."""
    layers = frozenset(present(question.layers))
    return frozenset(
        layer for layer in layers if prove(question, without=layers - {layer}).outcome is Outcome.NONE
    )


def depth(question: Question) -> int | None:
    """Return how many layers must fail before it is no longer proved that no request gets through.

    Returns:
        0 when it is not proved at all; None when no layer is needed: it holds without any of them.
    """
    layers = tuple(present(question.layers))
    for count in range(len(layers) + 1):
        for removed in combinations(layers, count):
            if prove(question, without=frozenset(removed)).outcome is not Outcome.NONE:
                return count
    return None


def _completed(question: Question) -> Caller:
    """Return the callers without those of the accounts that rules single out, if they are of any account."""
    caller = question.caller
    if caller.account_id or caller.kind in {PrincipalKind.SERVICE, PrincipalKind.ANONYMOUS}:
        return caller
    special = {question.resource_account_id, question.layers.management_account_id} - {""}
    return replace(caller, apart_from=caller.apart_from | special)


def _prove_shape(question: Question, shape: Shape) -> Answer:
    foreign = shape.caller.account_id != question.resource_account_id
    if foreign and question.action.lower() in BUCKET_POLICY_ACTIONS:
        return Answer(outcome=Outcome.NONE, refusals=(Refusal(Layer.SERVICE, "", ""),))
    try:
        return _Proof(question=question, problem=_problem(question, shape)).answer()
    except UndecidableError as error:
        return Answer(outcome=Outcome.UNDECIDED, reason=str(error))
    except TooManyStepsError:
        reason = f"{shape.caller}: the conditions of these policies combine in too many ways"
        return Answer(outcome=Outcome.UNDECIDED, reason=reason)


def _problem(question: Question, shape: Shape) -> Problem:
    return problem(
        shape=shape,
        action=question.action,
        resources=question.resources,
        resource_account_id=question.resource_account_id,
        resource_organization_id=question.resource_organization_id,
        layers=question.layers,
        facts={key.lower(): fact for key, fact in question.facts.items()},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Proof:
    """The search for a request of one shape."""

    question: Question
    problem: Problem

    def answer(self) -> Answer:
        search = Search(problem=self.problem)
        doubt = ""
        for chosen, is_certain in islice(search.candidates(), MAX_CANDIDATES):
            for request in self.requests(chosen):
                evaluation = evaluate(request, self.question.layers)
                if evaluation.decision is Decision.ALLOW:
                    return Answer(outcome=Outcome.ALLOWED, witness=request, evaluation=evaluation)
            doubt = doubt or self.doubt(chosen, is_certain=is_certain)
        if doubt:
            return Answer(outcome=Outcome.UNDECIDED, reason=doubt)
        return Answer(outcome=Outcome.NONE, refusals=search.refused_by())

    def requests(self, chosen: Chosen) -> Iterator[Request]:
        """Yield the request that these rows describe, then variants in which undecided texts are equal."""
        values = {
            dimension.name: dimension.rows[chosen.get(dimension.name, 0)][0]
            for dimension in self.problem.dimensions
        }
        resource = cast("str", values.pop("resource"))
        caller = cast("CallerRow", values.pop("caller"))
        keys = {key: found for value in values.values() for key, found in cast("Context", value)}
        context = {**self.problem.constant, **dict(caller.context), **keys}
        yield self.request(resource, caller, context)
        for condition, variables in self.problem.conditions.values():
            for value in condition.values if variables else ():
                for key, text in self.equal(condition.key, value, context):
                    yield self.request(resource, caller, {**context, key: (text,)})

    def equal(
        self, key: str, value: str, context: Mapping[str, tuple[str, ...]]
    ) -> Iterator[tuple[str, str]]:
        """Yield a free key and the text that makes a key equal to a value with a variable."""
        text = expand_text(value, single_value(context), variables=True)
        if text and key in self.problem.free:
            yield key, text
        match parts(value, variables=True):
            case (Variable(name=name),) if name in self.problem.free and len(context.get(key, ())) == 1:
                yield name, context[key][0]
            case _:
                return

    def request(self, resource: str, caller: CallerRow, context: Mapping[str, tuple[str, ...]]) -> Request:
        spelled, implied = self.problem.spelled, implied_context(caller.principal)
        return Request(
            principal=caller.principal,
            action=self.question.action,
            resource=resource,
            resource_account_id=self.question.resource_account_id,
            context={
                spelled.get(key, _SPELLED.get(key, key)): values
                for key, values in sorted(context.items())
                if values and values != implied.get(key)
            },
        )

    def doubt(self, chosen: Chosen, *, is_certain: bool) -> str:
        if is_certain:
            return "the two procedures disagree; please report these policies"
        open_atoms = self.open_atoms(chosen)
        for term in (*self.problem.denies, *self.problem.allows):
            if term.atoms & open_atoms:
                where = f"statement {term.statement!r} of {term.policy!r}"
                return f"{where}: {self.problem.doubts[_lowest(term.atoms & open_atoms)]}"
        return "a statement depends on something that is not known"

    def open_atoms(self, chosen: Chosen) -> int:
        found = 0
        for dimension in self.problem.dimensions:
            if dimension.name in chosen:
                _, true, false = dimension.rows[chosen[dimension.name]]
                found |= dimension.atoms & ~(true | false)
        return found


def _lowest(bits: int) -> int:
    return bits & -bits
