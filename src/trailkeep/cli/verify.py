"""``trailkeep verify``: is the archive what CloudTrail wrote, and is all of it there?"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Optional

import typer

from trailkeep.cli.options import JsonOption, LakeOption
from trailkeep.cli.output import note, print_json

if TYPE_CHECKING:
    from trailkeep.keep.verification import Verification

__all__ = ["command"]

_SHOWN = 50


def command(
    source: Optional[str] = typer.Argument(  # noqa: UP045 - typer reads it
        None, help="s3://bucket/prefix or a local copy of a bucket; else the archive of trailkeep.toml."
    ),
    trail_arn: str = typer.Option("", "--trail-arn", help="The trail; else the one that delivers there."),
    since: Optional[str] = typer.Option(None, help="Only what was delivered from then on."),  # noqa: UP045
    until: Optional[str] = typer.Option(None, help="Only what was delivered before then."),  # noqa: UP045
    account: list[str] = typer.Option([], help="Only this account; may be repeated."),
    region: list[str] = typer.Option([], help="Only this Region; may be repeated."),
    keys: Path | None = typer.Option(
        None, "--keys", help="Public keys that 'trailkeep keys export' wrote; AWS is not asked for keys then."
    ),
    as_of: Optional[str] = typer.Option(  # noqa: UP045
        None, "--as-of", help="Up to when the archive is complete; for a copy, when it was made."
    ),
    report: Path | None = typer.Option(None, "--report", help="Write the evidence report to this folder."),
    sign_key: Path | None = typer.Option(None, "--sign-key", help="Sign the report with this private key."),
    sign_kms: str = typer.Option("", "--sign-kms", help="Sign the report with this key in KMS (ARN)."),
    locks: str = typer.Option(
        "0", help="Look at the Object Lock of so many objects of each account and Region, or of all."
    ),
    heads: Path | None = typer.Option(
        None,
        "--heads",
        help="Heads that are trusted, and the file that this run adds its own to; else the lake's.",
    ),
    incremental: bool = typer.Option(
        False, "--incremental", help="Read only what came after the heads that an earlier run proved."
    ),
    deep: bool = typer.Option(
        False,
        "--deep",
        help="Read everything from the beginning, as happens without --incremental and --sample.",
    ),
    sample: int | None = typer.Option(
        None, "--sample", min=0, help="Read only so many logs of each chain, chosen by chance; never PASS."
    ),
    lake: LakeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Prove every log from CloudTrail's signed digests, and say what is missing, altered or not proven.

    Works from trailkeep.toml or without. Exit codes: 0 all proven, 1 tampering or loss, 3 not all could be
    proven.
    """
    from trailkeep.workflows.verify_run import Asked, run

    with _progress() as progress:
        found = run(
            Asked(
                source=source,
                trail_arn=trail_arn,
                since=since,
                until=until,
                as_of=as_of,
                accounts=tuple(account),
                regions=tuple(region),
                keys=keys,
                report=report,
                sign_key=sign_key,
                sign_kms=sign_kms,
                locks=locks,
                lake=lake,
                heads=heads,
                incremental=incremental,
                sample=sample,
                deep=deep,
            ),
            clock=lambda: datetime.now(UTC),
            render=_render,
            progress=progress,
        )
    if as_json:
        from trailkeep.keep.statement import document

        print_json("verify", document(found))
    else:
        _say(found)
    raise typer.Exit(found.exit)


def _render(found: Verification) -> str:
    from trailkeep.cli.verify_html import page

    return page(found)


def _say(found: Verification) -> None:
    for finding in found.findings[:_SHOWN]:
        note(f"{finding.severity}: {finding.kind}: {finding.object}: {finding.message}")
        note(f"    {finding.remedy}")
    if (rest := len(found.findings) - _SHOWN) > 0:
        note(f"... and {rest} more; --json prints them all")
    counts = found.summary
    digests, logs, hours = counts["digests"], counts["logs"], counts["hours"]
    sys.stdout.write(
        f"{counts['chains']:,} chains: {digests['verified']:,} of {digests['expected']:,} digests proven, "
        f"{digests['failed']:,} failed\n"
        f"{logs['listed']:,} logs listed: {logs['verified']:,} proven, {logs['failed']:,} failed; "
        f"{logs['unlisted']:,} listed by no digest\n"
        f"{hours['covered']:,} hours covered, {hours['explained']:,} explained, "
        f"{hours['uncovered']:,} not covered\n"
    )
    _say_reused(found)
    note(f"what should be there: {found.scope.expected_from}; keys: {found.scope.mode}")
    note(f"outcome: {found.outcome}")


def _say_reused(found: Verification) -> None:
    parts = found.reused.parts
    if (resumed_from := found.reused.resumed_from) is not None:
        note(
            f"reused, not read again: {found.reused.resumed:,} logs that a run proved which was cut off, the "
            f"first {_age(found.started_at - resumed_from)} ago"
        )
    if not parts:
        return
    oldest, newest = min(one.checked_at for one in parts), max(one.proven_at for one in parts)
    note(
        f"reused, not read again: {sum(one.digests for one in parts):,} digests and "
        f"{sum(one.logs for one in parts):,} logs of {len(parts):,} accounts and Regions, PASS by earlier "
        f"runs, the oldest at {oldest:%FT%TZ}, {_age(found.started_at - oldest)} ago, "
        f"the newest at {newest:%FT%TZ}; leave out --incremental to read them"
    )


def _age(span: timedelta) -> str:
    days, seconds = span.days, span.seconds
    return f"{days} days" if days else f"{seconds // 3600} hours {seconds // 60 % 60} minutes"


@contextmanager
def _progress() -> Iterator[Callable[[int, int], None]]:
    """Show on a terminal how many accounts and Regions are done."""
    if not sys.stderr.isatty():
        yield lambda _done, _all: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("verify"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task("verify", total=None)
        yield lambda done, every: shown.update(task, completed=done, total=every)
