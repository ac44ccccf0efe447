"""Options that several verbs share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from trailkeep.core.errors import UsageError

__all__ = ["CONFIG", "AllowOption", "JsonOption", "LakeOption", "PriceOption", "lake_path"]

CONFIG = Path("trailkeep.toml")

JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")]
AllowOption = Annotated[
    list[str],
    typer.Option(
        "--allow",
        help="Allow lift-guards, weaken-guards, shorten-retention, replace-policy, redirect-trail, "
        "drop-events, drop-key, merge-guards or cut-trail.",
    ),
]
PriceOption = Annotated[
    float,
    typer.Option(
        "--gb-month-price",
        min=0,
        help="US dollars for a GB and month of storage, for the sheet of --arm.",
    ),
]
LakeOption = Annotated[
    Optional[Path],  # noqa: UP045 - typer reads it
    typer.Option("--lake", help="Folder of the lake; else what trailkeep.toml says, else ./lake."),
]


def lake_path(option: Path | None) -> Path:
    """Return the folder of the lake: the option, the configuration beside us, or ``lake``."""
    if option is not None:
        if not str(option).isprintable():
            raise UsageError(
                f"--lake: expected a path in printable characters, got {option!s:.200}; name another"
            )
        return option
    if not CONFIG.is_file():
        return Path("lake")
    from trailkeep.workflows.init import load_config

    return CONFIG.parent / load_config(CONFIG).lake.path
