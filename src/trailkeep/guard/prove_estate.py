"""The guards that an estate shows: what is attached along every path, the bucket's policy and the key's.

Whatever could not be read, or is no policy, becomes a reason in ``unread``.

Source: https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps_evaluation.html
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import assert_never

from trailkeep.core.errors import UsageError
from trailkeep.guard.estate import (
    Absent,
    Account,
    Bucket,
    Estate,
    ForeignBucket,
    Key,
    Organization,
    Unasked,
    Unreadable,
)
from trailkeep.guard.estate import Policy as Attached
from trailkeep.guard.facts import ArchiveFacts, observed
from trailkeep.guard.guard_documents import RCP, SCP
from trailkeep.guard.paths import path_of
from trailkeep.guard.policy import parse_policy
from trailkeep.guard.prove_accounts import completed, fresh_account, grouped, mentions, told_apart
from trailkeep.guard.prove_callers import DELEGATION
from trailkeep.guard.prove_guards import Guard, Guards, Levels, MemberPath
from trailkeep.guard.prove_organizations import are_told_apart
from trailkeep.guard.prove_prefix import any_prefix, named_prefixes
from trailkeep.guard.statement import Policy
from trailkeep.guard.threat import Control

__all__ = ["estate_guards"]

_SCPS = (Control.ARCHIVE_SCP, Control.ORGANIZATION_SCP)
_MEMBER = "333333333333"
_NO_ORGANIZATION = (Absent, Unasked)


def estate_guards(estate: Estate, *, trail: str = "") -> Guards:
    """Return what guards the archive of an estate.

    Args:
        estate: what was observed.
        trail: the name of the trail; without it the organization trail that delivers to the bucket.
    """
    return _Reader(estate=estate, facts=observed(estate, trail=trail or _own_trail(estate))).guards()


def _own_trail(estate: Estate) -> str:
    """Return the name of the trail that delivers to the bucket where no organization is looked at."""
    if isinstance(estate.organization, Organization) or isinstance(estate.trails, Unreadable):
        return ""
    bucket = estate.bucket.name if isinstance(estate.bucket, Bucket) else ""
    return next((trail.name for trail in estate.trails if trail.bucket == bucket), "")


@dataclass(slots=True, kw_only=True)
class _Reader:
    """Reads one estate; what cannot be read is noted on the way."""

    estate: Estate
    facts: ArchiveFacts
    unread: dict[Control, str] = field(default_factory=dict)
    texts: list[str] = field(default_factory=list)
    policies: list[Policy] = field(default_factory=list)

    def guards(self) -> Guards:
        bucket_policy, key_policy = self.bucket_policy(), self.key_policy()
        archive = self.facts.archive_account
        path = path_of(self.estate, archive) if archive else ()
        scps = self.attached(SCP, archive_path=path[1:])
        rcps = self.attached(RCP, archive_path=path[1:])
        facts, notes = completed(self.facts, self.texts, knows_organization=not self.tells_organizations())
        named = mentions(self.texts) | set(facts.delegates or ())
        return Guards(
            facts=facts,
            scps=_levels(scps, path),
            rcps=_levels(rcps, path),
            bucket_policy=bucket_policy,
            key_policy=key_policy,
            members=(
                *self.unknown_members(facts),
                *grouped(self.member_paths(scps), named, extra=self.units()),
            ),
            unread=self.unread,
            problems=tuple(self.unread_account()),
            notes=(*notes, *self.any_prefix(), *self.alone()),
            has_organization=not isinstance(self.estate.organization, _NO_ORGANIZATION),
        )

    def attached(self, kind: str, *, archive_path: tuple[str, ...]) -> dict[str, tuple[Guard, ...]]:
        """Return what is attached to each node of the organization."""
        controls = _SCPS if kind == SCP else (Control.RCP,)
        estate = self.estate
        if isinstance(estate.organization, Absent):
            return {}
        policies = estate.service_control_policies if kind == SCP else estate.resource_control_policies
        for read in (estate.organization, estate.roots, estate.units, estate.accounts, policies):
            if isinstance(read, Unreadable):
                self.note(controls, read)
        if isinstance(policies, Unreadable) or not self.is_enabled(kind):
            return {}
        nodes: dict[str, list[Guard]] = {}
        for policy in policies:
            if isinstance(policy.targets, Unreadable):
                self.note(controls, policy.targets)
                continue
            for node in policy.targets:
                control = controls[0] if kind == RCP or node in archive_path else controls[-1]
                nodes.setdefault(node, []).append(self.guard(policy, control))
        return {node: tuple(listed) for node, listed in nodes.items()}

    def is_enabled(self, kind: str) -> bool:
        roots = self.estate.roots
        return isinstance(roots, Unreadable) or any(kind in root.policy_types for root in roots)

    def guard(self, policy: Attached, control: Control) -> Guard:
        if isinstance(policy.content, Unreadable):
            self.note((control,), policy.content)
            return Guard(name=policy.name, control=control, policy=replace(DELEGATION, name=policy.name))
        return self.document(policy.name, control, policy.content, managed=policy.aws_managed)

    def document(self, name: str, control: Control, text: str, *, managed: bool = False) -> Guard:
        """Return a document; one that is no policy is noted and taken for one that refuses nothing."""
        if not managed:
            self.texts.append(text)
        try:
            policy = parse_policy(text, name=name)
        except UsageError as error:
            self.unread[control] = str(error)
            policy = replace(DELEGATION, name=name)
        self.policies.append(policy)
        return Guard(name=name, control=control, policy=policy, text="" if managed else text)

    def note(self, controls: tuple[Control, ...], read: Unreadable) -> None:
        for control in controls:
            self.unread[control] = f"{control.value} could not be read: {read.call}: {read.error}"

    def bucket_policy(self) -> Guard | None:
        bucket = self.estate.bucket
        policy = bucket.policy if isinstance(bucket, Bucket) else bucket
        match policy:
            case str():
                return self.document("bucket policy", Control.BUCKET_POLICY, policy)
            case Absent() if isinstance(bucket, Bucket):
                return None
            case Unreadable():
                self.note((Control.BUCKET_POLICY,), policy)
            case Absent() | ForeignBucket():
                self.unread[Control.BUCKET_POLICY] = "the archive account has no such bucket yet"
            case _:
                assert_never(policy)
        return Guard(name="bucket policy", control=Control.BUCKET_POLICY, policy=DELEGATION)

    def key_policy(self) -> Guard | None:
        key = self.estate.key
        if self.facts.has_key is False:
            return None
        if isinstance(key, Key) and isinstance(key.policy, str):
            return self.document("key policy", Control.KEY_POLICY, key.policy)
        read = key.policy if isinstance(key, Key) else key
        if isinstance(read, Unreadable):
            self.note((Control.KEY_POLICY,), read)
        else:
            self.unread[Control.KEY_POLICY] = "the policy of the key was not read"
        return Guard(name="key policy", control=Control.KEY_POLICY, policy=DELEGATION)

    def members(self) -> Iterator[Account]:
        if not isinstance(self.estate.accounts, Unreadable):
            known = {self.facts.archive_account, self.management()}
            yield from (account for account in self.estate.accounts if account.id not in known)

    def tells_organizations(self) -> bool:
        """Say whether policies tell organizations apart; the archive may be in none where none was seen."""
        may_be_none = not isinstance(self.estate.organization, Organization)
        return may_be_none and are_told_apart(self.texts, self.policies, may_be_none=True)

    def any_prefix(self) -> Iterator[str]:
        if self.facts.prefix is None:
            yield any_prefix(named_prefixes(self.policies))

    def unread_account(self) -> Iterator[str]:
        """Yield why nobody knows that the account that is looked at is the one that is meant."""
        read, owner = self.estate.archive_account, self.facts.archive_account
        if isinstance(read, Unreadable):
            about = f"; whatever is said is about {owner}, which owns the bucket" if owner else ""
            yield f"the archive account could not be read: {read.call}: {read.error}{about}"

    def alone(self) -> Iterator[str]:
        if isinstance(self.estate.organization, _NO_ORGANIZATION):
            yield (
                "no organization was looked at: the account is taken to be bound by no SCP and no RCP, and "
                "to be its own management account where the trail is its own; if it is a member, SCPs and "
                "RCPs that were not read may refuse more, and its management account may do more"
            )

    def unknown_members(self, facts: ArchiveFacts) -> Iterator[MemberPath]:
        """Yield members that no SCP binds where the members could not be read: there may be such ones."""
        if isinstance(self.estate.accounts, Unreadable):
            named, known = mentions(self.texts), {facts.archive_account, facts.management_account}
            for account in (fresh_account({*named, *known}, _MEMBER), *told_apart(named)):
                if account not in known:
                    yield MemberPath(account=account, count=1)

    def management(self) -> str:
        found = self.estate.organization
        return found.management_account if isinstance(found, Organization) else ""

    def member_paths(self, scps: dict[str, tuple[Guard, ...]]) -> dict[str, Levels]:
        parents = self.parents()
        levels: dict[str, Levels] = {}

        def above(node: str) -> Levels:
            if node not in levels:
                upper = above(parents[node]) if parents.get(node) else ()
                levels[node] = (*upper, _plain(scps.get(node, ())))
            return levels[node]

        return {
            account.id: (*above(account.parent), _plain(scps.get(account.id, ())))
            for account in self.members()
        }

    def parents(self) -> dict[str, str]:
        units = () if isinstance(self.estate.units, Unreadable) else self.estate.units
        return {unit.id: unit.parent for unit in units}

    def units(self) -> dict[str, str]:
        """Return the unit of every account, where a policy asks for it."""
        if not any("orgpaths" in text.lower() for text in self.texts):
            return {}
        return {account.id: account.parent for account in self.members()}


def _plain(level: tuple[Guard, ...]) -> tuple[Guard, ...]:
    """Return a level of a member's path: for a member every SCP is one of the organization."""
    return tuple(
        guard
        if guard.control is Control.ORGANIZATION_SCP
        else replace(guard, control=Control.ORGANIZATION_SCP)
        for guard in level
    )


def _levels(attached: dict[str, tuple[Guard, ...]], path: tuple[str, ...]) -> Levels:
    return tuple(attached.get(node, ()) for node in path)
