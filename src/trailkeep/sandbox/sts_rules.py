"""What STS refuses and moto does not: roles that do not exist or do not trust the caller.

Source: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
"""

from __future__ import annotations

from moto.iam.exceptions import NotFoundException
from moto.iam.models import iam_backends
from werkzeug.wrappers import Response

from trailkeep.core.arn import Arn
from trailkeep.core.errors import UsageError
from trailkeep.guard.evaluate import Decision, PrincipalKind
from trailkeep.guard.statement import Policy
from trailkeep.sandbox.authority import call_context, judge
from trailkeep.sandbox.callers import Caller
from trailkeep.sandbox.calls import Call
from trailkeep.sandbox.faults import Fault, xml_answer
from trailkeep.sandbox.state import read_policy

__all__ = ["answer_sts"]


def answer_sts(call: Call, caller: Caller) -> Fault | Response | None:
    """Return STS's refusal, or who a root user is, or ``None`` to let moto answer."""
    match call.operation:
        case "AssumeRole":
            return _refuse_role(call, caller, str(call.parameters.get("RoleArn", "")))
        case "GetCallerIdentity" if caller.principal.kind is PrincipalKind.ROOT:
            return _root_identity(caller)
        case _:
            return None


def _refuse_role(call: Call, caller: Caller, role_arn: str) -> Fault | None:
    trust = _trust_policy(role_arn)
    if trust:
        owner = Arn.parse(role_arn).account_id
        evaluation = judge(
            caller,
            action="sts:AssumeRole",
            resource=role_arn,
            owner=owner,
            context=call_context(call, caller, owner=owner),
            resource_policy=trust,
        )
        if evaluation.decision is Decision.ALLOW:
            return None
    who = caller.display_arn
    message = f"User: {who} is not authorized to perform: sts:AssumeRole on resource: {role_arn}"
    return Fault(code="AccessDenied", message=message, status=403)


def _trust_policy(role_arn: str) -> Policy | None:
    try:
        role = iam_backends[Arn.parse(role_arn).account_id]["aws"].get_role_by_arn(role_arn)
    except (UsageError, NotFoundException):
        return None
    return read_policy(role.assume_role_policy_document, f"trust policy of {role_arn}")


def _root_identity(caller: Caller) -> Response:
    account_id = caller.principal.account_id
    return xml_answer(
        '<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>'
        f"<Arn>{caller.display_arn}</Arn><UserId>{account_id}</UserId><Account>{account_id}</Account>"
        "</GetCallerIdentityResult></GetCallerIdentityResponse>"
    )
