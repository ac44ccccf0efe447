"""Looks for a log that reached the archive since its trail began to log, with few calls.

An object proves nothing by being there: an older trail may have delivered it, or anybody may have put it
under a key that names any minute. A log has arrived when GetTrailStatus tells that the trail logs, since
when, and that it has delivered since then, and an object that is not empty was last modified since; S3 alone
says when that was. So another trail's deliveries count for nothing while ours delivers nothing.

The listings of one look are bounded. Each look begins with another account, so that repeated looks see all:

::

    home     one listing of each account: what is filed in the home Region as delivered since the trail logs
    regions  one listing of each further Region of an account
    days     the newest three days of each Region, whatever they are; here older logs are seen

Source: https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_GetTrailStatus.html
Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_Object.html (LastModified)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from trailkeep.aws.newest_logs import Lister, Log, accounts_with_logs, logs_since, newest_days, regions_of
from trailkeep.aws.session import Accounts, aws_errors
from trailkeep.core.errors import AwsCallError
from trailkeep.core.times import format_moment
from trailkeep.core.turns import turned
from trailkeep.guard.arrival import Arrival
from trailkeep.guard.blueprint import Blueprint

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

__all__ = ["look_for_log", "wait_for_log"]

_PAUSE_S = 30.0
_NOT_THERE = frozenset({"NoSuchBucket", "404", "TrailNotFoundException"})
_CALLS = (250, 150, 100)
"""How many listings a look makes of the home Region, of further Regions and of the newest days."""


def look_for_log(
    accounts: Accounts, blueprint: Blueprint, awaited: tuple[str, ...], *, now: datetime
) -> Arrival:
    """Return the first log of an awaited account since the trail began to log, or why there is none."""
    nothing = Arrival(awaited=awaited)
    try:
        status = _status(accounts, blueprint)
        started: datetime | None = status.get("StartLoggingTime")
        if started is None:
            return replace(nothing, missing=f"{blueprint.trail_arn} has not begun to log")
        if not status.get("IsLogging", False):
            return replace(nothing, missing=f"{blueprint.trail_arn} is stopped")
        told = replace(nothing, delivery_error=status.get("LatestDeliveryError", ""))
        since = started.replace(microsecond=0)
        with aws_errors("s3:ListObjectsV2"):
            client = accounts.s3(blueprint.archive_account, blueprint.bucket_region)
            found = _search(_Look(client, blueprint, awaited, since=since, now=now), told)
        delivered: datetime | None = status.get("LatestDeliveryTime")
        if found.key and (delivered is None or delivered < since):
            return replace(told, missing=_none_of_ours(since))
    except AwsCallError as error:
        if error.code in _NOT_THERE:
            return replace(nothing, missing=f"{error.call} answers {error.code}")
        return replace(nothing, error=str(error))
    return found


def _none_of_ours(since: datetime) -> str:
    began = f"{format_moment(since)}, when it began to log"
    return f"GetTrailStatus tells of no delivery of this trail since {began}"


def _status(accounts: Accounts, blueprint: Blueprint) -> dict[str, Any]:
    with aws_errors("cloudtrail:GetTrailStatus"):
        return {**accounts.cloudtrail(blueprint.trail_region).get_trail_status(Name=blueprint.trail_arn)}


class _Look:
    """The listings of one look; ``since`` is when the trail began to log, which S3 tells to the second."""

    def __init__(
        self,
        client: S3Client,
        blueprint: Blueprint,
        awaited: tuple[str, ...],
        *,
        since: datetime,
        now: datetime,
    ) -> None:
        self._blueprint = blueprint
        self._awaited = frozenset(awaited)
        self.since = since
        self._now = now
        self._home, self._regions, self._days = (Lister(client, blueprint, calls=calls) for calls in _CALLS)

    @property
    def is_used_up(self) -> bool:
        """Whether listings were left out."""
        return any(lister.is_used_up for lister in (self._home, self._regions, self._days))

    def logs(self) -> Iterator[tuple[str, tuple[Log, ...]]]:
        """Yield logs of the awaited accounts, each time of one folder, most likely ones first."""
        blueprint = self._blueprint
        listed = [each for each in accounts_with_logs(self._home, blueprint) if each in self._awaited]
        order = turned(listed, self._now)
        for account in order:
            yield account, self._since(self._home, account, blueprint.trail_region)
        for account in order:
            for region in regions_of(self._regions, blueprint, account):
                if region != blueprint.trail_region:
                    yield account, self._since(self._regions, account, region)
        for account in order:
            for logs in newest_days(self._days, blueprint, account, now=self._now):
                yield account, logs

    def _since(self, lister: Lister, account: str, region: str) -> tuple[Log, ...]:
        return logs_since(lister, self._blueprint, account, region, since=self.since, now=self._now)


def _search(look: _Look, told: Arrival) -> Arrival:
    """Return the first log since the trail began to log; else the newest older one."""
    older: Log | None = None
    for account, logs in look.logs():
        if not logs:
            continue
        newest = max(logs, key=lambda log: log.modified_at)
        if newest.modified_at >= look.since:
            return replace(told, account=account, key=newest.key)
        older = newest if older is None else max(older, newest, key=lambda log: log.modified_at)
    if older is None:
        missing = "the listings that were made, as many as are made at a time, showed none"
        return replace(told, missing=missing if look.is_used_up else "")
    seen = "of those looked at, " if look.is_used_up else ""
    return replace(
        told,
        missing=f"only older logs are there: the newest, {seen}{older.key}, was written at "
        f"{format_moment(older.modified_at)}, and the trail logs since {format_moment(look.since)}",
    )


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
