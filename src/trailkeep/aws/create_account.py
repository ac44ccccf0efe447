"""Creates the archive account exactly once: CreateAccount is asynchronous and has no idempotency token.

(1) an account with the e-mail address is used, where it can be; (2) every creation in progress under the name
is waited for, and its account is ours where it has the e-mail address, which AWS does not say of a creation;
(3) only then is CreateAccount called, by a client that repeats nothing; (4) where AWS did not confirm that,
what it began is looked for, and the call is never made again; (5) the account is ready when its role can be
assumed.

Creations are listed before accounts are, so that one that ends meanwhile is seen in one of them.

Source: https://docs.aws.amazon.com/organizations/latest/APIReference/API_CreateAccount.html,
https://docs.aws.amazon.com/organizations/latest/APIReference/API_CreateAccountStatus.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trailkeep.aws.list_accounts import CALL, list_accounts, state_of
from trailkeep.aws.patience import Patience
from trailkeep.aws.session import Accounts, aws_errors
from trailkeep.aws.unsure import may_be_done
from trailkeep.core.errors import AwsCallError
from trailkeep.guard.account_state import ACTIVE, PENDING_ACTIVATION, way_back
from trailkeep.guard.changes import CreateAccount

if TYPE_CHECKING:
    from mypy_boto3_organizations.type_defs import CreateAccountStatusTypeDef

__all__ = ["create_account"]

_IN_PROGRESS = "IN_PROGRESS"
_SUCCEEDED = "SUCCEEDED"
_NOT_USABLE_YET = ("AccessDenied", "AccessDeniedException", "InvalidClientTokenId", "RegionDisabledException")
_UNLISTED = "AccountNotListed"
_UNSEEN = "without a trace"
_BUSY = ("ConcurrentModificationException", "FinalizingOrganizationException", "TooManyRequestsException")


def create_account(accounts: Accounts, patience: Patience, action: CreateAccount) -> str:
    """Return the id of the account, which can be used then.

    Raises:
        AwsCallError: AWS refused or failed to create it, it was not usable in time, or the account with the
            e-mail address is suspended or closed.
    """
    before = _creations(accounts, action.name)
    found = (
        _existing(accounts, patience, action)
        or _continued(accounts, patience, action, before)
        or _requested(accounts, patience, action, frozenset(before))
    )

    def assume() -> None:
        accounts.forget(found)
        accounts.s3(found, "us-east-1")

    patience.retry(assume, not_yet=_NOT_USABLE_YET, deadline_s=patience.account_deadline_s)
    return found


def _existing(accounts: Accounts, patience: Patience, action: CreateAccount) -> str:
    """Return the id of the account with the e-mail address, empty where there is none.

    Raises:
        AwsCallError: there is one that cannot be used, and another with its address cannot be created.
    """

    def look() -> str:
        account = next((one for one in _listed(accounts) if _has_email(one, action.email)), None)
        state = state_of(account) if account else ""
        if account is None or state == ACTIVE:
            return str(account["Id"]) if account else ""
        raise AwsCallError(
            CALL,
            state,
            f"account {account['Id']} ({action.email}) is in state {state} and cannot be the archive's; "
            + way_back(state, other="archive.account_email"),
        )

    return patience.retry(look, not_yet=(PENDING_ACTIVATION, *_BUSY), deadline_s=patience.account_deadline_s)


def _continued(
    accounts: Accounts, patience: Patience, action: CreateAccount, creations: dict[str, str]
) -> str:
    """Wait for the creations in progress under the name until one made our account; return its id, or empty.

    One that failed made none, whoever began it.
    """
    for creation, state in creations.items():
        if state == _IN_PROGRESS:
            ended = _ended(accounts, patience, creation)
            if ended["State"] == _SUCCEEDED and _is_ours(accounts, patience, action, ended["AccountId"]):
                return ended["AccountId"]
    return ""


def _requested(accounts: Accounts, patience: Patience, action: CreateAccount, before: frozenset[str]) -> str:
    """Ask for the account and return its id; only what AWS surely refused is asked for again."""
    once = accounts.organizations(attempts=1)

    def attempt() -> str:
        with aws_errors("organizations:CreateAccount"):
            answer = once.create_account(
                Email=action.email, AccountName=action.name, RoleName=action.access_role
            )
        return answer["CreateAccountStatus"]["Id"]

    try:
        creation = patience.retry(attempt, not_yet=_BUSY)
    except AwsCallError as error:
        if not may_be_done(error):
            raise
        return _begun(accounts, patience, action, before, error)
    return _made(_ended(accounts, patience, creation))


def _begun(
    accounts: Accounts,
    patience: Patience,
    action: CreateAccount,
    before: frozenset[str],
    unconfirmed: AwsCallError,
) -> str:
    """Return the id of the account that a call asked for without a confirmation.

    Raises:
        AwsCallError: no creation of it is to be seen within the deadline, or it failed.
    """
    seen = set(before)

    def look() -> str:
        new = [one for one in _creations(accounts, action.name) if one not in seen]
        if new or any(_has_email(one, action.email) for one in _listed(accounts)):
            return new[0] if new else ""
        said = str(unconfirmed).removeprefix(f"{unconfirmed.call}: {unconfirmed.code}: ")
        raise AwsCallError(
            unconfirmed.call,
            f"{unconfirmed.code} {_UNSEEN}",
            f"{said}; no creation of {action.name} ({action.email}) is to be seen, and it was not asked for "
            "again: look for it with 'aws organizations list-create-account-status' and in the list of "
            "accounts, and where it is in neither, run 'trailkeep apply' again",
        ) from unconfirmed

    while creation := patience.retry(look, not_yet=(f"{unconfirmed.code} {_UNSEEN}", *_BUSY)):
        account = _made(_ended(accounts, patience, creation))
        if _is_ours(accounts, patience, action, account):
            return account
        seen.add(creation)
    return _existing(accounts, patience, action)


def _is_ours(accounts: Accounts, patience: Patience, action: CreateAccount, account: str) -> bool:
    """Return whether an account that was just created has our e-mail address."""

    def look() -> bool:
        for one in _listed(accounts):
            if one["Id"] == account:
                return _has_email(one, action.email)
        advice = "run 'trailkeep apply' again when it is"
        raise AwsCallError(CALL, _UNLISTED, f"account {account} was created and is not listed yet; {advice}")

    return patience.retry(look, not_yet=(_UNLISTED, *_BUSY))


def _ended(accounts: Accounts, patience: Patience, creation: str) -> CreateAccountStatusTypeDef:
    """Return the status of a creation that succeeded or failed.

    Raises:
        AwsCallError: it is in progress still.
    """
    client = accounts.organizations()

    def attempt() -> CreateAccountStatusTypeDef:
        with aws_errors("organizations:DescribeCreateAccountStatus"):
            answer = client.describe_create_account_status(CreateAccountRequestId=creation)
        status = answer["CreateAccountStatus"]
        if status["State"] == _IN_PROGRESS:
            raise _not_there(status)
        return status

    return patience.retry(attempt, not_yet=(_IN_PROGRESS, *_BUSY), deadline_s=patience.account_deadline_s)


def _made(status: CreateAccountStatusTypeDef) -> str:
    if status["State"] != _SUCCEEDED:
        raise _not_there(status)
    return status["AccountId"]


def _not_there(status: CreateAccountStatusTypeDef) -> AwsCallError:
    state = status["State"]
    reason = status.get("FailureReason", "") or state
    return AwsCallError("organizations:CreateAccount", reason, f"the account is not there (state {state})")


def _listed(accounts: Accounts) -> list[dict[str, Any]]:
    with aws_errors(CALL):
        return list_accounts(accounts)


def _has_email(account: dict[str, Any], email: str) -> bool:
    return str(account.get("Email", "")).casefold() == email.casefold()


def _creations(accounts: Accounts, name: str) -> dict[str, str]:
    """Return the state of every creation under a name by its id, as far back as AWS remembers them."""
    client = accounts.organizations()
    with aws_errors("organizations:ListCreateAccountStatus"):
        return {
            status["Id"]: status["State"]
            for page in client.get_paginator("list_create_account_status").paginate()
            for status in page["CreateAccountStatuses"]
            if status.get("AccountName") == name
        }
