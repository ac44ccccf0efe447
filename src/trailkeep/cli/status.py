"""``trailkeep status``: is the archive alive?"""

from __future__ import annotations

import sys
from pathlib import Path

import typer

from trailkeep.cli.options import JsonOption, LakeOption, lake_path
from trailkeep.cli.output import for_terminal, note, print_json

__all__ = ["command"]


def command(
    config: Path = typer.Option(Path("trailkeep.toml"), "--config", help="Configuration file."),
    lake: LakeOption = None,
    late_after: int = typer.Option(60, min=1, help="Minutes after which a delivery is late."),
    lake_late_after: int = typer.Option(1440, min=1, help="Minutes by which the lake may be behind."),
    show_all: bool = typer.Option(False, "--all", help="Show every account and region, also what is fine."),
    as_json: JsonOption = False,
) -> None:
    """Show when each account and region last delivered, and what is wrong with the archive.

    Exit codes: 0 alive, 1 something is wrong, 3 something could not be read.
    """
    from datetime import UTC, datetime

    from trailkeep.aws.watching import Watch
    from trailkeep.cli.guarding import reach_accounts
    from trailkeep.cli.status_view import body, lines, remarks
    from trailkeep.guard.status import Limits
    from trailkeep.lake.table import Lake
    from trailkeep.workflows.init import load_config
    from trailkeep.workflows.status import status

    settings = load_config(config)
    folder = lake_path(lake) if lake is not None else config.parent / settings.lake.path
    found = status(
        Watch(reach_accounts(settings), settings),
        Lake(path=folder),
        now=datetime.now(UTC),
        limits=Limits(late_after_min=late_after, lake_late_after_min=lake_late_after),
        of_organization=settings.organization is not None,
    )
    if as_json:
        print_json("status", body(found))
    else:
        for line in lines(found, show_all=show_all):
            sys.stdout.write(for_terminal(line) + "\n")
    for remark in remarks(found):
        note(remark)
    raise typer.Exit(found.verdict.exit_code)
