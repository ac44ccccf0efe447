"""The columns of table ``events``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pyarrow as pa
import pytest

from trailkeep.keep.event import Event
from trailkeep.keep.records import Source, parse_log, table_of
from trailkeep.keep.schema import COLUMNS, DERIVED, EVENTS, PROVENANCE, Column


def _paths(kind: type[msgspec.Struct], around: str = "") -> Iterator[str]:
    for info in msgspec.structs.fields(kind):
        path = f"{around}{info.encode_name}"
        if isinstance(info.type, type) and issubclass(info.type, msgspec.Struct):
            yield from _paths(info.type, f"{path}.")
        else:
            yield path


def test_names() -> None:
    """Every column has a name of its own and stands in the schema in the same order."""
    assert EVENTS.names == [column.name for column in COLUMNS]
    assert len(set(EVENTS.names)) == len(COLUMNS)


def test_every_field_has_a_column() -> None:
    """Every documented field is the source of exactly one column, and no column has another source."""
    sources = [column.source for column in COLUMNS if column.source not in {DERIVED, PROVENANCE}]
    assert sorted(sources) == sorted(_paths(Event))


@pytest.mark.parametrize("column", COLUMNS, ids=[column.name for column in COLUMNS])
def test_meaning(column: Column) -> None:
    """Every column is explained in one sentence."""
    assert column.meaning.endswith(".")
    assert column.meaning[0].isupper()
    assert ". " not in column.meaning


def test_no_events() -> None:
    """A log without events, and no log at all, are tables with all columns and no rows."""
    source = Source(object="x", version="", account_id="", region="", delivered_at=None)
    tables: list[Any] = [parse_log(b'{"Records":[]}', source).table, table_of([])]
    for table in tables:
        assert isinstance(table, pa.Table)
        assert table.schema.equals(EVENTS)
        assert table.num_rows == 0
