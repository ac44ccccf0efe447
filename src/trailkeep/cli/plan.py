"""``trailkeep plan``: show what would have to change, and change nothing."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import typer

from trailkeep.cli.options import AllowOption, PriceOption
from trailkeep.cli.output import note, plain, print_json
from trailkeep.core.prices import STANDARD_USD

if TYPE_CHECKING:
    from trailkeep.core.config import Config
    from trailkeep.guard.estate import Estate

__all__ = ["command"]


def command(
    config: Path = typer.Option(Path("trailkeep.toml"), "--config", help="Configuration file."),
    estate: Path | None = typer.Option(
        None, "--estate", help="Decide on this saved estate; AWS is not asked."
    ),
    save_estate: Path | None = typer.Option(None, "--save-estate", help="Save what was observed as JSON."),
    allow: AllowOption = [],  # noqa: B006 - typer copies it
    arm: bool = typer.Option(
        False,
        "--arm",
        help="Also plan what locks new logs and guards the archive, and say what is final then.",
    ),
    gb_month_price: PriceOption = STANDARD_USD,
    retire: bool = typer.Option(
        False, "--retire", help="Say what giving the archive up means instead; stops and deletes nothing."
    ),
    as_json: bool = typer.Option(False, "--json", help="Print one JSON document."),
) -> None:
    """Show what is missing between trailkeep.toml and the organization, with reasons.

    Without --arm, what locks and guards waits, and counts as pending. Where the lake exists,
    each line also says who changed it, when, and with which event. Exit codes: 0 nothing to change,
    1 changes pending or concerns, 3 something could not be read.
    """
    import msgspec

    from trailkeep.cli.authors_view import authors_body, find_authors, told
    from trailkeep.cli.guarding import reach_accounts, read_allowances, read_estate, write_estate
    from trailkeep.cli.plan_view import body, lines, summary
    from trailkeep.guard.irreversible import sheet_lines
    from trailkeep.workflows.init import load_config
    from trailkeep.workflows.plan import plan, sheet_of

    allowed = read_allowances(allow)
    settings = load_config(config)
    if estate is not None:
        observed = read_estate(estate)
    else:
        from trailkeep.aws.observe import observe

        observed = observe(reach_accounts(settings), settings)
    if save_estate is not None:
        write_estate(save_estate, observed)
    now = datetime.now(UTC)
    if retire:
        _retire(settings, observed, now, as_json=as_json)
    proposed = plan(settings, observed, allow=allowed, arm=arm)
    sheet = sheet_of(settings, observed, proposed, now=now, price=gb_month_price) if arm else None
    found = find_authors(proposed, settings, observed, config.parent / settings.lake.path)
    if as_json:
        print_json("plan", {**body(proposed), "sheet": msgspec.to_builtins(sheet), **authors_body(found)})
    else:
        shown = lines(proposed, author=lambda action, seen: told(found, action, seen))
        for line in (*shown, *(sheet_lines(sheet) if sheet else ())):
            typer.echo(line)
    note(summary(proposed))
    raise typer.Exit(proposed.exit_code)


def _retire(settings: Config, observed: Estate, now: datetime, *, as_json: bool) -> NoReturn:
    import msgspec

    from trailkeep.core.verdict import ExitCode
    from trailkeep.guard.blueprint import blueprint_for
    from trailkeep.guard.retire import retirement, retirement_lines

    found = retirement(blueprint_for(settings, observed), observed, now=now)
    if as_json:
        print_json("retire", msgspec.to_builtins(found))
    else:
        for line in retirement_lines(found):
            typer.echo(plain(line))
    raise typer.Exit(ExitCode.UNKNOWN if found.unknown else ExitCode.OK)
