"""Observing reads what is there, tells a refusal from an absence, and changes nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from guard_verbs import BUCKET, settings
from refusals import Proxy, proxied
from trailkeep.aws.discover import Surroundings, discover
from trailkeep.aws.observe import observe
from trailkeep.aws.session import Accounts
from trailkeep.core.config import Config, parse_config
from trailkeep.guard.estate import (
    Absent,
    Bucket,
    ForeignBucket,
    ObjectLock,
    Organization,
    PublicAccessBlock,
    Trail,
    TrailStatus,
    Unit,
    Unreadable,
    decode_estate,
    encode_estate,
)
from trailkeep.sandbox.organization import LOG_ARCHIVE_ACCOUNT_ID, ORGANIZATION_ID, Sandbox
from trailkeep.sandbox.state import organization

pytestmark = pytest.mark.sandbox
CONFIG = parse_config(settings())


@pytest.fixture
def proxy(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    """The management account's credentials, and a proxy that can refuse calls."""
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    for name, value in sandbox.environment().items():
        monkeypatch.setenv(name, value)
    with proxied(sandbox.endpoint_url) as made:
        monkeypatch.setenv("AWS_ENDPOINT_URL", made.url)
        yield made


def _accounts(config: Config = CONFIG) -> Accounts:
    return Accounts(region=config.trail_region, role=config.archive.access_role)


def _bucket(sandbox: Sandbox, account: str = LOG_ARCHIVE_ACCOUNT_ID) -> None:
    sandbox.client("s3", account).create_bucket(
        Bucket=BUCKET,
        CreateBucketConfiguration={"LocationConstraint": "eu-central-1"},
        ObjectLockEnabledForBucket=True,
    )


def test_organization(proxy: Proxy) -> None:
    """The whole tree of the organization is read, with the parent of every account."""
    estate = observe(_accounts(), CONFIG)
    assert estate.caller.account == "111111111111"
    assert estate.caller.partition == "aws"
    assert estate.organization == Organization(
        id=ORGANIZATION_ID, management_account="111111111111", feature_set="ALL"
    )
    assert not isinstance(estate.units, Unreadable)
    assert not isinstance(estate.accounts, Unreadable)
    units = {unit.id: unit for unit in estate.units}
    parents = {account.id: units.get(account.parent) for account in estate.accounts}
    assert isinstance(parents["222222222222"], Unit)
    assert parents["222222222222"].name == "Security"
    assert parents["111111111111"] is None
    assert (estate.archive_account, estate.bucket) == ("222222222222", Absent())
    assert decode_estate(encode_estate(estate)) == estate
    assert proxy.calls.count("GetCallerIdentity") == 1


def test_state_of_an_account(proxy: Proxy) -> None:
    """An account's state is what AWS says in State, where Status, which AWS retires, says less."""
    del proxy
    closed = next(account for account in organization().accounts if account.name == "prod")
    closed.status, closed.state = "SUSPENDED", "CLOSED"
    estate = observe(_accounts(), CONFIG)
    assert not isinstance(estate.accounts, Unreadable)
    assert {account.status for account in estate.accounts if account.id == closed.id} == {"CLOSED"}


def test_bare_bucket(proxy: Proxy, sandbox: Sandbox) -> None:
    """Settings that a bucket does not have are absent, not unreadable."""
    del proxy
    _bucket(sandbox)
    bucket = observe(_accounts(), CONFIG).bucket
    assert isinstance(bucket, Bucket)
    assert (bucket.name, bucket.owner, bucket.region) == (BUCKET, LOG_ARCHIVE_ACCOUNT_ID, "eu-central-1")
    assert bucket.versioning == "Enabled"
    assert bucket.object_lock == ObjectLock(mode="", days=0)
    assert (bucket.public_access_block, bucket.policy, bucket.lifecycle) == (Absent(), Absent(), Absent())


def test_bucket_settings(proxy: Proxy, sandbox: Sandbox) -> None:
    """Retention in years is told in days, and every switch of the public access block for itself."""
    del proxy
    _bucket(sandbox)
    s3 = sandbox.client("s3", LOG_ARCHIVE_ACCOUNT_ID)
    retention = {"DefaultRetention": {"Mode": "COMPLIANCE", "Years": 2}}
    s3.put_object_lock_configuration(
        Bucket=BUCKET, ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": retention}
    )
    s3.put_public_access_block(
        Bucket=BUCKET, PublicAccessBlockConfiguration={"BlockPublicAcls": True, "RestrictPublicBuckets": True}
    )
    bucket = observe(_accounts(), CONFIG).bucket
    assert isinstance(bucket, Bucket)
    assert bucket.object_lock == ObjectLock(mode="COMPLIANCE", days=730)
    assert bucket.public_access_block == PublicAccessBlock(
        block_public_acls=True,
        ignore_public_acls=False,
        block_public_policy=False,
        restrict_public_buckets=True,
    )


@pytest.mark.parametrize(
    ("operation", "attribute"),
    [
        ("GetBucketVersioning", "versioning"),
        ("GetPublicAccessBlock", "public_access_block"),
        ("GetBucketOwnershipControls", "ownership"),
        ("GetObjectLockConfiguration", "object_lock"),
        ("GetBucketPolicy", "policy"),
        ("GetBucketEncryption", "encryption"),
        ("GetLifecycleConfiguration", "lifecycle"),
        ("GetBucketRequestPayment", "request_payer"),
    ],
)
def test_refused_setting(proxy: Proxy, sandbox: Sandbox, operation: str, attribute: str) -> None:
    """A refused setting is unreadable, and names the call and the error."""
    _bucket(sandbox)
    proxy.refused.add(operation)
    bucket = observe(_accounts(), CONFIG).bucket
    assert getattr(bucket, attribute) == Unreadable(call=f"s3:{operation}", error="AccessDenied: not here")


def test_foreign_bucket(proxy: Proxy, sandbox: Sandbox) -> None:
    """A bucket of another account is foreign, whether or not it lets us look."""
    _bucket(sandbox, "333333333333")
    assert isinstance(observe(_accounts(), CONFIG).bucket, ForeignBucket)
    proxy.refused.add("HeadBucket")
    assert isinstance(observe(_accounts(), CONFIG).bucket, ForeignBucket)


def test_bad_request_is_not_a_foreign_bucket(proxy: Proxy) -> None:
    """An answer 400 to HeadBucket, as to an expired token, tells nothing of who has the bucket."""
    proxy.faults = {"HeadBucket": ["ExpiredToken"] * 9}
    assert observe(_accounts(), CONFIG).bucket == Unreadable(call="s3:HeadBucket", error="400")


def test_bucket_without_listing(proxy: Proxy, sandbox: Sandbox) -> None:
    """Where listing buckets is refused, the expected owner decides; where that is refused too, it is unknown."""
    proxy.refused.add("ListBuckets")
    assert observe(_accounts(), CONFIG).bucket == Absent()
    _bucket(sandbox)
    assert isinstance(observe(_accounts(), CONFIG).bucket, Bucket)
    proxy.refused.add("HeadBucket")
    unreadable = Unreadable(call="s3:ListBuckets", error="AccessDenied: not here")
    assert observe(_accounts(), CONFIG).bucket == unreadable


def test_refused_role(proxy: Proxy, sandbox: Sandbox) -> None:
    """When the role in the archive account cannot be assumed, the bucket is unreadable, not absent."""
    del proxy, sandbox
    config = parse_config(settings().replace("region =", 'access_role = "Nobody"\nregion =', 1))
    bucket = observe(_accounts(config), config).bucket
    assert isinstance(bucket, Unreadable)
    assert bucket.call == "sts:AssumeRole"


def test_trail(proxy: Proxy, sandbox: Sandbox) -> None:
    """A trail is told with its status; a refused status is unreadable, the trail is still there."""
    _bucket(sandbox)
    sandbox.client("s3", LOG_ARCHIVE_ACCOUNT_ID).put_bucket_policy(
        Bucket=BUCKET,
        Policy='{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*",'
        f'"Principal":{{"Service":"cloudtrail.amazonaws.com"}},"Resource":["arn:aws:s3:::{BUCKET}",'
        f'"arn:aws:s3:::{BUCKET}/*"]}}}}',
    )
    sandbox.client("cloudtrail").create_trail(Name="one", S3BucketName=BUCKET, S3KeyPrefix="p")
    trails = observe(_accounts(), CONFIG).trails
    assert not isinstance(trails, Unreadable)
    (trail,) = trails
    assert isinstance(trail, Trail)
    assert (trail.name, trail.bucket, trail.prefix) == ("one", BUCKET, "p")
    assert (trail.is_organization_trail, trail.is_multi_region, trail.validates_logs) == (False, False, False)
    assert isinstance(trail.status, TrailStatus)
    assert not trail.status.is_logging
    proxy.refused.add("GetTrailStatus")
    refused = observe(_accounts(), CONFIG).trails
    assert not isinstance(refused, Unreadable)
    assert isinstance(refused[0].status, Unreadable)


def test_discover(proxy: Proxy) -> None:
    """The credentials at hand tell the organization, its management account and the log archive by its name."""
    assert discover(_accounts()) == Surroundings(
        organization_id=ORGANIZATION_ID, management_account="111111111111", archive_account="222222222222"
    )
    proxy.refused.add("DescribeOrganization")
    assert isinstance(discover(_accounts()), Unreadable)


def test_trail_of_another_region(proxy: Proxy, sandbox: Sandbox) -> None:
    """A trail that records another region alone is listed with its bucket and its state, beside those of ours."""
    sandbox.client("s3", region="us-east-1").create_bucket(Bucket="old-logs")
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "cloudtrail.amazonaws.com"},
        "Action": ["s3:GetBucketAcl", "s3:PutObject"],
        "Resource": ["arn:aws:s3:::old-logs", "arn:aws:s3:::old-logs/*"],
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    sandbox.client("s3").put_bucket_policy(Bucket="old-logs", Policy=policy)
    client = sandbox.client("cloudtrail", region="us-west-2")
    client.create_trail(Name="old", S3BucketName="old-logs")
    client.start_logging(Name="old")
    estate = observe(_accounts(), CONFIG)
    assert estate.trails == ()
    assert isinstance(estate.trails_elsewhere, tuple)
    (trail,) = estate.trails_elsewhere
    assert (trail.name, trail.home_region, trail.bucket) == ("old", "us-west-2", "old-logs")
    assert isinstance(trail.status, TrailStatus)
    assert trail.status.is_logging
    proxy.refused.add("ListTrails")
    refused = observe(_accounts(), CONFIG)
    assert isinstance(refused.trails_elsewhere, Unreadable)
    assert (refused.trails, refused.trails_elsewhere.call) == ((), "cloudtrail:ListTrails")
