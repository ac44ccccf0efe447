"""``collect`` killed at any point: the next run ends where an undisturbed run would have."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from logs import key, packed, put, record, rows

_COLLECT = "from trailkeep.cli.main import main; main()"
_CONTENT = "select * exclude (source_version) from events order by all"
_LOGS = 150


def _command(source: Path, lake: Path) -> list[str]:
    return [
        sys.executable,
        "-c",
        _COLLECT,
        "collect",
        str(source),
        "--lake",
        str(lake),
        "--commit-every",
        "11",
        "--json",
    ]


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_run_killed_at_any_point_loses_and_doubles_nothing(tmp_path: Path) -> None:
    """After 20 kill -9 at random moments the lake equals that of one clean run."""
    source = tmp_path / "logs"
    for number in range(_LOGS):
        put(source, key(number), packed(record(number * 5 + one) for one in range(7)))
    started = time.monotonic()
    subprocess.run(_command(source, tmp_path / "clean"), check=True, capture_output=True)
    span_s = time.monotonic() - started
    expected = rows(tmp_path / "clean", _CONTENT)
    moments = random.Random(2)  # noqa: S311 - when to kill, nothing secret
    killed = 0
    for number in range(20):
        lake = tmp_path / f"lake-{number}"
        killed += sum(_killed(_command(source, lake), moments.uniform(0.2, 0.9) * span_s) for _ in range(3))
        subprocess.run(_command(source, lake), check=True, capture_output=True)
        assert rows(lake, _CONTENT) == expected
        if killed >= 20:
            break
    assert killed >= 20


def _killed(command: list[str], after_s: float) -> bool:
    """Start a run, kill it after some seconds and return whether it was still at work."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        process.wait(after_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return True
    return False
