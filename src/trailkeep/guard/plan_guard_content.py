"""What a guard must say: it is only ever extended, within AWS's limits, and never against the trail."""

from __future__ import annotations

import json
from collections.abc import Iterator

from trailkeep.guard.blueprint import NEW_ACCOUNT, Blueprint
from trailkeep.guard.canonical import fault
from trailkeep.guard.changes import Change, UpdatePolicy
from trailkeep.guard.decisions import Allowance, Blocked, Decision, Kept, unknown
from trailkeep.guard.delivery import Delivery, Kind
from trailkeep.guard.documents import Merged, canonical, compact, merge
from trailkeep.guard.estate import Policy, Unreadable
from trailkeep.guard.guard_documents import RCP, GuardPolicy
from trailkeep.guard.plan_doubled import concerns, replaced
from trailkeep.guard.plan_statements import is_ours, superseded
from trailkeep.guard.policy import PolicyError, parse_policy
from trailkeep.guard.preflight import Answer, preflight
from trailkeep.guard.quotas import QUOTAS

__all__ = ["content", "refuses_delivery"]


def content(
    blueprint: Blueprint, guard: GuardPolicy, policy: Policy, allow: frozenset[Allowance]
) -> Iterator[Decision]:
    """Yield what must change in the policy of a guard, and what stays in it."""
    if isinstance(policy.content, Unreadable):
        yield unknown(policy.content, f"whether {guard.name} says what it must")
        return
    weaken = Allowance.WEAKEN_GUARDS in allow
    merged = _extended(guard, policy.content, weaken=weaken)
    yield from _staying(guard, policy, merged)
    if not merged.changed:
        return
    is_policy = canonical(policy.content) is not None
    action = _update(blueprint, guard, policy, merged)
    if not is_policy and Allowance.REPLACE_POLICY not in allow:
        why = fault(policy.content)
        reason = f"its text is no policy document ({why}), so nobody knows what would be dropped"
        yield Blocked(action=action, allow=Allowance.REPLACE_POLICY, reason=reason)
    elif problem := _problem(blueprint, guard, action.document):
        weakened = _extended(guard, policy.content, weaken=True)
        helps = not weaken and not _problem(blueprint, guard, compact(weakened.document))
        yield Blocked(action=action, allow=Allowance.WEAKEN_GUARDS if helps else "", reason=problem)
    else:
        yield action


def refuses_delivery(blueprint: Blueprint, text: str) -> bool:
    """Return whether a resource control policy refuses what CloudTrail does for the trail, for certain.

    A text that is no policy refuses nothing.
    """
    try:
        policy = parse_policy(text, name="rcp")
    except PolicyError:
        return False
    delivery = Delivery(
        partition=blueprint.partition,
        bucket=blueprint.bucket,
        prefix="",
        management_account=blueprint.management_account,
        organization_id=blueprint.organization_id,
        archive_account=blueprint.archive_account,
        trail=blueprint.trail_arn,
        resource="",
    )
    return any(asked.decision is Answer.REFUSED for asked in preflight(Kind.RCP, policy, delivery))


def _problem(blueprint: Blueprint, guard: GuardPolicy, document: str) -> str:
    """Return why a document must not be written, empty where nothing stands against it."""
    size = len(document.replace(NEW_ACCOUNT, "0" * 12))
    if size > (most := QUOTAS[guard.policy_type].characters):
        return (
            f"with what stays in it {guard.name} would have {size} characters, and AWS takes {most}; "
            "take statements that are not Trailkeep's out of it"
        )
    if guard.policy_type == RCP and refuses_delivery(blueprint, document):
        return (
            f"what stays in {guard.name} refuses the deliveries of {blueprint.trail_arn}, "
            "so no log would arrive any more"
        )
    return ""


def _update(blueprint: Blueprint, guard: GuardPolicy, policy: Policy, merged: Merged) -> UpdatePolicy:
    before = policy.content if isinstance(policy.content, str) else ""
    document = compact(merged.document)
    return UpdatePolicy(
        id=f"{guard.key}.update",
        target=policy.id,
        account=blueprint.management_account,
        reason=_update_reason(guard, merged.dropped if canonical(before) is not None else ())
        + replaced(before, (*merged.kept, *merged.dropped)),
        destructive=bool(merged.dropped),
        changes=(Change(field="content", before=before, after=document),),
        policy_id=policy.id,
        policy_type=guard.policy_type,
        document=document,
    )


def _extended(guard: GuardPolicy, text: str, *, weaken: bool) -> Merged:
    """Return the policy with ours in it; without an allowance all that it denied stays denied.

    Further statements may stay: in an organization policy they cannot give back what ours deny.
    """
    wanted = json.loads(guard.document)
    sids = [statement["Sid"] for statement in wanted["Statement"]]
    return merge(
        text,
        wanted,
        may_stay=lambda statement: not (weaken and is_ours(statement, sids)),
        is_older=lambda statement: superseded(statement, wanted["Statement"]),
    )


def _staying(guard: GuardPolicy, policy: Policy, merged: Merged) -> Iterator[Decision]:
    sids = [statement["Sid"] for statement in json.loads(guard.document)["Statement"]]
    earlier = [text for text in merged.kept if is_ours(json.loads(text), sids)]
    further = [text for text in merged.kept if text not in earlier]
    if earlier:
        reason = f"{guard.name} also protects what the configuration does not name: {', '.join(earlier)}"
        yield Kept(target=policy.id, reason=reason, allow=Allowance.WEAKEN_GUARDS)
    if further:
        reason = f"further statements of {guard.name} stay in it: {', '.join(further)}"
        yield Kept(target=policy.id, reason=reason, allow="")
    yield from concerns(f"policy {policy.name}", merged.kept)


def _update_reason(guard: GuardPolicy, dropped: tuple[str, ...]) -> str:
    if not dropped:
        return f"{guard.name} does not say what it must"
    allowed = f"allowed by '--allow {Allowance.WEAKEN_GUARDS}'"
    return (
        f"{allowed}: {guard.name} no longer protects what the configuration does not name: "
        f"{', '.join(dropped)}"
    )
