"""``trailkeep search``."""

from __future__ import annotations

import itertools
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from trailkeep.cli.options import JsonOption, LakeOption, lake_path
from trailkeep.cli.output import for_terminal, note, print_json
from trailkeep.cli.rows import Format, json_rows, write_csv, write_jsonl, write_table
from trailkeep.core.errors import UsageError
from trailkeep.core.times import format_moment, parse_moment
from trailkeep.core.verdict import ExitCode, Verdict, VerdictKind

if TYPE_CHECKING:
    from trailkeep.workflows.search import Answer

_TABLE = (
    "event_time",
    "event_name",
    "event_source",
    "user_name",
    "recipient_account_id",
    "aws_region",
    "source_ip_address",
    "error_code",
    "event_id",
)
Many = Optional[list[str]]  # noqa: UP045 - typer reads it


def _filter(text: str) -> Any:
    return typer.Option(help=text, metavar="VALUE", rich_help_panel=None, show_default=False)


def command(
    event_name: Annotated[Many, _filter("API call, such as StopLogging.")] = None,
    event_source: Annotated[Many, _filter("Service: cloudtrail.amazonaws.com, or cloudtrail.")] = None,
    user: Annotated[Many, _filter("User name, role session name or role name.")] = None,
    principal: Annotated[Many, _filter("ARN or principal id of the caller or of its role.")] = None,
    access_key: Annotated[Many, _filter("Access key id the call was made with.")] = None,
    source_ip: Annotated[Many, _filter("Address (or service name) the call came from.")] = None,
    account: Annotated[Many, _filter("Account the event was recorded in.")] = None,
    region: Annotated[Many, _filter("Region, such as eu-central-1.")] = None,
    resource: Annotated[Many, _filter("ARN or name among the resources and parameters.")] = None,
    error: Annotated[Many, _filter("Error code; 'any' or 'none'.")] = None,
    event_id: Annotated[Many, _filter("The event's id.")] = None,
    text: Annotated[Many, _filter("Text anywhere in the original record.")] = None,
    read_only: bool = typer.Option(False, "--read-only", help="Only calls that read."),
    writes: bool = typer.Option(False, "--writes", help="Only calls not known to only read."),
    since: str = typer.Option("", help="From this time on: 2026-01-01, 2026-01-01T12:30Z or 180d (ago)."),
    until: str = typer.Option("", help="Before this time; same forms."),
    limit: int = typer.Option(100, min=0, help="Rows at the most; 0 for all."),
    columns: str = typer.Option("", help="Columns to print, separated by commas."),
    output: Format = typer.Option(Format.TABLE, "--format", help="How rows are printed."),
    raw: bool = typer.Option(False, "--raw", help="With --format jsonl: the original records."),
    lake: LakeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Search the lake, newest events first.

    Options can be repeated (alternatives), combined (all must hold), hold * and ? and be negated with a
    leading ! as in --user '!alice'.
    """
    from trailkeep.ask.filters import Field, Search, parse_filter
    from trailkeep.lake.table import Lake
    from trailkeep.workflows import search as workflow

    if raw and output is not Format.JSONL:
        raise UsageError("--raw: expected --format jsonl beside it; add it")
    if read_only and writes:
        raise UsageError("--read-only: expected without --writes, got both; leave one out")
    asked_for = {
        Field.EVENT_NAME: event_name,
        Field.EVENT_SOURCE: event_source,
        Field.USER: user,
        Field.PRINCIPAL: principal,
        Field.ACCESS_KEY: access_key,
        Field.SOURCE_IP: source_ip,
        Field.ACCOUNT: account,
        Field.REGION: region,
        Field.RESOURCE: resource,
        Field.ERROR: error,
        Field.EVENT_ID: event_id,
        Field.TEXT: text,
    }
    now = datetime.now(UTC)
    asked = Search(
        filters=tuple(
            parse_filter(field, one) for field, values in asked_for.items() for one in values or ()
        ),
        since=parse_moment(since, now=now) if since else None,
        until=parse_moment(until, now=now) if until else None,
        read_only=True if read_only else False if writes else None,
        limit=limit + 1 if limit else None,
    )
    output = Format.JSON if as_json else output
    names = ("record",) if raw else _columns(columns, output, workflow.ROW_COLUMNS)
    if asked.since and asked.until and asked.since >= asked.until:
        raise UsageError(f"--since: expected a time before --until, got {since} and {until}; exchange them")
    with workflow.search(Lake(path=lake_path(lake)), asked, names) as answer:
        verdict = _print(answer, names, output=output, raw=raw, limit=limit)
        if verdict.kind is VerdictKind.FAIL:
            raise typer.Exit(ExitCode.FOUND)
        if not answer.touches_covered:
            note("outcome: UNKNOWN (the lake covers nothing of the time asked for)")
            raise typer.Exit(ExitCode.UNKNOWN)


def _columns(text: str, output: Format, known: tuple[str, ...]) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    if unknown := [name for name in names if name not in known]:
        raise UsageError(f"--columns: expected some of {', '.join(known)}; got {', '.join(unknown)}")
    return names or (_TABLE if output in {Format.TABLE, Format.CSV} else known)


def _print(answer: Answer, names: tuple[str, ...], *, output: Format, raw: bool, limit: int) -> Verdict:
    every = json_rows(answer.batches)
    more = False
    if limit:
        listed = list(itertools.islice(every, limit))
        more, every = next(every, None) is not None, iter(listed)
    errors: Counter[str] = Counter()
    rows = _counted(every, errors)
    match output:
        case Format.JSON:
            found = list(rows)
            verdict = answer.verdict
            said = describe(answer, verdict)
            print_json("search", {"rows": found, "count": len(found), "more": more, **said})
            return verdict
        case Format.JSONL if raw:
            count = sum(_print_original(row["record"]) for row in rows)
        case Format.JSONL:
            count = write_jsonl(rows)
        case Format.CSV:
            count = write_csv(names, rows)
        case Format.TABLE:
            count = write_table(names, rows)
    note(f"{count} events" + (f"; there are more, raise --limit (now {limit})" if more else ""))
    for line in _outcomes(errors, count):
        note(line)
    verdict = answer.verdict
    for line in footer(answer, verdict):
        note(line)
    return verdict


def _counted(rows: Iterable[dict[str, Any]], errors: Counter[str]) -> Iterator[dict[str, Any]]:
    for row in rows:
        errors[row.get("error_code") or ""] += 1
        yield row


def _outcomes(errors: Counter[str], count: int) -> list[str]:
    """Say how many calls succeeded and how the others failed, so that tries and successes stand apart."""
    failed = {error: number for error, number in errors.most_common() if error}
    if not failed:
        return []
    named = ", ".join(f"{number} {error}" for error, number in failed.items())
    return [f"{count - sum(failed.values())} without an error code, {sum(failed.values())} with one: {named}"]


def _print_original(record: str) -> int:
    """Print one record on one line (line breaks in JSON stand only between its tokens)."""
    sys.stdout.write(for_terminal(record.replace("\r", " ").replace("\n", " ")) + "\n")
    return 1


def describe(answer: Answer, verdict: Verdict) -> dict[str, Any]:
    """Return what the JSON document says about an answer beside its rows."""
    return {
        "covered": _span(answer.covered),
        "uncovered": [_span(part) for part in answer.uncovered],
        "verdict": {"kind": verdict.kind, "reason": verdict.reason},
    }


def footer(answer: Answer, verdict: Verdict) -> list[str]:
    """Return the lines below an answer: what it covers, what not, and whether it is proven."""
    lines = ["the lake covers nothing yet"]
    if answer.covered:
        oldest, newest = map(format_moment, answer.covered)
        lines = [f"the lake covers {oldest} to {newest}"]
    for since, until in answer.uncovered:
        lines.append(f"not covered: {format_moment(since)} to {format_moment(until)}")
    return [*lines, f"integrity: {verdict}"]


def _span(span: tuple[datetime, datetime] | None) -> dict[str, str | None]:
    since, until = map(format_moment, span) if span else (None, None)
    return {"from": since, "to": until}
