"""JSON and TOML that somebody else wrote: read completely, or refused with a ``ValueError``.

Text that nests without end ends Python's parsers with a ``RecursionError``, and what was read just below that
limit ends whoever writes it again. No document of AWS nests nearly as deep as is taken here.
"""

from __future__ import annotations

import json
import tomllib
from typing import Any, NoReturn

__all__ = ["MAX_DEPTH", "read_json", "read_toml", "shallow"]

MAX_DEPTH = 100
_TOO_DEEP = f"it nests deeper than {MAX_DEPTH} levels"


def read_json(text: str) -> Any:
    """Return the value of a JSON text.

    >>> read_json('{"Days": [1]}')
    {'Days': [1]}

    Raises:
        ValueError: it is no JSON, has a number that JSON has not, or nests too deep.
    """
    try:
        found = json.loads(text, parse_constant=_no_constant)
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None
    return shallow(found)


def read_toml(text: str) -> dict[str, Any]:
    """Return the tables of a TOML text.

    Raises:
        ValueError: it is no TOML, or nests too deep.
    """
    try:
        found = tomllib.loads(text)
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None
    shallow(found)
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
