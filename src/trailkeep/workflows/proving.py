"""What an answer is worth: its sources and the time it is about, against what was verified.

``Watch`` passes the rows of an answer on and remembers the logs that they come from, so that the verdict
costs no second reading of the lake. ``judge_sources`` is for whoever has the sources of some rows already.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fnmatch import fnmatchcase

import pyarrow as pa

from trailkeep.ask.filters import Field, Filter, Search
from trailkeep.core.verdict import Verdict
from trailkeep.keep.proven import (
    NEVER_VERIFIED,
    Completeness,
    Sources,
    SourceStanding,
    Window,
    judge,
    pairs_of,
    unverified,
)
from trailkeep.lake.standings import Standings
from trailkeep.lake.state import State
from trailkeep.lake.table import Lake
from trailkeep.lake.verdicts import Verdicts

__all__ = [
    "SOURCE_COLUMNS",
    "SOURCE_VERDICT",
    "Watch",
    "completeness",
    "judge_lake",
    "judge_sources",
    "standings_of",
]

Moments = tuple[datetime, datetime]
SOURCE_COLUMNS = ("source_object", "source_sha256")
SOURCE_VERDICT = "source_verdict"
_TICK = timedelta(microseconds=1)
_NAMED_SPANS = 3


def standings_of(lake: Lake, state: State) -> Standings:
    """Return the standings of a lake as they are now."""
    return Standings(lake=lake, state=state, verdicts=Verdicts(lake=lake).current())


def judge_sources(
    standings: Standings, sources: Iterable[tuple[str, str]], asked: Search | None = None
) -> Verdict:
    """Return the verdict of rows that come from some ``(source_object, source_sha256)``.

    With ``asked`` the verdict is also about what may be missing from the time range of that search.
    """
    return _judged(standings, _counted(standings.of(sources)), asked)


def judge_lake(standings: Standings) -> Verdict:
    """Return the verdict of everything in a lake: its logs, and all the time that it covers."""
    if standings.verdicts is None:
        return NEVER_VERIFIED
    return _judged(standings, standings.all(), Search())


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """Sees the rows of one answer go by."""

    standings: Standings
    seen: dict[tuple[str, str], tuple[SourceStanding, datetime | None] | None] = field(default_factory=dict)

    def rows(self, batches: Iterable[pa.RecordBatch], names: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Yield the batches with exactly the columns ``names``, of which one may be ``source_verdict``.

        The batches hold SOURCE_COLUMNS and every other column of ``names``.
        """
        for batch in batches:
            sources = list(zip(*(batch.column(name).to_pylist() for name in SOURCE_COLUMNS), strict=True))
            for source in sources:
                self.seen.setdefault(source, None)
            if SOURCE_VERDICT in names:
                batch = batch.append_column(SOURCE_VERDICT, self._standings(sources))  # noqa: PLW2901
            yield batch.select(list(names))

    def verdict(self, asked: Search) -> Verdict:
        """Return the verdict of the rows so far, and of the time that a search is about."""
        self._settle()
        found = {source: one for source, one in self.seen.items() if one is not None}
        return _judged(self.standings, _counted(found), asked)

    def _standings(self, sources: Sequence[tuple[str, str]]) -> pa.Array:
        self._settle()
        found = (self.seen[source] for source in sources)
        return pa.array([str(one[0]) if one else None for one in found], pa.string())

    def _settle(self) -> None:
        self.seen.update(self.standings.of([source for source, found in self.seen.items() if found is None]))


def completeness(standings: Standings, asked: Search) -> Completeness:
    """Return what is not proven about the accounts, regions and time of a search.

    Where a side of the time range is open, the lake's own oldest or newest event ends it. Other filters than
    account and region narrow nothing: whoever removes a log removes whatever stood in it.
    """
    windows = standings.verdicts.windows if standings.verdicts else ()
    span = _span(asked, standings.state.covered)
    places = sorted(pair for pair in pairs_of(windows) if _asks_for(asked, pair))
    if not places or span is None:
        return Completeness(unknown=("what was asked for",))
    found = standings.within(places, *span)
    return Completeness(
        logs=found.logs,
        hours=found.hours,
        uncollected=found.uncollected,
        unverified=_merged(part for pair in places for part in unverified(windows, pair, span))[
            :_NAMED_SPANS
        ],
        unknown=tuple(_unknown(asked, windows)),
    )


def _judged(standings: Standings, sources: Sources, asked: Search | None) -> Verdict:
    if standings.verdicts is None and SourceStanding.EVENT_HISTORY not in sources.counts:
        return NEVER_VERIFIED
    return judge(sources, completeness(standings, asked) if asked else None)


def _counted(found: dict[tuple[str, str], tuple[SourceStanding, datetime | None]]) -> Sources:
    counts: dict[SourceStanding, int] = {}
    examples: dict[SourceStanding, str] = {}
    for (name, _), (standing, _) in found.items():
        counts[standing] = counts.get(standing, 0) + 1
        examples.setdefault(standing, name)
    times = [checked_at for _, checked_at in found.values() if checked_at]
    return Sources(counts=counts, examples=examples, checked_from=min(times, default=None))


def _span(asked: Search, covered: Moments | None) -> Moments | None:
    oldest, newest = covered or (None, None)
    since = asked.since or oldest
    if since is None or (asked.until is None and newest is None):
        return None
    until = asked.until or max(since, newest or since) + _TICK
    return since, max(until, since + _TICK)


def _asks_for(asked: Search, pair: tuple[str, str]) -> bool:
    account, region = pair
    return _admits(_of(asked, Field.ACCOUNT), account) and _admits(_of(asked, Field.REGION), region)


def _of(asked: Search, name: Field) -> list[Filter]:
    return [one for one in asked.filters if one.field is name]


def _admits(filters: Sequence[Filter], value: str) -> bool:
    wanted = [one for one in filters if not one.negated]
    refused = any(one.negated and fnmatchcase(value, one.value) for one in filters)
    return not refused and (not wanted or any(fnmatchcase(value, one.value) for one in wanted))


def _unknown(asked: Search, windows: Sequence[Window]) -> Iterator[str]:
    """Yield the accounts and regions that were asked for and that no verification ever held."""
    accounts, regions = ({pair[place] for pair in pairs_of(windows)} for place in (0, 1))
    for word, known, filters in (
        ("account", accounts, _of(asked, Field.ACCOUNT)),
        ("region", regions, _of(asked, Field.REGION)),
    ):
        for one in filters:
            if not one.negated and not any(fnmatchcase(value, one.value) for value in known):
                yield f"{word} {one.value}"


def _merged(parts: Iterable[Moments]) -> tuple[Moments, ...]:
    merged: list[Moments] = []
    for since, until in sorted(parts):
        if merged and since <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(until, merged[-1][1]))
        else:
            merged.append((since, until))
    return tuple(merged)
