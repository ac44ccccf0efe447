"""Errors on demand: the operation that was named answers with them, as often as was said."""

from __future__ import annotations

import pytest

from sandbox_archives import BUCKET, make_bucket, refused
from trailkeep.core.errors import UsageError
from trailkeep.sandbox.organization import LOG_ARCHIVE_ACCOUNT_ID, Sandbox

pytestmark = pytest.mark.sandbox


def test_as_often_as_said(sandbox: Sandbox) -> None:
    """An injected error comes for so many calls of its operation, for no other, and then no more."""
    organizations = sandbox.client("organizations")
    sandbox.inject("ListRoots", error="TooManyRequestsException", times=2)
    for _ in range(2):
        organizations.describe_organization()
        with refused("TooManyRequestsException"):
            organizations.list_roots()
    assert sandbox.injected.left == {}
    assert organizations.list_roots()["Roots"]


def test_until_reset(sandbox: Sandbox) -> None:
    """Without a number an error comes every time, until everything is forgotten."""
    sandbox.inject("DescribeTrails", error="AccessDeniedException")
    for _ in range(3):
        with refused("AccessDeniedException"):
            sandbox.client("cloudtrail").describe_trails()
    sandbox.reset()
    sandbox.client("cloudtrail").describe_trails()


def test_one_after_the_other(sandbox: Sandbox) -> None:
    """Errors of one operation come in the order in which they were injected; a star means any operation."""
    s3 = make_bucket(sandbox)
    sandbox.inject("GetBucketPolicy", error="SlowDown", times=1)
    sandbox.inject("GetBucketPolicy", error="AccessDenied", times=1)
    sandbox.inject("*", error="InternalError", times=1)
    for code in ("SlowDown", "AccessDenied", "InternalError"):
        with refused(code):
            s3.get_bucket_policy(Bucket=BUCKET)
    s3.get_bucket_policy(Bucket=BUCKET)


def test_the_call_does_nothing(sandbox: Sandbox) -> None:
    """A call that is answered with an injected error has no effect."""
    s3 = make_bucket(sandbox)
    sandbox.inject("DeleteBucketPolicy", error="OperationAborted", times=1)
    with refused("OperationAborted"):
        s3.delete_bucket_policy(Bucket=BUCKET)
    assert s3.get_bucket_policy(Bucket=BUCKET)["Policy"]


@pytest.mark.parametrize(
    ("operation", "call", "arguments"),
    [
        ("ListBuckets", "list_buckets", {}),
        ("HeadBucket", "head_bucket", {"Bucket": BUCKET}),
        ("GetBucketLifecycleConfiguration", "get_bucket_lifecycle_configuration", {"Bucket": BUCKET}),
        ("ListObjectsV2", "list_objects_v2", {"Bucket": BUCKET}),
        ("ListObjectVersions", "list_object_versions", {"Bucket": BUCKET}),
        ("GetObject", "get_object", {"Bucket": BUCKET, "Key": "k"}),
        (
            "PutPublicAccessBlock",
            "put_public_access_block",
            {"PublicAccessBlockConfiguration": {}, "Bucket": BUCKET},
        ),
    ],
)
def test_names_of_s3(sandbox: Sandbox, operation: str, call: str, arguments: dict[str, object]) -> None:
    """The calls of S3, which carry no name, are known by the name that the API gives them."""
    s3 = make_bucket(sandbox)
    sandbox.inject(operation, error="AccessDenied", times=1)
    with refused("403" if operation.startswith("Head") else "AccessDenied"):
        getattr(s3, call)(**arguments)
    assert sandbox.injected.left == {}


def test_slow_accounts(sandbox_without_archive: Sandbox) -> None:
    """An account is in progress for as many questions about its status as was said."""
    sandbox_without_archive.slow_accounts(polls=3)
    organizations = sandbox_without_archive.client("organizations")
    made = organizations.create_account(Email="new@example.com", AccountName="new")["CreateAccountStatus"]
    states = [
        organizations.describe_create_account_status(CreateAccountRequestId=made["Id"])[
            "CreateAccountStatus"
        ]["State"]
        for _ in range(4)
    ]
    assert states == ["IN_PROGRESS"] * 3 + ["SUCCEEDED"]
    assert LOG_ARCHIVE_ACCOUNT_ID in [account["Id"] for account in organizations.list_accounts()["Accounts"]]


def test_never_is_no_number(sandbox: Sandbox) -> None:
    """An error that would never come is refused."""
    with pytest.raises(UsageError, match="expected an error at least once, got 0 times"):
        sandbox.inject("ListRoots", error="X", times=0)
