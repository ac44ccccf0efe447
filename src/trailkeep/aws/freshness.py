"""When the archive's newest log and newest digest of each account and region were delivered.

Keys sort by delivery below a region, so one listing that starts an hour ago finds a fresh log, whatever the
size of the archive. Calls of ``s3:ListObjectsV2``, for A accounts and R regions that both deliver::

    2 A        the regions of an account, for logs and for digests
    2 A R      where both are fresh
    + 4        for each account, region and family of which nothing is fresh: its newest year, month, day, log

So 1,000 accounts in 17 regions cost 36,000 calls, and at the most 172,000 when nothing is fresh anywhere. A
listing of more than 1,000 keys takes a call for each further thousand.

Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from trailkeep.aws.reading import read
from trailkeep.core.layout import DigestKey, Family, LogKey, logs_folder, parse_key
from trailkeep.guard.estate import Unreadable
from trailkeep.guard.status import AccountSeen, Seen

__all__ = ["AT_ONCE", "Archive", "archive_accounts", "archive_freshness"]

AT_ONCE = 16
_AHEAD = timedelta(minutes=15)
_LOGS = Family.EVENTS.value
_DIGESTS = "CloudTrail-Digest"
_DATE_FOLDERS = 3
_WINDOWS = {_LOGS: timedelta(hours=1), _DIGESTS: timedelta(hours=3)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """Where the logs are; ``client`` is an S3 client, shared among threads.

    ``organization_id`` is empty for the archive of one account.
    """

    client: Any
    bucket: str
    prefix: str
    organization_id: str

    @property
    def root(self) -> str:
        """The folder whose folders are accounts."""
        head = f"{self.prefix}/" if self.prefix else ""
        return logs_folder(self.organization_id, prefix=head)


def archive_accounts(archive: Archive) -> tuple[str, ...] | Unreadable:
    """Return the accounts that have a folder in the archive."""
    return read("s3:ListBucket", lambda: tuple(_folders(archive, archive.root)))


def archive_freshness(
    archive: Archive,
    accounts: Iterable[str],
    *,
    now: datetime,
) -> tuple[AccountSeen, ...]:
    """Return what the archive holds of each account; a refused listing is ``Unreadable`` for its account.

    Args:
        archive: where to look.
        accounts: whose folders.
        now: an aware UTC moment; a key that claims a later delivery is no evidence.
    """

    def look(account: str) -> AccountSeen:
        found = read("s3:ListBucket", lambda: _regions_of(archive, account, now))
        return AccountSeen(account=account, regions=found)

    with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        return tuple(pool.map(look, sorted(accounts)))


def _regions_of(archive: Archive, account: str, now: datetime) -> tuple[Seen, ...]:
    newest: dict[str, dict[str, datetime | None]] = {}
    for family in (_LOGS, _DIGESTS):
        folder = f"{archive.root}{account}/{family}/"
        for region in _folders(archive, folder):
            newest.setdefault(region, {})[family] = _newest(archive, f"{folder}{region}/", family, now)
    return tuple(
        Seen(region=region, log_at=found.get(_LOGS), digest_at=found.get(_DIGESTS))
        for region, found in sorted(newest.items())
    )


def _newest(archive: Archive, folder: str, family: str, now: datetime) -> datetime | None:
    """Return when the newest object below a region's folder was delivered."""
    since = now - _WINDOWS[family]
    account, region = folder.removeprefix(archive.root).split("/")[0], folder.split("/")[-2]
    start = f"{folder}{since:%Y/%m/%d}/"
    if family == _LOGS:
        start += f"{account}_{_LOGS}_{region}_{since:%Y%m%dT%H%MZ}"
    if found := _latest(_keys(archive, folder, start), now):
        return found
    return _descend(archive, folder, now)


def _descend(archive: Archive, folder: str, now: datetime, depth: int = 0) -> datetime | None:
    """Return the newest delivery of a region where nothing is fresh: its newest year, month, day, log.

    A folder of the future is no evidence, and one that holds no log is passed over.
    """
    if depth == _DATE_FOLDERS:
        return _latest(_keys(archive, folder, folder), now)
    today = f"{now + _AHEAD:%Y/%m/%d}/"
    inner = [name for name in _folders(archive, folder) if name.isdecimal()]
    for name in sorted(inner, reverse=True):
        below = f"{folder}{name}/"
        date = "/".join(below.split("/")[-2 - depth :])
        if date <= today[: len(date)] and (found := _descend(archive, below, now, depth + 1)):
            return found
    return None


def _latest(keys: Iterator[str], now: datetime) -> datetime | None:
    return max(
        (moment for moment in map(_delivered_at, keys) if moment and moment <= now + _AHEAD), default=None
    )


def _delivered_at(key: str) -> datetime | None:
    match parse_key(key):
        case LogKey(delivered_at=moment) | DigestKey(ends_at=moment):
            return moment
        case _:
            return None


def _keys(archive: Archive, folder: str, start: str) -> Iterator[str]:
    for page in _pages(archive, Prefix=folder, StartAfter=start):
        yield from (entry["Key"] for entry in page.get("Contents", ()))


def _folders(archive: Archive, folder: str) -> Iterator[str]:
    for page in _pages(archive, Prefix=folder, Delimiter="/"):
        for entry in page.get("CommonPrefixes", ()):
            yield entry["Prefix"].removeprefix(folder).rstrip("/")


def _pages(archive: Archive, **asked: Any) -> Iterator[Any]:
    pages: Iterator[Any] = archive.client.get_paginator("list_objects_v2").paginate(
        Bucket=archive.bucket, **asked
    )
    yield from pages
