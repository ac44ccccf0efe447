"""``trailkeep init``: write a commented ``trailkeep.toml``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from trailkeep.cli.output import note, print_json
from trailkeep.core.errors import StoppedError, UsageError

if TYPE_CHECKING:
    from trailkeep.core.fields import Field, Value
    from trailkeep.workflows.init import Discoveries

__all__ = ["command"]


def command(
    path: Path = typer.Option(Path("trailkeep.toml"), "--path", help="File to write."),
    mode: str = typer.Option(
        "",
        "--mode",
        help="organization, or account for one account that keeps its own history (organization).",
    ),
    organization_id: str = typer.Option("", "--organization-id", help="Organization id (o-...)."),
    management_account: str = typer.Option("", "--management-account", help="Management account, 12 digits."),
    archive_account: str = typer.Option(
        "",
        "--archive-account",
        help="Log archive account, 12 digits; without it one is created by 'apply'. "
        "With --mode account the account whose history is kept.",
    ),
    archive_name: str = typer.Option("", "--archive-name", help="Name of the account to create."),
    archive_email: str = typer.Option("", "--archive-email", help="E-mail address of the account to create."),
    region: str = typer.Option("", "--region", help="Region of the bucket."),
    bucket: str = typer.Option("", "--bucket", help="Bucket name; the default has both ids in it."),
    retention_days: int | None = typer.Option(
        None, "--retention-days", help="Days that a log cannot be deleted (400)."
    ),
    yes: bool = typer.Option(False, "--yes", help="Ask nothing: take what is given, found or the default."),
    force: bool = typer.Option(False, "--force", help="Overwrite an existing file."),
    as_json: bool = typer.Option(False, "--json", help="Print one JSON document."),
) -> None:
    """Write a commented trailkeep.toml from options, the credentials at hand, or your answers."""
    import sys
    from dataclasses import asdict

    from trailkeep.core.config import render
    from trailkeep.workflows.init import draft

    if path.exists() and not force:
        raise UsageError(f"{path}: expected no such file, got one; choose another --path or add --force")
    texts = {
        "mode": mode,
        "organization.id": organization_id,
        "organization.management_account": management_account,
        "archive.account": archive_account,
        "archive.account_name": archive_name,
        "archive.account_email": archive_email,
        "archive.region": region,
        "archive.bucket": bucket,
    }
    given: dict[str, Value] = {key: value for key, value in texts.items() if value}
    if retention_days is not None:
        given["retention.days"] = retention_days
    asks = sys.stdin.isatty() and not yes and not as_json
    config = draft(
        given,
        discover=_discover,
        discover_account=_discover_account,
        ask=_ask if asks else None,
    )
    _write(path, render(config), overwrite=force)
    if as_json:
        said = {"mode": "organization" if config.organization else "account", **asdict(config)}
        print_json("init", {"path": str(path), "config": said})
    note(f"wrote {path}; read it, then run 'trailkeep plan'")


def _discover() -> Discoveries:
    """Return what the credentials at hand tell; that they tell nothing is no error here."""
    from trailkeep.aws.discover import Surroundings, discover
    from trailkeep.aws.session import Accounts, default_region
    from trailkeep.workflows.init import Discoveries

    region = default_region()
    try:
        found = discover(Accounts(region=region or "us-east-1", role=""))
    except StoppedError as error:
        note(f"nothing discovered: {error}")
        return Discoveries(region=region)
    if not isinstance(found, Surroundings):
        note(f"nothing discovered: {found.call}: {found.error}")
        return Discoveries(region=region)
    note(f"found organization {found.organization_id} of account {found.management_account}")
    return Discoveries(
        organization_id=found.organization_id,
        management_account=found.management_account,
        archive_account=found.archive_account,
        region=region,
    )


def _discover_account() -> Discoveries:
    """Return the account of the credentials at hand; no organization is asked."""
    from trailkeep.aws.session import Accounts, default_region
    from trailkeep.workflows.init import Discoveries

    region = default_region()
    try:
        account = Accounts(region=region or "us-east-1", role="").identity().account
    except StoppedError as error:
        note(f"nothing discovered: {error}")
        return Discoveries(region=region)
    note(f"found account {account}")
    return Discoveries(archive_account=account, region=region)


def _ask(field: Field, suggestion: str) -> str:
    note(f"{field.comment} ({field.expected})")
    answer: str = typer.prompt(field.key, default=suggestion, show_default=suggestion != "", err=True)
    return answer


def _write(path: Path, text: str, *, overwrite: bool) -> None:
    """Write the file, never over one that appeared meanwhile."""
    try:
        with path.open("w" if overwrite else "x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise StoppedError(
            f"{path}: expected to write the file, got {error.strerror}; choose another --path"
        ) from error
