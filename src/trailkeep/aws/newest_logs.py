"""The newest logs of an account in the archive, found with few calls and told with what nobody can forge.

The key of an object says what its writer wanted, its ``LastModified`` is S3's own. Below each Region the
newest days are listed first, so that the size of the archive does not matter, and a :class:`Lister` stops
when its calls are used up. A folder of a day to come hides nothing, nor does a day without a log: CloudTrail
files a log under the UTC day of its delivery, and tomorrow allows for clocks that differ.

Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any

from trailkeep.core.layout import Family, LogKey, logs_folder, parse_key
from trailkeep.guard.blueprint import Blueprint

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

__all__ = ["Lister", "Log", "accounts_with_logs", "logs_since", "newest_days", "regions_of"]

_CALLS = 500
_DAYS = 3
_DATE_DIGITS = (4, 2, 2)
_A_DAY = timedelta(days=1)
_ABOUT = timedelta(minutes=15)


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """One log that holds something; ``modified_at`` is S3's own second."""

    key: str
    modified_at: datetime


class Lister:
    """Lists the bucket of an archive until its calls are used up; then everything looks empty."""

    def __init__(self, client: S3Client, blueprint: Blueprint, *, calls: int = _CALLS) -> None:
        self._client = client
        self._named: Any = {"Bucket": blueprint.bucket, "ExpectedBucketOwner": blueprint.archive_account}
        self._left = calls

    @property
    def is_used_up(self) -> bool:
        """Whether no call is left."""
        return self._left <= 0

    def folders(self, prefix: str) -> Iterator[str]:
        """Yield the names of the folders directly below a prefix."""
        for page in self._pages(Prefix=prefix, Delimiter="/"):
            for found in page.get("CommonPrefixes", ()):
                yield found["Prefix"].removeprefix(prefix).rstrip("/")

    def objects(self, prefix: str) -> Iterator[Any]:
        """Yield what the listing tells of each object below a prefix."""
        for page in self._pages(Prefix=prefix):
            yield from page.get("Contents", ())

    def page_after(self, prefix: str, key: str) -> Iterator[Any]:
        """Yield the objects below a prefix that come after a key, as many as one call tells."""
        for page in islice(self._pages(Prefix=prefix, StartAfter=key), 1):
            yield from page.get("Contents", ())

    def _pages(self, **asked: Any) -> Iterator[Any]:
        pages = iter(self._client.get_paginator("list_objects_v2").paginate(**self._named, **asked))
        while self._left > 0 and (page := next(pages, None)) is not None:
            self._left -= 1
            yield page


def accounts_with_logs(lister: Lister, blueprint: Blueprint) -> Iterator[str]:
    """Yield the names of the folders in which the logs of accounts are."""
    yield from lister.folders(logs_folder(blueprint.organization_id))


def regions_of(lister: Lister, blueprint: Blueprint, account: str) -> list[str]:
    """Return the Regions that an account has a folder of, the trail's home Region first."""
    regions = lister.folders(_root(blueprint, account))
    return sorted(regions, key=lambda region: (region != blueprint.trail_region, region))


def logs_since(
    lister: Lister, blueprint: Blueprint, account: str, region: str, *, since: datetime, now: datetime
) -> tuple[Log, ...]:
    """Return with one call the first logs of a Region that were delivered since then, as their keys say.

    A key is as forgeable as ever: this finds, and ``modified_at`` proves.
    """
    folder = f"{_root(blueprint, account)}{region}/"
    first = since - _ABOUT
    name = f"{account}_{Family.EVENTS}_{region}_{first:%Y%m%dT%H%M}"
    end = f"{folder}{_last_day(now)}/~"
    found = lister.page_after(folder, f"{folder}{first:%Y/%m/%d}/{name}")
    return tuple(_told(one for one in found if one["Key"] < end))


def newest_days(
    lister: Lister, blueprint: Blueprint, account: str, *, now: datetime
) -> Iterator[tuple[Log, ...]]:
    """Yield the logs of each of the newest three days with logs of each Region, the home Region first."""
    for region in regions_of(lister, blueprint, account):
        days = _days(lister, f"{_root(blueprint, account)}{region}/", _last_day(now))
        with_logs = (logs for logs in (tuple(_told(lister.objects(day))) for day in days) if logs)
        yield from islice(with_logs, _DAYS)


def _root(blueprint: Blueprint, account: str) -> str:
    return f"{logs_folder(blueprint.organization_id)}{account}/{Family.EVENTS}/"


def _last_day(now: datetime) -> str:
    """Return the folder of the last day under which CloudTrail can have filed a log."""
    return f"{now + _A_DAY:%Y/%m/%d}"


def _days(lister: Lister, folder: str, last: str, depth: int = 0) -> Iterator[str]:
    """Yield the folders of days below a Region's folder up to ``last``, the newest first.

    ``last`` is what it is below ``folder``: a part of it that is not the last one any more binds no longer.
    """
    if depth == len(_DATE_DIGITS):
        yield folder
        return
    bound, _, rest = last.partition("/")
    for name in sorted(lister.folders(folder), reverse=True):
        is_date = len(name) == _DATE_DIGITS[depth] and name.isascii() and name.isdecimal()
        if is_date and (not bound or name <= bound):
            yield from _days(lister, f"{folder}{name}/", rest if name == bound else "", depth + 1)


def _told(objects: Iterable[Any]) -> Iterator[Log]:
    """Yield the logs among what a listing tells."""
    for found in objects:
        if found.get("Size", 0) > 0 and isinstance(parse_key(found["Key"]), LogKey):
            yield Log(key=found["Key"], modified_at=found["LastModified"])
