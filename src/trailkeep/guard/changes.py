"""The actions a plan is made of: frozen values that say what to do, where, and why; no behaviour.

``id`` is stable (``bucket.create``), ``account`` is where the call is made, ``destructive`` is true only for
what weakens or replaces something that exists.
"""

from __future__ import annotations

import msgspec

from trailkeep.guard.blueprint import NEW_ACCOUNT
from trailkeep.guard.estate import Tag
from trailkeep.guard.key_policy import NEW_KEY

__all__ = [
    "Action",
    "AttachPolicy",
    "Change",
    "CreateAccount",
    "CreateBucket",
    "CreateKey",
    "CreatePolicy",
    "CreateTrail",
    "DetachPolicy",
    "EnableKeyRotation",
    "EnablePolicyType",
    "EnableTrustedAccess",
    "PutAccountPublicAccessBlock",
    "PutBucketEncryption",
    "PutBucketPolicy",
    "PutEventSelectors",
    "PutInsightSelectors",
    "PutKeyPolicy",
    "PutLifecycle",
    "PutObjectLock",
    "PutOwnership",
    "PutPublicAccessBlock",
    "PutRequestPayment",
    "PutTags",
    "PutVersioning",
    "RegisterDelegatedAdmin",
    "SetTrailKey",
    "StartLogging",
    "UpdatePolicy",
    "UpdateTrail",
    "bind",
]


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the diff; ``before`` is empty where nothing was there."""

    field: str
    before: str
    after: str


class _Action(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag=True):
    id: str
    target: str
    account: str
    reason: str
    destructive: bool = False
    changes: tuple[Change, ...] = ()


class CreateAccount(_Action, frozen=True, kw_only=True):
    """Create the archive account with the role that the management account assumes."""

    name: str
    email: str
    access_role: str


class EnableTrustedAccess(_Action, frozen=True, kw_only=True):
    """Let a service act in every account of the organization."""

    service: str


class CreateBucket(_Action, frozen=True, kw_only=True):
    """Create the bucket, with Object Lock, owned by the archive account."""

    bucket: str
    region: str


class PutPublicAccessBlock(_Action, frozen=True, kw_only=True):
    """Switch all four public access blocks on."""

    bucket: str
    region: str


class PutOwnership(_Action, frozen=True, kw_only=True):
    """Set BucketOwnerEnforced, so that no ACL gives a log away."""

    bucket: str
    region: str


class PutVersioning(_Action, frozen=True, kw_only=True):
    """Switch versioning on."""

    bucket: str
    region: str


class PutRequestPayment(_Action, frozen=True, kw_only=True):
    """Let the owner pay for requests; CloudTrail cannot deliver to a bucket where the requester pays."""

    bucket: str
    region: str


class PutObjectLock(_Action, frozen=True, kw_only=True):
    """Set the default retention of new log versions."""

    bucket: str
    region: str
    mode: str
    days: int


class PutBucketPolicy(_Action, frozen=True, kw_only=True):
    """Set the bucket policy to ``document``, a compact JSON text; ``arms`` says that it begins to deny."""

    bucket: str
    region: str
    document: str
    arms: bool = False


class CreateTrail(_Action, frozen=True, kw_only=True):
    """Create the trail: every region, global services, log file validation; by default the organization's."""

    name: str
    region: str
    bucket: str
    is_organization_trail: bool = True
    recursive_logging: bool = False
    sns_topic: str = ""
    log_group: str = ""
    log_role: str = ""


class UpdateTrail(_Action, frozen=True, kw_only=True):
    """Make an existing trail what ``CreateTrail`` would have made; None or empty leaves it as it is."""

    arn: str
    region: str
    bucket: str
    clear_prefix: bool
    is_organization_trail: bool = True
    recursive_logging: bool | None = None
    sns_topic: str = ""
    log_group: str = ""
    log_role: str = ""


class PutEventSelectors(_Action, frozen=True, kw_only=True):
    """Set what the trail records to ``document``, a JSON list of advanced event selectors."""

    arn: str
    region: str
    document: str


class PutInsightSelectors(_Action, frozen=True, kw_only=True):
    """Set what CloudTrail Insights analyzes to ``document``, a JSON list of insight selectors."""

    arn: str
    region: str
    document: str


class StartLogging(_Action, frozen=True, kw_only=True):
    """Start the trail."""

    arn: str
    region: str


class RegisterDelegatedAdmin(_Action, frozen=True, kw_only=True):
    """Let a member account manage the organization's trails."""

    member: str
    region: str


class EnablePolicyType(_Action, frozen=True, kw_only=True):
    """Enable a type of organization policy at the root."""

    root: str
    policy_type: str


class CreatePolicy(_Action, frozen=True, kw_only=True):
    """Create an organization policy of a type."""

    name: str
    policy_type: str
    description: str
    document: str


class UpdatePolicy(_Action, frozen=True, kw_only=True):
    """Replace the content of an organization policy."""

    policy_id: str
    policy_type: str
    document: str


class AttachPolicy(_Action, frozen=True, kw_only=True):
    """Attach a policy; an empty ``policy_id`` means the one that was just created as ``name``."""

    policy_id: str
    name: str
    target_id: str


class DetachPolicy(_Action, frozen=True, kw_only=True):
    """Detach a policy, to attach it again later in the same plan."""

    policy_id: str
    name: str
    target_id: str


class CreateKey(_Action, frozen=True, kw_only=True):
    """Create the archive's key with its policy, a compact JSON text, and its alias."""

    alias: str
    region: str
    document: str


class EnableKeyRotation(_Action, frozen=True, kw_only=True):
    """Let KMS renew the key material every year; what the old material encrypted stays readable."""

    key: str
    region: str


class PutKeyPolicy(_Action, frozen=True, kw_only=True):
    """Set the policy of the key to ``document``, a compact JSON text."""

    key: str
    region: str
    document: str


class PutBucketEncryption(_Action, frozen=True, kw_only=True):
    """Set the default encryption of new objects; an empty ``kms_key`` means keys of S3's own."""

    bucket: str
    region: str
    kms_key: str


class SetTrailKey(_Action, frozen=True, kw_only=True):
    """Let the trail encrypt logs and digests with a key; an empty ``kms_key`` means keys of S3's own."""

    arn: str
    region: str
    kms_key: str


class PutAccountPublicAccessBlock(_Action, frozen=True, kw_only=True):
    """Switch all four public access blocks on for the whole account."""

    region: str


class PutLifecycle(_Action, frozen=True, kw_only=True):
    """Set the lifecycle rules of the bucket to ``document``, a JSON list; it replaces all of them."""

    bucket: str
    region: str
    document: str


class PutTags(_Action, frozen=True, kw_only=True):
    """Set the tags of the bucket; it replaces all of them, so those of others are among ``tags``."""

    bucket: str
    region: str
    tags: tuple[Tag, ...]


Action = (
    CreateAccount
    | EnableTrustedAccess
    | CreateBucket
    | PutPublicAccessBlock
    | PutOwnership
    | PutVersioning
    | PutRequestPayment
    | PutObjectLock
    | PutBucketPolicy
    | CreateTrail
    | UpdateTrail
    | PutEventSelectors
    | PutInsightSelectors
    | StartLogging
    | RegisterDelegatedAdmin
    | EnablePolicyType
    | CreatePolicy
    | UpdatePolicy
    | AttachPolicy
    | DetachPolicy
    | CreateKey
    | EnableKeyRotation
    | PutKeyPolicy
    | PutBucketEncryption
    | SetTrailKey
    | PutAccountPublicAccessBlock
    | PutLifecycle
    | PutTags
)


def bind(action: Action, archive_account: str, archive_key: str = NEW_KEY) -> Action:
    """Return the action with the created account in place of NEW_ACCOUNT, the created key of NEW_KEY."""
    text = msgspec.json.encode(action).decode()
    text = text.replace(NEW_ACCOUNT, archive_account).replace(NEW_KEY, archive_key)
    bound: Action = msgspec.json.decode(text, type=Action)
    return bound
