"""The irreversibility sheet: what arming makes final, until when, and what it costs at least.

Statements marked ``[nv]`` are not verified against a page of AWS.

Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock.html
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

import msgspec

from trailkeep.core.prices import STANDARD_USD
from trailkeep.core.times import format_moment
from trailkeep.guard.account_limits import limits
from trailkeep.guard.blueprint import Blueprint
from trailkeep.guard.changes import Action, PutBucketPolicy, PutObjectLock
from trailkeep.guard.estate import Bucket, Estate, ObjectLock
from trailkeep.guard.plan_bucket_policy import is_armed

__all__ = ["CostFloor", "Final", "Sheet", "irreversibility_sheet", "sheet_lines"]

_GB = 2**30
_DAYS_A_MONTH = 30.4
_FOREVER = "for ever"


class Final(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that cannot be undone; ``until`` is a UTC time or ``for ever``."""

    what: str
    until: str
    who: str


class CostFloor(msgspec.Struct, frozen=True, kw_only=True):
    """The least that locked logs cost; the amounts are None where the bytes of a day are unknown.

    ``one_day_usd`` is for the logs of one day until they are free, ``monthly_usd`` for a month of an archive
    that is as old as the retention is long.
    """

    bytes_a_day: int | None
    gb_month_usd: float
    one_day_usd: float | None
    monthly_usd: float | None
    assumption: str


class Sheet(msgspec.Struct, frozen=True, kw_only=True):
    """What is final once the archive is armed; ``mode`` is empty where no log would be locked.

    ``unguarded`` is what its own administrators still can do to the archive of one account.
    """

    mode: str
    days: int
    finals: tuple[Final, ...]
    cost: CostFloor
    unguarded: tuple[str, ...] = ()


def irreversibility_sheet(
    blueprint: Blueprint,
    estate: Estate,
    actions: Iterable[Action],
    *,
    now: datetime,
    bytes_a_day: int | None = None,
    gb_month_usd: float = STANDARD_USD,
) -> Sheet:
    """Return the sheet of the archive as it is after ``actions``."""
    actions = tuple(actions)
    lock = _lock_after(estate, actions)
    until = format_moment(now.replace(microsecond=0) + timedelta(days=lock.days))
    return Sheet(
        mode=lock.mode,
        days=lock.days,
        finals=(*_finals(blueprint, lock, until), *_policy(blueprint, estate, actions)),
        cost=_cost_floor(lock.days, bytes_a_day, gb_month_usd),
        unguarded=limits(blueprint),
    )


def sheet_lines(sheet: Sheet) -> Iterator[str]:
    """Yield the sheet as lines of text."""
    yield "irreversibility sheet: what cannot be undone once the archive is armed"
    for final in sheet.finals:
        yield f"  - {final.what}"
        yield f"      until: {final.until}; who could: {final.who}"
    if sheet.unguarded:
        yield "  not final, because only Object Lock and the bucket policy guard the archive of one account:"
        yield from (f"  - {limit}" for limit in sheet.unguarded)
    yield from _cost_lines(sheet)


def _lock_after(estate: Estate, actions: Iterable[Action]) -> ObjectLock:
    for action in actions:
        if isinstance(action, PutObjectLock):
            return ObjectLock(mode=action.mode, days=action.days)
    if isinstance(estate.bucket, Bucket) and isinstance(estate.bucket.object_lock, ObjectLock):
        return estate.bucket.object_lock
    return ObjectLock(mode="", days=0)


def _finals(blueprint: Blueprint, lock: ObjectLock, until: str) -> Iterator[Final]:
    bucket = blueprint.bucket
    guarded = _denied(blueprint)
    match lock.mode:
        case "COMPLIANCE":
            yield Final(
                what=f"a log delivered now to {bucket} cannot be deleted, nor its retention shortened",
                until=until,
                who="nobody: not root, not AWS; every later log is held for the same number of days",
            )
            yield Final(
                what="the bill for locked logs cannot be ended while the account is open; "
                f"closing account {blueprint.archive_account} deletes it and its logs after 90 days [nv]",
                until=until,
                who="whoever may close the account from the management account"
                if blueprint.is_of_organization
                else "the root user of the account, and its organization if it has one",
            )
        case "GOVERNANCE":
            yield Final(
                what=f"a log delivered now to {bucket} cannot be deleted, nor its retention shortened",
                until=until,
                who=f"whoever has s3:BypassGovernanceRetention{guarded}",
            )
        case _:
            yield Final(what=f"no log in {bucket} is locked", until="now", who="whoever may delete objects")
    yield Final(what=f"Object Lock of {bucket} cannot be switched off", until=_FOREVER, who="nobody")
    yield Final(what=f"versioning of {bucket} cannot be suspended", until=_FOREVER, who="nobody")
    yield Final(
        what=f"{bucket} cannot be deleted before its last locked version is free",
        until=f"at least {until}, and later with every log delivered",
        who="nobody" if lock.mode == "COMPLIANCE" else f"whoever has s3:BypassGovernanceRetention{guarded}",
    )


def _policy(blueprint: Blueprint, estate: Estate, actions: Iterable[Action]) -> Iterator[Final]:
    """Yield what the armed bucket policy refuses, and that it can be replaced.

    Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketPolicy.html
    """
    arms = any(isinstance(action, PutBucketPolicy) and action.arms for action in actions)
    if arms or is_armed(blueprint, estate):
        yield Final(
            what=f"nobody but the trail writes to {blueprint.bucket}, and no caller changes a log there",
            until="somebody replaces the bucket policy",
            who=f"root of account {blueprint.archive_account}, whatever the bucket policy says, and whoever "
            f"has s3:PutBucketPolicy{_denied(blueprint)}",
        )


def _denied(blueprint: Blueprint) -> str:
    is_guarded = any(guard.document for guard in blueprint.guards)
    return " (the guards deny it to the archive account)" if is_guarded else ""


def _cost_floor(days: int, bytes_a_day: int | None, gb_month_usd: float) -> CostFloor:
    a_day = None if bytes_a_day is None else bytes_a_day / _GB * gb_month_usd
    return CostFloor(
        bytes_a_day=bytes_a_day,
        gb_month_usd=gb_month_usd,
        one_day_usd=None if a_day is None else a_day * days / _DAYS_A_MONTH,
        monthly_usd=None if a_day is None else a_day * days,
        assumption="storage of logs alone, at one price; requests, digests and later growth come on top",
    )


def _cost_lines(sheet: Sheet) -> Iterator[str]:
    cost = sheet.cost
    price = f"assuming {cost.gb_month_usd:g} USD for a GB and month (--gb-month-price)"
    if cost.bytes_a_day is None or cost.one_day_usd is None or cost.monthly_usd is None:
        yield f"  cost at least: unknown, because no day's logs were measured; {price}"
        return
    yield (
        f"  cost at least: {cost.one_day_usd:.4f} USD for one day's {cost.bytes_a_day:,} bytes until they "
        f"are free, {cost.monthly_usd:.4f} USD a month after {sheet.days} days; {price}"
    )
    yield f"  {cost.assumption}"
