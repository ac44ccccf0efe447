"""Turns: where one run cannot look at all, each begins with another, and nothing has to be remembered."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TypeVar

__all__ = ["turned"]

_Item = TypeVar("_Item")
_UNIT = 2**32
_GOLDEN = 2654435769
"""The golden ratio's fractional part, of the unit."""


def turned(listed: Sequence[_Item], now: datetime) -> list[_Item]:
    """Return all items in their circular order, from one on that depends on the second.

    The multiples of the golden ratio, without their whole part, fill the unit evenly. So do every 30th and
    every 3,600th of them: runs at equal distances get on as well.

    >>> from datetime import UTC
    >>> turned("abcd", datetime(2026, 1, 2, tzinfo=UTC))
    ['b', 'c', 'd', 'a']

    Source: Knuth, The Art of Computer Programming, volume 3, section 6.4 (Fibonacci hashing)
    """
    first = int(now.timestamp()) * _GOLDEN % _UNIT * len(listed) // _UNIT
    return [*listed[first:], *listed[:first]]
