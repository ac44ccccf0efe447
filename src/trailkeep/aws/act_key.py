"""The actions on the archive's key, each safe to perform again."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, TypeVar, assert_never

from trailkeep.aws.session import aws_errors
from trailkeep.core.errors import AwsCallError
from trailkeep.guard.changes import CreateKey, EnableKeyRotation, PutKeyPolicy
from trailkeep.guard.key_policy import DESCRIPTION, OWN_MATERIAL, TAGS

if TYPE_CHECKING:
    from mypy_boto3_kms import KMSClient

__all__ = ["KeyAction", "perform_on_key"]

T = TypeVar("T")
KeyAction = CreateKey | EnableKeyRotation | PutKeyPolicy
_TAG = {"TagKey": "trailkeep", "TagValue": TAGS["trailkeep"]}


class Attempt(Protocol):
    """Makes one call of KMS, again while it is not consistent; None where ``done`` says it was already so."""

    def __call__(self, operation: str, call: Callable[[], T], *, done: tuple[str, ...] = ()) -> T | None:
        """Make the call named ``operation``."""
        ...


def perform_on_key(client: KMSClient, once: KMSClient, action: KeyAction, attempt: Attempt) -> str:
    """Perform the action and return the ARN of the key; ``once`` is a client that repeats no call.

    Raises:
        AwsCallError: AWS refused it, or did not become consistent in time.
    """
    match action:
        case CreateKey():
            return _create(client, once, action, attempt)
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


def _create(client: KMSClient, once: KMSClient, action: CreateKey, attempt: Attempt) -> str:
    """Create key and alias; a key that an apply made before it was killed is found by its tag.

    Source: https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateKey.html
    """
    key, is_new = attempt("CreateKey", lambda: _found_or_made(client, once, action)) or ("", False)
    if not is_new:
        attempt(
            "PutKeyPolicy",
            lambda: client.put_key_policy(KeyId=key, PolicyName="default", Policy=action.document),
        )
    attempt(
        "CreateAlias",
        lambda: client.create_alias(AliasName=action.alias, TargetKeyId=key),
        done=("AlreadyExistsException",),
    )
    told = attempt("DescribeKey", lambda: client.describe_key(KeyId=action.alias))
    named = told["KeyMetadata"] if told else None
    if named is None or named["KeyId"] != key:
        other = named["KeyId"] if named else "no key"
        reason = f"{action.alias} names {other}, and not the archive's key {key}; delete that alias"
        raise AwsCallError("kms:CreateAlias", "AlreadyExistsException", reason)
    return named["Arn"]


def _found_or_made(client: KMSClient, once: KMSClient, action: CreateKey) -> tuple[str, bool]:
    """Return the id of the key that carries our tag, made now where there is none, and whether it was.

    It looks each time that it is tried again: a call that KMS did not confirm may have made the key.
    """
    with aws_errors("kms:ListKeys"):
        found = _made_before(client)
    if found:
        return found, False
    made = once.create_key(
        Policy=action.document,
        Description=DESCRIPTION,
        Tags=[{"TagKey": name, "TagValue": value} for name, value in TAGS.items()],
    )
    return made["KeyMetadata"]["KeyId"], True


def _made_before(client: KMSClient) -> str:
    """Return the id of the enabled key that carries our tag, empty where there is none.

    A key whose material did not come from KMS is none: whoever imported it can take it away at once.
    """
    for page in client.get_paginator("list_keys").paginate():
        for listed in page["Keys"]:
            key = listed["KeyId"]
            metadata = client.describe_key(KeyId=key)["KeyMetadata"]
            is_ours = metadata.get("KeyManager") == "CUSTOMER" and metadata.get("Origin") == OWN_MATERIAL
            if not is_ours or metadata.get("KeyState") != "Enabled":
                continue
            if _TAG in client.list_resource_tags(KeyId=key)["Tags"]:
                return key
    return ""
