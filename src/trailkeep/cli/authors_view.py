"""How the authors of a drift look, below the lines of a plan and in its JSON body."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from trailkeep.cli.output import note, plain
from trailkeep.core.times import format_moment
from trailkeep.guard.authorship import Authorship

if TYPE_CHECKING:
    from trailkeep.core.config import Config
    from trailkeep.guard.estate import Estate
    from trailkeep.guard.plan import Plan

__all__ = ["authors_body", "find_authors", "told"]


def find_authors(plan: Plan, config: Config, estate: Estate, path: Path) -> Authorship:
    """Return who made the drifts of a plan, as far as the lake at ``path`` knows.

    A lake that is not there yet is not worth a word on stderr; one that cannot be asked is.
    """
    from trailkeep.lake.table import Lake

    lake = Lake(path=path)
    if not (plan.actions or plan.waiting or plan.blocked or plan.concerns):
        return Authorship()
    if not lake.exists:
        return Authorship(note=f"no lake at {path}, so nobody is named; 'trailkeep collect' makes one")
    from trailkeep.workflows.authorship import lake_authors

    found = lake_authors(plan, config, estate, lake)
    if found.note:
        note(found.note)
    return found


def told(found: Authorship, action: str, observed: str = "") -> str:
    """Return what is known of one line of a plan, empty where no event could have made it."""
    for author in found.authors:
        if (author.action, author.observed) == (action, observed):
            return plain(
                f"changed by {author.principal} at {format_moment(author.at)} from {author.source_ip} "
                f"with {author.event_name} (event {author.event_id})"
            )
    if (action, observed) in found.unnamed:
        ends = f"it ends at {format_moment(found.lake_ends_at)}" if found.lake_ends_at else "it is empty"
        return f"changed by: no event in the lake tells; {ends}"
    return ""


def authors_body(found: Authorship) -> dict[str, Any]:
    """Return the fields that authors add to the JSON body of a plan."""
    return {
        "authors": msgspec.to_builtins(found.authors),
        "authors_until": format_moment(found.lake_ends_at) if found.lake_ends_at else None,
        "authors_note": found.note,
    }
