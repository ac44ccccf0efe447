"""What one log holds, between its bytes and the columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from msgspec import Raw

from trailkeep.keep.careful import Reading
from trailkeep.keep.event import Event

__all__ = ["Rows", "Source"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where a log was found; what is not known is empty, ``delivered_at`` is an aware UTC minute or None."""

    object: str
    version: str
    account_id: str
    region: str
    delivered_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """The events of one log, each at its position in every tuple.

    ``sha256`` is the hex digest of the inflated bytes, ``records`` are views into those bytes, ``readings``
    holds the positions that had to be read carefully, ``event_times`` and ``session_times`` are UTC moments.
    """

    source: Source
    sha256: str
    events: tuple[Event, ...]
    records: tuple[Raw, ...]
    readings: Mapping[int, Reading]
    event_times: tuple[datetime | None, ...]
    session_times: tuple[datetime | None, ...]
