"""Judges what was seen of the archive: the matrix of accounts and regions, and what is wrong in it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from trailkeep.core.times import format_moment
from trailkeep.guard.estate import Absent, Unreadable
from trailkeep.guard.judge_trail import judge_trail
from trailkeep.guard.status import (
    SILENT_AFTER,
    AccountSeen,
    Cell,
    CellState,
    Finding,
    LakeSeen,
    Limits,
    Member,
    Observation,
    Row,
    Seen,
    Status,
    StatusKind,
    TrailSeen,
)

__all__ = ["judge"]

_NAMED = 3
_SILENT = frozenset({CellState.SILENT, CellState.NEVER})


def judge(seen: Observation, *, now: datetime, limits: Limits | None = None) -> Status:
    """Return the state of the archive at ``now``, an aware UTC moment."""
    judging = _Judging(seen, now, limits or Limits())
    rows = tuple(judging.rows())
    cells = [cell for row in rows for cell in row.cells]
    return Status(
        as_of=now,
        rows=rows,
        findings=tuple(judging.findings(rows)),
        newest_log_at=_newest(cell.log_at for cell in cells),
        newest_digest_at=_newest(cell.digest_at for cell in cells),
        lake_newest_event_at=seen.lake.newest_event_at if isinstance(seen.lake, LakeSeen) else None,
    )


class _Judging:
    """One observation at one moment."""

    def __init__(self, seen: Observation, now: datetime, limits: Limits) -> None:
        self.seen = seen
        self.now = now
        self.limits = limits
        self.archive = _archive(seen)
        self.expected = _expected(seen)
        self.chained = self._is_chained()

    def _is_chained(self) -> bool:
        """Whether digests arrive at all and the trail means them to: then they decide."""
        if isinstance(self.seen.trail, TrailSeen) and not self.seen.trail.validates_logs:
            return False
        return any(
            seen.digest_at is not None
            for account in self.archive.values()
            if not isinstance(account.regions, Unreadable)
            for seen in account.regions
        )

    def rows(self) -> Iterator[Row]:
        """Yield the matrix, by account id."""
        for member in sorted(self._members(), key=lambda member: member.id):
            yield Row(account=member.id, name=member.name, cells=tuple(self._cells(member)))

    def _members(self) -> tuple[Member, ...]:
        """Return the accounts; where they cannot be listed, those of the archive's folders."""
        if isinstance(self.seen.members, Unreadable):
            return tuple(Member(id=account) for account in self.archive)
        return self.seen.members

    def _cells(self, member: Member) -> Iterator[Cell]:
        account = self.archive.get(member.id)
        found = account.regions if account else ()
        if isinstance(self.seen.archive, Unreadable) or isinstance(found, Unreadable):
            for region in sorted(self.expected):
                yield Cell(region=region, state=CellState.UNKNOWN, expected=True)
            return
        by_region = {seen.region: seen for seen in found}
        for region in sorted(self.expected | by_region.keys()):
            seen = by_region.get(region, Seen(region=region))
            yield Cell(
                region=region,
                state=self._state(seen),
                expected=region in self.expected,
                log_at=seen.log_at,
                digest_at=seen.digest_at,
            )

    def _state(self, seen: Seen) -> CellState:
        newest, late_after = seen.log_at, self.limits.late_after
        if self.chained and seen.digest_at is not None:
            newest, late_after = seen.digest_at, self.limits.digest_late_after
        if newest is None:
            return CellState.NEVER
        age = self.now - newest
        if age <= late_after:
            return CellState.FRESH
        return CellState.LATE if age <= SILENT_AFTER else CellState.SILENT

    def findings(self, rows: tuple[Row, ...]) -> Iterator[Finding]:
        """Yield what was found: of the whole archive first, then account by account."""
        yield from judge_trail(self.seen.trail, self.now, of_organization=self.seen.of_organization)
        yield from self._unreadable(rows)
        yield from self._whole(rows)
        members = {member.id: member for member in self._members()}
        for row in rows:
            yield from self._account(row, members[row.account])
        yield from self._lake(rows)

    def _unreadable(self, rows: tuple[Row, ...]) -> Iterator[Finding]:
        for what in (self.seen.members, self.seen.regions, self.seen.archive):
            if isinstance(what, Unreadable):
                yield _unreadable(what)
        for account in self.archive.values():
            if isinstance(account.regions, Unreadable):
                yield _unreadable(account.regions, account=account.account)
        if not rows:
            nothing = Unreadable(call="organizations:ListAccounts", error="expected accounts, got none")
            yield _unreadable(nothing)

    def _whole(self, rows: tuple[Row, ...]) -> Iterator[Finding]:
        cells = [cell for row in rows for cell in row.cells if cell.state is not CellState.UNKNOWN]
        newest = _newest(moment for cell in cells for moment in (cell.log_at, cell.digest_at))
        if cells and self._is_due(None, newest) and not any(cell.state is CellState.FRESH for cell in cells):
            what = f"nothing since {format_moment(newest)}" if newest else "nothing ever"
            yield _finding(
                StatusKind.ARCHIVE_LATE,
                f"archive: expected a delivery within {self.limits.late_after_min} minutes, got {what}; "
                "run 'trailkeep plan' to see what stops the trail",
            )
        if cells and isinstance(self.seen.trail, TrailSeen) and not self.chained:
            yield self._digests(self.seen.trail)

    def _digests(self, trail: TrailSeen) -> Finding:
        """Return why no digest tells anything."""
        if not trail.validates_logs:
            return _finding(
                StatusKind.DIGEST_OFF,
                f"trail {trail.name}: expected log file validation, got none; "
                "a quiet region cannot be told from a silent one, run 'trailkeep plan'",
            )
        if self._is_due(None):
            return _finding(
                StatusKind.DIGEST_NEVER,
                f"trail {trail.name}: expected a digest by now, got none ever; "
                "without digests nobody can prove that no log is missing, run 'trailkeep plan'",
            )
        return _finding(
            StatusKind.DIGEST_PENDING,
            f"trail {trail.name}: expected a digest within the hour, got none yet; ask again",
        )

    def _account(self, row: Row, member: Member) -> Iterator[Finding]:
        cells = [cell for cell in row.cells if cell.state is not CellState.UNKNOWN]
        if not cells:
            return
        if all(cell.state in _SILENT for cell in cells):
            yield self._silent_account(row, member)
            return
        if self.chained:
            yield from self._chained_regions(row, member, cells)
        elif quiet := [cell for cell in cells if cell.state is not CellState.FRESH]:
            yield _of_regions(
                StatusKind.REGION_QUIET,
                row,
                quiet,
                "no recent log, and no digest that would tell quiet from silent",
            )

    def _silent_account(self, row: Row, member: Member) -> Finding:
        newest = _newest(moment for cell in row.cells for moment in (cell.log_at, cell.digest_at))
        if not self._is_due(member, newest):
            return _finding(
                StatusKind.ACCOUNT_NEW,
                f"account {row.account}: expected a delivery soon, got none yet; ask again",
                account=row.account,
            )
        what = f"nothing since {format_moment(newest)}" if newest else "nothing ever"
        return _finding(
            StatusKind.ACCOUNT_SILENT,
            f"account {row.account}: expected logs or digests, got {what}; {self._remedy()}",
            account=row.account,
        )

    def _remedy(self) -> str:
        if not self.seen.of_organization:
            return "run 'trailkeep plan' to see what stops the trail"
        return (
            "see that the account has the role AWSServiceRoleForCloudTrail "
            "and that the organization trusts CloudTrail"
        )

    def _chained_regions(self, row: Row, member: Member, cells: list[Cell]) -> Iterator[Finding]:
        never, stopped = self._missing(member, cells)
        silent = [cell for cell in stopped if cell.state is CellState.SILENT]
        silent += [cell for cell in never if cell.log_at is None]
        late = [cell for cell in stopped if cell.state is CellState.LATE]
        late += [cell for cell in never if cell.log_at is not None]
        if silent:
            yield _of_regions(
                StatusKind.REGION_SILENT,
                row,
                silent,
                "no digest for a day or ever; if the account turned the region off, that is why",
            )
        if late:
            minutes = int(self.limits.digest_late_after.total_seconds()) // 60
            yield _of_regions(StatusKind.DIGEST_LATE, row, late, f"no digest within {minutes} minutes")

    def _missing(self, member: Member, cells: list[Cell]) -> tuple[list[Cell], list[Cell]]:
        """Return the cells in which digests should be and never were, and those in which they were once."""
        due = self._is_due(member)
        never = [cell for cell in cells if due and cell.expected and cell.digest_at is None]
        stopped = [cell for cell in cells if cell.digest_at and self._is_due(member, cell.digest_at)]
        return never, stopped

    def _is_due(self, member: Member | None, newest: datetime | None = None) -> bool:
        """Whether trail and account are old enough for something younger than ``newest`` to be there.

        Where nobody says since when the trail logs, what never came is not judged, and what came once is.
        """
        home = self.seen.trail.home if isinstance(self.seen.trail, TrailSeen) else None
        started_at = home.started_at if home else None
        if started_at is None:
            return newest is not None
        since = max(started_at, member.joined_at) if member and member.joined_at else started_at
        return self.now - since > self.limits.digest_late_after

    def _lake(self, rows: tuple[Row, ...]) -> Iterator[Finding]:
        lake = self.seen.lake
        if isinstance(lake, Unreadable):
            yield _unreadable(lake)
        elif isinstance(lake, Absent):
            yield _finding(
                StatusKind.LAKE_ABSENT,
                "lake: expected one, got none; run 'trailkeep collect' to be able to ask questions",
            )
        else:
            newest = _newest(cell.log_at for row in rows for cell in row.cells)
            yield from self._lake_behind(lake, newest)

    def _lake_behind(self, lake: LakeSeen, newest_log: datetime | None) -> Iterator[Finding]:
        allowed = timedelta(minutes=self.limits.lake_late_after_min)
        if newest_log is None or (lake.newest_event_at and newest_log - lake.newest_event_at <= allowed):
            return
        got = format_moment(lake.newest_event_at) if lake.newest_event_at else "no event at all"
        yield _finding(
            StatusKind.LAKE_BEHIND,
            f"lake: expected events up to {format_moment(newest_log)}, when the newest log was delivered, "
            f"got {got}; run 'trailkeep collect'",
        )


def _archive(seen: Observation) -> dict[str, AccountSeen]:
    if isinstance(seen.archive, Unreadable):
        return {}
    return {account.account: account for account in seen.archive}


def _expected(seen: Observation) -> frozenset[str]:
    """Return the regions in which every account must have digests."""
    trail = seen.trail
    if isinstance(trail, TrailSeen) and not trail.is_multi_region:
        return frozenset({trail.home_region})
    known = frozenset() if isinstance(seen.regions, Unreadable) else frozenset(seen.regions)
    return known | ({trail.home_region} if isinstance(trail, TrailSeen) else frozenset())


def _newest(moments: Iterable[datetime | None]) -> datetime | None:
    return max((moment for moment in moments if moment is not None), default=None)


def _finding(kind: StatusKind, message: str, *, account: str = "") -> Finding:
    return Finding(kind=kind, severity=kind.severity, message=message, account=account)


def _of_regions(kind: StatusKind, row: Row, cells: list[Cell], what: str) -> Finding:
    regions = tuple(sorted(cell.region for cell in cells))
    named = ", ".join(regions) if len(regions) <= _NAMED else f"{len(regions)} regions"
    return Finding(
        kind=kind,
        severity=kind.severity,
        message=f"account {row.account}, {named}: {what}",
        account=row.account,
        regions=regions,
    )


def _unreadable(what: Unreadable, *, account: str = "") -> Finding:
    kind = StatusKind.UNREADABLE
    return Finding(kind=kind, severity=kind.severity, message=f"{what.call}: {what.error}", account=account)
