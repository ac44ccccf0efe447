"""CloudTrail's own call to register a delegated administrator, which moto does not have.

Source: https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_RegisterOrganizationDelegatedAdmin.html
"""

from __future__ import annotations

from typing import Any

from werkzeug.wrappers import Response

from trailkeep.sandbox.faults import Fault, json_answer
from trailkeep.sandbox.state import (
    CLOUDTRAIL,
    MANAGEMENT_ACCOUNT_ID,
    has_trusted_access,
    is_member,
    organization,
)

__all__ = ["register_delegated_administrator"]

_AT_MOST = 3


def register_delegated_administrator(parameters: dict[str, Any], *, account_id: str) -> Fault | Response:
    """Register a member account, or refuse as CloudTrail does."""
    member = str(parameters.get("MemberAccountId", ""))
    registered = [one.account.id for one in organization().admins if CLOUDTRAIL in one.services]
    refusals = {
        "NotOrganizationManagementAccountException": account_id != MANAGEMENT_ACCOUNT_ID,
        "CannotDelegateManagementAccountException": member == MANAGEMENT_ACCOUNT_ID,
        "CloudTrailAccessNotEnabledException": not has_trusted_access(),
        "AccountNotFoundException": not is_member(member),
        "AccountRegisteredException": member in registered,
        "DelegatedAdminAccountLimitExceededException": len(registered) >= _AT_MOST,
    }
    for code, is_so in refusals.items():
        if is_so:
            return Fault(code=code, message=f"Account {member} cannot be registered.")
    organization().register_delegated_administrator(AccountId=member, ServicePrincipal=CLOUDTRAIL)
    return json_answer({})
