"""The embedded engine is read-only by construction."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from logs import archive, record, rows, take_in
from trailkeep.core.errors import LakeError, UncheckedError, UsageError
from trailkeep.engines.duckdb import DuckDb
from trailkeep.lake.table import Lake


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake with three events."""
    folder = tmp_path_factory.mktemp("engine")
    take_in(folder / "lake", archive(folder / "logs", [[record(1), record(2), record(3)]]))
    return folder / "lake"


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("select count(*) n from events", [{"n": 3}]),
        ("with x as (select event_id from events) select count(*) n from x", [{"n": 3}]),
        ("from events select count(*) as n", [{"n": 3}]),
        ("values (1)", [{"col0": 1}]),
        ("select count(*) n from events where event_time >= timestamptz '2026-01-02 03:14:00Z'", [{"n": 2}]),
    ],
)
def test_a_select_is_answered(lake: Path, sql: str, expected: list[dict[str, Any]]) -> None:
    """Any one SELECT over the table events works."""
    assert rows(lake, sql) == expected


@pytest.mark.parametrize(
    "sql",
    [
        "",
        "select 1; select 2",
        "drop view events",
        "create table t as select 1",
        "copy (select 1) to 'x.csv'",
        "insert into events values (1)",
        "delete from events",
        "delete from objects",
        "insert into findings select * from findings",
        "drop view digests",
        "attach 'x.db'",
        "install httpfs",
        "load httpfs",
        "set memory_limit = '1GB'",
        "pragma database_list",
        "call pragma_version()",
        "export database 'x'",
        "selec 1",
    ],
)
def test_anything_but_one_select_is_refused(lake: Path, sql: str) -> None:
    """The lake is read-only and one question is one statement."""
    with pytest.raises(UsageError, match="sql: "):
        rows(lake, sql)


@pytest.mark.parametrize(
    "sql",
    [
        "select * from read_text('/etc/hostname')",
        "select * from read_blob('/etc/hostname')",
        "select * from read_csv('/etc/hostname')",
        "select * from read_parquet('/etc/*')",
        "select * from '/etc/hostname'",
        "select * from glob('/etc/*')",
        "select * from 'https://example.com/x.parquet'",
        "select getenv('HOME')",
        "select * from lake",
        "select * from coverage",
    ],
)
def test_no_query_reaches_files_network_or_environment(lake: Path, sql: str) -> None:
    """Only the files of the lake can be read, whatever the SQL says, and no variable of the process."""
    with pytest.raises(UsageError, match="sql: "):
        rows(lake, sql)


def test_a_query_over_time_is_stopped(lake: Path) -> None:
    """A limit of time ends as unknown, never as an empty answer."""
    endless = "select count(*) from range(100000000000) a, range(1000000) b where a.range + b.range = 7"
    files = [lake / file.path for file in Lake(path=lake).current().files]
    with DuckDb(files) as engine, pytest.raises(UncheckedError, match="expected an answer within"):
        list(engine.query(endless, timeout_s=0.2))


def test_an_empty_lake_has_the_columns_of_a_full_one(lake: Path) -> None:
    """Without any file the view is there and empty."""
    sql = "select * from events limit 0"
    with DuckDb([]) as empty, DuckDb([lake / file.path for file in Lake(path=lake).current().files]) as full:
        names = [next(engine.query(sql)).schema.names for engine in (empty, full)]
    assert names[0] == names[1]


def test_a_damaged_file_is_an_error(tmp_path: Path) -> None:
    """A Parquet file that cannot be read stops the question."""
    (tmp_path / "x.parquet").write_bytes(b"PAR1 not really PAR1")
    with pytest.raises(LakeError, match="expected readable Parquet files"):
        DuckDb([tmp_path / "x.parquet"])
