"""Event selectors of a trail: which are wanted, what two sets of them record, and what one leaves out.

1. A selector is a set of fields that must all match; a trail records what any of its selectors matches.
2. In a field, one of Equals, StartsWith and EndsWith must match, and none of their opposites.
3. Basic selectors are read as the advanced ones that record the same.
4. What cannot be compared counts as not covered, so that nothing is ever dropped by mistake.

Source: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/filtering-data-events.html
"""

from __future__ import annotations

import itertools
import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from trailkeep.core.errors import ConfigError

__all__ = ["ALL_MANAGEMENT", "MAX_VALUES", "Selector", "read", "uncovered", "values", "wanted", "write"]

Selector = dict[str, Any]
"""One advanced event selector, as the API writes it."""

_Side = frozenset[tuple[str, str]]
_Fields = Mapping[str, tuple[_Side, _Side]]
"""What must match and what must not, by field; each a set of operator and value."""

MAX_VALUES = 500
_MAX_ALTERNATIVES = 4096
_EVERYTHING = re.compile(r"arn:[a-z-]+:[a-z0-9-]+:{0,3}")
_FLAGS = ("true", "false")
_NEITHER = ("Equals", "")
"""Stands where neither reads nor writes match, so that the selector covers nothing but itself."""

_MATCHING = ("Equals", "StartsWith", "EndsWith")


def _category(name: str) -> dict[str, Any]:
    return {"Field": "eventCategory", "Equals": [name]}


ALL_MANAGEMENT: tuple[Selector, ...] = (
    {"Name": "Management events", "FieldSelectors": [_category("Management")]},
)
"""What a trail without selectors of its own records."""


class _Resource(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    type: str
    values: tuple[str, ...] = ()


class _Basic(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    read_write_type: str = "All"
    include_management_events: bool = True
    data_resources: tuple[_Resource, ...] = ()
    exclude_management_event_sources: tuple[str, ...] = ()


class _Advanced(msgspec.Struct, frozen=True, kw_only=True, rename="pascal", omit_defaults=True):
    name: str = ""
    field_selectors: tuple[dict[str, str | tuple[str, ...]], ...]


class _Answer(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    event_selectors: tuple[_Basic, ...] | None = None
    advanced_event_selectors: tuple[_Advanced, ...] | None = None


def wanted(
    *,
    partition: str,
    management_events: str,
    data_events: Iterable[str],
    network_events: Iterable[str],
) -> tuple[Selector, ...]:
    """Return the selectors for what the configuration asks for.

    Raises:
        ConfigError: they are more than CloudTrail takes, or of another partition.
    """
    selectors = list(ALL_MANAGEMENT)
    if management_events == "write-only":
        written = {"Field": "readOnly", "Equals": ["false"]}
        selectors = [{"Name": "Write events", "FieldSelectors": [_category("Management"), written]}]
    selectors += _data(partition, data_events)
    selectors += [_network(source) for source in sorted(set(network_events))]
    if (count := values(selectors)) > MAX_VALUES:
        raise ConfigError(
            "trail.data_events",
            f"expected selectors of at most {MAX_VALUES} values in all, got {count}; "
            "use shorter ARN prefixes that match more, or whole resource types",
        )
    return tuple(selectors)


def write(selectors: Sequence[Selector]) -> str:
    """Return selectors as one compact JSON text."""
    return json.dumps(selectors, separators=(",", ":"), sort_keys=True)


def values(selectors: Iterable[Selector]) -> int:
    """Return how many values the selectors have, of which CloudTrail allows MAX_VALUES."""
    return sum(
        len(listed)
        for selector in selectors
        for field in selector["FieldSelectors"]
        for name, listed in field.items()
        if name != "Field"
    )


def read(text: str) -> tuple[Selector, ...] | None:
    """Return the selectors in an answer of GetEventSelectors, all as advanced ones; None where it is none."""
    try:
        answer = msgspec.json.decode(text, type=_Answer)
    except (msgspec.DecodeError, RecursionError):
        return None
    advanced = answer.advanced_event_selectors or ()
    if any("Field" not in field for one in advanced for field in one.field_selectors):
        return None
    found: list[Selector] = [_without_empty(msgspec.to_builtins(one)) for one in advanced]
    for basic in answer.event_selectors or ():
        found += _as_advanced(basic)
    return tuple(found)


def uncovered(selectors: Iterable[Selector], by: Sequence[Selector]) -> tuple[Selector, ...]:
    """Return those of ``selectors`` that match an event which none of ``by`` matches."""
    covering = [_fields(one) for one in by]
    return tuple(one for one in selectors if not _covered(_fields(one), covering))


def _data(partition: str, data_events: Iterable[str]) -> Iterator[Selector]:
    """Yield one selector for each resource type; a type alone says more than any prefix."""
    prefixes: dict[str, set[str]] = {}
    for asked in data_events:
        kind, _, prefix = asked.partition("=")
        prefixes.setdefault(kind, set()).add(prefix)
        if prefix and not prefix.startswith(f"arn:{partition}:"):
            raise ConfigError(
                "trail.data_events",
                f"expected ARNs of partition {partition}, got {prefix}; correct the prefix",
            )
    for kind in sorted(prefixes):
        fields = [_category("Data"), {"Field": "resources.type", "Equals": [kind]}]
        if "" not in prefixes[kind]:
            fields.append({"Field": "resources.ARN", "StartsWith": sorted(prefixes[kind])})
        yield {"Name": f"Data events of {kind}", "FieldSelectors": fields}


def _network(source: str) -> Selector:
    fields = [_category("NetworkActivity"), {"Field": "eventSource", "Equals": [source]}]
    return {"Name": f"Network activity events of {source}", "FieldSelectors": fields}


def _without_empty(selector: Selector) -> Selector:
    """Return a selector without the operators that hold nothing."""
    fields = [
        {name: value if name == "Field" else list(value) for name, value in field.items() if value}
        for field in selector["FieldSelectors"]
    ]
    return {**selector, "FieldSelectors": fields}


def _as_advanced(basic: _Basic) -> Iterator[Selector]:
    """Yield what a basic selector records.

    Source: https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_DataResource.html
    """
    flag = {"ReadOnly": "true", "WriteOnly": "false"}.get(basic.read_write_type)
    side = [{"Field": "readOnly", "Equals": [flag]}] if flag else []
    if basic.include_management_events:
        excluded = list(basic.exclude_management_event_sources)
        sources = [{"Field": "eventSource", "NotEquals": excluded}] if excluded else []
        yield {"FieldSelectors": [_category("Management"), *side, *sources]}
    for resource in basic.data_resources:
        of_type = {"Field": "resources.type", "Equals": [resource.type]}
        for value in resource.values:
            is_prefix = resource.type == "AWS::S3::Object" or _EVERYTHING.fullmatch(value)
            arn = {"Field": "resources.ARN", "StartsWith" if is_prefix else "Equals": [value]}
            yield {"FieldSelectors": [_category("Data"), *side, of_type, arn]}


def _fields(selector: Selector) -> _Fields:
    """Return a selector in a form that two selectors can be compared in."""
    found: dict[str, tuple[_Side, _Side]] = {}
    for field in selector["FieldSelectors"]:
        matching: set[tuple[str, str]] = set()
        excluding: set[tuple[str, str]] = set()
        for name, listed in field.items():
            if name in _MATCHING:
                matching |= {(name, value) for value in listed}
            elif name != "Field":
                excluding |= {(name.removeprefix("Not"), value) for value in listed}
        if field["Field"] == "resources.ARN" and any(_is_everything(one) for one in matching):
            matching = set()
        found[field["Field"]] = (frozenset(matching), frozenset(excluding))
    positive, negative = found.get("readOnly", (frozenset(), frozenset()))
    flags = {("Equals", flag) for flag in _FLAGS} - negative
    left = flags & positive if positive else flags
    found["readOnly"] = (frozenset(left or {_NEITHER}), frozenset())
    return found


def _is_everything(condition: tuple[str, str]) -> bool:
    operator, value = condition
    return operator == "StartsWith" and _EVERYTHING.fullmatch(value) is not None


def _covered(fields: _Fields, by: Sequence[_Fields]) -> bool:
    if any(_implies(fields, one) for one in by):
        return True
    return all(any(_implies(part, one) for one in by) for part in _alternatives(fields))


def _alternatives(fields: _Fields) -> Iterator[_Fields]:
    """Yield the fields with one matching value each; together they match what ``fields`` matches."""
    names = [name for name, (matching, _) in fields.items() if matching]
    choices = [sorted(fields[name][0]) for name in names]
    if math.prod(map(len, choices)) > _MAX_ALTERNATIVES:
        yield fields
        return
    for chosen in itertools.product(*choices):
        picked = {name: (frozenset({one}), fields[name][1]) for name, one in zip(names, chosen, strict=True)}
        yield {**fields, **picked}


def _implies(narrow: _Fields, wide: _Fields) -> bool:
    """Say whether whatever ``narrow`` matches is matched by ``wide``."""
    for name, (matching, excluding) in wide.items():
        has, has_not = narrow.get(name, (frozenset(), frozenset()))
        if matching and not (has and all(any(_within(one, other) for other in matching) for one in has)):
            return False
        for refused in excluding:
            is_out = any(_within(refused, other) for other in has_not)
            if not is_out and not (has and all(_apart(one, refused) for one in has)):
                return False
    return True


def _within(narrow: tuple[str, str], wide: tuple[str, str]) -> bool:
    """Say whether every value that one condition matches is matched by another."""
    operator, value = wide
    match operator:
        case "StartsWith":
            return narrow[0] in {"Equals", "StartsWith"} and narrow[1].startswith(value)
        case "EndsWith":
            return narrow[0] in {"Equals", "EndsWith"} and narrow[1].endswith(value)
        case _:
            return narrow == wide


def _apart(one: tuple[str, str], other: tuple[str, str]) -> bool:
    """Say whether no value matches both conditions."""
    operators = {one[0], other[0]}
    if operators == {"StartsWith"}:
        return not one[1].startswith(other[1]) and not other[1].startswith(one[1])
    if operators == {"EndsWith"}:
        return not one[1].endswith(other[1]) and not other[1].endswith(one[1])
    return "Equals" in operators and not _within(one, other) and not _within(other, one)
