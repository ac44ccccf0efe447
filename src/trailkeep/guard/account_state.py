"""What the state of an account means for an archive in it, and what to do about one that cannot be used."""

from __future__ import annotations

__all__ = ["ACTIVE", "PENDING_ACTIVATION", "way_back"]

ACTIVE = "ACTIVE"
PENDING_ACTIVATION = "PENDING_ACTIVATION"

_WAYS_BACK = {
    PENDING_ACTIVATION: "wait until its creation ends, or complete its sign-up",
    "PENDING_CLOSURE": "it is being closed: have AWS Support reopen it once that is done",
    "CLOSED": "have AWS Support reopen it, within 90 days of its closure",
    "SUSPENDED": "have AWS Support lift the suspension or, where it was closed, reopen it within 90 days",
}


def way_back(state: str, *, other: str) -> str:
    """Return what to do about an account that is not ACTIVE; ``other`` is what to choose anew.

    Source: https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_accounts_account_state.html,
    https://docs.aws.amazon.com/organizations/latest/APIReference/API_CloseAccount.html
    """
    return f"{_WAYS_BACK.get(state, 'see AWS Organizations in the console')}, or choose another {other}"
