"""The calendar: how each hour of an account and Region stands, counted by day."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta

from trailkeep.core.verdict import VerdictKind
from trailkeep.keep.chain_parts import HOUR, Gap, Proof, ReadDigest
from trailkeep.keep.integrity import Finding
from trailkeep.keep.verification import DayCell, DayState

__all__ = ["day_cells", "hours_of_chain"]

_WORST_FIRST = tuple(DayState)
_LONGEST = timedelta(days=366 * 30)


def hours_of_chain(
    digests: Iterable[ReadDigest],
    logs: Mapping[str, Iterable[Finding]],
    *,
    explained: Iterable[Gap],
    uncovered: Iterable[Gap],
    pending: Iterable[Gap],
) -> dict[datetime, DayState]:
    """Return how each hour of one chain stands; ``logs`` are findings of the logs by their keys."""
    hours: dict[datetime, DayState] = {}
    for state, gaps in (
        (DayState.PENDING, pending),
        (DayState.EXPLAINED, explained),
        (DayState.UNCOVERED, uncovered),
    ):
        for gap in gaps:
            for hour in _hours(gap.since, gap.until):
                hours[hour] = state
    for one in digests:
        if not one.digest.backfill:
            for hour in _hours(one.digest.starts_at, one.digest.ends_at):
                hours[hour] = _state(one, logs)
    return hours


def _state(one: ReadDigest, logs: Mapping[str, Iterable[Finding]]) -> DayState:
    if one.state is Proof.NONE:
        return DayState.UNCOVERED
    weights = {finding.verdict for log in one.digest.logs for finding in logs.get(log.key, ())}
    if VerdictKind.FAIL in weights:
        return DayState.ALTERED
    if VerdictKind.UNKNOWN in weights:
        return DayState.UNREADABLE
    return DayState.PROVEN if one.digest.logs else DayState.PROVEN_EMPTY


def _hours(since: datetime, until: datetime) -> Iterator[datetime]:
    """Yield the hours that a span is counted in: an hour of a chain counts as the one that it begins in."""
    hour = since.replace(minute=0, second=0, microsecond=0)
    if hour < since and until - since >= HOUR * 2:
        hour += HOUR
    end = min(until, since + _LONGEST)
    first = True
    while first or hour + HOUR <= end:
        yield hour
        first = False
        hour += HOUR


def day_cells(account: str, region: str, chains: Iterable[Mapping[datetime, DayState]]) -> list[DayCell]:
    """Return the days of a place; an hour is as good as its best chain, but altered where any says so."""
    best: dict[datetime, DayState] = {}
    for chain in chains:
        for hour, state in chain.items():
            before = best.get(hour)
            if before is None or DayState.ALTERED not in (before, state):
                best[hour] = max(before or state, state, key=_WORST_FIRST.index)
            else:
                best[hour] = DayState.ALTERED
    days: dict[datetime, dict[DayState, int]] = {}
    for hour, state in best.items():
        counts = days.setdefault(hour.replace(hour=0), {})
        counts[state] = counts.get(state, 0) + 1
    return [
        DayCell(
            account=account,
            region=region,
            day=day.date(),
            state=min(counts, key=_WORST_FIRST.index),
            hours=counts,
        )
        for day, counts in sorted(days.items())
    ]
