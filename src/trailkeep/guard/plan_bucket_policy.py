"""The bucket policy's part of a plan, in two phases: ``bucket.policy`` builds, ``bucket.policy.arm`` arms.

Building brings about the plain policy and leaves an armed one armed: what it denies already stays, and is
repaired without waiting. Arming adds what is missing of the armed policy to what building leaves.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator

from trailkeep.guard.armed_policy import present, with_denies
from trailkeep.guard.blueprint import Blueprint
from trailkeep.guard.changes import Change, PutBucketPolicy
from trailkeep.guard.decisions import Allowance, Blocked, Decision, Kept, unknown
from trailkeep.guard.delivery import Kind
from trailkeep.guard.documents import Document, Merged, canonical, compact, merge, only_lets_read
from trailkeep.guard.estate import Absent, Bucket, Estate, ForeignBucket, Unreadable
from trailkeep.guard.explain import QUOTAS
from trailkeep.guard.plan_readers import named_in

__all__ = ["apart", "arm", "decide", "denies_held", "is_armed", "new"]

_NOTHING = "CloudTrail cannot deliver without a bucket policy"
_OPEN = (
    "the bucket policy does not keep everybody but the trail from writing, nor anybody from changing a log"
)


def new(blueprint: Blueprint) -> PutBucketPolicy:
    """Return the action that gives a bucket without a policy the plain one."""
    return _put(blueprint, before="", after=blueprint.bucket_policy, reason=_NOTHING)


def decide(blueprint: Blueprint, bucket: Bucket, allow: frozenset[Allowance]) -> Iterator[Decision]:
    """Yield what the policy of an existing bucket lacks to let the trail deliver, and says too much."""
    match bucket.policy:
        case Unreadable():
            undecided = f"whether the bucket policy of {bucket.name} lets only the trail deliver"
            yield unknown(bucket.policy, undecided)
        case Absent():
            yield new(blueprint)
        case str() as text:
            yield from _built(blueprint, text, allow)


def arm(blueprint: Blueprint, estate: Estate, allow: frozenset[Allowance]) -> Iterator[Decision]:
    """Yield what arms the policy that building leaves; what could not be read is ``decide``'s to say."""
    match estate.bucket:
        case Absent():
            yield _arming(blueprint, blueprint.bucket_policy, blueprint.armed_bucket_policy)
        case Bucket(policy=Absent()):
            yield _arming(blueprint, blueprint.bucket_policy, blueprint.armed_bucket_policy)
        case Bucket(policy=str() as text):
            yield from _armed(blueprint, text, allow)
        case Bucket() | ForeignBucket() | Unreadable():
            return


def denies_held(blueprint: Blueprint, estate: Estate) -> tuple[str, ...]:
    """Return the Sids of the armed policy's denies that the bucket policy has, whole or changed."""
    bucket = estate.bucket
    if not isinstance(bucket, Bucket) or not isinstance(bucket.policy, str):
        return ()
    plain, armed = json.loads(blueprint.bucket_policy), json.loads(blueprint.armed_bucket_policy)
    return tuple(str(one["Sid"]) for one in present(bucket.policy, plain, armed))


def is_armed(blueprint: Blueprint, estate: Estate) -> bool:
    """Return whether the bucket policy denies all that arming it makes it deny."""
    bucket = estate.bucket
    if not isinstance(bucket, Bucket) or not isinstance(bucket.policy, str):
        return False
    plain, armed = canonical(blueprint.bucket_policy), canonical(blueprint.armed_bucket_policy)
    return (armed or frozenset()) - (plain or frozenset()) <= (canonical(bucket.policy) or frozenset())


def apart(decisions: Iterable[Decision]) -> tuple[list[Decision], list[Decision]]:
    """Return the decisions on everything else, and those on arming the bucket policy."""
    listed = [*decisions]
    return [one for one in listed if not _arms(one)], [one for one in listed if _arms(one)]


def _arms(decision: Decision) -> bool:
    action = decision.action if isinstance(decision, Blocked) else decision
    return isinstance(action, PutBucketPolicy) and action.arms


def _built(blueprint: Blueprint, text: str, allow: frozenset[Allowance]) -> Iterator[Decision]:
    merged = _to_build(blueprint, text, allow)
    for statement in merged.kept:
        reason = f"the bucket policy lets {', '.join(named_in(json.loads(statement)))} read: {statement}"
        yield Kept(target=blueprint.bucket, reason=reason, allow=Allowance.REPLACE_POLICY)
    if not merged.changed:
        return
    reason = "the bucket policy does not say what it must"
    if merged.dropped:
        reason = f"the bucket policy says more than it may: {', '.join(merged.dropped)}"
    action = _put(
        blueprint,
        before=text,
        after=compact(merged.document),
        reason=reason,
        destructive=bool(merged.dropped),
    )
    yield _unless_refused(action, merged, allow)


def _armed(blueprint: Blueprint, text: str, allow: frozenset[Allowance]) -> Iterator[Decision]:
    built = _to_build(blueprint, text, allow)
    before = compact(built.document) if built.changed else text
    merged = merge(before, json.loads(blueprint.armed_bucket_policy), may_stay=_may_stay(allow))
    if merged.changed:
        yield _unless_refused(_arming(blueprint, before, compact(merged.document)), built, allow)


def _may_stay(allow: frozenset[Allowance]) -> Callable[[Document], bool]:
    """Return what tells whether a statement of others stays; none does where the policy may be replaced."""
    return (lambda _: False) if Allowance.REPLACE_POLICY in allow else only_lets_read


def _to_build(blueprint: Blueprint, text: str, allow: frozenset[Allowance]) -> Merged:
    """Return a policy text as building leaves it: plain, and as armed as it is."""
    plain, armed = json.loads(blueprint.bucket_policy), json.loads(blueprint.armed_bucket_policy)
    wanted = with_denies(plain, present(text, plain, armed))
    return merge(text, wanted, may_stay=_may_stay(allow))


def _unless_refused(action: PutBucketPolicy, built: Merged, allow: frozenset[Allowance]) -> Decision:
    """Return the action, blocked where it is not allowed, or longer than S3 takes."""
    size, quota = len(action.document.encode()), QUOTAS[Kind.BUCKET]
    if size > quota:
        reason = (
            f"the bucket policy would have {size} bytes, and S3 takes {quota}; "
            "remove a statement that lets somebody read"
        )
        return Blocked(action=action, allow="", reason=reason)
    if built.dropped and Allowance.REPLACE_POLICY not in allow:
        reason = f"it would drop statements that are not Trailkeep's: {', '.join(built.dropped)}"
        return Blocked(action=action, allow=Allowance.REPLACE_POLICY, reason=reason)
    return action


def _arming(blueprint: Blueprint, before: str, after: str) -> PutBucketPolicy:
    return _put(blueprint, before=before, after=after, reason=_OPEN, arms=True)


def _put(
    blueprint: Blueprint,
    *,
    before: str,
    after: str,
    reason: str,
    destructive: bool = False,
    arms: bool = False,
) -> PutBucketPolicy:
    return PutBucketPolicy(
        id="bucket.policy.arm" if arms else "bucket.policy",
        target=blueprint.bucket,
        account=blueprint.archive_account,
        reason=reason,
        destructive=destructive,
        changes=(Change(field="bucket policy", before=before, after=after),),
        bucket=blueprint.bucket,
        region=blueprint.bucket_region,
        document=after,
        arms=arms,
    )
