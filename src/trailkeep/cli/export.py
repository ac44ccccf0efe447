"""``trailkeep export``: what the blueprint says, for other tools."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from trailkeep.cli.output import note, print_json
from trailkeep.core.errors import StoppedError, UsageError

if TYPE_CHECKING:
    from trailkeep.core.config import Config
    from trailkeep.workflows.export import Exported, Target

__all__ = ["command"]

_POLICIES = "policies"


def command(
    target: str = typer.Argument(help="What to export: policies, terraform, cloudformation or cli."),
    folder: Path | None = typer.Argument(
        None, metavar="DIR", help="Folder to write into; policies go to stdout without one."
    ),
    config: Path = typer.Option(Path("trailkeep.toml"), "--config", help="Configuration file."),
    minified: bool = typer.Option(
        False, "--minified", help="Policies without white space; it counts against quotas."
    ),
    as_json: bool = typer.Option(False, "--json", help="Print one JSON document."),
) -> None:
    """Print the policy documents of the blueprint, or write the whole setup for another tool.

    What a tool cannot express is written into STEPS.md beside its files, each with its AWS CLI command.
    Sizes of policies against AWS's quotas go to stderr. Nothing is asked of AWS.
    """
    from trailkeep.workflows.export import Target
    from trailkeep.workflows.init import load_config

    targets = [one.value for one in Target]
    if target == _POLICIES:
        _policies(load_config(config), folder, minified=minified, as_json=as_json)
    elif target not in targets:
        raise UsageError(
            f"export: expected {_POLICIES}, {', '.join(targets)}, got {target!r}; "
            "see 'trailkeep export --help'"
        )
    elif folder is None:
        raise UsageError(f"export: expected a folder to write into, got none; add one: export {target} DIR")
    else:
        _setup(load_config(config), Target(target), folder, as_json=as_json)


def _policies(config: Config, folder: Path | None, *, minified: bool, as_json: bool) -> None:
    from trailkeep.workflows.export import export_policies

    documents = export_policies(config, minified=minified)
    if folder is not None:
        _write(folder, {document.name: document.text + "\n" for document in documents})
    if as_json:
        print_json("export", {"documents": [_row(document, folder) for document in documents]})
    elif folder is None:
        for document in documents:
            typer.echo(document.text)
    for document in documents:
        note(f"{document.name}: {document.kind}, {document.size} of {document.quota} bytes")


def _setup(config: Config, target: Target, folder: Path, *, as_json: bool) -> None:
    import msgspec

    from trailkeep.cli.export_view import steps_page
    from trailkeep.workflows.export import export_setup

    made = export_setup(config, target)
    texts = {file.name: file.text for file in made.files}
    if made.steps:
        texts["STEPS.md"] = steps_page(target, made.steps)
    _write(folder, texts)
    if as_json:
        files = [str(folder / name) for name in texts]
        print_json(
            "export", {"target": target.value, "files": files, "steps": msgspec.to_builtins(made.steps)}
        )
    for name in texts:
        note(f"{folder / name} written")
    for step in made.steps:
        note(f"{target} cannot express {step.action}; see STEPS.md")


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


def _write(folder: Path, texts: Mapping[str, str]) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            (folder / name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise StoppedError(
            f"{folder}: expected to write the documents, got {error.strerror}; name another folder"
        ) from error
