"""Numbers, dates, addresses and bytes that show all there is to see of a set of limits.

Between two neighbouring limits every value compares alike, so one of them stands for all.
"""

from __future__ import annotations

import base64
import ipaddress
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import ROUND_FLOOR, Decimal, localcontext
from itertools import pairwise

from trailkeep.guard.conditions import moment_of, number_of
from trailkeep.guard.symbolic_patterns import Family

__all__ = ["spread"]

_DIGITS = 40
_FRACTION_DIGITS = 40
_ADDRESSES = ("203.0.113.7", "2001:db8::7", "0.0.0.0", "::")  # noqa: S104 - addresses of callers
_DAY = timedelta(days=1)
_SOME_DAY = datetime(2026, 11, 1, tzinfo=UTC)
_FIRST_MOMENT = datetime.min.replace(tzinfo=UTC)
_LAST_MOMENT = datetime.max.replace(tzinfo=UTC)


def spread(family: Family, limits: Iterable[str], *, whole: bool) -> tuple[str, ...]:
    """Return values of which one compares with all limits as any value does.

    Args:
        family: how they are compared; not as texts.
        limits: the values of the policies; what cannot be read compares with nothing.
        whole: whether numbers are whole numbers.
    """
    match family:
        case Family.NUMBER:
            return tuple(_numbers(limits, whole=whole))
        case Family.DATE:
            return tuple(_dates(limits))
        case Family.ADDRESS:
            return tuple(_addresses(limits))
        case Family.BINARY:
            return tuple(_binaries(limits))
        case Family.TEXT | Family.PRESENCE:
            return ()


def _numbers(values: Iterable[str], *, whole: bool) -> Iterator[str]:
    limits = sorted({limit for value in values if (limit := number_of(value)) is not None})
    with localcontext() as context:
        context.prec = 2 * (_DIGITS + _FRACTION_DIGITS)
        candidates = [*limits, *_around(limits)] if limits else [Decimal(1)]
        for low, high in pairwise(limits):
            candidates += _between(low, high)
        texts = [f"{number:f}" for number in candidates if not whole or number == number.to_integral_value()]
    yield from (text for text in texts if number_of(text) is not None)


def _around(limits: list[Decimal]) -> Iterator[Decimal]:
    """Yield numbers below the first and above the last: whole ones, and those with every digit there is."""
    least = Decimal(1).scaleb(-_FRACTION_DIGITS)
    yield limits[0].to_integral_value(ROUND_FLOOR) - 1
    yield limits[-1].to_integral_value(ROUND_FLOOR) + 1
    yield limits[0] - least
    yield limits[-1] + least


def _between(low: Decimal, high: Decimal) -> Iterator[Decimal]:
    """Yield a number between two, and a whole one if there is one."""
    whole = low.to_integral_value(ROUND_FLOOR) + 1
    middle = ((low + high) / 2).quantize(Decimal(1).scaleb(-_FRACTION_DIGITS), ROUND_FLOOR)
    yield from (number for number in (whole, middle.normalize()) if low < number < high)


def _dates(values: Iterable[str]) -> Iterator[str]:
    limits = sorted({limit for value in values if (limit := moment_of(value)) is not None})
    candidates = [*limits, _SOME_DAY, _FIRST_MOMENT, _LAST_MOMENT]
    for low, high in pairwise((_FIRST_MOMENT, *limits, _LAST_MOMENT)):
        candidates += [low + (high - low) / 2, high - min(_DAY, high - low)]
    yield from dict.fromkeys(moment.isoformat().replace("+00:00", "Z") for moment in candidates)


def _addresses(values: Iterable[str]) -> Iterator[str]:
    yield from _ADDRESSES
    for value in values:
        try:
            network = ipaddress.ip_network(value, strict=False)
        except ValueError:
            continue
        yield str(network.network_address)
        after = int(network.broadcast_address) + 1
        if after < 1 << network.max_prefixlen:
            yield str(type(network.network_address)(after))


def _binaries(values: Iterable[str]) -> Iterator[str]:
    """Yield each value and bytes that are longer than all of them."""
    expected = tuple(values)
    yield from expected
    yield base64.b64encode(b"x" * sum(1 + len(value) for value in expected)).decode()
