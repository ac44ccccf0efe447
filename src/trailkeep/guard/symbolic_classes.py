"""Classes of callers: everybody of one kind, and the texts that describe them.

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
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import assert_never

from trailkeep.core.errors import UsageError
from trailkeep.guard.applicable import BUCKET_POLICY_ACTIONS
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
from trailkeep.guard.principals import Principal, PrincipalKind, implied_context
from trailkeep.guard.symbolic_patterns import Bindings

__all__ = [
    "CALLER_KEYS",
    "PROVIDER",
    "SEPARATOR",
    "Caller",
    "Shape",
    "ShapeKind",
    "every_caller",
    "of_account",
    "shapes",
]

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
"""The condition keys (in lower case) that a caller may decide; ``aws:userid`` too, for root."""

_OPEN_OF_SERVICES = frozenset(
    {"aws:principalaccount", "aws:principalarn", "aws:principaltype", "aws:username"}
)
"""Those of which AWS does not say whether the request of a service principal has them, nor with what value.

``aws:PrincipalAccount`` and ``aws:PrincipalType`` are documented for all requests, ``aws:PrincipalArn`` for
all signed ones, and the table of values names no service.
"""

_CACHED = 4096
PROVIDER = "aws:federatedprovider"
SEPARATOR = "\x1f"
"""Stands between a role and the name of a session; no name holds it."""

_NAME = Chars(frozenset(string.ascii_letters + string.digits + "_+=,.@-"))
_PATH = Chars(frozenset(chr(code) for code in range(0x21, 0x7F)))
_HOST = Chars(frozenset(string.ascii_lowercase + string.digits + ".-"))
_SLASH = literal_char("/")
_A_NAME: Pattern = (_NAME, Many(_NAME))
_A_PATH: Pattern = (Many(_PATH), _SLASH)
_LOGINS = frozenset({"sts:assumerolewithsaml", "sts:assumerolewithwebidentity"})
_LINKED_PATH = "aws-service-role/"


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
    """The callers of a class that one kind of text describes.

    Attributes:
        caller: the class.
        kind: what a text stands for.
        is_login: whether they ask for a role with the token of an identity provider, and so have no
            credentials of AWS yet.
        may_be_assumed: whether a session of ``sts:AssumeRoot`` may ask for the same as the root user. Its
            ``aws:PrincipalType`` and ``aws:userid`` are not documented.
    """

    caller: Caller
    kind: ShapeKind
    is_login: bool = False
    may_be_assumed: bool = False

    @property
    def may_have_provider(self) -> bool:
        """Whether an identity provider may have vouched for them."""
        return self.kind is ShapeKind.SESSION or (self.kind is ShapeKind.ANONYMOUS and self.is_login)

    def decides(self, key: str) -> bool:
        """Say whether a condition key (in lower case) follows from who such a caller is."""
        if self.may_be_assumed and key in {"aws:principaltype", "aws:userid"}:
            return False
        if key == "aws:userid":
            return self.kind is ShapeKind.ROOT
        return key in CALLER_KEYS and not (self.kind is ShapeKind.SERVICE and key in _OPEN_OF_SERVICES)

    def language(self) -> tuple[Pattern, ...]:
        """Return the texts that describe a caller of this shape."""
        caller = self.caller
        account = literal(caller.account_id) if caller.account_id else (DIGIT,) * 12
        service = "sts" if self.kind is ShapeKind.FEDERATED else "iam"
        arn = (*literal(f"arn:{caller.partition}:{service}::"), *account, literal_char(":"))
        session = (literal_char(SEPARATOR), *_A_NAME)
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
        linked = (*of_account((Many(NO_COLON),)), *literal(f"role/{_LINKED_PATH}"), Many(ANY))
        reserved = (linked,) if self.kind is ShapeKind.SESSION else ()
        if self.caller.account_id:
            return reserved
        return (*((*of_account(literal(account)), Many(ANY)) for account in others), *reserved)

    def principal(self, text: str) -> Principal:
        """Return the caller that a text describes."""
        name, _, session = text.partition(SEPARATOR)
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
        found = {key: values for key, values in implied.items() if self.decides(key)}
        if self.kind in {ShapeKind.SESSION, ShapeKind.LINKED}:
            found["aws:principalarn"] = (text.partition(SEPARATOR)[0],)
        return found

    def bound(self) -> dict[str, str | None]:
        """Return the keys on which all callers of this shape agree; None: none of them has it."""
        return dict(_bound(self))


@lru_cache(maxsize=_CACHED)
def _bound(shape: Shape) -> Bindings:
    caller = shape.caller
    texts = representatives((), shape.language(), shape.excluded()) or ("",)
    context = shape.context(texts[0])
    fixed = {"aws:principalisawsservice", "aws:principaltype"}
    if caller.account_id or shape.kind is ShapeKind.ANONYMOUS:
        fixed.add("aws:principalaccount")
    if shape.kind is ShapeKind.ROOT and caller.account_id:
        fixed |= {"aws:principalarn", "aws:userid"}
    fixed = {key for key in fixed if shape.decides(key)}
    if caller.service:
        fixed.add("aws:principalservicename")
    maybe = {PROVIDER} if shape.may_have_provider else set()
    absent = {key for key in CALLER_KEYS if shape.decides(key)} - set(context) - maybe
    return (*((key, context[key][0]) for key in fixed if key in context), *((key, None) for key in absent))


def every_caller(
    *, accounts: Iterable[str], services: Iterable[str], organization_id: str = "", partition: str = "aws"
) -> tuple[Caller, ...]:
    """Return classes that together hold every caller there is, and no caller twice.

    >>> [str(each) for each in every_caller(accounts=["222222222222"], services=())][-3:]
    ['service-linked roles of any other account', 'any other AWS service', 'anonymous callers']

    Args:
        accounts: the accounts that get classes of their own: those of the organization.
        services: the services that get classes of their own: those that policies name.
        organization_id: the organization of these accounts, in which no other account is; empty when either
            is not known.
        partition: of the callers' ARNs.
    """
    named, known = tuple(dict.fromkeys(accounts)), tuple(dict.fromkeys(services))
    kinds = (PrincipalKind.ROOT, PrincipalKind.IAM, PrincipalKind.SERVICE_LINKED_ROLE)
    others, anonymous = frozenset(named), Caller(kind=PrincipalKind.ANONYMOUS, partition=partition)
    inside = (
        Caller(kind=kind, account_id=account, organization_id=organization_id, partition=partition)
        for account in named
        for kind in kinds
    )
    outside = (
        Caller(kind=kind, apart_from=others, not_organization_id=organization_id, partition=partition)
        for kind in kinds
    )
    called = (Caller(kind=PrincipalKind.SERVICE, service=name, partition=partition) for name in known)
    other = Caller(kind=PrincipalKind.SERVICE, apart_from=frozenset(known), partition=partition)
    return (*inside, *outside, *called, other, anonymous)


def shapes(caller: Caller, action: str = "") -> tuple[Shape, ...]:
    """Return the shapes of a class that may ask for an action; together they are all of it.

    Source: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html,
    https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoot.html
    """
    asked = action.lower()
    return tuple(
        Shape(
            caller=caller,
            kind=kind,
            is_login=asked in _LOGINS,
            may_be_assumed=kind is ShapeKind.ROOT and asked in BUCKET_POLICY_ACTIONS,
        )
        for kind in _SHAPES[caller.kind]
    )


def of_account(account: Pattern) -> Pattern:
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
