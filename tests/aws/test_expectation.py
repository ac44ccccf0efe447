"""What an archive should hold, asked of the embedded AWS."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from object_servers import object_server
from sandbox_archives import BUCKET, arn_of_trail, make_archive
from trailkeep.aws.expectation import ExpectedTrail, observe_expectation
from trailkeep.aws.session import Accounts
from trailkeep.guard.estate import Absent, Unasked, Unreadable
from trailkeep.sandbox.organization import MANAGEMENT_ACCOUNT_ID, Sandbox

HOME = "eu-central-1"
AT = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def accounts(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Accounts:
    """The management account's clients, of an organization with an archive."""
    for name, value in sandbox.environment().items():
        monkeypatch.setenv(name, value)
    make_archive(sandbox)
    return Accounts(region=HOME, role="")


@pytest.mark.sandbox
@pytest.mark.parametrize("by_arn", [True, False])
def test_the_trail_and_whom_it_records(accounts: Accounts, sandbox: Sandbox, by_arn: bool) -> None:  # noqa: FBT001
    """The trail is found by its ARN or its bucket, with every account, suspended ones too, and every region."""
    suspended = next(
        one["Id"]
        for one in sandbox.client("organizations").list_accounts()["Accounts"]
        if one["Id"] not in {MANAGEMENT_ACCOUNT_ID, "222222222222"}
    )
    sandbox.client("organizations").close_account(AccountId=suspended)
    named: Any = {"trail_arn": arn_of_trail(sandbox)} if by_arn else {"bucket": BUCKET}
    found = observe_expectation(accounts, **named, region=HOME)
    assert found.trail == ExpectedTrail(
        arn=arn_of_trail(sandbox),
        name="org-trail",
        account=MANAGEMENT_ACCOUNT_ID,
        home_region=HOME,
        bucket=BUCKET,
        prefix="",
        is_of_organization=True,
        is_multi_region=True,
        validates_logs=True,
    )
    assert found.organization_id == sandbox.organization_id
    assert not isinstance(found.accounts, Unreadable | Unasked)
    states = {one.id: one.state for one in found.accounts}
    assert states[MANAGEMENT_ACCOUNT_ID] == "ACTIVE"
    assert states[suspended] != "ACTIVE"
    assert all(one.joined_at is not None for one in found.accounts)
    assert not isinstance(found.regions, Unreadable)
    assert HOME in found.regions
    assert HOME in {one.region for one in found.statuses if one.is_logging}


@pytest.mark.sandbox
def test_what_is_refused_is_told_and_the_rest_is_known(accounts: Accounts, sandbox: Sandbox) -> None:
    """Each refused call leaves its own part unreadable."""
    for operation in ("ListAccounts", "DescribeOrganization", "DescribeRegions"):
        sandbox.inject(operation, error="AccessDeniedException")
    found = observe_expectation(accounts, bucket=BUCKET, region=HOME)
    assert isinstance(found.trail, ExpectedTrail)
    for part, call in (
        (found.accounts, "organizations:ListAccounts"),
        (found.organization_id, "organizations:DescribeOrganization"),
        (found.regions, "ec2:DescribeRegions"),
    ):
        assert isinstance(part, Unreadable)
        assert (part.call, "AccessDenied" in part.error) == (call, True)
    assert [one.region for one in found.statuses] == [HOME]


@pytest.mark.sandbox
def test_a_trail_that_is_not_there_is_absent(accounts: Accounts) -> None:
    """No trail delivers to that bucket; the accounts are known all the same."""
    found = observe_expectation(accounts, bucket="another-bucket", region=HOME)
    assert found.trail == Absent()
    assert (found.statuses, found.refused) == ((), ())
    assert not isinstance(found.accounts, Unreadable)


def test_the_newest_digest_of_each_region(monkeypatch: pytest.MonkeyPatch) -> None:
    """GetTrailStatus of each region tells when the newest digest was delivered; an account's trail has no members."""
    arn = "arn:aws:cloudtrail:us-east-1:111111111111:trail/t"
    trail = {
        "Name": "t",
        "TrailARN": arn,
        "HomeRegion": "us-east-1",
        "S3BucketName": "b",
        "S3KeyPrefix": "a/b",
        "IsMultiRegionTrail": True,
    }
    answers = {
        "trails": [trail],
        "regions": ["us-east-1", "eu-west-1", "sa-east-1"],
        "statuses": {
            "us-east-1": {"IsLogging": True, "LatestDigestDeliveryTime": AT.timestamp()},
            "eu-west-1": {"IsLogging": False, "LatestDigestDeliveryError": "NoSuchBucket"},
            "sa-east-1": {},
        },
    }
    with object_server(monkeypatch, {}, answers=answers):
        found = observe_expectation(Accounts(region="us-east-1", role=""), trail_arn=arn, region="us-east-1")
    assert isinstance(found.trail, ExpectedTrail)
    assert (found.trail.prefix, found.trail.is_of_organization) == ("a/b/", False)
    assert (found.accounts, found.organization_id) == (Unasked(), Unasked())
    assert {(one.region, one.is_logging, one.digest_at, one.digest_error) for one in found.statuses} == {
        ("us-east-1", True, AT, ""),
        ("eu-west-1", False, None, "NoSuchBucket"),
    }
    [(region, refusal)] = found.refused
    assert (region, refusal.call) == ("sa-east-1", "cloudtrail:GetTrailStatus")
