"""The actions on the archive's bucket itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict, assert_never

from trailkeep.aws.act_storage import is_account_regional
from trailkeep.aws.calls import Calls
from trailkeep.aws.describe_key import encryption_rules
from trailkeep.guard.changes import (
    CreateBucket,
    PutBucketEncryption,
    PutBucketPolicy,
    PutObjectLock,
    PutOwnership,
    PutPublicAccessBlock,
    PutRequestPayment,
    PutVersioning,
)

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

__all__ = ["BucketAction", "perform_on_bucket"]

BucketAction = (
    CreateBucket
    | PutPublicAccessBlock
    | PutOwnership
    | PutVersioning
    | PutRequestPayment
    | PutObjectLock
    | PutBucketPolicy
    | PutBucketEncryption
)


class _Named(TypedDict):
    """A bucket, and the account without which it is another bucket of that name."""

    Bucket: str
    ExpectedBucketOwner: str


def perform_on_bucket(client: S3Client, action: BucketAction, calls: Calls) -> None:
    """Perform one action on the archive's bucket."""
    named = _Named(Bucket=action.bucket, ExpectedBucketOwner=action.account)
    match action:
        case CreateBucket():
            _create_bucket(client, action, calls)
        case PutPublicAccessBlock():
            switches = (
                "BlockPublicAcls",
                "IgnorePublicAcls",
                "BlockPublicPolicy",
                "RestrictPublicBuckets",
            )
            configuration: Any = dict.fromkeys(switches, True)
            calls.s3(
                "PutPublicAccessBlock",
                lambda: client.put_public_access_block(**named, PublicAccessBlockConfiguration=configuration),
            )
        case PutOwnership():
            calls.s3(
                "PutBucketOwnershipControls",
                lambda: client.put_bucket_ownership_controls(
                    **named,
                    OwnershipControls={"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
                ),
            )
        case PutVersioning():
            calls.s3(
                "PutBucketVersioning",
                lambda: client.put_bucket_versioning(**named, VersioningConfiguration={"Status": "Enabled"}),
            )
        case PutRequestPayment():
            calls.s3(
                "PutBucketRequestPayment",
                lambda: client.put_bucket_request_payment(
                    **named, RequestPaymentConfiguration={"Payer": "BucketOwner"}
                ),
            )
        case PutObjectLock(mode=mode, days=days):
            retention: Any = {"Mode": mode, "Days": days}
            calls.s3(
                "PutObjectLockConfiguration",
                lambda: client.put_object_lock_configuration(
                    **named,
                    ObjectLockConfiguration={
                        "ObjectLockEnabled": "Enabled",
                        "Rule": {"DefaultRetention": retention},
                    },
                ),
            )
        case PutBucketPolicy(document=document):
            calls.s3("PutBucketPolicy", lambda: client.put_bucket_policy(**named, Policy=document))
        case PutBucketEncryption(kms_key=key):
            rules: Any = encryption_rules(key)
            calls.s3(
                "PutBucketEncryption",
                lambda: client.put_bucket_encryption(**named, ServerSideEncryptionConfiguration=rules),
            )
        case _:
            assert_never(action)


def _create_bucket(client: S3Client, action: CreateBucket, calls: Calls) -> None:
    """Create the bucket; us-east-1 is the one region that must not be named.

    Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html
    """
    place: dict[str, Any] = {}
    namespace: dict[str, Any] = {"BucketNamespace": "account-regional"} if is_account_regional(action) else {}
    if action.region != "us-east-1":
        place = {"CreateBucketConfiguration": {"LocationConstraint": action.region}}
    calls.s3(
        "CreateBucket",
        lambda: client.create_bucket(
            Bucket=action.bucket,
            ObjectLockEnabledForBucket=True,
            ObjectOwnership="BucketOwnerEnforced",
            **place,
            **namespace,
        ),
        done=("BucketAlreadyOwnedByYou",),
    )
