"""``trailkeep keys``: CloudTrail's public keys, kept in a file for the day when AWS no longer lists them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Optional

import typer

from trailkeep.cli.options import CONFIG, JsonOption
from trailkeep.cli.output import note, print_json
from trailkeep.core.errors import UsageError
from trailkeep.core.verdict import ExitCode

if TYPE_CHECKING:
    from trailkeep.aws.session import Accounts

__all__ = ["command"]


def command(
    action: str = typer.Argument(..., help="export adds what AWS lists to the file; check reads the file."),
    file: Path = typer.Argument(..., help="The file of keys; keep it with the archive."),
    region: list[str] = typer.Option([], help="Only this Region; may be repeated. Else all enabled ones."),
    since: Optional[str] = typer.Option(  # noqa: UP045 - typer reads it
        None, help="Keys that were valid from then on; else all that AWS still lists."
    ),
    as_json: JsonOption = False,
) -> None:
    """Keep the public keys that digests are signed with: nobody promises that AWS lists them in ten years.

    What is in the file stays; a key that contradicts it is refused. Exit codes: 0 done, 3 a Region did not
    answer, or the file is not what it says.
    """
    if action == "export":
        body, refused = _export(file, tuple(region), since)
    elif action == "check":
        body, refused = _check(file), False
    else:
        raise UsageError(f"keys: expected export or check, got {action}; name one of them")
    if as_json:
        print_json("keys", body)
    else:
        note(f"{file}: {body['keys']} keys of {len(body['regions'])} Regions, {body['added']} added")
    raise typer.Exit(ExitCode.UNKNOWN if refused else ExitCode.OK)


def _export(file: Path, regions: tuple[str, ...], since: str | None) -> tuple[dict[str, Any], bool]:
    from trailkeep.core.times import parse_moment
    from trailkeep.workflows.signing_keys import BEGINNING, enabled_regions, export_keys

    now = datetime.now(UTC)
    accounts = _accounts()
    done = export_keys(
        file,
        accounts,
        regions or enabled_regions(accounts),
        since=parse_moment(since, now=now) if since else BEGINNING,
        now=now,
    )
    for name, why in done.refused:
        note(f"{name}: expected its public keys, got {why}; allow cloudtrail:ListPublicKeys and run it again")
    refused = [{"region": name, "error": why} for name, why in done.refused]
    body = {"keys": done.keys, "added": done.added, "regions": list(done.regions), "refused": refused}
    return body, bool(done.refused)


def _check(file: Path) -> dict[str, Any]:
    from trailkeep.workflows.signing_keys import read_bundle, regions_of

    entries = read_bundle(file)
    return {"keys": len(entries), "added": 0, "regions": list(regions_of(entries)), "refused": []}


def _accounts() -> Accounts:
    from trailkeep.aws.session import Accounts, default_region
    from trailkeep.workflows.init import load_config

    if CONFIG.is_file():
        config = load_config(CONFIG)
        return Accounts(region=config.trail_region, role="")
    return Accounts(region=default_region() or "us-east-1", role="")
