"""``trailkeep prove``: show that nobody can touch the archive, or the request that gets through."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from trailkeep.cli.output import note, print_json
from trailkeep.core.errors import StoppedError, UsageError

if TYPE_CHECKING:
    from trailkeep.guard.prove_model import Proof

__all__ = ["command"]

_LARGEST_BYTES = 1_048_576


def command(
    config: Path = typer.Option(Path("trailkeep.toml"), "--config", help="Configuration file."),
    estate: Path | None = typer.Option(
        None, "--estate", help="Prove this saved estate; AWS is not asked, and no configuration needed."
    ),
    policies: Path | None = typer.Option(
        None, "--policies", help="Prove the policies in this folder; AWS is not asked."
    ),
    threat: str = typer.Option("", "--threat", help="Only the threat of this id."),
    redundant: bool = typer.Option(
        False, "--redundant", help="Also name the denies that no verdict rests on; takes longer."
    ),
    html: Path | None = typer.Option(None, "--html", help="Also write one HTML page."),
    as_json: bool = typer.Option(False, "--json", help="Print one JSON document."),
) -> None:
    """Prove for every known threat that nobody below the management account can do it, or show who can.

    Exit codes: 0 proved, or left to whom no policy binds, 1 a request or a plan gets through, 3 something was
    not read or not decided.
    """
    from trailkeep.cli.prove_view import body, show, summary

    if estate is not None and policies is not None:
        raise UsageError("prove: expected --estate or --policies, got both; name one of them")
    proof = _prove(config, estate, policies, threat, with_redundant=redundant)
    if html is not None:
        _write(html, proof)
    if as_json:
        print_json("prove", body(proof))
    else:
        show(proof, details=bool(threat))
    note(summary(proof))
    raise typer.Exit(proof.exit_code)


def _prove(
    config: Path, estate: Path | None, policies: Path | None, threat: str, *, with_redundant: bool
) -> Proof:
    from trailkeep.cli.guarding import reach_accounts, read_estate
    from trailkeep.workflows.init import load_config
    from trailkeep.workflows.prove import prove_documents, prove_estate

    if policies is not None:
        return prove_documents(_files(policies), only=threat, with_redundant=with_redundant)
    if estate is not None:
        return prove_estate(read_estate(estate), only=threat, with_redundant=with_redundant)
    from trailkeep.aws.observe import observe

    settings = load_config(config)
    return prove_estate(
        observe(reach_accounts(settings), settings),
        trail=settings.trail.name,
        only=threat,
        with_redundant=with_redundant,
    )


def _files(folder: Path) -> dict[str, bytes | str]:
    """Return what is in the JSON files of a folder; as text why one cannot be read."""
    try:
        names = sorted(file.name for file in folder.iterdir() if file.suffix == ".json")
    except OSError as error:
        raise UsageError(
            f"--policies: expected a folder, got {error.strerror} at {folder}; name another"
        ) from error
    return {name: _read(folder / name) for name in names}


def _read(file: Path) -> bytes | str:
    if not file.is_file():
        return "no regular file"
    try:
        with file.open("rb") as stream:
            content = stream.read(_LARGEST_BYTES + 1)
    except OSError as error:
        return str(error.strerror)
    return content if len(content) <= _LARGEST_BYTES else f"more than {_LARGEST_BYTES:,} bytes"


def _write(path: Path, proof: Proof) -> None:
    from trailkeep.cli.prove_html import page

    try:
        path.write_text(page(proof), encoding="utf-8")
    except OSError as error:
        raise StoppedError(
            f"{path}: expected to write the page, got {error.strerror}; name another"
        ) from error
