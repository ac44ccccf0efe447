"""The command line as a process: exit codes, errors, imports."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from trailkeep import __version__
from trailkeep.cli.main import VERBS
from trailkeep.guard.decisions import Allowance

SLOW = (
    "duckdb",
    "pyarrow",
    "boto3",
    "botocore",
    "moto",
    "pyiceberg",
    "sqlglot",
    "rich",
    "obstore",
    "tomllib",
)


def run(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run trailkeep in a process of its own."""
    command = [sys.executable, "-m", "trailkeep", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd)


def test_help_loads_nothing_slow() -> None:
    """--help imports none of the libraries that do the work."""
    code = (
        "import sys; from trailkeep.cli.main import build; build()(['--help'], standalone_mode=False);"
        f"sys.stderr.write(','.join(set({SLOW!r}) & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stderr, "Commands" in done.stdout) == ("", True)


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself(verb: str) -> None:
    """Each verb has help, and none of it is empty."""
    done = run(verb, "--help")
    assert done.returncode == 0
    assert f"Usage: python -m trailkeep {verb}" in done.stdout


def test_the_version_is_printed() -> None:
    """One line, nothing else."""
    assert run("--version").stdout == f"trailkeep {__version__}\n"


def test_an_error_is_one_line_and_an_exit_code(tmp_path: Path) -> None:
    """No traceback for what a user can do wrong."""
    done = run("search", "--lake", "nothing", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("trailkeep: nothing: expected a lake, got nothing there; run ")
    assert done.stderr.count("\n") == 1


def test_an_error_is_a_document_with_json(tmp_path: Path) -> None:
    """A program that reads stdout gets one document, whatever happens."""
    done = run("sql", "select 1", "--lake", "nothing", "--json", cwd=tmp_path)
    document = json.loads(done.stdout)
    assert (document["trailkeep"]["schema"], document["error"]["kind"]) == ("error/1", "UsageError")


@pytest.mark.parametrize("arguments", [["nonsense"], ["search", "--nonsense"], ["show"]])
def test_a_wrong_option_is_wrong_usage(arguments: list[str]) -> None:
    """The parser's own errors end with 2 too."""
    assert run(*arguments).returncode == 2


def test_a_wrong_option_is_a_document_with_json() -> None:
    """What the parser refuses is one document on stdout too."""
    done = run("search", "--nonsense", "--json")
    document = json.loads(done.stdout)
    assert (done.returncode, document["error"]["kind"]) == (2, "UsageError")
    assert "--nonsense" in document["error"]["message"]


def test_no_command_shows_the_help() -> None:
    """A bare call is an invitation to read."""
    done = run()
    assert (done.returncode, "Commands" in done.stdout + done.stderr) == (2, True)


def test_a_closed_pipe_is_no_traceback(tmp_path: Path) -> None:
    """``trailkeep ... | head`` ends quietly."""
    script = f"{sys.executable} -m trailkeep --help | true"
    done = subprocess.run(
        ["/bin/sh", "-c", script], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("verb", ["plan", "apply"])
def test_help_names_every_allowance(verb: str) -> None:
    """Whatever a plan does only when it is allowed is in the help of the option that allows it."""
    shown = "".join(run(verb, "--help").stdout.split())
    assert [allowance for allowance in Allowance if allowance not in shown] == []


@pytest.fixture
def heard_interrupts() -> Iterator[None]:
    """Hear of Ctrl-C, which a shell makes what it starts in the background ignore, and its children with it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("heard_interrupts")
def test_an_interrupt_is_one_line_and_its_exit_code(tmp_path: Path) -> None:
    """Ctrl-C within a verb ends with 130 and one line that says how to go on."""
    waits = tmp_path / "trailkeep.toml"
    os.mkfifo(waits)
    command = [sys.executable, "-m", "trailkeep", "plan", "--config", str(waits)]
    with (
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process,
        waits.open("wb"),  # opens when the verb opens the other end
    ):
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert said.strip() == ("trailkeep: interrupted; what was committed stays, run the same command again")
