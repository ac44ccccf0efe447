"""What an answer is worth: the standing of the logs behind its rows, and whether any are missing.

1. FAIL where a source log of the answer is altered, missing or unlisted, or where an altered or missing log
   lies in the asked time range: what was answered may be false, or something was removed from it.
2. UNKNOWN where a source is not proven, or where the asked range holds hours that nothing proves, logs that
   could not be read, or proven logs that were not collected.
3. PASS where every source is proven to be what CloudTrail wrote, and every hour of the range is proven.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

import msgspec

from trailkeep.core.times import format_moment
from trailkeep.core.verdict import Verdict, VerdictKind

__all__ = [
    "NEVER_VERIFIED",
    "Completeness",
    "SourceStanding",
    "Sources",
    "Window",
    "judge",
    "pairs_of",
    "unverified",
]

Moments = tuple[datetime, datetime]

NEVER_VERIFIED = Verdict(kind=VerdictKind.UNKNOWN, reason="the logs of this lake were not verified")
"""The verdict of every answer of a lake that no verification ever looked at."""


class SourceStanding(StrEnum):
    """How the log that a row came from stands; the values are stable, the worst comes first."""

    ALTERED = "altered"
    MISSING = "missing"
    UNLISTED = "unlisted"
    UNREADABLE = "unreadable"
    UNPROVEN = "unproven"
    PENDING = "not yet covered"
    NOT_VERIFIED = "not verified"
    EVENT_HISTORY = "event history"
    VERIFIED = "verified"


_FAILS = (SourceStanding.ALTERED, SourceStanding.MISSING, SourceStanding.UNLISTED)
_WORDS = {
    SourceStanding.ALTERED: "altered",
    SourceStanding.MISSING: "missing from the archive",
    SourceStanding.UNLISTED: "listed by no digest",
    SourceStanding.UNREADABLE: "unreadable",
    SourceStanding.UNPROVEN: "listed only by a digest that is not proven",
    SourceStanding.PENDING: "not yet covered by a digest",
    SourceStanding.NOT_VERIFIED: "not verified",
    SourceStanding.EVENT_HISTORY: "saved from Event history, which CloudTrail does not sign",
}


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """What one verification looked at: every account in every region, from ``since`` to ``until``."""

    accounts: tuple[str, ...]
    regions: tuple[str, ...]
    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """The source logs of an answer: how many have which standing, one object of each, the oldest check."""

    counts: Mapping[SourceStanding, int] = field(default_factory=dict)
    examples: Mapping[SourceStanding, str] = field(default_factory=dict)
    checked_from: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Completeness:
    """What is not proven about the asked time range as a whole, whatever rows were found.

    ``logs`` counts logs of the range by a standing other than verified, ``hours`` the hours by a state other
    than proven, ``uncollected`` the proven logs that are not in the lake, ``unverified`` are parts of the
    range that no verification looked at, ``unknown`` the accounts or regions that none ever did.
    """

    logs: Mapping[SourceStanding, int] = field(default_factory=dict)
    hours: Mapping[str, int] = field(default_factory=dict)
    uncollected: int = 0
    unverified: tuple[Moments, ...] = ()
    unknown: tuple[str, ...] = ()


def judge(sources: Sources, completeness: Completeness | None = None) -> Verdict:
    """Return the verdict of an answer; ``completeness`` is None where only its rows are asked about.

    >>> str(judge(Sources(counts={SourceStanding.VERIFIED: 2}), Completeness(hours={"uncovered": 1})))
    'UNKNOWN (1 h of the time asked for is uncovered)'
    >>> str(judge(Sources(counts={SourceStanding.VERIFIED: 2}), Completeness()))
    'PASS'
    """
    bad, unsure = list(_bad_sources(sources)), list(_unsure_sources(sources))
    if completeness is not None:
        bad += _bad_range(completeness)
        unsure += _unsure_range(completeness)
    elif not sources.counts:
        unsure.append("there is no source log to judge")
    if bad:
        return Verdict(kind=VerdictKind.FAIL, reason="; ".join(bad))
    if unsure:
        return Verdict(kind=VerdictKind.UNKNOWN, reason="; ".join(unsure))
    return Verdict(kind=VerdictKind.PASS)


def _bad_sources(sources: Sources) -> Iterator[str]:
    for standing in _FAILS:
        if sources.counts.get(standing):
            yield _of(sources, standing)


def _unsure_sources(sources: Sources) -> Iterator[str]:
    for standing in _WORDS:
        if standing not in _FAILS and sources.counts.get(standing):
            yield _of(sources, standing)


def _of(sources: Sources, standing: SourceStanding) -> str:
    total = sum(sources.counts.values())
    verb = "is" if sources.counts[standing] == 1 else "are"
    example = sources.examples.get(standing)
    named = f", such as {example}" if example else ""
    return f"{sources.counts[standing]:,} of {total:,} source logs {verb} {_WORDS[standing]}{named}"


def _bad_range(found: Completeness) -> Iterator[str]:
    for standing in (SourceStanding.ALTERED, SourceStanding.MISSING):
        if count := found.logs.get(standing):
            yield f"{_logs(count)} of the time asked for {_is(count)} {_WORDS[standing]}"
    if not any(found.logs.get(standing) for standing in _FAILS) and (count := found.hours.get("altered")):
        yield f"{count:,} h of the time asked for {_is(count)} altered"


def _unsure_range(found: Completeness) -> Iterator[str]:
    for name in found.unknown:
        yield f"{name} was not verified"
    for since, until in found.unverified:
        yield f"{format_moment(since)} to {format_moment(until)} was not verified"
    for state in ("uncovered", "unreadable", "pending"):
        if count := found.hours.get(state):
            yield f"{count:,} h of the time asked for {_is(count)} {state}"
    for standing in (SourceStanding.UNREADABLE, SourceStanding.UNPROVEN, SourceStanding.PENDING):
        if count := found.logs.get(standing):
            yield f"{_logs(count)} of the time asked for {_is(count)} {_WORDS[standing]}"
    if found.uncollected:
        yield f"{_logs(found.uncollected)} of the time asked for {_is(found.uncollected)} not collected"


def _logs(count: int) -> str:
    return f"{count:,} log" if count == 1 else f"{count:,} logs"


def _is(count: int) -> str:
    return "is" if count == 1 else "are"


def unverified(windows: Sequence[Window], pair: tuple[str, str], asked: Moments) -> Iterator[Moments]:
    """Yield the parts of a time range in which no window holds this account and region."""
    account, region = pair
    spans = sorted(
        (one.since, one.until) for one in windows if account in one.accounts and region in one.regions
    )
    at, until = asked
    for start, end in spans:
        if start > at and at < until:
            yield at, min(start, until)
        at = max(at, end)
    if at < until:
        yield at, until


def pairs_of(windows: Iterable[Window]) -> set[tuple[str, str]]:
    """Return every account and region that a window holds."""
    return {(account, region) for one in windows for account in one.accounts for region in one.regions}
