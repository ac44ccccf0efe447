"""What verification found out about every object: Parquet segments beside the table, and one pointer file.

::

    LAKE/integrity/current.json           which segments are current; replaced durably, last of all
    LAKE/integrity/objects-NAME.parquet   one row per log or digest and version, sorted by object
    LAKE/integrity/findings-NAME.parquet  what is wrong
    LAKE/integrity/coverage-NAME.parquet  hours per account, region and day, by their state

A run is merged with what earlier runs left, into new segments:

1. A row of the run replaces the row of the same object *and version*. Every other row stays as it was, with
   the ``run`` and the ``checked_at`` of the run that checked it: that is how old a reused verdict is.
2. A run that looked at all of its scope (``whole``) takes away the rows, findings and days of that scope
   which it did not see again. The scope is its accounts, its regions and its time, both ends included.
3. Findings about an object that the run checked are replaced, all others stay.
4. The hours of a day are replaced, unless the run saw fewer hours of that day than the runs before: then they
   are added to the earlier ones, of which only the pending are forgotten.

A crash at any point leaves the pointer, and the segments that it names, as they were.
"""

from __future__ import annotations

import fcntl
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from trailkeep.core.errors import LakeError
from trailkeep.core.globs import literal
from trailkeep.keep.proven import Window
from trailkeep.keep.verdict_rows import (
    COVERAGE,
    FINDINGS,
    HOURS,
    OBJECTS,
    coverage_of,
    findings_of,
    objects_of,
)
from trailkeep.lake.table import Lake, LakeLockedError, confirm, write_durably

__all__ = ["Run", "Segment", "VerdictState", "Verdicts"]

_MEMORY = "512MB"
_ROW_GROUP = 100_000


class Segment(msgspec.Struct, frozen=True, kw_only=True):
    """One Parquet file; ``path`` is relative to the lake."""

    path: str
    rows: int


class VerdictState(msgspec.Struct, frozen=True, kw_only=True):
    """What is known after the newest run.

    ``run`` numbers the runs from 1. ``checked`` rows are of the newest run, ``reused`` ones of earlier runs,
    of which the oldest check was at ``oldest_reused_at``. ``windows`` are what was looked at, oldest first.
    """

    run: int
    ended_at: datetime
    objects: Segment
    findings: Segment
    coverage: Segment
    windows: tuple[Window, ...]
    checked: int
    reused: int
    oldest_reused_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What a verification looked at, when it ended, and the hours that it found (``DayCell``).

    ``whole`` says that everything in the window was looked at, so that what was not seen again is gone.
    """

    window: Window
    ended_at: datetime
    cells: Sequence[msgspec.Struct] = ()
    whole: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdicts:
    """The verdicts of a lake; the lake need not exist before the first of them."""

    lake: Lake

    @property
    def _folder(self) -> Path:
        return self.lake.path / "integrity"

    def current(self) -> VerdictState | None:
        """Return what is known; None when nothing was ever verified.

        Raises:
            LakeError: the pointer file is damaged.
        """
        pointer = self._folder / "current.json"
        try:
            return msgspec.json.decode(pointer.read_bytes(), type=VerdictState)
        except FileNotFoundError:
            return None
        except (OSError, msgspec.MsgspecError) as error:
            raise LakeError(
                f"{pointer}: expected what was verified, got {error}; move the folder away and verify again"
            ) from error

    def replace(
        self, objects: Iterable[Sequence[msgspec.Struct]], findings: Iterable[msgspec.Struct], run: Run
    ) -> VerdictState:
        """Merge one run with what earlier runs left, and make the result current.

        Args:
            objects: batches of ``keep.verification.ObjectVerdict``, each object and version once; one batch
                at a time is in memory.
            findings: every ``keep.integrity.Finding`` of the run.
            run: what the run looked at.

        Raises:
            LakeError: it cannot be written; what was current stays.
            LakeLockedError: another verification writes at this moment.
        """
        try:
            with self._writing():
                return self._replace(objects, findings, run)
        except (OSError, MemoryError, pa.ArrowException, duckdb.Error) as error:
            raise LakeError(
                f"{self._folder}: expected to write, got {error}; free some disk or memory and verify again"
            ) from error

    def _replace(
        self, objects: Iterable[Sequence[msgspec.Struct]], findings: Iterable[msgspec.Struct], run: Run
    ) -> VerdictState:
        before = self.current()
        number = before.run + 1 if before else 1
        name = uuid.uuid4().hex
        self._sweep(before)
        fresh = {
            what: self._folder / f"new-{what}-{name}.parquet" for what in ("objects", "findings", "coverage")
        }
        _stream(fresh["objects"], (objects_of(batch, number) for batch in objects), OBJECTS)
        _stream(fresh["findings"], [findings_of(findings, number, run.ended_at)], FINDINGS)
        _stream(fresh["coverage"], [coverage_of(run.cells, number)], COVERAGE)
        with self._merging(run, fresh, before) as connection:
            state = VerdictState(
                run=number,
                ended_at=run.ended_at,
                objects=self._write(connection, f"objects-{name}", _MERGED_OBJECTS, "object, version"),
                findings=self._write(connection, f"findings-{name}", _MERGED_FINDINGS, "object, kind"),
                coverage=self._write(
                    connection, f"coverage-{name}", _MERGED_COVERAGE, "day, account, region"
                ),
                windows=_windows(before.windows if before else (), run.window),
                **_counts(connection, self._folder / f"objects-{name}.parquet", number),
            )
        self._publish(state, name)
        for path in fresh.values():
            path.unlink()
        return state

    def _publish(self, state: VerdictState, name: str) -> None:
        draft = self._folder / f"new-{name}.json"
        write_durably(draft, msgspec.json.encode(state))
        draft.replace(self._folder / "current.json")
        confirm(self._folder / "current.json")

    def _sweep(self, current: VerdictState | None) -> None:
        """Remove what no pointer names: leftovers of crashes, and the segments before the current ones."""
        named = (current.objects, current.findings, current.coverage) if current else ()
        kept = {Path(segment.path).name for segment in named}
        for path in self._folder.iterdir():
            if path.suffix in {".parquet", ".json"} and path.name not in {*kept, "current.json"}:
                path.unlink()

    def _write(self, connection: duckdb.DuckDBPyConnection, name: str, sql: str, order: str) -> Segment:
        path = self._folder / f"{name}.parquet"
        target = str(path).replace("'", "''")
        done = connection.execute(
            f"copy ({sql} order by {order}) to '{target}' "
            f"(format parquet, compression zstd, row_group_size {_ROW_GROUP})"
        ).fetchone()
        confirm(path)
        return Segment(path=str(path.relative_to(self.lake.path)), rows=int(done[0]) if done else 0)

    @contextmanager
    def _merging(
        self, run: Run, fresh: dict[str, Path], before: VerdictState | None
    ) -> Iterator[duckdb.DuckDBPyConnection]:
        """Open a session with the views ``new_*`` and ``old_*`` and the table ``scope``."""
        with duckdb.connect(":memory:") as connection:
            connection.execute("set TimeZone = 'UTC'")
            connection.execute("set memory_limit = ?", [_MEMORY])
            connection.execute("set temp_directory = ?", [str(self._folder / "spill")])
            for what, path in fresh.items():
                _view(connection, f"new_{what}", path)
                segment = getattr(before, what).path if before else None
                _view(
                    connection,
                    f"old_{what}",
                    self.lake.path / segment if segment else path,
                    empty=not segment,
                )
            _scope(connection, run)
            yield connection

    @contextmanager
    def _writing(self) -> Iterator[None]:
        self._folder.mkdir(parents=True, exist_ok=True)
        with (self._folder / "lock").open("w") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise LakeLockedError(
                    f"{self._folder}: expected to be its only writer, got another run; wait for its end"
                ) from error
            yield


_GONE = (
    "exists (select 1 from scope where list_contains(accounts, old.account) "
    "and (list_contains(regions, old.region) or old.region = '')"
)
_MERGED_OBJECTS = f"""
select * from new_objects union all by name
select old.* from old_objects old
anti join new_objects fresh on fresh.object = old.object and fresh.version = old.version
where not {_GONE} and coalesce(old.delivered_at, old.ends_at) between since and until)
"""  # noqa: S608 - parts of our own
_MERGED_FINDINGS = f"""
select * from new_findings union all by name
select old.* from old_findings old
anti join new_objects checked on checked.object = old.object
where not exists (select 1 from new_findings f where f.object = old.object and f.kind = old.kind)
and not {_GONE})
"""  # noqa: S608
_TOTAL = " + ".join(f"{{0}}.{name}" for name in HOURS)
_ADDED = ", ".join(
    f"case when {_TOTAL.format('fresh')} < {_TOTAL.format('old')} - old.pending and not whole "
    f"then fresh.{name} + {'0' if name == 'pending' else f'old.{name}'} else fresh.{name} end as {name}"
    for name in HOURS
)
_MERGED_COVERAGE = f"""
select fresh.account, fresh.region, fresh.day, {_ADDED}, fresh.run
from new_coverage fresh left join old_coverage old using (account, region, day) cross join scope
union all by name
select old.* from old_coverage old
anti join new_coverage fresh on (fresh.account, fresh.region, fresh.day) = (old.account, old.region, old.day)
where not {_GONE} and old.day between since::date and until::date)
"""  # noqa: S608


def _scope(connection: duckdb.DuckDBPyConnection, run: Run) -> None:
    """Make the table ``scope``: one row; its accounts are none unless the run was whole."""
    window = run.window
    connection.execute(
        "create table scope as select ?::varchar[] as accounts, ?::varchar[] as regions, "
        "?::timestamptz as since, ?::timestamptz as until, ?::boolean as whole",
        [
            list(window.accounts) if run.whole else [],
            list(window.regions),
            window.since,
            window.until,
            run.whole,
        ],
    )


def _view(connection: duckdb.DuckDBPyConnection, name: str, path: Path, *, empty: bool = False) -> None:
    relation = connection.read_parquet(literal(path))
    (relation.limit(0) if empty else relation).create_view(name)


def _stream(path: Path, tables: Iterable[pa.Table], schema: pa.Schema) -> None:
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for table in tables:
            writer.write_table(table)


def _counts(connection: duckdb.DuckDBPyConnection, objects: Path, run: int) -> dict[str, Any]:
    found = connection.sql(
        "select count(*) filter (run = ?) as checked, count(*) filter (run < ?) as reused, "
        "min(checked_at) filter (run < ?) as oldest_reused_at from read_parquet(?)",
        params=[run, run, run, literal(objects)],
    )
    row: dict[str, Any] = found.to_arrow_table().to_pylist()[0]
    return row


def _windows(before: Sequence[Window], added: Window) -> tuple[Window, ...]:
    """Return the windows without those that the added one holds whole."""
    kept = [
        one
        for one in before
        if not (
            set(one.accounts) <= set(added.accounts)
            and set(one.regions) <= set(added.regions)
            and added.since <= one.since
            and one.until <= added.until
        )
    ]
    return (*kept, added)
