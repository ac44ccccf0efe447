"""Everything that policies can see of the resources of a question: one resource for each way to be seen.

Whether a pattern covers a resource is asked of ``resource_matches``; this module only sees to it that no kind
of resource is missing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

from trailkeep.core.errors import UsageError
from trailkeep.guard.automata import ONE_OR_MORE, Pattern, accepts, representatives
from trailkeep.guard.matching import resource_matches
from trailkeep.guard.symbolic_patterns import Bindings, arn_pattern, is_bound, lookup_of, resource_pattern

__all__ = ["Covers", "NeedsPolicy", "resource_table"]

_CACHED = 4096
_NEEDING = ("arn:*:kms:*:*:key/*", "arn:*:iam:*:*:role/*")
_NOTHING = lookup_of(())


@dataclass(frozen=True, slots=True)
class Covers:
    """The resource is one that a statement is about."""

    resources: tuple[str, ...]
    not_resources: tuple[str, ...]
    variables: bool


@dataclass(frozen=True, slots=True)
class NeedsPolicy:
    """The resource is one whose policy must name the caller: a key, or a role for ``is_trust`` actions."""

    is_trust: bool


@lru_cache(maxsize=_CACHED)
def resource_table(
    resources: tuple[str, ...], atoms: tuple[Covers | NeedsPolicy, ...], bindings: Bindings
) -> tuple[tuple[str, tuple[bool | None, ...]], ...] | None:
    """Return every way in which resources that match one of these patterns answer the atoms."""
    language = tuple(_names_of(text) for text in resources if text != "*")
    separators = dict.fromkeys(_separators(atoms, bindings))
    texts = representatives(tuple(separators), language) if language else ()
    if texts is None:
        return None
    found: dict[tuple[bool | None, ...], str] = {}
    for text in (*texts, *(("*",) if "*" in resources else ())):
        found.setdefault(tuple(_answer(atom, text, bindings) for atom in atoms), text)
    return tuple((text, truths) for truths, text in found.items())


def _names_of(text: str) -> Pattern:
    """Return the names that a pattern of the question stands for; a name after a ``/`` is never empty."""
    pattern = arn_pattern(text, _NOTHING, variables=False)
    if pattern is None:
        raise UsageError(f"resource: expected an ARN with six segments, got {text!r}; write all six")
    return (*pattern[:-1], *ONE_OR_MORE) if text.endswith("/*") else pattern


def _separators(atoms: Iterable[Covers | NeedsPolicy], bindings: Bindings) -> Iterator[Pattern]:
    lookup = lookup_of(bindings)
    for atom in atoms:
        if isinstance(atom, NeedsPolicy):
            yield from (found for text in _NEEDING if (found := arn_pattern(text, lookup, variables=False)))
            continue
        for text in (*atom.resources, *atom.not_resources):
            widest = not is_bound(text, bindings, variables=atom.variables)
            found = resource_pattern(text, lookup, variables=atom.variables, widest=widest)
            if text != "*" and found is not None:
                yield found


class _Cover(Enum):
    """Whether a Resource value covers a resource."""

    YES = "yes"
    NO = "no"
    VOID = "a variable has no value"
    OPEN = "the value of a variable is not known"


def _answer(atom: Covers | NeedsPolicy, resource: str, bindings: Bindings) -> bool | None:
    if isinstance(atom, NeedsPolicy):
        needing = _NEEDING if atom.is_trust else _NEEDING[:1]
        return any(resource_matches(text, resource, _NOTHING, variables=False) for text in needing)
    listed = atom.resources or atom.not_resources
    covers = {_cover(text, resource, bindings, variables=atom.variables) for text in listed}
    if atom.resources:
        open_ = {text for text in listed if not is_bound(text, bindings, variables=atom.variables)}
        if _Cover.OPEN in covers and all(_cannot_cover(text, resource) for text in open_):
            covers.discard(_Cover.OPEN)
        return True if _Cover.YES in covers else _unless_open(covers, otherwise=False)
    return False if covers & {_Cover.YES, _Cover.VOID} else _unless_open(covers, otherwise=True)


def _unless_open(covers: set[_Cover], *, otherwise: bool) -> bool | None:
    return None if _Cover.OPEN in covers else otherwise


def _cover(text: str, resource: str, bindings: Bindings, *, variables: bool) -> _Cover:
    if is_bound(text, bindings, variables=variables):
        found = resource_matches(text, resource, lookup_of(bindings), variables=variables)
        return _Cover.VOID if found is None else _Cover.YES if found else _Cover.NO
    return _Cover.OPEN


def _cannot_cover(text: str, resource: str) -> bool:
    """Say whether no value of its variables makes a Resource value cover this."""
    widest = resource_pattern(text, _NOTHING, variables=True, widest=True)
    return resource == "*" or widest is None or not accepts(widest, resource)
