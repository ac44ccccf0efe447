"""CloudTrail's deliveries: log files go into the buckets of the trails that exist, log and may write.

A file reaches a trail's bucket when, at that moment, the organization trusts CloudTrail (for an organization
trail), the trail is logging, the bucket exists, and the bucket policy and the resource control policies allow
CloudTrail to put exactly that key. Otherwise nothing is written, and the trail's status shows the error.
On AWS a refused file is tried again for 30 days; here it is tried once.

Source: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/get-and-view-cloudtrail-log-files.html
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from moto.cloudtrail.models import Trail
from moto.s3.models import FakeBucket, get_canned_acl, s3_backends

from trailkeep.core.layout import Family, LogKey, format_key
from trailkeep.guard.evaluate import Decision
from trailkeep.sandbox.authority import judge_cloudtrail
from trailkeep.sandbox.cloudtrail_rules import DeliveryStatus
from trailkeep.sandbox.events import Activity
from trailkeep.sandbox.logfiles import Habits, LogFile, build_log_files
from trailkeep.sandbox.organization import MANAGEMENT_ACCOUNT_ID, Sandbox
from trailkeep.sandbox.state import find_account, find_bucket, has_trusted_access, trails

__all__ = ["DeliveryReport", "Reason", "Refusal", "deliver", "write_layout"]

_OWNER_HAS_ALL = get_canned_acl("bucket-owner-full-control")  # one for all objects: they are many


class Reason(StrEnum):
    """Why a file did not reach a bucket; the last two are the error codes that GetTrailStatus shows."""

    NO_TRAIL = "NoTrail"
    TRUSTED_ACCESS_OFF = "TrustedAccessOff"
    NOT_LOGGING = "NotLogging"
    NO_SUCH_BUCKET = "NoSuchBucket"
    ACCESS_DENIED = "AccessDenied"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Files that one trail did not get into its bucket; ``trail_arn`` is empty where there is no trail."""

    trail_arn: str
    reason: Reason
    objects: int
    events: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryReport:
    """What a delivery did.

    Attributes:
        objects: files written, counted per bucket.
        events: activities that reached at least one bucket.
        duplicates: events that came a second time.
        late_objects: files written hours after their events.
        lost_events: activities that reached no bucket.
        refusals: why, per trail and reason.
    """

    objects: int
    events: int
    duplicates: int
    late_objects: int
    lost_events: int = 0
    refusals: tuple[Refusal, ...] = ()


def deliver(
    sandbox: Sandbox, activities: Iterable[Activity], *, habits: Habits | None = None
) -> DeliveryReport:
    """Deliver activities, given in order of time, as the trails of the embedded AWS stand now.

    Event history remembers them, whatever becomes of the files.
    Objects carry the present as their last modification, and default retention counts from it. The trail's
    status tells of the minute of the last file, or of the present where the trail began to log after it.
    """
    tally = _Tally()
    for file in build_log_files(sandbox.history.watch(activities), habits or Habits()):
        outcomes: list[_Outcome] = [
            (trail, _deliver_to(trail, file, sandbox.organization_id)) for trail in _concerned(file)
        ]
        tally.count(file, outcomes or [(None, Reason.NO_TRAIL)])
    return tally.report()


def write_layout(
    folder: Path,
    activities: Iterable[Activity],
    *,
    organization_id: str,
    prefix: str = "",
    habits: Habits | None = None,
) -> DeliveryReport:
    """Write the same files below a local folder, in CloudTrail's layout, with no AWS at all."""
    tally = _Tally()
    for file in build_log_files(activities, habits or Habits()):
        path = folder / _key(file, organization_id=organization_id, prefix=prefix)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file.body)
        tally.count(file, [(None, None)])
    return tally.report()


_Outcome = tuple[Trail | None, Reason | None]


class _Tally:
    """The counts of a delivery; an outcome is a trail, and why it refused the file."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._objects: Counter[tuple[str, Reason]] = Counter()
        self._events: Counter[tuple[str, Reason]] = Counter()

    def count(self, file: LogFile, outcomes: list[_Outcome]) -> None:
        written = sum(reason is None for _, reason in outcomes)
        self._counts["objects"] += written
        self._counts["events" if written else "lost"] += file.events
        self._counts["duplicates"] += file.duplicates * bool(written)
        self._counts["late"] += file.is_late * written
        for trail, reason in outcomes:
            if reason:
                refused = (trail.arn if trail else "", reason)
                self._objects[refused] += 1
                self._events[refused] += file.events

    def report(self) -> DeliveryReport:
        refusals = [
            Refusal(trail_arn=arn, reason=reason, objects=objects, events=self._events[arn, reason])
            for (arn, reason), objects in sorted(self._objects.items())
        ]
        return DeliveryReport(
            objects=self._counts["objects"],
            events=self._counts["events"],
            duplicates=self._counts["duplicates"],
            late_objects=self._counts["late"],
            lost_events=self._counts["lost"],
            refusals=tuple(refusals),
        )


def _concerned(file: LogFile) -> Iterator[Trail]:
    """Yield the trails that a file belongs to, logging or not."""
    is_ours = find_account(file.account_id) is not None
    owners = {file.account_id, MANAGEMENT_ACCOUNT_ID} if is_ours else {file.account_id}
    for owner in sorted(owners):
        for trail in trails(owner):
            is_here = trail.is_multi_region or trail.region_name == file.region
            if is_here and (trail.is_org_trail or owner == file.account_id):
                yield trail


def _deliver_to(trail: Trail, file: LogFile, organization_id: str) -> Reason | None:
    """Put a file into a trail's bucket, or return why not."""
    if trail.is_org_trail and not has_trusted_access():
        return Reason.TRUSTED_ACCESS_OFF
    if not trail.status.is_logging:
        return Reason.NOT_LOGGING
    reason = _put(trail, file, organization_id if trail.is_org_trail else "")
    if isinstance(trail.status, DeliveryStatus):
        trail.status.record(at=_told(trail, file), error=reason or "")
    return reason


def _told(trail: Trail, file: LogFile) -> datetime:
    """Return when the trail's status says that a file came: never before the trail began to log."""
    started = trail.status.started
    began = started.replace(tzinfo=started.tzinfo or UTC) if started else None
    return file.delivered_at if began and began <= file.delivered_at else datetime.now(UTC)


def _put(trail: Trail, file: LogFile, organization_id: str) -> Reason | None:
    bucket = find_bucket(trail.bucket_name)
    if bucket is None:
        return Reason.NO_SUCH_BUCKET
    prefix = f"{trail.s3_key_prefix}/" if trail.s3_key_prefix else ""
    key = _key(file, organization_id=organization_id, prefix=prefix)
    evaluation = judge_cloudtrail(
        action="s3:PutObject", resource=f"{bucket.arn}/{key}", bucket=bucket, trail_arn=trail.arn
    )
    if evaluation.decision is not Decision.ALLOW:
        return Reason.ACCESS_DENIED
    _store(bucket, key, file.body)
    return None


def _store(bucket: FakeBucket, key: str, body: bytes) -> None:
    """Write one version as S3 would: encrypted, and locked where the bucket has a default retention."""
    is_locked = bucket.has_default_lock
    stored = s3_backends[bucket.account_id][bucket.partition].put_object(
        bucket.name,
        key,
        body,
        encryption=None if bucket.encryption else "AES256",
        lock_mode=bucket.default_lock_mode if is_locked else None,
        lock_until=bucket.default_retention() if is_locked else None,
    )
    stored.set_metadata({"Content-Type": "application/json", "Content-Encoding": "gzip"})
    stored.set_acl(_OWNER_HAS_ALL)


def _key(file: LogFile, *, organization_id: str, prefix: str) -> str:
    return format_key(
        LogKey(
            prefix=prefix,
            organization_id=organization_id,
            account_id=file.account_id,
            family=Family.EVENTS,
            region=file.region,
            delivered_at=file.delivered_at,
            unique=file.unique,
        )
    )
