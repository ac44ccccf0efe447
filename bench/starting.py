"""How long a short command takes before it does anything, and which imports that is."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

from race import Contestant, Found, Work, race
from setting import Setting

__all__ = ["GOAL_S", "heaviest_imports", "start_works"]

GOAL_S = 0.2
_RUNS = 10
_BUILD = "from trailkeep.cli.main import build; build()"


def start_works(setting: Setting) -> list[Work]:
    """Return the figures of ``trailkeep --help``, beside an interpreter that does nothing."""
    ours = Contestant(
        name="trailkeep --help",
        command=lambda _: [setting.trailkeep, "--help"],
        read=_usages,
        expected=1,
        unit="pages",
        runs=_RUNS,
    )
    nothing = Contestant(
        name="python -c pass",
        command=lambda _: [sys.executable, "-c", "pass"],
        read=_usages,
        expected=0,
        unit="pages",
        runs=_RUNS,
    )
    return [race(f"start (goal: under {GOAL_S} s)", ours, nothing)]


def _usages(out: Path) -> Found:
    return Found(found=out.read_bytes().count(b"Usage:"))


def heaviest_imports(count: int) -> dict[str, float]:
    """Return the packages that cost most when the command line is built, with their own milliseconds."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", _BUILD], capture_output=True, text=True, check=True
    )
    spent: Counter[str] = Counter()
    for line in done.stderr.splitlines():
        own, _, name = line.removeprefix("import time:").split("|")
        if own.strip().isdigit():
            spent[name.strip().partition(".")[0]] += int(own)
    return {name: microseconds / 1000 for name, microseconds in spent.most_common(count)}
