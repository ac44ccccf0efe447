"""The controls: a golden case for each outcome of each, and properties of the audit."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audits import NOW, facts, subject
from trailkeep.core.config import Mute
from trailkeep.core.errors import UsageError
from trailkeep.core.verdict import VerdictKind
from trailkeep.guard.audit_facts import unread
from trailkeep.guard.control import Outcome, Severity
from trailkeep.guard.control_mappings import FRAMEWORKS, find_framework, mappings_of
from trailkeep.guard.controls import CONTROLS, audit
from trailkeep.guard.estate import Unreadable

FOLDER = Path(__file__).parent.parent / "cases" / "audit"
BY_ID = {control.id: control for control in CONTROLS}
CASES = [
    (path.name.removesuffix(".json"), outcome, case)
    for path in sorted(FOLDER.glob("*.json"))
    for outcome, case in msgspec.json.decode(path.read_bytes()).items()
]


@pytest.mark.parametrize(("control", "outcome", "case"), CASES, ids=[f"{one[0]}-{one[1]}" for one in CASES])
def test_case(control: str, outcome: str, case: dict[str, Any]) -> None:
    """Each change in tests/cases/audit makes its control answer as the case says."""
    answer = BY_ID[control].check(subject(case))
    assert answer.outcome.value == outcome.upper(), answer
    assert case.get("says", "") in answer.reason
    assert answer.reason
    assert answer.resource


def test_every_control_has_cases() -> None:
    """Each control has a case in which it passes, one in which it fails, and one in which nobody knows."""
    found = {(control, outcome) for control, outcome, _ in CASES}
    wanted = {(control, outcome) for control in BY_ID for outcome in ("pass", "fail", "unknown")}
    assert wanted <= found
    assert {control for control, _ in found} == BY_ID.keys()
