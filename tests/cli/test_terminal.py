"""What a terminal gets: no log drives it, in any format."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from logs import archive, record, take_in

ODD = "\x1b[2J\x9b31m\u202e"


def on_a_terminal(*arguments: str) -> bytes:
    """Run trailkeep with a pseudo-terminal as stdout and return what it wrote there."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "trailkeep", *arguments]
    with subprocess.Popen(command, stdout=theirs, stderr=subprocess.DEVNULL) as process:
        os.close(theirs)
        written = b""
        try:
            while chunk := os.read(ours, 65_536):
                written += chunk
        except OSError:  # the other side is closed
            pass
        process.wait()
    os.close(ours)
    return written


@pytest.mark.parametrize(
    "form",
    [
        ["--format", "csv"],
        ["--format", "jsonl"],
        ["--format", "jsonl", "--raw"],
        ["--json"],
        ["--limit", "5"],
    ],
)
def test_no_format_sends_control_characters_to_a_terminal(tmp_path: Path, form: list[str]) -> None:
    """Escape sequences and direction marks in a log are shown as text wherever a person looks."""
    take_in(tmp_path / "lake", archive(tmp_path / "logs", [[record(1, eventName=ODD, userAgent=ODD)]]))
    written = on_a_terminal("search", "--lake", str(tmp_path / "lake"), *form).decode()
    assert "1b[2J" in written
    for sent in ("\x1b[2J", "\x9b", "\u202e"):
        assert sent not in written
