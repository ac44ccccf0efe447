"""What earlier runs proved, and how a run goes on from it.

1. Every head that a run proved must still lead the way: a chain that does not go back to it was rolled back.
2. Heads that the caller vouches for (``is_trusted``) prove, by hashes alone, all that lies below them.
3. A place that has a base, of which everything up to its heads is proven, is read from them on: its heads are
   read again, what lies below is not. A place whose head is not listed is read from the beginning instead.

The newest logs before a head may have waited for their digest then, so that logs are looked at from a quarter
of an hour before it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import msgspec

from trailkeep.aws.stored import Archive
from trailkeep.core.layout import DigestKey, LogKey, parse_key
from trailkeep.keep.chain_links import gone
from trailkeep.keep.chain_parts import ChainId, Head
from trailkeep.keep.coverage import listed_logs
from trailkeep.keep.heads import Reached
from trailkeep.keep.integrity import Finding, Kind, outcome
from trailkeep.keep.verification import DayCell, DayState, ReusedPart
from trailkeep.workflows.verify_close import Judged
from trailkeep.workflows.verify_place import Placed
from trailkeep.workflows.verify_places import Listing, Place, Range, Versions, groups

__all__ = ["Earlier"]

_WAITED = timedelta(minutes=15)
_LISTED = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Earlier:
    """The newest lines of the heads' file, by account and Region, and those that a run goes on from.

    ``as_of`` is when the archive was as it is looked at, where the caller says so: later heads say nothing.
    """

    reached: Mapping[tuple[str, str], Reached] = field(default_factory=dict)
    bases: Mapping[tuple[str, str], Reached] = field(default_factory=dict)
    is_trusted: bool = False
    as_of: datetime | None = None

    def begun(self, place: Place) -> Place:
        """Return a place with the moment that it is read from, where it is not the beginning."""
        base = self.bases.get((place.account, place.region))
        if base is None or not all(self._counts(head, Range()) for head in base.heads):
            return place
        return replace(place, since=min(head.ends_at for head in base.heads))

    def cut(self, archive: Archive, listing: Listing, asked: Range, as_of: datetime) -> Listing:
        """Return a listing without the digests below its heads; the whole one where a head is not listed."""
        place = listing.place
        if place.since is None:
            return listing
        base = self.bases[place.account, place.region]
        if any(head.key not in listing.digests for head in base.heads):
            whole = replace(place, since=None)
            return next(one for group in groups(archive, [whole], asked, as_of=as_of) for one in group)
        kept = {key: one for key, one in listing.digests.items() if not _is_below(key, one, base)}
        return replace(listing, digests=kept)

    def trim(self, archive: Archive, place: Placed) -> None:
        """Take away what the heads of a place name, and the logs before them."""
        if (since := place.listing.place.since) is None:
            return
        base = self.bases[place.account, place.region]
        place.below = frozenset(head.key for head in base.heads)
        every = [one for result in place.chains.values() for one in result.digests]
        place.named, _ = listed_logs(one for one in every if one.digest.key not in place.below)
        below, _ = listed_logs(one for one in every if one.digest.key in place.below)
        begins = max(head.ends_at for head in base.heads) - _WAITED
        logs = {
            key: one
            for key, one in place.listing.logs.items()
            if key in place.named or (key not in below and _is_from(key, begins))
        }
        for key in place.named:
            if key not in logs and not _is_from(key, since - _LISTED):
                logs |= _looked_up(archive, key)
        place.listing = replace(place.listing, logs=logs)

    def head(self, chain: ChainId, asked: Range) -> Head | None:
        """Return the head that a chain must lead back to within the asked time."""
        known = self.reached.get((chain.account, chain.region))
        head = known.head_of(chain) if known else None
        return head if head and self._counts(head, asked) else None

    def _counts(self, head: Head, asked: Range) -> bool:
        """Whether a head lies within the time that is looked at."""
        return (
            (self.as_of is None or head.ends_at <= self.as_of)
            and (asked.since is None or asked.since < head.ends_at)
            and (asked.until is None or head.ends_at <= asked.until)
        )

    def vanished(
        self, there: Collection[ChainId], findings: Iterable[Finding], archive: Archive, asked: Range
    ) -> list[Finding]:
        """Return the heads of chains of which nothing is left, but for those that are found absent anyway."""
        absent = {one.account for one in findings if one.kind is Kind.ACCOUNT_ABSENT}
        pairs = {(one.account, one.region) for one in findings if one.kind is Kind.CHAIN_ABSENT}
        left = {(one.account, one.region, one.trail_name) for one in there}
        return [
            gone(head, "nothing of its chain")
            for known in self.reached.values()
            for head in known.heads
            if (head.account, head.region, head.trail_name) not in left
            and head.account not in absent
            and (head.account, head.region) not in pairs
            and _is_meant(head, asked)
            and self._counts(head, asked)
            and (not archive.name.startswith("s3://") or archive.address(head.key).startswith(archive.name))
        ]

    def reused(self, place: Place) -> ReusedPart | None:
        """Return what is not read again of a place; None where it is read from the beginning."""
        if place.since is None:
            return None
        base = self.bases[place.account, place.region]
        return ReusedPart(
            account=place.account,
            region=place.region,
            until=place.since,
            digests=base.digests,
            logs=base.logs,
            verdict=base.verdict,
            checked_at=base.checked_at,
            proven_at=base.proven_at,
        )

    def with_earlier_hours(self, place: Placed, judged: Judged) -> Judged:
        """Return what was judged with the hours of the heads' day that lie before them."""
        base = self.bases.get((place.account, place.region))
        if place.listing.place.since is None or base is None or base.last_day is None:
            return judged
        return replace(judged, cells=tuple(_joined(base.last_day, judged.cells)))

    def after(
        self, place: Placed, judged: Judged, asked: Range, *, bucket: str, now: datetime
    ) -> Reached | None:
        """Return the line for a place that was read; None where it says nothing new or was rolled back."""
        known = self.reached.get((place.account, place.region))
        if any(
            one.kind is Kind.HEAD_ROLLED_BACK for result in place.chains.values() for one in result.findings
        ):
            return None
        heads = _heads(place, known)
        base = self.bases.get((place.account, place.region)) if place.listing.place.since else None
        verdict = outcome(judged.findings, judged.checked).kind
        is_whole = asked.since is None and asked.until is None and not place.skipped
        is_same = known is not None and (known.heads, known.verdict) == (heads, verdict)
        if not heads or (is_same and (base is not None or not is_whole)):
            return None
        return Reached(
            bucket=bucket,
            account=place.account,
            region=place.region,
            heads=heads,
            proven_at=now,
            checked_at=base.checked_at if base else now,
            verdict=verdict,
            is_whole=is_whole,
            digests=(base.digests - len(place.below) if base else 0) + _proven(place),
            logs=(base.logs if base else 0) + len(place.logs),
            last_day=_last_day(judged.cells, heads),
        )


def _is_below(key: str, versions: Versions, base: Reached) -> bool:
    """Whether a digest lies below the head of its chain; a backfill digest that came since does not."""
    name = parse_key(key)
    if not isinstance(name, DigestKey):
        return False
    head = base.head_of(ChainId(name.account_id, name.region, name.trail_name, name.home_region))
    if head is None or name.ends_at >= head.ends_at:
        return False
    at = versions.all[0].last_modified
    return not (name.backfill and (at is None or at > base.proven_at))


def _is_from(key: str, moment: datetime) -> bool:
    name = parse_key(key)
    return not isinstance(name, LogKey) or name.delivered_at >= moment


def _looked_up(archive: Archive, key: str) -> dict[str, Versions]:
    """Return the versions of a log that lies before what is listed."""
    found = sorted((one for one in archive.listed(key) if one.key == key), key=lambda one: not one.is_latest)
    return {key: Versions(all=tuple(found))} if found else {}


def _is_meant(head: Head, asked: Range) -> bool:
    return (not asked.accounts or head.account in asked.accounts) and (
        not asked.regions or head.region in asked.regions
    )


def _heads(place: Placed, known: Reached | None) -> tuple[Head, ...]:
    """Return the heads that were known, each replaced by a newer one of its chain."""
    heads = {head.chain: head for head in known.heads} if known else {}
    for chain, result in place.chains.items():
        before = known.head_of(chain) if known else None
        if result.head and (before is None or before.ends_at <= result.head.ends_at):
            if before:
                del heads[before.chain]
            heads[chain] = result.head
    return tuple(heads[chain] for chain in sorted(heads))


def _proven(place: Placed) -> int:
    return sum(len(result.proven) for result in place.chains.values())


def _last_day(cells: Iterable[DayCell], heads: Iterable[Head]) -> DayCell | None:
    """Return the day that the newest head ends in, without the hours that wait for a digest."""
    day = max(head.ends_at for head in heads).date()
    for cell in cells:
        if cell.day == day:
            hours = dict(cell.hours)
            hours.pop(DayState.PENDING, None)
            return _cell(cell, hours) if hours else None
    return None


def _joined(before: DayCell, cells: Iterable[DayCell]) -> Iterator[DayCell]:
    rest = list(cells)
    fresh = [cell for cell in rest if cell.day == before.day]
    hours = Counter(before.hours)
    for cell in fresh:
        hours.update(cell.hours)
    yield _cell(before, hours)
    yield from (cell for cell in rest if cell.day != before.day)


def _cell(cell: DayCell, hours: Mapping[DayState, int]) -> DayCell:
    return msgspec.structs.replace(cell, hours=dict(hours), state=min(hours, key=tuple(DayState).index))
