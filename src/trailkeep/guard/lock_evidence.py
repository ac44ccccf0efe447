"""What the newest log of an archive shows of the lock; a refused call would not, as policies refuse it too.

S3 locks a version when it is written, for the default retention of that moment. So a log from before the lock
was set shows nothing, and one from after it must be locked at least as it was asked. Where nobody knows when
the lock was set, a log that is not locked as asked may be either: that is UNKNOWN.

Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock-configure.html
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from trailkeep.core.times import format_moment
from trailkeep.core.verdict import VerdictKind
from trailkeep.guard.blueprint import Blueprint
from trailkeep.guard.lock_modes import holds_as

__all__ = ["Evidence", "HeldLog", "judge_lock"]

_ABOUT = timedelta(days=1)
_SPREADS = timedelta(minutes=15)
"""How long after the lock was set a log may still have been written without it."""
_SINCE_WHEN = "and no line of the journal tells when the lock was set"


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldLog:
    """A log as S3 tells of it; ``mode`` is empty and ``until`` None where no retention is seen."""

    key: str
    modified_at: datetime
    mode: str = ""
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Whether a log is locked as it must be; ``expected`` and ``got`` are the texts of its retention."""

    verdict: VerdictKind
    expected: str
    got: str


def judge_lock(blueprint: Blueprint, log: HeldLog, *, locked_since: datetime | None) -> Evidence | None:
    """Return what a log shows of the lock, None where it was written before the lock and shows nothing.

    ``locked_since`` is when the lock was set, None where nobody knows.
    """
    least = log.modified_at + timedelta(days=blueprint.retention_days) - _ABOUT
    expected = f"{blueprint.lock_mode} until {format_moment(least)} or later"
    got = f"{log.mode} until {format_moment(log.until)}" if log.until else "no retention"
    if holds_as(log.mode, blueprint.lock_mode) and log.until is not None and log.until >= least:
        return Evidence(verdict=VerdictKind.PASS, expected=expected, got=got)
    if locked_since is None:
        return Evidence(verdict=VerdictKind.UNKNOWN, expected=expected, got=f"{got}, {_SINCE_WHEN}")
    if log.modified_at <= locked_since + _SPREADS:
        return None
    return Evidence(verdict=VerdictKind.FAIL, expected=expected, got=got)
