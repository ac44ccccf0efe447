"""``trailkeep export``: what the blueprint says, for other tools."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from trailkeep.cli.output import note, print_json
from trailkeep.core.errors import StoppedError, UsageError

if TYPE_CHECKING:
    from trailkeep.workflows.export import Exported

__all__ = ["command"]

_LATER = ("terraform", "cloudformation", "cli")


def command(
    target: str = typer.Argument(help="What to export: policies."),
    folder: Path | None = typer.Argument(None, metavar="DIR", help="Folder to write into; else stdout."),
    config: Path = typer.Option(Path("trailkeep.toml"), "--config", help="Configuration file."),
    minified: bool = typer.Option(False, "--minified", help="Without white space; it counts against quotas."),
    as_json: bool = typer.Option(False, "--json", help="Print one JSON document."),
) -> None:
    """Print the policy documents of the blueprint, or write them into a folder, one file each.

    Sizes against AWS's quotas go to stderr. Nothing is asked of AWS.
    """
    from trailkeep.workflows.export import export_policies
    from trailkeep.workflows.init import load_config

    _check(target)
    documents = export_policies(load_config(config), minified=minified)
    if folder is not None:
        _write(folder, documents)
    if as_json:
        print_json("export", {"documents": [_row(document, folder) for document in documents]})
    elif folder is None:
        for document in documents:
            typer.echo(document.text)
    for document in documents:
        note(f"{document.name}: {document.kind}, {document.size} of {document.quota} bytes")


def _check(target: str) -> None:
    if target in _LATER:
        raise UsageError(f"export: expected policies, got {target}, which is not there yet; use policies")
    if target != "policies":
        raise UsageError(f"export: expected policies, got {target!r}; see 'trailkeep export --help'")


def _row(document: Exported, folder: Path | None) -> dict[str, object]:
    import msgspec

    return {
        "name": document.name,
        "kind": document.kind.value,
        "path": None if folder is None else str(folder / document.name),
        "size": document.size,
        "quota": document.quota,
        "document": msgspec.Raw(document.text.encode()),
    }


def _write(folder: Path, documents: Sequence[Exported]) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for document in documents:
            (folder / document.name).write_text(document.text + "\n", encoding="utf-8")
    except OSError as error:
        raise StoppedError(
            f"{folder}: expected to write the documents, got {error.strerror}; name another folder"
        ) from error
