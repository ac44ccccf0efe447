"""Whether a member account's log has arrived: whose is awaited, and why an archive may not be armed yet.

The trail of the management account proves nothing about the members: a trail without trusted access records
the management account alone.

Source: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/creating-trail-organization.html
"""

from __future__ import annotations

import msgspec

from trailkeep.guard.blueprint import Blueprint
from trailkeep.guard.estate import Estate, Unreadable

__all__ = ["Arrival", "awaited_accounts", "describe", "refusal"]


class Arrival(msgspec.Struct, frozen=True, kw_only=True):
    """What was found of the first log; ``account`` and ``key`` are empty where none of ``awaited`` has one.

    ``missing`` is why what is there does not count, empty where there is nothing to say. ``error`` is why
    nobody could look, ``delivery_error`` what GetTrailStatus says of the last delivery.
    ``of_member`` is false where the archive is one account's, and its own log is awaited. ``must_arrive`` is
    false where arming does not wait for it, because the archive was armed before.
    """

    awaited: tuple[str, ...]
    account: str = ""
    key: str = ""
    missing: str = ""
    error: str = ""
    delivery_error: str = ""
    of_member: bool = True
    must_arrive: bool = True

    @property
    def lets_arm(self) -> bool:
        """Whether nothing of this keeps anybody from arming the archive."""
        return not self.must_arrive or (self.has_arrived and not self.delivery_error)

    @property
    def has_arrived(self) -> bool:
        """Whether a log of an awaited account is in the archive."""
        return bool(self.key)


def awaited_accounts(blueprint: Blueprint, estate: Estate) -> tuple[str, ...]:
    """Return the active member accounts; where the archive is the only one, the archive account itself.

    The archive of one account awaits that account.
    """
    if not blueprint.is_of_organization:
        return (blueprint.archive_account,)
    if isinstance(estate.accounts, Unreadable):
        return ()
    members = [
        account.id
        for account in estate.accounts
        if account.status == "ACTIVE" and account.id != blueprint.management_account
    ]
    others = tuple(account for account in members if account != blueprint.archive_account)
    return others or tuple(members)


def describe(arrival: Arrival) -> str:
    """Return in one sentence whether a log has arrived."""
    waits_not = (
        "" if arrival.must_arrive else "; the archive was armed before, so arming does not wait for one"
    )
    whose = "a member account" if arrival.of_member else "the account"
    if arrival.error:
        return f"whether {whose}'s log has arrived is unknown: {arrival.error}{waits_not}"
    failing = f"; the last delivery failed: {arrival.delivery_error}" if arrival.delivery_error else ""
    if arrival.has_arrived:
        member = "member " if arrival.of_member else ""
        return f"a log of {member}account {arrival.account} has arrived: {arrival.key}{failing}"
    return f"no log of {whose} has arrived yet{_because(arrival)}{failing}{waits_not}"


def _because(arrival: Arrival) -> str:
    return f", because {arrival.missing}" if arrival.missing else ""


def refusal(blueprint: Blueprint, arrival: Arrival) -> str:
    """Return why the archive must not be armed, as a message; empty where it may."""
    if arrival.lets_arm:
        return ""
    none = f"none{_because(arrival)}"
    got = arrival.error or ("deliveries that fail" if arrival.has_arrived else none)
    status = f" (GetTrailStatus says: {arrival.delivery_error})" if arrival.delivery_error else ""
    whose = "a member account's" if blueprint.is_of_organization else "the account's"
    return (
        f"s3://{blueprint.bucket}: expected {whose} log before the archive is armed, got {got}"
        f"{status}; run 'trailkeep apply' without --arm, wait the 15 minutes that CloudTrail needs "
        "(or add --wait 30), and arm again"
    )
