"""One account and Region: its digests proven and linked, its logs compared with them, what is left over.

``open_places`` reads the digests, ``read_logs`` the logs, ``close_place`` judges gaps and what is unlisted.
Where a version cannot be proven and an earlier one can, that one stands in for the chain and is named.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeVar

import msgspec

from trailkeep.aws.stored import Archive, Got, Reason, Stored, Unread
from trailkeep.core.layout import DigestKey, LogKey, parse_key
from trailkeep.keep.chain import judge_chain, prove
from trailkeep.keep.chain_parts import ChainId, ChainResult, Head, ReadDigest, chain_of
from trailkeep.keep.coverage import listed_logs, missing_logs, unexpected_key
from trailkeep.keep.digest import DigestError, Listed, LogCheck, check_log, read_digest
from trailkeep.keep.gaps import TrailEvent
from trailkeep.keep.inflate import inflate
from trailkeep.keep.integrity import Finding, Kind, found
from trailkeep.keep.signing_keys import KeyRing
from trailkeep.workflows.verify_events import events_in
from trailkeep.workflows.verify_places import Listing, Range, Versions
from trailkeep.workflows.verify_saved import Saved, SavedLog, is_same

__all__ = ["LogResult", "Placed", "is_asked", "leave_out", "open_places", "read_logs"]

_T = TypeVar("_T")

_GENERATED = "backfill-generation-timestamp"
_Judged = ReadDigest | DigestError | Unread


@dataclass(frozen=True, slots=True, kw_only=True)
class LogResult:
    """What reading one listed log gave; ``resumed_at`` is when a run that was cut off read it."""

    stored: Stored
    check: LogCheck | None
    findings: tuple[Finding, ...]
    resumed_at: datetime | None = None


@dataclass(slots=True, kw_only=True)
class Placed:
    """A place whose digests were read; ``unread`` are digests that are there and prove nothing.

    ``named`` are the logs that proven digests name, within the asked time; ``logs`` what reading each gave;
    ``skipped`` those of them that are not to be read. ``below`` are the keys of the heads that a run goes on
    from: what they name is no part of this run.
    """

    listing: Listing
    chains: dict[ChainId, ChainResult] = field(default_factory=dict)
    unread: dict[str, Finding] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    named: dict[str, Listed] = field(default_factory=dict)
    logs: dict[str, LogResult] = field(default_factory=dict)
    skipped: set[str] = field(default_factory=set)
    below: frozenset[str] = frozenset()

    @property
    def account(self) -> str:
        """The account."""
        return self.listing.place.account

    @property
    def region(self) -> str:
        """The Region."""
        return self.listing.place.region


def open_places(
    archive: Archive,
    listings: Sequence[Listing],
    ring: KeyRing | None,
    *,
    as_of: datetime,
    asked: Range,
    head_of: Callable[[ChainId], Head | None] = lambda _: None,
    is_trusted: bool = False,
) -> list[Placed]:
    """Read and judge the digests of some places, all at once.

    ``head_of`` gives the head that a chain must lead back to; where ``is_trusted``, it proves what is below.
    """
    placed = [Placed(listing=one) for one in listings]
    owners = {key: one for one in placed for key in one.listing.digests}
    todo: list[Stored] = []
    for one in placed:
        for key, versions in one.listing.digests.items():
            if strange := unexpected_key(key, bucket=archive.bucket):
                one.findings.append(_moved_to(strange, archive.address(key)))
            elif versions.current:
                one.findings += _marked(archive, versions)
                todo.append(versions.current)
    reads: dict[int, list[ReadDigest]] = {}
    for stored, judged in archive.process(todo, lambda got: _judge(archive, got, ring)):
        one = owners[stored.key]
        read = _taken(archive, one, stored, judged, ring)
        if read:
            reads.setdefault(id(one), []).append(read)
    kept = archive.name.startswith("s3://") or any(
        read.signature for several in reads.values() for read in several
    )
    for one in placed:
        _link(
            one,
            reads.get(id(one), []),
            ring,
            as_of=as_of,
            asked=asked,
            metadata_kept=kept,
            head_of=head_of,
            is_trusted=is_trusted,
        )
    return placed


def _judge(archive: Archive, got: Got, ring: KeyRing | None) -> _Judged:
    if got.error:
        return got.error
    try:
        digest = read_digest(got.body, bucket=archive.bucket or None, key=got.stored.key)
    except DigestError as error:
        return error
    read = ReadDigest(
        digest=digest,
        signature=got.metadata.get("signature"),
        generated_at=_moment(got.metadata.get(_GENERATED, "")),
        version=got.stored.version,
    )
    return prove(read, ring)


def _moment(text: str) -> datetime | None:
    """Return the moment that metadata names; None where it names none, or one without an offset."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment.astimezone(UTC) if moment.tzinfo else None


def _taken(
    archive: Archive, place: Placed, stored: Stored, judged: _Judged, ring: KeyRing | None
) -> ReadDigest | None:
    """Return the digest that stands in the chain for a key; what is wrong with the newest is noted."""
    if isinstance(judged, ReadDigest) and not judged.findings:
        return judged
    if isinstance(judged, Unread) and judged.reason is Reason.GONE:
        return None
    faults = judged.findings if isinstance(judged, ReadDigest) else (_fault(archive, stored, judged),)
    older = _older(archive, place.listing.digests[stored.key], stored, lambda got: _judge(archive, got, ring))
    for version, other in older:
        if isinstance(other, ReadDigest) and not other.findings:
            place.findings += [_recoverable(one, stored, version) for one in faults]
            return other
    if isinstance(judged, ReadDigest):
        return judged
    place.unread[stored.key] = faults[0]
    return None


def _fault(archive: Archive, stored: Stored, judged: DigestError | Unread) -> Finding:
    kind = judged.kind if isinstance(judged, DigestError) else Kind.OBJECT_UNREADABLE
    return _about(archive, stored, kind, judged.message)


def _about(archive: Archive, stored: Stored, kind: Kind, message: str) -> Finding:
    key = parse_key(stored.key)
    account, region = (key.account_id, key.region) if isinstance(key, LogKey | DigestKey) else ("", "")
    return found(
        kind,
        archive.address(stored.key),
        message,
        version=stored.version,
        account=account,
        region=region,
    )


def _older(
    archive: Archive, versions: Versions, current: Stored, work: Callable[[Got], _T]
) -> Iterator[tuple[Stored, _T]]:
    """Yield what reading the other versions of an object gives."""
    others = [one for one in versions.all if not one.is_delete_marker and one != current]
    yield from archive.process(others, work) if others else ()


def _recoverable(fault: Finding, stored: Stored, version: Stored) -> Finding:
    """Return the finding with the way back to a version that is what CloudTrail wrote."""
    remedy = (
        f"version {version.version} is what CloudTrail wrote: keep both as evidence, and restore it with "
        f"'aws s3api copy-object --copy-source BUCKET/{stored.key}?versionId={version.version} ...'"
    )
    return msgspec.structs.replace(
        fault, message=f"{fault.message}; version {version.version} is proven", remedy=remedy
    )


def _marked(archive: Archive, versions: Versions) -> list[Finding]:
    if not versions.is_deleted:
        return []
    marker = versions.all[0]
    message = "object: expected to be there, got a delete marker in front of its versions"
    return [_about(archive, marker, Kind.OBJECT_DELETE_MARKER, message)]


def _moved_to(finding: Finding, address: str) -> Finding:
    return msgspec.structs.replace(finding, object=address)


def _link(
    place: Placed,
    reads: Iterable[ReadDigest],
    ring: KeyRing | None,
    *,
    as_of: datetime,
    asked: Range,
    metadata_kept: bool,
    head_of: Callable[[ChainId], Head | None],
    is_trusted: bool,
) -> None:
    chains: dict[ChainId, list[ReadDigest]] = {}
    for read in reads:
        chains.setdefault(chain_of(read.digest), []).append(read)
    for chain, several in chains.items():
        head = head_of(chain)
        result = judge_chain(
            several,
            ring=ring,
            anchor=head if is_trusted else None,
            remembered=head,
            unread=place.unread,
            metadata_kept=metadata_kept,
            complete=asked.since is None and place.listing.place.since is None,
            as_of=as_of,
            proved=True,
        )
        place.chains[chain] = result
        place.findings += result.findings
    place.findings += place.unread.values()
    every = [one for result in place.chains.values() for one in result.digests]
    named, odd = listed_logs(every)
    place.findings += odd
    place.named = {key: log for key, log in named.items() if is_asked(key, asked)}


def is_asked(key: str, asked: Range) -> bool:
    """Whether a log was delivered within the asked time."""
    name = parse_key(key)
    if not isinstance(name, LogKey):
        return True
    at = name.delivered_at
    return (asked.since is None or at >= asked.since) and (asked.until is None or at < asked.until)


def leave_out(place: Placed, count: int, choose: Callable[[Sequence[str], int], Sequence[str]]) -> None:
    """Leave all but ``count`` logs of each chain unread; what a delete marker hides is looked at anyway."""
    chosen: set[str] = set()
    for result in place.chains.values():
        named, _ = listed_logs(result.digests)
        keys = sorted(named.keys() & place.named.keys())
        chosen.update(choose(keys, min(count, len(keys))))
    for key in place.named.keys() - chosen:
        versions = place.listing.logs.get(key)
        if versions and versions.current and not versions.is_deleted:
            place.skipped.add(key)


def read_logs(
    archive: Archive, places: Sequence[Placed], *, owner: str, saved: Saved | None = None
) -> list[TrailEvent]:
    """Read every log that the places' proven digests name; return what its trails' owners did to them."""
    todo: list[Stored] = []
    owners: dict[str, Placed] = {}
    for place in places:
        place.findings += missing_logs(place.named, place.listing.logs, bucket=archive.bucket)
        lines = saved.of(place.account, place.region) if saved else {}
        wanted = [*_to_read(archive, place, lines)]
        owners |= dict.fromkeys((stored.key for stored in wanted), place)
        todo += wanted

    def check(got: Got) -> tuple[LogCheck | Unread, tuple[TrailEvent, ...]]:
        place = owners[got.stored.key]
        if got.error:
            return got.error, ()
        made = _checked(archive, got, place.named[got.stored.key])
        if (
            made.proven
            and place.account == (owner or place.account)
            and any(chain.home_region == place.region for chain in place.chains)
        ):
            return made, events_in(inflate(got.body), account=place.account, source=got.stored.key)
        return made, ()

    events: list[TrailEvent] = []
    for stored, (check_, said) in archive.process(todo, check):
        place = owners[stored.key]
        place.logs[stored.key] = _log_result(archive, place, stored, check_)
        events += said
        if saved and isinstance(check_, LogCheck) and check_.proven and not said:
            saved.add(place.account, place.region, stored, check_)
    return events


def _to_read(archive: Archive, place: Placed, lines: Mapping[str, SavedLog]) -> Iterator[Stored]:
    """Yield the logs that are to be read; those that were read before are taken as they are."""
    for key, listed in place.named.items():
        versions = place.listing.logs.get(key)
        if versions is None or listed.bucket != archive.bucket:
            continue
        if versions.current is None:
            place.findings += _marked(archive, versions)
        elif (line := lines.get(key)) and is_same(line, versions.current, listed):
            place.logs[key] = _resumed(archive, versions, versions.current, line)
        elif key not in place.skipped:
            yield versions.current


def _resumed(archive: Archive, versions: Versions, stored: Stored, line: SavedLog) -> LogResult:
    check = LogCheck(findings=(), content_sha256=line.content_sha256, stored_sha256=line.stored_sha256)
    return LogResult(
        stored=stored,
        check=check,
        findings=tuple(_marked(archive, versions)),
        resumed_at=line.checked_at,
    )


def _checked(archive: Archive, got: Got, listed: Listed) -> LogCheck:
    stored = got.stored
    return check_log(got.body, listed, object=archive.address(stored.key), version=stored.version)


def _log_result(archive: Archive, place: Placed, stored: Stored, check: LogCheck | Unread) -> LogResult:
    versions = place.listing.logs[stored.key]
    listed = place.named[stored.key]
    marked = tuple(_marked(archive, versions))
    if isinstance(check, LogCheck) and check.proven:
        return LogResult(stored=stored, check=check, findings=(*check.findings, *marked))
    if isinstance(check, LogCheck):
        faults = tuple(_placed(one, place) for one in check.findings)
    elif check.reason is Reason.GONE:
        message = f"log: expected at this key, as its digest says, got {check.message}"
        faults = (_about(archive, stored, Kind.LOG_MISSING, message),)
    else:
        faults = (_about(archive, stored, Kind.OBJECT_UNREADABLE, check.message),)

    def again(got: Got) -> bool:
        return got.error is None and _checked(archive, got, listed).proven

    for version, proven in _older(archive, versions, stored, again):
        if proven:
            faults = tuple(_recoverable(one, stored, version) for one in faults)
            break
    return LogResult(
        stored=stored, check=check if isinstance(check, LogCheck) else None, findings=(*faults, *marked)
    )


def _placed(finding: Finding, place: Placed) -> Finding:
    return msgspec.structs.replace(finding, account=place.account, region=place.region)
