"""Creates the archive account exactly once: CreateAccount is asynchronous and has no idempotency token.

(1) an account with the e-mail address is used; (2) a creation in progress under the name is waited for;
(3) only then is CreateAccount called, once; (4) the account is ready when its role can be assumed.

Source: https://docs.aws.amazon.com/organizations/latest/APIReference/API_CreateAccount.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from trailkeep.aws.patience import Patience
from trailkeep.aws.session import Accounts, aws_errors
from trailkeep.core.errors import AwsCallError
from trailkeep.guard.changes import CreateAccount

if TYPE_CHECKING:
    from mypy_boto3_organizations import OrganizationsClient

__all__ = ["create_account"]

_PENDING: Literal["IN_PROGRESS"] = "IN_PROGRESS"
_NOT_USABLE_YET = ("AccessDenied", "AccessDeniedException", "InvalidClientTokenId", "RegionDisabledException")
_BUSY = ("ConcurrentModificationException", "FinalizingOrganizationException", "TooManyRequestsException")


def create_account(accounts: Accounts, patience: Patience, action: CreateAccount) -> str:
    """Return the id of the account, which can be used then.

    Raises:
        AwsCallError: AWS refused or failed to create it, or it was not usable in time.
    """
    client = accounts.organizations()
    account = _find(client, action.email)
    if account is None:
        request = _in_progress(client, action.name) or _request(client, patience, action)
        account = _await(client, patience, request)

    def assume() -> None:
        accounts.forget(account)
        accounts.s3(account, "us-east-1")

    patience.retry(assume, not_yet=_NOT_USABLE_YET, deadline_s=patience.account_deadline_s)
    return account


def _find(client: OrganizationsClient, email: str) -> str | None:
    with aws_errors("organizations:ListAccounts"):
        for page in client.get_paginator("list_accounts").paginate():
            for account in page["Accounts"]:
                if account.get("Email", "").casefold() == email.casefold():
                    return account["Id"]
    return None


def _in_progress(client: OrganizationsClient, name: str) -> str | None:
    with aws_errors("organizations:ListCreateAccountStatus"):
        for page in client.get_paginator("list_create_account_status").paginate(States=[_PENDING]):
            for status in page["CreateAccountStatuses"]:
                if status.get("AccountName") == name:
                    return status["Id"]
    return None


def _request(client: OrganizationsClient, patience: Patience, action: CreateAccount) -> str:
    def attempt() -> str:
        with aws_errors("organizations:CreateAccount"):
            answer = client.create_account(
                Email=action.email, AccountName=action.name, RoleName=action.access_role
            )
        return answer["CreateAccountStatus"]["Id"]

    return patience.retry(attempt, not_yet=_BUSY)


def _await(client: OrganizationsClient, patience: Patience, request: str) -> str:
    def attempt() -> str:
        with aws_errors("organizations:DescribeCreateAccountStatus"):
            status = client.describe_create_account_status(CreateAccountRequestId=request)
        said = status["CreateAccountStatus"]
        if said["State"] == "SUCCEEDED":
            return said["AccountId"]
        reason = said.get("FailureReason", "") or said["State"]
        raise AwsCallError(
            "organizations:CreateAccount", reason, f"the account is not there (state {said['State']})"
        )

    return patience.retry(attempt, not_yet=(_PENDING, *_BUSY), deadline_s=patience.account_deadline_s)
