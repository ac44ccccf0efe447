"""What proven logs say of the trails, wherever in the archive they stand: it explains why a chain has a gap.

1. The changes of a trail stand in one place: the logs of its owner in its home Region.
2. Where that place was read already, its changes are kept, and the hours that its proven digests cover.
3. Else it is read now, around the gap: it may come later, not be asked for at all, or lie before the time
   that is asked for. So the order in which places are read explains no gap and hides none.
4. A gap that begins where the asked time does began earlier: the newest digest of the trail's home before it
   says where to read. That digest, too, is proven before a log of it says anything.

What is held is a few events and spans of time for each trail, and for step 3 the logs of one place and time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from trailkeep.aws.stored import Archive, ArchiveFolder
from trailkeep.core.layout import DigestKey, parse_key
from trailkeep.keep.chain_parts import HOUR, Gap, Proof, ReadDigest
from trailkeep.keep.gaps import TrailEvent
from trailkeep.keep.signing_keys import KeyRing
from trailkeep.workflows.verify_place import Placed, open_places, read_logs
from trailkeep.workflows.verify_places import Place, Range, groups

__all__ = ["Told", "TrailHistory", "merged"]

_AROUND = 6 * HOUR
"""A stop stands in a log of the final digest, which ends minutes after it."""
_TOUCH = timedelta(minutes=1)

Span = tuple[datetime, datetime]


@dataclass(slots=True, kw_only=True)
class Told:
    """The changes that one place tells of, and the time that proven digests of each trail cover there."""

    events: list[TrailEvent] = field(default_factory=list)
    spans: dict[str, list[Span]] = field(default_factory=dict)

    def take(self, place: Placed) -> None:
        """Add the time that a place's chains cover, for the trails whose home it is."""
        for chain, result in place.chains.items():
            if chain.home_region == chain.region:
                self.spans[chain.trail_name] = merged(
                    (*self.spans.get(chain.trail_name, ()), *_spans(result.digests))
                )


class TrailHistory:
    """The history of the trails of one archive, as far as it was asked for or is needed."""

    def __init__(
        self,
        archive: Archive,
        folders: Sequence[ArchiveFolder],
        ring: KeyRing | None,
        asked: Range,
        *,
        owner: str,
        as_of: datetime,
    ) -> None:
        self._archive = archive
        self._folders = folders
        self._ring = ring
        self._asked = asked
        self._owner = owner
        self._as_of = as_of
        self._read: dict[tuple[str, str], Told] = {}
        self._around: dict[tuple[str, str, datetime, datetime], Told] = {}

    def take(self, places: Sequence[Placed], events: Iterable[TrailEvent]) -> None:
        """Keep what places tell that were read anyway."""
        for place in places:
            self._read.setdefault((place.account, place.region), Told()).take(place)
        for event in events:
            if told := self._read.get((event.account, event.region)):
                told.events.append(event)

    def of(self, gap: Gap) -> Told:
        """Return what the owner's logs in the trail's home Region tell of the time of a gap and before it.

        Raises:
            StoppedError: the archive cannot be read.
        """
        account, region = self._owner or gap.chain.account, gap.chain.home_region
        asked = self._asked
        is_within = asked.since is None or asked.since <= gap.since - _AROUND
        is_within &= asked.until is None or gap.until <= asked.until
        if is_within and (account, region) in self._read:
            return self._read[account, region]
        folders = tuple(one for one in self._folders if (one.account, one.region) == (account, region))
        begin = gap.since
        if asked.since is not None and gap.since <= asked.since:
            begin = self._stopped(folders, gap)
        since = (begin - _AROUND).replace(minute=0, second=0, microsecond=0)
        until = gap.until.replace(minute=0, second=0, microsecond=0) + 2 * HOUR
        key = (account, region, since, until)
        if key not in self._around:
            place = Place(account=account, region=region, folders=folders)
            self._around[key] = self._told(place, Range(since=since, until=until))
        return self._around[key]

    def _stopped(self, folders: Sequence[ArchiveFolder], gap: Gap) -> datetime:
        """Return where the newest digest of the trail's home ends that is not newer than a gap."""
        names = (
            parse_key(stored.key)
            for folder in folders
            if folder.is_of_digests
            for stored in self._archive.listed(folder.path)
        )
        ends = [
            name.ends_at
            for name in names
            if isinstance(name, DigestKey)
            and (name.trail_name, name.home_region) == (gap.chain.trail_name, gap.chain.home_region)
            and name.ends_at <= gap.since
        ]
        return max(ends, default=gap.since)

    def _told(self, place: Place, around: Range) -> Told:
        told = Told()
        for group in groups(self._archive, [place], around, as_of=self._as_of):
            opened = open_places(self._archive, group, self._ring, as_of=self._as_of, asked=around)
            told.events += read_logs(self._archive, opened, owner=self._owner)
            for one in opened:
                told.take(one)
        return told


def _spans(digests: Iterable[ReadDigest]) -> list[Span]:
    return [
        (one.digest.starts_at, one.digest.ends_at)
        for one in digests
        if one.state is not Proof.NONE and not one.digest.backfill
    ]


def merged(spans: Iterable[Span]) -> list[Span]:
    """Return spans of time in order, those that touch as one."""
    found: list[Span] = []
    for since, until in sorted(spans):
        if found and since <= found[-1][1] + _TOUCH:
            found[-1] = (found[-1][0], max(until, found[-1][1]))
        else:
            found.append((since, until))
    return found
