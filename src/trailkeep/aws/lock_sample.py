"""Asks S3 how some or all versions of an archive are locked, one call for each.

Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObjectRetention.html
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, Literal

from trailkeep.aws.session import aws_errors
from trailkeep.aws.stored import Stored
from trailkeep.core.errors import AwsCallError
from trailkeep.core.times import format_moment
from trailkeep.guard.lock_modes import holds_as

__all__ = ["LockFault", "LockSample", "Required", "lock_sample", "pick"]

_CALL = "s3:GetObjectRetention"
_UNLOCKED = frozenset({"NoSuchObjectLockConfiguration", "ObjectLockConfigurationNotFoundError"})
_ABOUT = timedelta(days=1)
_AT_ONCE = 16
_BATCH = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Required:
    """How a version must be locked: until ``days`` after it was written; COMPLIANCE stands for GOVERNANCE."""

    mode: str
    days: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LockFault:
    """A version that is not locked as required; ``expected`` and ``actual`` are the texts of its lock."""

    kind: Literal["lock.missing", "lock.short"]
    stored: Stored
    expected: str
    actual: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LockSample:
    """What was seen of the locks: ``checked`` versions, and those of which nothing could be read."""

    checked: int
    faults: tuple[LockFault, ...]
    unread: tuple[tuple[Stored, AwsCallError], ...] = ()


def pick(many: Iterable[Stored], count: int, *, seed: int) -> tuple[Stored, ...]:
    """Return ``count`` versions, each as likely as any other, in their order; the seed repeats it."""
    chance = random.Random(seed)  # noqa: S311 - a sample that can be drawn again, no secret
    kept: list[tuple[int, Stored]] = []
    for at, stored in enumerate(one for one in many if not one.is_delete_marker):
        if len(kept) < count:
            kept.append((at, stored))
        elif (instead := chance.randrange(at + 1)) < count:
            kept[instead] = (at, stored)
    return tuple(stored for _, stored in sorted(kept, key=lambda one: one[0]))


def lock_sample(
    client: Any, bucket: str, many: Iterable[Stored], *, required: Required, owner: str = ""
) -> LockSample:
    """Return how versions are locked; delete markers, which cannot be, are passed over.

    Args:
        client: an S3 client, shared among threads.
        bucket: the archive's bucket.
        many: the versions to ask about.
        required: how each must be locked.
        owner: the account that the bucket must belong to, empty where nobody knows.

    Raises:
        StoppedError: there are no usable credentials.
    """
    named = {"Bucket": bucket} | ({"ExpectedBucketOwner": owner} if owner else {})
    rest = (stored for stored in many if not stored.is_delete_marker)
    checked, faults, unread = 0, list[LockFault](), list[tuple[Stored, AwsCallError]]()
    for stored, seen in _asked(client, named, rest, required):
        if isinstance(seen, AwsCallError):
            unread.append((stored, seen))
            continue
        checked += 1
        faults += [seen] if seen is not None else []
    return LockSample(checked=checked, faults=tuple(faults), unread=tuple(unread))


def _asked(
    client: Any, named: dict[str, str], many: Iterator[Stored], required: Required
) -> Iterator[tuple[Stored, LockFault | AwsCallError | None]]:
    with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
        while batch := list(islice(many, _BATCH)):
            seen = pool.map(lambda stored: _look(client, named, stored, required), batch)
            yield from zip(batch, seen, strict=True)


def _look(
    client: Any, named: dict[str, str], stored: Stored, required: Required
) -> LockFault | AwsCallError | None:
    version = {"VersionId": stored.version} if stored.version else {}
    try:
        with aws_errors(_CALL):
            held = client.get_object_retention(**named, Key=stored.key, **version).get("Retention", {})
    except AwsCallError as error:
        if not _says_unlocked(error):
            return error
        held = {}
    return _judge(stored, required, held.get("Mode", ""), held.get("RetainUntilDate"))


def _says_unlocked(error: AwsCallError) -> bool:
    """Return whether S3 says that there is no lock, on this version or in the bucket at all."""
    return error.code in _UNLOCKED or (error.code == "InvalidRequest" and "Object Lock" in str(error))


def _judge(
    stored: Stored, required: Required, mode: str, until: datetime | None
) -> LockFault | AwsCallError | None:
    if stored.last_modified is None:
        return AwsCallError(_CALL, "NoLastModified", f"{stored.key}: expected a time, got none")
    least = stored.last_modified + timedelta(days=required.days) - _ABOUT
    expected = f"{required.mode} until {format_moment(least)} or later"
    if not mode or until is None:
        return LockFault(kind="lock.missing", stored=stored, expected=expected, actual="no retention")
    if holds_as(mode, required.mode) and until >= least:
        return None
    return LockFault(
        kind="lock.short", stored=stored, expected=expected, actual=f"{mode} until {format_moment(until)}"
    )
