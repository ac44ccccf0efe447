"""What the embedded AWS holds at this moment, read from moto's backends in process."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from moto.cloudtrail.models import Trail, cloudtrail_backends
from moto.organizations.models import (
    FakeAccount,
    FakeOrganizationalUnit,
    FakeRoot,
    OrganizationsBackend,
    organizations_backends,
)
from moto.s3.models import FakeBucket, s3_backends

from trailkeep.guard.policy import parse_policy
from trailkeep.guard.statement import Policy

__all__ = [
    "CLOUDTRAIL",
    "MANAGEMENT_ACCOUNT_ID",
    "OrganizationPath",
    "PolicyType",
    "enabled_policy_types",
    "find_account",
    "find_bucket",
    "has_trusted_access",
    "is_member",
    "organization",
    "organization_path",
    "read_policy",
    "trails",
]

MANAGEMENT_ACCOUNT_ID = "111111111111"
CLOUDTRAIL = "cloudtrail.amazonaws.com"

_Node = FakeAccount | FakeOrganizationalUnit


class PolicyType(StrEnum):
    """The organization policies that authorize."""

    SCP = "SERVICE_CONTROL_POLICY"
    RCP = "RESOURCE_CONTROL_POLICY"


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganizationPath:
    """Where an account hangs: the ids from the root down to the account, empty outside the organization."""

    nodes: tuple[str, ...]
    scps: tuple[tuple[Policy, ...], ...]
    rcps: tuple[tuple[Policy, ...], ...]


def organization() -> OrganizationsBackend:
    """Return the management account's organization."""
    return organizations_backends[MANAGEMENT_ACCOUNT_ID]["aws"]


def find_account(account_id: str) -> FakeAccount | None:
    """Return an account of the organization, or ``None`` for a stranger."""
    return next((account for account in organization().accounts if account.id == account_id), None)


def is_member(account_id: str) -> bool:
    """Say whether an account belongs to the organization without being its management account."""
    return account_id != MANAGEMENT_ACCOUNT_ID and find_account(account_id) is not None


def organization_path(account_id: str) -> OrganizationPath:
    """Return the policies attached along an account's path, of the types that are enabled."""
    nodes = _nodes(account_id)
    return OrganizationPath(
        nodes=tuple(node.id for node in nodes),
        scps=_attached(nodes, PolicyType.SCP),
        rcps=_attached(nodes, PolicyType.RCP),
    )


def _nodes(account_id: str) -> list[_Node]:
    units = {unit.id: unit for unit in organization().ou}
    account = find_account(account_id)
    nodes: list[_Node] = [account] if account else []
    while nodes and (parent := units.get(str(nodes[0].parent_id))):
        nodes.insert(0, parent)
    return nodes


def _attached(nodes: list[_Node], kind: PolicyType) -> tuple[tuple[Policy, ...], ...]:
    if not nodes or kind not in enabled_policy_types():
        return ()
    return tuple(
        tuple(
            read_policy(str(policy.content), str(policy.name))
            for policy in node.attached_policies
            if policy.type == kind
        )
        for node in nodes
    )


def enabled_policy_types() -> set[str]:
    """Return the policy types that are enabled in the organization's root."""
    roots = (unit for unit in organization().ou if isinstance(unit, FakeRoot))
    return {entry["Type"] for root in roots for entry in root.policy_types}


@lru_cache(maxsize=256)
def read_policy(document: str, name: str) -> Policy:
    """Parse a policy document, once for each text."""
    return parse_policy(document, name=name)


def find_bucket(name: str) -> FakeBucket | None:
    """Return a bucket of any account, or ``None``."""
    owner = s3_backends.bucket_accounts.get(name)
    return s3_backends[owner[1]][owner[0]].buckets.get(name) if owner else None


def has_trusted_access() -> bool:
    """Say whether the organization trusts CloudTrail."""
    return any(service["ServicePrincipal"] == CLOUDTRAIL for service in organization().services)


def trails(account_id: str) -> Iterator[Trail]:
    """Yield the trails that an account owns, in every Region."""
    if account_id in cloudtrail_backends:
        for backend in list(cloudtrail_backends[account_id].values()):
            yield from list(backend.trails.values())
