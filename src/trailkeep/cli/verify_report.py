"""``trailkeep verify-report``: is an evidence report as it was signed?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from trailkeep.cli.options import JsonOption
from trailkeep.cli.output import note, print_json
from trailkeep.core.errors import UsageError

if TYPE_CHECKING:
    from trailkeep.workflows.verify_report import ReportCheck

__all__ = ["command"]


def command(
    folder: Path | None = typer.Argument(None, metavar="[DIR]", help="The report."),
    key: Path | None = typer.Option(
        None, "--key", help="The public key (PEM) that must have signed; without one the outcome is UNKNOWN."
    ),
    archive: Path | None = typer.Option(
        None, "--archive", help="A copy of the bucket (DIR/KEY) that must hold the report's digests and logs."
    ),
    new_key: Path | None = typer.Option(
        None, "--new-key", help="Write a new private key for signing to this file, the public to FILE.pub."
    ),
    as_json: JsonOption = False,
) -> None:
    """Check signature, files and Merkle root of an evidence report; nothing else is asked.

    Exit codes: 0 as it was signed by your key, 1 changed, 3 not signed or you named no key.
    """
    if (folder is None) == (new_key is None):
        raise UsageError("verify-report: expected the folder of a report or --new-key FILE; name one of them")
    if new_key is not None:
        _make_key(new_key)
        return
    from trailkeep.workflows.verify_report import read_key, verify_report

    found = verify_report(Path(folder or "."), key=read_key(key) if key else None, archive=archive)
    if as_json:
        import msgspec

        print_json("verify-report", msgspec.to_builtins(found))
    _tell(found, has_copy=archive is not None)
    raise typer.Exit(found.outcome.exit_code)


def _make_key(path: Path) -> None:
    from trailkeep.workflows.report_key import make_key

    note(f"{path}: the private key, keep it where nobody who can write the archive reads it")
    note(f"{path}.pub: the public key with SHA-256 {make_key(path)}, give it to whoever checks your reports")


def _tell(found: ReportCheck, *, has_copy: bool) -> None:
    for problem in found.problems:
        note(f"{problem.file}: {problem.message}")
    if found.signed_by:
        note(f"signed by the key with SHA-256 {found.signed_by}")
    note(f"{found.files} files, {found.rows} rows of objects")
    if has_copy:
        note(f"in the copy {found.digests} digests are proven, and {found.logs} logs are as they list them")
    note(f"the report states: {found.stated or 'nothing'}")
    note(f"outcome: {found.outcome}")
