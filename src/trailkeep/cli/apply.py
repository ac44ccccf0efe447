"""``trailkeep apply``: show the plan, ask, and perform it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from trailkeep.cli.options import AllowOption, PriceOption
from trailkeep.cli.output import note, print_json
from trailkeep.core.errors import UsageError
from trailkeep.core.prices import STANDARD_USD

if TYPE_CHECKING:
    from trailkeep.core.config import Config
    from trailkeep.guard.changes import Action
    from trailkeep.guard.decisions import Allowance
    from trailkeep.guard.irreversible import Sheet
    from trailkeep.guard.plan import Plan
    from trailkeep.workflows.apply import Applied

__all__ = ["command"]

_EMPTY: dict[str, Any] = {"performed": [], "arrival": None, "probes": [], "not_probed": [], "sheet": None}
_JOURNAL = Path(".trailkeep") / "journal.jsonl"


def command(
    config: Path = typer.Option(Path("trailkeep.toml"), "--config", help="Configuration file."),
    yes: bool = typer.Option(False, "--yes", help="Do not ask."),
    dry_run: bool = typer.Option(False, "--dry-run", help="Print the AWS CLI commands instead."),
    fingerprint: str = typer.Option(
        "", "--fingerprint", help="Perform only the plan with this fingerprint (8 or more hex digits)."
    ),
    allow: AllowOption = [],  # noqa: B006 - typer copies it
    arm: bool = typer.Option(
        False, "--arm", help="Also lock new logs and attach the guards, once a member account's log is there."
    ),
    wait: int = typer.Option(
        0, "--wait", min=0, max=1440, help="Minutes to wait for a member account's first log."
    ),
    gb_month_price: PriceOption = STANDARD_USD,
    as_json: bool = typer.Option(False, "--json", help="Print one JSON document; needs --yes or --dry-run."),
) -> None:
    """Perform the plan after showing it; a second apply does nothing.

    Without --arm it builds what receives logs and says whether a member account's log has arrived. With --arm
    it also locks and guards, after printing what cannot be undone, and ends with probes that must be refused.
    What was done is in .trailkeep/journal.jsonl beside the configuration. Exit codes: 0 everything asked for
    is in force, 1 changes or concerns are left or a probe was not refused, 3 something could not be read,
    4 an action failed or no log has arrived yet (apply again goes on).
    """
    import sys

    from trailkeep.cli.guarding import read_allowances
    from trailkeep.workflows.init import load_config

    if fingerprint and not re.fullmatch(r"[0-9a-f]{8,64}", fingerprint):
        raise UsageError(
            f"--fingerprint: expected 8 to 64 hex digits, got {fingerprint!r}; see 'trailkeep plan'"
        )
    asks = sys.stdin.isatty() and not as_json
    if not (yes or dry_run or asks):
        raise UsageError(
            "apply: expected a terminal to ask on, got none; add --yes, best with the --fingerprint of a plan"
        )
    allowed = read_allowances(allow)
    settings = load_config(config)
    if dry_run:
        _dry_run(settings, allowed, fingerprint, arm=arm, as_json=as_json)
        return
    applied = _apply(
        settings,
        _Terminal(ask=not yes, as_json=as_json),
        config.parent / _JOURNAL,
        allow=allowed,
        fingerprint=fingerprint,
        arm=arm,
        wait=wait,
        price=gb_month_price,
    )
    if as_json:
        print_json("apply", _body(applied))
    _say(applied)
    raise typer.Exit(applied.exit_code)


class _Terminal:
    """Shows and asks on the terminal; with ``as_json`` stdout stays free for the document."""

    def __init__(self, *, ask: bool, as_json: bool) -> None:
        self._ask = ask
        self._as_json = as_json

    def agree(self, proposed: Plan, sheet: Sheet | None) -> bool:
        from trailkeep.cli.plan_view import lines, summary
        from trailkeep.guard.irreversible import sheet_lines

        for line in (*lines(proposed), *(sheet_lines(sheet) if sheet else ())):
            typer.echo(line, err=self._as_json)
        note(summary(proposed))
        if proposed.unknown or not proposed.actions:
            return False
        return not self._ask or typer.confirm("perform this plan?", default=False, err=True)

    def doing(self, action: Action) -> None:
        note(f"{action.id}  {action.target}")


def _apply(
    settings: Config,
    terminal: _Terminal,
    journal: Path,
    *,
    allow: frozenset[Allowance],
    fingerprint: str,
    arm: bool,
    wait: int,
    price: float,
) -> Applied:
    import time
    from datetime import UTC, datetime

    from trailkeep.aws.act import Actor
    from trailkeep.aws.journal import Journal
    from trailkeep.aws.observe import observe
    from trailkeep.aws.patience import Patience
    from trailkeep.aws.verify import AwsVerifier
    from trailkeep.cli.guarding import reach_accounts
    from trailkeep.workflows.apply import apply

    def now() -> datetime:
        return datetime.now(UTC)

    accounts = reach_accounts(settings)
    patience = Patience(clock=time.monotonic, sleep=time.sleep, note=note)
    return apply(
        settings,
        observe=lambda: observe(accounts, settings),
        performer=Actor(accounts, patience),
        journal=Journal(journal, now=now),
        report=terminal,
        verifier=AwsVerifier(
            accounts=accounts, patience=patience, now=now, wait_minutes=wait, gb_month_usd=price
        ),
        allow=allow,
        fingerprint=fingerprint,
        arm=arm,
    )


def _dry_run(
    settings: Config, allowed: frozenset[Allowance], fingerprint: str, *, arm: bool, as_json: bool
) -> None:
    from trailkeep.aws.describe import Printer
    from trailkeep.aws.observe import observe
    from trailkeep.cli.guarding import reach_accounts
    from trailkeep.cli.plan_view import body, summary
    from trailkeep.workflows.apply import check_unmoved
    from trailkeep.workflows.plan import plan

    proposed = plan(settings, observe(reach_accounts(settings), settings), allow=allowed, arm=arm)
    check_unmoved(fingerprint, proposed.fingerprint)
    printer = Printer()
    commands = [printer.perform(action) for action in proposed.actions]
    if as_json:
        print_json("apply", {"dry_run": True, "commands": commands, **_EMPTY, "left": body(proposed)})
    else:
        for action, line in zip(proposed.actions, commands, strict=True):
            typer.echo(f"# {action.id} in {action.account}: {action.reason}\n{line}")
    note(f"dry run: {summary(proposed)}")
    raise typer.Exit(proposed.exit_code)


def _body(applied: Applied) -> dict[str, Any]:
    import msgspec

    from trailkeep.cli.plan_view import body

    return {
        "dry_run": False,
        "commands": [],
        "performed": msgspec.to_builtins(applied.performed),
        "arrival": msgspec.to_builtins(applied.arrival),
        "probes": msgspec.to_builtins(applied.probes),
        "not_probed": list(applied.not_probed),
        "sheet": msgspec.to_builtins(applied.sheet),
        "left": body(applied.left),
    }


def _say(applied: Applied) -> None:
    from trailkeep.aws.probes import probe_line
    from trailkeep.cli.plan_view import lines, summary
    from trailkeep.guard.arrival import describe

    if applied.performed:
        note(f"performed {len(applied.performed)} actions; now: {summary(applied.left)}")
        for line in lines(applied.left):
            note(line)
    for probe in applied.probes:
        note(probe_line(probe))
    for reason in applied.not_probed:
        note(f"not probed: {reason}")
    if applied.arrival is not None:
        note(describe(applied.arrival))
        if applied.arrival.lets_arm:
            note("arm the archive with 'trailkeep apply --arm'; it says first what cannot be undone")
