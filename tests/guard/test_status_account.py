"""What ``status`` says of the archive of one account: nothing that only an organization could repair."""

from __future__ import annotations

from datetime import UTC, datetime

from msgspec.structs import replace

from account_estates import ALONE
from trailkeep.guard.estate import Absent
from trailkeep.guard.judge_status import judge
from trailkeep.guard.status import Member, Observation, RegionStatus, StatusKind, TrailSeen

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
TRAIL = TrailSeen(
    name="trailkeep",
    home_region="eu-central-1",
    is_multi_region=True,
    validates_logs=True,
    statuses=(
        RegionStatus(region="eu-central-1", is_logging=True, started_at=datetime(2026, 1, 1, tzinfo=UTC)),
    ),
)
SILENT = Observation(
    trail=TRAIL,
    members=(Member(id=ALONE),),
    regions=("eu-central-1",),
    archive=(),
    lake=Absent(),
    of_organization=False,
)


def test_a_silent_account() -> None:
    """A silent account is told to look at its plan, not at the trust of an organization."""
    [found] = [one for one in judge(SILENT, now=NOW).findings if one.kind is StatusKind.ACCOUNT_SILENT]
    assert found.message.endswith("got nothing ever; run 'trailkeep plan' to see what stops the trail")
    [members] = [
        one
        for one in judge(replace(SILENT, of_organization=True), now=NOW).findings
        if one.kind is StatusKind.ACCOUNT_SILENT
    ]
    assert members.message.endswith("that the organization trusts CloudTrail")


def test_a_missing_trail() -> None:
    """A trail that is missing is the account's own."""
    [found] = [
        one
        for one in judge(replace(SILENT, trail=Absent()), now=NOW).findings
        if one.kind is StatusKind.TRAIL_MISSING
    ]
    assert found.message == (
        "trail: expected a trail that delivers to the archive, got none; run 'trailkeep plan'"
    )
