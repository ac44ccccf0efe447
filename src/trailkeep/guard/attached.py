"""The policies of an estate around a request: parsed, and put where they bind.

Source: https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps_evaluation.html
"""

from __future__ import annotations

from dataclasses import dataclass

from trailkeep.guard.estate import Absent, Bucket, Estate, Key, Organization, Unreadable
from trailkeep.guard.evaluate import Layers, Request
from trailkeep.guard.guard_documents import RCP, SCP
from trailkeep.guard.paths import levels_of, path_of
from trailkeep.guard.policy import PolicyError, parse_policy
from trailkeep.guard.statement import Policy

__all__ = ["AttachedPolicies"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachedPolicies:
    """The policies of an estate; ``resources`` are those of bucket and key, by the ARN of each."""

    estate: Estate
    scps: dict[str, Policy]
    rcps: dict[str, Policy]
    resources: dict[str, Policy]
    management_account: str

    @classmethod
    def of(cls, estate: Estate, *, bucket: bool = False, key: bool = False) -> AttachedPolicies | Unreadable:
        """Parse them, or return the first that counts and could not be read or understood.

        Args:
            estate: what was observed.
            bucket: whether the bucket policy counts.
            key: whether the key policy counts.
        """
        organization = estate.organization
        for found in (organization, estate.accounts, estate.units, estate.roots):
            if isinstance(found, Unreadable):
                return found
        scps, rcps = _documents(estate, SCP), _documents(estate, RCP)
        if isinstance(scps, Unreadable):
            return scps
        if isinstance(rcps, Unreadable):
            return rcps
        resources: dict[str, Policy] = {}
        for arn, text in (*_bucket_policy(estate, counts=bucket), *_key_policy(estate, counts=key)):
            document = _document(text, f"policy of {arn}")
            if isinstance(document, Unreadable):
                return document
            resources[arn] = document
        account = organization.management_account if isinstance(organization, Organization) else ""
        return cls(estate=estate, scps=scps, rcps=rcps, resources=resources, management_account=account)

    def around(self, request: Request) -> Layers:
        """Return the policies around one request."""
        return Layers(
            scps=self._levels(SCP, request.principal.account),
            rcps=self._levels(RCP, request.resource_account_id),
            resource_policy=self.resources.get(request.resource.partition("/")[0])
            or self.resources.get(request.resource),
            management_account_id=self.management_account,
        )

    def _levels(self, kind: str, account: str) -> tuple[tuple[Policy, ...], ...]:
        estate, parsed = self.estate, self.scps if kind == SCP else self.rcps
        observed = estate.service_control_policies if kind == SCP else estate.resource_control_policies
        if not self.management_account or not _is_enabled(estate, kind):
            return ()
        levels = levels_of(observed, path_of(estate, account))
        return tuple(tuple(parsed[policy.id] for policy in level if policy.id in parsed) for level in levels)


def _is_enabled(estate: Estate, kind: str) -> bool:
    """Return whether policies of a kind have any effect."""
    roots = () if isinstance(estate.roots, Unreadable) else estate.roots
    return any(kind in root.policy_types for root in roots)


def _documents(estate: Estate, kind: str) -> dict[str, Policy] | Unreadable:
    """Return what is attached somewhere, by the id of the policy."""
    observed = estate.service_control_policies if kind == SCP else estate.resource_control_policies
    if isinstance(observed, Unreadable):
        return observed
    parsed: dict[str, Policy] = {}
    for policy in observed:
        if isinstance(policy.targets, Unreadable):
            return policy.targets
        if policy.targets:
            document = _document(policy.content, policy.name)
            if isinstance(document, Unreadable):
                return document
            parsed[policy.id] = document
    return parsed


def _document(text: str | Unreadable, name: str) -> Policy | Unreadable:
    if isinstance(text, Unreadable):
        return text
    try:
        return parse_policy(text, name=name)
    except PolicyError as error:
        return Unreadable(call="policy", error=str(error))


def _bucket_policy(estate: Estate, *, counts: bool) -> list[tuple[str, str | Unreadable]]:
    bucket = estate.bucket
    if not counts or not isinstance(bucket, Bucket | Unreadable):
        return []
    if isinstance(bucket, Unreadable):
        return [("bucket", bucket)]
    arn = f"arn:{estate.caller.partition}:s3:::{bucket.name}"
    return [] if isinstance(bucket.policy, Absent) else [(arn, bucket.policy)]


def _key_policy(estate: Estate, *, counts: bool) -> list[tuple[str, str | Unreadable]]:
    key = estate.key
    if not counts or not isinstance(key, Key | Unreadable):
        return []
    if isinstance(key, Unreadable):
        return [("key", key)]
    return [] if isinstance(key.policy, Absent) else [(key.arn, key.policy)]
