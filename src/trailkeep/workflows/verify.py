"""``verify``: proves an archive from its signed digests, and says what is not proven.

1. The folders of the archive say which accounts and Regions it holds; AWS, where it may be asked, says which
   it should hold.
2. All digests of some places are read at once and each is checked by its own signature; then the links.
3. Every log that a proven digest names is read and hashed. What is there and named by none is unlisted.
4. Gaps are explained by the trail's own events in proven logs of its home Region (``TrailHistory``), whatever
   the order of places; homes come first so that most are read once.

Places are taken in groups, so that what is held grows with the largest group and not with the archive.

Source: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-custom-validation.html
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import chain

import msgspec

from trailkeep import __version__
from trailkeep.aws.stored import Archive, Discovered, Stored
from trailkeep.core.layout import StrangeKey, parse_key
from trailkeep.core.verdict import Verdict, VerdictKind
from trailkeep.keep.chain_parts import ChainId, hole_of
from trailkeep.keep.coverage import Expected, ExpectedAccount, absent, unexpected_key
from trailkeep.keep.heads import Reached
from trailkeep.keep.integrity import Finding, Kind, Severity, found, outcome
from trailkeep.keep.signing_keys import KeyRing
from trailkeep.keep.statement import LIMITS
from trailkeep.keep.verification import (
    ChainVerdict,
    DayCell,
    DigestProof,
    KeyUse,
    ObjectVerdict,
    Reused,
    ReusedPart,
    Scope,
    Tool,
    Verification,
)
from trailkeep.workflows.verify_close import Closing, Judged, close_place
from trailkeep.workflows.verify_earlier import Earlier
from trailkeep.workflows.verify_history import TrailHistory
from trailkeep.workflows.verify_place import Placed, leave_out, open_places, read_logs
from trailkeep.workflows.verify_places import Place, Range, find_places, groups
from trailkeep.workflows.verify_saved import Saved

__all__ = ["Known", "Outputs", "Sample", "Told", "verify", "verify_meanwhile"]

_LIMITS = (
    *LIMITS,
    "backfill digests that were erased together with all the logs that they alone name",
    "a whole second trail that was erased together with its logs",
    "a span between two stops of the trail that was erased from every chain at once",
)
_BELOW = "what was altered below the heads of earlier runs since those runs, because it was not read again"
_RANK = {severity: number for number, severity in enumerate(Severity)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What others say of the archive.

    ``accounts`` is None where nobody could say which there should be; ``source`` says who said it, or why
    nobody did. ``owner`` is the trail's account, empty where nobody knows.
    """

    source: str
    accounts: tuple[ExpectedAccount, ...] | None = None
    regions: tuple[str, ...] = ()
    trail_arn: str = ""
    trail_name: str = ""
    owner: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What AWS or a file says: ``ring`` is None where nobody has the keys, ``mode`` is how they were got."""

    known: Known
    ring: KeyRing | None
    mode: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """How many logs of each chain are read, and who chooses so many of some keys."""

    count: int
    choose: Callable[[Sequence[str], int], Sequence[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outputs:
    """Where results go as they come.

    ``rows`` takes the objects of one place after the other, ``proofs`` its proven digests, ``keys`` makes of
    how many digests each key (Region and fingerprint) proved what is said of the keys, ``progress`` hears of
    places done and of all, ``reached`` takes the heads of a place, ``locks`` returns what is wrong with the
    locks of a place's objects.
    """

    rows: Callable[[Sequence[ObjectVerdict]], None] = lambda _: None
    proofs: Callable[[Sequence[DigestProof]], None] = lambda _: None
    keys: Callable[[Mapping[tuple[str, str], int]], tuple[KeyUse, ...]] = lambda _: ()
    progress: Callable[[int, int], None] = lambda _done, _all: None
    reached: Callable[[Reached], None] = lambda _: None
    locks: Callable[[Sequence[Stored]], Sequence[Finding]] = lambda _: ()


@dataclass(slots=True)
class _Looked:
    findings: list[Finding] = field(default_factory=list)
    chains: list[ChainVerdict] = field(default_factory=list)
    cells: list[DayCell] = field(default_factory=list)
    there: set[ChainId] = field(default_factory=set)
    keys: Counter[tuple[str, str]] = field(default_factory=Counter)
    checked: int = 0
    objects: int = 0
    places: int = 0
    reused: list[ReusedPart] = field(default_factory=list)
    resumed: list[datetime] = field(default_factory=list)

    def all_reused(self) -> Reused:
        return Reused(
            count=sum(one.digests + one.logs for one in self.reused) + len(self.resumed),
            oldest_checked_at=min((*(one.checked_at for one in self.reused), *self.resumed), default=None),
            parts=tuple(sorted(self.reused, key=lambda one: (one.account, one.region))),
            resumed=len(self.resumed),
            resumed_from=min(self.resumed, default=None),
        )

    def take(self, judged: Judged) -> None:
        self.findings += judged.findings
        self.chains += judged.chains
        self.cells += judged.cells
        self.keys.update(judged.keys)
        self.checked += judged.checked
        self.objects += len(judged.rows)


def verify(
    archive: Archive,
    held: Discovered,
    known: Known,
    ring: KeyRing | None,
    asked: Range,
    *,
    as_of: datetime,
    mode: str,
    clock: Callable[[], datetime],
    outputs: Outputs | None = None,
    earlier: Earlier | None = None,
) -> Verification:
    """Verify an archive; what comes in numbers goes to ``outputs`` while it comes.

    Args:
        archive: the bucket or the copy.
        held: its folders.
        known: what there should be.
        ring: CloudTrail's public keys; None where nobody has them, and nothing can be proven.
        asked: which part of it.
        as_of: up to when the archive is looked at.
        mode: how the keys were got, in words.
        clock: tells the time.
        outputs: where results go.
        earlier: what earlier runs proved.

    Raises:
        StoppedError: the archive cannot be listed or read at all.
    """
    told = Told(known=known, ring=ring, mode=mode)
    return verify_meanwhile(
        archive, held, lambda: told, asked, as_of=as_of, clock=clock, outputs=outputs, earlier=earlier
    )


def verify_meanwhile(
    archive: Archive,
    held: Discovered,
    told: Callable[[], Told],
    asked: Range,
    *,
    as_of: datetime,
    clock: Callable[[], datetime],
    outputs: Outputs | None = None,
    earlier: Earlier | None = None,
    saved: Saved | None = None,
    sample: Sample | None = None,
) -> Verification:
    """Verify as :func:`verify` does; ``told`` is called once the first places are listed, and may wait.

    ``saved`` is what a run of the same scope proved before it was cut off, ``sample`` how many logs of each
    chain are read, None for all.
    """
    outputs, earlier = outputs or Outputs(), earlier or Earlier()
    started = clock()
    looked = _Looked(findings=list(_strays(archive, held.strays)))
    places = find_places(archive, (one for one in held.folders if asked.covers(one)))
    places = [earlier.begun(place) for place in places]
    listings = groups(archive, places, asked, as_of=as_of)
    first = next(listings, [])
    said = told()
    known = said.known
    expected = _expected(known, places, asked, as_of)
    stated = {one.account for one in known.accounts or ()}
    left = frozenset(place.account for place in places if stated and place.account not in stated)
    accounts = {one.account: one for one in expected.accounts}
    history = TrailHistory(archive, held.folders, said.ring, asked, owner=known.owner, as_of=as_of)
    for group in chain([first], listings):
        opened = open_places(
            archive,
            [earlier.cut(archive, one, asked, as_of) for one in group],
            said.ring,
            as_of=as_of,
            asked=asked,
            head_of=lambda chain: earlier.head(chain, asked),
            is_trusted=earlier.is_trusted,
        )
        for place in opened:
            earlier.trim(archive, place)
            if sample is not None:
                leave_out(place, sample.count, sample.choose)
        history.take(opened, read_logs(archive, opened, owner=known.owner, saved=saved))
        by = Closing(
            expected=expected,
            accounts=accounts,
            left=left,
            history=history,
            owner=known.owner,
            asked=asked,
            as_of=as_of,
            now=clock(),
        )
        for place in opened:
            looked.there |= _chains_of(place)
            judged = earlier.with_earlier_hours(place, close_place(archive, place, by))
            looked.take(judged)
            if part := earlier.reused(place.listing.place):
                looked.reused.append(part)
            looked.resumed += [at for log in place.logs.values() if (at := log.resumed_at)]
            if line := earlier.after(place, judged, asked, bucket=archive.bucket, now=by.now):
                outputs.reached(line)
            looked.findings += outputs.locks(place.listing.current)
            outputs.rows(judged.rows)
            outputs.proofs(judged.proofs)
            looked.places += 1
            outputs.progress(looked.places, len(places))
    gone = absent(expected, looked.there)
    looked.findings += [*gone, *earlier.vanished(looked.there, gone, archive, asked)]
    if sample is not None:
        looked.findings = [_not_sure(one) for one in looked.findings]
    verdict = _outcome(looked)
    return Verification(
        verdict=verdict.kind,
        reason=verdict.reason,
        findings=tuple(sorted(looked.findings, key=_order)),
        chains=tuple(sorted(looked.chains, key=lambda one: (one.account, one.region, one.trail_name))),
        cells=tuple(sorted(looked.cells, key=lambda one: (one.account, one.region, one.day))),
        keys=outputs.keys(looked.keys),
        scope=_scope(archive, known, expected, said.mode, as_of),
        started_at=started,
        ended_at=clock(),
        objects=looked.objects,
        tool=Tool(name="trailkeep", version=__version__),
        reused=looked.all_reused(),
        not_claimed=(*_LIMITS, *((_BELOW,) if looked.reused else ())),
    )


def _outcome(looked: _Looked) -> Verdict:
    """Return the verdict; logs that were left out are UNKNOWN, never PASS."""
    verdict = outcome(looked.findings, looked.checked)
    unread = sum(one.logs_unread for one in looked.chains)
    if not unread or verdict.kind is VerdictKind.FAIL:
        return verdict
    said = f"{verdict.reason}; " if verdict.reason else ""
    return Verdict(kind=VerdictKind.UNKNOWN, reason=f"{said}{unread:,} logs were not read, as asked")


def _not_sure(finding: Finding) -> Finding:
    """Return a finding as a sample shows it: the event that explains a gap may stand in a log left out."""
    if finding.kind is not Kind.DIGEST_COVERAGE_GAP:
        return finding
    message = f"{finding.message} in the logs that were read"
    return msgspec.structs.replace(finding, message=message, verdict=VerdictKind.UNKNOWN)


def _strays(archive: Archive, keys: Iterable[str]) -> Iterator[Finding]:
    """Yield what lies beside the folders under names that CloudTrail would not give."""
    for key in keys:
        if isinstance(parse_key(key), StrangeKey) and (strange := unexpected_key(key, bucket=archive.bucket)):
            yield found(strange.kind, archive.address(key), strange.message)


def _chains_of(place: Placed) -> set[ChainId]:
    """Return the chains that are there, be they damaged or not."""
    holes = (hole_of(key) for key in place.unread)
    return {*place.chains, *(hole.chain for hole in holes if hole)}


def _expected(known: Known, places: Sequence[Place], asked: Range, as_of: datetime) -> Expected:
    """Return what there should be: what is known, and what is there besides.

    An account that is there and that nobody knows any more is not expected to go on: it left.
    """
    begins = min((place.begins_at for place in places if place.begins_at), default=None)
    there: dict[str, tuple[str, ...]] = {}
    for place in sorted(places, key=lambda one: one.account):
        there[place.account] = (*there.get(place.account, ()), place.region)
    stated = {one.account: one for one in known.accounts or ()}
    wanted = [
        replace(one, regions=tuple(sorted({*known.regions, *there.get(one.account, ())})))
        for one in stated.values()
    ]
    wanted += [
        ExpectedAccount(account=account, regions=regions)
        for account, regions in there.items()
        if account not in stated
    ]
    return Expected(
        accounts=tuple(one for one in wanted if not asked.accounts or one.account in asked.accounts),
        regions=tuple(sorted({*known.regions, *(place.region for place in places)})),
        since=asked.since or begins,
        until=min(asked.until or as_of, as_of),
        source=known.source,
        trail_name=known.trail_name,
    )


def _scope(archive: Archive, known: Known, expected: Expected, mode: str, as_of: datetime) -> Scope:
    return Scope(
        archive=archive.name,
        trail_arn=known.trail_arn,
        accounts=tuple(one.account for one in expected.accounts),
        regions=expected.regions,
        since=expected.since or as_of,
        until=expected.until,
        as_of=as_of,
        expected_from=known.source,
        mode=mode,
    )


def _order(finding: Finding) -> tuple[int, str, str, str]:
    return _RANK[finding.severity], finding.kind, finding.object, finding.version
