"""Moments as people type them: ``2026-01-01``, ``2026-01-01T12:30Z``, ``180d``."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from trailkeep.core.errors import UsageError

__all__ = ["format_moment", "parse_moment"]

_AGO = re.compile(r"(?P<number>\d{1,6})(?P<unit>[smhdwy])")
_UNITS = {
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
    "y": timedelta(days=365),
}


def parse_moment(text: str, *, now: datetime) -> datetime:
    """Return the aware UTC moment that ``text`` names; without an offset it is read as UTC.

    >>> str(parse_moment("2d", now=datetime(2026, 1, 3, tzinfo=UTC)))
    '2026-01-01 00:00:00+00:00'

    Raises:
        UsageError: the text names no moment.
    """
    try:
        if match := _AGO.fullmatch(text.strip()):
            return now - int(match["number"]) * _UNITS[match["unit"]]
        moment = datetime.fromisoformat(text.strip())
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise UsageError(
            f"{text!r}: expected a time such as 2026-01-01, 2026-01-01T12:30Z or 180d (ago)"
        ) from error


def format_moment(moment: datetime) -> str:
    """Return ISO 8601 in UTC with ``Z``, with fractions of a second only where there are some.

    >>> format_moment(datetime(2026, 1, 3, 4, 5, 6, tzinfo=UTC))
    '2026-01-03T04:05:06Z'
    """
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
