"""Creates the archive account exactly once: CreateAccount is asynchronous and has no idempotency token.

(1) an account with the e-mail address is used; (2) a creation in progress under the name is waited for;
(3) only then is CreateAccount called, by a client that repeats nothing; (4) where AWS did not confirm that,
what it began is looked for, and the call is never made again; (5) the account is ready when its role can be
assumed.

Source: https://docs.aws.amazon.com/organizations/latest/APIReference/API_CreateAccount.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from trailkeep.aws.patience import Patience
from trailkeep.aws.session import Accounts, aws_errors
from trailkeep.aws.unsure import may_be_done
from trailkeep.core.errors import AwsCallError
from trailkeep.guard.changes import CreateAccount

if TYPE_CHECKING:
    from mypy_boto3_organizations import OrganizationsClient

__all__ = ["create_account"]

_PENDING: Literal["IN_PROGRESS"] = "IN_PROGRESS"
_NOT_USABLE_YET = ("AccessDenied", "AccessDeniedException", "InvalidClientTokenId", "RegionDisabledException")
_UNSEEN = "without a trace"
_BUSY = ("ConcurrentModificationException", "FinalizingOrganizationException", "TooManyRequestsException")


def create_account(accounts: Accounts, patience: Patience, action: CreateAccount) -> str:
    """Return the id of the account, which can be used then.

    Raises:
        AwsCallError: AWS refused or failed to create it, or it was not usable in time.
    """
    client = accounts.organizations()
    account = _find(client, action.email)
    if account is None:
        request = _in_progress(client, action.name) or _request(accounts, client, patience, action)
        account = _await(client, patience, request) if request else _find(client, action.email)

    found = account or ""

    def assume() -> None:
        accounts.forget(found)
        accounts.s3(found, "us-east-1")

    patience.retry(assume, not_yet=_NOT_USABLE_YET, deadline_s=patience.account_deadline_s)
    return found


def _find(client: OrganizationsClient, email: str) -> str | None:
    with aws_errors("organizations:ListAccounts"):
        for page in client.get_paginator("list_accounts").paginate():
            for account in page["Accounts"]:
                if account.get("Email", "").casefold() == email.casefold():
                    return account["Id"]
    return None


def _in_progress(client: OrganizationsClient, name: str) -> str | None:
    return next((one for one, state in _creations(client, name).items() if state == _PENDING), None)


def _creations(client: OrganizationsClient, name: str) -> dict[str, str]:
    """Return the state of every creation under a name by its id, as far back as AWS remembers them."""
    with aws_errors("organizations:ListCreateAccountStatus"):
        return {
            status["Id"]: status["State"]
            for page in client.get_paginator("list_create_account_status").paginate()
            for status in page["CreateAccountStatuses"]
            if status.get("AccountName") == name
        }


def _request(
    accounts: Accounts, client: OrganizationsClient, patience: Patience, action: CreateAccount
) -> str:
    """Begin the creation and return its id; only what AWS surely refused is asked for again.

    The id is empty where the account is there, and AWS did not confirm that it was asked for.
    """
    once = accounts.organizations(attempts=1)
    before = _creations(client, action.name)

    def attempt() -> str:
        with aws_errors("organizations:CreateAccount"):
            answer = once.create_account(
                Email=action.email, AccountName=action.name, RoleName=action.access_role
            )
        return answer["CreateAccountStatus"]["Id"]

    try:
        return patience.retry(attempt, not_yet=_BUSY)
    except AwsCallError as error:
        if not may_be_done(error):
            raise
        return _begun(client, patience, action, frozenset(before), error)


def _begun(
    client: OrganizationsClient,
    patience: Patience,
    action: CreateAccount,
    before: frozenset[str],
    unconfirmed: AwsCallError,
) -> str:
    """Return the id of the creation that a call began without a confirmation.

    Raises:
        AwsCallError: none is to be seen within the deadline.
    """

    def look() -> str:
        new = [one for one in _creations(client, action.name) if one not in before]
        if new or _find(client, action.email):
            return new[0] if new else ""
        said = str(unconfirmed).removeprefix(f"{unconfirmed.call}: {unconfirmed.code}: ")
        raise AwsCallError(
            unconfirmed.call,
            f"{unconfirmed.code} {_UNSEEN}",
            f"{said}; no creation of {action.name} ({action.email}) is to be seen, and it was not asked for "
            "again: look for it with 'aws organizations list-create-account-status' and in the list of "
            "accounts, and where it is in neither, run 'trailkeep apply' again",
        ) from unconfirmed

    return patience.retry(look, not_yet=(f"{unconfirmed.code} {_UNSEEN}", *_BUSY))


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
