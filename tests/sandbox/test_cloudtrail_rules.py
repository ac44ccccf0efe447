"""CloudTrail checks what AWS CloudTrail checks before it makes a trail."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sandbox_archives import (
    BUCKET,
    TRAIL,
    arn_of_trail,
    attach,
    make_archive,
    make_bucket,
    make_trail,
    policy,
    refused,
    trust_cloudtrail,
)
from trailkeep.sandbox.organization import LOG_ARCHIVE_ACCOUNT_ID, MANAGEMENT_ACCOUNT_ID, Sandbox

pytestmark = pytest.mark.sandbox
INSUFFICIENT = "InsufficientS3BucketPolicyException"


def _statement(document: dict[str, Any], sid: str) -> dict[str, Any]:
    found: dict[str, Any] = next(entry for entry in document["Statement"] if entry["Sid"] == sid)
    return found


def test_the_organization_must_trust_cloudtrail(sandbox: Sandbox) -> None:
    """An organization trail needs trusted access of CloudTrail."""
    make_bucket(sandbox)
    with refused("CloudTrailAccessNotEnabledException"):
        make_trail(sandbox)


def test_only_the_management_account_makes_organization_trails(sandbox: Sandbox) -> None:
    """A member account cannot create an organization trail."""
    make_bucket(sandbox)
    trust_cloudtrail(sandbox)
    with refused("NotOrganizationMasterAccountException"):
        sandbox.client("cloudtrail", "333333333333").create_trail(
            Name="mine", S3BucketName=BUCKET, IsOrganizationTrail=True
        )


def test_no_member_deregisters_a_delegated_administrator(sandbox: Sandbox) -> None:
    """Only the management account deregisters, and nobody accepts a handshake that there is none of."""
    with refused("NotOrganizationManagementAccountException"):
        sandbox.client("cloudtrail", "333333333333").deregister_organization_delegated_admin(
            DelegatedAdminAccountId="000000000000"
        )
    with refused("HandshakeNotFoundException"):
        sandbox.client("organizations", "333333333333").accept_handshake(HandshakeId="h-trailkeepprobe")


def test_the_bucket_must_exist(sandbox: Sandbox) -> None:
    """A trail into a bucket that nobody has is refused."""
    trust_cloudtrail(sandbox)
    with refused("S3BucketDoesNotExistException"):
        make_trail(sandbox)


def test_a_name_is_used_once(sandbox: Sandbox) -> None:
    """A second trail of the same name is refused."""
    make_archive(sandbox)
    with refused("TrailAlreadyExistsException"):
        make_trail(sandbox)


@pytest.mark.parametrize(
    "sid",
    ["AWSCloudTrailAclCheck20150319", "AWSCloudTrailWrite20150319", "AWSCloudTrailOrganizationWrite20150319"],
)
def test_each_of_the_three_statements_is_needed(sandbox: Sandbox, sid: str) -> None:
    """Without the ACL check, the management folder or the organization folder the bucket policy is insufficient."""
    document = policy(sandbox)
    document["Statement"].remove(_statement(document, sid))
    make_bucket(sandbox, document=document)
    trust_cloudtrail(sandbox)
    with refused(INSUFFICIENT, BUCKET):
        make_trail(sandbox)


@pytest.mark.parametrize(
    "condition",
    [
        {"StringEquals": {"aws:SourceArn": "arn:aws:cloudtrail:eu-central-1:111111111111:trail/other"}},
        {"StringEquals": {"aws:SourceAccount": "333333333333"}},
        {"StringEquals": {"s3:x-amz-acl": "private"}},
        {"StringNotEquals": {"aws:SourceAccount": MANAGEMENT_ACCOUNT_ID}},
    ],
)
def test_conditions_are_evaluated(sandbox: Sandbox, condition: dict[str, Any]) -> None:
    """A condition that CloudTrail's call does not meet makes the bucket policy insufficient."""
    document = policy(sandbox)
    _statement(document, "AWSCloudTrailOrganizationWrite20150319")["Condition"] = condition
    make_bucket(sandbox, document=document)
    trust_cloudtrail(sandbox)
    with refused(INSUFFICIENT):
        make_trail(sandbox)


def test_an_account_id_with_ten_digits_is_not_enough(sandbox: Sandbox) -> None:
    """The path ``AWSLogs/1111111111/*`` of a common recipe does not let CloudTrail write for 111111111111."""
    document = policy(sandbox)
    _statement(document, "AWSCloudTrailWrite20150319")["Resource"] = (
        f"arn:aws:s3:::{BUCKET}/AWSLogs/1111111111/*"
    )
    make_bucket(sandbox, document=document)
    trust_cloudtrail(sandbox)
    with refused(INSUFFICIENT):
        make_trail(sandbox)


def test_the_prefix_counts(sandbox: Sandbox) -> None:
    """With a key prefix the bucket policy must allow the folders below it."""
    make_bucket(sandbox)
    trust_cloudtrail(sandbox)
    with refused(INSUFFICIENT):
        make_trail(sandbox, S3KeyPrefix="elsewhere")


def test_updates_are_checked_too(sandbox: Sandbox) -> None:
    """A trail cannot be pointed at a bucket that does not let it write."""
    make_archive(sandbox)
    make_bucket(sandbox, bucket="another-bucket", document=_policy_for_other(sandbox))
    with refused(INSUFFICIENT):
        sandbox.client("cloudtrail").update_trail(Name=TRAIL, S3BucketName="another-bucket")


def _policy_for_other(sandbox: Sandbox) -> dict[str, Any]:
    text = json.dumps(policy(sandbox, "another-bucket")).replace("trail/org-trail", "trail/other")
    document: dict[str, Any] = json.loads(text)
    return document


def test_a_trail_of_one_account_needs_one_folder(sandbox: Sandbox) -> None:
    """A single-account trail needs its own account's folder, and no trusted access."""
    document = policy(sandbox)
    document["Statement"].remove(_statement(document, "AWSCloudTrailOrganizationWrite20150319"))
    make_bucket(sandbox, document=document)
    make_trail(sandbox, IsOrganizationTrail=False)


def test_an_rcp_that_keeps_cloudtrail_out_is_noticed(sandbox: Sandbox) -> None:
    """An RCP that denies CloudTrail the bucket makes the trail impossible, whatever the bucket policy says."""
    make_bucket(sandbox)
    trust_cloudtrail(sandbox)
    deny = {"Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": "*"}
    attach(
        sandbox,
        {"Version": "2012-10-17", "Statement": [deny]},
        target=LOG_ARCHIVE_ACCOUNT_ID,
        kind="RESOURCE_CONTROL_POLICY",
    )
    with refused(INSUFFICIENT):
        make_trail(sandbox)


def test_status_follows_start_and_stop(sandbox: Sandbox) -> None:
    """A trail logs only between StartLogging and StopLogging, and has delivered nothing so far."""
    make_archive(sandbox)
    cloudtrail = sandbox.client("cloudtrail")
    status = cloudtrail.get_trail_status(Name=arn_of_trail(sandbox))
    assert status["IsLogging"] is True
    assert "LatestDeliveryTime" not in status
    cloudtrail.stop_logging(Name=TRAIL)
    assert cloudtrail.get_trail_status(Name=TRAIL)["IsLogging"] is False


def test_members_see_the_organization_trail_and_cannot_touch_it(sandbox: Sandbox) -> None:
    """A member account sees the organization trail in every Region, and may not stop or delete it."""
    make_archive(sandbox)
    for region in (sandbox.region, "us-east-1"):
        member = sandbox.client("cloudtrail", "333333333333", region=region)
        seen = member.describe_trails()["trailList"]
        assert [trail["TrailARN"] for trail in seen] == [arn_of_trail(sandbox)]
        assert member.get_trail_status(Name=arn_of_trail(sandbox))["IsLogging"] is True
    for operation in ("stop_logging", "delete_trail"):
        with refused("AccessDeniedException"):
            getattr(sandbox.client("cloudtrail", "333333333333"), operation)(Name=arn_of_trail(sandbox))


def test_a_trail_is_changed_in_its_home_region(sandbox: Sandbox) -> None:
    """From another Region a trail can be read by its ARN, not changed."""
    make_archive(sandbox)
    elsewhere = sandbox.client("cloudtrail", region="us-east-1")
    assert elsewhere.get_trail(Name=arn_of_trail(sandbox))["Trail"]["Name"] == TRAIL
    with refused("InvalidHomeRegionException"):
        elsewhere.stop_logging(Name=arn_of_trail(sandbox))


def test_deleting_by_arn(sandbox: Sandbox) -> None:
    """A trail is deleted by its ARN, and then it is not found."""
    make_archive(sandbox)
    cloudtrail = sandbox.client("cloudtrail")
    cloudtrail.delete_trail(Name=arn_of_trail(sandbox))
    assert cloudtrail.describe_trails()["trailList"] == []
    with refused("TrailNotFoundException"):
        cloudtrail.delete_trail(Name=arn_of_trail(sandbox))


def test_an_scp_protects_trails_of_members(sandbox: Sandbox) -> None:
    """An SCP on CloudTrail's actions stops a member account, in AWS's words."""
    deny = {"Effect": "Deny", "Action": "cloudtrail:StopLogging", "Resource": "*"}
    attach(sandbox, {"Version": "2012-10-17", "Statement": [deny]}, target="333333333333")
    with refused(
        "AccessDeniedException",
        "cloudtrail:StopLogging on resource: arn:aws:cloudtrail:eu-central-1:333333333333:trail/mine",
        "with an explicit deny in a service control policy",
    ):
        sandbox.client("cloudtrail", "333333333333").stop_logging(Name="mine")
