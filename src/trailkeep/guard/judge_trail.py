"""Judges what GetTrailStatus says: whether the trail logs, delivers, and when events are lost if it does not.

CloudTrail tries a bucket that refuses for 30 days. The oldest event that waits is not older than the last
delivery (or the start of the trail), so what waits is lost from 30 days after that on, and never earlier.

Source: https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_GetTrailStatus.html
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from trailkeep.core.times import format_moment
from trailkeep.guard.estate import Absent, Unreadable
from trailkeep.guard.status import RETRIES, Finding, RegionStatus, StatusKind, TrailSeen

__all__ = ["judge_trail"]

_FIX = "run 'trailkeep plan', or 'trailkeep explain --live' for the reason"


def judge_trail(
    trail: TrailSeen | Absent | Unreadable, now: datetime, *, of_organization: bool = True
) -> Iterator[Finding]:
    """Yield what is wrong with the trail, or could not be read of it."""
    article = "an organization" if of_organization else "a"
    match trail:
        case Unreadable():
            yield _finding(StatusKind.UNREADABLE, f"{trail.call}: {trail.error}")
        case Absent():
            yield _finding(
                StatusKind.TRAIL_MISSING,
                f"trail: expected {article} trail that delivers to the archive, got none; "
                "run 'trailkeep plan'",
            )
        case TrailSeen():
            for refused in trail.refused:
                yield _finding(StatusKind.UNREADABLE, f"{refused.call}: {refused.error}")
            yield from _stopped(trail)
            yield from _delivery(trail, now)
            yield from _digests(trail)


def _stopped(trail: TrailSeen) -> Iterator[Finding]:
    stopped = [status for status in trail.statuses if not status.is_logging]
    if not stopped:
        return
    moments = [status.stopped_at for status in stopped if status.stopped_at]
    since = f", stopped at {format_moment(min(moments))}" if moments else ""
    yield _finding(
        StatusKind.TRAIL_STOPPED,
        f"trail {trail.name}: expected to log, got not logging{since}; "
        "what happens now is not recorded, run 'trailkeep apply'",
        regions=_regions(stopped),
    )


def _delivery(trail: TrailSeen, now: datetime) -> Iterator[Finding]:
    """Yield one finding per error code, with the countdown of the region that has waited longest."""
    errors = {status.delivery_error for status in trail.statuses if status.delivery_error}
    for error in sorted(errors):
        failing = [status for status in trail.statuses if status.delivery_error == error]
        oldest = min((moment for moment in map(_lost_at, failing) if moment), default=None)
        yield Finding(
            kind=StatusKind.DELIVERY_FAILING,
            severity=StatusKind.DELIVERY_FAILING.severity,
            message=f"trail {trail.name}: expected logs, got {error}; {_countdown(oldest, now)}; {_FIX}",
            regions=_regions(failing),
            lost_in_days=None if oldest is None else _whole_days(oldest - now),
            lost_at=oldest,
        )


def _lost_at(status: RegionStatus) -> datetime | None:
    since = status.delivered_at or status.started_at
    return since + RETRIES if since else None


def _countdown(lost_at: datetime | None, now: datetime) -> str:
    if lost_at is None:
        return "events are lost 30 days after they happened, and nobody says since when they wait"
    if lost_at <= now:
        return f"events may be lost since {format_moment(lost_at)}"
    return f"events are lost in {_whole_days(lost_at - now)} days, from {format_moment(lost_at)} on"


def _whole_days(left: timedelta) -> int:
    return max(0, left // timedelta(days=1))


def _digests(trail: TrailSeen) -> Iterator[Finding]:
    if not trail.validates_logs:
        return
    errors = {status.digest_error for status in trail.statuses if status.digest_error}
    for error in sorted(errors):
        failing = [status for status in trail.statuses if status.digest_error == error]
        yield _finding(
            StatusKind.DIGEST_FAILING,
            f"trail {trail.name}: expected digests, got {error}; {_FIX}",
            regions=_regions(failing),
        )


def _regions(statuses: list[RegionStatus]) -> tuple[str, ...]:
    return tuple(sorted(status.region for status in statuses))


def _finding(kind: StatusKind, message: str, *, regions: tuple[str, ...] = ()) -> Finding:
    return Finding(kind=kind, severity=kind.severity, message=message, regions=regions)
