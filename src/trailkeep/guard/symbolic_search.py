"""Is there a request that gets through: a search over the rows of all dimensions, with three truth values.

The search fixes one dimension after the other. What is fixed so far makes a term certain, impossible or open.
Allow terms only ever help a request and Deny terms only ever stop it, so two looks at the whole are enough::

    the best case   open Allows apply, open Denies do not     refused even so: no request with these rows
    the worst case  open Denies apply, open Allows do not     allowed even so: every request with these rows

When nothing more can be fixed and both cases still differ, the answer is open.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from trailkeep.guard.principals import Grant
from trailkeep.guard.request import Layer
from trailkeep.guard.symbolic_problem import Dimension, Problem, Term

__all__ = ["Chosen", "Refusal", "Search", "TooManyStepsError"]

MAX_STEPS = 20_000
"""How many combinations of rows one search may look at."""

Chosen = dict[str, int]
"""For each fixed dimension the index of its row."""


class TooManyStepsError(Exception):
    """The search has looked at ``MAX_STEPS`` combinations."""


@dataclass(frozen=True, slots=True, order=True)
class Refusal:
    """What refuses requests: an explicit deny, or with an empty statement a layer that allows nothing."""

    layer: Layer
    policy: str
    statement: str


@dataclass(frozen=True, slots=True)
class _Known:
    """The atoms whose truth is fixed."""

    true: int
    false: int

    def is_certain(self, term: Term) -> bool:
        return not term.atoms & ~self.true

    def is_possible(self, term: Term) -> bool:
        return not term.atoms & self.false


@dataclass(slots=True, kw_only=True)
class Search:
    """One search over one problem.

    Attributes:
        problem: what to search.
        refusals: the refusals that were needed so far; together they refuse all that was looked at.
        steps: how many combinations were looked at.
    """

    problem: Problem
    refusals: dict[Refusal, None] = field(default_factory=dict)
    steps: int = 0

    def refused_by(self) -> tuple[Refusal, ...]:
        """Return the refusals in the order of the layers, explicit denies first."""
        listed = dict.fromkeys(_refusal(term) for term in self.problem.denies)
        return (
            *(refusal for refusal in listed if refusal in self.refusals),
            *sorted(refusal for refusal in self.refusals if refusal not in listed),
        )

    def candidates(self) -> Iterator[tuple[Chosen, bool]]:
        """Yield every combination of rows that is not refused, and whether it is allowed for certain.

        Raises:
            TooManyStepsError: there are too many combinations.
        """
        yield from self._below({}, _Known(0, 0), self.problem.dimensions)

    def _below(
        self, chosen: Chosen, known: _Known, rest: tuple[Dimension, ...]
    ) -> Iterator[tuple[Chosen, bool]]:
        self.steps += 1
        if self.steps > MAX_STEPS:
            raise TooManyStepsError
        if self._refused_at_best(known):
            return
        if self._allowed_at_worst(known):
            yield chosen, True
            return
        dimension = self._next(known, rest)
        if dimension is None:
            yield chosen, False
            return
        others = tuple(each for each in rest if each is not dimension)
        for index, (_, true, false) in enumerate(dimension.rows):
            following = _Known(known.true | true, known.false | false)
            yield from self._below({**chosen, dimension.name: index}, following, others)

    def _refused_at_best(self, known: _Known) -> bool:
        certain = [_refusal(term) for term in self.problem.denies if known.is_certain(term)]
        if certain:
            if not any(refusal in self.refusals for refusal in certain):
                self.refusals[certain[0]] = None
            return True
        needed = bool(known.true & self.problem.needs_resource_policy)
        layer = self._withholding(known.is_possible, is_needed=needed)
        if layer is not None:
            self.refusals[Refusal(layer, "", "")] = None
        return layer is not None

    def _allowed_at_worst(self, known: _Known) -> bool:
        if any(known.is_possible(term) for term in self.problem.denies):
            return False
        needed = not known.false & self.problem.needs_resource_policy
        return self._withholding(known.is_certain, is_needed=needed) is None

    def _withholding(self, applies: Callable[[Term], bool], *, is_needed: bool) -> Layer | None:
        """Return the first layer whose allow is missing; None when the request is allowed.

        Args:
            applies: whether an Allow term applies.
            is_needed: whether the resource policy must name the caller or its account.
        """
        allowing = [term for term in self.problem.allows if applies(term)]
        granted = max((term.named for term in allowing if term.layer is Layer.RESOURCE), default=Grant.NONE)
        guardrail = self._limit(allowing, Layer.SCP, Layer.ENDPOINT, only_with_policies=True)
        is_short = granted is Grant.NONE and (is_needed or not self.problem.same_account)
        if guardrail is not None or is_short:
            return guardrail or Layer.RESOURCE
        if self.problem.same_account and granted is Grant.DIRECT:
            return None
        limit = self._limit(allowing, Layer.BOUNDARY, Layer.SESSION)
        if limit is None and self.problem.same_account and granted is Grant.ROLE:
            return None
        return self._limit(allowing, Layer.IDENTITY) or limit

    def _limit(self, allowing: list[Term], *layers: Layer, only_with_policies: bool = False) -> Layer | None:
        """Return the first of these layers that applies and of which a group does not allow."""
        for layer in layers:
            for index, has_policies in enumerate(self.problem.groups.get(layer, ())):
                counts = has_policies or not only_with_policies
                if counts and not any(term.layer is layer and term.group == index for term in allowing):
                    return layer
        return None

    def _next(self, known: _Known, rest: tuple[Dimension, ...]) -> Dimension | None:
        """Return a dimension that an open term still waits for: the one that may settle a Deny soonest."""
        fixed = known.true | known.false
        waiting = [term for term in (*self.problem.denies, *self.problem.allows) if known.is_possible(term)]
        open_atoms = [term.atoms & ~fixed for term in waiting]
        if self.problem.needs_resource_policy & ~fixed:
            open_atoms.append(self.problem.needs_resource_policy)
        best: tuple[int, Dimension] | None = None
        for atoms in open_atoms:
            needed = [dimension for dimension in rest if dimension.atoms & atoms]
            if needed and (best is None or len(needed) < best[0]):
                best = len(needed), min(needed, key=lambda dimension: len(dimension.rows))
        return best[1] if best else None


def _refusal(term: Term) -> Refusal:
    return Refusal(term.layer, term.policy, term.statement)
