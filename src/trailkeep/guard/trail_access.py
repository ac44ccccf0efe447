"""Whether the policies of bucket and key let CloudTrail deliver: for our trail, and for a stranger's.

Source: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/create-s3-bucket-policy-for-cloudtrail.html,
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/create-kms-key-policy-for-cloudtrail.html
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from trailkeep.guard.attached import AttachedPolicies
from trailkeep.guard.estate import Bucket, Estate, Key, Organization, Unasked, Unreadable
from trailkeep.guard.evaluate import Decision, Principal, PrincipalKind, Request, evaluate
from trailkeep.guard.probe_callers import STRANGER, owner_of

__all__ = ["Delivery", "deliveries", "stranger_trail"]

_CLOUDTRAIL = "cloudtrail.amazonaws.com"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One call that CloudTrail makes to deliver, and whether it is allowed."""

    name: str
    action: str
    is_allowed: bool
    reason: str


def deliveries(
    attached: AttachedPolicies, service: Literal["s3", "kms"], *, trail: str, prefix: str
) -> tuple[Delivery, ...] | Unreadable:
    """Return what CloudTrail asks of a service to deliver for a trail, and whether the policies allow it.

    The folders are those of our organization, whosever the trail is: a stranger chooses the prefix of a trail
    of its own, so the path keeps nobody out.
    """
    if why := attached.unreadable(bucket=service == "s3", key=service == "kms"):
        return why
    estate = attached.estate
    account = owner_of(trail)
    organization = estate.organization
    is_ours = isinstance(organization, Organization) and account == organization.management_account
    context = {
        "aws:SecureTransport": ("true",),
        "aws:SourceArn": (trail,),
        "aws:SourceAccount": (account,),
        "s3:x-amz-acl": ("bucket-owner-full-control",),
        "kms:EncryptionContext:aws:cloudtrail:arn": (trail,),
    }
    if isinstance(organization, Organization) and is_ours:
        context["aws:SourceOrgID"] = (organization.id,)
    found: list[Delivery] = []
    for name, action, resource, owner in _steps(estate, service, prefix):
        request = Request(
            principal=Principal(kind=PrincipalKind.SERVICE, service=_CLOUDTRAIL),
            action=action,
            resource=resource,
            resource_account_id=owner,
            context=context,
        )
        answer = evaluate(request, attached.around(request))
        is_allowed = answer.decision is Decision.ALLOW
        found.append(Delivery(name=name, action=action, is_allowed=is_allowed, reason=answer.reason))
    return tuple(found)


def stranger_trail(partition: str) -> str:
    """Return the ARN of a trail of an account that is in nobody's organization."""
    return f"arn:{partition}:cloudtrail:us-east-1:{STRANGER}:trail/probe"


def _steps(estate: Estate, service: str, prefix: str) -> Iterator[tuple[str, str, str, str]]:
    """Yield what CloudTrail does to deliver: name, action, resource, owner."""
    bucket = estate.bucket
    if service == "s3" and isinstance(bucket, Bucket):
        arn, owner = f"arn:{estate.caller.partition}:s3:::{bucket.name}", bucket.owner
        root = f"{arn}/{prefix}/AWSLogs" if prefix else f"{arn}/AWSLogs"
        yield "check the bucket", "s3:GetBucketAcl", arn, owner
        for folder in _folders(estate):
            yield f"write to AWSLogs/{folder}/", "s3:PutObject", f"{root}/{folder}/probe", owner
    if service == "kms" and isinstance(estate.key, Key):
        owner = owner_of(estate.key.arn)
        yield "make data keys", "kms:GenerateDataKey", estate.key.arn, owner


def _folders(estate: Estate) -> tuple[str, ...]:
    """Return the folders of the archive: those of the organization, or that of the one account."""
    match estate.organization:
        case Organization(id=identity, management_account=management):
            return management, identity
        case Unasked():
            return (estate.caller.account,)
        case _:
            return ()
