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
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from random import Random

from moto.cloudtrail.models import Trail

from trailkeep.core.layout import Family, LogKey, format_key
from trailkeep.sandbox.chains import ChainSet, Digests, TrailDigests
from trailkeep.sandbox.cloudtrail_rules import DeliveryStatus
from trailkeep.sandbox.digests import Chain, DigestPlace, ListedLog
from trailkeep.sandbox.events import Activity
from trailkeep.sandbox.logfiles import Habits, LogFile, build_log_files
from trailkeep.sandbox.organization import MANAGEMENT_ACCOUNT_ID, Sandbox
from trailkeep.sandbox.puts import Reason, put_for_cloudtrail
from trailkeep.sandbox.reach import write_file
from trailkeep.sandbox.signing import SigningKeys
from trailkeep.sandbox.state import find_account, has_trusted_access, trails

__all__ = ["DeliveryReport", "FolderDigests", "Reason", "Refusal", "close_hours", "deliver", "write_layout"]


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
        digests: digests written; 0 where none were wanted.
    """

    objects: int
    events: int
    duplicates: int
    late_objects: int
    lost_events: int = 0
    refusals: tuple[Refusal, ...] = ()
    digests: int = 0


def deliver(
    sandbox: Sandbox,
    activities: Iterable[Activity],
    *,
    habits: Habits | None = None,
    digests: Digests | None = None,
) -> DeliveryReport:
    """Deliver activities, given in order of time, as the trails of the embedded AWS stand now.

    With ``digests`` the trails that validate get the digests of all hours that are over; signing takes about
    a millisecond for each account, Region and hour.

    Event history remembers them, whatever becomes of the files.
    Objects carry the present as their last modification, and default retention counts from it. The trail's
    status tells of the minute of the last file, or of the present where the trail began to log after it.
    """
    tally = _Tally()
    signing = sandbox.digests if digests else None
    written = sandbox.digests.written
    if digests:
        sandbox.digests.begin(digests)
    for file in build_log_files(sandbox.history.watch(activities), habits or Habits()):
        if signing:
            signing.advance(file.delivered_at)
        outcomes: list[_Outcome] = [
            (trail, _deliver_to(trail, file, sandbox.organization_id, signing)) for trail in _concerned(file)
        ]
        tally.count(file, outcomes or [(None, Reason.NO_TRAIL)])
    if digests and digests.until:
        sandbox.digests.advance(digests.until)
    return tally.report(digests=sandbox.digests.written - written)


def close_hours(sandbox: Sandbox, until: datetime, *, digests: Digests | None = None) -> int:
    """Let quiet time pass: return how many digests were written, empty ones for every open chain."""
    written = sandbox.digests.written
    sandbox.digests.begin(digests or Digests())
    sandbox.digests.advance(until)
    return sandbox.digests.written - written


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderDigests:
    """The trail whose digests a local folder gets, and accounts and Regions of it that may have no logs.

    ``bucket`` is the bucket whose copy the folder is: digests name it, and their signatures cover it.
    """

    bucket: str
    trail_name: str
    home_region: str
    accounts: tuple[str, ...] = ()
    wanted: Digests = field(default_factory=Digests)
    keys: SigningKeys = field(default_factory=SigningKeys)


def write_layout(
    folder: Path,
    activities: Iterable[Activity],
    *,
    organization_id: str,
    prefix: str = "",
    habits: Habits | None = None,
    digests: FolderDigests | None = None,
) -> DeliveryReport:
    """Write the same files below a local folder, in CloudTrail's layout, with no AWS at all.

    With ``digests`` each digest has its metadata beside it, in ``KEY.metadata.json``.
    """
    tally = _Tally()
    chains = _folder_chains(folder, digests, organization_id, prefix) if digests else None
    forgets = Random(digests.wanted.seed if digests else 0)  # noqa: S311 - seeded on purpose, no secret
    for file in build_log_files(activities, habits or Habits()):
        key = _key(file, organization_id=organization_id, prefix=prefix)
        write_file(folder, key, file.body, {})
        if chains and digests:
            chains.advance(file.delivered_at)
            is_forgotten = forgets.random() < digests.wanted.forgotten_rate
            listed = _listed(file, digests.bucket, key)
            chains.note(file.account_id, file.region, listed, is_forgotten=is_forgotten)
        tally.count(file, [(None, None)])
    if chains and digests and digests.wanted.until:
        chains.advance(digests.wanted.until)
    return tally.report(digests=chains.written if chains else 0)


def _folder_chains(folder: Path, digests: FolderDigests, organization_id: str, prefix: str) -> ChainSet:
    def put(_chain: Chain, key: str, body: bytes, metadata: dict[str, str], _at: datetime) -> bool:
        write_file(folder, key, body, metadata)
        return True

    def make(account: str, region: str, at: datetime) -> Chain:
        place = DigestPlace(
            prefix=prefix,
            organization_id=organization_id,
            account_id=account,
            region=region,
            trail_name=digests.trail_name,
            home_region=digests.home_region,
        )
        return Chain(place=place, bucket=digests.bucket, keys=digests.keys, put=put, starts_at=at)

    regions = {digests.home_region, *digests.wanted.regions}
    return ChainSet(make=make, accounts=set(digests.accounts), regions=regions)


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

    def report(self, *, digests: int = 0) -> DeliveryReport:
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
            digests=digests,
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


def _deliver_to(
    trail: Trail, file: LogFile, organization_id: str, signing: TrailDigests | None
) -> Reason | None:
    """Put a file into a trail's bucket, or return why not; what was put is for the digests to name."""
    if trail.is_org_trail and not has_trusted_access():
        return Reason.TRUSTED_ACCESS_OFF
    if not trail.status.is_logging:
        return Reason.NOT_LOGGING
    prefix = f"{trail.s3_key_prefix}/" if trail.s3_key_prefix else ""
    key = _key(file, organization_id=organization_id if trail.is_org_trail else "", prefix=prefix)
    reason = put_for_cloudtrail(trail, key, file.body)
    if isinstance(trail.status, DeliveryStatus):
        trail.status.record(at=_told(trail, file), error=reason or "")
    if signing and reason is None:
        signing.note(trail, file.account_id, file.region, _listed(file, trail.bucket_name, key))
    return reason


def _told(trail: Trail, file: LogFile) -> datetime:
    """Return when the trail's status says that a file came: never before the trail began to log."""
    started = trail.status.started
    began = started.replace(tzinfo=started.tzinfo or UTC) if started else None
    return file.delivered_at if began and began <= file.delivered_at else datetime.now(UTC)


def _listed(file: LogFile, bucket: str, key: str) -> ListedLog:
    return ListedLog(
        bucket=bucket,
        key=key,
        sha256=file.sha256,
        oldest=file.oldest,
        newest=file.newest,
        delivered_at=file.delivered_at,
    )


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
