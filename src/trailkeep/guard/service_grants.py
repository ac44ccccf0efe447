"""The statements that let CloudTrail use a bucket, a key or a topic, ready to paste.

Source: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/create-s3-bucket-policy-for-cloudtrail.html,
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/create-kms-key-policy-for-cloudtrail.html,
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-permissions-for-sns-notifications.html
"""

from __future__ import annotations

from trailkeep.guard.delivery import Delivery
from trailkeep.guard.documents import Document, bucket_policy

__all__ = ["CLOUDTRAIL", "bucket_grants", "key_grants", "topic_grants"]

CLOUDTRAIL = "cloudtrail.amazonaws.com"


def bucket_grants(delivery: Delivery) -> tuple[Document, ...]:
    """Return the grants on the bucket: reading its ACL, then writing below each folder of the trail."""
    document = bucket_policy(
        partition=delivery.partition,
        bucket=delivery.bucket,
        organization_id=delivery.organization_id,
        management_account=delivery.management_account,
        trail=delivery.trail,
    )
    acl, *writes = [statement for statement in document["Statement"] if statement["Effect"] == "Allow"]
    folders = [folder for folder in (delivery.management_account, delivery.organization_id) if folder]
    return (
        acl,
        *(
            {**statement, "Resource": f"{delivery.root}/{folder}/*"}
            for statement, folder in zip(writes, folders, strict=True)
        ),
    )


def key_grants(delivery: Delivery) -> tuple[Document, ...]:
    """Return the grants on the key: data keys for deliveries, its description, and with a bucket key Decrypt.

    ``aws:SourceArn`` on DescribeKey and Decrypt is narrower than AWS's own samples.
    """
    account = delivery.trail.split(":")[4]
    trails = f"arn:{delivery.partition}:cloudtrail:*:{account}:trail/*"
    encrypt = _key_grant("CloudTrailEncrypt", "kms:GenerateDataKey*", delivery)
    encrypt["Condition"]["StringLike"] = {"kms:EncryptionContext:aws:cloudtrail:arn": trails}
    describe = _key_grant("CloudTrailDescribe", "kms:DescribeKey", delivery)
    decrypt = _key_grant("CloudTrailDecrypt", "kms:Decrypt", delivery)
    return (encrypt, describe, decrypt) if delivery.has_bucket_key else (encrypt, describe)


def topic_grants(delivery: Delivery) -> tuple[Document, ...]:
    """Return the grant on the topic."""
    return (_grant("CloudTrailPublish", "SNS:Publish", delivery.resource, delivery),)


def _key_grant(sid: str, action: str, delivery: Delivery) -> Document:
    return _grant(sid, action, "*", delivery)


def _grant(sid: str, action: str, resource: str, delivery: Delivery) -> Document:
    return {
        "Sid": sid,
        "Effect": "Allow",
        "Principal": {"Service": CLOUDTRAIL},
        "Action": action,
        "Resource": resource,
        "Condition": {"StringEquals": {"aws:SourceArn": delivery.trail}},
    }
