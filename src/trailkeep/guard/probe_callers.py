"""The callers that a guard is probed with, and the condition keys that AWS sends with their calls."""

from __future__ import annotations

from collections.abc import Iterator

from trailkeep.guard.attached import AttachedPolicies
from trailkeep.guard.estate import Bucket, Estate, Organization, Unreadable
from trailkeep.guard.matching import split_arn
from trailkeep.guard.principals import Principal, PrincipalKind

__all__ = [
    "STRANGER",
    "administrator",
    "archive_account",
    "call_context",
    "members",
    "owner_of",
    "root",
    "strangers",
]

STRANGER = "999999999999"
"""An account that is in nobody's organization."""


def administrator(estate: Estate, account: str) -> Principal:
    """Return a role session with every permission that an account can give."""
    return Principal(
        kind=PrincipalKind.IAM,
        arn=f"arn:{estate.caller.partition}:sts::{account}:assumed-role/trailkeep-probe/probe",
    )


def root(account: str) -> Principal:
    """Return the root user of an account."""
    return Principal(kind=PrincipalKind.ROOT, account_id=account)


def strangers(estate: Estate) -> Iterator[Principal]:
    """Yield who has no credentials, and an administrator of an account outside of the organization."""
    yield Principal(kind=PrincipalKind.ANONYMOUS)
    yield administrator(estate, STRANGER)


def members(attached: AttachedPolicies) -> tuple[str, ...]:
    """Return CloudTrail's delegated administrators, and one member for each different set of policies."""
    estate = attached.estate
    if isinstance(estate.accounts, Unreadable) or not isinstance(estate.organization, Organization):
        return ()
    admins = estate.delegated_administrators
    delegated = () if isinstance(admins, Unreadable) else admins
    kept: dict[tuple[tuple[str, ...], ...], str] = {}
    for account in estate.accounts:
        if account.id != estate.organization.management_account:
            kept.setdefault(attached.attached_to(account.id), account.id)
    return tuple(dict.fromkeys([*delegated, *kept.values()]))


def archive_account(estate: Estate) -> str:
    """Return the account of the bucket, else the one meant to have it; empty where neither is known."""
    if isinstance(estate.bucket, Bucket):
        return estate.bucket.owner
    return estate.archive_account if isinstance(estate.archive_account, str) else ""


def owner_of(arn: str) -> str:
    """Return the account in an ARN; empty where it is none."""
    segments = split_arn(arn)
    return segments[4] if segments else ""


def call_context(attached: AttachedPolicies, caller: Principal) -> dict[str, tuple[str, ...]]:
    """Return the condition keys that AWS sends with every call of a caller."""
    context: dict[str, tuple[str, ...]] = {
        "aws:SecureTransport": ("true",),
        "aws:RequestedRegion": ("us-east-1",),
    }
    organization = attached.estate.organization
    if isinstance(organization, Organization):
        context["aws:ResourceOrgID"] = (organization.id,)
        path = attached.path(caller.account)
        if len(path) > 1:
            context["aws:PrincipalOrgID"] = (organization.id,)
            context["aws:PrincipalOrgPaths"] = ("/".join((organization.id, *path[:-1], "")),)
    return context
