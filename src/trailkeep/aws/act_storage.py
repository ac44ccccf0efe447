"""The actions on what surrounds the logs: lifecycle, tags, the account's public access block."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from trailkeep.guard.changes import CreateBucket, PutAccountPublicAccessBlock, PutLifecycle, PutTags

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3control import S3ControlClient

__all__ = ["ALL_BLOCKED", "is_account_regional", "put_account_block", "put_lifecycle", "put_tags"]

ALL_BLOCKED = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
_NO_RULES = "NoSuchLifecycleConfiguration"


def is_account_regional(action: CreateBucket) -> bool:
    """Return whether the name is one that only this account, in this region, can have; S3 wants it said.

    Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/gpbucketnamespaces.html
    """
    return action.bucket.endswith(f"-{action.account}-{action.region}-an")


def put_lifecycle(client: S3Client, action: PutLifecycle) -> None:
    """Replace the rules; the smallest size that other rules transition is kept as it is.

    Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketLifecycleConfiguration.html
    """
    rules: Any = {"Rules": json.loads(action.document)}
    size: Any = _smallest_size(client, action)
    client.put_bucket_lifecycle_configuration(
        Bucket=action.bucket,
        ExpectedBucketOwner=action.account,
        LifecycleConfiguration=rules,
        **({"TransitionDefaultMinimumObjectSize": size} if size else {}),
    )


def _smallest_size(client: S3Client, action: PutLifecycle) -> str:
    try:
        found = client.get_bucket_lifecycle_configuration(
            Bucket=action.bucket, ExpectedBucketOwner=action.account
        )
    except client.exceptions.ClientError as error:
        if error.response["Error"]["Code"] == _NO_RULES:
            return ""
        raise
    return found.get("TransitionDefaultMinimumObjectSize", "")


def put_tags(client: S3Client, action: PutTags) -> None:
    """Replace the tags by the ones that were there and ours.

    Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketTagging.html
    """
    client.put_bucket_tagging(
        Bucket=action.bucket,
        ExpectedBucketOwner=action.account,
        Tagging={"TagSet": [{"Key": tag.key, "Value": tag.value} for tag in action.tags]},
    )


def put_account_block(client: S3ControlClient, action: PutAccountPublicAccessBlock) -> None:
    """Switch all four blocks on for every bucket and access point of the account.

    Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_control_PutPublicAccessBlock.html
    """
    switches: Any = dict.fromkeys(ALL_BLOCKED, True)
    client.put_public_access_block(AccountId=action.account, PublicAccessBlockConfiguration=switches)
