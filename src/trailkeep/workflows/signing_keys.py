"""CloudTrail's public keys: fetched from AWS, kept in a file that only grows, and made a ring of."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from trailkeep.aws.public_keys import fetch_keys
from trailkeep.aws.session import Accounts
from trailkeep.aws.trail_status import read_regions
from trailkeep.core.errors import StoppedError, UncheckedError, UsageError
from trailkeep.guard.estate import Unreadable
from trailkeep.keep.signing_keys import (
    BundleKey,
    KeyRing,
    decode_bundle,
    encode_bundle,
    extend_bundle,
    public_key,
)
from trailkeep.keep.verification import KeyUse

__all__ = [
    "BEGINNING",
    "Exported",
    "enabled_regions",
    "export_keys",
    "fetched_bundle",
    "key_uses",
    "read_bundle",
    "regions_of",
    "ring_of",
]

BEGINNING = datetime(2015, 9, 1, tzinfo=UTC)
"""Before the first digest that CloudTrail ever signed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """What a file of keys holds now; ``refused`` are Regions that did not answer, and why."""

    keys: int
    added: int
    regions: tuple[str, ...]
    refused: tuple[tuple[str, str], ...]


def fetched_bundle(
    accounts: Accounts, regions: Iterable[str], *, since: datetime, until: datetime, now: datetime
) -> tuple[tuple[BundleKey, ...], tuple[tuple[str, str], ...]]:
    """Return the keys that AWS lists, each checked, and the Regions that refused.

    Raises:
        StoppedError: there are no usable credentials.
        UncheckedError: AWS lists a key that is none.
    """
    fetched = fetch_keys(accounts, regions, since=since, until=until, now=now)
    entries = [
        BundleKey.of(
            public_key(
                region=one.region,
                fingerprint=one.fingerprint,
                der=one.der,
                valid_from=one.valid_from,
                valid_until=one.valid_until,
            ),
            fetched_at=one.fetched_at,
            source=one.source,
        )
        for one in fetched.keys
    ]
    refused = tuple((region, f"{said.call}: {said.error}") for region, said in fetched.refused)
    return tuple(entries), refused


def read_bundle(path: Path) -> tuple[BundleKey, ...]:
    """Return the keys in a file.

    Raises:
        UsageError: there is no such file.
        UncheckedError: it is no bundle of keys, or a key in it is not what it says.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(
            f"{path}: expected a file of public keys, got {error.strerror}; "
            f"write one with 'trailkeep keys export {path}'"
        ) from error
    return decode_bundle(data)


def enabled_regions(accounts: Accounts) -> tuple[str, ...]:
    """Return the Regions that are enabled for the caller.

    Raises:
        UncheckedError: they cannot be read.
    """
    said = read_regions(accounts)
    if isinstance(said, Unreadable):
        raise UncheckedError(
            f"{said.call}: expected the enabled Regions, got {said.error}; name them with --region"
        )
    return said[1]


def export_keys(
    path: Path, accounts: Accounts, regions: Iterable[str], *, since: datetime, now: datetime
) -> Exported:
    """Add the keys that AWS lists to a file; what is in it stays as it is.

    Raises:
        StoppedError: there are no usable credentials, or the file cannot be written.
        UncheckedError: the file is no bundle, or AWS lists another key under a fingerprint that is in it.
    """
    old = read_bundle(path) if path.exists() else ()
    new, refused = fetched_bundle(accounts, regions, since=since, until=now, now=now)
    entries = extend_bundle(old, new)
    draft = path.with_name(f"{path.name}.new")
    try:
        with draft.open("wb") as file:
            file.write(encode_bundle(entries))
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as error:
        raise StoppedError(f"{path}: expected to write keys, got {error.strerror}; name another") from error
    return Exported(
        keys=len(entries), added=len(entries) - len(old), regions=regions_of(entries), refused=refused
    )


def regions_of(entries: Iterable[BundleKey]) -> tuple[str, ...]:
    """Return the Regions that keys are of, in order."""
    return tuple(sorted({entry.region for entry in entries}))


def ring_of(entries: Iterable[BundleKey]) -> KeyRing:
    """Return the ring of some entries.

    Raises:
        UncheckedError: two of them contradict each other.
    """
    return KeyRing(entry.key() for entry in entries)


def key_uses(
    entries: Sequence[BundleKey], used: Mapping[tuple[str, str], int], *, source: str
) -> tuple[KeyUse, ...]:
    """Return what a report says of the keys that proved digests, by how many each did."""
    uses: dict[tuple[str, str], KeyUse] = {}
    for entry in entries:
        place = (entry.region, entry.fingerprint.lower())
        if place in used and place not in uses:
            key = entry.key()
            uses[place] = KeyUse(
                region=key.region,
                fingerprint=key.fingerprint,
                sha256=key.sha256,
                valid_from=key.valid_from,
                valid_until=key.valid_until,
                source=source,
                digests=used[place],
                der=key.der,
            )
    return tuple(uses[place] for place in sorted(uses))
