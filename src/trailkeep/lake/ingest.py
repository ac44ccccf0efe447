"""Parsed logs go into the lake: batch by batch, each batch one commit of events and ledger rows together."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from trailkeep.core.errors import LakeError
from trailkeep.core.globs import literal
from trailkeep.keep.duplicates import Conflict, keep_new
from trailkeep.keep.records import Note, Rows, table_of
from trailkeep.lake.ledger import LedgerRow, read_segments, write_segment
from trailkeep.lake.state import DataFile, LedgerSegment, State
from trailkeep.lake.table import Lake, confirm

__all__ = ["Batch", "Committed", "Incoming", "Known", "commit_batch", "known_objects"]

_NEEDLES = (
    "event_id",
    "user_identity_access_key_id",
    "user_identity_arn",
    "source_ip_address",
    "shared_event_id",
)
_ROW_GROUP = 100_000
_SORT = [("event_time", "ascending"), ("source_object", "ascending"), ("source_position", "ascending")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoming:
    """One log that was read, and what the ledger will say of it once its events are counted.

    ``is_copy`` says that a log with the very same bytes is in the lake, or comes before it in the batch.
    """

    rows: Rows
    notes: tuple[Note, ...]
    row: LedgerRow
    is_copy: bool = False

    @property
    def new_rows(self) -> int:
        """How many rows of the batch's table are this log's; none for a copy of a log that is in the lake."""
        return 0 if self.is_copy else self.row.events


@dataclass(slots=True, kw_only=True)
class Batch:
    """Logs that will be committed together; ``size_bytes`` counts inflated bytes, ``events`` records."""

    logs: list[Incoming] = field(default_factory=list)
    size_bytes: int = 0
    events: int = 0

    def add(self, incoming: Incoming, size_bytes: int) -> None:
        """Put one more log into the batch."""
        self.logs.append(incoming)
        self.size_bytes += size_bytes
        self.events += incoming.row.events


@dataclass(frozen=True, slots=True, kw_only=True)
class Committed:
    """What one commit did; ``conflicts`` are ``(object, position, event_id)``."""

    objects: int
    read: int
    added: int
    duplicates: int
    conflicts: tuple[tuple[str, int, str], ...]


@dataclass(slots=True, kw_only=True)
class Known:
    """What the ledger knows: ``versions`` of objects, ``hashes`` of their last content, all ``contents``."""

    versions: set[tuple[str, str]] = field(default_factory=set)
    hashes: dict[str, bytes] = field(default_factory=dict)
    contents: set[bytes] = field(default_factory=set)

    def add(self, name: str, version: str, sha256: str) -> None:
        """Take in one object."""
        digest = bytes.fromhex(sha256)
        self.versions.add((name, version))
        self.hashes[name] = digest
        self.contents.add(digest)


def known_objects(lake: Lake, state: State) -> Known:
    """Return what the ledger knows.

    Raises:
        LakeError: a ledger segment cannot be read.
    """
    names = ("object", "version", "sha256")
    try:
        table = read_segments((lake.path / part.path for part in state.ledger), names)
    except (OSError, pa.ArrowInvalid) as error:
        raise LakeError(f"{lake.path}: expected a readable ledger, got {error}") from error
    known = Known()
    for name, version, sha256 in zip(*(table[column].to_pylist() for column in names), strict=True):
        known.add(name, version, sha256)
    return known


def commit_batch(lake: Lake, state: State, batch: Batch) -> tuple[State, Committed]:
    """Write and commit a batch; return the new current state and what was done.

    Raises:
        LakeError: nothing of this batch is visible; what was committed before stays.
    """
    name = uuid.uuid4().hex
    try:
        table = table_of([incoming.rows for incoming in batch.logs if not incoming.is_copy])
        kept = keep_new(table, lambda ids: _known_records(lake, state, table, ids))
        rows = _ledger_rows(batch, kept.mask, kept.conflicts)
        files = tuple(_write_events(lake, table.filter(kept.mask)))
        segment = _write_ledger(lake, name, rows)
    except (OSError, MemoryError, pa.ArrowException, duckdb.Error) as error:
        raise LakeError(
            f"{lake.path}: expected to write, got {error}; free some disk or memory and run again"
        ) from error
    covered_from, covered_to = state.covering(_believable(table))
    new = State(
        name=name,
        covered_from=covered_from,
        covered_to=covered_to,
        snapshot_state=name if files else state.snapshot_state,
        files=(*state.files, *files),
        ledger=(*state.ledger, segment),
    )
    lake.commit(new, files)
    return new, _summary(rows, table, kept.conflicts)


def _summary(rows: list[LedgerRow], table: pa.Table, conflicts: tuple[Conflict, ...]) -> Committed:
    return Committed(
        objects=len(rows),
        read=sum(row.events for row in rows),
        added=sum(row.added for row in rows),
        duplicates=sum(row.duplicates for row in rows),
        conflicts=tuple(_place(table, conflict) for conflict in conflicts),
    )


def _believable(table: pa.Table) -> tuple[datetime, datetime] | None:
    """Return the oldest and newest eventTime that the delivery of the log does not contradict.

    CloudTrail delivers for up to 30 days after an event, and never before it.
    """
    times, delivered = table["event_time"], table["source_delivered_at"]
    early = pc.less_equal(times, pc.add(delivered, pa.scalar(timedelta(hours=1))))
    late = pc.greater_equal(times, pc.subtract(delivered, pa.scalar(timedelta(days=35))))
    span = pc.min_max(times.filter(pc.or_kleene(pc.is_null(delivered), pc.and_(early, late)))).as_py()
    return None if span["min"] is None else (span["min"], span["max"])


def _place(table: pa.Table, conflict: Conflict) -> tuple[str, int, str]:
    row = conflict.row
    return table["source_object"][row].as_py(), table["source_position"][row].as_py(), conflict.event_id


def _known_records(lake: Lake, state: State, batch: pa.Table, ids: pa.Array) -> Iterator[tuple[str, bytes]]:
    """Yield the events of the lake that share an id with the batch; only files of its time range are read."""
    span = pc.min_max(batch["event_time"]).as_py()
    oldest, newest = span["min"], span["max"]
    candidates = _overlapping(state, oldest, newest)
    if not candidates or ids.null_count == len(ids):
        return
    wanted = pa.table({"wanted": ids.unique().drop_null()})
    with duckdb.connect() as connection:
        connection.register("wanted_ids", wanted)
        found = connection.execute(
            "select lower(event_id), record from read_parquet(?) "
            "semi join wanted_ids on lower(event_id) = wanted",
            [[literal(lake.root / file.path) for file in candidates]],
        )
        while chunk := found.fetchmany(10_000):
            yield from ((event_id, record.encode("utf-8", "surrogatepass")) for event_id, record in chunk)


def _overlapping(state: State, oldest: datetime | None, newest: datetime | None) -> list[DataFile]:
    """Return the files that may hold a copy of an event of ``oldest..newest``, or of one without a time."""
    timeless = [file for file in state.files if file.oldest_event_at is None]
    if oldest is None or newest is None:
        return timeless
    return timeless + [file for file in state.between(oldest, None) if file.starts_by(newest)]


def _ledger_rows(batch: Batch, mask: pa.BooleanArray, conflicts: Iterable[Conflict]) -> list[LedgerRow]:
    notes: dict[int, list[dict[str, object]]] = {}
    starts = _starts(batch)
    for conflict in conflicts:
        log = max(index for index, start in enumerate(starts) if start <= conflict.row)
        notes.setdefault(log, []).append(
            {"kind": "event.conflict", "position": conflict.row - starts[log], "message": conflict.event_id}
        )
    rows = []
    for index, (incoming, start) in enumerate(zip(batch.logs, starts, strict=True)):
        added = pc.sum(mask.slice(start, incoming.new_rows)).as_py() or 0
        own = [msgspec.to_builtins(note) for note in incoming.notes] + notes.get(index, [])
        rows.append(
            replace(
                incoming.row,
                added=added,
                duplicates=incoming.row.events - added,
                findings=msgspec.json.encode(own).decode(),
            )
        )
    return rows


def _starts(batch: Batch) -> list[int]:
    starts, position = [], 0
    for incoming in batch.logs:
        starts.append(position)
        position += incoming.new_rows
    return starts


def _write_ledger(lake: Lake, name: str, rows: list[LedgerRow]) -> LedgerSegment:
    path = Path("ledger") / f"{name}.parquet"
    (lake.path / path).parent.mkdir(parents=True, exist_ok=True)
    objects = write_segment(lake.path / path, rows)
    confirm(lake.path / path)
    return LedgerSegment(path=str(path), objects=objects)


def _write_events(lake: Lake, table: pa.Table) -> Iterator[DataFile]:
    """Write one Parquet file per event day, sorted by time."""
    table = table.sort_by(_SORT)
    days = pc.floor_temporal(table["event_time"], unit="day").combine_chunks()
    runs = pc.run_end_encode(days)
    start = 0
    for end, day in zip(runs.run_ends.to_pylist(), runs.values.to_pylist(), strict=True):
        yield _write_day(lake, table.slice(start, end - start), day)
        start = end


def _write_day(lake: Lake, table: pa.Table, day: datetime | None) -> DataFile:
    label = f"{day:%Y-%m-%d}" if day else "null"
    path = lake.data / f"event_day={label}" / f"{uuid.uuid4().hex}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    distinct = min(table.num_rows, _ROW_GROUP)
    pq.write_table(
        table,
        path,
        compression="zstd",
        row_group_size=_ROW_GROUP,
        bloom_filter_options={name: {"ndv": distinct} for name in _NEEDLES},
    )
    confirm(path)
    span = pc.min_max(table["event_time"]).as_py()
    return DataFile(
        path=str(path.relative_to(lake.root)),
        rows=table.num_rows,
        size_bytes=path.stat().st_size,
        oldest_event_at=span["min"],
        newest_event_at=span["max"],
    )
