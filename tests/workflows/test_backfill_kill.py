"""``backfill`` killed at any point: the next run ends where an undisturbed run would have."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from guard_verbs import settings
from histories import EU, US, present, remember, spread
from trailkeep.sandbox.organization import Sandbox

pytestmark = [pytest.mark.sandbox, pytest.mark.slow]


def _backfill(folder: Path, environment: dict[str, str], *, kill_after_s: float | None = None) -> bool:
    """Run the verb in a process of its own and return whether it was killed at work."""
    command = [sys.executable, "-m", "trailkeep", "backfill", "--region", EU, "--region", US]
    process = subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        assert process.wait(kill_after_s) == 0
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return True
    return False


@pytest.mark.timeout(300)
def test_runs_that_are_killed_save_every_event_once(sandbox: Sandbox, tmp_path: Path) -> None:
    """After kill -9 at several moments, a last run completes the logs: every event once, no half file."""
    lived = remember(sandbox, spread(300, apart=timedelta(hours=3), ends_at=present()))
    lived += remember(
        sandbox, spread(200, apart=timedelta(hours=2), ends_at=present(), region=US, first=1000)
    )
    (tmp_path / "trailkeep.toml").write_text(settings())
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    environment = kept | sandbox.environment()
    kills = sum(_backfill(tmp_path, environment, kill_after_s=after_s) for after_s in (1.5, 2.0, 2.5, 3.0))
    assert kills >= 2
    _backfill(tmp_path, environment)
    logs = sorted((tmp_path / "backfill" / "lookup-events").rglob("*"))
    records = [
        record["eventID"]
        for path in logs
        if path.is_file()
        for record in json.loads(gzip.decompress(path.read_bytes()))["Records"]
    ]
    assert sorted(records) == sorted(json.loads(activity.record)["eventID"] for activity in lived)
