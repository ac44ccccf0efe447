"""``trailkeep audit``: is the archive as it should be?"""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from trailkeep.cli.options import CONFIG, JsonOption
from trailkeep.cli.output import for_terminal, note, pretty, print_json
from trailkeep.core.errors import StoppedError, UsageError

if TYPE_CHECKING:
    from trailkeep.guard.controls import Audit
    from trailkeep.workflows.audit import Asked

__all__ = ["command"]

_ROLE = "OrganizationAccountAccessRole"


class Level(StrEnum):
    """The severities, as an option takes them."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


def command(
    config: Path | None = typer.Option(
        None, "--config", help="Configuration file; without one the organization trail there is is audited."
    ),
    estate: Path | None = typer.Option(None, "--estate", help="Audit this saved estate; AWS is not asked."),
    archive_account: str = typer.Option(
        "", help="The account of the bucket, where there is no configuration."
    ),
    access_role: str = typer.Option(_ROLE, help="The role in it, where there is no configuration."),
    framework: str = typer.Option("", help="Ask only what this framework asks, such as pci, cis or hipaa."),
    min_severity: Level = typer.Option(Level.LOW, help="Ask only controls that are at least this severe."),
    versions: int = typer.Option(
        100_000, min=0, help="How many versions are searched for delete markers; 0: all."
    ),
    html: Path | None = typer.Option(None, "--html", help="Also write a report, with the proofs."),
    as_json: JsonOption = False,
    as_sarif: bool = typer.Option(False, "--sarif", help="Print SARIF 2.1.0."),
    as_ocsf: bool = typer.Option(False, "--ocsf", help="Print OCSF compliance findings, a JSON list."),
    as_csv: bool = typer.Option(False, "--csv", help="Print CSV."),
) -> None:
    """Ask every control about organization, trail, archive, key and guards; change nothing.

    Exit codes: 0 all pass, 1 a control fails, 3 a control could not be answered.
    """
    from datetime import UTC, datetime

    from trailkeep.cli.audit_view import remarks
    from trailkeep.guard.control import Severity
    from trailkeep.guard.control_mappings import find_framework
    from trailkeep.workflows.audit import Asked

    if as_json + as_sarif + as_ocsf + as_csv > 1:
        raise UsageError("audit: expected one of --json, --sarif, --ocsf and --csv, got several; choose one")
    asked = Asked(
        now=datetime.now(UTC),
        framework=find_framework(framework) if framework else None,
        min_severity=Severity(min_severity.value),
        max_versions=versions,
    )
    found = _audited(config, estate, asked, archive_account=archive_account, access_role=access_role)
    if html is not None:
        _write_report(html, found)
    if as_json:
        from trailkeep.cli.audit_view import body

        print_json("audit", body(found))
    elif as_sarif or as_ocsf:
        _print_exchange(found, as_sarif=as_sarif)
    else:
        _print_rows(found, as_csv=as_csv)
    for remark in remarks(found):
        note(remark)
    raise typer.Exit(found.verdict.exit_code)


def _audited(
    config: Path | None, estate: Path | None, asked: Asked, *, archive_account: str, access_role: str
) -> Audit:
    from trailkeep.cli.guarding import reach_accounts, read_estate
    from trailkeep.workflows.audit import audit, audit_saved, audit_unconfigured
    from trailkeep.workflows.init import load_config

    path = config or (CONFIG if CONFIG.is_file() or estate is not None else None)
    if path is not None:
        if archive_account:
            raise UsageError(
                f"--archive-account: expected no configuration, got {path}; "
                "set archive.account in it, or run where there is no trailkeep.toml"
            )
        settings = load_config(path)
        if estate is not None:
            return audit_saved(read_estate(estate), settings, asked)
        return audit(reach_accounts(settings), settings, asked)
    from trailkeep.aws.session import Accounts, default_region

    region = default_region() or "us-east-1"
    return audit_unconfigured(
        Accounts(region=region, role=access_role),
        asked,
        region=region,
        archive_account=archive_account,
        access_role=access_role,
    )


def _print_rows(found: Audit, *, as_csv: bool) -> None:
    from trailkeep.cli.audit_view import COLUMNS, rows, table
    from trailkeep.cli.rows import write_csv, write_table

    if as_csv:
        write_csv(COLUMNS, rows(found))
    else:
        write_table(("verdict", "severity", "control", "answer"), table(found))


def _print_exchange(found: Audit, *, as_sarif: bool) -> None:
    import msgspec

    from trailkeep.cli.audit_exchange import ocsf, sarif

    document = sarif(found) if as_sarif else ocsf(found)
    sys.stdout.write(for_terminal(pretty(msgspec.json.encode(document).decode())) + "\n")


def _write_report(path: Path, found: Audit) -> None:
    from trailkeep.cli.audit_html import report
    from trailkeep.workflows.prove import prove_estate

    try:
        path.write_text(report(found, prove_estate(found.estate, trail=found.trail)), encoding="utf-8")
    except OSError as error:
        raise StoppedError(
            f"{path}: expected to write the report, got {error.strerror}; name another file"
        ) from error
