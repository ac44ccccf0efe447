"""What is left once a place's digests and logs are read: gaps, logs that no digest names, rows and counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

import msgspec

from trailkeep.aws.stored import Archive, Stored
from trailkeep.core.layout import LogKey, StrangeKey, parse_key
from trailkeep.core.verdict import VerdictKind
from trailkeep.keep.chain_parts import HOUR, ChainId, ChainResult, Gap, Proof
from trailkeep.keep.coverage import Expected, ExpectedAccount, ends, hours, unlisted_logs
from trailkeep.keep.gaps import coverage_gap, explain_gap, stop_of, stopped_by
from trailkeep.keep.integrity import Finding, Kind, found
from trailkeep.keep.verification import (
    ChainVerdict,
    DayCell,
    DigestProof,
    ObjectVerdict,
    Standing,
)
from trailkeep.workflows.verify_cells import day_cells, hours_of_chain
from trailkeep.workflows.verify_history import TrailHistory
from trailkeep.workflows.verify_place import LogResult, Placed, is_asked
from trailkeep.workflows.verify_places import Range

__all__ = ["Closing", "Judged", "close_place"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Closing:
    """What all places are judged by; ``left`` are accounts that are there and no longer expected to go on.

    ``accounts`` are those of ``expected`` by their ids.
    """

    expected: Expected
    accounts: Mapping[str, ExpectedAccount]
    history: TrailHistory
    owner: str
    asked: Range
    left: frozenset[str]
    as_of: datetime
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """All about one place; ``keys`` counts the digests that each fingerprint proved."""

    findings: tuple[Finding, ...]
    chains: tuple[ChainVerdict, ...]
    cells: tuple[DayCell, ...]
    rows: tuple[ObjectVerdict, ...]
    proofs: tuple[DigestProof, ...]
    keys: Mapping[tuple[str, str], int]
    checked: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Gaps:
    """The gaps of a chain; ``unsigned`` are the explained ones in which logs came all the same."""

    explained: tuple[Gap, ...]
    unsigned: tuple[Gap, ...]
    uncovered: tuple[Gap, ...]
    findings: tuple[Finding, ...]


def close_place(archive: Archive, place: Placed, by: Closing) -> Judged:
    """Judge what is left of a place."""
    is_begun = place.listing.place.since is not None
    gaps = {chain: _gaps(chain, result, by, is_begun=is_begun) for chain, result in place.chains.items()}
    findings = [*place.findings, *(one for each in gaps.values() for one in each.findings)]
    findings += [one for log in place.logs.values() for one in log.findings]
    unlisted = _unlisted(archive, place, gaps, by)
    findings += unlisted.values()
    findings += _unsigned(place, gaps, by)
    rows = tuple(_Rows(archive, place, unlisted, by).all())
    return Judged(
        findings=tuple(findings),
        chains=tuple(_chains(place, gaps, unlisted)),
        cells=tuple(_cells(place, gaps, by)),
        rows=rows,
        proofs=tuple(_proofs(place)),
        keys=Counter(
            (one.digest.region, one.digest.fingerprint)
            for result in place.chains.values()
            for one in result.digests
            if one.state is Proof.SIGNATURE
        ),
        checked=sum(len(result.proven) for result in place.chains.values()) + len(place.logs),
    )


def _gaps(chain: ChainId, result: ChainResult, by: Closing, *, is_begun: bool) -> _Gaps:
    account = by.accounts.get(chain.account, ExpectedAccount(account=chain.account))
    if chain.account in by.left and result.head:
        account = replace(account, left_at=result.head.ends_at + HOUR)
    found_gaps = list(result.gaps)
    if by.expected.trail_name in ("", chain.trail_name):
        found_gaps += _ends(chain, result, account, by, is_begun=is_begun)
    is_back = any(one.kind is Kind.HEAD_ROLLED_BACK for one in result.findings)
    newest = max((one.digest.ends_at for one in result.digests if not one.digest.backfill), default=None)
    explained: list[Gap] = []
    unsigned: list[Gap] = []
    uncovered: list[Gap] = []
    findings: list[Finding] = []
    for gap in found_gaps:
        note, logs_go_on = _explained(gap, account, by)
        (explained if note else uncovered).append(gap)
        unsigned += [gap] if logs_go_on else []
        if note or not (is_back and gap.since == newest):  # else the head that is gone says it already
            findings.append(note or _uncovered(gap, result, by))
    return _Gaps(
        explained=tuple(explained),
        unsigned=tuple(unsigned),
        uncovered=tuple(uncovered),
        findings=tuple(findings),
    )


def _explained(gap: Gap, account: ExpectedAccount, by: Closing) -> tuple[Finding | None, bool]:
    """Return the note that explains a gap, and whether logs go on in it.

    The trail's history is asked only where nothing else explains the gap.
    """
    note = explain_gap(gap, (), joined_at=account.joined_at, left_at=account.left_at)
    if note:
        return note, False
    told = by.history.of(gap)
    stop = stop_of(gap, told.events, owner=by.owner, others=told.spans.get(gap.chain.trail_name, ()))
    return (stopped_by(gap, stop), stop.logs_go_on) if stop else (None, False)


def _ends(
    chain: ChainId, result: ChainResult, account: ExpectedAccount, by: Closing, *, is_begun: bool
) -> list[Gap]:
    """Return the gaps at both ends; a chain that is begun at its head has none before it."""
    expected = replace(by.expected, since=None) if is_begun else by.expected
    account = replace(account, joined_at=None) if is_begun else account
    return ends(expected, account, chain, result.digests, as_of=by.as_of)


def _uncovered(gap: Gap, result: ChainResult, by: Closing) -> Finding:
    """Return the finding; a chain whose signed first digest says that it begins there may have begun late."""
    finding = coverage_gap(gap)
    first = next((one for one in result.digests if not one.digest.backfill), None)
    begins = first and first.state is not Proof.NONE and first.digest.previous_key is None
    if first and begins and gap.until == first.digest.starts_at and by.asked.since is None:
        message = (
            f"{finding.message}; the first digest says that it is the first: the Region may be enabled "
            "for less time than the trail, or all before it was erased"
        )
        return msgspec.structs.replace(finding, message=message, verdict=VerdictKind.UNKNOWN)
    return finding


def _unlisted(
    archive: Archive, place: Placed, gaps: Mapping[ChainId, _Gaps], by: Closing
) -> dict[str, Finding]:
    holes = [hole for result in place.chains.values() for hole in result.holes]
    holes += [gap for each in gaps.values() for gap in (*each.uncovered, *each.unsigned)]
    heads = [result.head.ends_at for result in place.chains.values() if result.head]
    judged = unlisted_logs(
        _unnamed(place, by),
        place.named,
        bucket=archive.bucket,
        holes=holes,
        newest_end=max(heads, default=None),
        as_of=by.as_of,
    )
    prefix = f"s3://{archive.bucket}/"
    return {
        one.object.removeprefix(prefix): msgspec.structs.replace(
            one, object=archive.address(one.object.removeprefix(prefix))
        )
        for one in judged.findings
    }


def _unnamed(place: Placed, by: Closing) -> list[str]:
    """Return the logs that are there and that no proven digest names."""
    return [
        key
        for key, versions in place.listing.logs.items()
        if key not in place.named and versions.current and is_asked(key, by.asked)
    ]


def _unsigned(place: Placed, gaps: Mapping[ChainId, _Gaps], by: Closing) -> Iterator[Finding]:
    """Yield what is said of the logs that came while validation was off: nobody can prove or refute them."""
    every = [gap for each in gaps.values() for gap in each.unsigned]
    names = [parse_key(key) for key in _unnamed(place, by)] if every else []
    for gap in every:
        count = sum(isinstance(name, LogKey) and gap.since <= name.delivered_at < gap.until for name in names)
        if count:
            yield found(
                Kind.LOG_UNLISTED,
                f"{place.account}/{place.region}",
                f"{count} logs from {gap.since:%FT%TZ} to {gap.until:%FT%TZ}: "
                "expected digests that name them, got none: validation was switched off",
                account=place.account,
                region=place.region,
                verdict=VerdictKind.UNKNOWN,
            )


def _chains(
    place: Placed, gaps: Mapping[ChainId, _Gaps], unlisted: Mapping[str, Finding]
) -> Iterator[ChainVerdict]:
    left = sum(one.kind is Kind.LOG_UNLISTED for one in unlisted.values())
    for chain, result in place.chains.items():
        yield _chain(place, chain, result, gaps[chain], left)
        left = 0
    if not place.chains and (place.listing.logs or place.listing.digests):
        yield _nothing(place, left)


def _chain(place: Placed, chain: ChainId, result: ChainResult, gaps: _Gaps, unlisted: int) -> ChainVerdict:
    named = {
        log.key
        for one in result.digests
        if one.state is not Proof.NONE
        for log in one.digest.logs
        if log.key in place.named
    }
    verified = sum(_is_verified(place.logs.get(key)) for key in named)
    missing = sum(one.kind is Kind.DIGEST_MISSING for one in result.findings)
    failed = len(result.digests) - len(result.proven) + missing + len(place.unread)
    read = [one for one in result.digests if one.digest.key not in place.below]
    counted = hours(read, gaps.explained, gaps.uncovered)
    first = result.digests[0].digest.key if result.digests else ""
    return ChainVerdict(
        account=chain.account,
        region=chain.region,
        trail_name=chain.trail_name,
        home_region=chain.home_region,
        digests_expected=len(result.proven) + failed,
        digests_verified=len(result.proven),
        digests_failed=failed,
        logs_listed=len(named),
        logs_verified=verified,
        logs_failed=len(named - place.skipped) - verified,
        logs_unlisted=unlisted,
        first_key=first,
        head=result.head,
        hours_covered=counted.covered,
        hours_explained=counted.explained,
        hours_uncovered=counted.uncovered,
        logs_unread=len(named & place.skipped),
    )


def _is_verified(log: LogResult | None) -> bool:
    return log is not None and log.check is not None and log.check.proven


def _nothing(place: Placed, unlisted: int) -> ChainVerdict:
    return ChainVerdict(
        account=place.account,
        region=place.region,
        trail_name="",
        home_region="",
        digests_expected=len(place.unread),
        digests_verified=0,
        digests_failed=len(place.unread),
        logs_listed=0,
        logs_verified=0,
        logs_failed=0,
        logs_unlisted=unlisted,
        first_key="",
        head=None,
        hours_covered=0,
        hours_explained=0,
        hours_uncovered=0,
    )


def _cells(place: Placed, gaps: Mapping[ChainId, _Gaps], by: Closing) -> list[DayCell]:
    logs: dict[str, Iterable[Finding]] = {key: log.findings for key, log in place.logs.items()}
    missing = {key for key in place.named if key not in place.logs}
    gone = found(Kind.LOG_MISSING, "", "")
    unread = found(Kind.OBJECT_UNREADABLE, "", "")
    logs.update({key: (unread if key in place.skipped else gone,) for key in missing})
    chains = []
    for chain, result in place.chains.items():
        pending: tuple[Gap, ...] = ()
        if result.head and by.expected.until > result.head.ends_at:
            pending = (Gap(chain=chain, since=result.head.ends_at, until=by.expected.until),)
        chains.append(
            hours_of_chain(
                [one for one in result.digests if one.digest.key not in place.below],
                logs,
                explained=gaps[chain].explained,
                uncovered=(*gaps[chain].uncovered, *result.holes),
                pending=pending,
            )
        )
    return day_cells(place.account, place.region, chains)


def _proofs(place: Placed) -> Iterator[DigestProof]:
    for result in place.chains.values():
        for one in result.digests:
            if one.state is not Proof.NONE:
                digest = one.digest
                yield DigestProof(
                    key=digest.key,
                    region=digest.region,
                    fingerprint=digest.fingerprint,
                    sha256=digest.sha256,
                    signature=(one.signature or "") if one.state is Proof.SIGNATURE else "",
                )


class _Rows:
    """The verdicts of the objects of one place."""

    def __init__(self, archive: Archive, place: Placed, unlisted: Mapping[str, Finding], by: Closing) -> None:
        self._archive = archive
        self._place = place
        self._unlisted = unlisted
        self._by = by
        every = [one for result in place.chains.values() for one in result.digests]
        self._read = {one.digest.key: one for one in every}
        self._listed_in = {
            log.key: one.digest.key for one in every if one.state is not Proof.NONE for log in one.digest.logs
        }

    def all(self) -> Iterator[ObjectVerdict]:
        listing = self._place.listing
        for versions in listing.digests.values():
            if versions.current:
                yield self._digest(versions.current)
        for key, versions in listing.logs.items():
            if versions.current and is_asked(key, self._by.asked) and key not in self._place.skipped:
                yield self._log(versions.current)
        for key in self._place.named:
            if key not in listing.logs or listing.logs[key].current is None:
                yield self._row(Stored(key=key), "log", Standing.MISSING)

    def _digest(self, stored: Stored) -> ObjectVerdict:
        read = self._read.get(stored.key)
        if read is None:
            fault = self._place.unread.get(stored.key)
            is_unread = fault is not None and fault.kind is Kind.OBJECT_UNREADABLE
            return self._row(stored, "digest", Standing.UNREADABLE if is_unread else Standing.ALTERED)
        if read.version != stored.version:
            return self._row(stored, "digest", Standing.ALTERED)
        standing = Standing.VERIFIED
        if read.state is Proof.NONE:
            is_unknown = all(one.verdict is VerdictKind.UNKNOWN for one in read.findings)
            standing = Standing.UNPROVEN if is_unknown else Standing.ALTERED
        digest = read.digest
        return self._row(stored, "digest", standing, hashes=(digest.stored_sha256, digest.sha256))

    def _log(self, stored: Stored) -> ObjectVerdict:
        log = self._place.logs.get(stored.key)
        hashes = (log.check.stored_sha256, log.check.content_sha256) if log and log.check else ("", "")
        row = self._row(stored, "log", self._standing(stored.key, log), hashes=hashes)
        return msgspec.structs.replace(row, checked_at=log.resumed_at) if log and log.resumed_at else row

    def _standing(self, key: str, log: LogResult | None) -> Standing:
        if log is not None:
            kinds = {one.kind for one in log.findings}
            if Kind.OBJECT_DELETE_MARKER in kinds or Kind.LOG_MISSING in kinds:
                return Standing.MISSING
            if Kind.OBJECT_UNREADABLE in kinds:
                return Standing.UNREADABLE
            return Standing.VERIFIED if _is_verified(log) else Standing.ALTERED
        if key in self._place.named:
            return Standing.UNREADABLE
        unlisted = self._unlisted.get(key)
        if unlisted is None:
            return Standing.UNPROVEN
        return Standing.PENDING if unlisted.kind is Kind.NOTE_PENDING else Standing.UNLISTED

    def _row(
        self, stored: Stored, kind: str, standing: Standing, *, hashes: tuple[str, str] = ("", "")
    ) -> ObjectVerdict:
        name = parse_key(stored.key)
        at = None
        if not isinstance(name, StrangeKey):
            at = name.delivered_at if isinstance(name, LogKey) else name.ends_at
        return ObjectVerdict(
            object=self._archive.address(stored.key),
            version=stored.version,
            kind=kind,
            account=self._place.account,
            region=self._place.region,
            standing=standing,
            stored_sha256=hashes[0],
            content_sha256=hashes[1],
            listed_in=self._listed_in.get(stored.key, ""),
            size_bytes=stored.size_bytes,
            ends_at=at,
            checked_at=self._by.now,
        )
