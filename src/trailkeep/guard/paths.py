"""The path of an account through the organization, and the policies on it.

Source: https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps_evaluation.html
"""

from __future__ import annotations

from trailkeep.guard.estate import Estate, Policy, Unreadable

__all__ = ["levels_of", "path_of"]


def path_of(estate: Estate, account: str) -> tuple[str, ...]:
    """Return the ids from the root down to an account, as far as they could be read."""
    parents: dict[str, str] = {}
    if not isinstance(estate.units, Unreadable):
        parents |= {unit.id: unit.parent for unit in estate.units}
    if not isinstance(estate.accounts, Unreadable):
        parents |= {record.id: record.parent for record in estate.accounts}
    path: list[str] = []
    node: str | None = account
    while node and node not in path:
        path.append(node)
        node = parents.get(node)
    return tuple(reversed(path))


def levels_of(
    policies: tuple[Policy, ...] | Unreadable, path: tuple[str, ...]
) -> tuple[tuple[Policy, ...], ...]:
    """Return for each id of a path the policies that are attached to it, as far as they could be read."""
    known = () if isinstance(policies, Unreadable) else policies
    return tuple(
        tuple(
            policy
            for policy in known
            if not isinstance(policy.targets, Unreadable) and node in policy.targets
        )
        for node in path
    )
