"""What a log shows of the lock, for every retention it may have and every moment it may be from."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from estates import config
from trailkeep.core.verdict import VerdictKind
from trailkeep.guard.blueprint import Blueprint, draw_blueprint
from trailkeep.guard.lock_evidence import HeldLog, judge_lock


def _asking(mode: str) -> Blueprint:
    return draw_blueprint(
        config({"retention.days": 400, "retention.lock_mode": mode}),
        partition="aws",
        archive_account="222222222222",
    )


BLUEPRINT, FINAL = _asking("GOVERNANCE"), _asking("COMPLIANCE")
AT = datetime(2026, 1, 2, tzinfo=UTC)
LONG_AGO, LATER = AT - timedelta(days=9), AT + timedelta(days=9)


def _judged(
    mode: str, days: float | None, since: datetime | None, *, blueprint: Blueprint = BLUEPRINT
) -> VerdictKind | None:
    until = None if days is None else AT + timedelta(days=days)
    log = HeldLog(key="a-log", modified_at=AT, mode=mode, until=until)
    evidence = judge_lock(blueprint, log, locked_since=since)
    return evidence.verdict if evidence else None


@pytest.mark.parametrize("since", [None, LONG_AGO, LATER])
def test_compliance_is_more_than_governance(since: datetime | None) -> None:
    """A log under COMPLIANCE passes where GOVERNANCE is asked for, whenever the lock was set."""
    assert _judged("COMPLIANCE", 400, since) is VerdictKind.PASS


@pytest.mark.parametrize(
    ("since", "verdict"),
    [(None, VerdictKind.UNKNOWN), (LONG_AGO, VerdictKind.FAIL), (LATER, None)],
)
def test_governance_is_less_than_compliance(since: datetime | None, verdict: VerdictKind | None) -> None:
    """A log under GOVERNANCE never passes where COMPLIANCE is asked for, however long it is held."""
    assert _judged("GOVERNANCE", 4000, since, blueprint=FINAL) is verdict
    assert _judged("COMPLIANCE", 400, since, blueprint=FINAL) is VerdictKind.PASS


@pytest.mark.parametrize("since", [None, LONG_AGO, LATER])
def test_a_log_that_is_locked_as_asked_passes(since: datetime | None) -> None:
    """The mode and about the days that were asked for are enough, whenever the lock was set."""
    assert _judged("GOVERNANCE", 400, since) is VerdictKind.PASS
    assert _judged("GOVERNANCE", 4000, since) is VerdictKind.PASS


@pytest.mark.parametrize(("mode", "days"), [("", None), ("COMPLIANCE", 398), ("GOVERNANCE", 398)])
def test_a_log_from_after_the_lock_must_be_locked_as_asked(mode: str, days: int | None) -> None:
    """Without retention or for fewer days it fails, in either mode; from before the lock it shows nothing."""
    assert _judged(mode, days, LONG_AGO) is VerdictKind.FAIL
    assert _judged(mode, days, LATER) is None
    assert _judged(mode, days, AT - timedelta(minutes=1)) is None


def test_where_nobody_knows_when_the_lock_was_set() -> None:
    """A log that is not locked as asked may be from before the lock or show that it fails: it is UNKNOWN."""
    assert _judged("", None, None) is VerdictKind.UNKNOWN
    assert _judged("GOVERNANCE", 30, None) is VerdictKind.UNKNOWN
    evidence = judge_lock(BLUEPRINT, HeldLog(key="a-log", modified_at=AT), locked_since=None)
    assert evidence is not None
    assert evidence.got == "no retention, and no line of the journal tells when the lock was set"


@given(
    mode=st.sampled_from(["", "GOVERNANCE", "COMPLIANCE"]),
    days=st.integers(0, 398),
    since=st.none() | st.sampled_from([LONG_AGO, LATER]),
)
def test_fewer_days_never_pass(mode: str, days: int, since: datetime | None) -> None:
    """No mode and no moment makes a log pass that is held for fewer days than asked."""
    assert _judged(mode, days if mode else None, since) is not VerdictKind.PASS
