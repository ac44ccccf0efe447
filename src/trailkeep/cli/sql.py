"""``trailkeep sql``."""

from __future__ import annotations

import itertools
from typing import Any

import typer

from trailkeep.cli.options import JsonOption, LakeOption, lake_path
from trailkeep.cli.output import note, print_json
from trailkeep.cli.rows import Format, json_rows, write_csv, write_jsonl, write_table
from trailkeep.core.verdict import ExitCode, VerdictKind


def command(
    query: str = typer.Argument(
        help="One SELECT over the tables events, objects, digests and findings, in DuckDB's SQL."
    ),
    limit: int = typer.Option(10_000, min=0, help="Rows at the most; 0 for all."),
    timeout: float = typer.Option(0.0, min=0, help="Seconds the query may take; 0 for no limit."),
    output: Format = typer.Option(Format.TABLE, "--format", help="How rows are printed."),
    lake: LakeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Answer one SELECT over the lake; read-only."""
    from trailkeep.cli.search import describe, footer
    from trailkeep.lake.table import Lake
    from trailkeep.workflows.search import run_sql

    with run_sql(Lake(path=lake_path(lake)), query, timeout_s=timeout or None) as answer:
        head = next(answer.batches)
        columns = unique_names(head.schema.names)
        batches = (batch.rename_columns(columns) for batch in answer.batches)
        rows = list(itertools.islice(json_rows(batches), limit + 1)) if limit else list(json_rows(batches))
        more, rows = bool(limit) and len(rows) > limit, rows[:limit] if limit else rows
        verdict = answer.verdict
        if as_json or output is Format.JSON:
            said = describe(answer, verdict)
            print_json("sql", {"columns": columns, "rows": rows, "more": more, **said})
        else:
            _print(columns, rows, output)
            note(f"{len(rows)} rows" + (f"; there are more, raise --limit (now {limit})" if more else ""))
            for line in footer(answer, verdict):
                note(line)
        if verdict.kind is VerdictKind.FAIL:
            raise typer.Exit(ExitCode.FOUND)


def _print(columns: list[str], rows: list[dict[str, Any]], output: Format) -> None:
    match output:
        case Format.JSONL:
            write_jsonl(rows)
        case Format.CSV:
            write_csv(columns, rows)
        case _:
            write_table(columns, rows)


def unique_names(names: list[str]) -> list[str]:
    """Return column names that differ, so that a row can be a JSON object.

    >>> unique_names(["a", "a", "b"])
    ['a', 'a_2', 'b']
    """
    result: list[str] = []
    for name in names:
        candidates = (name if number == 1 else f"{name}_{number}" for number in itertools.count(1))
        result.append(next(one for one in candidates if one not in result))
    return result
