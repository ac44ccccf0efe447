"""Measures ``trailkeep verify`` beside AWS's own tool and beside the least that the processor must do.

python bench/run_verify.py                   prints the figures and whether the goals are met
python bench/run_verify.py --json FILE       also writes them
python bench/run_verify.py --keep DIR        generates the archive there, or takes the one that is there

The archive is served by ``object_server.py`` in a process of its own, at once and with 20 ms before each
answer. Everybody runs in turns; the best run of each counts, and only when it found every log to be proven.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from process import run
from race import Contestant, Found, Work, race
from report import Machine, machine, table
from setting import document
from signed import Signed

__all__ = ["Goal", "Report", "goals"]

_HERE = Path(__file__).parent
_FAR_MS = 20
_VERIFY, _IN_TURN, _AT_ONCE, _FLOOR = (
    "trailkeep verify",
    "validate-logs in turn",
    "validate-logs at once",
    "floor",
)
_TIMES = {_IN_TURN: 30.0, _AT_ONCE: 8.0}
_OF_FLOOR = 5.0


class Goal(msgspec.Struct, frozen=True, kw_only=True):
    """A ratio that is wanted, and what came of it; ``got`` is None where somebody did not run."""

    goal: str
    wanted: float
    got: float | None
    reached: bool


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """One run."""

    schema: str = "bench-verify/1"
    measured_at: datetime
    machine: Machine
    logs: int
    digests: int
    works: tuple[Work, ...]
    goals: tuple[Goal, ...]


def main() -> int:
    """Measure what was asked for; 1 when a goal is missed or somebody found something else."""
    asked = _arguments()
    with tempfile.TemporaryDirectory(prefix="trailkeep-bench-") as name:
        folder = asked.keep or Path(name)
        facts = _facts(folder)
        works = tuple(_work(folder, facts, delay_ms, asked.rounds) for delay_ms in (_FAR_MS, 0))
    report = Report(
        measured_at=datetime.now(UTC),
        machine=machine(),
        logs=facts.logs,
        digests=facts.digests,
        works=works,
        goals=tuple(goals(works)),
    )
    print("\n".join(_text(report)))
    if asked.json:
        asked.json.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n")
    return int(not all(goal.reached for goal in report.goals))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each quick command (default: 3)")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keep the archive there")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there as JSON too")
    return parser.parse_args()


def _facts(folder: Path) -> Signed:
    """Return what is in the folder, after generating it where it is empty."""
    out = folder / "facts.json"
    if not out.exists():
        print("generating the archive", file=sys.stderr)
        folder.mkdir(parents=True, exist_ok=True)
        run([sys.executable, str(_HERE / "signed.py"), str(folder)], folder / "new")
        (folder / "new").replace(out)
    return msgspec.json.decode(out.read_bytes(), type=Signed)


@contextmanager
def _served(facts: Signed, delay_ms: int) -> Iterator[list[str]]:
    """Serve the archive; yields the words before a command that reach the server."""
    command = [sys.executable, str(_HERE / "object_server.py"), facts.folder, "--answers", facts.answers]
    with subprocess.Popen(
        [*command, "--delay-ms", str(delay_ms)], stdout=subprocess.PIPE, text=True
    ) as server:
        try:
            assert server.stdout is not None  # noqa: S101 - it is a pipe
            url = json.loads(server.stdout.readline())["url"]
            names = ("AWS_ACCESS_KEY_ID=bench", "AWS_SECRET_ACCESS_KEY=bench")
            yield ["env", f"AWS_ENDPOINT_URL={url}", *names, f"AWS_DEFAULT_REGION={facts.regions[0]}"]
        finally:
            server.terminate()


def _work(folder: Path, facts: Signed, delay_ms: int, rounds: int) -> Work:
    print(f"measuring with {delay_ms} ms", file=sys.stderr)
    with _served(facts, delay_ms) as before:
        return race(
            f"{facts.logs:,} logs and {facts.digests:,} digests, {delay_ms} ms before each answer",
            _ours(facts, before, rounds),
            _floor(facts, rounds),
            _theirs(_AT_ONCE, folder, facts, [*before, sys.executable]),
            _theirs(_IN_TURN, folder, facts, [*before, sys.executable]),
        )


def _ours(facts: Signed, before: Sequence[str], rounds: int) -> Contestant:
    trailkeep = str(Path(sys.executable).parent / "trailkeep")
    command = [trailkeep, "verify", f"s3://{facts.bucket}/", "--as-of", facts.as_of.isoformat(), "--json"]
    return Contestant(
        name=_VERIFY,
        command=lambda _: [*before, *command],
        read=_proven,
        expected=facts.logs,
        unit="logs",
        runs=rounds,
    )


def _proven(out: Path) -> Found:
    said = json.loads(out.read_bytes())
    return Found(found=said["summary"]["logs"]["verified"] if said["verdict"] == "PASS" else 0)


def _theirs(name: str, folder: Path, facts: Signed, before: Sequence[str]) -> Contestant:
    how, rounds = ("all", 2) if name == _AT_ONCE else ("one", 1)
    command = [*before, str(_HERE / "validate_all.py"), str(folder / "facts.json"), how]
    return Contestant(
        name=name,
        command=lambda _: command,
        read=document,
        expected=facts.logs,
        unit="logs",
        runs=rounds,
        absent="" if (Path(sys.executable).parent / "aws").exists() else "no AWS CLI beside this Python",
    )


def _floor(facts: Signed, rounds: int) -> Contestant:
    command = [sys.executable, str(_HERE / "verify_floor.py"), facts.folder, facts.answers]
    return Contestant(
        name=_FLOOR,
        command=lambda _: command,
        read=document,
        expected=facts.logs,
        unit="logs",
        runs=rounds,
    )


def goals(works: Sequence[Work]) -> Iterator[Goal]:
    """Yield the goals and how far each was reached: the first work is far from the server, the last near."""
    far = {figure.name: figure.ratio for figure in works[0].figures}
    for name, wanted in _TIMES.items():
        got = far[name]
        said = f"{name} takes so many times as long at {_FAR_MS} ms, at least"
        yield Goal(goal=said, wanted=wanted, got=got, reached=got is not None and got >= wanted)
    ratio = {figure.name: figure.ratio for figure in works[-1].figures}[_FLOOR]
    times = 1 / ratio if ratio else None
    said = "verify takes so many times as long as the floor at 0 ms, at most"
    yield Goal(goal=said, wanted=_OF_FLOOR, got=times, reached=times is not None and times <= _OF_FLOOR)


def _text(report: Report) -> Iterator[str]:
    here = report.machine
    yield (
        f"{report.measured_at:%Y-%m-%d %H:%MZ}, {here.cpus} CPUs, {here.memory_gib} GiB, load {here.load}, "
        f"Python {here.python}"
    )
    yield "best of n runs, taken in turns; ratio: time beside the first line of the same work"
    yield ""
    yield from table(report.works)
    yield ""
    for goal in report.goals:
        got = "not measured" if goal.got is None else f"{goal.got:.1f}"
        yield f"{goal.goal} {goal.wanted:g}: {got}, {'reached' if goal.reached else 'MISSED'}"


if __name__ == "__main__":
    sys.exit(main())
