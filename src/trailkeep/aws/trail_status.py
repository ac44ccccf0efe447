"""What AWS says of the trail that fills the archive, in every region, and of the accounts that it records.

Calls: one DescribeTrails, one DescribeRegions, one GetTrailStatus for each region, and ListAccounts for each
page of accounts.

Source: https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_GetTrailStatus.html ("returns trail
status from a single Region")
Source: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeRegions.html
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trailkeep.aws.list_accounts import CALL, list_accounts, state_of
from trailkeep.aws.models import new_session
from trailkeep.aws.reading import read
from trailkeep.aws.session import Accounts
from trailkeep.guard.estate import Absent, Unreadable
from trailkeep.guard.status import Member, RegionStatus, TrailSeen

if TYPE_CHECKING:
    from mypy_boto3_cloudtrail import CloudTrailClient

    from trailkeep.core.config import Config

__all__ = ["ReadTrail", "read_members", "read_regions", "read_trail"]

_AT_ONCE = 8
_ACTIVE = "ACTIVE"
_IN_EVERY_ACCOUNT = "opt-in-not-required"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadTrail:
    """The trail, and the prefix of its keys in the bucket."""

    seen: TrailSeen | Absent | Unreadable
    prefix: str = ""


def read_members(accounts: Accounts) -> tuple[Member, ...] | Unreadable:
    """Return the active accounts of the organization; one that is suspended or closed delivers nothing."""

    def get() -> tuple[Member, ...]:
        return tuple(
            Member(id=one["Id"], name=one.get("Name", ""), joined_at=one.get("JoinedTimestamp"))
            for one in list_accounts(accounts)
            if state_of(one) == _ACTIVE
        )

    return read(CALL, get)


def read_regions(accounts: Accounts) -> tuple[tuple[str, ...], tuple[str, ...]] | Unreadable:
    """Return the regions that are enabled in every account, and those enabled in the caller's."""
    partition = accounts.identity().partition
    known = new_session().get_partition_for_region

    def get() -> tuple[tuple[str, ...], tuple[str, ...]]:
        said = accounts.ec2(accounts.identity().account).describe_regions()["Regions"]
        ours = {region["RegionName"]: region.get("OptInStatus", "") for region in said}
        ours = {name: status for name, status in ours.items() if known(name) == partition}
        every = sorted(name for name, status in ours.items() if status == _IN_EVERY_ACCOUNT)
        here = sorted(name for name, status in ours.items() if status != "not-opted-in")
        return tuple(every), tuple(here)

    return read("ec2:DescribeRegions", get)


def read_trail(accounts: Accounts, config: Config, regions: Iterable[str]) -> ReadTrail:
    """Return the trail that delivers to the archive and its status in each of ``regions``.

    It is one of the whole organization, or of the one account whose archive it is.
    """
    of_organization = config.organization is not None
    home = accounts.cloudtrail(config.trail_region)
    listed = read(
        "cloudtrail:DescribeTrails", lambda: home.describe_trails(includeShadowTrails=True)["trailList"]
    )
    if isinstance(listed, Unreadable):
        return ReadTrail(seen=listed)
    ours = [
        trail
        for trail in map(dict, listed)
        if trail.get("IsOrganizationTrail", False) is of_organization
        and trail.get("S3BucketName") == config.archive.bucket
    ]
    if not ours:
        return ReadTrail(seen=Absent())
    said = min(ours, key=lambda trail: (trail.get("Name") != config.trail.name, str(trail.get("TrailARN"))))
    return ReadTrail(seen=_seen(accounts, said, regions), prefix=str(said.get("S3KeyPrefix") or ""))


def _seen(accounts: Accounts, said: dict[str, Any], regions: Iterable[str]) -> TrailSeen:
    home: str = said["HomeRegion"]
    asked = {home, *regions} if said.get("IsMultiRegionTrail") else {home}
    with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
        answers = list(pool.map(lambda region: _status(accounts, said["TrailARN"], region), sorted(asked)))
    return TrailSeen(
        name=said["Name"],
        home_region=home,
        is_multi_region=said.get("IsMultiRegionTrail", False),
        validates_logs=said.get("LogFileValidationEnabled", False),
        statuses=tuple(answer for answer in answers if isinstance(answer, RegionStatus)),
        refused=tuple(answer for answer in answers if isinstance(answer, Unreadable)),
    )


def _status(accounts: Accounts, arn: str, region: str) -> RegionStatus | Unreadable:
    answer = read("cloudtrail:GetTrailStatus", lambda: _told(accounts.cloudtrail(region), arn, region))
    if isinstance(answer, Unreadable):
        return Unreadable(call=f"{answer.call} in {region}", error=answer.error)
    return answer


def _told(client: CloudTrailClient, arn: str, region: str) -> RegionStatus:
    said = client.get_trail_status(Name=arn)
    return RegionStatus(
        region=region,
        is_logging=said["IsLogging"],
        delivery_error=said.get("LatestDeliveryError", ""),
        digest_error=said.get("LatestDigestDeliveryError", ""),
        delivered_at=said.get("LatestDeliveryTime"),
        started_at=said.get("StartLoggingTime"),
        stopped_at=said.get("StopLoggingTime"),
    )
