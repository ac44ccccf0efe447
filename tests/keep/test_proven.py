"""The verdict of an answer, decided from counts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trailkeep.core.verdict import VerdictKind
from trailkeep.keep.proven import Completeness, Sources, SourceStanding, Window, judge, unverified

FAILS = {SourceStanding.ALTERED, SourceStanding.MISSING, SourceStanding.UNLISTED}
COUNTS = st.dictionaries(st.sampled_from(SourceStanding), st.integers(0, 3))
NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


@given(counts=COUNTS)
def test_only_verified_sources_pass(counts: dict[SourceStanding, int]) -> None:
    """Any source that is not verified is never PASS, and a bad one is always FAIL."""
    kind = judge(Sources(counts=counts), Completeness()).kind
    there = {standing for standing, count in counts.items() if count}
    assert (kind is VerdictKind.PASS) == (there <= {SourceStanding.VERIFIED})
    assert (kind is VerdictKind.FAIL) == bool(there & FAILS)


@pytest.mark.parametrize(
    "found",
    [
        Completeness(uncollected=1),
        Completeness(unverified=((NOON, NOON + timedelta(hours=1)),)),
        Completeness(unknown=("account 111111111111",)),
        Completeness(hours={"uncovered": 1}),
        Completeness(logs={SourceStanding.UNPROVEN: 2}),
    ],
)
def test_any_doubt_about_the_range_is_unknown(found: Completeness) -> None:
    """One thing that is not proven about the range takes PASS away, and is in the reason."""
    verdict = judge(Sources(counts={SourceStanding.VERIFIED: 9}), found)
    assert verdict.kind is VerdictKind.UNKNOWN
    assert verdict.reason


def test_an_altered_hour_is_a_failure() -> None:
    """Hours that hold altered logs fail even where the logs themselves are not known."""
    assert judge(Sources(), Completeness(hours={"altered": 2})).kind is VerdictKind.FAIL


def test_rows_without_any_source_prove_nothing() -> None:
    """Nothing to judge is UNKNOWN."""
    assert judge(Sources()).kind is VerdictKind.UNKNOWN


@given(st.lists(st.tuples(st.integers(0, 24), st.integers(0, 24)), max_size=6))
def test_what_no_window_holds_is_unverified(spans: list[tuple[int, int]]) -> None:
    """The parts that are named are exactly the hours of the range that no window holds."""
    windows = [
        Window(
            accounts=("1",), regions=("r",), since=NOON + timedelta(hours=a), until=NOON + timedelta(hours=b)
        )
        for a, b in spans
    ]
    parts = list(unverified(windows, ("1", "r"), (NOON, NOON + timedelta(hours=24))))
    for hour in range(24):
        at = NOON + timedelta(hours=hour, minutes=30)
        held = any(one.since <= at < one.until for one in windows)
        assert held != any(since <= at < until for since, until in parts)
