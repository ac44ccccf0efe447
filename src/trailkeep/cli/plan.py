"""``trailkeep plan``: show what would have to change, and change nothing."""

from __future__ import annotations

from pathlib import Path

import typer

from trailkeep.cli.output import note, print_json

__all__ = ["command"]


def command(
    config: Path = typer.Option(Path("trailkeep.toml"), "--config", help="Configuration file."),
    estate: Path | None = typer.Option(
        None, "--estate", help="Decide on this saved estate; AWS is not asked."
    ),
    save_estate: Path | None = typer.Option(None, "--save-estate", help="Save what was observed as JSON."),
    allow: list[str] = typer.Option(
        [],
        "--allow",
        help="Allow lift-guards, weaken-guards, shorten-retention, replace-policy or redirect-trail.",
    ),
    as_json: bool = typer.Option(False, "--json", help="Print one JSON document."),
) -> None:
    """Show what is missing between trailkeep.toml and the organization, with reasons.

    Where the lake of trailkeep.toml exists, each line also says who changed it, when, and with which event.

    Exit codes: 0 nothing to change, 1 changes pending or concerns, 3 something could not be read.
    """
    from trailkeep.cli.authors_view import authors_body, find_authors, told
    from trailkeep.cli.guarding import reach_accounts, read_allowances, read_estate, write_estate
    from trailkeep.cli.plan_view import body, lines, summary
    from trailkeep.workflows.init import load_config
    from trailkeep.workflows.plan import plan

    allowed = read_allowances(allow)
    settings = load_config(config)
    if estate is not None:
        observed = read_estate(estate)
    else:
        from trailkeep.aws.observe import observe

        observed = observe(reach_accounts(settings), settings)
    if save_estate is not None:
        write_estate(save_estate, observed)
    proposed = plan(settings, observed, allow=allowed)
    found = find_authors(proposed, settings, observed, config.parent / settings.lake.path)
    if as_json:
        print_json("plan", {**body(proposed), **authors_body(found)})
    else:
        for line in lines(proposed, author=lambda action, seen: told(found, action, seen)):
            typer.echo(line)
    note(summary(proposed))
    raise typer.Exit(proposed.exit_code)
