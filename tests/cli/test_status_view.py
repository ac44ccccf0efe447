"""How ``status`` looks on a terminal."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from trailkeep.cli.status_view import lines, remarks
from trailkeep.guard.status import Cell, CellState, Finding, Row, Status, StatusKind

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
FRESH = Cell(
    region="eu-central-1",
    state=CellState.FRESH,
    expected=True,
    log_at=NOW - timedelta(minutes=4),
    digest_at=NOW - timedelta(minutes=61),
)
LATE = Cell(
    region="us-east-1",
    state=CellState.LATE,
    expected=True,
    log_at=NOW - timedelta(days=3),
    digest_at=NOW - timedelta(hours=5),
)


def _never(*regions: str) -> tuple[Cell, ...]:
    return tuple(Cell(region=region, state=CellState.NEVER, expected=True) for region in regions)


def _status(*rows: Row, findings: tuple[Finding, ...] = ()) -> Status:
    return Status(
        as_of=NOW,
        rows=rows,
        findings=findings,
        newest_log_at=FRESH.log_at,
        newest_digest_at=None,
        lake_newest_event_at=NOW - timedelta(seconds=5),
    )


ROWS = (
    Row(account="111111111111", name="management", cells=(FRESH,)),
    Row(account="222222222222", name="log-archive", cells=(FRESH, LATE)),
    Row(account="333333333333", name="prod", cells=_never("a-1", "b-1", "c-1", "d-1")),
    Row(account="444444444444", name="staging", cells=(FRESH, *_never("a-1", "b-1"))),
)


def test_what_is_not_fine() -> None:
    """Only accounts and regions that are not fresh are shown, with ages, and the others are counted."""
    assert list(lines(_status(*ROWS), show_all=False)) == [
        "222222222222  log-archive  us-east-1 late (log 3d ago, digest 5h ago)",
        "333333333333  prod         4 regions never",
        "444444444444  staging      a-1 never, b-1 never",
        "1 accounts with every region fresh",
        "4 accounts, 10 cells: 3 fresh, 1 late, 0 silent, 6 never, 0 unknown",
        "newest log 4m ago, newest digest never, newest event in the lake just now",
    ]


def test_everything() -> None:
    """With --all every account and region is shown."""
    first, second, *_ = lines(_status(*ROWS[:2]), show_all=True)
    assert first == "111111111111  management   eu-central-1 fresh (log 4m ago, digest 1h ago)"
    fresh, late = second.split(", us-east-1 ")
    assert fresh == "222222222222  log-archive  eu-central-1 fresh (log 4m ago, digest 1h ago)"
    assert late == "late (log 3d ago, digest 5h ago)"


def test_the_worst_comes_first() -> None:
    """Findings are said with the worst first, 50 at the most, and the outcome last."""
    kinds = [StatusKind.LAKE_ABSENT, StatusKind.UNREADABLE, *[StatusKind.ACCOUNT_SILENT] * 51]
    findings = tuple(Finding(kind=kind, severity=kind.severity, message="m") for kind in kinds)
    said = list(remarks(_status(*ROWS, findings=findings)))
    assert said[0] == "fail: account.silent: m"
    assert said[-2:] == ["... and 3 more; --json prints them all", "outcome: FAIL (account.silent)"]
    assert len(said) == 52
    said = list(remarks(_status(*ROWS, findings=findings[:2])))
    assert [line.split(":")[0] for line in said] == ["unknown", "note", "outcome"]
