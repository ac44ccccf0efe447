"""Whether a member account's log has arrived: whose is awaited, and why an archive may not be armed yet.

The trail of the management account proves nothing about the members: a trail without trusted access records
the management account alone.

Source: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/creating-trail-organization.html
"""

from __future__ import annotations

import msgspec

from trailkeep.guard.blueprint import Blueprint
from trailkeep.guard.estate import Estate, Trail, Unreadable
from trailkeep.guard.plan_trail import observed_trail

__all__ = ["Arrival", "awaited_accounts", "describe", "refusal"]


class Arrival(msgspec.Struct, frozen=True, kw_only=True):
    """What was found of the first log; ``account`` and ``key`` are empty where none of ``awaited`` has one.

    ``error`` is why nobody could look, ``delivery_error`` what GetTrailStatus says of the last delivery.
    """

    awaited: tuple[str, ...]
    account: str = ""
    key: str = ""
    error: str = ""
    delivery_error: str = ""

    @property
    def has_arrived(self) -> bool:
        """Whether a log of an awaited account is in the archive."""
        return bool(self.key)


def awaited_accounts(blueprint: Blueprint, estate: Estate) -> tuple[str, ...]:
    """Return the active member accounts; where the archive is the only one, the archive account itself."""
    if isinstance(estate.accounts, Unreadable):
        return ()
    members = [
        account.id
        for account in estate.accounts
        if account.status == "ACTIVE" and account.id != blueprint.management_account
    ]
    others = tuple(account for account in members if account != blueprint.archive_account)
    return others or tuple(members)


def delivery_error(blueprint: Blueprint, estate: Estate) -> str:
    """Return what GetTrailStatus says of the last delivery, empty where nothing is wrong with it."""
    trail = observed_trail(blueprint, estate)
    if not isinstance(trail, Trail) or isinstance(trail.status, Unreadable):
        return ""
    return trail.status.latest_delivery_error


def describe(arrival: Arrival) -> str:
    """Return in one sentence whether a log has arrived."""
    if arrival.error:
        return f"whether a member account's log has arrived is unknown: {arrival.error}"
    failing = f"; the last delivery failed: {arrival.delivery_error}" if arrival.delivery_error else ""
    if arrival.has_arrived:
        return f"a log of member account {arrival.account} has arrived: {arrival.key}{failing}"
    return f"no log of a member account has arrived yet{failing}"


def refusal(blueprint: Blueprint, arrival: Arrival) -> str:
    """Return why the archive must not be armed, as a message; empty where it may."""
    if arrival.has_arrived and not arrival.delivery_error:
        return ""
    got = arrival.error or ("deliveries that fail" if arrival.has_arrived else "none")
    status = f" (GetTrailStatus says: {arrival.delivery_error})" if arrival.delivery_error else ""
    return (
        f"s3://{blueprint.bucket}: expected a member account's log before the archive is armed, got {got}"
        f"{status}; run 'trailkeep apply' without --arm, wait the 15 minutes that CloudTrail needs "
        "(or add --wait 30), and arm again"
    )
