"""One question about one shape of callers, taken apart: terms, atoms and the dimensions that decide them.

A *term* is a statement whose action matches: it applies when all its *atoms* are true. An atom is about one
thing only: the resource, the caller, or one condition key. Each such thing is a *dimension*, and each of its
rows decides all its atoms. Requests that take the same rows get the same answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from functools import lru_cache

from trailkeep.core.errors import UsageError
from trailkeep.guard.applicable import applicable
from trailkeep.guard.automata import ONE_OR_MORE, Pattern, accepts, representatives
from trailkeep.guard.conditions import Condition
from trailkeep.guard.evaluate import TRUST_ACTIONS
from trailkeep.guard.matching import action_matches, resource_matches
from trailkeep.guard.principals import Grant
from trailkeep.guard.request import Layer, Layers, Request
from trailkeep.guard.statement import Effect, Policy, Statement
from trailkeep.guard.symbolic_callers import CallerRow, caller_table
from trailkeep.guard.symbolic_classes import CALLER_KEYS, Shape, ShapeKind
from trailkeep.guard.symbolic_facts import key_fact
from trailkeep.guard.symbolic_keys import Asked, KeyFact, Presence, key_table
from trailkeep.guard.symbolic_patterns import (
    Bindings,
    arn_pattern,
    bindings_for,
    is_bound,
    lookup_of,
    resource_pattern,
    variable_names,
)
from trailkeep.guard.symbolic_source import SOURCE_KEYS, source_table

__all__ = ["Dimension", "Problem", "Term", "TooManyRowsError", "problem"]

Context = tuple[tuple[str, tuple[str, ...]], ...]
Value = str | CallerRow | Context
"""A resource, a caller, or condition keys in lower case with their values."""

_CACHED = 4096
_NAMES_CALLERS = frozenset({Layer.RCP, Layer.ENDPOINT, Layer.RESOURCE})
_NEEDING = ("arn:*:kms:*:*:key/*", "arn:*:iam:*:*:role/*")
_NOTHING = lookup_of(())


class TooManyRowsError(Exception):
    """What policies say of one thing can be told apart in too many ways; nothing was decided."""


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
        groups: how many groups each layer has, of those that apply, and which of them hold no policy.
        dimensions: what the atoms are about.
        needs_resource_policy: the bit of the atom "identity policies alone are not enough".
        same_account: whether caller and resource are of one account.
        spelled: the keys in lower case as the policies spell them.
        constant: keys that every request has with one value, if a policy asks for them.
        conditions: the condition behind the bit of an atom.
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
        TooManyRowsError: one thing can be told apart in too many ways.
    """
    caller = caller_table(shape, (), (), (), has_boundary=False)
    if not caller:
        raise TooManyRowsError(f"{shape.caller}: no caller of this class was found")
    request = Request(
        principal=caller[0].principal,
        action=action,
        resource="*",
        resource_account_id=resource_account_id,
    )
    taken = _Taken(
        shape=shape,
        facts=facts,
        owner=(resource_account_id, resource_organization_id),
        has_boundary=layers.boundary is not None,
    )
    groups = dict(applicable(request, layers))
    terms = [term for layer, group in groups.items() for term in taken.terms(layer, group, action)]
    needs = taken.atom(_Needs(is_trust=action.lower() in TRUST_ACTIONS))
    return Problem(
        denies=tuple(term for effect, term in terms if effect is Effect.DENY),
        allows=tuple(term for effect, term in terms if effect is Effect.ALLOW),
        groups={layer: tuple(bool(policies) for policies in group) for layer, group in groups.items()},
        dimensions=tuple(taken.dimensions(resources)),
        needs_resource_policy=needs,
        same_account=request.principal.account == resource_account_id,
        spelled=taken.spelled,
        constant=taken.constant(),
        conditions={bit: atom.asked for atom, bit in taken.atoms.items() if isinstance(atom, _Holds)},
        free=frozenset(taken.free()),
    )


@dataclass(frozen=True, slots=True)
class _Covers:
    """The resource is one that a statement is about."""

    resources: tuple[str, ...]
    not_resources: tuple[str, ...]
    variables: bool


@dataclass(frozen=True, slots=True)
class _Needs:
    """The resource is one whose policy must name the caller: a key, or a role for ``is_trust`` actions."""

    is_trust: bool


@dataclass(frozen=True, slots=True)
class _Names:
    """A statement names the caller at least this directly."""

    naming: Statement
    grant: Grant


@dataclass(frozen=True, slots=True)
class _Holds:
    """A condition is true."""

    asked: Asked


_Atom = _Covers | _Needs | _Names | _Holds


@dataclass(slots=True, kw_only=True)
class _Taken:
    """The atoms found so far: each gets one bit, however many statements ask for it."""

    shape: Shape
    facts: Mapping[str, KeyFact]
    owner: tuple[str, str]
    has_boundary: bool
    atoms: dict[_Atom, int] = field(default_factory=dict)
    spelled: dict[str, str] = field(default_factory=dict)

    def atom(self, atom: _Atom) -> int:
        return self.atoms.setdefault(atom, 1 << len(self.atoms))

    def terms(
        self, layer: Layer, groups: tuple[tuple[Policy, ...], ...], action: str
    ) -> Iterator[tuple[Effect, Term]]:
        for index, group in enumerate(groups):
            for policy in group:
                for statement in policy.statements:
                    if _is_about(statement, action):
                        for term in self.statement(layer, index, policy, statement):
                            yield statement.effect, term

    def statement(self, layer: Layer, group: int, policy: Policy, statement: Statement) -> Iterator[Term]:
        """Yield the statement once for each way in which it can name the caller that counts."""
        variables = policy.knows_variables
        atoms = 0
        if statement.resources or statement.not_resources:
            atoms |= self.atom(_Covers(statement.resources, statement.not_resources, variables))
        for condition in statement.conditions:
            self.spelled.setdefault(condition.key.lower(), condition.key)
            atoms |= self.atom(_Holds((_plain(condition), variables and _has_variables(condition))))
        is_grant = layer is Layer.RESOURCE and statement.effect is Effect.ALLOW
        for grant in (Grant.ACCOUNT, Grant.ROLE, Grant.DIRECT) if is_grant else (Grant.ACCOUNT,):
            named = self.atom(_Names(_naming(statement), grant)) if layer in _NAMES_CALLERS else 0
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
        return key in CALLER_KEYS or (key == "aws:userid" and self.shape.kind is ShapeKind.ROOT)

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
        texts = [text for atom in self.atoms for text in _texts(atom)]
        names = {name for text in texts for name in variable_names(text)}
        for key in names | set(self.spelled):
            if not self.is_of_caller(key) and replace(self.fact(key), several=False) == KeyFact():
                yield key

    def constant(self) -> dict[str, tuple[str, ...]]:
        """Return values for the keys behind variables that every request has."""
        texts = [text for atom in self.atoms for text in _texts(atom)]
        bound = self.bindings(texts)
        found = {name: (value,) for name, value in bound if value is not None}
        for name in {name for text in texts for name in variable_names(text)} - {name for name, _ in bound}:
            fact = self.fact(name)
            rows = key_table(fact, (), ()) if fact.presence is Presence.ALWAYS else ()
            found.update((name, row.values) for row in rows or ())
        return found

    def dimensions(self, resources: tuple[str, ...]) -> Iterator[Dimension]:
        yield self.resource_dimension(resources)
        yield self.caller_dimension()
        asked: dict[str, list[tuple[_Holds, int]]] = {}
        for atom, bit in self.atoms.items():
            if isinstance(atom, _Holds) and not self.is_of_caller(key := atom.asked[0].key):
                asked.setdefault(SOURCE_KEYS[0] if key in SOURCE_KEYS else key, []).append((atom, bit))
        for key, atoms in asked.items():
            yield self.source_dimension(atoms) if key in SOURCE_KEYS else self.key_dimension(key, atoms)

    def resource_dimension(self, resources: tuple[str, ...]) -> Dimension:
        found = [(atom, bit) for atom, bit in self.atoms.items() if isinstance(atom, _Covers | _Needs)]
        atoms = tuple(atom for atom, _ in found)
        texts = (text for atom in atoms for text in _texts(atom))
        rows = _resource_table(resources, atoms, self.bindings(texts))
        if rows is None:
            raise TooManyRowsError("too many ways to tell the resources of these policies apart")
        return _dimension("resource", [bit for _, bit in found], rows)

    def caller_dimension(self) -> Dimension:
        names = [(atom, bit) for atom, bit in self.atoms.items() if isinstance(atom, _Names)]
        holds = [
            (atom, bit)
            for atom, bit in self.atoms.items()
            if isinstance(atom, _Holds) and self.is_of_caller(atom.asked[0].key)
        ]
        namings = tuple(dict.fromkeys(atom.naming for atom, _ in names))
        questions = tuple(atom.asked for atom, _ in holds)
        bindings = self.bindings(text for atom, _ in holds for text in _texts(atom))
        table = caller_table(self.shape, namings, questions, bindings, has_boundary=self.has_boundary)
        if table is None:
            raise TooManyRowsError(f"too many ways to tell {self.shape.caller} apart")
        place = {naming: index for index, naming in enumerate(namings)}
        rows = []
        for row in table:
            grants = [_at_least(row.grants[place[atom.naming]], atom.grant) for atom, _ in names]
            rows.append((row, (*grants, *row.truths)))
        return _dimension("caller", [bit for _, bit in (*names, *holds)], rows)

    def key_dimension(self, key: str, atoms: list[tuple[_Holds, int]]) -> Dimension:
        asked = tuple(atom.asked for atom, _ in atoms)
        bindings = self.bindings(text for atom, _ in atoms for text in _texts(atom))
        table = key_table(self.fact(key), asked, bindings)
        if table is None:
            raise TooManyRowsError(f"too many ways to tell the values of {self.spelled[key]} apart")
        rows = [(((key, row.values),), row.truths) for row in table]
        return _dimension(key, [bit for _, bit in atoms], rows)

    def source_dimension(self, atoms: list[tuple[_Holds, int]]) -> Dimension:
        arn_fact, account_fact = (self.fact(key) for key in SOURCE_KEYS)
        bindings = self.bindings(text for atom, _ in atoms for text in _texts(atom))
        table = source_table(arn_fact, account_fact, tuple(atom.asked for atom, _ in atoms), bindings)
        if table is None:
            raise TooManyRowsError("too many ways to tell the values of aws:SourceArn apart")
        return _dimension(SOURCE_KEYS[0], [bit for _, bit in atoms], table)


def _dimension(
    name: str,
    bits: list[int],
    rows: Iterable[tuple[Value, tuple[bool | None, ...]]],
) -> Dimension:
    return Dimension(
        name=name,
        atoms=sum(bits),
        rows=tuple(
            (
                value,
                sum(bit for bit, truth in zip(bits, truths, strict=True) if truth),
                sum(bit for bit, truth in zip(bits, truths, strict=True) if truth is False),
            )
            for value, truths in rows
        ),
    )


def _at_least(granted: tuple[Grant, Grant], needed: Grant) -> bool | None:
    least, most = granted
    if least >= needed:
        return True
    return False if most < needed else None


@lru_cache(maxsize=_CACHED)
def _is_about(statement: Statement, action: str) -> bool:
    listed = statement.actions or statement.not_actions
    return any(action_matches(each, action) for each in listed) is bool(statement.actions)


@lru_cache(maxsize=_CACHED)
def _naming(statement: Statement) -> Statement:
    """Return a statement with the same Principal or NotPrincipal and nothing else."""
    return Statement(
        index=0,
        effect=statement.effect if statement.not_principals else Effect.ALLOW,
        principals=statement.principals,
        not_principals=statement.not_principals,
    )


@lru_cache(maxsize=_CACHED)
def _plain(condition: Condition) -> Condition:
    """Return the condition with its key in lower case."""
    return Condition(
        operator=condition.operator,
        key=condition.key.lower(),
        values=condition.values,
        qualifier=condition.qualifier,
        if_exists=condition.if_exists,
    )


def _has_variables(condition: Condition) -> bool:
    return any("${" in value for value in condition.values)


def _texts(atom: _Atom) -> tuple[str, ...]:
    """Return the texts of an atom that may hold variables."""
    match atom:
        case _Covers(variables=True):
            return (*atom.resources, *atom.not_resources)
        case _Holds(asked=(condition, True)):
            return condition.values
        case _:
            return ()


@lru_cache(maxsize=_CACHED)
def _resource_table(
    resources: tuple[str, ...], atoms: tuple[_Covers | _Needs, ...], bindings: Bindings
) -> tuple[tuple[str, tuple[bool | None, ...]], ...] | None:
    """Return every way in which resources that match one of these patterns answer the atoms."""
    language = tuple(_names_of(text) for text in resources if text != "*")
    separators = dict.fromkeys(_separators(atoms, bindings))
    texts = representatives(tuple(separators), language) if language else ()
    if texts is None:
        return None
    found: dict[tuple[bool | None, ...], str] = {}
    for text in (*texts, *(("*",) if "*" in resources else ())):
        found.setdefault(tuple(_answer(atom, text, bindings) for atom in atoms), text)
    return tuple((text, truths) for truths, text in found.items())


def _names_of(text: str) -> Pattern:
    """Return the names that a pattern of the question stands for; a name after a ``/`` is never empty."""
    pattern = arn_pattern(text, _NOTHING, variables=False)
    if pattern is None:
        raise UsageError(f"resource: expected an ARN with six segments, got {text!r}; write all six")
    return (*pattern[:-1], *ONE_OR_MORE) if text.endswith("/*") else pattern


def _separators(atoms: Iterable[_Covers | _Needs], bindings: Bindings) -> Iterator[Pattern]:
    lookup = lookup_of(bindings)
    for atom in atoms:
        if isinstance(atom, _Needs):
            yield from (found for text in _NEEDING if (found := arn_pattern(text, lookup, variables=False)))
            continue
        for text in (*atom.resources, *atom.not_resources):
            widest = not is_bound(text, bindings, variables=atom.variables)
            found = resource_pattern(text, lookup, variables=atom.variables, widest=widest)
            if text != "*" and found is not None:
                yield found


class _Cover(Enum):
    """Whether a Resource value covers a resource."""

    YES = "yes"
    NO = "no"
    VOID = "a variable has no value"
    OPEN = "the value of a variable is not known"


def _answer(atom: _Covers | _Needs, resource: str, bindings: Bindings) -> bool | None:
    if isinstance(atom, _Needs):
        needing = _NEEDING if atom.is_trust else _NEEDING[:1]
        return any(resource_matches(text, resource, _NOTHING, variables=False) for text in needing)
    listed = atom.resources or atom.not_resources
    covers = {_cover(text, resource, bindings, variables=atom.variables) for text in listed}
    if atom.resources:
        open_ = {text for text in listed if not is_bound(text, bindings, variables=atom.variables)}
        if _Cover.OPEN in covers and all(_cannot_cover(text, resource) for text in open_):
            covers.discard(_Cover.OPEN)
        return True if _Cover.YES in covers else _unless_open(covers, otherwise=False)
    return False if covers & {_Cover.YES, _Cover.VOID} else _unless_open(covers, otherwise=True)


def _unless_open(covers: set[_Cover], *, otherwise: bool) -> bool | None:
    return None if _Cover.OPEN in covers else otherwise


def _cover(text: str, resource: str, bindings: Bindings, *, variables: bool) -> _Cover:
    if is_bound(text, bindings, variables=variables):
        found = resource_matches(text, resource, lookup_of(bindings), variables=variables)
        return _Cover.VOID if found is None else _Cover.YES if found else _Cover.NO
    return _Cover.OPEN


def _cannot_cover(text: str, resource: str) -> bool:
    """Say whether no value of its variables makes a Resource value cover this."""
    widest = resource_pattern(text, _NOTHING, variables=True, widest=True)
    return resource == "*" or widest is None or not accepts(widest, resource)
