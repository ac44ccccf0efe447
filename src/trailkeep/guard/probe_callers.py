"""The callers that a guard is probed with, and the condition keys that AWS sends with their calls."""

from __future__ import annotations

from collections.abc import Iterator

from trailkeep.guard.estate import Bucket, Estate, Organization, Policy, Unreadable
from trailkeep.guard.paths import path_of
from trailkeep.guard.principals import Principal, PrincipalKind

__all__ = [
    "STRANGER",
    "administrator",
    "archive_account",
    "call_context",
    "insiders",
    "members",
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


def insiders(estate: Estate, archive: str) -> Iterator[Principal]:
    """Yield an administrator of each member but the archive account, and one of the management account."""
    for member in members(estate):
        if member != archive:
            yield administrator(estate, member)
    if isinstance(estate.organization, Organization):
        yield administrator(estate, estate.organization.management_account)


def members(estate: Estate) -> tuple[str, ...]:
    """Return CloudTrail's delegated administrators, and one member for each different set of policies."""
    if isinstance(estate.accounts, Unreadable) or not isinstance(estate.organization, Organization):
        return ()
    delegated = (
        () if isinstance(estate.delegated_administrators, Unreadable) else estate.delegated_administrators
    )
    attached = _attached(estate)
    kept: dict[tuple[tuple[str, ...], ...], str] = {}
    for account in estate.accounts:
        if account.id == estate.organization.management_account:
            continue
        key = tuple(attached.get(node, ()) for node in path_of(estate, account.id))
        kept.setdefault(key, account.id)
    return tuple(dict.fromkeys([*delegated, *kept.values()]))


def _attached(estate: Estate) -> dict[str, tuple[str, ...]]:
    """Return the policies that are attached to each root, unit and account."""
    found: dict[str, tuple[str, ...]] = {}
    for policies in (estate.service_control_policies, estate.resource_control_policies):
        for policy in () if isinstance(policies, Unreadable) else policies:
            for target in _targets(policy):
                found[target] = (*found.get(target, ()), policy.id)
    return found


def _targets(policy: Policy) -> tuple[str, ...]:
    return () if isinstance(policy.targets, Unreadable) else policy.targets


def archive_account(estate: Estate) -> str:
    """Return the account of the bucket, else the one meant to have it; empty where neither is known."""
    if isinstance(estate.bucket, Bucket):
        return estate.bucket.owner
    return estate.archive_account if isinstance(estate.archive_account, str) else ""


def call_context(estate: Estate, caller: Principal) -> dict[str, tuple[str, ...]]:
    """Return the condition keys that AWS sends with every call of a caller."""
    context: dict[str, tuple[str, ...]] = {
        "aws:SecureTransport": ("true",),
        "aws:RequestedRegion": ("us-east-1",),
    }
    organization = estate.organization
    accounts = () if isinstance(estate.accounts, Unreadable) else estate.accounts
    if isinstance(organization, Organization):
        context["aws:ResourceOrgID"] = (organization.id,)
        if any(account.id == caller.account for account in accounts):
            path = "/".join((organization.id, *path_of(estate, caller.account)[:-1], ""))
            context["aws:PrincipalOrgID"] = (organization.id,)
            context["aws:PrincipalOrgPaths"] = (path,)
    return context
