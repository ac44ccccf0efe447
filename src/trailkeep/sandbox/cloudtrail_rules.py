"""What CloudTrail checks before it makes or changes a trail, and what it says of its deliveries.

Source: https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_CreateTrail.html
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from moto.cloudtrail.models import Trail, TrailStatus, cloudtrail_backends
from moto.s3.models import FakeBucket

from trailkeep.core.arn import trail_arn
from trailkeep.guard.evaluate import Decision
from trailkeep.sandbox.authority import judge_cloudtrail
from trailkeep.sandbox.faults import Fault
from trailkeep.sandbox.key_rules import refuse_key
from trailkeep.sandbox.recording import refuse_event_selectors
from trailkeep.sandbox.state import (
    MANAGEMENT_ACCOUNT_ID,
    find_bucket,
    has_trusted_access,
    organization,
    trails,
)

__all__ = ["DeliveryStatus", "RegionalStatus", "find_trail", "is_read", "refuse_cloudtrail", "trail_resource"]

_TRAILS_PER_REGION = 5


class DeliveryStatus(TrailStatus):
    """A trail's status that tells of real deliveries only."""

    def __init__(self) -> None:
        super().__init__()
        self.delivered_at: datetime | None = None
        self.delivery_error = ""
        self._digests_at: dict[str, datetime] = {}
        self._digest_errors: dict[str, str] = {}

    def description(self) -> dict[str, Any]:
        """Return GetTrailStatus's members."""
        told = super().description()
        told.pop("LatestDeliveryTime", None)
        told["LatestDeliveryAttemptTime"] = ""
        if self.delivered_at:
            told["LatestDeliveryTime"] = int(self.delivered_at.timestamp())
            told["LatestDeliveryAttemptTime"] = self.delivered_at.strftime("%Y-%m-%dT%H:%M:%SZ")
        if self.delivery_error:
            told["LatestDeliveryError"] = self.delivery_error
        return told

    def record(self, *, at: datetime, error: str = "") -> None:
        """Note one delivery, or the error code of one that failed."""
        self.delivery_error = error
        if not error:
            self.delivered_at = max(at, self.delivered_at or datetime.min.replace(tzinfo=UTC))

    def record_digest(self, *, at: datetime, region: str, error: str = "") -> None:
        """Note one digest of a Region, or the error code of one that failed."""
        self._digest_errors[region] = error
        if not error:
            self._digests_at[region] = max(at, self._digests_at.get(region, at))

    def seen_from(self, region: str) -> RegionalStatus:
        """Return the status as a Region tells it."""
        return RegionalStatus(
            status=self, digest_at=self._digests_at.get(region), error=self._digest_errors.get(region, "")
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionalStatus:
    """A trail's status in one Region: what is told of digests is of that Region's."""

    status: DeliveryStatus
    digest_at: datetime | None
    error: str

    def description(self) -> dict[str, Any]:
        """Return GetTrailStatus's members."""
        told = self.status.description()
        if self.digest_at:
            told["LatestDigestDeliveryTime"] = int(self.digest_at.timestamp())
        if self.error:
            told["LatestDigestDeliveryError"] = self.error
        return told


def find_trail(account_id: str, region: str, name_or_arn: str) -> Trail | None:
    """Return a trail by its ARN, or by its name in its home Region."""
    return next(
        (
            trail
            for trail in trails(account_id)
            if name_or_arn == trail.arn or (name_or_arn == trail.trail_name and trail.region_name == region)
        ),
        None,
    )


def trail_resource(account_id: str, region: str, parameters: dict[str, Any]) -> str:
    """Return the ARN that a CloudTrail call is authorized on, ``*`` where it names no trail."""
    name = parameters.get("Name") or parameters.get("TrailName") or parameters.get("ResourceId") or ""
    if not name or name.startswith("arn:"):
        return name or "*"
    return trail_arn(partition="aws", region=region, account_id=account_id, name=name)


def is_read(operation: str) -> bool:
    """Say whether a CloudTrail operation only reads."""
    return operation.startswith(("Get", "Describe", "List", "Lookup"))


def refuse_cloudtrail(
    operation: str, parameters: dict[str, Any], *, account_id: str, region: str
) -> Fault | None:
    """Return CloudTrail's refusal of a call, or ``None`` where it would go on."""
    name = str(parameters.get("Name", parameters.get("TrailName", "")))
    trail = find_trail(account_id, region, name)
    if trail and trail.region_name != region and not is_read(operation):
        message = f"Trail {name} can only be changed in its home Region {trail.region_name}."
        return Fault(code="InvalidHomeRegionException", message=message)
    match operation:
        case "CreateTrail":
            return _refuse_new(name, account_id, region) or _refuse_settings(
                parameters, account_id=account_id, arn=trail_resource(account_id, region, parameters)
            )
        case "UpdateTrail" if trail:
            return _refuse_settings(_merged(trail, parameters), account_id=account_id, arn=trail.arn)
        case "PutEventSelectors" if trail:
            return refuse_event_selectors(parameters)
        case "DeregisterOrganizationDelegatedAdmin" if account_id != MANAGEMENT_ACCOUNT_ID:
            message = "Only the organization's management account can deregister a delegated administrator."
            return Fault(code="NotOrganizationManagementAccountException", message=message)
        case "GetInsightSelectors" if trail and not trail.insight_selectors:
            message = f"Trail {trail.arn} does not have Insights enabled."
            return Fault(code="InsightNotEnabledException", message=message)
        case _:
            return None


def _merged(trail: Trail, parameters: dict[str, Any]) -> dict[str, Any]:
    present = {
        "S3BucketName": trail.bucket_name,
        "S3KeyPrefix": trail.s3_key_prefix,
        "IsOrganizationTrail": trail.is_org_trail,
    }
    return present | {name: value for name, value in parameters.items() if value is not None}


def _refuse_new(name: str, account_id: str, region: str) -> Fault | None:
    if find_trail(account_id, region, name):
        message = f"Trail {name} already exists for customer: {account_id}"
        return Fault(code="TrailAlreadyExistsException", message=message)
    if len(cloudtrail_backends[account_id][region].trails) >= _TRAILS_PER_REGION:
        message = f"User: {account_id} already has {_TRAILS_PER_REGION} trails in {region}."
        return Fault(code="MaximumNumberOfTrailsExceededException", message=message)
    return None


def _refuse_settings(parameters: dict[str, Any], *, account_id: str, arn: str) -> Fault | None:
    is_organization = bool(parameters.get("IsOrganizationTrail"))
    if is_organization and (fault := _refuse_organization_trail(account_id)):
        return fault
    name = str(parameters.get("S3BucketName", ""))
    bucket = find_bucket(name)
    if bucket is None:
        return Fault(code="S3BucketDoesNotExistException", message=f"S3 bucket {name} does not exist!")
    prefix = parameters.get("S3KeyPrefix")
    if _may_deliver(bucket, arn, f"{prefix}/" if prefix else "", account_id, is_organization=is_organization):
        return refuse_key(str(parameters.get("KmsKeyId") or ""), bucket, arn)
    message = f"Incorrect S3 bucket policy is detected for bucket: {name}"
    return Fault(code="InsufficientS3BucketPolicyException", message=message)


def _refuse_organization_trail(account_id: str) -> Fault | None:
    if account_id != MANAGEMENT_ACCOUNT_ID:
        message = "Only the organization's management account can create or update an organization trail."
        return Fault(code="NotOrganizationMasterAccountException", message=message)
    if not has_trusted_access():
        message = "CloudTrail service access is not enabled for the organization."
        return Fault(code="CloudTrailAccessNotEnabledException", message=message)
    return None


def _may_deliver(
    bucket: FakeBucket, arn: str, prefix: str, account_id: str, *, is_organization: bool
) -> bool:
    """Ask what CloudTrail asks: may it read the bucket's ACL, and write below every folder it will use?"""
    found = organization().org
    folders = [account_id, found.id] if is_organization and found else [account_id]
    asked = [("s3:GetBucketAcl", f"arn:aws:s3:::{bucket.name}")] + [
        ("s3:PutObject", f"arn:aws:s3:::{bucket.name}/{prefix}AWSLogs/{folder}/CloudTrail/")
        for folder in folders
    ]
    return all(
        judge_cloudtrail(action=action, resource=resource, bucket=bucket, trail_arn=arn).decision
        is Decision.ALLOW
        for action, resource in asked
    )
