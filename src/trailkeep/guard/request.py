"""One request, the policies around it and the answer to it, as values.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/intro-structure.html#intro-structure-request
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from trailkeep.core.errors import UsageError
from trailkeep.guard.matching import split_arn
from trailkeep.guard.policy import parse_policy
from trailkeep.guard.principals import Principal
from trailkeep.guard.statement import Policy

__all__ = [
    "ADMINISTRATOR_ACCESS",
    "FULL_AWS_ACCESS",
    "Decision",
    "Evaluation",
    "Layer",
    "Layers",
    "Request",
    "tells_owner",
]

_EVERYTHING = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}],
}
ADMINISTRATOR_ACCESS = parse_policy(_EVERYTHING, name="AdministratorAccess")
FULL_AWS_ACCESS = parse_policy(_EVERYTHING, name="FullAWSAccess")

_ACTION = re.compile(r"[A-Za-z0-9-]+:[A-Za-z0-9_-]+")
_ACCOUNT = re.compile(r"[0-9]{12}")


class Decision(StrEnum):
    """AWS's answer; both denials are refusals, an explicit one cannot be outvoted."""

    ALLOW = "allow"
    EXPLICIT_DENY = "explicit-deny"
    IMPLICIT_DENY = "implicit-deny"


class Layer(StrEnum):
    """Where a decision was taken; ROOT is the root user's default access, SERVICE a rule of the service."""

    SCP = "scp"
    RCP = "rcp"
    ENDPOINT = "endpoint"
    RESOURCE = "resource-policy"
    IDENTITY = "identity"
    BOUNDARY = "boundary"
    SESSION = "session"
    ROOT = "root"
    SERVICE = "service"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request.

    Attributes:
        principal: who asks.
        action: ``service:Action`` in any case, without wildcards.
        resource: the ARN, or ``*`` for an action that knows no resource.
        resource_account_id: the account that owns the resource; for ``*`` the caller's.
        context: condition keys in any case with their values, as AWS would send them; no value means absent.
            Keys that the caller implies (``aws:PrincipalArn``, ``aws:PrincipalAccount``,
            ``aws:PrincipalType``, ``aws:PrincipalIsAWSService``, ``aws:PrincipalServiceName``,
            ``aws:ViaAWSService``, ``aws:username``, ``aws:userid`` of root) are added when absent, as far as
            AWS documents them of such a caller, and so is ``aws:ResourceAccount`` where the resource tells
            its owner (``tells_owner``). The path of a role is not in its sessions' ARNs: give
            ``aws:PrincipalArn`` where it matters. ``aws:SecureTransport``, ``aws:CurrentTime``,
            ``aws:SourceArn`` and the like are the asker's to give.

    Raises:
        UsageError: action, resource or context are not those of one request.
    """

    principal: Principal
    action: str
    resource: str
    resource_account_id: str
    context: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not _ACTION.fullmatch(self.action):
            raise _request_error("action", "service:Action without wildcards", self.action)
        if self.resource != "*" and split_arn(self.resource) is None:
            raise _request_error("resource", "an ARN, or '*' where the action knows none", self.resource)
        if not self.resource_account_id:
            raise _request_error("resource_account_id", "the account that owns the resource", "")
        if len({key.lower() for key in self.context}) != len(self.context):
            raise _request_error("context", "each key once", ", ".join(sorted(self.context)))


def tells_owner(resource: str, account_id: str) -> bool:
    """Say whether a resource, or a pattern of them, is sure to have that owner in ``aws:ResourceAccount``.

    It is not where there is no resource (``*``): whose AWS takes it to be then is not documented. Nor is it
    where the ARN is of another account, or the account is not known.

    >>> tells_owner("arn:aws:s3:::logs/*", "222222222222"), tells_owner("*", "222222222222")
    (True, False)

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-resourceaccount
    """
    segments = split_arn(resource)
    is_known = _ACCOUNT.fullmatch(account_id) is not None
    return segments is not None and is_known and segments[4] in {"", account_id}


def _request_error(field_name: str, expected: str, got: str) -> UsageError:
    return UsageError(f"request {field_name}: expected {expected}, got {got!r}; ask about one request")


@dataclass(frozen=True, slots=True, kw_only=True)
class Layers:
    """The policies around one request.

    Attributes:
        scps: the levels (organization root, each OU, account) on the *caller's* path with the SCPs attached
            to each; none for a caller outside the organization. A level given as ``()`` does not restrict:
            while SCPs are enabled no level is without one, so nothing attached means SCPs are off. A level
            with SCPs must allow: list ``FULL_AWS_ACCESS`` where it is attached.
        rcps: likewise on the path of the *resource's* account.
        resource_policy: bucket policy, key policy, role trust policy or the like.
        identity: the policies of the user or role; None means AdministratorAccess, ``()`` means none.
        boundary: the permissions boundary, if any.
        session: the session policy, if any.
        endpoint: the policy of the VPC endpoint that the request goes through, if any.
        management_account_id: the organization's management account; needed with SCPs and RCPs.

    Raises:
        UsageError: SCPs or RCPs without a management account.
    """

    scps: tuple[tuple[Policy, ...], ...] = ()
    rcps: tuple[tuple[Policy, ...], ...] = ()
    resource_policy: Policy | None = None
    identity: tuple[Policy, ...] | None = None
    boundary: Policy | None = None
    session: Policy | None = None
    endpoint: Policy | None = None
    management_account_id: str = ""

    def __post_init__(self) -> None:
        if (any(self.scps) or any(self.rcps)) and not self.management_account_id:
            raise UsageError(
                "layers: expected management_account_id with SCPs or RCPs, got none; "
                "SCPs and RCPs do not bind that account, so it must be known"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """The answer and what decided it; policy and statement are empty where a missing allow decided."""

    decision: Decision
    layer: Layer
    policy: str
    statement: str
    reason: str
