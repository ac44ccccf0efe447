"""The measurement of proofs runs and says what it measured; no time is judged here."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from trailkeep.guard.threats import THREATS

MEASURE = Path(__file__).parent.parent.parent / "bench" / "run_prove.py"


def test_a_proof_is_measured() -> None:
    """The smaller organization is proved for every threat, and its CPU seconds are set against its limit."""
    done = subprocess.run(
        [sys.executable, str(MEASURE), "--only", "0"], capture_output=True, text=True, check=True
    )
    figures = json.loads(done.stdout)
    assert (figures["accounts"], figures["policies"]) == (20, 10)
    assert figures["threats"] == len(THREATS)
    assert figures["cpu_s"] > 0
    assert figures["guarded"] is True
    assert figures["counterexamples"] == 0
    assert abs(figures["of_limit"] - figures["cpu_s"] / figures["limit_s"]) < 0.01


def test_an_organization_without_guards_is_measured() -> None:
    """The same organization without guards has open threats, and the line says whether it took too long."""
    done = subprocess.run(
        [sys.executable, str(MEASURE), "--only", "1"], capture_output=True, text=True, check=True
    )
    figures = json.loads(done.stdout)
    assert (figures["accounts"], figures["guarded"]) == (20, False)
    assert figures["counterexamples"] > 20
