"""What an organization has already, beside what the blueprint names: further trails and what they cost.

Source: https://aws.amazon.com/cloudtrail/pricing/
"""

from __future__ import annotations

from collections.abc import Iterator

from trailkeep.guard.blueprint import Blueprint
from trailkeep.guard.decisions import Decision, Kept, unknown
from trailkeep.guard.estate import Estate, Trail, Unreadable

__all__ = ["decide"]

_COST = "AWS bills every copy of management events after the first, 2.00 USD for 100,000 events"


def decide(blueprint: Blueprint, estate: Estate) -> Iterator[Decision]:
    """Yield the other trails that record what ours records; they stay, because logs must overlap."""
    if isinstance(estate.trails, Unreadable):
        return
    for trail in estate.trails:
        if trail.arn != blueprint.trail_arn and _is_logging(trail):
            yield Kept(target=trail.arn, reason=_reason(blueprint, trail), allow="")
    if isinstance(estate.trails_elsewhere, Unreadable):
        undecided = "which trails of other regions record the same a second time, or into the same bucket"
        yield unknown(estate.trails_elsewhere, undecided)
        return
    for trail in estate.trails_elsewhere:
        if _is_logging(trail):
            reason = f"in {trail.home_region} {_reason(blueprint, trail)}"
            yield Kept(target=trail.arn, reason=reason, allow="")


def _is_logging(trail: Trail) -> bool:
    return isinstance(trail.status, Unreadable) or trail.status.is_logging


def _reason(blueprint: Blueprint, trail: Trail) -> str:
    whose = "the whole organization" if trail.is_organization_trail else "one account"
    where = f"the same bucket {trail.bucket}" if trail.bucket == blueprint.bucket else trail.bucket
    if trail.is_organization_trail and not blueprint.is_of_organization:
        return (
            f"this trail records {whose} into {where}, this account with it, and the account cannot stop it; "
            f"the archive of the account is a further copy ({_COST})"
        )
    return (
        f"this trail records {whose} into {where}; let both run until a day of logs of {blueprint.trail} has "
        f"arrived, then stop it by hand if nobody reads it ({_COST})"
    )
