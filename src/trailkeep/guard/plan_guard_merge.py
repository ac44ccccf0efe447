"""Where a target takes no more policies: the guard goes into one that is attached, and stays whole in it.

AWS counts attachments, not statements, so a full target is no reason to leave an archive open. But the policy
is somebody else's, who may write it anew at any time: putting a guard into it waits for ``--allow
merge-guards``, keeping it whole there does not.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from trailkeep.guard.blueprint import Blueprint
from trailkeep.guard.carried import carriers, extended, says_all, sids_in
from trailkeep.guard.changes import Action, AttachPolicy, Change, UpdatePolicy
from trailkeep.guard.decisions import Allowance, Blocked, Decision, Kept, unknown
from trailkeep.guard.documents import compact
from trailkeep.guard.estate import Policy, Unreadable
from trailkeep.guard.guard_documents import RCP, SCP, GuardPolicy
from trailkeep.guard.plan_doubled import concerns, replaced
from trailkeep.guard.plan_guard_content import refuses_delivery
from trailkeep.guard.policy import PolicyError, parse_policy
from trailkeep.guard.quotas import QUOTAS

__all__ = ["begins_to_guard", "carrier_at", "merge", "repair"]

_PLURALS = {SCP: "service control policies", RCP: "resource control policies"}
_MERGE = ".merge"
_OURS = "trailkeep-"
_MANAGED = {
    "aws-guardrails-": "Control Tower manages it",
    "AWSControlTower": "Control Tower manages it",
    "AWSAccelerator": "the Landing Zone Accelerator manages it",
    "AcceleratorGuardrails": "the Landing Zone Accelerator manages it",
}
"""How names begin of policies that somebody else's software writes again whenever it runs.

Source: https://docs.aws.amazon.com/controltower/latest/userguide/governance-drift.html,
https://github.com/awslabs/landing-zone-accelerator-on-aws (``organization-config.yaml`` of its samples)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Offer:
    """A policy that can carry a guard, and what it would say then."""

    policy: Policy
    before: str
    document: str
    adds: tuple[str, ...]


def begins_to_guard(action: Action) -> bool:
    """Return whether an action makes a guard bind a target that it did not bind before."""
    return isinstance(action, AttachPolicy) or (isinstance(action, UpdatePolicy) and _MERGE in action.id)


def carrier_at(guard: GuardPolicy, policies: Sequence[Policy], target: str) -> Policy | None:
    """Return the policy of somebody else that carries a guard at a target, None where there is none."""
    found = carriers(guard, (policy for policy in policies if target in _targets(policy)))
    return found[0] if found else None


def repair(
    blueprint: Blueprint, guard: GuardPolicy, policy: Policy, allow: frozenset[Allowance]
) -> Iterator[Decision]:
    """Yield what a policy that carries a guard must say again, and what of ours stays in it."""
    before = policy.content if isinstance(policy.content, str) else ""
    weaken = Allowance.WEAKEN_GUARDS in allow
    merged = extended(guard, before, weaken=weaken)
    if merged.kept:
        reason = (
            f"{guard.name} in {policy.name} also protects what the configuration does not name: "
            f"{', '.join(merged.kept)}"
        )
        yield Kept(target=policy.id, reason=reason, allow=Allowance.WEAKEN_GUARDS)
        yield from concerns(f"policy {policy.name}", merged.kept)
    if not merged.changed:
        return
    reason = f"{policy.name} carries {guard.name} and does not say all of it"
    if merged.dropped:
        reason = (
            f"allowed by '--allow {Allowance.WEAKEN_GUARDS}': {guard.name} in {policy.name} no longer "
            f"protects what the configuration does not name: {', '.join(merged.dropped)}"
        )
    document = compact(merged.document)
    reason += replaced(before, map(compact, merged.document.get("Statement", ())))
    updated = _update(blueprint, guard, policy, document, identity=f"{guard.key}.update", reason=reason)
    action = replace(updated, destructive=bool(merged.dropped))
    if problem := _problem(blueprint, guard, document):
        weakened = compact(extended(guard, before, weaken=True).document)
        helps = not weaken and not _problem(blueprint, guard, weakened)
        allowance = Allowance.WEAKEN_GUARDS if helps else ""
        yield Blocked(action=action, allow=allowance, reason=f"{policy.name} carries it, and {problem}")
    else:
        yield action


def merge(
    blueprint: Blueprint,
    guard: GuardPolicy,
    policies: Sequence[Policy],
    attach: AttachPolicy,
    allow: frozenset[Allowance],
) -> Iterator[Decision]:
    """Yield what becomes of a guard that a full target does not take: ``attach`` is what it refuses."""
    target = attach.target_id
    there = sorted((one for one in policies if target in _targets(one)), key=lambda one: (one.name, one.id))
    looked_at = [_offer(blueprint, guard, policy) for policy in there]
    offers = [found for found in looked_at if isinstance(found, _Offer)]
    hidden = [found for found in looked_at if isinstance(found, Unreadable)]
    if any(says_all(guard, policy) for policy in there):
        return
    if offers:
        yield _merging(blueprint, guard, min(offers, key=lambda one: len(one.document)), attach, allow)
        return
    if hidden:
        yield unknown(hidden[0], f"whether a policy at {target}, which is full, can carry {guard.name}")
    refusals = "; ".join(
        f"{policy.name}: {'it could not be read' if isinstance(why, Unreadable) else why}"
        for policy, why in zip(there, looked_at, strict=True)
    )
    reason = (
        f"{_full(guard, target)}; none can carry {guard.name} ({refusals}); "
        "merge two of them into one, or detach one"
    )
    yield Blocked(action=attach, allow="", reason=reason)


def _merging(
    blueprint: Blueprint,
    guard: GuardPolicy,
    offer: _Offer,
    attach: AttachPolicy,
    allow: frozenset[Allowance],
) -> Decision:
    most = QUOTAS[guard.policy_type].characters
    full = _full(guard, attach.target_id)
    what = (
        f"{offer.policy.name} ({offer.policy.id}), attached nowhere else, can carry {guard.name}: "
        f"{', '.join(offer.adds)} are added, all that it says stays, and its "
        f"{len(offer.before)} characters become {len(offer.document)} of {most}"
    )
    is_allowed = Allowance.MERGE_GUARDS in allow
    reason = f"allowed by '--allow {Allowance.MERGE_GUARDS}': {full}; {what}" if is_allowed else attach.reason
    identity = f"{guard.key}{_MERGE}{attach.id.removeprefix(f'{guard.key}.attach')}"
    action = _update(blueprint, guard, offer.policy, offer.document, identity=identity, reason=reason)
    if is_allowed:
        return action
    return Blocked(
        action=action,
        allow=Allowance.MERGE_GUARDS,
        reason=f"{full}; {what}; whoever manages it must keep what is added",
    )


def _full(guard: GuardPolicy, target: str) -> str:
    quota, what = QUOTAS[guard.policy_type].attached, _PLURALS[guard.policy_type]
    return f"AWS takes {quota} {what} at {target}, and as many are attached"


def _offer(blueprint: Blueprint, guard: GuardPolicy, policy: Policy) -> _Offer | Unreadable | str:
    """Return what a policy would say with a guard in it, or why it cannot carry it."""
    if reason := _not_ours_to_change(policy):
        return reason
    elsewhere = sorted(set(_targets(policy)))
    if len(elsewhere) > 1:
        return f"it is attached to {len(elsewhere)} targets: {', '.join(elsewhere)}"
    if isinstance(policy.content, Unreadable):
        return policy.content
    if not _is_current(policy):
        return "its text is no policy of version 2012-10-17"
    document = compact(extended(guard, policy.content).document)
    if problem := _problem(blueprint, guard, document):
        return problem
    adds = sids_in(guard, document)
    return _Offer(policy=policy, before=policy.content, document=document, adds=adds)


def _not_ours_to_change(policy: Policy) -> str:
    if policy.aws_managed:
        return "AWS manages it"
    if policy.name.startswith(_OURS):
        return "it is a guard itself"
    return next((who for start, who in _MANAGED.items() if policy.name.startswith(start)), "")


def _is_current(policy: Policy) -> bool:
    """Return whether a text is a policy of the version that ours are written in."""
    try:
        return parse_policy(str(policy.content), name=policy.name).version == "2012-10-17"
    except PolicyError:
        return False


def _problem(blueprint: Blueprint, guard: GuardPolicy, document: str) -> str:
    """Return why a policy must not carry a guard, empty where nothing stands against it."""
    if len(document) > (most := QUOTAS[guard.policy_type].characters):
        return f"with the guard it would have {len(document)} characters, and AWS takes {most}"
    if guard.policy_type == RCP and refuses_delivery(blueprint, document):
        return f"what else it says refuses the deliveries of {blueprint.trail_arn}"
    return ""


def _update(
    blueprint: Blueprint, guard: GuardPolicy, policy: Policy, document: str, *, identity: str, reason: str
) -> UpdatePolicy:
    return UpdatePolicy(
        id=identity,
        target=policy.id,
        account=blueprint.management_account,
        reason=reason,
        changes=(Change(field="content", before=str(policy.content), after=document),),
        policy_id=policy.id,
        policy_type=guard.policy_type,
        document=document,
    )


def _targets(policy: Policy) -> tuple[str, ...]:
    return () if isinstance(policy.targets, Unreadable) else policy.targets
