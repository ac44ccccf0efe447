"""Is the archive alive? What was seen of every account and region, judged at one moment.

CloudTrail delivers a log only where something happened, and a digest every hour whether or not anything did.
So late digests are the strong sign, and late logs a weak one: where digests arrive they decide a cell of the
matrix, and only without them does the newest log. Without digests a quiet region and a silent one look alike.

::

    fresh    the newest digest (else log) is as young as it should be
    late     it is not, and younger than a day
    silent   it is older than a day
    never    nothing was ever delivered
    unknown  the archive could not be listed there

Source: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/get-and-view-cloudtrail-log-files.html
Source: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-validation-intro.html
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from trailkeep.core.verdict import Verdict, VerdictKind
from trailkeep.guard.estate import Absent, Unreadable

__all__ = [
    "DIGEST_EVERY",
    "RETRIES",
    "SILENT_AFTER",
    "AccountSeen",
    "Cell",
    "CellState",
    "Finding",
    "LakeSeen",
    "Limits",
    "Member",
    "Observation",
    "RegionStatus",
    "Row",
    "Seen",
    "Severity",
    "Status",
    "StatusKind",
    "TrailSeen",
]

RETRIES = timedelta(days=30)
"""How long CloudTrail tries again to deliver to a bucket that refuses; what is older then is lost."""
DIGEST_EVERY = timedelta(hours=1)
SILENT_AFTER = timedelta(days=1)


class _Value(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One value; JSON both ways."""


class _Tagged(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="fact", tag=True
):
    """A value in whose place ``Absent`` or ``Unreadable`` may stand; ``fact`` names its type in JSON."""


class Member(_Value, frozen=True, kw_only=True):
    """An active account of the organization; ``joined_at`` is None where AWS does not say."""

    id: str
    name: str = ""
    joined_at: datetime | None = None


class RegionStatus(_Value, frozen=True, kw_only=True):
    """What GetTrailStatus says of the trail in one region; the errors are empty where there are none."""

    region: str
    is_logging: bool
    delivery_error: str = ""
    digest_error: str = ""
    delivered_at: datetime | None = None
    started_at: datetime | None = None
    stopped_at: datetime | None = None


class TrailSeen(_Tagged, frozen=True, kw_only=True):
    """The trail that fills the archive; ``statuses`` has its home region and those that could be asked."""

    name: str
    home_region: str
    is_multi_region: bool
    validates_logs: bool
    statuses: tuple[RegionStatus, ...]
    refused: tuple[Unreadable, ...] = ()

    @property
    def home(self) -> RegionStatus | None:
        """The status in the home region; None where it could not be read."""
        return next((status for status in self.statuses if status.region == self.home_region), None)


class Seen(_Value, frozen=True, kw_only=True):
    """When the newest log and the newest digest of an account and region were delivered."""

    region: str
    log_at: datetime | None = None
    digest_at: datetime | None = None


class AccountSeen(_Value, frozen=True, kw_only=True):
    """The archive's folders of one account."""

    account: str
    regions: tuple[Seen, ...] | Unreadable


class LakeSeen(_Tagged, frozen=True, kw_only=True):
    """The newest believable eventTime in the lake; None where it holds none."""

    newest_event_at: datetime | None


class Observation(_Value, frozen=True, kw_only=True):
    """All that was seen; ``regions`` are those that are enabled in every account that is a member."""

    trail: TrailSeen | Absent | Unreadable
    members: tuple[Member, ...] | Unreadable
    regions: tuple[str, ...] | Unreadable
    archive: tuple[AccountSeen, ...] | Unreadable
    lake: LakeSeen | Absent | Unreadable
    of_organization: bool = True


class Limits(_Value, frozen=True, kw_only=True):
    """How old is late: a delivery by ``late_after_min`` minutes, the lake by ``lake_late_after_min``."""

    late_after_min: int = 60
    lake_late_after_min: int = 24 * 60

    @property
    def late_after(self) -> timedelta:
        """The age from which a log is late."""
        return timedelta(minutes=self.late_after_min)

    @property
    def digest_late_after(self) -> timedelta:
        """The age from which a digest is late: it comes once an hour."""
        return DIGEST_EVERY + self.late_after


class CellState(StrEnum):
    """How one account and region stands; see the module."""

    FRESH = "fresh"
    LATE = "late"
    SILENT = "silent"
    NEVER = "never"
    UNKNOWN = "unknown"


class Severity(StrEnum):
    """``fail`` is wrong, ``unknown`` could not be checked, ``note`` is said and changes no outcome."""

    FAIL = "fail"
    UNKNOWN = "unknown"
    NOTE = "note"


class StatusKind(StrEnum):
    """What can be found; the kinds are stable."""

    TRAIL_MISSING = "trail.missing"
    TRAIL_STOPPED = "trail.stopped"
    DELIVERY_FAILING = "delivery.failing"
    DIGEST_FAILING = "digest.failing"
    ARCHIVE_LATE = "archive.late"
    ACCOUNT_SILENT = "account.silent"
    ACCOUNT_NEW = "account.new"
    REGION_SILENT = "region.silent"
    REGION_QUIET = "region.quiet"
    DIGEST_LATE = "digest.late"
    DIGEST_NEVER = "digest.never"
    DIGEST_PENDING = "digest.pending"
    DIGEST_OFF = "digest.off"
    LAKE_BEHIND = "lake.behind"
    LAKE_ABSENT = "lake.absent"
    UNREADABLE = "status.unreadable"

    @property
    def severity(self) -> Severity:
        """How bad a finding of this kind is."""
        if self is StatusKind.UNREADABLE:
            return Severity.UNKNOWN
        return Severity.NOTE if self in _NOTES else Severity.FAIL


_NOTES = frozenset(
    {
        StatusKind.ACCOUNT_NEW,
        StatusKind.REGION_QUIET,
        StatusKind.DIGEST_PENDING,
        StatusKind.DIGEST_OFF,
        StatusKind.LAKE_ABSENT,
    }
)


class Finding(_Value, frozen=True, kw_only=True):
    """What was found; ``account`` and ``regions`` are empty where it is about the whole archive.

    ``lost_at`` is when CloudTrail gives up on the oldest event that waits for delivery, ``lost_in_days`` the
    whole days until then, 0 when it is now; both None unless delivery fails.
    """

    kind: StatusKind
    severity: Severity
    message: str
    account: str = ""
    regions: tuple[str, ...] = ()
    lost_in_days: int | None = None
    lost_at: datetime | None = None


class Cell(_Value, frozen=True, kw_only=True):
    """One account and region; ``expected`` when the region is enabled in every account."""

    region: str
    state: CellState
    expected: bool
    log_at: datetime | None = None
    digest_at: datetime | None = None


class Row(_Value, frozen=True, kw_only=True):
    """One account."""

    account: str
    name: str
    cells: tuple[Cell, ...]


class Status(_Value, frozen=True, kw_only=True):
    """The archive at one moment."""

    as_of: datetime
    rows: tuple[Row, ...]
    findings: tuple[Finding, ...]
    newest_log_at: datetime | None
    newest_digest_at: datetime | None
    lake_newest_event_at: datetime | None

    @property
    def verdict(self) -> Verdict:
        """FAIL where something is wrong, else UNKNOWN where something is not known, else PASS."""
        for severity, kind in ((Severity.FAIL, VerdictKind.FAIL), (Severity.UNKNOWN, VerdictKind.UNKNOWN)):
            if found := sorted({one.kind.value for one in self.findings if one.severity is severity}):
                return Verdict(kind=kind, reason=", ".join(found))
        if self.newest_log_at is None and self.newest_digest_at is None:
            return Verdict(kind=VerdictKind.UNKNOWN, reason="nothing was delivered yet")
        return Verdict(kind=VerdictKind.PASS)
