"""``search``, ``show`` and ``sql``: one question, one query over the lake, one answer with what it covers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pyarrow as pa

from trailkeep.ask.filters import Field, Filter, Search, to_query, uncovered
from trailkeep.core.errors import UncheckedError, UsageError
from trailkeep.core.times import format_moment
from trailkeep.core.verdict import Verdict
from trailkeep.engines.duckdb import DuckDb
from trailkeep.keep.proven import Sources, SourceStanding, judge
from trailkeep.keep.schema import EVENTS
from trailkeep.lake.state import State
from trailkeep.lake.table import Lake
from trailkeep.workflows.proving import SOURCE_COLUMNS, SOURCE_VERDICT, Watch, judge_lake, standings_of

__all__ = ["ROW_COLUMNS", "Answer", "Original", "run_sql", "search", "show"]

Moments = tuple[datetime, datetime]
OpenEngine = Callable[..., DuckDb]

ROW_COLUMNS = (*(name for name in EVENTS.names if name not in {"record", "record_hash"}), SOURCE_VERDICT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Rows and what is known about them.

    ``batches`` can be read once; the first is empty and carries the schema. ``covered`` spans the eventTimes
    of the lake, ``uncovered`` are the parts of the asked range outside it; ``touches_covered`` is false when
    that is all of it. ``verdict`` is of the rows that were read so far, so read them all before: see
    ``keep.proven`` for what it means.
    """

    batches: Iterator[pa.RecordBatch]
    covered: Moments | None
    uncovered: tuple[Moments, ...] = ()
    touches_covered: bool = True
    judged: Callable[[], Verdict]

    @property
    def verdict(self) -> Verdict:
        """The verdict of the rows read so far and of the time that was asked about."""
        return self.judged()


@dataclass(frozen=True, slots=True, kw_only=True)
class Original:
    """One original record, where it came from and how that log stands; ``sha256`` is of the inflated log."""

    record: str
    object: str
    version: str
    sha256: str
    position: int
    standing: SourceStanding

    @property
    def verdict(self) -> Verdict:
        """Whether this log is what CloudTrail wrote."""
        return judge(Sources(counts={self.standing: 1}, examples={self.standing: self.object}))


@contextmanager
def search(
    lake: Lake, asked: Search, columns: Sequence[str] = ROW_COLUMNS, *, engine: OpenEngine = DuckDb
) -> Iterator[Answer]:
    """Answer a search, newest events first."""
    state = _state(lake)
    watch = Watch(standings=standings_of(lake, state))
    asked_of = [name for name in dict.fromkeys((*columns, *SOURCE_COLUMNS)) if name != SOURCE_VERDICT]
    with engine(_paths(lake, state, asked)) as session:
        yield Answer(
            batches=watch.rows(session.query(to_query(asked, asked_of).sql("duckdb")), columns),
            judged=lambda: watch.verdict(asked),
            covered=state.covered,
            uncovered=tuple(uncovered(asked, state.covered)),
            touches_covered=_touches(asked, state.covered),
        )


def show(lake: Lake, event_id: str, *, engine: OpenEngine = DuckDb) -> list[Original]:
    """Return every record with this eventID; more than one only where bodies differ.

    Raises:
        UncheckedError: the lake has no such event.
    """
    columns = (
        "record",
        "source_object",
        "source_version",
        "source_sha256",
        "source_position",
        SOURCE_VERDICT,
    )
    asked = Search(filters=(Filter(field=Field.EVENT_ID, value=event_id),))
    with search(lake, asked, columns, engine=engine) as answer:
        rows = [row for batch in answer.batches for row in batch.to_pylist()]
        covered = answer.covered
    if not rows:
        span = " to ".join(map(format_moment, covered)) if covered else "nothing"
        raise UncheckedError(
            f"event {event_id}: expected in the lake, got none; the lake covers {span}, "
            "collect the logs of the time asked for"
        )
    return [
        Original(
            record=row["record"],
            object=row["source_object"],
            version=row["source_version"],
            sha256=row["source_sha256"],
            position=row["source_position"],
            standing=SourceStanding(row[SOURCE_VERDICT]),
        )
        for row in rows
    ]


@contextmanager
def run_sql(
    lake: Lake, sql: str, *, timeout_s: float | None = None, engine: OpenEngine = DuckDb
) -> Iterator[Answer]:
    """Answer one SELECT over the tables ``events``, ``objects``, ``digests`` and ``findings``.

    What rows a free statement looked at cannot be told, so the verdict is of the whole lake: of every log
    that an event in it came from, and of all the time that it covers.
    """
    state = _state(lake)
    standings = standings_of(lake, state)
    known = standings.verdicts
    root = lake.path.absolute()
    with engine(
        _paths(lake, state, Search()),
        objects=root / known.objects.path if known else None,
        findings=root / known.findings.path if known else None,
    ) as session:
        yield Answer(
            batches=session.query(sql, timeout_s=timeout_s),
            covered=state.covered,
            judged=lambda: judge_lake(standings),
        )


def _touches(asked: Search, covered: Moments | None) -> bool:
    """Whether the lake covers anything of the asked time range."""
    if covered is None:
        return asked.since is None and asked.until is None
    oldest, newest = covered
    return (asked.since is None or asked.since <= newest) and (asked.until is None or asked.until > oldest)


def _state(lake: Lake) -> State:
    if not lake.exists:
        raise UsageError(
            f"{lake.path}: expected a lake, got nothing there; "
            f"run 'trailkeep collect SOURCE --lake {lake.path}' first, or give --lake its folder"
        )
    return lake.current()


def _paths(lake: Lake, state: State, asked: Search) -> list[Path]:
    return [lake.path.absolute() / file.path for file in state.between(asked.since, asked.until)]
