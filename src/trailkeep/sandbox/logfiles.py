"""Log files as CloudTrail makes them from events: per account, Region and five minutes, a little untidy.

::

    10:00 .. 10:05   events happen                 -> one file, or more near the size limit
    10:10            the file is delivered            (its key carries this minute)
    hours later      a few files come late            (their keys carry that minute)
    within an hour   a few events come a second time, in a later file

Inside a file the events are in no order. Everything is decided by one seed; what is held in memory is the
open window, the events that will come again and the files that will come late, never the whole stream.

Source: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/get-and-view-cloudtrail-log-files.html
"""

from __future__ import annotations

import gzip
import hashlib
import string
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush
from random import Random

from trailkeep.core.errors import UsageError
from trailkeep.core.times import format_moment
from trailkeep.sandbox.events import Activity

__all__ = ["Habits", "LogFile", "build_log_files"]

_WINDOW_S = 300
_UNIQUE = string.ascii_letters + string.digits
_LATE_MINUTES = (60, 30 * 60)
_AGAIN_WINDOWS = (1, 12)
_FOREVER = 1 << 62


@dataclass(frozen=True, slots=True, kw_only=True)
class Habits:
    """How CloudTrail behaves.

    Args:
        seed: decides everything that is left to chance.
        file_limit_bytes: inflated size near which a window is split into several files.
        duplicate_rate: share of the events that are delivered again, 0 to 1.
        late_rate: share of the files that come hours late, 0 to 1.
        compression_level: of gzip, 1 to 9.
    """

    seed: int = 0
    file_limit_bytes: int = 4_000_000
    duplicate_rate: float = 0.002
    late_rate: float = 0.01
    compression_level: int = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class LogFile:
    """One log file; ``body`` is gzip, ``events`` counts first deliveries, ``duplicates`` repeated ones.

    ``sha256`` is of the inflated body; ``oldest`` and ``newest`` are the times of its events.
    """

    account_id: str
    region: str
    delivered_at: datetime
    unique: str
    body: bytes
    sha256: str
    oldest: datetime
    newest: datetime
    events: int
    duplicates: int
    is_late: bool


@dataclass(slots=True)
class _Window:
    """The events of one account and Region that the next file will hold."""

    oldest: datetime
    newest: datetime
    records: list[bytes] = field(default_factory=list)
    size_bytes: int = 0
    duplicates: int = 0

    def add(self, record: bytes, occurred_at: datetime, *, is_duplicate: bool) -> None:
        self.oldest, self.newest = min(self.oldest, occurred_at), max(self.newest, occurred_at)
        self.records.append(record)
        self.size_bytes += len(record)
        self.duplicates += is_duplicate


def build_log_files(activities: Iterable[Activity], habits: Habits) -> Iterator[LogFile]:
    """Yield the log files of a stream of activities, in the order of their delivery.

    Raises:
        UsageError: an activity comes before the window of the one before it.
    """
    builder = _Builder(habits)
    for activity in activities:
        index = int(activity.occurred_at.timestamp()) // _WINDOW_S
        if index != builder.index:
            builder.advance(index)
            yield from builder.due(index)
        builder.add(activity)
    builder.advance(_FOREVER)
    yield from builder.due(_FOREVER)


class _Builder:
    """The open window and what waits for later; ``index`` counts five-minute windows since 1970."""

    def __init__(self, habits: Habits) -> None:
        self.index = -1
        self._habits = habits
        self._random = Random(habits.seed)  # noqa: S311 - seeded on purpose, no secret
        self._open: dict[tuple[str, str], _Window] = {}
        self._again: list[tuple[int, int, tuple[str, str], Activity]] = []
        self._files: list[tuple[datetime, int, LogFile]] = []
        self._sequence = 0

    def add(self, activity: Activity) -> None:
        """Take an event into the open window, now and then also into a later one."""
        place = (activity.account_id, activity.region)
        self._put(place, activity, is_duplicate=False)
        if self._random.random() < self._habits.duplicate_rate:
            index = self.index + self._random.randint(*_AGAIN_WINDOWS)
            heappush(self._again, (index, self._next(), place, activity))

    def advance(self, index: int) -> None:
        """Close every window before ``index`` and open that one."""
        if index < self.index:
            raise UsageError(
                f"activity at {format_moment(_moment(index))}: expected it not before "
                f"{format_moment(_moment(self.index))}, the open window; give activities in order of time"
            )
        self._close()
        while self._again and self._again[0][0] < index:
            self.index = self._again[0][0]
            self._repeat()
            self._close()
        self.index = index
        self._repeat()

    def due(self, index: int) -> Iterator[LogFile]:
        """Yield the files that are delivered before any file of window ``index``."""
        while self._files and (index == _FOREVER or self._files[0][0] < _delivery(index)):
            yield heappop(self._files)[2]

    def _repeat(self) -> None:
        while self._again and self._again[0][0] == self.index:
            _, _, place, activity = heappop(self._again)
            self._put(place, activity, is_duplicate=True)

    def _put(self, place: tuple[str, str], activity: Activity, *, is_duplicate: bool) -> None:
        at = activity.occurred_at
        window = self._open.setdefault(place, _Window(oldest=at, newest=at))
        window.add(activity.record, at, is_duplicate=is_duplicate)
        if window.size_bytes >= self._habits.file_limit_bytes:
            self._finish(place, self._open.pop(place))

    def _close(self) -> None:
        for place in sorted(self._open):
            self._finish(place, self._open[place])
        self._open.clear()

    def _finish(self, place: tuple[str, str], window: _Window) -> None:
        self._random.shuffle(window.records)
        delivered_at = _delivery(self.index)
        is_late = self._random.random() < self._habits.late_rate
        if is_late:
            delivered_at += timedelta(minutes=self._random.randint(*_LATE_MINUTES))
        body = b'{"Records":[' + b",".join(window.records) + b"]}"
        file = LogFile(
            account_id=place[0],
            region=place[1],
            delivered_at=delivered_at,
            unique="".join(self._random.choices(_UNIQUE, k=16)),
            body=gzip.compress(body, self._habits.compression_level, mtime=0),
            sha256=hashlib.sha256(body).hexdigest(),
            oldest=window.oldest,
            newest=window.newest,
            events=len(window.records) - window.duplicates,
            duplicates=window.duplicates,
            is_late=is_late,
        )
        heappush(self._files, (delivered_at, self._next(), file))

    def _next(self) -> int:
        self._sequence += 1
        return self._sequence


def _moment(index: int) -> datetime:
    return datetime.fromtimestamp(index * _WINDOW_S, UTC)


def _delivery(index: int) -> datetime:
    """Return when a window is delivered: five minutes after its end."""
    return _moment(index + 2)
