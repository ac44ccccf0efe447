"""The actions on the archive's key, each safe to perform again."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, TypeVar, assert_never

from trailkeep.guard.changes import CreateKey, EnableKeyRotation, PutKeyPolicy

if TYPE_CHECKING:
    from mypy_boto3_kms import KMSClient

__all__ = ["KEY_NOT_YET", "TRAIL_KEY_NOT_YET", "KeyAction", "perform_on_key"]

T = TypeVar("T")
KeyAction = CreateKey | EnableKeyRotation | PutKeyPolicy
KEY_NOT_YET = (
    "DependencyTimeoutException",
    "KMSInternalException",
    "KMSInvalidStateException",
    "MalformedPolicyDocumentException",
    "NotFoundException",
    "ThrottlingException",
)
TRAIL_KEY_NOT_YET = ("InsufficientEncryptionPolicyException", "KmsException", "KmsKeyNotFoundException")
_TAG = {"TagKey": "trailkeep", "TagValue": "archive-key"}


class Attempt(Protocol):
    """Makes one call of KMS, again while it is not consistent; None where ``done`` says it was already so."""

    def __call__(self, operation: str, call: Callable[[], T], *, done: tuple[str, ...] = ()) -> T | None:
        """Make the call named ``operation``."""
        ...


def perform_on_key(client: KMSClient, action: KeyAction, attempt: Attempt) -> str:
    """Perform the action and return the ARN of the key.

    Raises:
        AwsCallError: AWS refused it, or did not become consistent in time.
    """
    match action:
        case CreateKey():
            return _create(client, action, attempt)
        case EnableKeyRotation(key=key):
            attempt("EnableKeyRotation", lambda: client.enable_key_rotation(KeyId=key))
        case PutKeyPolicy(key=key, document=document):
            attempt(
                "PutKeyPolicy",
                lambda: client.put_key_policy(KeyId=key, PolicyName="default", Policy=document),
            )
        case _:
            assert_never(action)
    return action.key


def _create(client: KMSClient, action: CreateKey, attempt: Attempt) -> str:
    """Create key and alias; a key that an apply made before it was killed is found by its tag.

    Source: https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateKey.html
    """
    found = _made_before(client, attempt)
    if found:
        again = found
        attempt(
            "PutKeyPolicy",
            lambda: client.put_key_policy(KeyId=again, PolicyName="default", Policy=action.document),
        )
    else:
        made = attempt(
            "CreateKey",
            lambda: client.create_key(
                Policy=action.document,
                Description="Encrypts the CloudTrail archive; without it every log is lost",
                Tags=[
                    {"TagKey": _TAG["TagKey"], "TagValue": _TAG["TagValue"]},
                    {"TagKey": "managed-by", "TagValue": "trailkeep"},
                ],
            ),
        )
        found = made["KeyMetadata"]["KeyId"] if made else ""
    key = found
    attempt(
        "CreateAlias",
        lambda: client.create_alias(AliasName=action.alias, TargetKeyId=key),
        done=("AlreadyExistsException",),
    )
    told = attempt("DescribeKey", lambda: client.describe_key(KeyId=action.alias))
    return told["KeyMetadata"]["Arn"] if told else key


def _made_before(client: KMSClient, attempt: Attempt) -> str:
    """Return the id of the enabled key that carries our tag, empty where there is none."""

    def search() -> str:
        for page in client.get_paginator("list_keys").paginate():
            for listed in page["Keys"]:
                key = listed["KeyId"]
                metadata = client.describe_key(KeyId=key)["KeyMetadata"]
                if metadata.get("KeyManager") != "CUSTOMER" or metadata.get("KeyState") != "Enabled":
                    continue
                if _TAG in client.list_resource_tags(KeyId=key)["Tags"]:
                    return key
        return ""

    return attempt("ListKeys", search) or ""
