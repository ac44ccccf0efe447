"""The irreversibility sheet says what is final, until when, and what it costs at least."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from estates import config, in_force, nothing, planned
from trailkeep.guard.blueprint import blueprint_for
from trailkeep.guard.irreversible import Sheet, irreversibility_sheet, sheet_lines

NOW = datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC)


def _sheet(mode: str = "GOVERNANCE", *, guards: bool = True, bytes_a_day: int | None = None) -> Sheet:
    wanted = dict.fromkeys(("guards.scp", "guards.member_scp", "guards.rcp"), guards)
    settings = config({"retention.lock_mode": mode, "retention.days": 304, **wanted})
    estate = nothing()
    return irreversibility_sheet(
        blueprint_for(settings, estate),
        estate,
        planned(settings, estate).actions,
        now=NOW,
        bytes_a_day=bytes_a_day,
    )


def test_compliance_is_final_for_everybody() -> None:
    """In COMPLIANCE neither root nor AWS can delete a log before its day, and only closing the account ends it."""
    sheet = _sheet("COMPLIANCE")
    assert (sheet.mode, sheet.days) == ("COMPLIANCE", 304)
    assert sheet.finals[0].until == "2026-11-02T03:04:05Z"
    assert sheet.finals[0].who.startswith("nobody: not root, not AWS")
    assert "closing account 222222222222 deletes it and its logs after 90 days [nv]" in sheet.finals[1].what
    assert {final.what.split(" ")[0]: final.until for final in sheet.finals[2:4]} == {
        "Object": "for ever",
        "versioning": "for ever",
    }


def test_governance_names_who_may_bypass() -> None:
    """In GOVERNANCE a permission lifts the lock; whether a guard denies it is said only where there is one."""
    assert _sheet(guards=False).finals[0].who == "whoever has s3:BypassGovernanceRetention"
    assert _sheet().finals[0].who == (
        "whoever has s3:BypassGovernanceRetention (the guards deny it to the archive account)"
    )


def test_the_armed_policy_can_be_replaced() -> None:
    """The sheet says what the armed bucket policy refuses, and that root and the right permission end it."""
    final = _sheet(guards=False).finals[-1]
    assert (
        final.what == "nobody but the trail writes to acme-trail-archive, and no caller changes a log there"
    )
    assert final.until == "somebody replaces the bucket policy"
    assert final.who.startswith("root of account 222222222222, whatever the bucket policy says")
    assert final.who.endswith("whoever has s3:PutBucketPolicy")
    settings = config()
    before = irreversibility_sheet(blueprint_for(settings, nothing()), nothing(), (), now=NOW)
    assert final.until not in [one.until for one in before.finals]
    after = irreversibility_sheet(blueprint_for(settings, in_force()), in_force(), (), now=NOW)
    assert final.until == after.finals[-1].until


def test_a_sheet_without_a_change_of_the_lock() -> None:
    """Where the plan leaves the lock alone, the sheet is of the lock that is in force."""
    settings = config()
    sheet = irreversibility_sheet(blueprint_for(settings, in_force()), in_force(), (), now=NOW)
    assert (sheet.mode, sheet.days) == ("GOVERNANCE", 400)


def test_no_lock_is_said() -> None:
    """An archive without a default retention is never said to be locked."""
    settings = config()
    sheet = irreversibility_sheet(blueprint_for(settings, nothing()), nothing(), (), now=NOW)
    assert (sheet.mode, sheet.finals[0].what) == ("", "no log in acme-trail-archive is locked")


def test_cost_floor() -> None:
    """A day of one GB kept for ten months costs ten prices, and a full archive 304 prices a month."""
    cost = _sheet(bytes_a_day=2**30).cost
    assert cost.one_day_usd == pytest.approx(0.23)
    assert cost.monthly_usd == pytest.approx(304 * 0.023)
    assert any("at least: 0.2300 USD for one day's 1,073,741,824 bytes" in line for line in _lines(2**30))


def test_unknown_cost_is_said() -> None:
    """Where no day was measured the cost is unknown, never nothing."""
    assert _sheet().cost.monthly_usd is None
    assert any("cost at least: unknown" in line for line in _lines(None))


def _lines(bytes_a_day: int | None) -> list[str]:
    return list(sheet_lines(_sheet(bytes_a_day=bytes_a_day)))
