"""What somebody else's policies would refuse of a plan, asked of the evaluator before AWS is asked.

Only what the archive account's own access role does is looked at: organization policies do not bind the
management account.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from trailkeep.core.errors import UsageError
from trailkeep.guard.blueprint import Blueprint
from trailkeep.guard.callers import as_caller
from trailkeep.guard.changes import (
    Action,
    CreateBucket,
    PutBucketEncryption,
    PutBucketPolicy,
    PutLifecycle,
    PutObjectLock,
    PutOwnership,
    PutPublicAccessBlock,
    PutRequestPayment,
    PutTags,
    PutVersioning,
)
from trailkeep.guard.decisions import Blocked, Decision, unknown
from trailkeep.guard.estate import Bucket, Estate, Policy, Unreadable
from trailkeep.guard.evaluate import Decision as Answer
from trailkeep.guard.evaluate import Evaluation, Layers, Principal, PrincipalKind, Request, evaluate
from trailkeep.guard.paths import levels_of, path_of
from trailkeep.guard.policy import parse_policy
from trailkeep.guard.statement import Policy as Document

__all__ = ["OURS", "meet"]

OURS = "trailkeep-"
"""How the names of our own guards begin; the plan lifts them itself."""

_ASKS: dict[type[Action], str] = {
    CreateBucket: "s3:CreateBucket",
    PutBucketEncryption: "s3:PutEncryptionConfiguration",
    PutBucketPolicy: "s3:PutBucketPolicy",
    PutLifecycle: "s3:PutLifecycleConfiguration",
    PutObjectLock: "s3:PutBucketObjectLockConfiguration",
    PutOwnership: "s3:PutBucketOwnershipControls",
    PutPublicAccessBlock: "s3:PutBucketPublicAccessBlock",
    PutRequestPayment: "s3:PutBucketRequestPayment",
    PutTags: "s3:PutBucketTagging",
    PutVersioning: "s3:PutBucketVersioning",
}
"""The permission that an action on the bucket needs.

Source: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
"""


def meet(blueprint: Blueprint, estate: Estate, archive: Iterable[Decision]) -> Iterator[Decision]:
    """Yield the bucket's decisions, those blocked that a policy of somebody else would refuse."""
    decisions = tuple(archive)
    if not any(type(decision) in _ASKS for decision in decisions):
        yield from decisions
        return
    path = path_of(estate, blueprint.archive_account)
    controls = _foreign(levels_of(estate.service_control_policies, path))
    resource_controls = _foreign(levels_of(estate.resource_control_policies, path))
    for policy in {
        policy.id: policy for level in (*controls, *resource_controls) for policy in level
    }.values():
        if isinstance(policy.content, Unreadable):
            yield unknown(policy.content, f"whether {policy.name} refuses what the bucket needs")
    layers = Layers(
        scps=_parsed(controls),
        rcps=_parsed(resource_controls),
        resource_policy=_bucket_policy(estate),
        management_account_id=blueprint.management_account,
    )
    for decision in decisions:
        yield _met(blueprint, estate, decision, layers)


def _met(blueprint: Blueprint, estate: Estate, decision: Decision, layers: Layers) -> Decision:
    if not isinstance(decision, Action) or type(decision) not in _ASKS:
        return decision
    permission = _ASKS[type(decision)]
    request = _request(blueprint, permission)
    if not blueprint.is_of_organization:
        request = as_caller(blueprint, estate.caller, permission)
    answer = evaluate(request, layers)
    if answer.decision is not Answer.EXPLICIT_DENY:
        return decision
    whom = "the access role" if blueprint.is_of_organization else estate.caller.arn
    return Blocked(action=decision, allow="", reason=_reason(answer, permission, whom))


def _reason(answer: Evaluation, permission: str, whom: str) -> str:
    statement = f"statement {answer.statement!r} of " if answer.statement else ""
    return (
        f"{statement}{answer.policy} refuses {permission} to {whom}; "
        "detach or change that policy by hand, then plan again"
    )


def _request(blueprint: Blueprint, permission: str) -> Request:
    account, role = blueprint.archive_account, blueprint.access_role
    return Request(
        principal=Principal(
            kind=PrincipalKind.IAM,
            arn=f"arn:{blueprint.partition}:sts::{account}:assumed-role/{role}/trailkeep",
        ),
        action=permission,
        resource=f"arn:{blueprint.partition}:s3:::{blueprint.bucket}",
        resource_account_id=account,
        context={
            "aws:PrincipalArn": (f"arn:{blueprint.partition}:iam::{account}:role/{role}",),
            "aws:PrincipalOrgID": (blueprint.organization_id,),
            "aws:ResourceOrgID": (blueprint.organization_id,),
            "aws:RequestedRegion": (blueprint.bucket_region,),
            "aws:SecureTransport": ("true",),
        },
    )


def _foreign(levels: tuple[tuple[Policy, ...], ...]) -> tuple[tuple[Policy, ...], ...]:
    return tuple(
        tuple(policy for policy in level if not policy.name.startswith(OURS) and not policy.aws_managed)
        for level in levels
    )


def _parsed(levels: tuple[tuple[Policy, ...], ...]) -> tuple[tuple[Document, ...], ...]:
    """Return the documents of each level; a missing allow restricts nothing here."""
    return tuple(
        tuple(document for policy in level if (document := _document(policy)) is not None) for level in levels
    )


def _document(policy: Policy) -> Document | None:
    if isinstance(policy.content, Unreadable):
        return None
    return _read(policy.content, f"{policy.name} ({policy.id})")


def _bucket_policy(estate: Estate) -> Document | None:
    bucket = estate.bucket
    if not isinstance(bucket, Bucket) or not isinstance(bucket.policy, str):
        return None
    return _read(bucket.policy, f"the bucket policy of {bucket.name}")


def _read(text: str, name: str) -> Document | None:
    """Return a policy; a text that AWS would not take either refuses nothing."""
    try:
        return parse_policy(text, name=name)
    except UsageError:
        return None
