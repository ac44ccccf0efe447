"""Which recorded event made a drift: the last writer made what is there now.

1. A question names a service, its event names, and how an event shows that it touches the resource.
2. Of the events that succeeded and touch the resource, the newest decides.
3. When that one set what is asked for, nobody is named: the drift is younger than the events at hand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

__all__ = ["Author", "Authorship", "Event", "Gone", "Question", "author_of", "holds", "leaves"]


class Author(msgspec.Struct, frozen=True, kw_only=True):
    """Who made a drift; ``action`` is the id of the plan's action, or the subject of its concern.

    ``observed`` is the concern's, and empty for an action. ``access_key`` is empty where none was used.
    """

    action: str
    observed: str
    event_id: str
    event_name: str
    at: datetime
    principal: str
    source_ip: str
    access_key: str


class Authorship(msgspec.Struct, frozen=True, kw_only=True):
    """Who is known to have made what; ``unnamed`` are the lines for which the lake has no event.

    ``lake_ends_at`` is the newest event of the lake: what was changed later has no author yet.
    ``note`` says why there is nothing, empty where the lake could be asked.
    """

    authors: tuple[Author, ...] = ()
    unnamed: tuple[tuple[str, str], ...] = ()
    lake_ends_at: datetime | None = None
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One event that succeeded; ``asked`` are its requestParameters, ``answered`` its responseElements."""

    event_id: str
    source: str
    name: str
    at: datetime
    account: str
    region: str
    principal: str
    source_ip: str
    access_key: str
    asked: Mapping[str, Any]
    answered: Mapping[str, Any]


_Test = Callable[[Event], bool]


def _never(_: Event) -> bool:
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Gone:
    """What exists no longer, so that only the event that made it tells its id.

    ``maker`` is that event's name, ``asked`` what it asked for; the deletion names the id as ``parameter``.
    """

    maker: str
    asked: Mapping[str, str]
    parameter: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What could have made one line of a plan.

    ``names`` are event names of ``source``; ``texts`` are texts of which every event in question holds one in
    its parameters (none: any event may be). ``restores`` is true for an event that set what is asked for.
    """

    action: str
    observed: str = ""
    source: str
    names: tuple[str, ...]
    texts: tuple[str, ...] = ()
    touches: _Test = _never
    restores: _Test = _never
    gone: Gone | None = None


def author_of(question: Question, events: Iterable[Event]) -> Author | None:
    """Return who made the drift, from events in any order; ``None`` where none of them did."""
    candidates = [event for event in events if event.source == question.source]
    touches = _touches_gone(question.gone, candidates) if question.gone else question.touches
    touching = [event for event in candidates if event.name in question.names and touches(event)]
    if not touching:
        return None
    newest = max(touching, key=lambda event: (event.at, not question.restores(event), event.event_id))
    if question.restores(newest):
        return None
    return Author(
        action=question.action,
        observed=question.observed,
        event_id=newest.event_id,
        event_name=newest.name,
        at=newest.at,
        principal=newest.principal,
        source_ip=newest.source_ip,
        access_key=newest.access_key,
    )


def _touches_gone(gone: Gone, events: Iterable[Event]) -> _Test:
    ids = {
        found
        for event in events
        if event.name == gone.maker and holds(event.asked, gone.asked)
        for name, found in leaves(event.answered)
        if name == "id"
    }
    return lambda event: str(event.asked.get(gone.parameter, "")).lower() in ids


def leaves(parameters: object, name: str = "") -> Iterator[tuple[str, str]]:
    """Yield the last name and the value of every leaf, in lower case: CloudTrail writes both as text or not.

    >>> sorted(leaves({"Rule": {"Days": 400, "Mode": "GOVERNANCE"}}))
    [('days', '400'), ('mode', 'governance')]
    """
    match parameters:
        case Mapping():
            for inner, value in parameters.items():
                yield from leaves(value, str(inner))
        case list() | tuple():
            for value in parameters:
                yield from leaves(value, name)
        case _:
            yield name.lower(), str(parameters).lower()


def holds(parameters: object, wanted: Mapping[str, object]) -> bool:
    """Return whether every name and value of ``wanted`` is among the leaves."""
    return set(leaves(wanted)) <= set(leaves(parameters))
