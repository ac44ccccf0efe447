"""``trailkeep demo``."""

from __future__ import annotations

import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Optional

import typer

from trailkeep.cli.output import note
from trailkeep.core.errors import UsageError


def command(
    keep: Optional[Path] = typer.Option(  # noqa: UP045 - typer reads it
        None, "--keep", help="Folder to work in and to leave behind, with the lake, for your own questions."
    ),
    days: int = typer.Option(200, min=30, max=3650, help="Days that the organization lives."),
) -> None:
    """Watch the main job on an embedded AWS organization; ends by itself and touches no real AWS."""
    try:
        from trailkeep.workflows.demo import run_demo
    except ModuleNotFoundError as error:
        raise UsageError(
            f"demo: expected the embedded AWS, got {error}; install it with pip install 'trailkeep[sandbox]'"
        ) from error
    with tempfile.TemporaryDirectory(prefix="trailkeep-demo-") as scratch:
        folder = keep if keep is not None else Path(scratch)
        verdict = run_demo(folder.absolute(), say=_say, now=datetime.now(UTC), days=days)
    _say(f"\nThe demo ends: {verdict}.")
    if keep is not None:
        note(f"the lake stays: trailkeep search --lake {keep / 'lake'}")
    raise typer.Exit(verdict.exit_code)


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
