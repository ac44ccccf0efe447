"""Who made each drift of a plan: asked of a lake, one search for each service."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from trailkeep.ask.filters import Field, Filter, Search
from trailkeep.core.config import Config
from trailkeep.core.errors import TrailkeepError
from trailkeep.core.outside import read_json
from trailkeep.guard.authorship import Author, Authorship, Event, Question, author_of
from trailkeep.guard.authorship_questions import questions
from trailkeep.guard.blueprint import blueprint_for
from trailkeep.guard.estate import Estate
from trailkeep.guard.plan import Plan
from trailkeep.lake.table import Lake
from trailkeep.workflows.search import search

__all__ = ["find_authors", "lake_authors"]

Ask = Callable[[Search, Sequence[str]], list[dict[str, Any]]]

_COLUMNS = (
    "event_time",
    "event_id",
    "event_source",
    "event_name",
    "recipient_account_id",
    "aws_region",
    "source_ip_address",
    "user_identity_arn",
    "user_identity_principal_id",
    "user_identity_invoked_by",
    "user_identity_access_key_id",
    "request_parameters",
    "response_elements",
)


def lake_authors(plan: Plan, config: Config, estate: Estate, lake: Lake) -> Authorship:
    """Return the authors that a lake knows; what is wrong with the lake is a note, never an error."""

    def ask(asked: Search, columns: Sequence[str]) -> list[dict[str, Any]]:
        with search(lake, asked, columns) as answer:
            return [row for batch in answer.batches for row in batch.to_pylist()]

    try:
        covered = lake.current().covered
        found = find_authors([*questions(plan, blueprint_for(config, estate))], ask)
    except (TrailkeepError, OSError) as error:
        return Authorship(note=f"the lake at {lake.path} cannot be asked, so nobody is named: {error}")
    return msgspec.structs.replace(found, lake_ends_at=covered[1] if covered else None)


def find_authors(asked: Sequence[Question], ask: Ask) -> Authorship:
    """Return the author of each question; ``ask`` answers one search with rows.

    Only events without an error code count: a refused call changed nothing.
    """
    authors: list[Author] = []
    unnamed: list[tuple[str, str]] = []
    for source in dict.fromkeys(question.source for question in asked):
        ours = [question for question in asked if question.source == source]
        events = [event for row in ask(_search(source, ours), _COLUMNS) if (event := _event(row))]
        for question in ours:
            if author := author_of(question, events):
                authors.append(author)
            else:
                unnamed.append((question.action, question.observed))
    return Authorship(authors=tuple(authors), unnamed=tuple(unnamed))


def _search(source: str, asked: Iterable[Question]) -> Search:
    """Return the search that finds every event about which one of the questions is."""
    names = {name for question in asked for name in question.names}
    names |= {question.gone.maker for question in asked if question.gone}
    filters = [
        Filter(field=Field.EVENT_SOURCE, value=source),
        Filter(field=Field.ERROR, value="none"),
        *(Filter(field=Field.EVENT_NAME, value=name) for name in sorted(names)),
    ]
    if all(question.texts for question in asked):
        texts = {text for question in asked for text in question.texts}
        filters += [Filter(field=Field.RESOURCE, value=text) for text in sorted(texts)]
    return Search(filters=tuple(filters))


def _event(row: Mapping[str, Any]) -> Event | None:
    """Return the event of one row, ``None`` where it has no time."""
    if row["event_time"] is None:
        return None
    names = ("user_identity_arn", "user_identity_invoked_by", "user_identity_principal_id")
    return Event(
        event_id=row["event_id"] or "",
        source=row["event_source"] or "",
        name=row["event_name"] or "",
        at=row["event_time"],
        account=row["recipient_account_id"] or "",
        region=row["aws_region"] or "",
        principal=next((row[name] for name in names if row[name]), "nobody that the event names"),
        source_ip=row["source_ip_address"] or "",
        access_key=row["user_identity_access_key_id"] or "",
        asked=_members(row["request_parameters"]),
        answered=_members(row["response_elements"]),
    )


def _members(text: str | None) -> dict[str, Any]:
    try:
        found = read_json(text or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
