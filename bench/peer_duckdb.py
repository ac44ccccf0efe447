"""DuckDB alone, as somebody would use it without us: ``read_json`` over the gzip files.

Run as a process of its own, each way prints one JSON document with how many it ``found``:

    peer_duckdb.py load GLOB OUT.parquet   write the columns that our table has for a record's fields, and the
                                           record itself, as zstd Parquet
    peer_duckdb.py find GLOB KIND VALUE    scan the files for one answer; each question names only the fields
                                           that it needs, which is DuckDB's quickest form

Rows may come in any order: on many small files DuckDB's default, to keep the order of the files, costs it
a dozen times the time and twenty times the memory.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import duckdb
import pyarrow as pa

from trailkeep.keep.schema import COLUMNS, DERIVED, PROVENANCE, Column

_FIELDS = [column for column in COLUMNS if column.source not in {DERIVED, PROVENANCE}]
_ISSUER = "userIdentity STRUCT(sessionContext STRUCT(sessionIssuer STRUCT(arn VARCHAR)))"
_CONDITIONS = {
    "event_id": ("STRUCT(eventID VARCHAR)", "record.eventID = $value"),
    "event_name": ("STRUCT(eventName VARCHAR)", "record.eventName = $value"),
    "access_key": (
        "STRUCT(userIdentity STRUCT(accessKeyId VARCHAR))",
        "record.userIdentity.accessKeyId = $value",
    ),
    "role": (f"STRUCT({_ISSUER})", "record.userIdentity.sessionContext.sessionIssuer.arn = $value"),
    "text": ("JSON", "contains(record::VARCHAR, $value)"),
}


def _records(kind: str) -> str:
    reader = f"read_json($glob, columns={{Records: '{kind}[]'}}, filename=true)"
    return f"(SELECT unnest(Records) AS record, filename FROM {reader})"  # noqa: S608 - no value in it


def _type(column: Column) -> str:
    if pa.types.is_timestamp(column.type):
        return "TIMESTAMPTZ"
    if pa.types.is_boolean(column.type):
        return "BOOLEAN"
    return "VARCHAR" if pa.types.is_string(column.type) else "JSON"


def _shape() -> dict[str, Any]:
    """Return the nested form of a record that holds every field of ours."""
    shape: dict[str, Any] = {}
    for column in _FIELDS:
        *around, name = column.source.split(".")
        place = shape
        for part in around:
            place = place.setdefault(part, {})
        place[name] = _type(column)
    return shape


def load(glob: str, out: str) -> dict[str, int]:
    """Write the Parquet file and return how many events and columns it has."""
    columns = ", ".join(f"event.{column.source} AS {column.name}" for column in _FIELDS)
    typed = (
        f"SELECT from_json(record, '{json.dumps(_shape())}') AS event, record, filename "  # noqa: S608 - no value in it
        f"FROM {_records('JSON')}"
    )
    statement = (
        f"COPY (SELECT {columns}, record::VARCHAR AS record, filename FROM ({typed})) "  # noqa: S608 - no value in it
        "TO $out (FORMAT parquet, COMPRESSION zstd)"
    )
    return {"found": _run(statement, {"glob": glob, "out": out}), "columns": len(_FIELDS) + 2}


def find(glob: str, kind: str, value: str) -> dict[str, int]:
    """Return how many events answer a question."""
    if kind == "names":
        shape, answer, parameters = "STRUCT(eventName VARCHAR)", "count(DISTINCT record.eventName)", {}
        condition = "true"
    else:
        (shape, condition), answer, parameters = _CONDITIONS[kind], "count(*)", {"value": value}
    statement = f"SELECT {answer} FROM {_records(shape)} WHERE {condition}"  # noqa: S608 - no value in it
    return {"found": _run(statement, {"glob": glob, **parameters})}


def _run(statement: str, parameters: dict[str, str]) -> int:
    with duckdb.connect(config={"preserve_insertion_order": False}) as connection:
        rows = connection.execute(statement, parameters).fetchall()
    return int(rows[0][0])


if __name__ == "__main__":
    job, *rest = sys.argv[1:]
    print(json.dumps(load(*rest) if job == "load" else find(*rest)))
