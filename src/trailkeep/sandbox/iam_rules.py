"""What IAM centralizes for an organization and moto does not know: the features of root access.

Source: https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListOrganizationsFeatures.html,
https://docs.aws.amazon.com/IAM/latest/APIReference/API_EnableOrganizationsRootSessions.html
"""

from __future__ import annotations

from werkzeug.wrappers import Response

from trailkeep.sandbox.callers import Caller
from trailkeep.sandbox.calls import Call
from trailkeep.sandbox.faults import Fault, xml_answer
from trailkeep.sandbox.state import MANAGEMENT_ACCOUNT_ID, organization

__all__ = ["answer_iam"]

_IAM = "iam.amazonaws.com"
_NAMESPACE = "https://iam.amazonaws.com/doc/2010-05-08/"
_ENABLES = {
    "EnableOrganizationsRootCredentialsManagement": "RootCredentialsManagement",
    "EnableOrganizationsRootSessions": "RootSessions",
}


def answer_iam(call: Call, caller: Caller) -> Fault | Response | None:
    """Return IAM's answer about the features of root access, or ``None`` to let moto answer."""
    if call.operation != "ListOrganizationsFeatures" and call.operation not in _ENABLES:
        return None
    if caller.principal.account_id != MANAGEMENT_ACCOUNT_ID:
        return Fault(
            code="AccountNotManagementOrDelegatedAdministratorException",
            message="The account is neither the management account nor a delegated administrator.",
        )
    if all(service["ServicePrincipal"] != _IAM for service in organization().services):
        return Fault(
            code="ServiceAccessNotEnabledException",
            message="Trusted access is not enabled for IAM in Organizations.",
        )
    features: set[str] = organization().__dict__.setdefault("root_features", set())
    if call.operation in _ENABLES:
        features.add(_ENABLES[call.operation])
    members = "".join(f"<member>{feature}</member>" for feature in sorted(features))
    found = organization().org
    identity = found.id if found else ""
    return xml_answer(
        f'<{call.operation}Response xmlns="{_NAMESPACE}"><{call.operation}Result>'
        f"<OrganizationId>{identity}</OrganizationId><EnabledFeatures>{members}</EnabledFeatures>"
        f"</{call.operation}Result></{call.operation}Response>"
    )
