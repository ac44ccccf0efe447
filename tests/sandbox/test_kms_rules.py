"""The embedded AWS authorizes KMS calls by the key's own policy, SCPs and RCPs."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from trailkeep.sandbox.organization import LOG_ARCHIVE_ACCOUNT_ID, Identity, Sandbox

pytestmark = pytest.mark.sandbox

_ACCOUNT = {
    "Sid": "Account",
    "Effect": "Allow",
    "Principal": {"AWS": f"arn:aws:iam::{LOG_ARCHIVE_ACCOUNT_ID}:root"},
    "Action": "kms:*",
    "Resource": "*",
}


def _refusal(call: Callable[..., object], **members: Any) -> str:
    """Return the message of a refusal; nothing where the call went through."""
    try:
        call(**members)
    except ClientError as error:
        if error.response["Error"]["Code"] != "AccessDeniedException":
            raise
        return str(error.response["Error"]["Message"])
    return ""


def _key(sandbox: Sandbox, *statements: dict[str, Any]) -> str:
    policy = json.dumps({"Version": "2012-10-17", "Statement": [_ACCOUNT, *statements]})
    keys = sandbox.client("kms", LOG_ARCHIVE_ACCOUNT_ID)
    return str(keys.create_key(Policy=policy)["KeyMetadata"]["Arn"])


def _id(arn: str) -> str:
    """Return the id, which moto wants where AWS takes the ARN as well."""
    return arn.rpartition("/")[2]


def _attach(sandbox: Sandbox, kind: str, statement: dict[str, Any]) -> None:
    management = sandbox.client("organizations")
    root = management.list_roots()["Roots"][0]["Id"]
    management.enable_policy_type(RootId=root, PolicyType=kind)
    made = management.create_policy(
        Name=kind,
        Description="x",
        Type=kind,
        Content=json.dumps({"Version": "2012-10-17", "Statement": statement}),
    )
    management.attach_policy(PolicyId=made["Policy"]["PolicySummary"]["Id"], TargetId=LOG_ARCHIVE_ACCOUNT_ID)


def test_key_policy(sandbox: Sandbox) -> None:
    """A Deny of the key policy refuses root, by the key's id, its ARN and its alias."""
    deny = {"Sid": "Stays", "Effect": "Deny", "Principal": "*", "Action": "kms:DisableKey", "Resource": "*"}
    arn = _key(sandbox, deny)
    root = sandbox.client("kms", LOG_ARCHIVE_ACCOUNT_ID, Identity.ROOT)
    root.create_alias(AliasName="alias/archive", TargetKeyId=arn)
    for name in (arn, arn.rpartition("/")[2], "alias/archive"):
        assert "explicit deny in a resource-based policy" in _refusal(root.disable_key, KeyId=name)
    assert _refusal(root.enable_key, KeyId=_id(arn)) == ""


def test_key_policy_that_names_nobody(sandbox: Sandbox) -> None:
    """An administrator that the key policy does not name gets nothing from its identity policies."""
    keys = sandbox.client("kms", LOG_ARCHIVE_ACCOUNT_ID)
    policy = {
        "Version": "2012-10-17",
        "Statement": {**_ACCOUNT, "Principal": {"AWS": f"arn:aws:iam::{LOG_ARCHIVE_ACCOUNT_ID}:role/Other"}},
    }
    arn = keys.create_key(Policy=json.dumps(policy))["KeyMetadata"]["Arn"]
    assert "no resource-based policy allows" in _refusal(keys.describe_key, KeyId=arn)


@pytest.mark.parametrize("kind", ["SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY"])
def test_organization_policies(sandbox: Sandbox, kind: str) -> None:
    """SCPs and RCPs keep root of the account from its own key."""
    arn = _key(sandbox)
    principal = {"Principal": "*"} if kind.startswith("RESOURCE") else {}
    _attach(
        sandbox, kind, {"Effect": "Deny", **principal, "Action": "kms:ScheduleKeyDeletion", "Resource": arn}
    )
    root = sandbox.client("kms", LOG_ARCHIVE_ACCOUNT_ID, Identity.ROOT)
    assert "explicit deny" in _refusal(root.schedule_key_deletion, KeyId=arn)
    assert _refusal(root.disable_key, KeyId=_id(arn)) == ""


def test_condition_keys(sandbox: Sandbox) -> None:
    """Conditions on what a call carries are asked: how long a deletion waits, and whose call it is."""
    short = {
        "Sid": "NotTooSoon",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "kms:ScheduleKeyDeletion",
        "Resource": "*",
        "Condition": {"NumericLessThan": {"kms:ScheduleKeyDeletionPendingWindowInDays": "30"}},
    }
    arn = _key(sandbox, short)
    root = sandbox.client("kms", LOG_ARCHIVE_ACCOUNT_ID, Identity.ROOT)
    assert "explicit deny" in _refusal(root.schedule_key_deletion, KeyId=arn, PendingWindowInDays=7)
    assert _refusal(root.schedule_key_deletion, KeyId=_id(arn), PendingWindowInDays=30) == ""


def test_alias_needs_both(sandbox: Sandbox) -> None:
    """An alias moves only with permission on the alias and on the key."""
    deny = {"Sid": "Stays", "Effect": "Deny", "Principal": "*", "Action": "kms:UpdateAlias", "Resource": "*"}
    root = sandbox.client("kms", LOG_ARCHIVE_ACCOUNT_ID, Identity.ROOT)
    free, held = _key(sandbox), _key(sandbox, deny)
    root.create_alias(AliasName="alias/archive", TargetKeyId=free)
    assert "explicit deny" in _refusal(root.update_alias, AliasName="alias/archive", TargetKeyId=held)
    statement = {"Effect": "Deny", "Action": "kms:DeleteAlias", "Resource": "arn:aws:kms:*:*:alias/archive"}
    _attach(sandbox, "SERVICE_CONTROL_POLICY", statement)
    assert "explicit deny" in _refusal(root.delete_alias, AliasName="alias/archive")
