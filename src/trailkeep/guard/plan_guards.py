"""The guards' part of a plan: the service control policy on the archive account, attached last."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from trailkeep.guard.blueprint import SCP_NAME, Blueprint
from trailkeep.guard.changes import (
    AttachPolicy,
    Change,
    CreatePolicy,
    DetachPolicy,
    EnablePolicyType,
    UpdatePolicy,
)
from trailkeep.guard.decisions import Allowance, Blocked, Decision, Kept, unknown
from trailkeep.guard.documents import Document, Merged, canonical, compact, merge
from trailkeep.guard.estate import Estate, Policy, Unreadable
from trailkeep.guard.plan_statements import covered, is_ours

__all__ = ["SCP", "attach", "decide", "detach", "in_force", "not_liftable", "observed_policy"]

SCP = "SERVICE_CONTROL_POLICY"


def decide(blueprint: Blueprint, estate: Estate, allow: frozenset[Allowance]) -> Iterator[Decision]:
    """Yield what is missing of the guards."""
    policy = observed_policy(estate)
    if not blueprint.scp:
        yield from _unwanted(blueprint, estate)
        return
    yield from _policy_type(blueprint, estate)
    if isinstance(policy, Unreadable):
        yield unknown(policy, f"whether the service control policy {SCP_NAME} exists and is attached")
    elif policy is None:
        yield CreatePolicy(
            id="scp.create",
            target=SCP_NAME,
            account=blueprint.management_account,
            reason="no service control policy of this name exists",
            changes=(Change(field="content", before="", after=blueprint.scp),),
            name=SCP_NAME,
            document=blueprint.scp,
        )
        yield attach(
            blueprint, "", blueprint.archive_account, "nothing protects the archive from its own account"
        )
    else:
        yield from _content(blueprint, policy, allow)
        yield from _attachment(blueprint, policy)


def observed_policy(estate: Estate) -> Policy | Unreadable | None:
    """Return our service control policy, None where there is none; names are unique per type."""
    if isinstance(estate.service_control_policies, Unreadable):
        return estate.service_control_policies
    named = [policy for policy in estate.service_control_policies if policy.name == SCP_NAME]
    return named[0] if named else None


def in_force(blueprint: Blueprint, estate: Estate) -> tuple[tuple[Policy, str], ...]:
    """Return our policy once for each target through which it binds the archive account now."""
    policy = observed_policy(estate)
    if policy is None or isinstance(policy, Unreadable) or isinstance(policy.targets, Unreadable):
        return ()
    path = _path(blueprint, estate)
    return tuple((policy, target) for target in policy.targets if target in path)


def not_liftable(blueprint: Blueprint, targets: Iterable[str]) -> str:
    """Return why a plan must not lift the guard from ``targets``, empty where it may.

    Only what the next plan would attach anyway is lifted: should ``apply`` die in between, it goes back on.
    """
    refuses = f"{SCP} {SCP_NAME} is attached and refuses it"
    if above := [target for target in targets if target != blueprint.archive_account]:
        named = ", ".join(above)
        return (
            f"{refuses}, above the archive account at {named}; detach it there by hand, and attach it again"
        )
    if not blueprint.scp:
        return f"{refuses}, and guards.scp is false, so nobody would attach it again; detach it by hand"
    return ""


def attach(blueprint: Blueprint, policy_id: str, target_id: str, reason: str) -> AttachPolicy:
    """Return the action that puts the guard on a target."""
    return AttachPolicy(
        id="scp.attach" if target_id == blueprint.archive_account else f"scp.attach.{target_id}",
        target=target_id,
        account=blueprint.management_account,
        reason=reason,
        changes=(Change(field=SCP_NAME, before="", after="attached"),),
        policy_id=policy_id,
        name=SCP_NAME,
        target_id=target_id,
    )


def detach(blueprint: Blueprint, policy_id: str, target_id: str) -> DetachPolicy:
    """Return the action that lifts the guard while the bucket changes."""
    return DetachPolicy(
        id="scp.detach" if target_id == blueprint.archive_account else f"scp.detach.{target_id}",
        target=target_id,
        account=blueprint.management_account,
        reason=f"allowed by '--allow {Allowance.LIFT_GUARDS}': the guard is off while the bucket changes",
        destructive=True,
        changes=(Change(field=SCP_NAME, before="attached", after="detached"),),
        policy_id=policy_id,
        name=SCP_NAME,
        target_id=target_id,
    )


def _policy_type(blueprint: Blueprint, estate: Estate) -> Iterator[Decision]:
    if isinstance(estate.roots, Unreadable):
        yield unknown(estate.roots, "whether service control policies are enabled")
        return
    for root in estate.roots:
        if SCP not in root.policy_types:
            yield EnablePolicyType(
                id="scp.enable",
                target=root.id,
                account=blueprint.management_account,
                reason="service control policies are not enabled in the organization",
                changes=(Change(field=SCP, before="", after="enabled"),),
                root=root.id,
                policy_type=SCP,
            )


def _content(blueprint: Blueprint, policy: Policy, allow: frozenset[Allowance]) -> Iterator[Decision]:
    if isinstance(policy.content, Unreadable):
        yield unknown(policy.content, f"whether {SCP_NAME} says what it must")
        return
    merged = _extended(json.loads(blueprint.scp), policy.content, allow)
    yield from _staying(blueprint, policy, merged)
    if not merged.changed:
        return
    document = compact(merged.document)
    is_policy = canonical(policy.content) is not None
    action = UpdatePolicy(
        id="scp.update",
        target=policy.id,
        account=blueprint.management_account,
        reason=_update_reason(merged.dropped if is_policy else ()),
        destructive=bool(merged.dropped),
        changes=(Change(field="content", before=policy.content, after=document),),
        policy_id=policy.id,
        document=document,
    )
    if not is_policy and Allowance.REPLACE_POLICY not in allow:
        reason = "its text is no policy document, so nobody knows what would be dropped"
        yield Blocked(action=action, allow=Allowance.REPLACE_POLICY, reason=reason)
    else:
        yield action


def _extended(wanted: Document, text: str, allow: frozenset[Allowance]) -> Merged:
    """Return the policy with ours in it; without an allowance all that it denied stays denied.

    Further statements may stay: in a service control policy they cannot give back what ours deny.
    """
    sids = [statement["Sid"] for statement in wanted["Statement"]]
    weaken = Allowance.WEAKEN_GUARDS in allow
    return merge(
        text,
        wanted,
        may_stay=lambda statement: not (weaken and is_ours(statement, sids)),
        is_older=lambda statement: covered(statement, wanted["Statement"]),
    )


def _staying(blueprint: Blueprint, policy: Policy, merged: Merged) -> Iterator[Kept]:
    sids = [statement["Sid"] for statement in json.loads(blueprint.scp)["Statement"]]
    earlier = [text for text in merged.kept if is_ours(json.loads(text), sids)]
    further = [text for text in merged.kept if text not in earlier]
    if earlier:
        reason = f"{SCP_NAME} also protects what the configuration does not name: {', '.join(earlier)}"
        yield Kept(target=policy.id, reason=reason, allow=Allowance.WEAKEN_GUARDS)
    if further:
        reason = f"further statements of {SCP_NAME} stay in it: {', '.join(further)}"
        yield Kept(target=policy.id, reason=reason, allow="")


def _update_reason(dropped: tuple[str, ...]) -> str:
    if not dropped:
        return f"{SCP_NAME} does not say what it must"
    allowed = f"allowed by '--allow {Allowance.WEAKEN_GUARDS}'"
    return (
        f"{allowed}: {SCP_NAME} no longer protects what the configuration does not name: {', '.join(dropped)}"
    )


def _attachment(blueprint: Blueprint, policy: Policy) -> Iterator[Decision]:
    if isinstance(policy.targets, Unreadable):
        yield unknown(policy.targets, f"whether {SCP_NAME} is attached to the archive account")
    elif blueprint.archive_account not in policy.targets:
        yield attach(
            blueprint,
            policy.id,
            blueprint.archive_account,
            f"{SCP_NAME} exists and is not attached to the archive account",
        )


def _unwanted(blueprint: Blueprint, estate: Estate) -> Iterator[Decision]:
    for _, target in in_force(blueprint, estate):
        yield Kept(target=target, reason=f"{SCP_NAME} is attached and guards.scp is false", allow="")


def _path(blueprint: Blueprint, estate: Estate) -> frozenset[str]:
    """Return the ids from the archive account up to the root, as far as they could be read."""
    parents: dict[str, str] = {}
    if not isinstance(estate.units, Unreadable):
        parents |= {unit.id: unit.parent for unit in estate.units}
    if not isinstance(estate.accounts, Unreadable):
        parents |= {account.id: account.parent for account in estate.accounts}
    path: list[str] = []
    node: str | None = blueprint.archive_account
    while node and node not in path:
        path.append(node)
        node = parents.get(node)
    return frozenset(path)
