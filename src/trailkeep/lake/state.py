"""Which Parquet files and ledger segments make up the lake at one commit.

Every commit writes one immutable JSON file ``state/<name>.json`` *before* the Iceberg commit, and the commit
itself names that file in the table property ``trailkeep.state`` and in the snapshot's summary. So data and
ledger become visible together or not at all, and a short command finds the current files by reading two JSON
files, without pyiceberg. When another engine has committed since, the snapshot no longer names our state: the
reader then asks pyiceberg for the plan.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

__all__ = ["PROPERTY", "DataFile", "LedgerSegment", "State"]

PROPERTY = "trailkeep.state"


class DataFile(msgspec.Struct, frozen=True, kw_only=True):
    """One Parquet file of events; ``path`` is relative to the lake, times are None without any eventTime."""

    path: str
    rows: int
    size_bytes: int
    oldest_event_at: datetime | None
    newest_event_at: datetime | None

    def starts_by(self, moment: datetime) -> bool:
        """Whether the file holds an event of ``moment`` or earlier."""
        return self.oldest_event_at is not None and self.oldest_event_at <= moment


class LedgerSegment(msgspec.Struct, frozen=True, kw_only=True):
    """One Parquet file of ledger rows; ``path`` is relative to the lake."""

    path: str
    objects: int


class State(msgspec.Struct, frozen=True, kw_only=True):
    """The lake at one commit; ``snapshot_state`` is the state that the Iceberg snapshot must name."""

    name: str
    snapshot_state: str
    files: tuple[DataFile, ...]
    ledger: tuple[LedgerSegment, ...]
    covered_from: datetime | None = None
    covered_to: datetime | None = None

    def covering(self, span: tuple[datetime, datetime] | None) -> tuple[datetime | None, datetime | None]:
        """Return the span that is covered once ``span`` is added."""
        spans = [one for one in (self.covered, span) if one is not None]
        if not spans:
            return None, None
        return min(since for since, _ in spans), max(until for _, until in spans)

    def between(self, since: datetime | None, until: datetime | None) -> tuple[DataFile, ...]:
        """Return the files that may hold events with ``since <= event_time < until``.

        Files of events without an eventTime are returned only when the range is open on both sides.
        """
        return tuple(file for file in self.files if _may_hold(file, since, until))

    @property
    def covered(self) -> tuple[datetime, datetime] | None:
        """The oldest and the newest believable eventTime in the lake; None while there is none.

        Within this span there may be holes. An eventTime that its log's delivery contradicts does not count.
        """
        if self.covered_from is None or self.covered_to is None:
            return None
        return self.covered_from, self.covered_to


def _may_hold(file: DataFile, since: datetime | None, until: datetime | None) -> bool:
    if file.oldest_event_at is None or file.newest_event_at is None:
        return since is None and until is None
    return (since is None or file.newest_event_at >= since) and (
        until is None or file.oldest_event_at < until
    )
