"""The three guards together in the embedded AWS, through real calls."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox_archives import (
    BUCKET,
    arn_of_trail,
    attach,
    make_bucket,
    make_trail,
    policy,
    refused,
    trust_cloudtrail,
)
from trailkeep.guard.guard_documents import RCP, archive_rcp, archive_scp, member_scp
from trailkeep.sandbox.organization import LOG_ARCHIVE_ACCOUNT_ID, Identity, Sandbox

pytestmark = pytest.mark.sandbox
_OPEN = {"Sid": "Open", "Effect": "Allow", "Principal": "*", "Action": "s3:*"}


@pytest.fixture
def guarded(sandbox: Sandbox) -> Sandbox:
    """An archive whose bucket policy lets everybody do everything, with the three guards attached."""
    document = policy(sandbox)
    resources = [f"arn:aws:s3:::{BUCKET}", f"arn:aws:s3:::{BUCKET}/*"]
    document["Statement"].append({**_OPEN, "Resource": resources})
    make_bucket(sandbox, document=document)
    trust_cloudtrail(sandbox)
    trail = arn_of_trail(sandbox)
    root = sandbox.client("organizations").list_roots()["Roots"][0]["Id"]
    scp = archive_scp(partition="aws", bucket=BUCKET, archive_account=LOG_ARCHIVE_ACCOUNT_ID)
    rcp = archive_rcp(partition="aws", bucket=BUCKET, archive_account=LOG_ARCHIVE_ACCOUNT_ID, trail=trail)
    attach(sandbox, rcp, target=LOG_ARCHIVE_ACCOUNT_ID, kind=RCP)
    attach(sandbox, member_scp(partition="aws", trail=trail), target=root)
    attach(sandbox, scp, target=LOG_ARCHIVE_ACCOUNT_ID)
    return sandbox


def test_only_the_trail_is_made(guarded: Sandbox) -> None:
    """With the guards attached our trail can be made and read by members, and no other trail can."""
    arn = make_trail(guarded)
    assert guarded.client("cloudtrail", "333333333333").get_trail_status(Name=arn)["IsLogging"]
    with refused("InsufficientS3BucketPolicyException"):
        make_trail(guarded, Name="another")


@pytest.mark.parametrize("account", ["111111111111", "333333333333"])
def test_other_accounts_only_read(guarded: Sandbox, account: str) -> None:
    """Other accounts that an open bucket policy lets in, the management account too, read and cannot write."""
    s3 = guarded.client("s3", account)
    assert s3.list_objects_v2(Bucket=BUCKET)["KeyCount"] == 0
    log = {"Bucket": BUCKET, "Key": "AWSLogs/x"}
    writes: dict[str, dict[str, Any]] = {
        "put_object": {"Body": b"forged"},
        "delete_object": {},
        "put_object_tagging": {"Tagging": {"TagSet": []}},
    }
    for operation, arguments in writes.items():
        with refused("AccessDenied", "with an explicit deny in a resource control policy"):
            getattr(s3, operation)(**log, **arguments)


def test_a_member_leaves_the_trail_alone(guarded: Sandbox) -> None:
    """The root user of a member can neither stop the trail nor leave the organization."""
    arn = make_trail(guarded)
    member = guarded.client("cloudtrail", "333333333333", Identity.ROOT)
    with refused("AccessDeniedException", "explicit deny in a service control policy"):
        member.stop_logging(Name=arn)
    with refused("AccessDeniedException", "explicit deny in a service control policy"):
        guarded.client("organizations", "333333333333", Identity.ROOT).leave_organization()


def test_a_delegated_administrator_leaves_the_trail_alone(guarded: Sandbox) -> None:
    """CloudTrail's delegated administrator can read the trail and cannot change it."""
    arn = make_trail(guarded)
    guarded.client("organizations").register_delegated_administrator(
        AccountId="333333333333", ServicePrincipal="cloudtrail.amazonaws.com"
    )
    delegate = guarded.client("cloudtrail", "333333333333")
    for operation in ("stop_logging", "delete_trail", "update_trail"):
        with refused("AccessDeniedException", "explicit deny in a service control policy"):
            getattr(delegate, operation)(Name=arn)
    assert delegate.get_trail_status(Name=arn)["IsLogging"]
