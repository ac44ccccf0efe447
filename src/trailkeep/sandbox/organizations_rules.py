"""What Organizations refuses and moto does not, and accounts that take a while to be created.

Source: https://docs.aws.amazon.com/organizations/latest/userguide/orgs_reference_limits.html
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from moto.moto_api._internal import mock_random
from moto.organizations.models import FakePolicy, organizations_backends
from werkzeug.wrappers import Response

from trailkeep.core.errors import TrailkeepError
from trailkeep.guard.policy import parse_policy
from trailkeep.guard.statement import Effect, Policy, PrincipalPattern, PrincipalType
from trailkeep.sandbox.calls import Call
from trailkeep.sandbox.faults import Fault, json_answer
from trailkeep.sandbox.state import (
    MANAGEMENT_ACCOUNT_ID,
    PolicyType,
    enabled_policy_types,
    organization,
)

__all__ = ["AccountRequest", "AccountRequests", "leave_organization", "refuse_organizations"]

_CHARACTERS = {PolicyType.SCP: 10_240, PolicyType.RCP: 5_120}
_ATTACHMENTS = {PolicyType.SCP: 10, PolicyType.RCP: 5}
_MEMBERS_MAY = {
    "AcceptHandshake",
    "DeclineHandshake",
    "DescribeHandshake",
    "DescribeOrganization",
    "LeaveOrganization",
    "ListHandshakesForAccount",
}
_EVERYBODY = (PrincipalPattern(type=PrincipalType.AWS, value="*"),)


@dataclass(slots=True, kw_only=True)
class AccountRequest:
    """One CreateAccount that moto has not been told of: in progress, or failed for ``failure``."""

    id: str
    parameters: dict[str, Any]
    failure: str = ""
    asked: int = 0
    requested_at: float = field(default_factory=time.time)

    def status(self) -> dict[str, Any]:
        """Return the members of CreateAccountStatus."""
        told: dict[str, Any] = {
            "Id": self.id,
            "AccountName": self.parameters.get("AccountName", ""),
            "State": "FAILED" if self.failure else "IN_PROGRESS",
            "RequestedTimestamp": self.requested_at,
        }
        if self.failure:
            told |= {"FailureReason": self.failure, "CompletedTimestamp": self.requested_at}
        return told


class AccountRequests:
    """Accounts in the making: in progress at first, there when their status was asked for ``polls`` times."""

    def __init__(self) -> None:
        self._requests: dict[str, AccountRequest] = {}
        self.polls = 1

    def clear(self) -> None:
        """Forget every request."""
        self._requests.clear()
        self.polls = 1

    def answer(self, operation: str, parameters: dict[str, Any]) -> Response | None:
        """Answer the calls about account creation; ``None`` lets moto answer."""
        match operation:
            case "CreateAccount":
                return json_answer({"CreateAccountStatus": self._create(parameters).status()})
            case "DescribeCreateAccountStatus":
                request = self._requests.get(str(parameters.get("CreateAccountRequestId")))
                return self._describe(request) if request else None
            case "ListCreateAccountStatus":
                return json_answer({"CreateAccountStatuses": self._list(parameters.get("States") or ())})
            case _:
                return None

    def _create(self, parameters: dict[str, Any]) -> AccountRequest:
        used = {account.email.lower() for account in organization().accounts}
        used |= {
            request.parameters["Email"].lower() for request in self._requests.values() if not request.failure
        }
        failure = "EMAIL_ALREADY_EXISTS" if parameters["Email"].lower() in used else ""
        request = AccountRequest(
            id=f"car-{mock_random.get_random_hex(32)}", parameters=parameters, failure=failure
        )
        self._requests[request.id] = request
        return request

    def _describe(self, request: AccountRequest) -> Response | None:
        request.asked += 1
        if request.failure or request.asked <= self.polls:
            return json_answer({"CreateAccountStatus": request.status()})
        organization().create_account(**request.parameters)
        organization().accounts[-1].create_account_status_id = request.id
        del self._requests[request.id]
        return None

    def _list(self, states: tuple[str, ...]) -> list[dict[str, Any]]:
        done = [
            account.create_account_status["CreateAccountStatus"]
            for account in organization().accounts
            if account.id != MANAGEMENT_ACCOUNT_ID
        ]
        told = done + [request.status() for request in self._requests.values()]
        return [status for status in told if not states or status["State"] in states]


def refuse_organizations(call: Call, *, account_id: str) -> Fault | None:
    """Return Organizations' refusal of a call, or ``None`` where it would go on."""
    parameters = call.parameters
    if account_id != MANAGEMENT_ACCOUNT_ID and call.operation not in _MEMBERS_MAY:
        return Fault(
            code="AccessDeniedException", message="You don't have permissions to access this resource."
        )
    match call.operation:
        case "CreatePolicy":
            return _refuse_content(str(parameters.get("Type")), str(parameters.get("Content")))
        case "UpdatePolicy" if "Content" in parameters:
            policy = _policy(parameters)
            return _refuse_content(policy.type, str(parameters["Content"])) if policy else None
        case "AttachPolicy":
            return _refuse_attachment(parameters)
        case "DetachPolicy":
            return _refuse_detachment(parameters)
        case "AcceptHandshake":
            message = "We can't find a handshake with the HandshakeId that you specified."
            return Fault(code="HandshakeNotFoundException", message=message)
        case "DisablePolicyType":
            _detach_all(str(parameters.get("PolicyType")))
            return None
        case _:
            return None


def leave_organization(account_id: str) -> None:
    """Take a member account out of the organization; its policies stop binding it at once."""
    left = next(account for account in organization().accounts if account.id == account_id)
    for policy in left.attached_policies:
        policy.attachments.remove(left)
    organization().accounts.remove(left)
    organizations_backends.master_accounts.pop(account_id, None)


def _policy(parameters: dict[str, Any]) -> FakePolicy | None:
    wanted = parameters.get("PolicyId")
    return next((policy for policy in organization().policies if policy.id == wanted), None)


def _target(parameters: dict[str, Any]) -> Any:
    nodes: list[Any] = [*organization().ou, *organization().accounts]
    return next((node for node in nodes if node.id == parameters.get("TargetId")), None)


def _limit(reason: str, message: str) -> Fault:
    return Fault(code="ConstraintViolationException", message=message, members={"Reason": reason})


def _refuse_content(type_name: str, content: str) -> Fault | None:
    if type_name not in set(PolicyType):
        return None
    kind = PolicyType(type_name)
    if len(content) > _CHARACTERS[kind]:
        message = f"You have exceeded the maximum policy size of {_CHARACTERS[kind]} characters."
        return _limit("POLICY_CONTENT_LIMIT_EXCEEDED", message)
    malformed = Fault(
        code="MalformedPolicyDocumentException",
        message="The provided policy document does not meet the requirements of the specified policy type.",
    )
    try:
        policy = parse_policy(content, name=kind)
    except TrailkeepError:
        return malformed
    return None if _is_allowed(policy, kind) else malformed


def _is_allowed(policy: Policy, kind: PolicyType) -> bool:
    """SCPs name no principal; RCPs only deny, to everybody, and list their actions."""
    if kind is PolicyType.SCP:
        return not any(statement.principals or statement.not_principals for statement in policy.statements)
    return all(
        statement.effect is Effect.DENY
        and statement.principals == _EVERYBODY
        and statement.actions
        and "*" not in statement.actions
        for statement in policy.statements
    )


def _refuse_attachment(parameters: dict[str, Any]) -> Fault | None:
    policy, target = _policy(parameters), _target(parameters)
    if policy is None or target is None:
        return None
    if policy.type not in enabled_policy_types():
        message = "This operation can be performed only for enabled policy types."
        return Fault(code="PolicyTypeNotEnabledException", message=message)
    if policy in target.attached_policies:
        message = "A policy with the specified name and type already exists."
        return Fault(code="DuplicatePolicyAttachmentException", message=message)
    attached = [entry for entry in target.attached_policies if entry.type == policy.type]
    if policy.type in set(PolicyType) and len(attached) >= _ATTACHMENTS[PolicyType(policy.type)]:
        message = "You have attached the maximum number of policies of this type to the target."
        return _limit("MAX_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED", message)
    return None


def _refuse_detachment(parameters: dict[str, Any]) -> Fault | None:
    policy, target = _policy(parameters), _target(parameters)
    if policy is None or target is None:
        return None
    if policy not in target.attached_policies:
        message = "The policy isn't attached to the specified target."
        return Fault(code="PolicyNotAttachedException", message=message)
    attached = [entry for entry in target.attached_policies if entry.type == policy.type]
    if policy.type in set(PolicyType) and (len(attached) == 1 or policy.id == "p-RCPFullAWSAccess"):
        message = "You can't remove the last policy of this type from the target."
        return _limit("MIN_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED", message)
    return None


def _detach_all(type_name: str) -> None:
    """Detach every policy of a type that is about to be disabled; the AWS managed one stays for next time."""
    for policy in organization().policies:
        if policy.type == type_name and not policy.aws_managed:
            for target in list(policy.attachments):
                organization().detach_policy(PolicyId=policy.id, TargetId=target.id)
