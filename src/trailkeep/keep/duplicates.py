"""Which rows of a batch are new: events are told apart by eventID and, for the same id, by their record.

CloudTrail delivers some events twice, in most cases with the same eventID. A copy is dropped and counted.
The same eventID with another body is never dropped: both stay, and a finding names them. Events without an
eventID (eventVersion 1.0) cannot be told apart and stay. Copies have the same eventTime, so they are found in
the time range of a batch; two bodies whose times lie far apart are a conflict only within one batch.

Source: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["Conflict", "Kept", "keep_new"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict:
    """Row ``row`` of the batch has the eventID of another event whose body is different."""

    row: int
    event_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """``mask`` is true for the rows to keep, in the order of the batch."""

    mask: pa.BooleanArray
    conflicts: tuple[Conflict, ...]


def keep_new(batch: pa.Table, known: Callable[[pa.Array], Iterable[tuple[str, bytes]]]) -> Kept:
    """Decide for every row of ``batch`` whether it is new.

    Args:
        batch: rows with the columns ``event_id`` and ``record``.
        known: given lower-case event ids, yields ``(event_id, record)`` of the events the lake already has.
    """
    ids = pc.utf8_lower(batch["event_id"]).combine_chunks()
    bodies: dict[str, list[bytes]] = {}
    for event_id, record in known(ids):
        bodies.setdefault(event_id, []).append(record)
    counts = pc.value_counts(ids.drop_null())
    repeated = counts.field("values").filter(pc.greater(counts.field("counts"), 1))
    suspects = pa.concat_arrays([repeated, pa.array(list(bodies), ids.type)])
    rows = pc.indices_nonzero(pc.is_in(ids, suspects, skip_nulls=True)).to_pylist()
    dropped, conflicts = _compare(batch, ids, rows, bodies)
    mask = pa.array([True] * batch.num_rows, pa.bool_()) if not dropped else _all_but(batch.num_rows, dropped)
    return Kept(mask=mask, conflicts=tuple(conflicts))


def _compare(
    batch: pa.Table, ids: pa.Array, rows: list[int], known: dict[str, list[bytes]]
) -> tuple[set[int], list[Conflict]]:
    """Compare by bytes first; only what differs in bytes is read as JSON."""
    texts = {event_id: set(bodies) for event_id, bodies in known.items()}
    prints: dict[str, set[bytes]] = {}
    dropped: set[int] = set()
    conflicts: list[Conflict] = []
    records = batch["record"].take(pa.array(rows, pa.int64())).to_pylist()
    for row, record in zip(rows, records, strict=True):
        event_id, text = ids[row].as_py(), record.encode("utf-8", "surrogatepass")
        same_id = texts.setdefault(event_id, set())
        if text in same_id or (same_id and not _is_new(text, same_id, prints, event_id)):
            dropped.add(row)
        elif same_id:
            conflicts.append(Conflict(row=row, event_id=event_id))
        same_id.add(text)
    return dropped, conflicts


def _is_new(text: bytes, same_id: set[bytes], prints: dict[str, set[bytes]], event_id: str) -> bool:
    """Whether no record of the id is the same JSON value; what was read is remembered in ``prints``."""
    if event_id not in prints:
        prints[event_id] = {_print(one) for one in same_id}
    own = _print(text)
    if own in prints[event_id]:
        return False
    prints[event_id].add(own)
    return True


def _print(record: bytes) -> bytes:
    """Return a hash that two records share only when they are the same JSON value.

    Numbers count by their text and repeated keys stay, so in doubt two records differ, and both are kept.
    """
    try:
        value = json.loads(
            record, parse_float=_number, parse_int=_number, parse_constant=_number, object_pairs_hook=_object
        )
        text = repr(value).encode("utf-8", "surrogatepass")
    except (ValueError, RecursionError):
        text = record
    return blake2b(text, digest_size=16).digest()


def _number(text: str) -> tuple[str, str]:
    return ("number", text)


def _object(pairs: list[tuple[str, Any]]) -> tuple[str, list[tuple[str, Any]]]:
    return ("object", sorted(pairs, key=lambda pair: pair[0]))


def _all_but(length: int, rows: set[int]) -> pa.BooleanArray:
    return pa.array([row not in rows for row in range(length)], pa.bool_())
