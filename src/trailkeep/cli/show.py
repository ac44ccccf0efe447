"""``trailkeep show``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import msgspec
import typer

from trailkeep.cli.options import JsonOption, LakeOption, lake_path
from trailkeep.cli.output import note, plain, pretty, print_json
from trailkeep.core.verdict import ExitCode, VerdictKind, worst

if TYPE_CHECKING:
    from trailkeep.workflows.search import Original


def command(
    event_id: str = typer.Argument(help="The event's id."),
    lake: LakeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the original event and where it came from."""
    from trailkeep.lake.table import Lake
    from trailkeep.workflows.search import show

    originals = show(Lake(path=lake_path(lake)), event_id)
    verdict = worst(one.verdict for one in originals)
    if as_json:
        first, *others = [
            {
                "event": msgspec.Raw(one.record.encode()),
                "source": {
                    "object": one.object,
                    "version": one.version,
                    "sha256": one.sha256,
                    "position": one.position,
                    "verdict": one.standing,
                },
            }
            for one in originals
        ]
        said = {"kind": verdict.kind, "reason": verdict.reason}
        print_json("show", {**first, "others": others, "verdict": said})
    else:
        _print(originals)
        note(f"integrity: {verdict}")
    if verdict.kind is VerdictKind.FAIL:
        raise typer.Exit(ExitCode.FOUND)


def _print(originals: list[Original]) -> None:
    for one in originals:
        sys.stdout.write(plain(pretty(one.record)) + "\n")
        note(f"from {one.object} (version {one.version}), record {one.position}")
        note(f"the inflated log has SHA-256 {one.sha256}")
    if len(originals) > 1:
        note(f"{len(originals)} records with different bodies have this eventID")
