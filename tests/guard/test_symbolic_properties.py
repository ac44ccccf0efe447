"""The proofs against the evaluator, on policies and requests at random."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice, product

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from random_policies import members, policies, questions
from trailkeep.guard.evaluate import Decision, Request, evaluate
from trailkeep.guard.statement import Policy
from trailkeep.guard.symbolic import Outcome, Question, _completed, _problem, _Proof, prove
from trailkeep.guard.symbolic_classes import shapes
from trailkeep.guard.symbolic_problem import UndecidableError

_quiet = settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


@_quiet
@given(st.data(), questions())
def test_a_proof_holds_for_every_request(data: st.DataObject, question: Question) -> None:
    """Where a request of the class is allowed, nothing is proved; and a witness is always allowed."""
    answer = prove(question)
    if answer.outcome is Outcome.ALLOWED:
        assert answer.witness is not None
        assert evaluate(answer.witness, question.layers).decision is Decision.ALLOW
    for _ in range(3):
        request = data.draw(members(question))
        if evaluate(request, question.layers).decision is Decision.ALLOW:
            assert answer.outcome is not Outcome.NONE, request


@_quiet
@given(questions(), policies("more", effect="Deny", with_principal=True))
def test_one_more_deny_never_allows_more(question: Question, more: Policy) -> None:
    """A deny added to the resource's policies never turns a proof into a counterexample."""
    layers = question.layers
    stricter = replace(question, layers=replace(layers, rcps=(*layers.rcps, (more,))))
    if prove(question).outcome is Outcome.NONE:
        assert prove(stricter).outcome is Outcome.NONE


def _every_combination(question: Question) -> Iterator[Request]:
    """Yield a request for each combination of rows, without any search; only so many."""
    for shape in shapes(_completed(question), question.action):
        try:
            problem = _problem(question, shape)
        except UndecidableError:
            continue
        proof = _Proof(question=question, problem=problem)
        names = [dimension.name for dimension in problem.dimensions]
        rows = product(*(range(len(dimension.rows)) for dimension in problem.dimensions))
        for chosen in islice(rows, 300):
            yield next(proof.requests(dict(zip(names, chosen, strict=True))))


@_quiet
@given(questions())
def test_the_search_skips_nothing(question: Question) -> None:
    """Trying all combinations one by one finds no request where the search finds none."""
    requests = _every_combination(question)
    is_allowed = any(evaluate(request, question.layers).decision is Decision.ALLOW for request in requests)
    assert not is_allowed or prove(question).outcome is Outcome.ALLOWED
