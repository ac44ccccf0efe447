"""What the tests of ``trailkeep explain --live`` set up in the embedded AWS, and how they read the answer."""

from __future__ import annotations

import json
from typing import Any

from guard_verbs import BUCKET, Ran
from trailkeep.sandbox.organization import LOG_ARCHIVE_ACCOUNT_ID, Sandbox

__all__ = ["key_policy", "refused", "set_bucket_key", "set_key", "set_topic", "verdicts"]

_TRAIL = "arn:aws:cloudtrail:eu-central-1:111111111111:trail/trailkeep"


def _service(*actions: str, resource: str = "*") -> dict[str, Any]:
    return {
        "Effect": "Allow",
        "Principal": {"Service": "cloudtrail.amazonaws.com"},
        "Action": list(actions),
        "Resource": resource,
        "Condition": {"StringEquals": {"aws:SourceArn": _TRAIL}},
    }


def key_policy(*actions: str) -> str:
    """Return the policy of a key that its account manages, with one grant of some actions to CloudTrail."""
    root = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{LOG_ARCHIVE_ACCOUNT_ID}:root"},
        "Action": "kms:*",
        "Resource": "*",
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [root, _service(*actions)]})


def set_key(sandbox: Sandbox) -> tuple[Any, str]:
    """Let the trail encrypt with a key of the archive account, and return a client and the key's ARN."""
    kms = sandbox.client("kms", LOG_ARCHIVE_ACCOUNT_ID)
    policy = key_policy("kms:GenerateDataKey*", "kms:DescribeKey", "kms:Decrypt")
    arn: str = kms.create_key(Policy=policy)["KeyMetadata"]["Arn"]
    sandbox.client("cloudtrail").update_trail(Name="trailkeep", KmsKeyId=arn)
    return kms, arn


def set_bucket_key(sandbox: Sandbox, key: str) -> None:
    """Let the bucket encrypt with a key by default, through an S3 Bucket Key."""
    default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}
    sandbox.client("s3", LOG_ARCHIVE_ACCOUNT_ID).put_bucket_encryption(
        Bucket=BUCKET,
        ServerSideEncryptionConfiguration={
            "Rules": [{"ApplyServerSideEncryptionByDefault": default, "BucketKeyEnabled": True}]
        },
    )


def set_topic(sandbox: Sandbox, *actions: str) -> str:
    """Let the trail tell a topic of the management account, and return its ARN."""
    sns = sandbox.client("sns")
    arn: str = sns.create_topic(Name="trail-news")["TopicArn"]
    policy = {"Version": "2012-10-17", "Statement": [_service(*actions, resource=arn)]}
    sns.set_topic_attributes(TopicArn=arn, AttributeName="Policy", AttributeValue=json.dumps(policy))
    sandbox.client("cloudtrail").update_trail(Name="trailkeep", SnsTopicName=arn)
    return arn


def verdicts(ran: Ran) -> dict[str, str]:
    """Return the verdict of each document by its file."""
    return {each["file"]: each["verdict"]["kind"] for each in ran.document["documents"]}


def refused(ran: Ran) -> list[tuple[str, str]]:
    """Return each refused request: its action and the document that refuses it."""
    return [
        (each["action"], each["file"]) for each in ran.document["requests"] if each["decision"] == "refused"
    ]
