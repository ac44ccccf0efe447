"""The plan: ordered actions that turn an estate into its blueprint, and what stands in their way.

1. What the configuration and the organization contradict each other in is an error, before anything else.
2. A fact that was refused is an ``Unknown``; nothing is decided in its place.
3. Nothing is weakened: what is stronger than asked is ``Kept``; what would weaken or would have to lift a
   guard is ``Blocked`` until an allowance names it. A guard is only extended: what it denied stays denied.
4. What no action repairs and keeps logs from being kept is a ``Concern``.
5. Order: account, trusted access, bucket and its lock, trail, logging, the bucket policy that denies, and the
   guards last.
6. What locks logs or begins to guard is ``Waiting`` until the archive is to be armed (see ``phases``).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec

from trailkeep.core.verdict import ExitCode
from trailkeep.guard import (
    obstacles,
    phases,
    plan_access,
    plan_adoption,
    plan_archive,
    plan_bucket_policy,
    plan_concerns,
    plan_delegation,
    plan_encryption,
    plan_guard_lift,
    plan_guards,
    plan_organization,
    plan_overlap,
    plan_receivers,
    plan_recording,
    plan_storage,
    plan_trail,
)
from trailkeep.guard.account_limits import limits
from trailkeep.guard.blueprint import Blueprint
from trailkeep.guard.changes import (
    Action,
    AttachPolicy,
    CreateBucket,
    CreateTrail,
    DetachPolicy,
    PutBucketPolicy,
    UpdatePolicy,
    UpdateTrail,
)
from trailkeep.guard.decisions import Allowance, Blocked, Concern, Decision, Kept, Unknown, Waiting
from trailkeep.guard.estate import Estate, Trail, Unreadable
from trailkeep.guard.guard_documents import RCP
from trailkeep.guard.plan_guard_merge import begins_to_guard

__all__ = ["Allowance", "Blocked", "Concern", "Kept", "Plan", "Unknown", "Waiting", "plan"]


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What to do, what is not known, what is left alone; ``fingerprint`` is of what it was decided on.

    ``unguarded`` is what no action can protect in the archive of one account; it changes no outcome.
    """

    actions: tuple[Action, ...]
    blocked: tuple[Blocked, ...]
    unknown: tuple[Unknown, ...]
    kept: tuple[Kept, ...]
    concerns: tuple[Concern, ...]
    fingerprint: str
    waiting: tuple[Waiting, ...] = ()
    unguarded: tuple[str, ...] = ()

    @property
    def exit_code(self) -> ExitCode:
        """UNKNOWN over changes pending and concerns over nothing to do."""
        if self.unknown:
            return ExitCode.UNKNOWN
        pending = self.actions or self.blocked or self.concerns or self.waiting
        return ExitCode.FOUND if pending else ExitCode.OK


def plan(
    blueprint: Blueprint,
    estate: Estate,
    *,
    allow: frozenset[Allowance] = frozenset(),
    arm: bool = False,
) -> Plan:
    """Return the ordered actions that turn ``estate`` into ``blueprint``; what arms it waits for ``arm``.

    Raises:
        UsageError: the credentials or the organization are not those of the configuration.
        ConfigError: the configuration asks for what no action can bring about.
    """
    plan_organization.check(blueprint, estate)
    ready = [*plan_organization.decide(blueprint, estate)]
    archive: list[Decision] = []
    if not isinstance(estate.archive_account, Unreadable):
        archive = [
            *plan_encryption.decide_key(blueprint, estate, allow),
            *plan_archive.decide(blueprint, estate, allow),
            *plan_encryption.decide_bucket(blueprint, estate, allow),
            *plan_storage.decide(blueprint, estate, allow),
            *plan_bucket_policy.arm(blueprint, estate, allow),
        ]
        archive = [*obstacles.meet(blueprint, plan_guard_lift.without_carried(blueprint, estate), archive)]
    trail = [*plan_trail.decide(blueprint, estate, allow)]
    plan_receivers.check(estate, trail)
    observed = plan_trail.observed_trail(blueprint, estate)
    trail = plan_recording.before_start(trail, plan_recording.decide(blueprint, observed, allow))
    guards: list[Decision] = []
    if not isinstance(estate.archive_account, Unreadable):
        guards = [*plan_guards.decide(blueprint, estate, allow)]
        guards = [*plan_access.spare_writers(blueprint, estate, guards, allow)]
    guards = [*plan_overlap.held_guards(blueprint, estate, guards, allow)]
    archive = [*_after_resource_guard(guards, archive)]
    if reason := plan_overlap.no_room(blueprint, estate, trail):
        trail = [*plan_overlap.without_room(reason, trail)]
        archive = [*plan_overlap.without_room(reason, archive, PutBucketPolicy)]
    guards = [*plan_overlap.after_arming(blueprint, archive, guards)]
    if any(isinstance(decision, Action) for decision in archive):
        archive, guards = _around_guards(blueprint, estate, archive, guards, allow, arm=arm)
    archive, armed = plan_bucket_policy.apart(archive)
    trail = [*_after_bucket(archive, trail)]
    trail = [*plan_encryption.with_trail_key(blueprint, estate, allow, archive, trail)]
    about_bucket = {f"{guard.key}.update" for guard in blueprint.guards if guard.refuses_bucket_changes}
    guards = [*_not_before_bucket(archive, guards, about_bucket)]
    delegation = [*plan_delegation.decide(blueprint, estate)]
    concerns = [*plan_adoption.decide(blueprint, estate), *plan_concerns.decide(blueprint, estate)]
    concerns += plan_access.decide(blueprint, estate, allow)
    decided = [*ready, *archive, *trail, *delegation, *armed, *guards, *concerns]
    reason = phases.REASON if blueprint.is_of_organization else phases.OF_ACCOUNT
    decisions = phases.hold(decided, arm=arm, reason=reason)
    return _sealed(blueprint, estate, decisions)


def _around_guards(
    blueprint: Blueprint,
    estate: Estate,
    archive: list[Decision],
    guards: list[Decision],
    allow: frozenset[Allowance],
    *,
    arm: bool,
) -> tuple[list[Decision], list[Decision]]:
    """Return bucket and guard decisions such that the guards that are in force do not refuse the bucket's."""
    holding = plan_guards.in_force(blueprint, estate)
    if not holding:
        return archive, guards
    if reason := plan_guards.not_liftable(blueprint, holding):
        return [_blocked(decision, "", reason) for decision in archive], guards
    if Allowance.LIFT_GUARDS not in allow:
        reason = plan_guards.refusal(holding)
        return [_blocked(decision, Allowance.LIFT_GUARDS, reason) for decision in archive], guards
    if not any(isinstance(decision, Action) for decision in phases.hold(archive, arm=arm)):
        return archive, guards
    carried = [
        plan_guard_lift.around(blueprint, guard, policy)
        for guard, policy, _ in holding
        if policy.name != guard.name
    ]
    out = [action for before, _ in carried for action in before]
    back = [action for _, after in carried for action in after]
    holding = tuple(each for each in holding if each[1].name == each[0].name)
    off = [plan_guards.detach(blueprint, guard, policy.id, target) for guard, policy, target in holding]
    again = [
        plan_guards.attach(
            blueprint, guard, policy.id, target, "the guard goes back on after the bucket has changed"
        )
        for guard, policy, target in holding
    ]
    return [*off, *out, *archive], [*back, *guards, *again]


def _after_resource_guard(guards: Iterable[Decision], archive: Iterable[Decision]) -> Iterator[Decision]:
    """Yield the bucket's decisions; no trail is let in that the resource control policy would refuse."""
    stuck = [
        decision
        for decision in guards
        if isinstance(decision, Blocked)
        and isinstance(decision.action, UpdatePolicy)
        and decision.action.policy_type == RCP
        and not begins_to_guard(decision.action)
    ]
    for decision in archive:
        if stuck and isinstance(decision, PutBucketPolicy):
            yield Blocked(action=decision, allow=stuck[0].allow, reason=stuck[0].reason)
        else:
            yield decision


def _blocked(decision: Decision, allow: str, reason: str) -> Decision:
    return Blocked(action=decision, allow=allow, reason=reason) if isinstance(decision, Action) else decision


def _not_before_bucket(
    archive: Sequence[Decision], guards: Iterable[Decision], about_bucket: set[str]
) -> Iterator[Decision]:
    """Yield the guards' decisions; a guard is not changed for a bucket whose own changes are blocked."""
    waiting = [decision for decision in archive if isinstance(decision, Blocked)]
    no_bucket = any(isinstance(decision.action, CreateBucket) for decision in waiting)
    lifted = {(one.policy_id, one.target_id) for one in archive if isinstance(one, DetachPolicy)}
    for decision in guards:
        is_back = isinstance(decision, AttachPolicy) and (decision.policy_id, decision.target_id) in lifted
        if is_back or not isinstance(decision, UpdatePolicy | AttachPolicy):
            yield decision
            continue
        about = no_bucket if begins_to_guard(decision) else decision.id in about_bucket
        if waiting and about:
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
        waiting=tuple(decision for decision in decisions if isinstance(decision, Waiting)),
        unguarded=limits(blueprint),
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
        "key": estate.key,
        "account public access": estate.account_public_access_block,
        "trail": trail,
        "delegated administrators": estate.delegated_administrators,
        "policies": [plan_guards.observed_policy(guard, estate) for guard in blueprint.guards],
        "in force": [(guard.key, target) for guard, _, target in plan_guards.in_force(blueprint, estate)],
    }
