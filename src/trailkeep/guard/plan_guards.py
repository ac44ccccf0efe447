"""The guards' part of a plan: the organization policies, created and extended first and attached last."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from trailkeep.guard.blueprint import Blueprint
from trailkeep.guard.carried import carriers
from trailkeep.guard.changes import (
    AttachPolicy,
    Change,
    CreatePolicy,
    DetachPolicy,
    EnablePolicyType,
    UpdatePolicy,
)
from trailkeep.guard.decisions import Allowance, Blocked, Decision, Kept, Unknown, unknown
from trailkeep.guard.estate import Estate, Policy, Unreadable
from trailkeep.guard.guard_documents import POLICIES, RCP, SCP, GuardPolicy, Place
from trailkeep.guard.paths import path_of
from trailkeep.guard.plan_guard_content import content
from trailkeep.guard.plan_guard_merge import begins_to_guard, carrier_at, merge, repair
from trailkeep.guard.quotas import room_at

__all__ = [
    "Holding",
    "archive_path",
    "attach",
    "bindings",
    "decide",
    "detach",
    "in_force",
    "not_liftable",
    "observed_policy",
    "refusal",
]

_KINDS = {SCP: "service control policy", RCP: "resource control policy"}
_PLURALS = {SCP: "service control policies", RCP: "resource control policies"}
Holding = tuple[GuardPolicy, Policy, str]
"""A guard, the policy it is observed in, and a target through which that binds the archive account."""


def decide(blueprint: Blueprint, estate: Estate, allow: frozenset[Allowance]) -> Iterator[Decision]:
    """Yield what is missing of the guards; the attachments come last."""
    last: list[Decision] = []
    yield from _policy_types(blueprint, estate)
    for guard in blueprint.guards:
        for decision in _guard(blueprint, estate, guard, allow):
            if isinstance(decision, AttachPolicy | UpdatePolicy) and begins_to_guard(decision):
                last.append(decision)
            else:
                yield decision
    yield from last


def observed_policy(guard: GuardPolicy, estate: Estate) -> Policy | Unreadable | None:
    """Return the policy of a guard, None where there is none; names are unique per type."""
    policies = _policies(guard, estate)
    if isinstance(policies, Unreadable):
        return policies
    named = [policy for policy in policies if policy.name == guard.name]
    return named[0] if named else None


def in_force(blueprint: Blueprint, estate: Estate) -> tuple[Holding, ...]:
    """Return the guards that refuse changes of the bucket, once for each target that binds its account."""
    path = archive_path(blueprint, estate)
    return tuple(
        (guard, policy, target)
        for guard in blueprint.guards
        if guard.refuses_bucket_changes
        for policy, target in bindings(guard, estate)
        if target in path
    )


def archive_path(blueprint: Blueprint, estate: Estate) -> frozenset[str]:
    """Return the ids from the archive account up to the root, as far as they could be read."""
    return frozenset(path_of(estate, blueprint.archive_account))


def bindings(guard: GuardPolicy, estate: Estate) -> tuple[tuple[Policy, str], ...]:
    """Return each policy that is or carries a guard once for each of its targets, as far as could be read."""
    policies = _policies(guard, estate)
    if isinstance(policies, Unreadable):
        return ()
    own = [policy for policy in policies if policy.name == guard.name]
    return tuple(
        (policy, target)
        for policy in (*own[:1], *carriers(guard, policies))
        if not isinstance(policy.targets, Unreadable)
        for target in policy.targets
    )


def refusal(holding: Sequence[Holding]) -> str:
    """Return the words for guards that are in the way."""
    names = dict.fromkeys(f"{guard.policy_type} {_as(guard, policy)}" for guard, policy, _ in holding)
    said = "is attached and refuses" if len(names) == 1 else "are attached and refuse"
    return f"{' and '.join(names)} {said} it"


def not_liftable(blueprint: Blueprint, holding: Sequence[Holding]) -> str:
    """Return why a plan must not lift the guards, empty where it may.

    Only what the next plan would attach anyway is lifted: should ``apply`` die in between, it goes back on.
    """
    for guard, policy, _ in holding:
        own = [each for each in holding if each[0] == guard]
        if above := [target for _, _, target in own if target != blueprint.archive_account]:
            named = ", ".join(above)
            return (
                f"{refusal(own)}, above the archive account at {named}; "
                f"{_off(guard, policy)} there by hand, and attach it again"
            )
        if not guard.document:
            return (
                f"{refusal(own)}, and {guard.setting} is false, so nobody would attach it again; "
                f"{_off(guard, policy)} by hand"
            )
    return ""


def attach(
    blueprint: Blueprint, guard: GuardPolicy, policy_id: str, target_id: str, reason: str
) -> AttachPolicy:
    """Return the action that puts a guard on a target."""
    return AttachPolicy(
        id=f"{guard.key}.attach{_suffix(blueprint, guard, target_id)}",
        target=target_id,
        account=blueprint.management_account,
        reason=reason,
        changes=(Change(field=guard.name, before="", after="attached"),),
        policy_id=policy_id,
        name=guard.name,
        target_id=target_id,
    )


def detach(blueprint: Blueprint, guard: GuardPolicy, policy_id: str, target_id: str) -> DetachPolicy:
    """Return the action that lifts a guard while the bucket changes."""
    return DetachPolicy(
        id=f"{guard.key}.detach{_suffix(blueprint, guard, target_id)}",
        target=target_id,
        account=blueprint.management_account,
        reason=f"allowed by '--allow {Allowance.LIFT_GUARDS}': the guard is off while the bucket changes",
        destructive=True,
        changes=(Change(field=guard.name, before="attached", after="detached"),),
        policy_id=policy_id,
        name=guard.name,
        target_id=target_id,
    )


def _suffix(blueprint: Blueprint, guard: GuardPolicy, target_id: str) -> str:
    usual = guard.place is Place.ROOT or target_id == blueprint.archive_account
    return "" if usual else f".{target_id}"


def _guard(
    blueprint: Blueprint, estate: Estate, guard: GuardPolicy, allow: frozenset[Allowance]
) -> Iterator[Decision]:
    policy = observed_policy(guard, estate)
    if not guard.document:
        yield from _unwanted(blueprint, estate, guard)
    elif isinstance(policy, Unreadable):
        yield unknown(policy, f"whether the {_KINDS[guard.policy_type]} {guard.name} exists and is attached")
    elif policy is None:
        attaching = [*_attachment(blueprint, estate, guard, None, allow)]
        yield from _creation(blueprint, guard, attaching)
        yield from attaching
    else:
        yield from content(blueprint, guard, policy, allow)
        yield from _attachment(blueprint, estate, guard, policy, allow)


def _creation(blueprint: Blueprint, guard: GuardPolicy, attaching: Sequence[Decision]) -> Iterator[Decision]:
    """Yield the policy of a guard, where one of its own is to be attached or may have to be."""
    create = _create(blueprint, guard)
    full = [one for one in attaching if isinstance(one, Blocked) and isinstance(one.action, AttachPolicy)]
    if full:
        yield Blocked(action=create, allow="", reason=full[0].reason)
    elif any(isinstance(decision, AttachPolicy | Unknown) for decision in attaching):
        yield create


def _create(blueprint: Blueprint, guard: GuardPolicy) -> CreatePolicy:
    return CreatePolicy(
        id=f"{guard.key}.create",
        target=guard.name,
        account=blueprint.management_account,
        reason=f"no {_KINDS[guard.policy_type]} of this name exists",
        changes=(Change(field="content", before="", after=guard.document),),
        name=guard.name,
        policy_type=guard.policy_type,
        description=guard.description,
        document=guard.document,
    )


def _policy_types(blueprint: Blueprint, estate: Estate) -> Iterator[Decision]:
    for kind in dict.fromkeys(guard.policy_type for guard in blueprint.guards if guard.document):
        if isinstance(estate.roots, Unreadable):
            yield unknown(estate.roots, f"whether {_PLURALS[kind]} are enabled")
            continue
        for root in estate.roots:
            if kind not in root.policy_types:
                yield EnablePolicyType(
                    id="rcp.enable" if kind == RCP else "scp.enable",
                    target=root.id,
                    account=blueprint.management_account,
                    reason=f"{_PLURALS[kind]} are not enabled in the organization",
                    changes=(Change(field=kind, before="", after="enabled"),),
                    root=root.id,
                    policy_type=kind,
                )


def _attachment(
    blueprint: Blueprint,
    estate: Estate,
    guard: GuardPolicy,
    policy: Policy | None,
    allow: frozenset[Allowance],
) -> Iterator[Decision]:
    if guard.place is Place.ROOT and isinstance(estate.roots, Unreadable):
        yield unknown(estate.roots, f"whether {guard.name} is attached to the root")
    elif policy and isinstance(policy.targets, Unreadable):
        yield unknown(policy.targets, f"whether {guard.name} is attached to {_where(guard)}")
    else:
        known = policy.targets if policy and not isinstance(policy.targets, Unreadable) else ()
        reason = _REASONS[guard.key]
        if policy:
            reason = f"{guard.name} exists and is not attached to {_where(guard)}"
        for target in _targets(blueprint, estate, guard):
            if target not in known:
                action = attach(blueprint, guard, policy.id if policy else "", target, reason)
                yield from _fitting(blueprint, estate, guard, action, allow)


def _fitting(
    blueprint: Blueprint,
    estate: Estate,
    guard: GuardPolicy,
    action: AttachPolicy,
    allow: frozenset[Allowance],
) -> Iterator[Decision]:
    """Yield the attachment where AWS would take it, or what happens in a policy of others instead."""
    policies = _policies(guard, estate)
    if isinstance(policies, Unreadable):
        return
    room = room_at(action.target_id, policies, guard.policy_type)
    if carrier := carrier_at(guard, policies, action.target_id):
        yield from repair(blueprint, guard, carrier, allow)
    elif room.is_full:
        yield from merge(blueprint, guard, policies, action, allow)
    elif room.may_be_full and room.unreadable:
        yield unknown(room.unreadable, f"whether {action.target_id} has room for {guard.name}")
    else:
        yield action


def _unwanted(blueprint: Blueprint, estate: Estate, guard: GuardPolicy) -> Iterator[Decision]:
    path = archive_path(blueprint, estate)
    for policy, target in bindings(guard, estate):
        if target in path:
            reason = f"{_as(guard, policy)} is attached and {guard.setting} is false"
            yield Kept(target=target, reason=reason, allow="")


_REASONS = {
    "scp": "nothing protects the archive from its own account",
    "members": "nothing keeps a delegated administrator from the trail",
    "rcp": "nothing protects the archive from a bucket policy that lets others write",
}


def _where(guard: GuardPolicy) -> str:
    return "the root" if guard.place is Place.ROOT else "the archive account"


def _targets(blueprint: Blueprint, estate: Estate, guard: GuardPolicy) -> tuple[str, ...]:
    if guard.place is Place.ARCHIVE:
        return (blueprint.archive_account,)
    return () if isinstance(estate.roots, Unreadable) else tuple(root.id for root in estate.roots)


def _policies(guard: GuardPolicy, estate: Estate) -> tuple[Policy, ...] | Unreadable:
    found: tuple[Policy, ...] | Unreadable = getattr(estate, POLICIES[guard.policy_type])
    return found


def _off(guard: GuardPolicy, policy: Policy) -> str:
    return "detach it" if policy.name == guard.name else "take it out"


def _as(guard: GuardPolicy, policy: Policy) -> str:
    """Return the name of a guard, and whose policy carries it where it is not its own."""
    return guard.name if policy.name == guard.name else f"{guard.name} in {policy.name}"
