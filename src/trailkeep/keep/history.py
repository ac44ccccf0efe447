"""What of an Event history is saved, what is still to be asked for, and the logs that it becomes.

Time is counted in epoch seconds and in UTC days since 1970. A day is *final* once it was read to its
beginning some hours after its end; until then it is read again, because events come into Event history with a
delay.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256

import msgspec

from trailkeep.core.layout import Family, LogKey, format_key

__all__ = ["DAY_S", "HORIZON_S", "PREFIX", "Log", "Saved", "Shelf", "Span", "is_final", "missing"]

DAY_S = 86_400
HORIZON_S = 90 * DAY_S
PREFIX = "lookup-events/"
_SETTLE_S = 6 * 3600
_EPOCH = date(1970, 1, 1)


class Saved(msgspec.Struct, frozen=True, kw_only=True):
    """What is saved of one account and region.

    ``final`` are days that need not be asked for again. ``parts`` maps a day of which the newer part is saved
    to the second up to which it is still to be read.
    """

    final: frozenset[date] = frozenset()
    parts: dict[date, int] = {}

    def with_part(self, day: int, until: int) -> Saved:
        """Return this, with a day that is still to be read up to a second."""
        return Saved(final=self.final, parts={**self.parts, _date(day): until})

    def with_final(self, days: Iterable[int]) -> Saved:
        """Return this, with some days final."""
        final = {_date(day) for day in days}
        parts = {day: at for day, at in self.parts.items() if day not in final}
        return Saved(final=self.final | final, parts=parts)

    def since(self, second: int) -> Saved:
        """Return this without the days that ended before a second, which AWS has forgotten."""
        oldest = _date(second // DAY_S)
        return Saved(
            final=frozenset(day for day in self.final if day >= oldest),
            parts={day: at for day, at in self.parts.items() if day >= oldest},
        )


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """The seconds from ``since`` to ``until``, both of them within."""

    since: int
    until: int

    @property
    def days(self) -> range:
        """The days that the span touches."""
        return range(self.since // DAY_S, self.until // DAY_S + 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """One log file: its key and its bytes."""

    key: str
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """Where the events of one account, region and day go; ``day`` counts from 1970."""

    organization_id: str
    account: str
    region: str
    day: int

    @property
    def folder(self) -> str:
        """The folder of the day's logs, as the beginning of their keys."""
        return self._key("").rpartition("/")[0]

    def log(self, texts: Iterable[str]) -> Log:
        """Return the log of some events of the day, each as CloudTrail gave it.

        The key carries the day's last minute; the same events give the same key and bytes.
        """
        inflated = b'{"Records":[' + b",".join(text.encode() for text in texts) + b"]}"
        body = gzip.compress(inflated, 6, mtime=0)
        return Log(key=self._key(sha256(inflated).hexdigest()[:16]), body=body)

    def _key(self, unique: str) -> str:
        return format_key(
            LogKey(
                prefix=PREFIX,
                organization_id=self.organization_id,
                account_id=self.account,
                family=Family.EVENTS,
                region=self.region,
                delivered_at=datetime.fromtimestamp((self.day + 1) * DAY_S - 60, UTC),
                unique=unique,
            )
        )


def missing(saved: Saved, now: int) -> tuple[Span, ...]:
    """Return what is to be asked for at second ``now``, newest first: at the most 90 days back."""
    oldest = now - HORIZON_S
    spans: list[Span] = []
    for day in range(now // DAY_S, oldest // DAY_S - 1, -1):
        if _date(day) in saved.final:
            continue
        since, until = max(day * DAY_S, oldest), min((day + 1) * DAY_S - 1, now)
        until = min(until, saved.parts.get(_date(day), until))
        if since > until:
            continue
        if spans and spans[-1].since == until + 1:
            spans[-1] = Span(since=since, until=spans[-1].until)
        else:
            spans.append(Span(since=since, until=until))
    return tuple(spans)


def is_final(day: int, now: int) -> bool:
    """Whether what Event history shows of a day at second ``now`` is all that it will show."""
    return (day + 1) * DAY_S + _SETTLE_S <= now


def _date(day: int) -> date:
    return _EPOCH + timedelta(days=day)
