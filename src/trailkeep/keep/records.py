"""The bytes of a log become rows: every documented field typed, every record kept as it is written.

1. The bytes are hashed, and these very bytes are parsed.
2. ``keep.split`` cuts them into records; a log that cannot be cut is a ``LogFileError``, never half a log.
3. Each record is decoded into typed fields; one with anything odd in it is read carefully instead, and every
   oddity becomes a note. No record is dropped, whatever it holds.
4. ``keep.columns`` builds the table.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import sha256

import msgspec
import pyarrow as pa

from trailkeep.keep.careful import Reading, read_carefully
from trailkeep.keep.columns import table_of
from trailkeep.keep.event import Event, decode, moment
from trailkeep.keep.inflate import LogFault, LogFileError
from trailkeep.keep.rows import Rows, Source
from trailkeep.keep.split import Split, split

__all__ = [
    "LogFileError",
    "Note",
    "NoteKind",
    "ParsedLog",
    "Rows",
    "Source",
    "original",
    "parse_log",
    "read_log",
    "table_of",
]


LIMIT_RECORDS = 500_000


class NoteKind(StrEnum):
    """What can be odd about a log that loses nothing by it; the values are stable."""

    EXTRA_FIELD = "log.extra_field"
    REPEATED_RECORDS = "log.repeated_records"
    NOT_OBJECT = "record.not_object"
    NO_EVENT_ID = "record.no_event_id"
    NO_EVENT_TIME = "record.no_event_time"
    BAD_EVENT_TIME = "record.bad_event_time"
    ODD_TYPE = "record.odd_type"
    ODD_TEXT = "record.odd_text"


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """Something odd; ``position`` is the record's place in the log from 0, or -1 for the log as a whole."""

    kind: str
    position: int
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedLog:
    """A log as a table (schema ``EVENTS``), one row per record in file order.

    ``sha256`` is the hex digest of the inflated bytes, ``events`` the number of rows, ``notes`` are in order.
    """

    table: pa.Table
    sha256: str
    events: int
    notes: tuple[Note, ...]


def parse_log(body: bytes, source: Source) -> ParsedLog:
    """Return the events of one inflated log as a table.

    Raises:
        LogFileError: the bytes are not JSON (``log.not_json``) or hold no list (``log.no_records``).
    """
    rows, notes = read_log(body, source)
    return ParsedLog(table=table_of([rows]), sha256=rows.sha256, events=len(rows.events), notes=notes)


def read_log(body: bytes, source: Source) -> tuple[Rows, tuple[Note, ...]]:
    """Return the events of one inflated log before they become columns; ``table_of`` takes many logs at once.

    The rows hold views into ``body``, so they keep it in memory.

    Raises:
        LogFileError: as for ``parse_log``, or there are more than LIMIT_RECORDS records.
    """
    parts = split(body)
    if len(parts.records) > LIMIT_RECORDS:
        raise LogFileError(
            LogFault.TOO_LARGE,
            f"expected at most {LIMIT_RECORDS:,} records, got {len(parts.records):,}",
        )
    events: list[Event] = []
    readings: dict[int, Reading] = {}
    for position, record in enumerate(parts.records):
        try:
            event = decode(record)
        except (msgspec.DecodeError, RecursionError):
            readings[position] = read_carefully(bytes(record).decode())
            event = readings[position].event
        events.append(event)
    rows = Rows(
        source=source,
        sha256=sha256(body).hexdigest(),
        events=tuple(events),
        records=parts.records,
        readings=readings,
        event_times=tuple(_moment(event.event_time) for event in events),
        session_times=tuple(_moment(_session_start(event)) for event in events),
    )
    return rows, (*_log_notes(parts), *_record_notes(rows))


def original(table: pa.Table) -> Iterator[bytes]:
    """Yield every event of a table exactly as it stood in its log."""
    for chunk in table.column("record").chunks:
        for text in chunk:
            yield text.as_buffer().to_pybytes()


def _moment(text: str | None) -> datetime | None:
    return moment(text) if text is not None else None


def _session_start(event: Event) -> str | None:
    identity = event.user_identity
    if identity is None or identity.session_context is None or identity.session_context.attributes is None:
        return None
    return identity.session_context.attributes.creation_date


def _log_notes(parts: Split) -> Iterator[Note]:
    if parts.lists > 1:
        yield Note(
            kind=NoteKind.REPEATED_RECORDS,
            position=-1,
            message=f"log: expected one list Records, got {parts.lists}; all are read, suspect the object",
        )
    for key in parts.extra_keys:
        yield Note(
            kind=NoteKind.EXTRA_FIELD,
            position=-1,
            message=f"log: expected only Records, got {key!a} too; no column holds it, read it in the object",
        )


def _record_notes(rows: Rows) -> Iterator[Note]:
    for position, event in enumerate(rows.events):
        reading = rows.readings.get(position)
        for kind, what in _oddities(rows, position, event, reading):
            yield Note(kind=kind, position=position, message=f"record {position}: {what}")


def _oddities(
    rows: Rows, position: int, event: Event, reading: Reading | None
) -> Iterator[tuple[NoteKind, str]]:
    odd = reading.oddities if reading is not None else ()
    if odd and not odd[0].path:
        yield NoteKind.NOT_OBJECT, f"expected an object, got {odd[0].got}; it is kept as text only"
        return
    if not event.event_id:
        yield NoteKind.NO_EVENT_ID, "expected an eventID, got none; copies of it cannot be told apart"
    yield from _time_oddities(rows, position, event, odd_time=any(item.path == "eventTime" for item in odd))
    for item in odd:
        if item.path != "eventTime":
            yield (
                NoteKind.ODD_TYPE,
                f"{item.path}: expected {item.expected}, got {item.got}; read it in the record",
            )
    for path in reading.replaced if reading is not None else ():
        yield NoteKind.ODD_TEXT, f"{path}: expected Unicode, got a lone surrogate; read it in the record"


def _time_oddities(
    rows: Rows, position: int, event: Event, *, odd_time: bool
) -> Iterator[tuple[NoteKind, str]]:
    if event.event_time is None and not odd_time:
        yield NoteKind.NO_EVENT_TIME, "expected an eventTime, got none; no time range finds it"
    elif rows.event_times[position] is None:
        yield (
            NoteKind.BAD_EVENT_TIME,
            "eventTime: expected an ISO 8601 time, got another text; no time range finds it",
        )
    if rows.session_times[position] is None and (start := _session_start(event)) is not None:
        where = "userIdentity.sessionContext.attributes.creationDate"
        yield (
            NoteKind.ODD_TYPE,
            f"{where}: expected an ISO 8601 time, got {start[:40]!a}; read it in the record",
        )
