"""The S3 keys that CloudTrail writes, both ways: ``format_key(parse_key(key)) == key``.

::

    logs     [prefix/]AWSLogs/[o-ORG/]ACCOUNT/FAMILY/REGION/YYYY/MM/DD/ACCOUNT_CloudTrail..._REGION_YYYYMMDDTHHMMZ_<16>.json.gz
    digests  [prefix/]AWSLogs/[o-ORG/]ACCOUNT/CloudTrail-Digest/REGION/YYYY/MM/DD/
             ACCOUNT_CloudTrail-Digest_REGION_TRAIL_HOMEREGION_YYYYMMDDTHHMMSSZ[_backfill].json.gz

The whole key is anchored: a key whose folders and file name disagree, or that holds a second ``AWSLogs``
(a foreign trail writing below our prefix), is not a log. Dates are UTC dates of *delivery*.

Source: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/get-and-view-cloudtrail-log-files.html
"""  # noqa: E501 - the layout is one line

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TypeVar

__all__ = ["DigestKey", "Family", "LogKey", "StrangeKey", "format_key", "logs_folder", "parse_key"]


class Family(StrEnum):
    """The folders below an account that hold logs."""

    EVENTS = "CloudTrail"
    INSIGHTS = "CloudTrail-Insight"
    NETWORK_ACTIVITY = "CloudTrail-NetworkActivity"
    AGGREGATED = "CloudTrail-Aggregated"


@dataclass(frozen=True, slots=True, kw_only=True)
class LogKey:
    """The key of one log; ``delivered_at`` is an aware UTC minute, ``unique`` CloudTrail's random part."""

    prefix: str
    organization_id: str
    account_id: str
    family: Family
    region: str
    delivered_at: datetime
    unique: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestKey:
    """The key of one digest; ``ends_at`` is the end of the hour it covers."""

    prefix: str
    organization_id: str
    account_id: str
    region: str
    trail_name: str
    home_region: str
    ends_at: datetime
    backfill: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StrangeKey:
    """A key that CloudTrail would not have written, and why."""

    key: str
    reason: str


_HEAD = r"(?P<prefix>(?:.+/)?)AWSLogs/(?:(?P<org>o-[a-z0-9]{10,32})/)?(?P<account>\d{12})/"
_DATE = r"(?P<region>[a-z0-9-]+)/(?P<year>\d{4})/(?P<month>\d{2})/(?P<day>\d{2})/"
_LOG = re.compile(
    _HEAD
    + r"(?P<family>CloudTrail(?:-Insight|-NetworkActivity|-Aggregated)?)/"
    + _DATE
    + r"(?P<account2>\d{12})_(?P<family2>CloudTrail(?:-[A-Za-z]+)?)_(?P<region2>[a-z0-9-]+)_"
    + r"(?P<stamp>\d{8}T\d{4}Z)_(?P<unique>[A-Za-z0-9]{16})\.json\.gz",
    re.ASCII,
)
_DIGEST = re.compile(
    _HEAD
    + r"CloudTrail-Digest/"
    + _DATE
    + r"(?P<account2>\d{12})_CloudTrail-Digest_(?P<region2>[a-z0-9-]+)_(?P<trail>.+)_(?P<home>[a-z0-9-]+)_"
    + r"(?P<stamp>\d{8}T\d{6}Z)(?P<backfill>_backfill)?\.json\.gz",
    re.ASCII,
)


def parse_key(key: str) -> LogKey | DigestKey | StrangeKey:
    """Read an S3 key; what is not exactly CloudTrail's layout comes back as ``StrangeKey`` with why."""
    if match := _LOG.fullmatch(key):
        return _read(key, match, _log_key)
    if match := _DIGEST.fullmatch(key):
        return _read(key, match, _digest_key)
    return StrangeKey(key=key, reason="not in CloudTrail's layout ([prefix/]AWSLogs/[org/]account/...)")


def logs_folder(organization_id: str, *, prefix: str = "") -> str:
    """Return the folder whose folders are accounts.

    ``organization_id`` is empty for the trail of one account; ``prefix`` is empty or ends with a slash.
    """
    return f"{prefix}AWSLogs/{organization_id}/" if organization_id else f"{prefix}AWSLogs/"


def format_key(key: LogKey | DigestKey) -> str:
    """Write the S3 key of a log or a digest."""
    organization = f"{key.organization_id}/" if key.organization_id else ""
    head = f"{key.prefix}AWSLogs/{organization}{key.account_id}"
    if isinstance(key, LogKey):
        name = f"{key.account_id}_{key.family}_{key.region}_{key.delivered_at:%Y%m%dT%H%MZ}_{key.unique}"
        return f"{head}/{key.family}/{key.region}/{key.delivered_at:%Y/%m/%d}/{name}.json.gz"
    tail = "_backfill" if key.backfill else ""
    name = (
        f"{key.account_id}_CloudTrail-Digest_{key.region}_{key.trail_name}_{key.home_region}_"
        f"{key.ends_at:%Y%m%dT%H%M%SZ}{tail}"
    )
    return f"{head}/CloudTrail-Digest/{key.region}/{key.ends_at:%Y/%m/%d}/{name}.json.gz"


_Key = TypeVar("_Key", LogKey, DigestKey)


def _read(
    key: str, match: re.Match[str], build: Callable[[re.Match[str], datetime], _Key]
) -> _Key | StrangeKey:
    moment = _moment(match["stamp"])
    reasons = _disagreements(match)
    if moment is not None and not reasons:
        return build(match, moment)
    if moment is None:
        reasons.append(f"{match['stamp']} is not a time")
    return StrangeKey(key=key, reason="; ".join(reasons))


def _disagreements(match: re.Match[str]) -> list[str]:
    """Return in what the folders of a key and its file name disagree."""
    part = match.groupdict()
    date, day = part["stamp"][:8], part["year"] + part["month"] + part["day"]
    pairs = (
        ("account", part["account"], part["account2"]),
        ("region", part["region"], part["region2"]),
        ("family", part.get("family"), part.get("family2")),
        ("date", day, date),
    )
    reasons = [f"folder says {what} {one}, file name {other}" for what, one, other in pairs if one != other]
    if "AWSLogs/" in part["prefix"]:
        reasons.insert(0, "it holds a second AWSLogs folder (another trail writing below this prefix?)")
    return reasons


def _moment(stamp: str) -> datetime | None:
    """Read ``20260102T0304Z`` or ``20260102T030405Z``; much faster than strptime, on millions of keys."""
    digits = stamp[:8] + stamp[9:-1]
    parts = [int(digits[start : start + 2]) for start in range(4, len(digits), 2)]
    try:
        return datetime(int(digits[:4]), *parts, tzinfo=UTC)  # type: ignore[arg-type, misc] # month to second
    except ValueError:
        return None


def _log_key(match: re.Match[str], moment: datetime) -> LogKey:
    return LogKey(
        prefix=match["prefix"],
        organization_id=match["org"] or "",
        account_id=match["account"],
        family=Family(match["family"]),
        region=match["region"],
        delivered_at=moment,
        unique=match["unique"],
    )


def _digest_key(match: re.Match[str], moment: datetime) -> DigestKey:
    return DigestKey(
        prefix=match["prefix"],
        organization_id=match["org"] or "",
        account_id=match["account"],
        region=match["region"],
        trail_name=match["trail"],
        home_region=match["home"],
        ends_at=moment,
        backfill=match["backfill"] is not None,
    )
