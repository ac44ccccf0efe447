"""Reads the archive's bucket, as the archive account sees it."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypedDict

from trailkeep.aws.observe_storage import observe_tags
from trailkeep.aws.reading import read, read_or_absent
from trailkeep.aws.session import Accounts, aws_errors
from trailkeep.core.errors import AwsCallError
from trailkeep.guard.estate import (
    Absent,
    Bucket,
    Encryption,
    ForeignBucket,
    ObjectLock,
    PublicAccessBlock,
    Unreadable,
)

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

__all__ = ["observe_bucket"]

_DAYS_A_YEAR = 365


class _Named(TypedDict):
    """A bucket, and the account without which it is another bucket of that name."""

    Bucket: str
    ExpectedBucketOwner: str


def observe_bucket(
    accounts: Accounts, *, account: str, name: str, region: str
) -> Bucket | ForeignBucket | Absent | Unreadable:
    """Return the bucket, or who has it instead; ``region`` is where it is expected."""
    client = read("sts:AssumeRole", lambda: accounts.s3(account, region))
    if isinstance(client, Unreadable):
        return client
    owned = read("s3:ListBuckets", lambda: _owns(client, name))
    if isinstance(owned, Unreadable):
        return _without_listing(accounts, client, owned, account=account, name=name)
    if owned:
        return _bucket(accounts, client, account=account, name=name)
    return _not_ours(client, name)


def _owns(client: S3Client, name: str) -> bool:
    pages = client.get_paginator("list_buckets").paginate(Prefix=name)
    return any(bucket.get("Name") == name for page in pages for bucket in page.get("Buckets", []))


def _not_ours(client: S3Client, name: str) -> ForeignBucket | Absent | Unreadable:
    """Return whether the name is free.

    A redirect or a refusal means that somebody else has it; any other answer tells nothing: 400 comes
    of a bad request, such as one with an expired token.
    """
    answer = _head(client, Bucket=name)
    if answer in {"404", "NoSuchBucket"}:
        return Absent()
    if answer in {"", "301", "403", "AccessDenied", "PermanentRedirect"}:
        return ForeignBucket(
            name=name, evidence=f"s3:HeadBucket answers {answer or '200'}, s3:ListBuckets has it not"
        )
    return Unreadable(call="s3:HeadBucket", error=answer)


def _without_listing(
    accounts: Accounts, client: S3Client, refused: Unreadable, *, account: str, name: str
) -> Bucket | Absent | Unreadable:
    """Return what HeadBucket with the expected owner tells where ListBuckets is refused."""
    answer = _head(client, Bucket=name, ExpectedBucketOwner=account)
    if answer == "":
        return _bucket(accounts, client, account=account, name=name)
    return Absent() if answer in {"404", "NoSuchBucket"} else refused


def _head(client: S3Client, **arguments: Any) -> str:
    """Return the error code of HeadBucket, empty where it succeeds."""
    try:
        with aws_errors("s3:HeadBucket"):
            client.head_bucket(**arguments)
    except AwsCallError as error:
        return error.code
    return ""


def _bucket(accounts: Accounts, client: S3Client, *, account: str, name: str) -> Bucket:
    named = _Named(Bucket=name, ExpectedBucketOwner=account)
    location = read("s3:GetBucketLocation", lambda: client.get_bucket_location(**named))
    if isinstance(location, Unreadable):
        region: str | Unreadable = location
    else:
        region = {"EU": "eu-west-1"}.get(location["LocationConstraint"] or "", location["LocationConstraint"])
        region = region or "us-east-1"
        client = accounts.s3(account, region)
    with ThreadPoolExecutor(max_workers=4) as pool:
        versioning = pool.submit(_versioning, client, named)
        block = pool.submit(_public_access_block, client, named)
        ownership = pool.submit(_ownership, client, named)
        lock = pool.submit(_object_lock, client, named)
        policy = pool.submit(_policy, client, named)
        encryption = pool.submit(_encryption, client, named)
        lifecycle = pool.submit(_lifecycle, client, named)
        payer = pool.submit(_request_payer, client, named)
        tags = pool.submit(observe_tags, client, named)
        return Bucket(
            name=name,
            owner=account,
            region=region,
            versioning=versioning.result(),
            public_access_block=block.result(),
            ownership=ownership.result(),
            object_lock=lock.result(),
            policy=policy.result(),
            encryption=encryption.result(),
            lifecycle=lifecycle.result()[0],
            smallest_transition=lifecycle.result()[1],
            request_payer=payer.result(),
            tags=tags.result(),
        )


def _versioning(client: S3Client, named: _Named) -> str | Unreadable:
    return read(
        "s3:GetBucketVersioning", lambda: str(client.get_bucket_versioning(**named).get("Status", ""))
    )


def _public_access_block(client: S3Client, named: _Named) -> PublicAccessBlock | Absent | Unreadable:
    def get() -> PublicAccessBlock:
        block = client.get_public_access_block(**named)["PublicAccessBlockConfiguration"]
        return PublicAccessBlock(
            block_public_acls=block.get("BlockPublicAcls", False),
            ignore_public_acls=block.get("IgnorePublicAcls", False),
            block_public_policy=block.get("BlockPublicPolicy", False),
            restrict_public_buckets=block.get("RestrictPublicBuckets", False),
        )

    return read_or_absent("s3:GetPublicAccessBlock", get, "NoSuchPublicAccessBlockConfiguration")


def _ownership(client: S3Client, named: _Named) -> str | Absent | Unreadable:
    def get() -> str:
        rules = client.get_bucket_ownership_controls(**named)["OwnershipControls"]["Rules"]
        return ", ".join(rule["ObjectOwnership"] for rule in rules)

    return read_or_absent("s3:GetBucketOwnershipControls", get, "OwnershipControlsNotFoundError")


def _object_lock(client: S3Client, named: _Named) -> ObjectLock | Absent | Unreadable:
    def get() -> ObjectLock:
        found = client.get_object_lock_configuration(**named).get("ObjectLockConfiguration", {})
        default = found.get("Rule", {}).get("DefaultRetention", {})
        days = default.get("Days", 0) + default.get("Years", 0) * _DAYS_A_YEAR
        return ObjectLock(mode=default.get("Mode", ""), days=days)

    return read_or_absent("s3:GetObjectLockConfiguration", get, "ObjectLockConfigurationNotFoundError")


def _policy(client: S3Client, named: _Named) -> str | Absent | Unreadable:
    return read_or_absent(
        "s3:GetBucketPolicy", lambda: client.get_bucket_policy(**named)["Policy"], "NoSuchBucketPolicy"
    )


def _encryption(client: S3Client, named: _Named) -> Encryption | Absent | Unreadable:
    def get() -> Encryption:
        rules = client.get_bucket_encryption(**named)["ServerSideEncryptionConfiguration"]["Rules"]
        rule = rules[0]
        default = rule.get("ApplyServerSideEncryptionByDefault", {})
        return Encryption(
            algorithm=default.get("SSEAlgorithm", ""),
            kms_key=default.get("KMSMasterKeyID", ""),
            bucket_key=rule.get("BucketKeyEnabled", False),
        )

    code = "ServerSideEncryptionConfigurationNotFoundError"
    return read_or_absent("s3:GetBucketEncryption", get, code)


def _lifecycle(client: S3Client, named: _Named) -> tuple[str | Absent | Unreadable, str]:
    """Return the rules, and what they move by default, empty where S3 does not say."""

    def get() -> tuple[str, str]:
        said = client.get_bucket_lifecycle_configuration(**named)
        rules = json.dumps(said["Rules"], sort_keys=True, default=str)
        return rules, said.get("TransitionDefaultMinimumObjectSize", "")

    found = read_or_absent("s3:GetLifecycleConfiguration", get, "NoSuchLifecycleConfiguration")
    return (found, "") if isinstance(found, Absent | Unreadable) else found


def _request_payer(client: S3Client, named: _Named) -> str | Absent | Unreadable:
    def get() -> str | Absent:
        return client.get_bucket_request_payment(**named).get("Payer", Absent())

    return read("s3:GetBucketRequestPayment", get)
