"""Lifting a guard that a policy of others carries: what refuses the bucket's changes leaves it, and returns.

A statement of ours that refuses none of them is there meanwhile, as a trace. Should ``apply`` die in between,
the next plan finds by it that the guard is not whole, and repairs it.
"""

from __future__ import annotations

from msgspec.structs import replace

from trailkeep.guard.blueprint import Blueprint
from trailkeep.guard.carried import carriers, lifted, refuses_changes
from trailkeep.guard.changes import Change, UpdatePolicy
from trailkeep.guard.decisions import Allowance
from trailkeep.guard.estate import Estate, Policy, Unreadable
from trailkeep.guard.guard_documents import POLICIES, GuardPolicy

__all__ = ["around", "without_carried"]


def without_carried(blueprint: Blueprint, estate: Estate) -> Estate:
    """Return the estate as it would be while the guards that others' policies carry are lifted."""
    for guard in blueprint.guards:
        field = POLICIES[guard.policy_type]
        policies: tuple[Policy, ...] | Unreadable = getattr(estate, field)
        if isinstance(policies, Unreadable) or not (guard.refuses_bucket_changes and guard.document):
            continue
        carrying = {policy.id for policy in carriers(guard, policies)}
        seen = tuple(
            replace(policy, content=lifted(guard, str(policy.content))) if policy.id in carrying else policy
            for policy in policies
        )
        estate = replace(estate, **{field: seen})
    return estate


def around(
    blueprint: Blueprint, guard: GuardPolicy, policy: Policy
) -> tuple[tuple[UpdatePolicy, ...], tuple[UpdatePolicy, ...]]:
    """Return what is done before and after the bucket changes; nothing where the guard is off already."""
    if not refuses_changes(guard, str(policy.content)):
        return (), ()
    return (_take_out(blueprint, guard, policy),), (_put_back(blueprint, guard, policy),)


def _take_out(blueprint: Blueprint, guard: GuardPolicy, policy: Policy) -> UpdatePolicy:
    """Return the action that leaves a trace of a guard in a policy, and all that is somebody else's."""
    before = str(policy.content)
    return _update(
        blueprint,
        guard,
        policy,
        step="lift",
        texts=(before, lifted(guard, before)),
        reason=f"allowed by '--allow {Allowance.LIFT_GUARDS}': what {policy.name} carries of {guard.name} "
        "is off while the bucket changes",
    )


def _put_back(blueprint: Blueprint, guard: GuardPolicy, policy: Policy) -> UpdatePolicy:
    """Return the action that makes a policy again what it was."""
    after = str(policy.content)
    return _update(
        blueprint,
        guard,
        policy,
        step="restore",
        texts=(lifted(guard, after), after),
        reason=f"{policy.name} carries {guard.name} again after the bucket has changed",
    )


def _update(
    blueprint: Blueprint,
    guard: GuardPolicy,
    policy: Policy,
    *,
    step: str,
    texts: tuple[str, str],
    reason: str,
) -> UpdatePolicy:
    before, after = texts
    return UpdatePolicy(
        id=f"{guard.key}.{step}",
        target=policy.id,
        account=blueprint.management_account,
        reason=reason,
        destructive=step == "lift",
        changes=(Change(field="content", before=before, after=after),),
        policy_id=policy.id,
        policy_type=guard.policy_type,
        document=after,
    )
