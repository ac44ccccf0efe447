"""What an event set: values, policies and lists, told from the parameters that CloudTrail recorded."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping

from trailkeep.guard.authorship import Event, holds, leaves
from trailkeep.guard.documents import canonical

__all__ = ["Test", "has_each", "never", "says", "sets"]

Test = Callable[[Event], bool]


def never(_: Event) -> bool:
    """Return ``False`` for every event."""
    return False


def sets(wanted: Mapping[str, object]) -> Test:
    """Return whether an event's parameters hold every one of these names and values."""
    return lambda event: holds(event.asked, wanted)


def says(parameter: str, document: str) -> Test:
    """Return whether a policy that an event set says the same as ``document``."""

    def is_same(event: Event) -> bool:
        given = event.asked.get(parameter)
        text = given if isinstance(given, str) else json.dumps(given)
        return canonical(text) is not None and canonical(text) == canonical(document)

    return is_same


def has_each(items: Iterable[Mapping[str, object]]) -> Test:
    """Return whether an event set all of these items, such as rules or tags, each as a whole.

    Further items do not count, and what is empty counts as left out: CloudTrail writes it in several ways.
    """
    wanted = [_leaves(item) for item in items]

    def has(event: Event) -> bool:
        given = [_leaves(node) for node in _nodes(event.asked)]
        return all(item in given for item in wanted)

    return has


def _leaves(node: Mapping[str, object]) -> set[tuple[str, str]]:
    return {(name, value) for name, value in leaves(node) if value not in {"", "none"}}


def _nodes(parameters: object) -> Iterator[Mapping[str, object]]:
    """Yield every mapping in the parameters, however deep."""
    match parameters:
        case Mapping():
            yield parameters
            for inner in parameters.values():
                yield from _nodes(inner)
        case list() | tuple():
            for inner in parameters:
                yield from _nodes(inner)
        case _:
            return
