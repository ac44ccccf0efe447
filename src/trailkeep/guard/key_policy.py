"""The archive's key: its policy, and the part of the guard that keeps it alive."""

from __future__ import annotations

from trailkeep.core.config import Config
from trailkeep.guard.delivery import Delivery
from trailkeep.guard.documents import Document
from trailkeep.guard.reader_grants import reader_key_grants
from trailkeep.guard.service_grants import key_grants

__all__ = [
    "ALIAS",
    "DESCRIPTION",
    "NEW_KEY",
    "OWN_MATERIAL",
    "TAGS",
    "guarding_key",
    "key_policy",
    "only_lets_decrypt",
]

ALIAS = "alias/trailkeep-archive"
DESCRIPTION = "Encrypts the CloudTrail archive; without it every log is lost"
TAGS = {"trailkeep": "archive-key", "managed-by": "trailkeep"}
NEW_KEY = "<archive key>"
"""Stands for the ARN of a key that is yet to be created."""

OWN_MATERIAL = "AWS_KMS"
"""The origin of a key whose material KMS made: nobody can take that away but by deleting the key.

Source: https://docs.aws.amazon.com/kms/latest/developerguide/importing-keys.html
"""

_USES = (
    "kms:CancelKeyDeletion",
    "kms:Decrypt",
    "kms:DeriveSharedSecret",
    "kms:Describe*",
    "kms:EnableKey",
    "kms:EnableKeyRotation",
    "kms:Encrypt",
    "kms:Generate*",
    "kms:Get*",
    "kms:List*",
    "kms:ReEncrypt*",
    "kms:Sign",
    "kms:Verify*",
)
_READS = ("kms:decrypt", "kms:describekey", "kms:get", "kms:list")


def key_policy(config: Config, *, partition: str, archive_account: str, trail: str) -> Document:
    """Return the policy that lets one trail encrypt with the key, and the archive account manage it.

    Without the statement for the account nobody but AWS Support could ever change the policy again.

    Source: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/create-kms-key-policy-for-cloudtrail.html,
    https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html
    """
    delivery = Delivery(
        partition=partition,
        bucket=config.archive.bucket,
        prefix="",
        management_account=config.trail_account,
        organization_id=config.organization_id,
        archive_account=archive_account,
        trail=trail,
        resource="*",
    )
    account: Document = {
        "Sid": "ArchiveAccountManages",
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:{partition}:iam::{archive_account}:root"},
        "Action": "kms:*",
        "Resource": "*",
    }
    return {
        "Version": "2012-10-17",
        "Statement": [account, *key_grants(delivery), *reader_key_grants(config)],
    }


def guarding_key(scp: Document, config: Config, *, partition: str, archive_account: str) -> Document:
    """Return the guard of the archive account, extended by the key where there is to be one.

    Without the key every log is lost, locked or not; deleting one takes 7 days, disabling it an instant, and
    deleting imported material as well. What only uses a key stays allowed, because the statement is of every
    key in the region: the archive's own has no ARN before it is made.

    Source: https://docs.aws.amazon.com/service-authorization/latest/reference/list_awskeymanagementservice.html
    """
    if config.archive.encryption != "sse-kms":
        return scp
    statement: Document = {
        "Sid": "ArchiveKeyStays",
        "Effect": "Deny",
        "NotAction": [*_USES],
        "Resource": [
            f"arn:{partition}:kms:{config.archive.region}:{archive_account}:key/*",
            f"arn:{partition}:kms:{config.archive.region}:{archive_account}:{ALIAS}",
        ],
    }
    return {**scp, "Statement": [*scp["Statement"], statement]}


def only_lets_decrypt(statement: Document) -> bool:
    """Return whether a statement of a key policy does no more than let somebody named decrypt."""
    actions = statement.get("Action", [])
    listed = [str(one).lower() for one in (actions if isinstance(actions, list) else [actions])]
    named = statement.get("Principal")
    who = [str(one) for one in named.values()] if isinstance(named, dict) else ["*"]
    return (
        statement.get("Effect") == "Allow"
        and listed != []
        and all(action.startswith(_READS) for action in listed)
        and not any("*" in one for one in who)
    )
