"""Classes of callers: everybody of one kind, and every way in which policies can see them.

A ``Caller`` is a class such as "the users and roles of account 222222222222" or "the root user of any account
that has no class of its own". It falls into *shapes* (a user, a role session, a federated user); within a
shape a caller is one text, and a walk over all patterns that policies hold yields every kind of caller they
can tell apart::

    user, federated user, root   the ARN
    role session                 the role's ARN with its path, a separator, the name of the session
    service                      its name

What AWS derives from the caller (``aws:PrincipalArn``, ``aws:PrincipalAccount``, ``aws:PrincipalType``,
``aws:PrincipalIsAWSService``, ``aws:username``, ...) is derived from that text, never free. Nobody but AWS
creates roles below ``/aws-service-role/``, so they are service-linked roles and no others are.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html,
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html#principaltable
"""

from __future__ import annotations

import string
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import assert_never

from trailkeep.core.errors import UsageError
from trailkeep.guard.automata import (
    ANY,
    DIGIT,
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
from trailkeep.guard.principals import Grant, Principal, PrincipalKind, implied_context, named_by
from trailkeep.guard.statement import PrincipalPattern, PrincipalType, Statement
from trailkeep.guard.symbolic_keys import Asked, KeyFact, KeyTable, key_table
from trailkeep.guard.symbolic_patterns import Bindings, Family, condition_patterns, family

__all__ = ["CALLER_KEYS", "Caller", "CallerRow", "Shape", "ShapeKind", "caller_table", "shapes"]

CALLER_KEYS = frozenset(
    {
        "aws:federatedprovider",
        "aws:principalaccount",
        "aws:principalarn",
        "aws:principalisawsservice",
        "aws:principalservicename",
        "aws:principaltype",
        "aws:username",
    }
)
"""The condition keys (in lower case) that a caller decides; ``aws:userid`` too, for root."""

_CACHED = 4096
_PROVIDER = "aws:federatedprovider"
_SEPARATOR = "\x1f"
_INSIDE = Chars(but=frozenset(_SEPARATOR))
_NO_SLASH = Chars(but=frozenset("/:" + _SEPARATOR))
_NAME = Chars(frozenset(string.ascii_letters + string.digits + "_+=,.@-"))
_PATH = Chars(frozenset(chr(code) for code in range(0x21, 0x7F)))
_HOST = Chars(frozenset(string.ascii_lowercase + string.digits + ".-"))
_SLASH = literal_char("/")
_A_NAME: Pattern = (_NAME, Many(_NAME))
_A_PATH: Pattern = (Many(_PATH), _SLASH)
_LINKED_PATH = "aws-service-role/"
_END: Pattern = (literal_char(_SEPARATOR), Many(ANY))


class ShapeKind(StrEnum):
    """What one text stands for."""

    ROOT = "root"
    USER = "user"
    SESSION = "role session"
    FEDERATED = "federated user"
    LINKED = "service-linked role session"
    SERVICE = "service"
    ANONYMOUS = "anonymous"


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """A class of callers.

    Attributes:
        kind: of which kind.
        account_id: their account; empty for any account but those in ``apart_from``.
        service: for SERVICE its name; empty for any service but those in ``apart_from``.
        apart_from: accounts or services that are no members of this class.
        organization_id: the organization of their account, where it is known to be in one.
        not_organization_id: an organization that their account is known not to be in.
        partition: of their ARNs.

    Raises:
        UsageError: an account that is not 12 digits.
    """

    kind: PrincipalKind
    account_id: str = ""
    service: str = ""
    apart_from: frozenset[str] = frozenset()
    organization_id: str = ""
    not_organization_id: str = ""
    partition: str = "aws"

    def __post_init__(self) -> None:
        if self.account_id and not (
            len(self.account_id) == 12 and self.account_id.isascii() and self.account_id.isdecimal()
        ):
            raise UsageError(
                f"class of callers: expected account_id of 12 digits, got {self.account_id!r}; "
                "leave it empty for any account"
            )

    def __str__(self) -> str:
        account = f"account {self.account_id}" if self.account_id else "any other account"
        match self.kind:
            case PrincipalKind.ROOT:
                return f"the root user of {account}"
            case PrincipalKind.IAM:
                return f"users and roles of {account}"
            case PrincipalKind.SERVICE_LINKED_ROLE:
                return f"service-linked roles of {account}"
            case PrincipalKind.SERVICE:
                return self.service or "any other AWS service"
            case PrincipalKind.ANONYMOUS:
                return "anonymous callers"
            case _:
                assert_never(self.kind)


_SHAPES = {
    PrincipalKind.ROOT: (ShapeKind.ROOT,),
    PrincipalKind.IAM: (ShapeKind.SESSION, ShapeKind.USER, ShapeKind.FEDERATED),
    PrincipalKind.SERVICE_LINKED_ROLE: (ShapeKind.LINKED,),
    PrincipalKind.SERVICE: (ShapeKind.SERVICE,),
    PrincipalKind.ANONYMOUS: (ShapeKind.ANONYMOUS,),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """The callers of a class that one kind of text describes."""

    caller: Caller
    kind: ShapeKind

    def language(self) -> tuple[Pattern, ...]:
        """Return the texts that describe a caller of this shape."""
        caller = self.caller
        account = literal(caller.account_id) if caller.account_id else (DIGIT,) * 12
        service = "sts" if self.kind is ShapeKind.FEDERATED else "iam"
        arn = (*literal(f"arn:{caller.partition}:{service}::"), *account, literal_char(":"))
        session = (literal_char(_SEPARATOR), *_A_NAME)
        match self.kind:
            case ShapeKind.ROOT:
                return ((*arn, *literal("root")),)
            case ShapeKind.USER:
                user = (*arn, *literal("user/"))
                return ((*user, *_A_NAME), (*user, *_A_PATH, *_A_NAME))
            case ShapeKind.SESSION:
                role = (*arn, *literal("role/"))
                return ((*role, *_A_NAME, *session), (*role, *_A_PATH, *_A_NAME, *session))
            case ShapeKind.FEDERATED:
                return ((*arn, *literal("federated-user/"), *_A_NAME),)
            case ShapeKind.LINKED:
                role = (*arn, *literal(f"role/{_LINKED_PATH}"), _HOST, Many(_HOST), _SLASH)
                return ((*role, *_A_NAME, *session),)
            case ShapeKind.SERVICE:
                return (literal(caller.service) if caller.service else (_HOST, Many(_HOST)),)
            case ShapeKind.ANONYMOUS:
                return ((),)
            case _:
                assert_never(self.kind)

    def excluded(self) -> tuple[Pattern, ...]:
        """Return the texts that describe callers of other classes."""
        others = sorted(self.caller.apart_from)
        if self.kind is ShapeKind.SERVICE:
            return () if self.caller.service else tuple(literal(service) for service in others)
        linked = (*_of_account((Many(NO_COLON),)), *literal(f"role/{_LINKED_PATH}"), Many(ANY))
        reserved = (linked,) if self.kind is ShapeKind.SESSION else ()
        if self.caller.account_id:
            return reserved
        return (*((*_of_account(literal(account)), Many(ANY)) for account in others), *reserved)

    def principal(self, text: str) -> Principal:
        """Return the caller that a text describes."""
        name, _, session = text.partition(_SEPARATOR)
        match self.kind:
            case ShapeKind.SERVICE:
                return Principal(kind=PrincipalKind.SERVICE, service=name)
            case ShapeKind.ANONYMOUS:
                return Principal(kind=PrincipalKind.ANONYMOUS)
            case ShapeKind.SESSION | ShapeKind.LINKED:
                _, partition, _, _, account, role = name.split(":", 5)
                arn = f"arn:{partition}:sts::{account}:assumed-role/{role.rpartition('/')[2]}/{session}"
                return Principal(kind=self.caller.kind, arn=arn)
            case ShapeKind.ROOT:
                return Principal(kind=PrincipalKind.ROOT, arn=name, account_id=name.split(":")[4])
            case ShapeKind.USER | ShapeKind.FEDERATED:
                return Principal(kind=PrincipalKind.IAM, arn=name)
            case _:
                assert_never(self.kind)

    def context(self, text: str) -> dict[str, tuple[str, ...]]:
        """Return the condition keys that the caller decides."""
        implied = implied_context(self.principal(text))
        found = {key: values for key, values in implied.items() if key in CALLER_KEYS or key == "aws:userid"}
        if self.kind in {ShapeKind.SESSION, ShapeKind.LINKED}:
            found["aws:principalarn"] = (text.partition(_SEPARATOR)[0],)
        return found

    def bound(self) -> dict[str, str | None]:
        """Return the keys on which all callers of this shape agree; None: none of them has it."""
        texts = representatives((), self.language(), self.excluded()) or ("",)
        context = self.context(texts[0])
        fixed = {"aws:principalisawsservice", "aws:principaltype"}
        if self.caller.account_id or self.kind is ShapeKind.ANONYMOUS:
            fixed.add("aws:principalaccount")
        if self.kind is ShapeKind.ROOT and self.caller.account_id:
            fixed |= {"aws:principalarn", "aws:userid"}
        if self.caller.service:
            fixed.add("aws:principalservicename")
        found: dict[str, str | None] = {key: context[key][0] for key in fixed if key in context}
        maybe = {"aws:federatedprovider"} if self.kind is ShapeKind.SESSION else set()
        return found | dict.fromkeys(CALLER_KEYS - set(context) - maybe)


def shapes(caller: Caller) -> tuple[Shape, ...]:
    """Return the shapes of a class; together they are all of it."""
    return tuple(Shape(caller=caller, kind=kind) for kind in _SHAPES[caller.kind])


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
            context = {**shape.context(text), **({_PROVIDER: provider} if provider else {})}
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
    """Return every value of ``aws:FederatedProvider`` that makes a difference; only role sessions have one."""
    if shape.kind is not ShapeKind.SESSION:
        return ((),)
    named = {
        pattern.value
        for naming in namings
        for pattern in (*naming.principals, *naming.not_principals)
        if pattern.type is PrincipalType.FEDERATED and pattern.value != "*"
    }
    equal = [
        Condition(operator=Operator.STRING_EQUALS, key=_PROVIDER, values=(value,)) for value in sorted(named)
    ]
    asked = [
        (condition, variables)
        for condition, variables in questions
        if condition.key.lower() == _PROVIDER
        and condition_patterns(condition, bindings, variables=variables) is not None
    ]
    table: KeyTable | None = key_table(KeyFact(), (*asked, *((each, False) for each in equal)), bindings)
    return None if table is None else tuple(dict.fromkeys(row.values for row in table))


def _separators(
    shape: Shape, namings: Iterable[Statement], questions: Iterable[Asked], bindings: Bindings
) -> Iterator[Pattern]:
    for naming in namings:
        for pattern in (*naming.principals, *naming.not_principals):
            yield from _naming_patterns(shape, pattern)
    for question in questions:
        yield from _condition_patterns(shape, question, bindings) or ()


def _naming_patterns(shape: Shape, named: PrincipalPattern) -> Iterator[Pattern]:
    """Yield the texts of the callers that a principal names, in each of the ways it can."""
    if named.type is PrincipalType.SERVICE:
        yield literal(named.value)
    if named.type is not PrincipalType.AWS or named.value == "*":
        return
    yield literal(named.value)
    segments = split_arn(named.value)
    if segments is None:
        yield (*_of_account(literal(named.value)), Many(ANY))
        return
    _, partition, service, _, account, rest = segments
    yield (*_of_account(literal(account)), Many(ANY))
    kind, _, names = rest.partition("/")
    role = literal(f"arn:{partition}:iam::{account}:role/")
    if service == "iam" and kind == "role":
        name = literal(names.rpartition("/")[2])
        yield (*role, *name, *_END)
        yield (*role, Many(_INSIDE), _SLASH, *name, *_END)
    if service == "sts" and kind == "assumed-role":
        role_name, _, session = names.partition("/")
        end = literal(f"{role_name}{_SEPARATOR}{session}")
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
            yield (*_of_account(value), Many(ANY))
        case "aws:username":
            user = (*_of_account((Many(NO_COLON),)), *literal("user/"))
            yield (*user, *value)
            yield (*user, Many(_INSIDE), _SLASH, *value)
        case "aws:principalservicename":
            yield value
        case _:
            return


def _of_account(account: Pattern) -> Pattern:
    """Return how the ARNs of an account's users and roles begin."""
    return (
        *literal("arn:"),
        Many(NO_COLON),
        literal_char(":"),
        Many(NO_COLON),
        *literal("::"),
        *account,
        literal_char(":"),
    )
