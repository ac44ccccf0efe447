"""The AWS CLI commands of the actions on keys and encryption."""

from __future__ import annotations

import json
from typing import assert_never

from trailkeep.guard.changes import (
    CreateKey,
    EnableKeyRotation,
    PutBucketEncryption,
    PutKeyPolicy,
    SetTrailKey,
)
from trailkeep.guard.key_policy import DESCRIPTION, NEW_KEY, TAGS

__all__ = ["alias_arguments", "encryption_arguments", "encryption_rules"]


def encryption_arguments(
    action: CreateKey | EnableKeyRotation | PutKeyPolicy | PutBucketEncryption | SetTrailKey,
) -> list[str]:
    """Return the words after ``aws``; the alias of a new key is a command of its own."""
    region = ["--region", action.region]
    match action:
        case CreateKey(document=document):
            tags = [f"TagKey={name},TagValue={value}" for name, value in TAGS.items()]
            said = ["--description", DESCRIPTION, "--policy", document]
            return ["kms", "create-key", *said, "--tags", *tags, *region]
        case EnableKeyRotation(key=key):
            return ["kms", "enable-key-rotation", "--key-id", key, *region]
        case PutKeyPolicy(key=key, document=document):
            named = ["--key-id", key, "--policy-name", "default"]
            return ["kms", "put-key-policy", *named, "--policy", document, *region]
        case PutBucketEncryption():
            named = ["--bucket", action.bucket, "--expected-bucket-owner", action.account]
            rules = ["--server-side-encryption-configuration", json.dumps(encryption_rules(action.kms_key))]
            return ["s3api", "put-bucket-encryption", *named, *rules, *region]
        case SetTrailKey(arn=arn, kms_key=key):
            return ["cloudtrail", "update-trail", "--name", arn, "--kms-key-id", key, *region]
        case _:
            assert_never(action)


def alias_arguments(action: CreateKey) -> list[str]:
    """Return the words that name the new key, whose id the command before printed."""
    named = ["--alias-name", action.alias, "--target-key-id", NEW_KEY]
    return ["kms", "create-alias", *named, "--region", action.region]


def encryption_rules(key: str) -> dict[str, list[dict[str, object]]]:
    """Return the bucket's default encryption as S3 takes it; an empty ``key`` means keys of S3's own.

    Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketEncryption.html
    """
    if not key:
        return {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]}
    default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}
    return {"Rules": [{"ApplyServerSideEncryptionByDefault": default, "BucketKeyEnabled": True}]}
