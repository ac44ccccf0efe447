"""``collect``: take logs in, lose none, double none, name every object that could not be taken in.

1. List every source; what is not in CloudTrail's layout is a finding, what is in the ledger is done.
2. Read and inflate the new objects in parallel, parse them, gather them into batches.
3. Commit each batch: events and ledger rows become visible together. A crash loses at most the batch at hand,
   which the next run reads again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import StrEnum

from trailkeep.core.layout import DigestKey, LogKey, StrangeKey, parse_key
from trailkeep.core.objects import ObjectReadError, ObjectRef, Objects
from trailkeep.core.verdict import Verdict, VerdictKind
from trailkeep.keep.inflate import LogFileError, inflate
from trailkeep.keep.records import Note, Rows, Source, read_log
from trailkeep.lake.ingest import Batch, Incoming, Known, commit_batch, known_objects
from trailkeep.lake.ledger import LedgerRow
from trailkeep.lake.state import State
from trailkeep.lake.table import Lake

__all__ = ["BATCH_OBJECTS", "Collected", "Finding", "Progress", "Severity", "collect"]

_BATCH_BYTES = 64 << 20
_BATCH_EVENTS = 100_000
_AHEAD_BYTES = 64 << 20
BATCH_OBJECTS = 10_000
_READERS = 16
_AHEAD = 64
_LOG_ENDINGS = (".json", ".gz")
_FATAL_NOTES = frozenset({"record.not_object", "log.repeated_records", "log.extra_field"})


class Severity(StrEnum):
    """FAIL findings make the outcome FAIL; notes are said and change nothing."""

    FAIL = "fail"
    NOTE = "note"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What is wrong with one object; ``kind`` is stable."""

    kind: str
    object: str
    message: str
    severity: Severity = Severity.FAIL


@dataclass(slots=True, kw_only=True)
class Collected:
    """What one run did; ``read`` counts the events in the objects that were read, ``added`` the new ones."""

    listed: int = 0
    new: int = 0
    collected: int = 0
    failed: int = 0
    ignored: int = 0
    read: int = 0
    added: int = 0
    duplicates: int = 0
    findings: list[Finding] = field(default_factory=list)

    @property
    def verdict(self) -> Verdict:
        """FAIL when an object failed or a finding says so; UNKNOWN when nothing was there."""
        if self.failed or any(finding.severity is Severity.FAIL for finding in self.findings):
            return Verdict(kind=VerdictKind.FAIL, reason="there are findings")
        if self.listed == self.ignored:
            return Verdict(kind=VerdictKind.UNKNOWN, reason="no logs were found")
        return Verdict(kind=VerdictKind.PASS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Where a run stands; ``total`` is 0 while the listing goes on."""

    done: int
    total: int
    events: int
    bytes_read: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    place: Objects
    ref: ObjectRef
    key: LogKey | None


def collect(
    sources: Iterable[Objects],
    lake: Lake,
    *,
    progress: Callable[[Progress], None] = lambda _: None,
    commit_every: int = BATCH_OBJECTS,
) -> Collected:
    """Collect every new log of ``sources`` into ``lake`` and return what was done.

    Args:
        sources: where the logs are.
        lake: where the events go.
        progress: told after every object.
        commit_every: objects in a commit at the most; it ends at 64 MiB of logs or 100,000 events too.

    Raises:
        LakeError: the lake cannot be written; what was committed stays.
        LakeLockedError: another run is at work.
        AwsCallError: a source cannot be listed.
    """
    result = Collected()
    with lake.writing():
        state = lake.current()
        known = known_objects(lake, state)
        wanted = list(_new_objects(sources, known.versions, result))
        result.new = len(wanted)
        run = _Run(
            lake=lake,
            state=state,
            result=result,
            progress=progress,
            known=known,
            total=len(wanted),
            commit_every=commit_every,
        )
        for item, content in _read_ahead(wanted):
            run.take(item, content)
        run.commit()
    return result


def _new_objects(
    sources: Iterable[Objects], known: set[tuple[str, str]], result: Collected
) -> Iterator[_Wanted]:
    seen = set()
    for place, ref in _listed(sources):
        if ref.name in seen:
            continue
        seen.add(ref.name)
        result.listed += 1
        key = _key(ref)
        if isinstance(key, DigestKey) or (isinstance(key, StrangeKey) and not place.explicit):
            result.ignored += 1
            result.findings.extend(_strange(ref, key) if isinstance(key, StrangeKey) else ())
        elif (ref.name, ref.version) not in known:
            yield _Wanted(place=place, ref=ref, key=key if isinstance(key, LogKey) else None)


def _listed(sources: Iterable[Objects]) -> Iterator[tuple[Objects, ObjectRef]]:
    for place in sources:
        for ref in place.listed():
            yield place, ref


def _key(ref: ObjectRef) -> LogKey | DigestKey | StrangeKey:
    """Read the key of an object; a log that somebody has unzipped (``.json``) keeps its place."""
    first, *others = (key if key.endswith(".gz") else f"{key}.gz" for key in ref.keys)
    parsed = parse_key(first)
    for other in others:
        if isinstance(parsed, StrangeKey) and not isinstance(again := parse_key(other), StrangeKey):
            return again
    return parsed


def _strange(ref: ObjectRef, key: StrangeKey) -> Iterator[Finding]:
    looks_like_log = ref.name.endswith(_LOG_ENDINGS)
    yield Finding(
        kind="key.unparsable" if looks_like_log else "key.foreign",
        object=ref.name,
        message=f"not collected: {key.reason}; to take it in all the same, name the file itself",
        severity=Severity.FAIL if looks_like_log else Severity.NOTE,
    )


def _read_ahead(wanted: Iterable[_Wanted]) -> Iterator[tuple[_Wanted, bytes | ObjectReadError]]:
    """Yield the stored bytes (or what went wrong) of every object in order.

    Some objects are read ahead, as long as they are small together: memory does not grow with the archive.
    """
    items = iter(wanted)
    with ThreadPoolExecutor(_READERS, thread_name_prefix="read") as pool:
        queue: deque[tuple[_Wanted, Future[bytes]]] = deque()
        ahead_bytes = 0
        try:
            while True:
                while len(queue) < _AHEAD and ahead_bytes < _AHEAD_BYTES and (item := next(items, None)):
                    queue.append((item, pool.submit(item.place.read, item.ref)))
                    ahead_bytes += item.ref.size_bytes
                if not queue:
                    return
                item, future = queue.popleft()
                yield item, _outcome(future)
                ahead_bytes -= item.ref.size_bytes
        finally:
            pool.shutdown(cancel_futures=True)


def _outcome(future: Future[bytes]) -> bytes | ObjectReadError:
    try:
        return future.result()
    except ObjectReadError as error:
        return error


@dataclass(slots=True, kw_only=True)
class _Run:
    lake: Lake
    state: State
    result: Collected
    progress: Callable[[Progress], None]
    known: Known
    total: int
    commit_every: int
    batch: Batch = field(default_factory=Batch)
    done: int = 0
    bytes_read: int = 0

    def take(self, item: _Wanted, content: bytes | ObjectReadError) -> None:
        """Put one object into the batch at hand, or name what is wrong with it."""
        self.done += 1
        try:
            if isinstance(content, ObjectReadError):
                raise content
            body = inflate(content)
            rows, notes = read_log(body, _source(item))
        except ObjectReadError as error:
            self._fail(item.ref, "object.unreadable", str(error))
        except LogFileError as error:
            self._fail(item.ref, error.kind, error.message)
        else:
            self.bytes_read += len(body)
            self._add(item, rows, notes, len(body))
        self.progress(
            Progress(done=self.done, total=self.total, events=self.result.read, bytes_read=self.bytes_read)
        )

    def _add(self, item: _Wanted, rows: Rows, notes: tuple[Note, ...], size_bytes: int) -> None:
        self.result.read += len(rows.events)
        self._note(item.ref, notes)
        self._compare(item.ref, rows)
        is_copy = bytes.fromhex(rows.sha256) in self.known.contents
        row = _ledger_row(item, rows)
        self.batch.add(Incoming(rows=rows, notes=notes, row=row, is_copy=is_copy), size_bytes)
        self.known.add(item.ref.name, item.ref.version, rows.sha256)
        if (
            self.batch.size_bytes >= _BATCH_BYTES
            or self.batch.events >= _BATCH_EVENTS
            or len(self.batch.logs) >= self.commit_every
        ):
            self.commit()

    def _compare(self, ref: ObjectRef, rows: Rows) -> None:
        """Say when an object holds something else than it did before: a log is never written twice."""
        before = self.known.hashes.get(ref.name)
        if before is not None and before != bytes.fromhex(rows.sha256):
            self.result.findings.append(
                Finding(
                    kind="object.changed",
                    object=ref.name,
                    message=f"expected the content with SHA-256 {before.hex()}, got {rows.sha256}; "
                    "both contents are in the lake, look at the object's versions",
                )
            )

    def commit(self) -> None:
        """Commit the batch at hand, if there is one."""
        if not self.batch.logs:
            return
        self.state, done = commit_batch(self.lake, self.state, self.batch)
        self.batch = Batch()
        self.result.collected += done.objects
        self.result.added += done.added
        self.result.duplicates += done.duplicates
        self.result.findings.extend(
            Finding(
                kind="event.conflict",
                object=name,
                message=f"record {position}: eventID {event_id} has another body elsewhere; both are kept",
            )
            for name, position, event_id in done.conflicts
        )

    def _fail(self, ref: ObjectRef, kind: str, message: str) -> None:
        self.result.failed += 1
        self.result.findings.append(Finding(kind=kind, object=ref.name, message=message))

    def _note(self, ref: ObjectRef, notes: tuple[Note, ...]) -> None:
        for note in notes:
            self.result.findings.append(
                Finding(
                    kind=note.kind,
                    object=ref.name,
                    message=note.message,
                    severity=Severity.FAIL if note.kind in _FATAL_NOTES else Severity.NOTE,
                )
            )


def _source(item: _Wanted) -> Source:
    key = item.key
    return Source(
        object=item.ref.name,
        version=item.ref.version,
        account_id=key.account_id if key else "",
        region=key.region if key else "",
        delivered_at=key.delivered_at if key else None,
    )


def _ledger_row(item: _Wanted, rows: Rows) -> LedgerRow:
    key = item.key
    return LedgerRow(
        object=item.ref.name,
        version=item.ref.version,
        size_bytes=item.ref.size_bytes,
        sha256=rows.sha256,
        account_id=key.account_id if key else "",
        region=key.region if key else "",
        family=str(key.family) if key else "",
        delivered_at=key.delivered_at if key else None,
        events=len(rows.events),
        added=0,
        duplicates=0,
        findings="[]",
    )
