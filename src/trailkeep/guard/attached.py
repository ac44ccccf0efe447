"""The policies of an estate around a request: parsed once, and put where they bind.

Source: https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps_evaluation.html
"""

from __future__ import annotations

from functools import cached_property

from trailkeep.guard.estate import Absent, Bucket, Estate, Key, Organization, Unreadable
from trailkeep.guard.estate import Policy as ObservedPolicy
from trailkeep.guard.evaluate import Layers, Request
from trailkeep.guard.guard_documents import RCP, SCP
from trailkeep.guard.policy import PolicyError, parse_policy
from trailkeep.guard.prove_closure import Prover
from trailkeep.guard.prove_estate import estate_guards
from trailkeep.guard.statement import Policy

__all__ = ["AttachedPolicies"]

_Level = tuple[Policy, ...]


class AttachedPolicies:
    """The policies of one estate; what was computed for one request serves the next."""

    def __init__(self, estate: Estate) -> None:
        self.estate = estate
        self._levels: dict[tuple[str, str], tuple[_Level, ...]] = {}

    def unreadable(self, *, bucket: bool = False, key: bool = False) -> Unreadable | None:
        """Return the first fact that counts and could not be read or understood.

        Args:
            bucket: whether the bucket policy counts.
            key: whether the key policy counts.
        """
        estate = self.estate
        facts: list[object] = [estate.organization, estate.accounts, estate.units, estate.roots]
        facts += [self._parsed[SCP], self._parsed[RCP]]
        facts += [self._bucket] if bucket else []
        facts += [self._key] if key else []
        return next((fact for fact in facts if isinstance(fact, Unreadable)), None)

    def path(self, account: str) -> tuple[str, ...]:
        """Return the ids from the root down to an account."""
        path: list[str] = []
        node: str | None = account
        while node and node not in path:
            path.append(node)
            node = self._parents.get(node)
        return tuple(reversed(path))

    def around(self, request: Request) -> Layers:
        """Return the policies around one request, as far as they could be read."""
        organization = self.estate.organization
        is_bucket = ":s3:::" in request.resource
        resource = self._bucket if is_bucket else self._key if ":kms:" in request.resource else None
        return Layers(
            scps=self._on_path(SCP, request.principal.account),
            rcps=self._on_path(RCP, request.resource_account_id),
            resource_policy=resource if isinstance(resource, Policy) else None,
            management_account_id=organization.management_account
            if isinstance(organization, Organization)
            else "",
        )

    def attached_to(self, account: str) -> tuple[tuple[str, ...], ...]:
        """Return the ids of what is attached to each node on the path of an account."""
        nodes = self.path(account)
        return tuple(self._targets[kind].get(node, ()) for node in nodes for kind in (SCP, RCP))

    def _on_path(self, kind: str, account: str) -> tuple[_Level, ...]:
        """Return the policies of each level of a path; none where policies of that kind are switched off."""
        if (kind, account) not in self._levels:
            parsed, targets = self._parsed[kind], self._targets[kind]
            known = {} if isinstance(parsed, Unreadable) or not self._is_enabled(kind) else parsed
            self._levels[kind, account] = tuple(
                tuple(known[policy] for policy in targets.get(node, ()) if policy in known)
                for node in self.path(account)
            )
        return self._levels[kind, account]

    def _is_enabled(self, kind: str) -> bool:
        roots = () if isinstance(self.estate.roots, Unreadable) else self.estate.roots
        is_organization = isinstance(self.estate.organization, Organization)
        return is_organization and any(kind in root.policy_types for root in roots)

    @cached_property
    def prover(self) -> Prover:
        """Proofs about what is attached."""
        return Prover(guards=estate_guards(self.estate))

    @cached_property
    def _parents(self) -> dict[str, str]:
        units = () if isinstance(self.estate.units, Unreadable) else self.estate.units
        accounts = () if isinstance(self.estate.accounts, Unreadable) else self.estate.accounts
        of_units = {unit.id: unit.parent for unit in units}
        return of_units | {account.id: account.parent for account in accounts}

    @cached_property
    def _targets(self) -> dict[str, dict[str, tuple[str, ...]]]:
        """The ids of the policies of a kind, by what they are attached to."""
        found: dict[str, dict[str, tuple[str, ...]]] = {SCP: {}, RCP: {}}
        for kind, attached in found.items():
            observed = _observed(self.estate, kind)
            for policy in () if isinstance(observed, Unreadable) else observed:
                for target in () if isinstance(policy.targets, Unreadable) else policy.targets:
                    attached[target] = (*attached.get(target, ()), policy.id)
        return found

    @cached_property
    def _parsed(self) -> dict[str, dict[str, Policy] | Unreadable]:
        """What is attached somewhere, by kind and by the id of the policy."""
        return {kind: _documents(self.estate, kind) for kind in (SCP, RCP)}

    @cached_property
    def _bucket(self) -> Policy | Absent | Unreadable:
        bucket = self.estate.bucket
        text = bucket.policy if isinstance(bucket, Bucket) else bucket
        return _document(text if isinstance(text, str | Unreadable) else Absent(), "bucket policy")

    @cached_property
    def _key(self) -> Policy | Absent | Unreadable:
        key = self.estate.key
        return _document(key.policy if isinstance(key, Key) else key, "key policy")


def _observed(estate: Estate, kind: str) -> tuple[ObservedPolicy, ...] | Unreadable:
    return estate.service_control_policies if kind == SCP else estate.resource_control_policies


def _documents(estate: Estate, kind: str) -> dict[str, Policy] | Unreadable:
    observed = _observed(estate, kind)
    if isinstance(observed, Unreadable):
        return observed
    parsed: dict[str, Policy] = {}
    for policy in observed:
        if isinstance(policy.targets, Unreadable):
            return policy.targets
        document = _document(policy.content, policy.name) if policy.targets else Absent()
        if isinstance(document, Unreadable):
            return document
        if isinstance(document, Policy):
            parsed[policy.id] = document
    return parsed


def _document(text: str | Absent | Unreadable, name: str) -> Policy | Absent | Unreadable:
    if not isinstance(text, str):
        return text
    try:
        return parse_policy(text, name=name)
    except PolicyError as error:
        return Unreadable(call="policy", error=str(error))
