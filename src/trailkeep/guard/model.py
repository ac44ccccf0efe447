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
    CreatePolicy,
    CreateTrail,
    DetachPolicy,
    EnablePolicyType,
    EnableTrustedAccess,
    PutBucketPolicy,
    PutEventSelectors,
    PutInsightSelectors,
    PutObjectLock,
    PutOwnership,
    PutPublicAccessBlock,
    PutRequestPayment,
    PutVersioning,
    RegisterDelegatedAdmin,
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
    ObjectLock,
    Policy,
    Trail,
    TrailStatus,
    Unreadable,
)
from trailkeep.guard.plan_archive import OWNERSHIP, PUBLIC_ACCESS

__all__ = ["apply_all", "apply_to"]

_CREATED_ACCOUNT = "900000000000"
_CREATED_POLICY = "p-created0"


def apply_all(estate: Estate, actions: Iterable[Action]) -> Estate:
    """Return the estate after some actions in order; NEW_ACCOUNT becomes the account created on the way."""
    for action in actions:
        account = estate.archive_account
        known = account if isinstance(account, str) else NEW_ACCOUNT
        estate = apply_to(estate, action if isinstance(action, CreateAccount) else bind(action, known))
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
            is_organization_trail=True,
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
        is_organization_trail=True,
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
    if isinstance(estate.service_control_policies, Unreadable):
        return estate
    policies = estate.service_control_policies
    if isinstance(action, CreatePolicy):
        created = Policy(
            id=_CREATED_POLICY, name=action.name, aws_managed=False, content=action.document, targets=()
        )
        return replace(estate, service_control_policies=(*policies, created))
    return replace(
        estate,
        service_control_policies=tuple(
            _repolicied(policy, action) if policy.id == (action.policy_id or _CREATED_POLICY) else policy
            for policy in policies
        ),
    )


def _repolicied(policy: Policy, action: UpdatePolicy | AttachPolicy | DetachPolicy) -> Policy:
    if isinstance(action, UpdatePolicy):
        return replace(policy, content=action.document)
    if isinstance(policy.targets, Unreadable):
        return policy
    others = tuple(target for target in policy.targets if target != action.target_id)
    return replace(
        policy, targets=(*others, action.target_id) if isinstance(action, AttachPolicy) else others
    )
