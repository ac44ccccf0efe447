"""JSON text cut into its parts without recursion, each part kept as it is written.

Only odd logs come here: msgspec reads ordinary ones some 50 times faster, but refuses lone surrogates and
nesting beyond Python's stack. Both are valid JSON that a caller of AWS can put into a request, and one such
request must not make the log it lands in unreadable. The grammar is checked in full, so nothing that is not
JSON passes.

Source: RFC 8259
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

__all__ = ["Member", "NotJsonError", "elements", "kind_of", "members"]

_KINDS = {"{": "object", "[": "array", '"': "string", "t": "boolean", "f": "boolean", "n": "null"}

_BLANK = r"[ \t\n\r]*+"
_STRING = r'"[^"\\\x00-\x1f]*+(?:\\(?:["\\/bfnrt]|u[0-9A-Fa-f]{4})[^"\\\x00-\x1f]*+)*+"'
_NUMBER = r"-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?(?:[eE][+-]?[0-9]++)?"
_KEY = rf"(?P<more>{_STRING}{_BLANK}):"
_VALUE = re.compile(
    rf"{_BLANK}(?:(?P<object>\{{)|(?P<array>\[)|(?P<atom>{_STRING}|{_NUMBER}|true|false|null))"
)
_FIRST = {
    "object": re.compile(rf"{_BLANK}(?:(?P<end>\}})|{_KEY})"),
    "array": re.compile(rf"{_BLANK}(?:(?P<end>\])|(?P<more>))"),
}
_NEXT = {
    "object": re.compile(rf"{_BLANK}(?:(?P<end>\}})|,{_BLANK}{_KEY})"),
    "array": re.compile(rf"{_BLANK}(?:(?P<end>\])|(?P<more>,))"),
}
_END = re.compile(rf"{_BLANK}\Z")


class NotJsonError(ValueError):
    """The text is not JSON; ``position`` is where it stops being so, in characters."""

    def __init__(self, position: int) -> None:
        super().__init__(f"not JSON from character {position} on")
        self.position = position


class Member(NamedTuple):
    """One ``"key": value`` of an object; the value as it is written."""

    key: str
    value: str


def kind_of(text: str) -> str:
    """Return what a JSON value is, by its first character: object, array, string, boolean, null or number.

    >>> kind_of("[1]")
    'array'
    """
    return _KINDS.get(text[:1], "number")


def members(text: str) -> list[Member]:
    """Return the members of an object in their order, repeated keys included.

    >>> members('{"a": 1e999, "a": [ ]}')
    [Member(key='a', value='1e999'), Member(key='a', value='[ ]')]

    Raises:
        NotJsonError: the text is not one JSON object.
    """
    return [Member(json.loads(key), value) for key, value in _parts(text, "object")]


def elements(text: str) -> list[str]:
    """Return the elements of an array, each as it is written.

    Raises:
        NotJsonError: the text is not one JSON array.
    """
    return [value for _, value in _parts(text, "array")]


def _parts(text: str, kind: Literal["object", "array"]) -> Iterator[tuple[str, str]]:
    opening = _match(_VALUE, text, 0)
    if opening.lastgroup != kind:
        raise NotJsonError(opening.start())
    step = _match(_FIRST[kind], text, opening.end())
    while step.lastgroup == "more":
        start, end = _value_span(text, step.end())
        yield step["more"], text[start:end]
        step = _match(_NEXT[kind], text, end)
    _match(_END, text, step.end())


def _value_span(text: str, at: int) -> tuple[int, int]:
    first = value = _match(_VALUE, text, at)
    start = first.start(str(first.lastgroup))
    around: list[str] = []
    while True:
        end = value.end()
        kind = str(value.lastgroup)
        if kind != "atom":
            step = _match(_FIRST[kind], text, end)
            end = step.end()
            if step.lastgroup == "more":
                around.append(kind)
                value = _match(_VALUE, text, end)
                continue
        end = _close(text, end, around)
        if not around:
            return start, end
        value = _match(_VALUE, text, end)


def _close(text: str, at: int, around: list[str]) -> int:
    """Leave the containers that end at ``at``; return where the next value starts, or the end of it all."""
    while around:
        step = _match(_NEXT[around[-1]], text, at)
        at = step.end()
        if step.lastgroup == "more":
            break
        around.pop()
    return at


def _match(pattern: re.Pattern[str], text: str, at: int) -> re.Match[str]:
    match = pattern.match(text, at)
    if match is None:
        raise NotJsonError(at)
    return match
