"""Rows on stdout: a table for people, JSON, JSON lines or CSV for programs."""

from __future__ import annotations

import csv
import math
import sys
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, time
from enum import StrEnum
from typing import Any

import msgspec

from trailkeep.cli.output import for_terminal, plain
from trailkeep.core.times import format_moment

__all__ = ["Format", "json_rows", "write_csv", "write_jsonl", "write_table"]

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
_PIPE_WIDTH = 500


class Format(StrEnum):
    """How rows are printed."""

    TABLE = "table"
    JSON = "json"
    JSONL = "jsonl"
    CSV = "csv"


def json_rows(batches: Iterable[Any]) -> Iterator[dict[str, Any]]:
    """Yield rows of record batches as JSON values: times in ISO 8601, bytes in hex, NaN as null."""
    for batch in batches:
        for row in batch.to_pylist():
            yield {name: _value(value) for name, value in row.items()}


def write_jsonl(rows: Iterable[dict[str, Any]]) -> int:
    """Print one JSON object per line and return how many."""
    count = 0
    for row in rows:
        sys.stdout.write(for_terminal(msgspec.json.encode(row).decode()) + "\n")
        count += 1
    return count


def write_csv(columns: Sequence[str], rows: Iterable[dict[str, Any]]) -> int:
    """Print CSV and return how many rows; a text that a spreadsheet would run as a formula gets a ``'``."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(columns)
    count = 0
    for row in rows:
        writer.writerow([_cell(row[name]) for name in columns])
        count += 1
    return count


def write_table(columns: Sequence[str], rows: Iterable[dict[str, Any]]) -> int:
    """Print a table that fits the terminal (in a pipe: full width) and return how many rows."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in columns:
        table.add_column(name, no_wrap=True, overflow="ellipsis")
    count = 0
    for row in rows:
        table.add_row(*(Text(_one_line(row[name])) for name in columns))
        count += 1
    width = None if sys.stdout.isatty() else _PIPE_WIDTH
    Console(file=sys.stdout, highlight=False, markup=False, emoji=False, width=width).print(table)
    return count


def _value(value: Any) -> Any:
    match value:
        case datetime():
            return format_moment(value) if value.tzinfo else value.isoformat()
        case date() | time():
            return value.isoformat()
        case bytes():
            return value.hex()
        case float() if not math.isfinite(value):
            return None
        case dict():
            return {str(name): _value(item) for name, item in value.items()}
        case list() | tuple():
            return [_value(item) for item in value]
        case None | bool() | int() | float() | str():
            return value
        case _:
            return str(value)


def _cell(value: Any) -> Any:
    if isinstance(value, dict | list):
        return msgspec.json.encode(value).decode()
    if isinstance(value, str) and value.startswith(_FORMULA_STARTS):
        return for_terminal("'" + value)
    return for_terminal(value) if isinstance(value, str) else value


def _one_line(value: Any) -> str:
    if value is None:
        return ""
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return plain(text).replace("\n", "\\n").replace("\t", "\\t")
