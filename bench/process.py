"""Runs a command as a process of its own and measures it from outside.

The kernel counts a child's peak memory from the moment it is split off, so nothing is measured below the size
of the process that starts it: ``run.py`` imports little and lets child processes do all the work.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["CommandError", "Ran", "run"]

_ENVIRONMENT = {**os.environ, "TZ": "UTC", "NO_COLOR": "1"}


class CommandError(Exception):
    """A command ended otherwise than it should."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """What one run took: ``wall_s`` on the clock, ``cpu_s`` on all cores, its children's included."""

    wall_s: float
    cpu_s: float
    peak_bytes: int


def run(command: Sequence[str], out: Path, *, good: Sequence[int] = (0,)) -> Ran:
    """Run a command with its output in the file ``out``.

    Raises:
        CommandError: it ended with another exit code than the ``good`` ones.
    """
    with out.open("wb") as stdout, tempfile.TemporaryFile() as stderr:
        start = time.perf_counter()
        child = subprocess.Popen(command, stdout=stdout, stderr=stderr, env=_ENVIRONMENT)
        _, status, usage = os.wait4(child.pid, 0)
        wall_s = time.perf_counter() - start
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode not in good:
            stderr.seek(0)
            said = stderr.read().decode(errors="replace").strip().splitlines()
            raise CommandError(f"exit code {child.returncode}: {said[-1] if said else 'it said nothing'}")
    return Ran(wall_s=wall_s, cpu_s=usage.ru_utime + usage.ru_stime, peak_bytes=usage.ru_maxrss * 1024)
