"""Builds Arrow columns from the rows of one log or of many at once.

Most logs hold a handful of events, and much of a column's cost is per table, not per event: one table of many
logs is far cheaper than many tables.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from hashlib import blake2b
from itertools import accumulate, chain, repeat
from operator import attrgetter
from typing import Any

import msgspec
import pyarrow as pa
from msgspec import Raw

from trailkeep.keep.event import Event, Resource, flag
from trailkeep.keep.identity import user_name
from trailkeep.keep.rows import Rows, Source
from trailkeep.keep.schema import COLUMNS, DERIVED, EVENTS, PROVENANCE, Column

__all__ = ["table_of"]

_HASH_BYTES = 16


def table_of(logs: Sequence[Rows]) -> pa.Table:
    """Return one table (schema ``EVENTS``) with a row per event, log after log, in file order."""
    batch = _Batch(logs)
    return pa.Table.from_arrays([_array(batch, column) for column in COLUMNS], schema=EVENTS)


class _Batch:
    """The events of some logs, and the parts of them that were asked for already."""

    __slots__ = ("events", "logs", "parts", "size")

    def __init__(self, logs: Sequence[Rows]) -> None:
        self.logs = logs
        self.events: list[Event] = list(chain.from_iterable(log.events for log in logs))
        self.size = len(self.events)
        self.parts: dict[tuple[str, ...], list[Any] | None] = {(): list(self.events)}

    def part(self, attributes: tuple[str, ...]) -> list[Any] | None:
        """Return each event's object at ``attributes``, or an empty one; None when no event has it."""
        if attributes not in self.parts:
            around = self.part(attributes[:-1])
            self.parts[attributes] = None if around is None else _filled(around, attributes)
        return self.parts[attributes]

    def values(self, path: str) -> list[Any] | None:
        """Return each event's field at ``path``, None if missing; None when no event has its object."""
        *around, attribute = _attributes(path)
        part = self.part(tuple(around))
        return None if part is None else list(map(attrgetter(attribute), part))

    def per_log(self, value_of: Callable[[Rows], Any]) -> list[Any]:
        """Return a value of each log, once for each of its events."""
        return list(chain.from_iterable(repeat(value_of(log), len(log.events)) for log in self.logs))

    def joined(self, values_of: Callable[[Rows], Iterable[Any]]) -> list[Any]:
        """Return the values that each log has for its events, one log after the other."""
        return list(chain.from_iterable(map(values_of, self.logs)))

    def readings(self, value_of: Callable[[Any], Any]) -> list[Any]:
        """Return a value of each careful reading, None for events read at once."""
        found: list[Any] = [None] * self.size
        start = 0
        for log in self.logs:
            for position, reading in log.readings.items():
                found[start + position] = value_of(reading)
            start += len(log.events)
        return found


def _filled(around: list[Any], attributes: tuple[str, ...]) -> list[Any] | None:
    values = list(map(attrgetter(attributes[-1]), around))
    if values.count(None) == len(values):
        return None
    empty = _empty(attributes)
    return [empty if value is None else value for value in values]


@cache
def _attributes(path: str) -> tuple[str, ...]:
    kind: Any = Event
    found = []
    for key in path.split("."):
        info = next(info for info in msgspec.structs.fields(kind) if info.encode_name == key)
        found.append(info.name)
        kind = info.type
    return tuple(found)


@cache
def _empty(attributes: tuple[str, ...]) -> Any:
    kind: Any = Event
    for name in attributes:
        kind = next(info.type for info in msgspec.structs.fields(kind) if info.name == name)
    return kind()


def _array(batch: _Batch, column: Column) -> pa.Array:
    if column.source in (DERIVED, PROVENANCE):
        return _COMPUTED[column.name](batch, column.type)
    if pa.types.is_timestamp(column.type):
        return pa.array(_TIMES[column.name](batch), column.type)
    values = batch.values(column.source)
    if values is None:
        return pa.nulls(batch.size, column.type)
    if pa.types.is_large_string(column.type):
        return _texts(values)
    if pa.types.is_boolean(column.type):
        return pa.array(list(map(flag, values)), column.type)
    return _resources(values) if pa.types.is_list(column.type) else pa.array(values, column.type)


def _texts(values: Sequence[Raw | None]) -> pa.Array:
    """Return text that is known to be UTF-8 as an array, copied once."""
    present = [value for value in values if value is not None]
    if not present:
        return pa.nulls(len(values), pa.large_string())
    lengths = (0 if value is None else len(value) for value in values)
    offsets = array("q", accumulate(lengths, initial=0))
    return pa.LargeStringArray.from_buffers(
        len(values), pa.py_buffer(offsets), pa.py_buffer(b"".join(present)), _validity(values, present)
    )


def _validity(values: Sequence[Any], present: Sequence[Any]) -> pa.Buffer | None:
    if len(present) == len(values):
        return None
    return pa.array([value is not None for value in values], pa.bool_()).buffers()[1]


def _resources(values: Sequence[list[Resource | None] | None]) -> pa.Array:
    kind = EVENTS.field("resources").type
    items = [item for value in values if value is not None for item in value]
    fields = [
        pa.array([None if item is None else getattr(item, field.name) for item in items], field.type)
        for field in kind.value_type
    ]
    nothing = pa.array([item is None for item in items], pa.bool_())
    structs = pa.StructArray.from_arrays(fields, fields=list(kind.value_type), mask=nothing)
    offsets = accumulate((0 if value is None else len(value) for value in values), initial=0)
    missing = pa.array([value is None for value in values], pa.bool_())
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), structs, type=kind, mask=missing)


def _hashes(batch: _Batch, kind: pa.DataType) -> pa.Array:
    records: list[Any] = batch.joined(lambda log: log.records)
    digests = b"".join([blake2b(record, digest_size=_HASH_BYTES).digest() for record in records])
    return pa.FixedSizeBinaryArray.from_buffers(kind, batch.size, [None, pa.py_buffer(digests)])


def _provenance(value_of: Callable[[Source], Any]) -> Callable[[_Batch, pa.DataType], pa.Array]:
    return lambda batch, kind: pa.array(batch.per_log(lambda log: value_of(log.source)), kind)


_TIMES: dict[str, Callable[[_Batch], list[Any]]] = {
    "event_time": lambda batch: batch.joined(lambda log: log.event_times),
    "session_creation_date": lambda batch: batch.joined(lambda log: log.session_times),
}
_COMPUTED: dict[str, Callable[[_Batch, pa.DataType], pa.Array]] = {
    "user_name": lambda batch, kind: pa.array(
        [user_name(event.user_identity) for event in batch.events], kind
    ),
    "unknown_fields": lambda batch, kind: pa.array(
        batch.readings(lambda reading: reading.unknown_fields), kind
    ),
    "null_fields": lambda batch, kind: pa.array(
        batch.readings(lambda reading: reading.null_fields or None), kind
    ),
    "record": lambda batch, _: _texts(batch.joined(lambda log: log.records)),
    "record_hash": _hashes,
    "source_object": _provenance(lambda source: source.object),
    "source_version": _provenance(lambda source: source.version),
    "source_account_id": _provenance(lambda source: source.account_id),
    "source_region": _provenance(lambda source: source.region),
    "source_delivered_at": _provenance(lambda source: source.delivered_at),
    "source_sha256": lambda batch, kind: pa.array(batch.per_log(lambda log: log.sha256), kind),
    "source_position": lambda batch, kind: pa.array(batch.joined(lambda log: range(len(log.events))), kind),
}
