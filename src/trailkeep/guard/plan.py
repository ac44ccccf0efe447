"""The plan: ordered actions that turn an estate into its blueprint, and what stands in their way.

1. What the configuration and the organization contradict each other in is an error, before anything else.
2. A fact that was refused is an ``Unknown``; nothing is decided in its place.
3. Nothing is weakened: what is stronger than asked is ``Kept``; what would weaken or would have to lift a
   guard is ``Blocked`` until an allowance names it. A guard is only extended: what it denied stays denied.
4. What no action repairs and keeps logs from being kept is a ``Concern``.
5. Order: account, trusted access, bucket and its lock, trail, logging, and the guards last.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from trailkeep.core.verdict import ExitCode
from trailkeep.guard import (
    plan_archive,
    plan_concerns,
    plan_delegation,
    plan_guards,
    plan_organization,
    plan_recording,
    plan_trail,
)
from trailkeep.guard.blueprint import SCP_NAME, Blueprint
from trailkeep.guard.changes import (
    Action,
    CreateBucket,
    CreateTrail,
    PutBucketPolicy,
    UpdatePolicy,
    UpdateTrail,
)
from trailkeep.guard.decisions import Allowance, Blocked, Concern, Decision, Kept, Unknown
from trailkeep.guard.estate import Estate, Trail, Unreadable

__all__ = ["Allowance", "Blocked", "Concern", "Kept", "Plan", "Unknown", "plan"]


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What to do, what is not known, what is left alone; ``fingerprint`` is of what it was decided on."""

    actions: tuple[Action, ...]
    blocked: tuple[Blocked, ...]
    unknown: tuple[Unknown, ...]
    kept: tuple[Kept, ...]
    concerns: tuple[Concern, ...]
    fingerprint: str

    @property
    def exit_code(self) -> ExitCode:
        """UNKNOWN over changes pending and concerns over nothing to do."""
        if self.unknown:
            return ExitCode.UNKNOWN
        return ExitCode.FOUND if self.actions or self.blocked or self.concerns else ExitCode.OK


def plan(blueprint: Blueprint, estate: Estate, *, allow: frozenset[Allowance] = frozenset()) -> Plan:
    """Return the ordered actions that turn ``estate`` into ``blueprint``.

    Raises:
        UsageError: the credentials or the organization are not those of the configuration.
        ConfigError: the configuration asks for what no action can bring about.
    """
    plan_organization.check(blueprint, estate)
    ready = [*plan_organization.decide(blueprint, estate)]
    archive: list[Decision] = []
    if not isinstance(estate.archive_account, Unreadable):
        archive = [*plan_archive.decide(blueprint, estate, allow)]
    trail = [*plan_trail.decide(blueprint, estate, allow)]
    observed = plan_trail.observed_trail(blueprint, estate)
    trail = plan_recording.before_start(trail, plan_recording.decide(blueprint, observed, allow))
    guards: list[Decision] = []
    if not isinstance(estate.archive_account, Unreadable):
        guards = [*plan_guards.decide(blueprint, estate, allow)]
    if any(isinstance(decision, Action) for decision in archive):
        archive, guards = _around_guards(blueprint, estate, archive, guards, allow)
    trail = [*_after_bucket(archive, trail)]
    guards = [*_not_before_bucket(archive, guards)]
    delegation = [*plan_delegation.decide(blueprint, estate)]
    concerns = [*plan_concerns.decide(blueprint, estate)]
    return _sealed(blueprint, estate, [*ready, *archive, *trail, *delegation, *guards, *concerns])


def _around_guards(
    blueprint: Blueprint,
    estate: Estate,
    archive: list[Decision],
    guards: list[Decision],
    allow: frozenset[Allowance],
) -> tuple[list[Decision], list[Decision]]:
    """Return bucket and guard decisions such that the guards that are in force do not refuse the bucket's."""
    holding = plan_guards.in_force(blueprint, estate)
    if not holding:
        return archive, guards
    if reason := plan_guards.not_liftable(blueprint, [target for _, target in holding]):
        return [_blocked(decision, "", reason) for decision in archive], guards
    if Allowance.LIFT_GUARDS not in allow:
        reason = f"{plan_guards.SCP} {SCP_NAME} is attached and refuses it"
        return [_blocked(decision, Allowance.LIFT_GUARDS, reason) for decision in archive], guards
    off = [plan_guards.detach(blueprint, policy.id, target) for policy, target in holding]
    again = [
        plan_guards.attach(
            blueprint, policy.id, target, "the guard goes back on after the bucket has changed"
        )
        for policy, target in holding
    ]
    return [*off, *archive], [*guards, *again]


def _blocked(decision: Decision, allow: str, reason: str) -> Decision:
    return Blocked(action=decision, allow=allow, reason=reason) if isinstance(decision, Action) else decision


def _not_before_bucket(archive: Iterable[Decision], guards: Iterable[Decision]) -> Iterator[Decision]:
    """Yield the guards' decisions; a guard is not changed for a bucket whose own changes are blocked."""
    waiting = [decision for decision in archive if isinstance(decision, Blocked)]
    for decision in guards:
        if waiting and isinstance(decision, UpdatePolicy):
            yield Blocked(action=decision, allow=waiting[0].allow, reason="the bucket is not ready for it")
        else:
            yield decision


def _after_bucket(archive: Iterable[Decision], trail: Iterable[Decision]) -> Iterator[Decision]:
    """Yield the trail's decisions, blocked where CloudTrail would look for a bucket that is not ready."""
    waiting = [
        decision
        for decision in archive
        if isinstance(decision, Blocked) and isinstance(decision.action, CreateBucket | PutBucketPolicy)
    ]
    created = False
    for decision in trail:
        created = created or isinstance(decision, CreateTrail)
        if waiting and isinstance(decision, Action) and (created or isinstance(decision, UpdateTrail)):
            yield Blocked(action=decision, allow=waiting[0].allow, reason="the bucket is not ready for it")
        else:
            yield decision


def _sealed(blueprint: Blueprint, estate: Estate, decisions: list[Decision]) -> Plan:
    """Return the plan with the fingerprint of the blueprint, the facts that were used, and the decisions."""
    seen = {
        "blueprint": blueprint,
        "facts": _facts(blueprint, estate),
        "decisions": [(type(decision).__name__, decision) for decision in decisions],
    }
    passing = [*plan_concerns.of_the_moment(blueprint, estate)]
    text = msgspec.json.encode(seen, order="deterministic")
    return Plan(
        actions=tuple(decision for decision in decisions if isinstance(decision, Action)),
        blocked=tuple(decision for decision in decisions if isinstance(decision, Blocked)),
        unknown=tuple(decision for decision in decisions if isinstance(decision, Unknown)),
        kept=tuple(decision for decision in decisions if isinstance(decision, Kept)),
        concerns=tuple(decision for decision in [*decisions, *passing] if isinstance(decision, Concern)),
        fingerprint=hashlib.sha256(text).hexdigest(),
    )


def _facts(blueprint: Blueprint, estate: Estate) -> dict[str, Any]:
    """Return what the decisions looked at; times and the delivery state of the moment are left out."""
    trail = plan_trail.observed_trail(blueprint, estate)
    if isinstance(trail, Trail) and not isinstance(trail.status, Unreadable):
        status = msgspec.structs.replace(
            trail.status, latest_delivery_at=None, latest_delivery_error="", latest_digest_delivery_error=""
        )
        trail = msgspec.structs.replace(trail, status=status)
    trusted = estate.trusted_services
    return {
        "caller": estate.caller.account,
        "organization": estate.organization,
        "roots": estate.roots,
        "archive account": plan_organization.archive_record(blueprint, estate),
        "trusted": trusted if isinstance(trusted, Unreadable) else plan_organization.CLOUDTRAIL in trusted,
        "bucket": estate.bucket,
        "trail": trail,
        "delegated administrators": estate.delegated_administrators,
        "policy": plan_guards.observed_policy(estate),
        "in force": [target for _, target in plan_guards.in_force(blueprint, estate)],
    }
