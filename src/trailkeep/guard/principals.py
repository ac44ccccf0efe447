"""Who asks: principals, the condition keys they imply, and how a Principal element names them.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html,
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notprincipal.html
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import assert_never

from trailkeep.core.errors import UsageError
from trailkeep.guard.conditions import Context
from trailkeep.guard.matching import split_arn
from trailkeep.guard.statement import Effect, PrincipalPattern, PrincipalType, Statement

__all__ = ["Grant", "Principal", "PrincipalKind", "implied_context", "named_by"]


class PrincipalKind(StrEnum):
    """The kinds of caller that the rules tell apart."""

    ROOT = "root"
    IAM = "iam"
    SERVICE_LINKED_ROLE = "service-linked-role"
    SERVICE = "service"
    ANONYMOUS = "anonymous"


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """One caller.

    Attributes:
        kind: IAM is a user, a role, a role session or a federated user session.
        arn: for a role session the assumed-role session ARN; may be empty for ROOT, and is for SERVICE and
            ANONYMOUS.
        account_id: the caller's account; taken from the ARN when empty.
        service: for SERVICE its name, such as ``cloudtrail.amazonaws.com``.
        canonical_user_id: S3's name of the caller's account, where policies use it.

    Raises:
        UsageError: the fields do not name one caller.
    """

    kind: PrincipalKind
    arn: str = ""
    account_id: str = ""
    service: str = ""
    canonical_user_id: str = ""

    def __post_init__(self) -> None:
        segments = split_arn(self.arn) if self.arn else None
        match self.kind:
            case PrincipalKind.IAM | PrincipalKind.SERVICE_LINKED_ROLE:
                if segments is None or segments[2] not in {"iam", "sts"}:
                    raise _principal_error(self, "arn", "the ARN of a user, role or session", self.arn)
            case PrincipalKind.ROOT:
                if not self.account_id and segments is None:
                    raise _principal_error(self, "account_id", "the account of the root user", "")
            case PrincipalKind.SERVICE:
                if not self.service:
                    raise _principal_error(self, "service", "a name such as cloudtrail.amazonaws.com", "")
            case PrincipalKind.ANONYMOUS:
                pass
            case _:
                assert_never(self.kind)
        if segments and self.account_id not in {"", segments[4]}:
            raise _principal_error(self, "account_id", f"{segments[4]} as in {self.arn}", self.account_id)

    @property
    def account(self) -> str:
        """The account id, from the ARN where it was not given; empty for a service or anonymous."""
        segments = split_arn(self.arn)
        return self.account_id or (segments[4] if segments else "")

    @property
    def role_arn(self) -> str:
        """The role behind a role session, without the role's path (a session ARN does not have it)."""
        segments = split_arn(self.arn)
        if segments is None or segments[2] != "sts" or not segments[5].startswith("assumed-role/"):
            return self.arn if ":role/" in self.arn else ""
        return f"arn:{segments[1]}:iam::{segments[4]}:role/{segments[5].split('/')[1]}"

    @property
    def has_credentials(self) -> bool:
        """Whether identity, boundary and session policies can bear on it."""
        return self.kind not in {PrincipalKind.SERVICE, PrincipalKind.ANONYMOUS}

    def __str__(self) -> str:
        match self.kind:
            case PrincipalKind.ROOT:
                return f"the root user of {self.account}"
            case PrincipalKind.SERVICE:
                return self.service
            case PrincipalKind.ANONYMOUS:
                return "an anonymous caller"
            case PrincipalKind.IAM | PrincipalKind.SERVICE_LINKED_ROLE:
                return self.arn
            case _:
                assert_never(self.kind)


def _principal_error(principal: Principal, field: str, expected: str, got: str) -> UsageError:
    return UsageError(
        f"{principal.kind} principal: {field}: expected {expected}, got {got!r}; name one caller exactly"
    )


class Grant(IntEnum):
    """How directly a Principal element names a caller; the order is what a grant is worth."""

    NONE = 0
    ACCOUNT = 1
    ROLE = 2
    DIRECT = 3


def named_by(statement: Statement, principal: Principal, context: Context, *, has_boundary: bool) -> Grant:
    """Say how a statement of a resource policy names the caller; without a Principal it names nobody.

    NotPrincipal in a Deny spares a caller only when its session, its role *and* its account are listed, and
    never one that has a permissions boundary.
    """
    if statement.principals:
        return max(_names(pattern, principal, context) for pattern in statement.principals)
    if not statement.not_principals:
        return Grant.NONE
    if statement.effect is Effect.DENY and has_boundary and principal.kind is PrincipalKind.IAM:
        return Grant.DIRECT
    listed = {_names(pattern, principal, context) for pattern in statement.not_principals}
    needed = _own_names(principal) if statement.effect is Effect.DENY else set()
    spared = needed <= listed if needed else listed != {Grant.NONE}
    everybody = any(_is_everybody(pattern) for pattern in statement.not_principals)
    return Grant.NONE if spared or everybody else Grant.DIRECT


def _is_everybody(pattern: PrincipalPattern) -> bool:
    return pattern.type is PrincipalType.AWS and pattern.value == "*"


def _own_names(principal: Principal) -> set[Grant]:
    """Return what must all be listed to spare a caller."""
    match principal.kind:
        case PrincipalKind.ROOT:
            return {Grant.ACCOUNT}
        case PrincipalKind.SERVICE | PrincipalKind.ANONYMOUS:
            return {Grant.DIRECT}
        case PrincipalKind.IAM | PrincipalKind.SERVICE_LINKED_ROLE:
            if not principal.role_arn:
                return {Grant.ACCOUNT, Grant.DIRECT}
            session = {Grant.DIRECT} if principal.role_arn != principal.arn else set()
            return {Grant.ACCOUNT, Grant.ROLE, *session}
        case _:
            assert_never(principal.kind)


def _names(pattern: PrincipalPattern, principal: Principal, context: Context) -> Grant:
    match pattern.type:
        case PrincipalType.AWS:
            return _names_aws(pattern.value, principal)
        case PrincipalType.SERVICE:
            is_service = principal.kind is PrincipalKind.SERVICE
            return _direct(is_service and pattern.value in {"*", principal.service})
        case PrincipalType.FEDERATED:
            providers = context.get("aws:federatedprovider", ())
            return _direct(bool(providers) and pattern.value in {"*", *providers})
        case PrincipalType.CANONICAL_USER:
            known = bool(principal.canonical_user_id) and principal.canonical_user_id == pattern.value
            return Grant.ACCOUNT if known else Grant.NONE
        case _:
            assert_never(pattern.type)


def _direct(named: bool) -> Grant:  # noqa: FBT001 - a conversion, like int(flag)
    return Grant.DIRECT if named else Grant.NONE


def _names_aws(value: str, principal: Principal) -> Grant:
    if value == "*":
        return Grant.DIRECT
    if not principal.account:
        return Grant.NONE
    if value == principal.account or _is_root_of(value, principal):
        return Grant.ACCOUNT
    if principal.kind is PrincipalKind.ROOT:
        return Grant.NONE
    if principal.role_arn and _same_role(value, principal.role_arn):
        return Grant.ROLE
    return _direct(value == principal.arn)


def _is_root_of(value: str, principal: Principal) -> bool:
    segments = split_arn(value)
    return segments is not None and segments[2:] == ("iam", "", principal.account, "root")


def _same_role(one: str, other: str) -> bool:
    """Compare role ARNs by account and name, which is unique there: a session does not know its path."""
    return _role_name(one) is not None and _role_name(one) == _role_name(other)


def _role_name(arn: str) -> tuple[str, str, str] | None:
    segments = split_arn(arn)
    if segments is None or segments[2] != "iam" or not segments[5].startswith("role/"):
        return None
    return segments[1], segments[4], segments[5].rpartition("/")[2]


def implied_context(principal: Principal) -> dict[str, tuple[str, ...]]:
    """Return the condition keys (in lower case) that the caller itself implies.

    Only those that AWS documents of such callers, with the value that it documents. An anonymous request has
    no ``aws:PrincipalIsAWSService``, which is in signed requests alone; whether it has ``aws:userid`` differs
    between versions of the documentation.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
    """
    is_service = principal.kind is PrincipalKind.SERVICE
    keys = {"aws:viaawsservice": "false"}
    if principal.kind is not PrincipalKind.ANONYMOUS:
        keys["aws:principalisawsservice"] = str(is_service).lower()
    match principal.kind:
        case PrincipalKind.SERVICE:
            keys |= {
                "aws:principalservicename": principal.service,
                "aws:principalservicenameslist": principal.service,
            }
        case PrincipalKind.ANONYMOUS:
            keys |= {"aws:principalaccount": "anonymous", "aws:principaltype": "Anonymous"}
        case PrincipalKind.ROOT:
            arn = principal.arn or f"arn:aws:iam::{principal.account}:root"
            keys |= _identity_keys(principal, "Account", arn)
            keys["aws:userid"] = principal.account
        case PrincipalKind.IAM | PrincipalKind.SERVICE_LINKED_ROLE:
            keys |= _iam_keys(principal)
        case _:
            assert_never(principal.kind)
    return {key: (value,) for key, value in keys.items()}


def _iam_keys(principal: Principal) -> dict[str, str]:
    resource = principal.arn.split(":", 5)[5]
    if principal.role_arn:
        return _identity_keys(principal, "AssumedRole", principal.role_arn)
    if resource.startswith("federated-user/"):
        return _identity_keys(principal, "FederatedUser", principal.arn)
    user = {"aws:username": resource.rpartition("/")[2]}
    return _identity_keys(principal, "User", principal.arn) | user


def _identity_keys(principal: Principal, kind: str, arn: str) -> dict[str, str]:
    return {
        "aws:principalarn": arn,
        "aws:principalaccount": principal.account,
        "aws:principaltype": kind,
    }
