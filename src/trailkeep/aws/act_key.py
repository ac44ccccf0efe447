"""The actions on the archive's key, each safe to perform again."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, TypeVar, assert_never

from trailkeep.aws.not_yet import REFUSED
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
    key, is_new = attempt("CreateKey", _Making(client, once, action)) or ("", False)
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


class _Making:
    """Finds the key that carries our tag, or makes one; called again while KMS did not confirm that.

    A key that refuses to be read is not the archive's, whose policy lets its account read it, and is passed
    over. That is in doubt where the role itself may read no key: so one that appeared after we asked for
    ours, or that describes itself as ours, is not passed over, because another would be made each time.
    """

    def __init__(self, client: KMSClient, once: KMSClient, action: CreateKey) -> None:
        self._client = client
        self._once = once
        self._action = action
        self._asked = False
        self._of_others: set[str] = set()

    def __call__(self) -> tuple[str, bool]:
        """Return the id of the key and whether it was made now.

        Raises:
            AwsCallError: KMS refused, or one of the keys may be ours and cannot be read.
        """
        found = self._find()
        if found:
            return found, False
        self._asked = True
        made = self._once.create_key(
            Policy=self._action.document,
            Description=DESCRIPTION,
            Tags=[{"TagKey": name, "TagValue": value} for name, value in TAGS.items()],
        )
        return made["KeyMetadata"]["KeyId"], True

    def _find(self) -> str:
        """Return the id of the enabled key that carries our tag, empty where there is none."""
        with aws_errors("kms:ListKeys"):
            pages = self._client.get_paginator("list_keys").paginate()
            keys = [str(listed["KeyId"]) for page in pages for listed in page["Keys"]]
        doubt: AwsCallError | None = None
        for key in keys:
            try:
                if self._is_ours(key):
                    return key
            except AwsCallError as error:
                if error.code not in REFUSED:
                    raise
                doubt = error
        if doubt:
            raise doubt
        return ""

    def _is_ours(self, key: str) -> bool:
        """Return whether a key carries our tag; whoever imported its material could take that away at once.

        Raises:
            AwsCallError: KMS refused, or nobody knows whether the key is ours.
        """
        description = ""
        try:
            with aws_errors("kms:DescribeKey"):
                metadata = self._client.describe_key(KeyId=key)["KeyMetadata"]
            description = metadata.get("Description", "")
            if (metadata.get("KeyManager"), metadata.get("Origin")) != ("CUSTOMER", OWN_MATERIAL):
                return False
            if metadata.get("KeyState") != "Enabled":
                return False
            with aws_errors("kms:ListResourceTags"):
                return _TAG in self._client.list_resource_tags(KeyId=key)["Tags"]
        except AwsCallError as error:
            appeared = self._asked and key not in self._of_others
            if error.code not in REFUSED:
                raise
            if appeared or description == DESCRIPTION:
                raise _in_doubt(error) from error
        self._of_others.add(key)
        return False


def _in_doubt(error: AwsCallError) -> AwsCallError:
    said = str(error).removeprefix(f"{error.call}: {error.code}: ")
    advice = f"let the access role call {error.call}, because this key may be the archive's own"
    return AwsCallError(error.call, error.code, f"{said}; {advice}")
