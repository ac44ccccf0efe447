"""Looks for a log that reached the archive since its trail began to log, with few calls.

An object proves nothing by being there: an older trail may have delivered it, or anybody may have put it
under a key that names any minute. A log has arrived when GetTrailStatus tells since when the trail logs, and
that it delivered, and an object that is not empty was last modified since; S3 alone says when that was.

Source: https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_GetTrailStatus.html
Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_Object.html (LastModified)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from msgspec.structs import replace

from trailkeep.aws.newest_logs import Lister, Log, accounts_with_logs, newest_days
from trailkeep.aws.session import Accounts, aws_errors
from trailkeep.core.errors import AwsCallError
from trailkeep.core.times import format_moment
from trailkeep.guard.arrival import Arrival
from trailkeep.guard.blueprint import Blueprint

__all__ = ["look_for_log", "wait_for_log"]

_PAUSE_S = 30.0
_NOT_THERE = frozenset({"NoSuchBucket", "404", "TrailNotFoundException"})


def look_for_log(accounts: Accounts, blueprint: Blueprint, awaited: tuple[str, ...]) -> Arrival:
    """Return the first log of an awaited account since the trail began to log, or why there is none."""
    nothing = Arrival(awaited=awaited)
    try:
        status = _status(accounts, blueprint)
        started: datetime | None = status.get("StartLoggingTime")
        if started is None:
            return replace(nothing, missing=f"{blueprint.trail_arn} has not begun to log")
        told = replace(nothing, delivery_error=status.get("LatestDeliveryError", ""))
        with aws_errors("s3:ListObjectsV2"):
            client = accounts.s3(blueprint.archive_account, blueprint.bucket_region)
            found = _search(Lister(client, blueprint), blueprint, told, started)
        if found.key and status.get("LatestDeliveryTime") is None:
            return replace(told, missing="GetTrailStatus tells of no delivery of this trail")
    except AwsCallError as error:
        if error.code in _NOT_THERE:
            return replace(nothing, missing=f"{error.call} answers {error.code}")
        return replace(nothing, error=str(error))
    return found


def _status(accounts: Accounts, blueprint: Blueprint) -> dict[str, Any]:
    with aws_errors("cloudtrail:GetTrailStatus"):
        return {**accounts.cloudtrail(blueprint.trail_region).get_trail_status(Name=blueprint.trail_arn)}


def _search(lister: Lister, blueprint: Blueprint, told: Arrival, started: datetime) -> Arrival:
    """Return the first log since ``started``, which S3 tells to the second; else the newest older one."""
    since = started.replace(microsecond=0)
    older: Log | None = None
    for account, logs in _awaited_logs(lister, blueprint, told.awaited):
        newest = max(logs, key=lambda log: log.modified_at)
        if newest.modified_at >= since:
            return replace(told, account=account, key=newest.key)
        older = newest if older is None else max(older, newest, key=lambda log: log.modified_at)
    if older is None:
        missing = "the listings that were made, as many as are made at a time, showed none"
        return replace(told, missing=missing if lister.is_used_up else "")
    seen = "of those looked at, " if lister.is_used_up else ""
    return replace(
        told,
        missing=f"only older logs are there: the newest, {seen}{older.key}, was written at "
        f"{format_moment(older.modified_at)}, and the trail logs since {format_moment(since)}",
    )


def _awaited_logs(
    lister: Lister, blueprint: Blueprint, awaited: tuple[str, ...]
) -> Iterator[tuple[str, tuple[Log, ...]]]:
    """Yield the logs of the newest days of the awaited accounts, day by day, where there are any."""
    for account in accounts_with_logs(lister, blueprint):
        if account in awaited:
            for logs in newest_days(lister, blueprint, account):
                if logs:
                    yield account, logs


def wait_for_log(
    look: Callable[[], Arrival],
    *,
    minutes: int,
    clock: Callable[[], float],
    sleep: Callable[[float], None],
    note: Callable[[str], None],
) -> Arrival:
    """Look until a log has arrived or the minutes are over; 0 looks once."""
    ends_at = clock() + minutes * 60
    while True:
        arrival = look()
        left_s = ends_at - clock()
        if arrival.has_arrived or left_s <= 0:
            return arrival
        note(f"no awaited log yet; looking again, for {left_s / 60:.0f} minutes more")
        sleep(min(_PAUSE_S, left_s))
