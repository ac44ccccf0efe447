"""Reads a record that the typed decoder refuses: what fits its column is kept, the rest is named.

Nothing that is JSON raises here, whatever its depth, its types and its numbers.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar

import msgspec
from msgspec import Raw

from trailkeep.keep.event import Event, Flag, Resource
from trailkeep.keep.jsontext import elements, kind_of, members

__all__ = ["Oddity", "Reading", "read_carefully"]

_T = TypeVar("_T", bound=msgspec.Struct)
_PLAIN_KEY = re.compile(r"[A-Za-z0-9_-]+")
_FLAGS = (True, False, "true", "false")
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Oddity:
    """A documented field that is not as documented: ``expected`` and ``got`` are kinds of JSON values."""

    path: str
    expected: str
    got: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A record read carefully.

    ``null_fields`` are the paths of the typed fields that are explicitly null, ``unknown_fields`` is a JSON
    object from path to value (None without any), ``oddities`` are typed fields of another type, which stay
    None, ``replaced`` are the paths of strings with lone surrogates, which no column can hold: U+FFFD stands
    for each.
    """

    event: Event
    null_fields: tuple[str, ...]
    unknown_fields: str | None
    oddities: tuple[Oddity, ...]
    replaced: tuple[str, ...]


def read_carefully(record: str) -> Reading:
    """Read the text of one record; one that is no object has an oddity with an empty path and no fields.

    Raises:
        NotJsonError: the text is not JSON.
    """
    reader = _Reader()
    event = reader.value(Event, record, "") or Event()
    unknown = ",".join(f"{json.dumps(path)}:{value}" for path, value in reader.unknown.items())
    return Reading(
        event=event,
        null_fields=tuple(reader.nulls),
        unknown_fields=f"{{{unknown}}}" if unknown else None,
        oddities=tuple(reader.oddities),
        replaced=tuple(reader.replaced),
    )


class _Reader:
    __slots__ = ("nulls", "oddities", "replaced", "unknown")

    def __init__(self) -> None:
        self.nulls: list[str] = []
        self.unknown: dict[str, str] = {}
        self.oddities: list[Oddity] = []
        self.replaced: list[str] = []

    def part(self, kind: type[_T], text: str, path: str) -> _T:
        """Read an object; of a repeated key the last value counts, as in every common JSON reader."""
        known = _fields(kind)
        values: dict[str, Any] = {}
        for key, value in dict(members(text)).items():
            where = _join(path, key)
            if key not in known:
                self.unknown[where] = value
                continue
            attribute, field_kind = known[key]
            values[attribute] = self.value(field_kind, value, where)
        return kind(**values)

    def value(self, kind: Any, text: str, path: str) -> Any:
        if kind is Raw:
            return Raw(text)
        got = kind_of(text)
        if got == "null" and path:
            self.nulls.append(path)
            return None
        if kind == Flag and got in ("boolean", "string") and (value := json.loads(text)) in _FLAGS:
            return value
        if kind is str and got == "string":
            return self.string(text, path)
        if kind == list[Resource] and got == "array":
            return [self.value(Resource, item, f"{path}[{at}]") for at, item in enumerate(elements(text))]
        if got == "object" and isinstance(kind, type) and issubclass(kind, msgspec.Struct):
            return self.part(kind, text, path)
        self.oddities.append(Oddity(path=path, expected=_expected(kind), got=got))
        return None

    def string(self, text: str, path: str) -> str:
        value, count = _LONE_SURROGATE.subn("\ufffd", json.loads(text))
        if count:
            self.replaced.append(path)
        return value


@cache
def _fields(kind: type[msgspec.Struct]) -> dict[str, tuple[str, Any]]:
    return {info.encode_name: (info.name, info.type) for info in msgspec.structs.fields(kind)}


def _join(path: str, key: str) -> str:
    if not _PLAIN_KEY.fullmatch(key):
        return f"{path}[{json.dumps(key)}]"
    return f"{path}.{key}" if path else key


def _expected(kind: Any) -> str:
    if kind is str:
        return "string"
    if kind == Flag:
        return "boolean"
    return "array" if kind == list[Resource] else "object"
