"""``trailkeep collect``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Optional

import typer

from trailkeep.cli.options import JsonOption, LakeOption, lake_path
from trailkeep.cli.output import note, print_json

if TYPE_CHECKING:
    from collections.abc import Callable

    from trailkeep.workflows.collect import Collected, Progress

_SHOWN = 50


def command(
    sources: Optional[list[str]] = typer.Argument(  # noqa: UP045 - typer reads it
        None, help="s3://bucket/prefix, a folder in CloudTrail's layout, or log files; else the archive."
    ),
    lake: LakeOption = None,
    commit_every: int = typer.Option(10_000, min=1, help="Objects in a commit at the most."),
    as_json: JsonOption = False,
) -> None:
    """Collect logs into the lake: every event once, nothing lost, what fails is named.

    Run it again at any time: only new objects are read, and an interrupted run goes on.
    """
    from trailkeep.aws.objects import open_source
    from trailkeep.lake.table import Lake
    from trailkeep.workflows.collect import collect

    places = [open_source(source) for source in sources or ()] or [_archive()]
    with _progress() as progress:
        result = collect(places, Lake(path=lake_path(lake)), progress=progress, commit_every=commit_every)
    if as_json:
        print_json("collect", _body(result))
    else:
        _say(result)
    raise typer.Exit(result.verdict.exit_code)


def _archive() -> Any:
    """Return the archive of trailkeep.toml as a source, read as the archive account's access role."""
    from trailkeep.aws.objects import Bucket
    from trailkeep.aws.roles import archive_session
    from trailkeep.cli.options import CONFIG
    from trailkeep.workflows.init import load_config

    config = load_config(CONFIG)
    return Bucket(bucket=config.archive.bucket, prefix="AWSLogs/", session=archive_session(config))


def _body(result: Collected) -> dict[str, Any]:
    return {
        "verdict": {"kind": result.verdict.kind, "reason": result.verdict.reason},
        "objects": {
            "listed": result.listed,
            "new": result.new,
            "collected": result.collected,
            "failed": result.failed,
            "ignored": result.ignored,
        },
        "events": {"read": result.read, "added": result.added, "duplicates": result.duplicates},
        "findings": [
            {
                "kind": finding.kind,
                "object": finding.object,
                "message": finding.message,
                "severity": finding.severity,
            }
            for finding in result.findings
        ],
    }


def _say(result: Collected) -> None:
    for finding in result.findings[:_SHOWN]:
        note(f"{finding.severity}: {finding.kind}: {finding.object}: {finding.message}")
    if (rest := len(result.findings) - _SHOWN) > 0:
        note(f"... and {rest} more; --json prints them all")
    sys.stdout.write(
        f"{result.listed:,} objects listed, {result.new:,} new: {result.collected:,} collected, "
        f"{result.failed:,} failed; {result.ignored:,} ignored\n"
        f"{result.read:,} events read: {result.added:,} added, {result.duplicates:,} duplicates\n"
    )
    if str(result.verdict) != "PASS":
        note(f"outcome: {result.verdict}")


@contextmanager
def _progress() -> Iterator[Callable[[Progress], None]]:
    """Show a bar on a terminal: objects, events, MB/s and the time left."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )
    from rich.progress import Progress as Bar

    bar = Bar(
        TextColumn("collecting"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("objects, {task.fields[events]:,} events, {task.fields[rate]:.1f} MB/s"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )
    with bar:
        task = bar.add_task("collect", total=None, events=0, rate=0.0)

        def advance(at: Progress) -> None:
            elapsed = bar.tasks[0].elapsed or 1.0
            rate = at.bytes_read / 1e6 / elapsed
            bar.update(task, completed=at.done, total=at.total, events=at.events, rate=rate)

        yield advance
