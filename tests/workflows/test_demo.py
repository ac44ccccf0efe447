"""The whole story, from an empty organization to an answer."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from logs import rows
from trailkeep.core.errors import StoppedError
from trailkeep.core.verdict import VerdictKind
from trailkeep.sandbox.organization import Sandbox
from trailkeep.workflows.demo import Demo, run_demo


@pytest.mark.sandbox
@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_demo_ends_well(sandbox: Sandbox, tmp_path: Path) -> None:
    """Every command ends as it should, the intruder is found, the attacker refused, nothing lost."""
    said: list[str] = []
    now = datetime(2026, 11, 24, 12, tzinfo=UTC)
    verdict = run_demo(tmp_path / "run", say=said.append, now=now, days=40, sandbox=sandbox)
    assert (verdict.kind, verdict.reason) == (VerdictKind.PASS, "")
    assert sum(line.startswith("refused: ") for line in said) == 10
    found = rows(tmp_path / "run" / "lake", "select count(*) n, count(distinct event_id) d from events")
    assert found[0]["n"] == found[0]["d"] > 1000


def test_a_folder_in_use_is_left_alone(tmp_path: Path) -> None:
    """The demo never writes over a configuration."""
    (tmp_path / "trailkeep.toml").write_text("")
    with pytest.raises(StoppedError, match="expected an empty folder"):
        run_demo(tmp_path, say=print, now=datetime.now(UTC))


def test_a_surprise_is_never_a_pass(sandbox: Sandbox, tmp_path: Path) -> None:
    """What is not as it should be is said and remembered."""
    said: list[str] = []
    demo = Demo(folder=tmp_path, sandbox=sandbox, say=said.append, now=datetime.now(UTC))
    demo.expect("water is dry", so=False)
    demo.expect("water is wet", so=True)
    assert (demo.surprises, said) == (["water is dry"], ["!! expected: water is dry"])
