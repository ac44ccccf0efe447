"""How the state of the archive looks: one line per account and what is not fine in it, and the JSON body."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import msgspec

from trailkeep.core.times import format_moment
from trailkeep.guard.status import Cell, CellState, Row, Severity, Status

__all__ = ["body", "lines", "remarks"]

_SHOWN = 50
_MINUTE = timedelta(minutes=1)
_UNITS = ((timedelta(days=1), "d"), (timedelta(hours=1), "h"), (_MINUTE, "m"))


def body(status: Status) -> dict[str, Any]:
    """Return the JSON body of ``status``."""
    builtins: dict[str, Any] = msgspec.to_builtins(status)
    verdict = status.verdict
    return {
        "verdict": {"kind": verdict.kind, "reason": verdict.reason},
        **{name: value for name, value in builtins.items() if name != "rows"},
        "accounts": builtins["rows"],
    }


def lines(status: Status, *, show_all: bool) -> Iterator[str]:
    """Yield the matrix: every account and region with ``show_all``, else what is not fresh, and counts."""
    shown = [row for row in status.rows if show_all or not _is_fresh(row)]
    width = max((len(row.name) for row in shown), default=0)
    for row in shown:
        cells = [cell for cell in row.cells if show_all or cell.state is not CellState.FRESH]
        yield f"{row.account}  {row.name:<{width}}  {', '.join(_cells(cells, status.as_of))}"
    if hidden := len(status.rows) - len(shown):
        yield f"{hidden:,} accounts with every region fresh"
    counts = Counter(cell.state for row in status.rows for cell in row.cells)
    yield (
        f"{len(status.rows):,} accounts, {counts.total():,} cells: "
        + ", ".join(f"{counts[state]:,} {state}" for state in CellState)
    )
    yield (
        f"newest log {_age(status.newest_log_at, status.as_of)}, "
        f"newest digest {_age(status.newest_digest_at, status.as_of)}, "
        f"newest event in the lake {_age(status.lake_newest_event_at, status.as_of)}"
    )


def remarks(status: Status) -> Iterator[str]:
    """Yield the findings, the worst first and 50 at the most, and the outcome."""
    by_severity = sorted(status.findings, key=lambda finding: list(Severity).index(finding.severity))
    for finding in by_severity[:_SHOWN]:
        yield f"{finding.severity}: {finding.kind}: {finding.message}"
    if (rest := len(by_severity) - _SHOWN) > 0:
        yield f"... and {rest:,} more; --json prints them all"
    yield f"outcome: {status.verdict}"


def _is_fresh(row: Row) -> bool:
    return bool(row.cells) and all(cell.state is CellState.FRESH for cell in row.cells)


def _cells(cells: list[Cell], as_of: datetime) -> Iterator[str]:
    """Yield a text per region, and one for all regions of which nothing was ever seen or nothing is known."""
    for cell in cells:
        if cell.log_at or cell.digest_at:
            log, digest = _age(cell.log_at, as_of), _age(cell.digest_at, as_of)
            yield f"{cell.region} {cell.state} (log {log}, digest {digest})"
    for state in (CellState.NEVER, CellState.UNKNOWN):
        regions = [cell.region for cell in cells if cell.state is state]
        if len(regions) > 3:
            yield f"{len(regions)} regions {state}"
        else:
            yield from (f"{region} {state}" for region in regions)


def _age(moment: datetime | None, as_of: datetime) -> str:
    """Return how long ago a moment was, as ``12m``, ``3h``, ``5d``.

    >>> from datetime import UTC
    >>> _age(datetime(2026, 1, 1, 10, tzinfo=UTC), datetime(2026, 1, 1, 12, 30, tzinfo=UTC))
    '2h ago'
    """
    if moment is None:
        return "never"
    for unit, letter in _UNITS:
        if (count := (as_of - moment) // unit) > 0:
            return f"{count}{letter} ago"
    return "just now" if as_of >= moment else f"at {format_moment(moment)}"
