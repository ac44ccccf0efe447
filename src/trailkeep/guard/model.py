"""What an action does to an estate, as a pure function: the plan's own idea of AWS.

``plan(blueprint, apply_all(estate, plan.actions))`` is empty; the property tests hold the planner to it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import assert_never

from msgspec.structs import replace

from trailkeep.guard.blueprint import NEW_ACCOUNT
from trailkeep.guard.changes import (
    Action,
    AttachPolicy,
    CreateAccount,
    CreateBucket,
    CreateKey,
    CreatePolicy,
    CreateTrail,
    DetachPolicy,
    EnableKeyRotation,
    EnablePolicyType,
    EnableTrustedAccess,
    PutAccountPublicAccessBlock,
    PutBucketEncryption,
    PutBucketPolicy,
    PutEventSelectors,
    PutInsightSelectors,
    PutKeyPolicy,
    PutLifecycle,
    PutObjectLock,
    PutOwnership,
    PutPublicAccessBlock,
    PutRequestPayment,
    PutTags,
    PutVersioning,
    RegisterDelegatedAdmin,
    SetTrailKey,
    StartLogging,
    UpdatePolicy,
    UpdateTrail,
    bind,
)
from trailkeep.guard.estate import (
    Absent,
    Account,
    Bucket,
    Encryption,
    Estate,
    Key,
    ObjectLock,
    Policy,
    Trail,
    TrailStatus,
    Unreadable,
)
from trailkeep.guard.guard_documents import POLICIES
from trailkeep.guard.key_policy import NEW_KEY, OWN_MATERIAL
from trailkeep.guard.plan_archive import OWNERSHIP, PUBLIC_ACCESS

__all__ = ["apply_all", "apply_to"]

_CREATED_ACCOUNT = "900000000000"
_CREATED_POLICY = "p-created"
_CREATED_KEY = "00000000-0000-4000-8000-000000000000"


def apply_all(estate: Estate, actions: Iterable[Action]) -> Estate:
    """Return the estate after some actions in order; NEW_ACCOUNT becomes the account created on the way."""
    for action in actions:
        account = estate.archive_account
        known = account if isinstance(account, str) else NEW_ACCOUNT
        key = estate.key.arn if isinstance(estate.key, Key) else NEW_KEY
        estate = apply_to(estate, action if isinstance(action, CreateAccount) else bind(action, known, key))
    return estate


def apply_to(estate: Estate, action: Action) -> Estate:
    """Return the estate after one action; an action on what was not observed changes nothing."""
    match action:
        case CreateAccount():
            return _with_account(estate, action)
        case EnableTrustedAccess():
            known = () if isinstance(estate.trusted_services, Unreadable) else estate.trusted_services
            return replace(estate, trusted_services=(*known, action.service))
        case (
            CreateBucket()
            | PutPublicAccessBlock()
            | PutOwnership()
            | PutVersioning()
            | PutRequestPayment()
            | PutObjectLock()
            | PutBucketPolicy()
        ):
            return _with_bucket(estate, action)
        case CreateTrail() | UpdateTrail() | StartLogging() | PutEventSelectors() | PutInsightSelectors():
            return _with_trail(estate, action)
        case RegisterDelegatedAdmin(member=member):
            admins = estate.delegated_administrators
            known = () if isinstance(admins, Unreadable) else admins
            return replace(estate, delegated_administrators=(*known, member))
        case EnablePolicyType() | CreatePolicy() | UpdatePolicy() | AttachPolicy() | DetachPolicy():
            return _with_guard(estate, action)
        case CreateKey() | EnableKeyRotation() | PutKeyPolicy() | PutBucketEncryption() | SetTrailKey():
            return _with_encryption(estate, action)
        case PutAccountPublicAccessBlock() | PutLifecycle() | PutTags():
            return _with_storage(estate, action)
        case _:
            assert_never(action)


def _with_account(estate: Estate, action: CreateAccount) -> Estate:
    if isinstance(estate.accounts, Unreadable) or isinstance(estate.roots, Unreadable):
        return estate
    account = Account(
        id=_CREATED_ACCOUNT,
        name=action.name,
        email=action.email,
        status="ACTIVE",
        parent=estate.roots[0].id,
    )
    return replace(estate, accounts=(*estate.accounts, account), archive_account=account.id)


def _with_bucket(
    estate: Estate,
    action: CreateBucket
    | PutPublicAccessBlock
    | PutOwnership
    | PutVersioning
    | PutRequestPayment
    | PutObjectLock
    | PutBucketPolicy,
) -> Estate:
    if isinstance(action, CreateBucket):
        return replace(estate, bucket=_new_bucket(action))
    if not isinstance(estate.bucket, Bucket):
        return estate
    bucket = estate.bucket
    match action:
        case PutPublicAccessBlock():
            bucket = replace(bucket, public_access_block=PUBLIC_ACCESS)
        case PutOwnership():
            bucket = replace(bucket, ownership=OWNERSHIP)
        case PutVersioning():
            bucket = replace(bucket, versioning="Enabled")
        case PutRequestPayment():
            bucket = replace(bucket, request_payer="BucketOwner")
        case PutObjectLock():
            bucket = replace(bucket, object_lock=ObjectLock(mode=action.mode, days=action.days))
        case PutBucketPolicy():
            bucket = replace(bucket, policy=action.document)
        case _:
            assert_never(action)
    return replace(estate, bucket=bucket)


def _new_bucket(action: CreateBucket) -> Bucket:
    """Return a bucket as S3 makes it: encrypted, versioned because of Object Lock, nothing else."""
    return Bucket(
        name=action.bucket,
        owner=action.account,
        region=action.region,
        versioning="Enabled",
        public_access_block=Absent(),
        ownership=OWNERSHIP,
        object_lock=ObjectLock(mode="", days=0),
        policy=Absent(),
        encryption=Encryption(algorithm="AES256", kms_key="", bucket_key=False),
        lifecycle=Absent(),
        request_payer="BucketOwner",
    )


def _with_trail(
    estate: Estate,
    action: CreateTrail | UpdateTrail | StartLogging | PutEventSelectors | PutInsightSelectors,
) -> Estate:
    if isinstance(estate.trails, Unreadable):
        return estate
    if isinstance(action, CreateTrail):
        return replace(estate, trails=(*estate.trails, _new_trail(action)))
    trails = tuple(_changed(trail, action) if trail.arn == action.arn else trail for trail in estate.trails)
    return replace(estate, trails=trails)


def _changed(
    trail: Trail, action: UpdateTrail | StartLogging | PutEventSelectors | PutInsightSelectors
) -> Trail:
    if isinstance(action, PutEventSelectors):
        said = f'{{"AdvancedEventSelectors":{action.document}}}'
        return replace(trail, has_custom_event_selectors=True, event_selectors=said)
    if isinstance(action, PutInsightSelectors):
        off = action.document == "[]"
        return replace(trail, insight_selectors=Absent() if off else action.document)
    if isinstance(action, UpdateTrail):
        recursive = action.recursive_logging
        return replace(
            trail,
            bucket=action.bucket,
            prefix="",
            is_organization_trail=action.is_organization_trail,
            is_multi_region=True,
            includes_global_events=True,
            validates_logs=True,
            recursive_logging=trail.recursive_logging if recursive is None else recursive,
            sns_topic=action.sns_topic or trail.sns_topic,
            log_group=action.log_group or trail.log_group,
            log_role=action.log_role or trail.log_role,
        )
    return replace(trail, status=_status(is_logging=True))


def _new_trail(action: CreateTrail) -> Trail:
    return Trail(
        name=action.name,
        arn=action.target,
        home_region=action.region,
        bucket=action.bucket,
        prefix="",
        kms_key="",
        is_organization_trail=action.is_organization_trail,
        is_multi_region=True,
        includes_global_events=True,
        validates_logs=True,
        has_custom_event_selectors=False,
        recursive_logging=action.recursive_logging,
        sns_topic=action.sns_topic,
        log_group=action.log_group,
        log_role=action.log_role,
        status=_status(is_logging=False),
    )


def _status(*, is_logging: bool) -> TrailStatus:
    return TrailStatus(
        is_logging=is_logging,
        latest_delivery_error="",
        latest_digest_delivery_error="",
        latest_delivery_at=None,
    )


def _with_guard(
    estate: Estate, action: EnablePolicyType | CreatePolicy | UpdatePolicy | AttachPolicy | DetachPolicy
) -> Estate:
    if isinstance(action, EnablePolicyType):
        if isinstance(estate.roots, Unreadable):
            return estate
        roots = tuple(
            replace(root, policy_types=(*root.policy_types, action.policy_type))
            if root.id == action.root
            else root
            for root in estate.roots
        )
        return replace(estate, roots=roots)
    if isinstance(action, CreatePolicy):
        return _with_policy(estate, action)
    return replace(
        estate,
        service_control_policies=_each_policy(estate.service_control_policies, action),
        resource_control_policies=_each_policy(estate.resource_control_policies, action),
    )


def _with_policy(estate: Estate, action: CreatePolicy) -> Estate:
    field = POLICIES[action.policy_type]
    policies: tuple[Policy, ...] | Unreadable = getattr(estate, field)
    if isinstance(policies, Unreadable):
        return estate
    created = Policy(
        id=f"{_CREATED_POLICY}{_created(estate)}",
        name=action.name,
        aws_managed=False,
        content=action.document,
        targets=(),
    )
    return replace(estate, **{field: (*policies, created)})


def _created(estate: Estate) -> int:
    """Return how many policies were created here."""
    lists = [getattr(estate, field) for field in POLICIES.values()]
    known = [policy for policies in lists if not isinstance(policies, Unreadable) for policy in policies]
    return sum(policy.id.startswith(_CREATED_POLICY) for policy in known)


def _each_policy(
    policies: tuple[Policy, ...] | Unreadable, action: UpdatePolicy | AttachPolicy | DetachPolicy
) -> tuple[Policy, ...] | Unreadable:
    if isinstance(policies, Unreadable):
        return policies
    return tuple(
        _changed_policy(policy, action) if _is_meant(policy, action) else policy for policy in policies
    )


def _is_meant(policy: Policy, action: UpdatePolicy | AttachPolicy | DetachPolicy) -> bool:
    """Return whether an action is about a policy: by its id, or by the name it was just created with."""
    if action.policy_id or isinstance(action, UpdatePolicy):
        return policy.id == action.policy_id
    return policy.name == action.name


def _changed_policy(policy: Policy, action: UpdatePolicy | AttachPolicy | DetachPolicy) -> Policy:
    if isinstance(action, UpdatePolicy):
        return replace(policy, content=action.document)
    if isinstance(policy.targets, Unreadable):
        return policy
    others = tuple(target for target in policy.targets if target != action.target_id)
    return replace(
        policy, targets=(*others, action.target_id) if isinstance(action, AttachPolicy) else others
    )


def _with_encryption(
    estate: Estate, action: CreateKey | EnableKeyRotation | PutKeyPolicy | PutBucketEncryption | SetTrailKey
) -> Estate:
    match action:
        case CreateKey():
            return replace(estate, key=_new_key(estate, action))
        case EnableKeyRotation() if isinstance(estate.key, Key):
            return replace(estate, key=replace(estate.key, rotates=True))
        case PutKeyPolicy() if isinstance(estate.key, Key):
            return replace(estate, key=replace(estate.key, policy=action.document))
        case PutBucketEncryption() if isinstance(estate.bucket, Bucket):
            encryption = Encryption(
                algorithm="aws:kms" if action.kms_key else "AES256",
                kms_key=action.kms_key,
                bucket_key=action.kms_key != "",
            )
            return replace(estate, bucket=replace(estate.bucket, encryption=encryption))
        case SetTrailKey() if not isinstance(estate.trails, Unreadable):
            trails = tuple(
                replace(trail, kms_key=action.kms_key) if trail.arn == action.arn else trail
                for trail in estate.trails
            )
            return replace(estate, trails=trails)
        case _:
            return estate


def _new_key(estate: Estate, action: CreateKey) -> Key:
    partition = estate.caller.partition
    return Key(
        arn=f"arn:{partition}:kms:{action.region}:{action.account}:key/{_CREATED_KEY}",
        alias=action.alias,
        state="Enabled",
        manager="CUSTOMER",
        origin=OWN_MATERIAL,
        rotates=False,
        policy=action.document,
    )


def _with_storage(estate: Estate, action: PutAccountPublicAccessBlock | PutLifecycle | PutTags) -> Estate:
    if isinstance(action, PutAccountPublicAccessBlock):
        return replace(estate, account_public_access_block=PUBLIC_ACCESS)
    if not isinstance(estate.bucket, Bucket):
        return estate
    if isinstance(action, PutLifecycle):
        return replace(estate, bucket=replace(estate.bucket, lifecycle=action.document))
    return replace(estate, bucket=replace(estate.bucket, tags=action.tags))
