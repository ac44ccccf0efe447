"""Everything that policies can see of a class of callers: one caller for each way to be seen.

What counts is how Principal elements name a caller and what conditions on the caller's own keys say. Both
are asked of ``named_by`` and ``condition_holds``; this module only sees to it that no kind of caller is
missing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from trailkeep.guard.automata import (
    ANY,
    NO_COLON,
    Chars,
    Many,
    Pattern,
    literal,
    literal_char,
    representatives,
)
from trailkeep.guard.conditions import Condition, Operator, condition_holds
from trailkeep.guard.matching import split_arn
from trailkeep.guard.principals import Grant, Principal, named_by
from trailkeep.guard.statement import PrincipalPattern, PrincipalType, Statement
from trailkeep.guard.symbolic_classes import PROVIDER, SEPARATOR, Shape, ShapeKind, of_account
from trailkeep.guard.symbolic_keys import Asked, KeyFact, KeyTable, key_table
from trailkeep.guard.symbolic_patterns import Bindings, Family, condition_patterns, family

__all__ = ["CallerRow", "caller_table"]

_CACHED = 4096
_INSIDE = Chars(but=frozenset(SEPARATOR))
_NO_SLASH = Chars(but=frozenset("/:" + SEPARATOR))
_SLASH = literal_char("/")
_END: Pattern = (literal_char(SEPARATOR), Many(ANY))


@dataclass(frozen=True, slots=True)
class CallerRow:
    """A caller, the keys it decides, and what policies see of it.

    Attributes:
        principal: the caller.
        context: the keys that it decides, in lower case.
        grants: for each asked Principal element the least and the most it may grant.
        truths: for each asked condition its truth; None where it is not decided.
    """

    principal: Principal
    context: tuple[tuple[str, tuple[str, ...]], ...]
    grants: tuple[tuple[Grant, Grant], ...]
    truths: tuple[bool | None, ...]


@lru_cache(maxsize=_CACHED)
def caller_table(
    shape: Shape,
    namings: tuple[Statement, ...],
    questions: tuple[Asked, ...],
    bindings: Bindings,
    *,
    has_boundary: bool,
) -> tuple[CallerRow, ...] | None:
    """Return every way in which callers of a shape answer Principal elements and conditions on themselves.

    Args:
        shape: the callers.
        namings: statements of which only effect and Principal or NotPrincipal count.
        questions: conditions on ``CALLER_KEYS``.
        bindings: the variables whose value is known.
        has_boundary: whether the callers have a permissions boundary.

    Returns:
        Rows, the shortest callers first; None when there are too many.
    """
    patterns = dict.fromkeys(_separators(shape, namings, questions, bindings))
    texts = representatives(tuple(patterns), shape.language(), shape.excluded())
    providers = _providers(shape, namings, questions, bindings)
    if texts is None or providers is None:
        return None
    undecided = frozenset(
        index
        for index, question in enumerate(questions)
        if _condition_patterns(shape, question, bindings) is None
    )
    known = {name: (value,) for name, value in bindings if value is not None}
    found: dict[object, CallerRow] = {}
    for text in texts:
        for provider in providers:
            context = {**shape.context(text), **({PROVIDER: provider} if provider else {})}
            row = _row(shape.principal(text), context, namings, has_boundary=has_boundary)
            asked = {**known, **context}
            truths = tuple(
                None
                if index in undecided and context.get(condition.key.lower())
                else condition_holds(condition, asked, variables=variables)
                for index, (condition, variables) in enumerate(questions)
            )
            found.setdefault((row.grants, truths), CallerRow(row.principal, row.context, row.grants, truths))
    return tuple(found.values())


def _row(
    principal: Principal,
    context: dict[str, tuple[str, ...]],
    namings: Iterable[Statement],
    *,
    has_boundary: bool,
) -> CallerRow:
    grants = tuple(_grants(naming, principal, context, has_boundary=has_boundary) for naming in namings)
    return CallerRow(principal, tuple(context.items()), grants, ())


def _grants(
    naming: Statement, principal: Principal, context: dict[str, tuple[str, ...]], *, has_boundary: bool
) -> tuple[Grant, Grant]:
    """Return the least and the most that a statement grants, whichever canonical id the account has."""
    listed = (*naming.principals, *naming.not_principals)
    ids = {pattern.value for pattern in listed if pattern.type is PrincipalType.CANONICAL_USER}
    found = [named_by(naming, principal, context, has_boundary=has_boundary)]
    for canonical_id in ids if principal.has_credentials else ():
        named = Principal(
            kind=principal.kind,
            arn=principal.arn,
            account_id=principal.account_id,
            canonical_user_id=canonical_id,
        )
        found.append(named_by(naming, named, context, has_boundary=has_boundary))
    return min(found), max(found)


def _providers(
    shape: Shape, namings: Iterable[Statement], questions: Iterable[Asked], bindings: Bindings
) -> tuple[tuple[str, ...], ...] | None:
    """Return the values of ``aws:FederatedProvider`` that differ in effect."""
    if not shape.may_have_provider:
        return ((),)
    named = {
        pattern.value
        for naming in namings
        for pattern in (*naming.principals, *naming.not_principals)
        if pattern.type is PrincipalType.FEDERATED and pattern.value != "*"
    }
    equal = [
        Condition(operator=Operator.STRING_EQUALS, key=PROVIDER, values=(value,)) for value in sorted(named)
    ]
    asked = [
        (condition, variables)
        for condition, variables in questions
        if condition.key.lower() == PROVIDER
        and condition_patterns(condition, bindings, variables=variables) is not None
    ]
    table: KeyTable | None = key_table(KeyFact(), (*asked, *((each, False) for each in equal)), bindings)
    return None if table is None else tuple(dict.fromkeys(row.values for row in table))


def _separators(
    shape: Shape, namings: Iterable[Statement], questions: Iterable[Asked], bindings: Bindings
) -> Iterator[Pattern]:
    for naming in namings:
        for pattern in (*naming.principals, *naming.not_principals):
            yield from _naming_patterns(pattern)
    for question in questions:
        yield from _condition_patterns(shape, question, bindings) or ()


def _naming_patterns(named: PrincipalPattern) -> Iterator[Pattern]:
    """Yield the texts of the callers that a principal names, in each of the ways it can."""
    if named.type is PrincipalType.SERVICE:
        yield literal(named.value)
    if named.type is not PrincipalType.AWS or named.value == "*":
        return
    yield literal(named.value)
    segments = split_arn(named.value)
    if segments is None:
        yield (*of_account(literal(named.value)), Many(ANY))
        return
    _, partition, service, _, account, rest = segments
    yield (*of_account(literal(account)), Many(ANY))
    kind, _, names = rest.partition("/")
    role = literal(f"arn:{partition}:iam::{account}:role/")
    if service == "iam" and kind == "role":
        name = literal(names.rpartition("/")[2])
        yield (*role, *name, *_END)
        yield (*role, Many(_INSIDE), _SLASH, *name, *_END)
    if service == "sts" and kind == "assumed-role":
        role_name, _, session = names.partition("/")
        end = literal(f"{role_name}{SEPARATOR}{session}")
        yield (*role, *end)
        yield (*role, Many(_INSIDE), _SLASH, *end)


def _condition_patterns(shape: Shape, question: Asked, bindings: Bindings) -> tuple[Pattern, ...] | None:
    """Return the texts on which a condition on the caller depends; None when it cannot be decided."""
    condition, variables = question
    key = condition.key.lower()
    read = condition_patterns(condition, bindings, variables=variables, wild=_wild(key))
    if key in shape.bound():
        return () if read is not None or family(condition.operator) is not Family.TEXT else None
    return None if read is None else tuple(found for each in read for found in _placed(shape, key, each))


def _wild(key: str) -> Chars:
    """Return the characters that may be where a key's value is."""
    match key:
        case "aws:principalarn":
            return _INSIDE
        case "aws:username":
            return _NO_SLASH
        case "aws:principalaccount" | "aws:userid":
            return NO_COLON
        case _:
            return ANY


def _placed(shape: Shape, key: str, value: Pattern) -> Iterator[Pattern]:
    """Yield the texts of callers for which the value of a key matches a pattern."""
    match key:
        case "aws:principalarn":
            has_session = shape.kind in {ShapeKind.SESSION, ShapeKind.LINKED}
            yield (*value, *_END) if has_session else value
        case "aws:principalaccount" | "aws:userid":
            yield (*of_account(value), Many(ANY))
        case "aws:username":
            user = (*of_account((Many(NO_COLON),)), *literal("user/"))
            yield (*user, *value)
            yield (*user, Many(_INSIDE), _SLASH, *value)
        case "aws:principalservicename":
            yield value
        case _:
            return
