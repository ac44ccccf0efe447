"""The accounts of the organization as AWS Organizations lists them."""

from __future__ import annotations

from typing import Any

from trailkeep.aws.session import Accounts

__all__ = ["CALL", "list_accounts", "state_of"]

CALL = "organizations:ListAccounts"


def list_accounts(accounts: Accounts) -> list[dict[str, Any]]:
    """Return every account in AWS's own words."""
    pages = accounts.organizations().get_paginator("list_accounts").paginate()
    return [dict(account) for page in pages for account in page["Accounts"]]


def state_of(account: dict[str, Any]) -> str:
    """Return ``ACTIVE`` or another state; AWS retires ``Status`` in favour of ``State``.

    Raises:
        KeyError: AWS says neither.

    Source: https://docs.aws.amazon.com/organizations/latest/APIReference/API_Account.html
    """
    return str(account.get("State") or account["Status"])
