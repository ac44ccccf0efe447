"""The columns of what verification found out, and how its values become rows of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
import pyarrow as pa

from trailkeep.core.layout import DigestKey, parse_key
from trailkeep.keep.integrity import FINDING_COLUMNS

__all__ = [
    "COVERAGE",
    "DIGEST_COLUMNS",
    "FINDINGS",
    "HOURS",
    "OBJECTS",
    "coverage_of",
    "findings_of",
    "objects_of",
]

HOURS = ("proven", "proven_empty", "explained", "uncovered", "altered", "unreadable", "pending")
DIGEST_COLUMNS = (
    "object",
    "version",
    "account",
    "region",
    "trail_name",
    "home_region",
    "ends_at",
    "standing",
    "stored_sha256",
    "content_sha256",
    "size_bytes",
    "checked_at",
    "run",
)
_TIME = pa.timestamp("us", "UTC")
_TEXTS = ("object", "version", "kind", "account", "region", "standing")
_HASHES = ("stored_sha256", "content_sha256", "listed_in")
OBJECTS = pa.schema(
    [
        *(pa.field(name, pa.string(), nullable=False) for name in (*_TEXTS, *_HASHES)),
        pa.field("size_bytes", pa.int64()),
        pa.field("ends_at", _TIME),
        pa.field("checked_at", _TIME, nullable=False),
        pa.field("delivered_at", _TIME),
        pa.field("trail_name", pa.string(), nullable=False),
        pa.field("home_region", pa.string(), nullable=False),
        pa.field("run", pa.int64(), nullable=False),
    ]
)
FINDINGS = pa.schema(
    [
        *(pa.field(name, pa.string(), nullable=False) for name in FINDING_COLUMNS),
        pa.field("found_at", _TIME, nullable=False),
        pa.field("run", pa.int64(), nullable=False),
    ]
)
COVERAGE = pa.schema(
    [
        pa.field("account", pa.string(), nullable=False),
        pa.field("region", pa.string(), nullable=False),
        pa.field("day", pa.date32(), nullable=False),
        *(pa.field(name, pa.int64(), nullable=False) for name in HOURS),
        pa.field("run", pa.int64(), nullable=False),
    ]
)
_STAMP = re.compile(r"_(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)Z_[A-Za-z0-9]{16}\.json", re.ASCII)


def objects_of(batch: Sequence[msgspec.Struct], run: int) -> pa.Table:
    """Return the rows of some ``keep.verification.ObjectVerdict``."""
    rows: Sequence[Any] = batch
    columns: dict[str, list[Any]] = {
        **{name: [str(getattr(row, name) or "") for row in rows] for name in (*_TEXTS, *_HASHES)},
        **{name: [getattr(row, name) for row in rows] for name in ("size_bytes", "ends_at", "checked_at")},
        "run": [run] * len(rows),
    }
    keys = [_digest_key(row.object) if row.kind == "digest" else None for row in rows]
    columns["trail_name"] = [key.trail_name if key else "" for key in keys]
    columns["home_region"] = [key.home_region if key else "" for key in keys]
    columns["delivered_at"] = [
        key.ends_at if key else _delivered_at(row.object) or row.ends_at
        for key, row in zip(keys, rows, strict=True)
    ]
    return pa.table(columns, schema=OBJECTS)


def findings_of(findings: Iterable[msgspec.Struct], run: int, at: datetime) -> pa.Table:
    """Return the rows of some ``keep.integrity.Finding``."""
    rows = [{name: str(getattr(one, name) or "") for name in FINDING_COLUMNS} for one in findings]
    return pa.Table.from_pylist([row | {"found_at": at, "run": run} for row in rows], schema=FINDINGS)


def coverage_of(cells: Iterable[msgspec.Struct], run: int) -> pa.Table:
    """Return the rows of some ``keep.verification.DayCell``.

    Raises:
        ValueError: a cell has hours of a state that no column is for; to drop them would hide them.
    """
    rows = [_cell(msgspec.structs.asdict(one), run) for one in cells]
    return pa.Table.from_pylist(rows, schema=COVERAGE)


def _cell(one: Mapping[str, Any], run: int) -> dict[str, Any]:
    hours = {str(state).replace("-", "_"): count for state, count in one["hours"].items()}
    if strange := sorted(set(hours) - set(HOURS)):
        raise ValueError(f"hours: expected some of {', '.join(HOURS)}; got {', '.join(strange)}")
    place = {name: one[name] for name in ("account", "region", "day")}
    return {**place, **{state: hours.get(state, 0) for state in HOURS}, "run": run}


def _delivered_at(name: str) -> datetime | None:
    """Read the minute of delivery in the name of a log; millions are read, so no key is parsed whole."""
    match = _STAMP.search(name)
    if match is None:
        return None
    try:
        year, month, day, hour, minute = map(int, match.groups())
        return datetime(year, month, day, hour, minute, tzinfo=UTC)
    except ValueError:
        return None


def _digest_key(name: str) -> DigestKey | None:
    key = name.removeprefix("s3://").partition("/")[2] if name.startswith("s3://") else name.lstrip("/")
    parsed = parse_key(key)
    return parsed if isinstance(parsed, DigestKey) else None
