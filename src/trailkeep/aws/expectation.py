"""What an archive should hold, asked of AWS before it is read: which trail, accounts and regions, up to when.

A call that is refused leaves its part ``Unreadable``; the rest is known all the same.

Source: https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_GetTrailStatus.html
Source: https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListAccounts.html
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from trailkeep.aws.list_accounts import CALL, list_accounts, state_of
from trailkeep.aws.reading import read
from trailkeep.aws.session import Accounts
from trailkeep.aws.trail_status import read_regions
from trailkeep.core.arn import Arn
from trailkeep.guard.estate import Absent, Unasked, Unreadable

if TYPE_CHECKING:
    from mypy_boto3_cloudtrail import CloudTrailClient

__all__ = ["DigestStatus", "Expectation", "ExpectedAccount", "ExpectedTrail", "observe_expectation"]

_AT_ONCE = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedTrail:
    """A trail that fills an archive; ``prefix`` is empty or ends with a slash."""

    arn: str
    name: str
    account: str
    home_region: str
    bucket: str
    prefix: str
    is_of_organization: bool
    is_multi_region: bool
    validates_logs: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedAccount:
    """An account of the organization in whatever state; ``joined_at`` is None where AWS does not say."""

    id: str
    name: str
    state: str
    joined_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestStatus:
    """What GetTrailStatus says in one region; moments are None and ``digest_error`` empty for none."""

    region: str
    is_logging: bool
    digest_at: datetime | None = None
    digest_error: str = ""
    started_at: datetime | None = None
    stopped_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """What AWS says of the trail and of whom it records.

    ``accounts`` is ``Unasked`` for the trail of one account. ``regions`` are those enabled in every account,
    ``regions_here`` those enabled in the caller's. ``refused`` are the regions whose status was refused.
    """

    trail: ExpectedTrail | Absent | Unreadable
    organization_id: str | Unasked | Unreadable
    accounts: tuple[ExpectedAccount, ...] | Unasked | Unreadable
    regions: tuple[str, ...] | Unreadable
    regions_here: tuple[str, ...] | Unreadable
    statuses: tuple[DigestStatus, ...] = ()
    refused: tuple[tuple[str, Unreadable], ...] = ()


def observe_expectation(
    accounts: Accounts, *, trail_arn: str = "", bucket: str = "", region: str
) -> Expectation:
    """Return what is expected of the archive of one trail.

    Args:
        accounts: clients of the account that owns the trail.
        trail_arn: the trail; empty to take the one that delivers to ``bucket``, an organization's first.
        bucket: where the trail delivers; empty where the ARN says which it is.
        region: where trails are asked for when there is no ARN.

    Raises:
        StoppedError: there are no usable credentials.
        UsageError: ``trail_arn`` is no ARN.
    """
    accounts.identity()
    home = Arn.parse(trail_arn).region if trail_arn else region
    trail = _trail(accounts.cloudtrail(home), trail_arn=trail_arn, bucket=bucket)
    every = read_regions(accounts)
    regions = every if isinstance(every, Unreadable) else every[0]
    here = every if isinstance(every, Unreadable) else every[1]
    alone = isinstance(trail, ExpectedTrail) and not trail.is_of_organization
    answers = _statuses(accounts, trail, here) if isinstance(trail, ExpectedTrail) else ()
    return Expectation(
        trail=trail,
        organization_id=Unasked() if alone else _organization(accounts),
        accounts=Unasked() if alone else _members(accounts),
        regions=regions,
        regions_here=here,
        statuses=tuple(one for one in answers if isinstance(one, DigestStatus)),
        refused=tuple(one for one in answers if not isinstance(one, DigestStatus)),
    )


def _trail(client: CloudTrailClient, *, trail_arn: str, bucket: str) -> ExpectedTrail | Absent | Unreadable:
    """Return the trail, ``Absent`` where AWS shows none that is meant."""

    def get() -> list[ExpectedTrail]:
        named = {"trailNameList": [trail_arn]} if trail_arn else {}
        said = client.describe_trails(**named, includeShadowTrails=True)["trailList"]
        return [_described(dict(one)) for one in said]

    found = read("cloudtrail:DescribeTrails", get)
    if isinstance(found, Unreadable):
        return found
    meant = [
        trail
        for trail in found
        if (trail.arn == trail_arn or not trail_arn) and (trail.bucket == bucket or not bucket)
    ]
    return min(meant, key=lambda trail: (not trail.is_of_organization, trail.arn), default=Absent())


def _described(said: dict[str, Any]) -> ExpectedTrail:
    prefix = str(said.get("S3KeyPrefix") or "")
    return ExpectedTrail(
        arn=said["TrailARN"],
        name=said["Name"],
        account=Arn.parse(said["TrailARN"]).account_id,
        home_region=said["HomeRegion"],
        bucket=said["S3BucketName"],
        prefix=f"{prefix}/" if prefix else "",
        is_of_organization=said.get("IsOrganizationTrail", False),
        is_multi_region=said.get("IsMultiRegionTrail", False),
        validates_logs=said.get("LogFileValidationEnabled", False),
    )


def _organization(accounts: Accounts) -> str | Unreadable:
    client = accounts.organizations()
    return read(
        "organizations:DescribeOrganization", lambda: client.describe_organization()["Organization"]["Id"]
    )


def _members(accounts: Accounts) -> tuple[ExpectedAccount, ...] | Unreadable:
    def get() -> tuple[ExpectedAccount, ...]:
        return tuple(
            ExpectedAccount(
                id=one["Id"],
                name=one.get("Name", ""),
                state=state_of(one),
                joined_at=one.get("JoinedTimestamp"),
            )
            for one in sorted(list_accounts(accounts), key=lambda one: str(one["Id"]))
        )

    return read(CALL, get)


def _statuses(
    accounts: Accounts, trail: ExpectedTrail, regions: Iterable[str] | Unreadable
) -> tuple[DigestStatus | tuple[str, Unreadable], ...]:
    """Return what each region says of the trail, the home region alone where it is of one region."""
    known = () if isinstance(regions, Unreadable) else regions
    asked = {trail.home_region, *known} if trail.is_multi_region else {trail.home_region}
    with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
        return tuple(pool.map(lambda region: _status(accounts, trail.arn, region), sorted(asked)))


def _status(accounts: Accounts, arn: str, region: str) -> DigestStatus | tuple[str, Unreadable]:
    def get() -> DigestStatus:
        said = accounts.cloudtrail(region).get_trail_status(Name=arn)
        return DigestStatus(
            region=region,
            is_logging=said["IsLogging"],
            digest_at=said.get("LatestDigestDeliveryTime"),
            digest_error=said.get("LatestDigestDeliveryError", ""),
            started_at=said.get("StartLoggingTime"),
            stopped_at=said.get("StopLoggingTime"),
        )

    answer = read("cloudtrail:GetTrailStatus", get)
    return (region, answer) if isinstance(answer, Unreadable) else answer
