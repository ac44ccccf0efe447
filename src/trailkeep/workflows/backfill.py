"""``backfill``: save the Event history of every account and region before AWS forgets it.

1. Each history is read from now back to the horizon of 90 days, several histories at once.
2. When the reading passes midnight, the events of the day become a log, and then the day is remembered.
3. A later run asks for what is missing: days that were not finished, and the newest ones, which may grow.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from threading import Event, Lock

from trailkeep.aws.history import HistoryEvent, Place, Reader
from trailkeep.core.errors import AwsCallError, StoppedError
from trailkeep.core.verdict import Verdict, VerdictKind
from trailkeep.keep.history import DAY_S, HORIZON_S, Saved, Shelf, Span, is_final, missing
from trailkeep.workflows.backfill_folder import BackfillFolder
from trailkeep.workflows.backfill_survey import Skipped, Survey, Unread

__all__ = ["WORKERS", "Backfilled", "Estimate", "Progress", "backfill", "estimate"]

WORKERS = 32
_PART_EVENTS = 20_000
_LOG_BYTES = 8_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """The least that a run costs: one call for each stretch of time that is missing."""

    calls: int
    seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Where a run stands; ``share`` (0 to 1) is the share of the time asked for that was read."""

    done: int
    total: int
    share: float
    calls: int
    events: int


@dataclass(slots=True, kw_only=True)
class Backfilled:
    """What one run did; ``days`` counts days of an account and region that have events."""

    places: int
    skipped: tuple[Skipped, ...] = ()
    unread: list[Unread] = field(default_factory=list)
    calls: int = 0
    events: int = 0
    known: int = 0
    files: int = 0
    days: int = 0

    @property
    def complete(self) -> int:
        """How many histories were read to their end, every event of them sound."""
        return self.places - len({(one.account, one.region) for one in self.unread if one.region})

    @property
    def verdict(self) -> Verdict:
        """PASS when all was read; UNKNOWN otherwise."""
        if self.unread:
            return Verdict(kind=VerdictKind.UNKNOWN, reason="not every history could be read")
        if not self.places:
            return Verdict(kind=VerdictKind.UNKNOWN, reason="no history was found")
        return Verdict(kind=VerdictKind.PASS)


def estimate(places: Sequence[Place], folder: BackfillFolder, *, now: int) -> Estimate:
    """Return the least that a run at epoch second ``now`` costs; AWS allows 2 calls a second and history."""
    spans = [len(_missing(folder, place, now)[1]) for place in places]
    together = 2 * min(WORKERS, max(1, sum(count > 0 for count in spans)))
    return Estimate(calls=sum(spans), seconds=math.ceil(sum(spans) / together))


def backfill(
    found: Survey,
    folder: BackfillFolder,
    *,
    organization_id: str,
    reader: Callable[[Callable[[], None]], Reader],
    now: int,
    stop: Event,
    progress: Callable[[Progress], None] = lambda _: None,
) -> Backfilled:
    """Save what is missing of the histories found and return what was done.

    Args:
        found: the histories.
        folder: where the logs go.
        organization_id: the organization that the logs are filed under, empty for one account's own.
        reader: makes the reader, given what it shall call at every call of its own.
        now: epoch second of the run.
        stop: set when the run shall end; whoever waits for AWS then has to raise ``StoppedError``.
        progress: told after every page.

    Raises:
        StoppedError: the disk refuses, the credentials end or another run is at work; what was saved stays.
    """
    result = Backfilled(places=len(found.places), skipped=found.skipped, unread=list(found.unread))
    run = _Run(
        folder=folder,
        organization_id=organization_id,
        now=now,
        stop=stop,
        result=result,
        progress=progress,
    )
    run.reader = reader(run.called)
    with folder.writing(), ThreadPoolExecutor(WORKERS, thread_name_prefix="history") as pool:
        futures = [pool.submit(run.fill, place) for place in found.places]
        try:
            for future in as_completed(futures):
                future.result()
        except BaseException:
            stop.set()
            pool.shutdown(cancel_futures=True)
            raise
    result.unread.sort()
    return result


def _missing(folder: BackfillFolder, place: Place, now: int) -> tuple[Saved, tuple[Span, ...]]:
    saved = folder.saved(place).since(now - HORIZON_S)
    return saved, missing(saved, now)


@dataclass(slots=True, kw_only=True)
class _Run:
    """What the histories that are read at once share."""

    folder: BackfillFolder
    organization_id: str
    now: int
    stop: Event
    result: Backfilled
    progress: Callable[[Progress], None]
    reader: Reader = field(init=False)
    lock: Lock = field(default_factory=Lock)
    shares: dict[Place, float] = field(default_factory=dict)
    done: int = 0

    def called(self) -> None:
        """Count a call."""
        with self.lock:
            self.result.calls += 1

    def fill(self, place: Place) -> None:
        """Save what is missing of one history; that AWS refuses it is noted, and ends nothing else."""
        if self.stop.is_set():
            return
        history = _History(run=self, place=place)
        try:
            history.fill()
        except AwsCallError as error:
            self.unread(place, error.call, str(error).removeprefix(f"{error.call}: "))
        with self.lock:
            self.done += 1
        self.tell(place, 1.0)

    def unread(self, place: Place, call: str, error: str) -> None:
        """Note what could not be read."""
        with self.lock:
            self.result.unread.append(
                Unread(account=place.account, region=place.region, call=call, error=error)
            )

    def tell(self, place: Place, share: float) -> None:
        """Tell how far one history, and with it the run, has come."""
        with self.lock:
            self.shares[place] = share
            at = Progress(
                done=self.done,
                total=self.result.places,
                share=sum(self.shares.values()) / self.result.places,
                calls=self.result.calls,
                events=self.result.events,
            )
            self.progress(at)


@dataclass(slots=True, kw_only=True)
class _History:
    """One history while it is read; ``waiting`` holds events, by day, that are in no log yet."""

    run: _Run
    place: Place
    saved: Saved = field(default_factory=Saved)
    waiting: dict[int, list[HistoryEvent]] = field(default_factory=dict)
    known: dict[int, set[str]] = field(default_factory=dict)

    def fill(self) -> None:
        """Read and save every stretch of time that is missing."""
        self.saved, spans = _missing(self.run.folder, self.place, self.run.now)
        whole = sum(span.until - span.since + 1 for span in spans)
        before = 0
        for span in spans:
            for oldest in self._read(span):
                self.run.tell(self.place, (before + span.until - oldest) / whole)
            before += span.until - span.since + 1

    def _read(self, span: Span) -> Iterator[int]:
        """Read one stretch backwards, yielding how far it came; what a refusal interrupts is saved too."""
        newest = span.days[-1]
        try:
            for events in self.run.reader.pages(self.place, span.since, span.until):
                for event in events:
                    self.waiting.setdefault(event.at // DAY_S, []).append(event)
                if not events:
                    continue
                oldest = min(event.at for event in events)
                if oldest // DAY_S < newest:
                    self._finish(range(oldest // DAY_S + 1, newest + 1))
                    newest = oldest // DAY_S
                elif len(self.waiting[newest]) >= _PART_EVENTS:
                    self._finish_part(newest)
                if self.run.stop.is_set():
                    raise StoppedError("backfill: stopped; run the same command again to go on")
                yield oldest
        except AwsCallError:
            for day in sorted(self.waiting):
                self._write(day, self.waiting.pop(day))
            raise
        self._finish(range(span.days[0], newest + 1))

    def _finish(self, days: range) -> None:
        """Save days that were read to their beginning, and remember those that will not grow any more."""
        for day in sorted(day for day in self.waiting if day >= days[0]):
            self._write(day, self.waiting.pop(day))
            del self.known[day]
        final = [day for day in days if is_final(day, self.run.now)]
        if final:
            self.saved = self.saved.with_final(final)
            self.run.folder.save(self.place, self.saved)

    def _finish_part(self, day: int) -> None:
        """Save a busy day but for its oldest second so far, which may go on in the next page."""
        oldest = min(event.at for event in self.waiting[day])
        part = [event for event in self.waiting[day] if event.at > oldest]
        self.waiting[day] = [event for event in self.waiting[day] if event.at <= oldest]
        self._write(day, part)
        if part and is_final(day, self.run.now):
            self.saved = self.saved.with_part(day, oldest)
            self.run.folder.save(self.place, self.saved)

    def _write(self, day: int, events: list[HistoryEvent]) -> None:
        """Write the events of a day that no log holds yet."""
        shelf = Shelf(
            organization_id=self.run.organization_id,
            account=self.place.account,
            region=self.place.region,
            day=day,
        )
        is_first = day not in self.known
        known = self.known.setdefault(day, set()) if not is_first else self.run.folder.event_ids(shelf)
        fresh = [event for event in self._sound(events) if event.event_id not in known]
        files = 0
        for texts in _split(
            event.text for event in sorted(fresh, key=lambda event: (event.at, event.event_id))
        ):
            self.run.folder.add(shelf.log(texts))
            files += 1
        self.known[day] = known | {event.event_id for event in fresh} - {""}
        with self.run.lock:
            self.run.result.events += len(fresh)
            self.run.result.known += len(events) - len(fresh)
            self.run.result.files += files
            self.run.result.days += bool(fresh) and is_first

    def _sound(self, events: list[HistoryEvent]) -> Iterator[HistoryEvent]:
        for event in events:
            if _is_record(event.text):
                yield event
            else:
                self.run.unread(
                    self.place,
                    "cloudtrail:LookupEvents",
                    f"event {event.event_id}: expected a record as JSON, got {event.text[:80]!r}",
                )


def _is_record(text: str) -> bool:
    try:
        return isinstance(json.loads(text.encode()), dict)
    except (ValueError, RecursionError):
        return False


def _split(texts: Iterable[str]) -> Iterator[list[str]]:
    """Yield the texts in pieces whose logs do not grow too big."""
    piece: list[str] = []
    size_bytes = 0
    for text in texts:
        if size_bytes >= _LOG_BYTES:
            yield piece
            piece, size_bytes = [], 0
        piece.append(text)
        size_bytes += len(text)
    if piece:
        yield piece
