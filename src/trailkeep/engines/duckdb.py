"""DuckDB as the embedded engine: read-only by construction.

The connection sees the view ``events`` over exactly the Parquet files it was given, and ``objects``,
``digests`` and ``findings`` over what was verified (empty while nothing was). Then access to files, network,
extensions and configuration is switched off and the configuration locked, so no SQL text can reach anything
else, whatever it says.

Source: https://duckdb.org/docs/stable/operations_manual/securing_duckdb/overview
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import duckdb
import pyarrow as pa

from trailkeep.core.errors import LakeError, UncheckedError, UsageError
from trailkeep.core.globs import literal
from trailkeep.keep.schema import EVENTS
from trailkeep.keep.verdict_rows import DIGEST_COLUMNS, FINDINGS, OBJECTS

__all__ = ["DuckDb"]

_ROWS = 10_000


class DuckDb:
    """One query session over a fixed list of Parquet files of events."""

    def __init__(
        self,
        files: Sequence[Path],
        *,
        objects: Path | None = None,
        findings: Path | None = None,
        memory_limit: str | None = None,
    ) -> None:
        """Open a session.

        Args:
            files: Parquet files with the columns of ``keep.schema.EVENTS``; none gives an empty view.
            objects: the Parquet file with the columns of ``keep.verdict_rows.OBJECTS``.
            findings: the Parquet file with the columns of ``keep.verdict_rows.FINDINGS``.
            memory_limit: what DuckDB may use, such as ``2GB``; None leaves DuckDB's default (80 % of RAM).
        """
        self._connection = duckdb.connect(":memory:")
        try:
            self._open(
                {
                    "events": ([str(file) for file in files], EVENTS),
                    "objects": ([str(objects)] if objects else [], OBJECTS),
                    "findings": ([str(findings)] if findings else [], FINDINGS),
                },
                memory_limit,
            )
        except duckdb.Error as error:
            self._connection.close()
            raise LakeError(f"lake: expected readable Parquet files, got {_brief(error)}") from error

    def _open(self, views: dict[str, tuple[list[str], pa.Schema]], memory_limit: str | None) -> None:
        run = self._connection.execute
        run("set TimeZone = 'UTC'")
        run("set python_enable_replacements = false")
        if memory_limit:
            run("set memory_limit = ?", [memory_limit])
        files = [file for named, _ in views.values() for file in named]
        run("set allowed_paths = ?", [[*files, *map(literal, files)]])
        for name, (named, schema) in views.items():
            self._show(name, [literal(file) for file in named], schema)
        run(f"create view digests as select {', '.join(DIGEST_COLUMNS)} from objects where kind = 'digest'")  # noqa: S608 - names of our own
        run("set temp_directory = ''")
        run("set enable_external_access = false")
        run("set lock_configuration = true")

    def _show(self, name: str, patterns: list[str], schema: pa.Schema) -> None:
        if patterns:
            self._connection.read_parquet(patterns, union_by_name=True).create_view(name)
        else:
            self._connection.from_arrow(schema.empty_table()).create(name)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def query(self, sql: str, *, timeout_s: float | None = None) -> Iterator[pa.RecordBatch]:
        """Run one SELECT and yield its rows in batches; the first batch may be empty and carries the schema.

        Raises:
            UsageError: not exactly one SELECT, or one that cannot be understood.
            UncheckedError: the time limit was reached.
        """
        try:
            statements = self._connection.extract_statements(sql)
            if [statement.type for statement in statements] != [duckdb.StatementType.SELECT]:
                raise UsageError(
                    f"sql: expected exactly one SELECT, got {len(statements)} statements "
                    f"({', '.join(statement.type.name for statement in statements) or 'none'}); "
                    "the lake is read-only"
                )
            with self._limited(timeout_s):
                reader = self._connection.sql(sql).to_arrow_reader(_ROWS)
                yield _empty(reader)
                yield from reader
        except duckdb.InterruptException as error:
            raise UncheckedError(
                f"sql: expected an answer within {timeout_s} s, got none; narrow it or raise --timeout"
            ) from error
        except duckdb.Error as error:
            raise UsageError(f"sql: {_brief(error)}") from error

    @contextmanager
    def _limited(self, timeout_s: float | None) -> Iterator[None]:
        if timeout_s is None:
            yield
            return
        timer = threading.Timer(timeout_s, self._connection.interrupt)
        timer.start()
        try:
            yield
        finally:
            timer.cancel()


def _empty(reader: pa.RecordBatchReader) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist([], schema=reader.schema)


def _brief(error: Exception) -> str:
    return str(error).split("\n\n", 1)[0].strip()[:1000]
