"""One question about one shape of callers, taken apart: terms, atoms and the dimensions that decide them.

A *term* is a statement whose action matches: it applies when all its *atoms* are true. An atom is about one
thing only: the resource, the caller, or one condition key. Each such thing is a *dimension*, and each of its
rows decides all its atoms. Requests that take the same rows get the same answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from trailkeep.guard.applicable import applicable
from trailkeep.guard.evaluate import TRUST_ACTIONS
from trailkeep.guard.principals import Grant
from trailkeep.guard.request import Layer, Layers, Request, tells_owner
from trailkeep.guard.statement import Effect, Policy, Statement
from trailkeep.guard.symbolic_atoms import (
    Atom,
    Holds,
    Names,
    at_least,
    doubt_of,
    holds,
    is_about,
    naming_of,
    texts_of,
)
from trailkeep.guard.symbolic_callers import CallerRow, caller_table
from trailkeep.guard.symbolic_classes import Shape
from trailkeep.guard.symbolic_facts import key_fact
from trailkeep.guard.symbolic_keys import Asked, KeyFact, Presence, key_table
from trailkeep.guard.symbolic_patterns import (
    Bindings,
    bindings_for,
    variable_names,
)
from trailkeep.guard.symbolic_resources import Covers, NeedsPolicy, resource_table
from trailkeep.guard.symbolic_source import SOURCE_KEYS, source_table

__all__ = ["Dimension", "Problem", "Term", "UndecidableError", "problem"]

Context = tuple[tuple[str, tuple[str, ...]], ...]
Value = str | CallerRow | Context
"""A resource, a caller, or condition keys in lower case with their values."""

_CACHED = 4096
_NAMES_CALLERS = frozenset({Layer.RCP, Layer.ENDPOINT, Layer.RESOURCE})


class UndecidableError(Exception):
    """The question is about no request at all; nothing was decided."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """A statement that applies when all its atoms are true.

    Attributes:
        layer: the layer of its policy.
        group: which group of the layer (the level of an SCP).
        policy: the policy's name.
        statement: the statement's label.
        atoms: a bit for each atom.
        named: for an Allow of a resource policy how much it grants; DIRECT elsewhere.
    """

    layer: Layer
    group: int
    policy: str
    statement: str
    atoms: int
    named: Grant = Grant.DIRECT


@dataclass(frozen=True, slots=True, kw_only=True)
class Dimension:
    """One thing that atoms are about.

    Attributes:
        name: a condition key in lower case, or ``resource`` or ``caller``.
        atoms: all its atoms.
        rows: for each row what the requests have and the atoms that are true and false there.
    """

    name: str
    atoms: int
    rows: tuple[tuple[Value, int, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Everything that decides a question.

    Attributes:
        denies: the Deny terms.
        allows: the Allow terms.
        groups: for each layer that applies, whether each of its groups holds a policy.
        dimensions: what the atoms are about.
        needs_resource_policy: the bit of the atom "identity policies alone are not enough".
        same_account: whether caller and resource are of one account.
        spelled: the keys in lower case as the policies spell them.
        constant: keys that every request has with one value, if a policy asks for them.
        conditions: the condition behind the bit of an atom.
        doubts: why the atom behind a bit is open where it is.
        free: keys in lower case that may have any one text.
    """

    denies: tuple[Term, ...]
    allows: tuple[Term, ...]
    groups: Mapping[Layer, tuple[bool, ...]]
    dimensions: tuple[Dimension, ...]
    needs_resource_policy: int
    same_account: bool
    spelled: Mapping[str, str]
    constant: Mapping[str, tuple[str, ...]]
    conditions: Mapping[int, Asked]
    doubts: Mapping[int, str]
    free: frozenset[str]


def problem(
    *,
    shape: Shape,
    action: str,
    resources: tuple[str, ...],
    resource_account_id: str,
    resource_organization_id: str,
    layers: Layers,
    facts: Mapping[str, KeyFact],
) -> Problem:
    """Take a question apart.

    Raises:
        UndecidableError: facts leave no request at all.
    """
    caller = caller_table(shape, (), (), (), has_boundary=False)
    if not caller:
        raise UndecidableError(f"{shape.caller}: no caller of this class was found")
    request = Request(
        principal=caller[0].principal,
        action=action,
        resource="*",
        resource_account_id=resource_account_id,
    )
    taken = _Taken(
        shape=shape,
        facts=facts,
        owner=_owner(resources, resource_account_id, resource_organization_id),
        has_boundary=layers.boundary is not None,
    )
    groups = dict(applicable(request, layers))
    terms = [term for layer, group in groups.items() for term in taken.terms(layer, group, action)]
    needs = taken.atom(NeedsPolicy(is_trust=action.lower() in TRUST_ACTIONS))
    dimensions = tuple(taken.dimensions(resources))
    return Problem(
        denies=tuple(term for effect, term in terms if effect is Effect.DENY),
        allows=tuple(term for effect, term in terms if effect is Effect.ALLOW),
        groups={layer: tuple(bool(policies) for policies in group) for layer, group in groups.items()},
        dimensions=dimensions,
        needs_resource_policy=needs,
        same_account=request.principal.account == resource_account_id,
        spelled=taken.spelled,
        constant=taken.constant(),
        conditions={bit: atom.asked for atom, bit in taken.atoms.items() if isinstance(atom, Holds)},
        doubts={bit: doubt_of(atom, taken.spelled) for atom, bit in taken.atoms.items()} | taken.excess,
        free=frozenset(taken.free()),
    )


def _owner(resources: tuple[str, ...], account_id: str, organization_id: str) -> tuple[str, str]:
    """Return whose the resources are, as far as condition keys about the owner are sure to tell it."""
    is_told = all(tells_owner(resource, account_id) for resource in resources)
    return (account_id, organization_id) if is_told else ("", "")


@dataclass(slots=True, kw_only=True)
class _Taken:
    """The atoms found so far: each gets one bit, however many statements ask for it.

    Attributes:
        shape: the callers.
        facts: what is known of keys, in lower case.
        owner: the account of the resources and its organization; empty where AWS may see another, or none.
        has_boundary: whether the callers have a permissions boundary.
        atoms: the bit of each atom.
        excess: the bits that stay open because there is too much to tell apart, with what that is.
        spelled: the keys in lower case as the policies spell them.
    """

    shape: Shape
    facts: Mapping[str, KeyFact]
    owner: tuple[str, str]
    has_boundary: bool
    atoms: dict[Atom, int] = field(default_factory=dict)
    excess: dict[int, str] = field(default_factory=dict)
    spelled: dict[str, str] = field(default_factory=dict)

    def atom(self, atom: Atom) -> int:
        return self.atoms.setdefault(atom, 1 << len(self.atoms))

    def terms(
        self, layer: Layer, groups: tuple[tuple[Policy, ...], ...], action: str
    ) -> Iterator[tuple[Effect, Term]]:
        for index, group in enumerate(groups):
            for policy in group:
                for statement in policy.statements:
                    if is_about(statement, action):
                        for term in self.statement(layer, index, policy, statement):
                            yield statement.effect, term

    def statement(self, layer: Layer, group: int, policy: Policy, statement: Statement) -> Iterator[Term]:
        """Yield the statement once for each way in which it can name the caller that counts."""
        variables = policy.knows_variables
        atoms = 0
        if statement.resources or statement.not_resources:
            atoms |= self.atom(Covers(statement.resources, statement.not_resources, variables))
        for condition in statement.conditions:
            self.spelled.setdefault(condition.key.lower(), condition.key)
            atoms |= self.atom(holds(condition, variables=variables))
        is_grant = layer is Layer.RESOURCE and statement.effect is Effect.ALLOW
        for grant in (Grant.ACCOUNT, Grant.ROLE, Grant.DIRECT) if is_grant else (Grant.ACCOUNT,):
            named = self.atom(Names(naming_of(statement), grant)) if layer in _NAMES_CALLERS else 0
            yield Term(
                layer=layer,
                group=group,
                policy=policy.name,
                statement=statement.label,
                atoms=atoms | named,
                named=grant,
            )

    def fact(self, key: str) -> KeyFact:
        if key in self.facts:
            return self.facts[key]
        return key_fact(key, self.shape, owner_account_id=self.owner[0], owner_organization_id=self.owner[1])

    def is_of_caller(self, key: str) -> bool:
        return self.shape.decides(key)

    def bindings(self, texts: Iterable[str]) -> Bindings:
        """Return what is known of the variables in these texts."""
        listed = tuple(texts)
        bound = self.shape.bound()
        names = {name for text in listed if "${" in text for name in variable_names(text)}
        known = dict(bound)
        for name in names - set(bound):
            fact = self.fact(name)
            if fact.presence is Presence.NEVER:
                known[name] = None
            elif fact.presence is Presence.ALWAYS and len(fact.values) == 1 and not self.is_of_caller(name):
                known[name] = fact.values[0]
        return bindings_for((text for text in listed if "${" in text), known)

    def free(self) -> Iterator[str]:
        """Yield the keys, asked for or behind variables, of which nothing is known beforehand."""
        texts = [text for atom in self.atoms for text in texts_of(atom)]
        names = {name for text in texts for name in variable_names(text)}
        for key in names | set(self.spelled):
            if not self.is_of_caller(key) and replace(self.fact(key), several=False) == KeyFact():
                yield key

    def constant(self) -> dict[str, tuple[str, ...]]:
        """Return values for the keys behind variables that every request has."""
        texts = [text for atom in self.atoms for text in texts_of(atom)]
        bound = self.bindings(texts)
        found: dict[str, tuple[str, ...]] = {name: (value,) for name, value in bound if value is not None}
        for name in {name for text in texts for name in variable_names(text)} - {name for name, _ in bound}:
            fact = self.fact(name)
            rows = key_table(fact, (), ()) if fact.presence is Presence.ALWAYS else ()
            found.update((name, row.values) for row in rows or ())
        return found

    def dimensions(self, resources: tuple[str, ...]) -> Iterator[Dimension]:
        yield self.resource_dimension(resources)
        yield self.caller_dimension()
        asked: dict[str, list[tuple[Holds, int]]] = {}
        for atom, bit in self.atoms.items():
            if isinstance(atom, Holds) and not self.is_of_caller(key := atom.asked[0].key):
                asked.setdefault(SOURCE_KEYS[0] if key in SOURCE_KEYS else key, []).append((atom, bit))
        for key, atoms in asked.items():
            yield self.source_dimension(atoms) if key in SOURCE_KEYS else self.key_dimension(key, atoms)

    def resource_dimension(self, resources: tuple[str, ...]) -> Dimension:
        found = [(atom, bit) for atom, bit in self.atoms.items() if isinstance(atom, Covers | NeedsPolicy)]
        atoms = tuple(atom for atom, _ in found)
        texts = (text for atom in atoms for text in texts_of(atom))
        bits = [bit for _, bit in found]
        rows = resource_table(resources, atoms, self.bindings(texts))
        if rows is None:
            samples = [text for text, _ in resource_table(resources, (), ()) or ()]
            return self.open_dimension("resource", bits, samples, "these resources")
        return _dimension("resource", bits, rows)

    def caller_dimension(self) -> Dimension:
        names = [(atom, bit) for atom, bit in self.atoms.items() if isinstance(atom, Names)]
        holds = [
            (atom, bit)
            for atom, bit in self.atoms.items()
            if isinstance(atom, Holds) and self.is_of_caller(atom.asked[0].key)
        ]
        namings = tuple(dict.fromkeys(atom.naming for atom, _ in names))
        questions = tuple(atom.asked for atom, _ in holds)
        bindings = self.bindings(text for atom, _ in holds for text in texts_of(atom))
        table = caller_table(self.shape, namings, questions, bindings, has_boundary=self.has_boundary)
        bits = [bit for _, bit in (*names, *holds)]
        if table is None:
            samples = caller_table(self.shape, (), (), (), has_boundary=self.has_boundary) or ()
            return self.open_dimension("caller", bits, samples, str(self.shape.caller))
        place = {naming: index for index, naming in enumerate(namings)}
        rows = []
        for row in table:
            grants = [at_least(row.grants[place[atom.naming]], atom.grant) for atom, _ in names]
            rows.append((row, (*grants, *row.truths)))
        return _dimension("caller", bits, rows)

    def key_dimension(self, key: str, atoms: list[tuple[Holds, int]]) -> Dimension:
        asked = tuple(atom.asked for atom, _ in atoms)
        bindings = self.bindings(text for atom, _ in atoms for text in texts_of(atom))
        table = key_table(self.fact(key), asked, bindings)
        bits = [bit for _, bit in atoms]
        if table is None:
            samples = [((key, row.values),) for row in key_table(self.fact(key), (), ()) or ()]
            return self.open_dimension(key, bits, samples, f"the values of {self.spelled[key]}")
        return _dimension(key, bits, [(((key, row.values),), row.truths) for row in table])

    def source_dimension(self, atoms: list[tuple[Holds, int]]) -> Dimension:
        arn_fact, account_fact = (self.fact(key) for key in SOURCE_KEYS)
        bindings = self.bindings(text for atom, _ in atoms for text in texts_of(atom))
        table = source_table(arn_fact, account_fact, tuple(atom.asked for atom, _ in atoms), bindings)
        bits = [bit for _, bit in atoms]
        if table is None:
            samples = [context for context, _ in source_table(arn_fact, account_fact, (), ()) or ()]
            return self.open_dimension(SOURCE_KEYS[0], bits, samples, "the values of aws:SourceArn")
        return _dimension(SOURCE_KEYS[0], bits, table)

    def open_dimension(self, name: str, bits: list[int], samples: Iterable[Value], what: str) -> Dimension:
        """Return a dimension that decides none of its atoms, because there is too much to tell apart."""
        self.excess |= dict.fromkeys(bits, f"there are too many ways to tell {what} apart")
        return _dimension(name, bits, [(sample, (None,) * len(bits)) for sample in samples])


def _dimension(
    name: str,
    bits: list[int],
    rows: Iterable[tuple[Value, tuple[bool | None, ...]]],
) -> Dimension:
    listed = tuple(rows)
    if not listed:  # to prove something of nothing would be no proof
        raise UndecidableError(f"no request has a {name} as the question describes it")
    return Dimension(
        name=name,
        atoms=sum(bits),
        rows=tuple(
            (
                value,
                sum(bit for bit, truth in zip(bits, truths, strict=True) if truth),
                sum(bit for bit, truth in zip(bits, truths, strict=True) if truth is False),
            )
            for value, truths in listed
        ),
    )
