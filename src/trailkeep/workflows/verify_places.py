"""The accounts and Regions of an archive, what is listed of each, and in groups of bounded size."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from trailkeep.aws.stored import DIGESTS, Archive, ArchiveFolder, Stored
from trailkeep.core.layout import DigestKey, Family, parse_key
from trailkeep.keep.chain_parts import HOUR

__all__ = ["Listing", "Place", "Range", "Versions", "find_places", "groups"]

_GROUP_OBJECTS = 100_000
_AT_ONCE = 16
_DAY_PREFIXES = 400
_AROUND = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """What is asked for: empty tuples for every account and Region; ``since`` None for the beginning."""

    since: datetime | None = None
    until: datetime | None = None
    accounts: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()

    def covers(self, folder: ArchiveFolder) -> bool:
        """Whether a folder is asked for."""
        return (not self.accounts or folder.account in self.accounts) and (
            not self.regions or folder.region in self.regions
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One account in one Region; ``begins_at`` is when its first digest begins, ``homes`` of trails.

    ``since`` is the end of the head that a run goes on from, None for the beginning.
    """

    account: str
    region: str
    folders: tuple[ArchiveFolder, ...]
    begins_at: datetime | None = None
    homes: frozenset[str] = frozenset()
    since: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Versions:
    """All versions of one key, the newest first; a delete marker may be the newest."""

    all: tuple[Stored, ...]

    @property
    def is_deleted(self) -> bool:
        """Whether a delete marker hides the object."""
        return self.all[0].is_delete_marker

    @property
    def current(self) -> Stored | None:
        """The newest version that holds something, be it hidden or not."""
        return next((one for one in self.all if not one.is_delete_marker), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """What is listed of a place: digests and logs of events by key; other families are not judged."""

    place: Place
    digests: dict[str, Versions]
    logs: dict[str, Versions]

    @property
    def current(self) -> tuple[Stored, ...]:
        """The versions that are read, digests first."""
        every = (*self.digests.values(), *self.logs.values())
        return tuple(one.current for one in every if one.current)


def find_places(archive: Archive, folders: Iterable[ArchiveFolder]) -> list[Place]:
    """Return the places; those whose Region is the home of a trail come first."""
    by_pair: dict[tuple[str, str], list[ArchiveFolder]] = {}
    for folder in folders:
        by_pair.setdefault((folder.account, folder.region), []).append(folder)
    pairs = [
        Place(account=account, region=region, folders=tuple(several))
        for (account, region), several in by_pair.items()
    ]
    with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
        places = list(pool.map(lambda place: _peeked(archive, place), pairs))
    homes = frozenset[str]().union(*(place.homes for place in places))
    return sorted(places, key=lambda one: (one.region not in homes, one.account, one.region))


def _peeked(archive: Archive, place: Place) -> Place:
    """Look at the first digest of each folder; keys are in the order of time within a trail."""
    first: list[DigestKey] = []
    for folder in place.folders:
        if folder.is_of_digests:
            for stored in archive.listed(folder.path):
                key = parse_key(stored.key)
                if isinstance(key, DigestKey):
                    first.append(key)
                    break
    return Place(
        account=place.account,
        region=place.region,
        folders=place.folders,
        begins_at=min((key.ends_at - HOUR for key in first), default=None),
        homes=frozenset(key.home_region for key in first),
    )


def groups(
    archive: Archive, places: Sequence[Place], asked: Range, *, as_of: datetime
) -> Iterator[list[Listing]]:
    """Yield the listings of places, several at once as long as they are small."""
    group: list[Listing] = []
    size = 0
    for listing in _listings(archive, places, asked, as_of):
        group.append(listing)
        size += len(listing.digests) + len(listing.logs)
        if size >= _GROUP_OBJECTS:
            yield group
            group, size = [], 0
    if group:
        yield group


def _listings(archive: Archive, places: Sequence[Place], asked: Range, as_of: datetime) -> Iterator[Listing]:
    prefixes = [
        (number, folder, prefix)
        for number, place in enumerate(places)
        for folder in place.folders
        if folder.is_of_digests or folder.family == Family.EVENTS
        for prefix in _prefixes(folder, replace(asked, since=place.since or asked.since), as_of)
    ]
    answers = zip(prefixes, archive.listings(prefix for _, _, prefix in prefixes), strict=True)
    found: dict[tuple[int, str], list[Stored]] = {}
    at = 0
    for (number, folder, _), (_, listed) in answers:
        while at < number:
            yield _listing(places[at], found, at)
            at += 1
        found.setdefault((number, folder.family), []).extend(listed)
    while at < len(places):
        yield _listing(places[at], found, at)
        at += 1


def _listing(place: Place, found: dict[tuple[int, str], list[Stored]], number: int) -> Listing:
    return Listing(
        place=place,
        digests=_by_key(found.pop((number, DIGESTS), ())),
        logs=_by_key(found.pop((number, Family.EVENTS), ())),
    )


def _by_key(listed: Iterable[Stored]) -> dict[str, Versions]:
    found: dict[str, list[Stored]] = {}
    for one in listed:
        found.setdefault(one.key, []).append(one)
    return {
        key: Versions(all=tuple(sorted(several, key=lambda one: not one.is_latest)))
        for key, several in found.items()
    }


def _prefixes(folder: ArchiveFolder, asked: Range, as_of: datetime) -> list[str]:
    """Return the folder, or its days where few are asked for; one day more on both sides."""
    if asked.since is None:
        return [folder.path]
    first, last = (asked.since - _AROUND).date(), ((asked.until or as_of) + _AROUND).date()
    days = (last - first).days + 1
    if not 0 < days <= _DAY_PREFIXES:
        return [folder.path]
    return [f"{folder.path}{first + timedelta(days=number):%Y/%m/%d}/" for number in range(days)]
