"""What was seen of the archive, judged: golden cases, and properties of the outcome."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from trailkeep.core.verdict import ExitCode
from trailkeep.guard.estate import Absent, Unreadable
from trailkeep.guard.judge_status import judge
from trailkeep.guard.status import (
    AccountSeen,
    LakeSeen,
    Limits,
    Member,
    Observation,
    RegionStatus,
    Seen,
    Severity,
    Status,
    StatusKind,
    TrailSeen,
)

FOLDER = Path(__file__).parent.parent / "cases" / "status"
BASE = msgspec.json.decode((FOLDER / "base.json").read_bytes())
NOW = datetime.fromisoformat(BASE["now"])
CASES = sorted(path for path in FOLDER.glob("*.json") if path.stem != "base")
REFUSED = Unreadable(call="x:Y", error="AccessDenied: no")


def _judged(change: dict[str, Any], limits: dict[str, Any] | None = None) -> Status:
    seen = msgspec.convert({**BASE["seen"], **change}, Observation)
    return judge(seen, now=NOW, limits=msgspec.convert(limits or {}, Limits))


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_case(path: Path) -> None:
    """Each observation in tests/cases/status has exactly these findings, states and exit code."""
    case = msgspec.json.decode(path.read_bytes())
    status = _judged(case["change"], case.get("limits"))
    found = [
        {
            "kind": one.kind.value,
            "severity": one.severity.value,
            "account": one.account,
            "regions": list(one.regions),
            "lost_in_days": one.lost_in_days,
        }
        for one in status.findings
    ]
    assert found == case["expect"]["findings"]
    assert status.verdict.exit_code == case["expect"]["exit"]
    states = {f"{row.account} {cell.region}": cell.state.value for row in status.rows for cell in row.cells}
    assert states.items() >= case["expect"].get("states", {}).items()


def test_every_kind_has_a_case() -> None:
    """No kind of finding goes without a case in tests/cases/status."""
    cases = [msgspec.json.decode(path.read_bytes()) for path in CASES]
    assert {one["kind"] for case in cases for one in case["expect"]["findings"]} == {*StatusKind}


def test_every_kind_is_in_the_reference() -> None:
    """docs/reference/status-findings.md lists every kind with its severity, in the order of the code."""
    page = (Path(__file__).parents[2] / "docs" / "reference" / "status-findings.md").read_text(
        encoding="utf-8"
    )
    listed = re.findall(r"^\| `([a-z.]+)` \| (\w+) \|", page, re.MULTILINE)
    assert listed == [(kind.value, kind.severity.value) for kind in StatusKind]


def test_the_countdown_is_said() -> None:
    """The message of a failing delivery names the error, the days and the moment."""
    trail = msgspec.json.decode((FOLDER / "delivery_failing.json").read_bytes())["change"]
    [finding] = _judged(trail).findings
    assert finding.message == (
        "trail trailkeep: expected logs, got AccessDenied; events are lost in 20 days, "
        "from 2026-03-22T11:59:00Z on; run 'trailkeep plan', or 'trailkeep explain --live' for the reason"
    )
    assert finding.lost_at == datetime(2026, 3, 22, 11, 59, tzinfo=UTC)


@given(minutes=st.integers(min_value=0, max_value=60 * 24 * 60))
def test_the_countdown_is_exact(minutes: int) -> None:
    """The countdown is 30 days less what has passed, cut to whole days and never below 0."""
    trail = msgspec.convert(BASE["seen"]["trail"], TrailSeen)
    failing = replace(
        trail.statuses[0], delivery_error="AccessDenied", delivered_at=NOW - timedelta(minutes=minutes)
    )
    seen = replace(
        msgspec.convert(BASE["seen"], Observation),
        trail=replace(trail, statuses=(failing, trail.statuses[1])),
    )
    [finding] = judge(seen, now=NOW).findings
    assert finding.lost_in_days == max(0, (30 * 24 * 60 - minutes) // (24 * 60))


_moments = st.none() | st.integers(min_value=0, max_value=10_000).map(
    lambda minutes: NOW - timedelta(minutes=minutes)
)
_regions = st.sampled_from(("eu-central-1", "us-east-1", "me-south-1"))
_accounts = st.sampled_from(("111111111111", "222222222222", "333333333333"))
_seen = st.builds(Seen, region=_regions, log_at=_moments, digest_at=_moments)
_statuses = st.builds(
    RegionStatus,
    region=_regions,
    is_logging=st.booleans(),
    delivery_error=st.sampled_from(("", "AccessDenied")),
    digest_error=st.sampled_from(("", "AccessDenied")),
    delivered_at=_moments,
    started_at=_moments,
)
_trails = st.builds(
    TrailSeen,
    name=st.just("trailkeep"),
    home_region=_regions,
    is_multi_region=st.booleans(),
    validates_logs=st.booleans(),
    statuses=st.lists(_statuses, max_size=3).map(tuple),
    refused=st.sampled_from(((), (REFUSED,))),
)
_archives = st.lists(
    st.builds(
        AccountSeen,
        account=_accounts,
        regions=st.just(REFUSED) | st.lists(_seen, max_size=3, unique_by=lambda seen: seen.region).map(tuple),
    ),
    max_size=3,
    unique_by=lambda account: account.account,
).map(tuple)
_members = st.lists(
    st.builds(Member, id=_accounts, joined_at=_moments), max_size=3, unique_by=lambda member: member.id
).map(tuple)
_observations = st.builds(
    Observation,
    trail=st.just(Absent()) | st.just(REFUSED) | _trails,
    members=st.just(REFUSED) | _members,
    regions=st.just(REFUSED) | st.just(("eu-central-1", "us-east-1")),
    archive=st.just(REFUSED) | _archives,
    lake=st.just(Absent()) | st.just(REFUSED) | st.builds(LakeSeen, newest_event_at=_moments),
)


@given(seen=_observations)
def test_what_is_unreadable_is_never_success(seen: Observation) -> None:
    """With anything unreadable in it an observation never ends with 0, whatever else was seen."""
    if b'"Unreadable"' in msgspec.json.encode(seen):
        assert judge(seen, now=NOW).verdict.exit_code in (ExitCode.FOUND, ExitCode.UNKNOWN)


@given(seen=_observations)
def test_the_exit_code_follows_the_findings(seen: Observation) -> None:
    """A failing finding makes the exit code 1, and without one it is never 1."""
    status = judge(seen, now=NOW)
    failed = any(finding.severity is Severity.FAIL for finding in status.findings)
    assert (status.verdict.exit_code == ExitCode.FOUND) is failed


@given(seen=_observations)
def test_time_alone_never_heals(seen: Observation) -> None:
    """Seen again a month later with nothing new, an archive that delivered once does not pass."""
    later = judge(seen, now=NOW + timedelta(days=31))
    assert later.verdict.exit_code != ExitCode.OK


@given(seen=_observations)
def test_an_observation_survives_json(seen: Observation) -> None:
    """An observation is JSON both ways, and is judged the same afterwards."""
    again = msgspec.json.decode(msgspec.json.encode(seen), type=Observation)
    assert again == seen
    assert judge(again, now=NOW) == judge(seen, now=NOW)
