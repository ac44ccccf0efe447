"""One piece of work given to us and to the peers in turns; the best run of each counts."""

from __future__ import annotations

import shlex
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from process import CommandError, Ran, run

__all__ = ["Contestant", "Figure", "Found", "Work", "lines", "race"]


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What a run found; ``wall_s`` is set by a process that measured a part of its own run."""

    found: int
    wall_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Contestant:
    """Somebody who does the work.

    Attributes:
        command: makes the command of one round; rounds are counted from 0.
        read: reads from a run's output what was found.
        expected: what must be found, or the run does not count.
        unit: what is counted.
        good: exit codes of a run that worked.
        absent: why it cannot run here; empty when it can.
    """

    name: str
    command: Callable[[int], Sequence[str]]
    read: Callable[[Path], Found]
    expected: int
    unit: str = "events"
    runs: int = 1
    good: Sequence[int] = (0,)
    absent: str = ""


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """The best of ``runs`` runs; where there is none, ``not_run`` or ``failed`` says why.

    ``ratio`` is how many times longer than the first figure of the same work it took on the clock. ``cpu_s``
    and ``peak_bytes`` are None where only a part of the process was measured.
    """

    name: str
    command: str
    runs: int = 0
    wall_s: float | None = None
    cpu_s: float | None = None
    peak_bytes: int | None = None
    found: int | None = None
    unit: str = ""
    ratio: float | None = None
    not_run: str = ""
    failed: str = ""


class Work(msgspec.Struct, frozen=True, kw_only=True):
    """What was to be done, and how everybody did; ours is the first figure."""

    work: str
    figures: tuple[Figure, ...]


@dataclass(slots=True)
class _Lane:
    who: Contestant
    runs: list[tuple[Ran, Found]] = field(default_factory=list)
    failed: str = ""

    def go(self, turn: int) -> None:
        if self.who.absent or self.failed or turn >= self.who.runs:
            return
        try:
            self.runs.append(_once(self.who, turn))
        except CommandError as error:
            self.failed = str(error)

    def figure(self) -> Figure:
        figure = Figure(
            name=self.who.name,
            command=shlex.join(self.who.command(0)),
            unit=self.who.unit,
            not_run=self.who.absent,
            failed=self.failed,
        )
        return figure if self.who.absent or self.failed else _filled(figure, self.runs)


def race(work: str, *everybody: Contestant) -> Work:
    """Let everybody run in turns; ours comes first, and the others' ratios are to it."""
    lanes = [_Lane(one) for one in everybody]
    for turn in range(max(one.runs for one in everybody)):
        for lane in lanes:
            lane.go(turn)
    figures = [lane.figure() for lane in lanes]
    return Work(work=work, figures=tuple(_compared(one, figures[0]) for one in figures))


def _once(one: Contestant, turn: int) -> tuple[Ran, Found]:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out"
        ran = run(one.command(turn), out, good=one.good)
        found = one.read(out)
    if found.found != one.expected:
        raise CommandError(f"expected {one.expected} {one.unit}, got {found.found}")
    return ran, found


def _filled(figure: Figure, runs: Sequence[tuple[Ran, Found]]) -> Figure:
    ran, found = min(runs, key=lambda run: run[1].wall_s or run[0].wall_s)
    whole = found.wall_s is None
    return msgspec.structs.replace(
        figure,
        runs=len(runs),
        wall_s=found.wall_s or ran.wall_s,
        cpu_s=ran.cpu_s if whole else None,
        peak_bytes=ran.peak_bytes if whole else None,
        found=found.found,
    )


def _compared(one: Figure, ours: Figure) -> Figure:
    if one is ours or one.wall_s is None or ours.wall_s is None:
        return one
    return msgspec.structs.replace(one, ratio=one.wall_s / ours.wall_s)


def lines(out: Path) -> Found:
    """Count the lines of an output."""
    return Found(found=out.read_bytes().count(b"\n"))
