"""The figures as a document, and as a plain table with the commands below it."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from importlib.metadata import version

import msgspec

from race import Figure, Work
from setting import Setting

__all__ = ["Machine", "Report", "machine", "table", "text"]

_GIB = 1 << 30


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """Where the figures come from; ``load`` is the load average of one minute when the run began."""

    cpus: int
    memory_gib: int
    load: float
    python: str
    duckdb: str


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """One run of the harness."""

    schema: str = "bench/1"
    measured_at: datetime
    machine: Machine
    events: int
    seed: int
    works: tuple[Work, ...]
    imports_ms: dict[str, float]

    @property
    def failed(self) -> bool:
        """Whether somebody found something else than what is there, or did not end well."""
        return any(figure.failed for work in self.works for figure in work.figures)


def machine() -> Machine:
    """Return what this machine is."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return Machine(
        cpus=os.cpu_count() or 1,
        memory_gib=round(memory / _GIB),
        load=round(os.getloadavg()[0], 1),
        python=platform.python_version(),
        duckdb=version("duckdb"),
    )


def text(report: Report, setting: Setting) -> str:
    """Return the report for people."""
    return "\n".join(
        [*_head(report), *table(report.works), *_imports(report), "", *_commands(report, setting)]
    )


def _head(report: Report) -> Iterator[str]:
    here = report.machine
    yield (
        f"{report.measured_at.astimezone(UTC):%Y-%m-%d %H:%MZ}, {here.cpus} CPUs, {here.memory_gib} GiB, "
        f"load {here.load}, Python {here.python}, DuckDB {here.duckdb}; seed {report.seed}"
    )
    yield "best of n runs, taken in turns; ratio: time beside the first line of the same work"
    yield ""


def table(works: Iterable[Work]) -> Iterator[str]:
    """Yield a line for each figure; they are numbered as they come."""
    yield f"{'':42}{'wall':>10}{'CPU':>10}{'peak':>10}{'found':>16}{'n':>4}{'ratio':>9}"
    number = 0
    for work in works:
        yield work.work
        for figure in work.figures:
            number += 1
            yield f"  {f'[{number}]':5}{figure.name:35}{_cells(figure)}"


def _cells(figure: Figure) -> str:
    if figure.failed or figure.not_run:
        return f"  failed: {figure.failed}" if figure.failed else f"  not run: {figure.not_run}"
    peak = f"{figure.peak_bytes / 1e6:,.0f} MB" if figure.peak_bytes else ""
    found = f"{figure.found:,} {figure.unit}"
    ratio = f"{figure.ratio:.3g}x" if figure.ratio else "1"
    return (
        f"{_time(figure.wall_s):>10}{_time(figure.cpu_s):>10}{peak:>10}{found:>16}{figure.runs:>4}{ratio:>9}"
    )


def _time(seconds: float | None) -> str:
    if seconds is None:
        return ""
    return f"{seconds * 1000:.1f} ms" if seconds < 1 else f"{seconds:.2f} s"


def _imports(report: Report) -> Iterator[str]:
    if report.imports_ms:
        named = ", ".join(f"{name} {spent:.0f}" for name, spent in report.imports_ms.items())
        yield f"  imports of the command line, own ms (with -X importtime): {named}"


def _commands(report: Report, setting: Setting) -> Iterator[str]:
    figures = [figure for work in report.works for figure in work.figures]
    for number, figure in enumerate(figures, start=1):
        yield f"[{number}] {setting.shown(figure.command)}"
