"""What the credentials at hand tell about the organization, for a first configuration."""

from __future__ import annotations

from dataclasses import dataclass

from trailkeep.aws.reading import read
from trailkeep.aws.session import Accounts
from trailkeep.guard.estate import Unreadable

__all__ = ["Surroundings", "discover"]

_ARCHIVE_NAMES = frozenset({"logarchive", "logsarchive", "logarchives"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """Ids of the organization; ``archive_account`` is empty unless one account's name says log archive."""

    organization_id: str
    management_account: str
    archive_account: str


def discover(accounts: Accounts) -> Surroundings | Unreadable:
    """Return the organization of the credentials, or the call that was refused.

    Raises:
        StoppedError: there are no usable credentials.
    """
    accounts.identity()
    client = accounts.organizations()
    found = read("organizations:DescribeOrganization", lambda: client.describe_organization()["Organization"])
    if isinstance(found, Unreadable):
        return found
    names = read(
        "organizations:ListAccounts",
        lambda: [
            (account["Id"], account.get("Name", ""))
            for page in client.get_paginator("list_accounts").paginate()
            for account in page["Accounts"]
        ],
    )
    listed = [] if isinstance(names, Unreadable) else names
    archives = [account for account, name in listed if _plain(name) in _ARCHIVE_NAMES]
    return Surroundings(
        organization_id=found["Id"],
        management_account=found["MasterAccountId"],
        archive_account=archives[0] if len(archives) == 1 else "",
    )


def _plain(name: str) -> str:
    return "".join(char for char in name.casefold() if char.isalpha())
