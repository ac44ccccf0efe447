"""The organization's policies on the archive account, explained: SCPs and RCPs from the root down to it.

AWS's own policies (``FullAWSAccess``) allow everything and are left out. What an SCP leaves to root is judged
together with the others of the path, as they bind together.
"""

from __future__ import annotations

from collections.abc import Iterator

from trailkeep.core.errors import UsageError
from trailkeep.guard.delivery import Kind
from trailkeep.guard.estate import Policy, Unreadable
from trailkeep.guard.explain import Explained, explain
from trailkeep.guard.guard_documents import RCP, SCP
from trailkeep.guard.live import Absence, Judged, unread
from trailkeep.guard.paths import path_of
from trailkeep.guard.policy import parse_policy
from trailkeep.guard.statement import Policy as Document

__all__ = ["explain_organization"]


def explain_organization(judged: Judged) -> Iterator[Explained | Absence]:
    """Yield what is said of each policy that binds the archive account or its resources."""
    estate = judged.estate
    if not judged.organization_id:
        for kind in (Kind.SCP, Kind.RCP):
            yield Absence(kind=kind, reason="one account is meant, so its organization was not looked at")
        return
    yield from _kind(judged, Kind.SCP, SCP, estate.service_control_policies)
    yield from _kind(judged, Kind.RCP, RCP, estate.resource_control_policies)


def _kind(
    judged: Judged, kind: Kind, policy_type: str, policies: tuple[Policy, ...] | Unreadable
) -> Iterator[Explained | Absence]:
    said = [*_unread(judged, kind, policies), *_attached(judged, kind, policies)]
    yield from said
    if said:
        return
    roots = judged.estate.roots
    is_on = isinstance(roots, Unreadable) or any(policy_type in root.policy_types for root in roots)
    account = judged.estate.archive_account
    if not isinstance(account, str):
        yield Absence(kind=kind, reason="there is no archive account that could have one")
    elif not is_on:
        yield Absence(kind=kind, reason=f"policies of type {policy_type} are not enabled")
    else:
        yield Absence(kind=kind, reason=f"none but AWS's own is attached on the path of account {account}")


def _unread(judged: Judged, kind: Kind, policies: tuple[Policy, ...] | Unreadable) -> Iterator[Explained]:
    """Yield what hides policies: a list, the tree above the account, or what a policy is attached to."""
    estate, each = judged.estate, f"every {kind.upper()}"
    if isinstance(policies, Unreadable):
        yield unread(each, kind, policies, "the list of the organization")
        return
    for fact in dict.fromkeys((estate.units, estate.accounts)):
        if isinstance(fact, Unreadable):
            yield unread(f"{each} above the archive account", kind, fact, "the path of the account")
    if isinstance(estate.archive_account, Unreadable):
        yield unread(f"{each} of the archive account", kind, estate.archive_account, "the account")
    for policy in policies:
        if not policy.aws_managed and isinstance(policy.targets, Unreadable):
            yield unread(_name(policy), kind, policy.targets, "what it is attached to")


def _attached(judged: Judged, kind: Kind, policies: tuple[Policy, ...] | Unreadable) -> Iterator[Explained]:
    """Yield the policies on the path of the archive account."""
    account = judged.estate.archive_account
    if isinstance(policies, Unreadable) or not isinstance(account, str):
        return
    path = path_of(judged.estate, account)
    binding = [policy for policy in policies if not policy.aws_managed and _targets(policy, path)]
    documents = {policy.id: document for policy in binding if (document := _document(policy))}
    for policy in binding:
        file = f"{_name(policy)} on {', '.join(_targets(policy, path))}"
        if isinstance(policy.content, Unreadable):
            yield unread(file, kind, policy.content)
            continue
        beside = tuple(document for key, document in documents.items() if key != policy.id)
        yield explain(file, policy.content, values=judged.values, kind=kind, beside=beside, reveals=False)


def _targets(policy: Policy, path: tuple[str, ...]) -> list[str]:
    targets = () if isinstance(policy.targets, Unreadable) else policy.targets
    return [node for node in path if node in targets]


def _document(policy: Policy) -> Document | None:
    """Return a policy; a text that AWS would not take denies nothing."""
    if isinstance(policy.content, Unreadable):
        return None
    try:
        return parse_policy(policy.content, name=_name(policy))
    except UsageError:
        return None


def _name(policy: Policy) -> str:
    return f"{policy.name} ({policy.id})"
