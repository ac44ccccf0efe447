"""The benchmark harness runs, and every contestant finds what is there."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

HARNESS = Path(__file__).parent.parent.parent / "bench" / "run.py"


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_harness_prints_figures_that_agree(tmp_path: Path) -> None:
    """Ours and the peers count the same events, and each row has a time; no time is judged."""
    out = tmp_path / "figures.json"
    command = [sys.executable, str(HARNESS), "--events", "2000", "--rounds", "1", "--only", "collect,start"]
    done = subprocess.run([*command, "--json", str(out)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr[-500:]) == (0, done.stderr[-500:])
    works = json.loads(out.read_text())["works"]
    figures = [figure for work in works for figure in work["figures"]]
    assert len(figures) >= 9
    assert all(figure["wall_s"] > 0 for figure in figures if not figure["not_run"])
    collected = {f["found"] for work in works for f in work["figures"] if f["unit"] == "events"}
    assert len(collected) == 1
