"""Reads the tags of the bucket and the public access block of the account."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trailkeep.aws.reading import read, read_or_absent
from trailkeep.aws.session import Accounts
from trailkeep.guard.estate import Absent, PublicAccessBlock, Tag, Unreadable

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

__all__ = ["observe_account_block", "observe_tags"]


def observe_tags(client: S3Client, named: Any) -> tuple[Tag, ...] | Absent | Unreadable:
    """Return every tag of a bucket, in order of their keys."""

    def get() -> tuple[Tag, ...]:
        found = client.get_bucket_tagging(**named)["TagSet"]
        return tuple(sorted((Tag(key=one["Key"], value=one["Value"]) for one in found), key=_key))

    return read_or_absent("s3:GetBucketTagging", get, "NoSuchTagSet")


def observe_account_block(
    accounts: Accounts, account: str | Absent | Unreadable, region: str
) -> PublicAccessBlock | Absent | Unreadable:
    """Return which of the four switches are on for the whole account."""
    if not isinstance(account, str):
        return account
    client = read("sts:AssumeRole", lambda: accounts.s3control(account, region))
    if isinstance(client, Unreadable):
        return client

    def get() -> PublicAccessBlock:
        block = client.get_public_access_block(AccountId=account)["PublicAccessBlockConfiguration"]
        return PublicAccessBlock(
            block_public_acls=block.get("BlockPublicAcls", False),
            ignore_public_acls=block.get("IgnorePublicAcls", False),
            block_public_policy=block.get("BlockPublicPolicy", False),
            restrict_public_buckets=block.get("RestrictPublicBuckets", False),
        )

    return read_or_absent("s3:GetAccountPublicAccessBlock", get, "NoSuchPublicAccessBlockConfiguration")


def _key(tag: Tag) -> str:
    return tag.key
