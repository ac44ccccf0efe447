"""The ledger: which source objects are in the lake, at which version, with which hash and counts.

An object that failed is not in the ledger: it is tried again, and named again, on every run.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

__all__ = ["LEDGER", "LedgerRow", "read_segments", "write_segment"]

LEDGER = pa.schema(
    [
        pa.field("object", pa.string(), nullable=False),
        pa.field("version", pa.string(), nullable=False),
        pa.field("size_bytes", pa.int64(), nullable=False),
        pa.field("sha256", pa.string(), nullable=False),
        pa.field("account_id", pa.string(), nullable=False),
        pa.field("region", pa.string(), nullable=False),
        pa.field("family", pa.string(), nullable=False),
        pa.field("delivered_at", pa.timestamp("us", "UTC")),
        pa.field("events", pa.int64(), nullable=False),
        pa.field("added", pa.int64(), nullable=False),
        pa.field("duplicates", pa.int64(), nullable=False),
        pa.field("findings", pa.string(), nullable=False),
    ]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerRow:
    """One collected object: ``sha256`` is of the inflated bytes, ``findings`` a JSON list."""

    object: str
    version: str
    size_bytes: int
    sha256: str
    account_id: str
    region: str
    family: str
    delivered_at: datetime | None
    events: int
    added: int
    duplicates: int
    findings: str


def write_segment(path: Path, rows: Iterable[LedgerRow]) -> int:
    """Write ledger rows to a new Parquet file and return how many there were."""
    columns = {name: [getattr(row, name) for row in rows] for name in LEDGER.names}
    table = pa.table(columns, schema=LEDGER)
    pq.write_table(table, path, compression="zstd")
    return int(table.num_rows)


def read_segments(paths: Iterable[Path], columns: Iterable[str] | None = None) -> pa.Table:
    """Return the rows of ledger segments, in the order they were committed."""
    wanted = list(columns) if columns is not None else list(LEDGER.names)
    tables = [pq.read_table(path, columns=wanted) for path in paths]
    empty = pa.schema([LEDGER.field(name) for name in wanted]).empty_table()
    return pa.concat_tables([empty, *tables])
