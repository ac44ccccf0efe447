"""The newest logs of an account in the archive, found with few calls and told with what nobody can forge.

The key of an object says what its writer wanted, its ``LastModified`` is S3's own. Below each Region the
newest days are listed first, so that the size of the archive does not matter, and a :class:`Lister` stops
when its calls are used up.

Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

from trailkeep.core.layout import Family, LogKey, logs_folder, parse_key
from trailkeep.guard.blueprint import Blueprint

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

__all__ = ["Lister", "Log", "accounts_with_logs", "newest_days"]

_CALLS = 500
_DAYS = 3
_DATE_FOLDERS = 3


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

    def _pages(self, **asked: Any) -> Iterator[Any]:
        pages = iter(self._client.get_paginator("list_objects_v2").paginate(**self._named, **asked))
        while self._left > 0 and (page := next(pages, None)) is not None:
            self._left -= 1
            yield page


def accounts_with_logs(lister: Lister, blueprint: Blueprint) -> Iterator[str]:
    """Yield the names of the folders in which the logs of accounts are."""
    yield from lister.folders(logs_folder(blueprint.organization_id))


def newest_days(lister: Lister, blueprint: Blueprint, account: str) -> Iterator[tuple[Log, ...]]:
    """Yield the logs of each of the newest three days of each Region, the trail's home Region first."""
    root = f"{logs_folder(blueprint.organization_id)}{account}/{Family.EVENTS}/"
    regions = sorted(lister.folders(root), key=lambda region: (region != blueprint.trail_region, region))
    for region in regions:
        for day in islice(_days(lister, f"{root}{region}/"), _DAYS):
            yield tuple(_logs(lister, day))


def _days(lister: Lister, folder: str, depth: int = 0) -> Iterator[str]:
    """Yield the folders of days below a Region's folder, the newest first."""
    if depth == _DATE_FOLDERS:
        yield folder
        return
    for name in sorted((name for name in lister.folders(folder) if name.isdecimal()), reverse=True):
        yield from _days(lister, f"{folder}{name}/", depth + 1)


def _logs(lister: Lister, day: str) -> Iterator[Log]:
    for found in lister.objects(day):
        if found.get("Size", 0) > 0 and isinstance(parse_key(found["Key"]), LogKey):
            yield Log(key=found["Key"], modified_at=found["LastModified"])
