"""``trailkeep backfill``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from trailkeep.cli.options import CONFIG, JsonOption
from trailkeep.cli.output import note, print_json

if TYPE_CHECKING:
    from collections.abc import Callable

    from trailkeep.core.config import Config
    from trailkeep.workflows.backfill import Backfilled, Progress
    from trailkeep.workflows.backfill_survey import Skipped, Survey, Unread

_SHOWN = 50
_EVERY_S = 10.0


def command(
    config: Path = typer.Option(CONFIG, "--config", help="Configuration file."),
    account: list[str] = typer.Option([], "--account", help="Only this account; repeat for more."),
    region: list[str] = typer.Option(
        [], "--region", help="Only this region; repeat for more. Else all that are enabled in each account."
    ),
    to: Path | None = typer.Option(
        None, "--to", help="Folder for the logs; else 'backfill' beside the configuration."
    ),
    dry_run: bool = typer.Option(False, "--dry-run", help="Say what would be asked for; save nothing."),
    as_json: JsonOption = False,
) -> None:
    """Save the 90 days of Event history of every account and region as log files.

    Run it again at any time: only what is missing is asked for, and an interrupted run goes on.
    Exit codes: 0 all saved, 3 something could not be read, 4 stopped.
    """
    from trailkeep.cli.guarding import reach_accounts
    from trailkeep.workflows.backfill_folder import BackfillFolder
    from trailkeep.workflows.backfill_survey import survey
    from trailkeep.workflows.init import load_config

    _check_regions(region)
    settings = load_config(config)
    folder = BackfillFolder(path=to if to is not None else config.parent / "backfill")
    accounts = reach_accounts(settings)
    found = survey(
        accounts,
        organization_id=settings.organization_id,
        alone="" if settings.organization else settings.archive.account,
        only_accounts=account,
        only_regions=region,
    )
    if dry_run:
        raise typer.Exit(_preview(found, folder, as_json=as_json))
    result = _run(settings, accounts, found, folder)
    if as_json:
        print_json("backfill", _body(result, folder, found))
    else:
        _say(result, folder)
    raise typer.Exit(result.verdict.exit_code)


def _check_regions(regions: list[str]) -> None:
    import re

    from trailkeep.core.errors import UsageError

    for region in regions:
        if not re.fullmatch(r"[a-z]{2,4}(-[a-z]+)+-[0-9]{1,2}", region):
            raise UsageError(f"--region: expected a region such as eu-central-1, got {region!r}; correct it")


def _run(settings: Config, accounts: Any, found: Survey, folder: Any) -> Backfilled:
    import time
    from threading import Event

    from trailkeep.aws.history import Reader
    from trailkeep.core.errors import StoppedError
    from trailkeep.workflows.backfill import backfill

    stop = Event()

    def pause(seconds: float) -> None:
        if stop.wait(seconds):
            raise StoppedError("backfill: stopped; run the same command again to go on")

    return backfill(
        found,
        folder,
        organization_id=settings.organization_id,
        reader=lambda called: Reader(accounts, clock=time.monotonic, sleep=pause, called=called),
        now=int(time.time()),
        stop=stop,
        progress=_reporter(time.monotonic),
    )


def _reporter(clock: Callable[[], float]) -> Callable[[Progress], None]:
    """Return what says, every ten seconds, how far a run is and how long it will take."""
    began_at = said_at = clock()

    def say(at: Progress) -> None:
        nonlocal said_at
        now = clock()
        if now - said_at < _EVERY_S:
            return
        said_at = now
        left = f"about {_duration((now - began_at) * (1 - at.share) / at.share)} left" if at.share else ""
        note(
            f"{at.done:,} of {at.total:,} histories, {at.share:.0%} of the time, {at.events:,} events, "
            f"{at.calls:,} calls; {left or 'beginning'}"
        )

    return say


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    if minutes < 1:
        return f"{seconds:.0f} s"
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"


def _preview(found: Survey, folder: Any, *, as_json: bool) -> int:
    import sys
    import time

    from trailkeep.workflows.backfill import Backfilled, estimate

    least = estimate(found.places, folder, now=int(time.time()))
    result = Backfilled(places=len(found.places), skipped=found.skipped, unread=list(found.unread))
    if as_json:
        body = _body(result, folder, found)
        print_json(
            "backfill", {**body, "complete": 0, "least": {"calls": least.calls, "seconds": least.seconds}}
        )
    else:
        sys.stdout.write(
            f"{_histories(found)}: at least {least.calls:,} calls and {_duration(least.seconds)}; "
            "each 50 events beyond that are one more call, 2 a second for each history\n"
        )
        _say_unread(result.unread, result.skipped)
    return int(result.verdict.exit_code)


def _histories(found: Survey) -> str:
    accounts = len({place.account for place in found.places})
    regions = len({place.region for place in found.places})
    return f"{len(found.places):,} histories ({accounts:,} accounts, {regions:,} regions)"


def _body(result: Backfilled, folder: Any, found: Survey) -> dict[str, Any]:
    return {
        "verdict": {"kind": result.verdict.kind, "reason": result.verdict.reason},
        "folder": str(folder.path),
        "histories": result.places,
        "complete": result.complete,
        "accounts": len({place.account for place in found.places}),
        "regions": len({place.region for place in found.places}),
        "calls": result.calls,
        "events": {"saved": result.events, "known": result.known},
        "files": result.files,
        "days": result.days,
        "unread": [
            {"account": one.account, "region": one.region, "call": one.call, "error": one.error}
            for one in result.unread
        ],
        "skipped": [{"account": one.account, "state": one.state} for one in result.skipped],
        "least": None,
    }


def _say(result: Backfilled, folder: Any) -> None:
    import sys

    _say_unread(result.unread, result.skipped)
    sys.stdout.write(
        f"{result.complete:,} of {result.places:,} histories read with {result.calls:,} calls\n"
        f"{result.events:,} events saved in {result.files:,} files of {result.days:,} days, "
        f"{result.known:,} were there already\n"
    )
    if result.files:
        note(f"take them into the lake: trailkeep collect {folder.path / 'lookup-events'}")
    if str(result.verdict) != "PASS":
        note(f"outcome: {result.verdict}")


def _say_unread(unread: list[Unread], skipped: tuple[Skipped, ...]) -> None:
    for one in unread[:_SHOWN]:
        where = " ".join(part for part in (one.account, one.region) if part) or "organization"
        note(f"not read: {where}: {one.call}: {one.error}")
    if (rest := len(unread) - _SHOWN) > 0:
        note(f"... and {rest} more; --json prints them all")
    for account in skipped:
        note(f"skipped: {account.account}: it is {account.state}, so nobody can read its history")
