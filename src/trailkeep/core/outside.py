"""JSON and TOML that somebody else wrote: read completely, or refused with a ``ValueError``.

Text that nests without end ends Python's parsers with a ``RecursionError``, and what was read just below that
limit ends whoever writes it again. No document of AWS nests nearly as deep as is taken here. A number that is
too large for Python is refused as well: a decimal one becomes infinite, which is no JSON, and whether a whole
one is read depends on how Python was started. TOML has infinity and NaN: the field that they stand in refuses
them.
"""

from __future__ import annotations

import json
import math
import re
import tomllib
from collections.abc import Callable
from typing import Any, NoReturn

__all__ = ["MAX_DEPTH", "MAX_DIGITS", "read_json", "read_toml", "shallow"]

MAX_DEPTH = 100
MAX_DIGITS = 640
"""How many digits of a whole number Python reads however it was started."""
_LARGE = 10**MAX_DIGITS
_LONG = re.compile(rf"[0-9](?:_?[0-9]){{{MAX_DIGITS}}}[0-9_]*")
_TOO_DEEP = f"it nests deeper than {MAX_DEPTH} levels"


def read_json(text: str | bytes, *, pairs: Callable[[list[tuple[str, Any]]], Any] | None = None) -> Any:
    """Return the value of a JSON text; ``pairs`` makes an object of its members, a dict where it is None.

    >>> read_json('{"Days": [1]}')
    {'Days': [1]}

    Raises:
        ValueError: it is no JSON, has a number that JSON has not or that is too large, or nests too deep.
    """
    try:
        found = json.loads(
            text,
            object_pairs_hook=pairs,
            parse_constant=_no_constant,
            parse_float=_finite,
            parse_int=_whole,
        )
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None
    return shallow(found)


def read_toml(text: str) -> dict[str, Any]:
    """Return the tables of a TOML text.

    Raises:
        ValueError: it is no TOML, has a whole number that is too large, or nests too deep.
    """
    try:
        found = tomllib.loads(text)
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None
    except ValueError as error:
        if isinstance(error, tomllib.TOMLDecodeError) or not (number := _LONG.search(text)):
            raise
        line = text.count("\n", 0, number.start()) + 1
        raise ValueError(f"{_too_long(number[0])} (at line {line})") from None
    shallow(found)
    _refuse_long(found)
    return found


def shallow(found: Any) -> Any:
    """Return a value that was read, if it does not nest too deep.

    It is looked at level by level, because a function that calls itself would end with the same error.

    Raises:
        ValueError: it nests too deep.
    """
    level = [found]
    for _ in range(MAX_DEPTH + 1):
        level = [
            inside
            for value in level
            if isinstance(value, dict | list)
            for inside in (value.values() if isinstance(value, dict) else value)
        ]
        if not level:
            return found
    raise ValueError(_TOO_DEEP)


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")


def _finite(text: str) -> float:
    if math.isinf(number := float(text)):
        raise ValueError(f"{text[:20]} is a number that is too large")
    return number


def _whole(text: str) -> int:
    if len(text.lstrip("-")) > MAX_DIGITS:
        raise ValueError(_too_long(text))
    return int(text)


def _refuse_long(found: Any) -> None:
    """Refuse whole numbers that could not be written in decimal again, however they were written.

    Raises:
        ValueError: there is one.
    """
    left = [found]
    while left:
        value = left.pop()
        if isinstance(value, dict | list):
            left += value.values() if isinstance(value, dict) else value
        elif isinstance(value, int) and abs(value) >= _LARGE:
            raise ValueError(f"the number that begins with {value:#x}"[:60] + "... is too large")


def _too_long(number: str) -> str:
    digits = sum(one.isdigit() for one in number)
    return f"the number that begins with {number[:20]} has {digits} digits, more than {MAX_DIGITS}"
