"""The bucket policy's part of a plan, in two phases: ``bucket.policy`` builds, ``bucket.policy.arm`` arms.

Building brings about the plain policy and leaves an armed one armed: what it denies already stays, and is
repaired without waiting. Arming adds what is missing of the armed policy to what building leaves.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace

from trailkeep.guard.armed_policy import present, with_denies
from trailkeep.guard.blueprint import Blueprint
from trailkeep.guard.canonical import fault
from trailkeep.guard.changes import Change, PutBucketPolicy
from trailkeep.guard.decisions import Allowance, Blocked, Decision, Kept, unknown
from trailkeep.guard.delivery import Kind
from trailkeep.guard.documents import Document, Merged, canonical, compact, merge, numbered, only_lets_read
from trailkeep.guard.estate import Absent, Bucket, Estate, ForeignBucket, Unreadable
from trailkeep.guard.explain import QUOTAS
from trailkeep.guard.other_trails import Beside, OtherTrail, beside, cut_by, grants_for, named
from trailkeep.guard.plan_doubled import concerns, replaced
from trailkeep.guard.plan_readers import named_in

__all__ = ["apart", "arm", "cutting", "cutting_allowed", "decide", "denies_held", "is_armed", "new"]

_NOTHING = "CloudTrail cannot deliver without a bucket policy"
_OPEN = (
    "the bucket policy does not keep everybody but the trail from writing, nor anybody from changing a log"
)


def new(blueprint: Blueprint) -> PutBucketPolicy:
    """Return the action that gives a bucket without a policy the plain one."""
    return _put(blueprint, before="", after=blueprint.bucket_policy, reason=_NOTHING)


def decide(
    blueprint: Blueprint, estate: Estate, bucket: Bucket, allow: frozenset[Allowance]
) -> Iterator[Decision]:
    """Yield what the policy of an existing bucket lacks to let the trail deliver, and says too much."""
    match bucket.policy:
        case Unreadable():
            undecided = f"whether the bucket policy of {bucket.name} lets only the trail deliver"
            yield unknown(bucket.policy, undecided)
        case Absent():
            yield new(blueprint)
        case str() as text:
            yield from _built(blueprint, beside(blueprint, estate), text, allow)


def arm(blueprint: Blueprint, estate: Estate, allow: frozenset[Allowance]) -> Iterator[Decision]:
    """Yield what arms the policy that building leaves; what could not be read is ``decide``'s to say."""
    match estate.bucket:
        case Absent():
            yield _arming(blueprint, blueprint.bucket_policy, blueprint.armed_bucket_policy)
        case Bucket(policy=Absent()):
            yield _arming(blueprint, blueprint.bucket_policy, blueprint.armed_bucket_policy)
        case Bucket(policy=str() as text):
            yield from _armed(blueprint, beside(blueprint, estate), text, allow)
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


def cutting(blueprint: Blueprint, cut: Iterable[OtherTrail], *, armed: bool = False) -> str:
    """Return why something must not cut off trails that deliver, and the way on.

    What is ``armed`` lets one trail deliver, so nothing can overlap there.
    """
    trails = ", ".join(other.arn if other.is_seen else f"{other.arn} (not visible here)" for other in cut)
    way = f"let both run until a day of logs of {blueprint.trail} has arrived, stop that trail by hand"
    if armed:
        way = "what is armed lets one trail deliver, so keep its name in trail.name, or stop it by hand"
    return f"it would cut off {trails}, which delivers into this bucket; {way}, and plan again"


def cutting_allowed(cut: tuple[OtherTrail, ...], allow: frozenset[Allowance]) -> str:
    """Return the words for trails that are cut off because that is allowed, none where it is not."""
    if not cut or Allowance.CUT_TRAIL not in allow:
        return ""
    trails = ", ".join(other.arn for other in cut)
    return f"; allowed by '--allow {Allowance.CUT_TRAIL}': {trails} can no longer deliver into this bucket"


def _built(
    blueprint: Blueprint, others: Beside, text: str, allow: frozenset[Allowance]
) -> Iterator[Decision]:
    merged = _to_build(blueprint, others, text, allow)
    for statement in merged.kept:
        delivers = others.lets_others_deliver(json.loads(statement))
        way = "" if delivers else Allowance.REPLACE_POLICY
        yield Kept(target=blueprint.bucket, reason=_staying(others, statement), allow=way)
    yield from concerns(f"bucket {blueprint.bucket}", merged.kept)
    if not merged.changed:
        return
    reason = "the bucket policy does not say what it must"
    if merged.dropped:
        reason = f"the bucket policy says more than it may: {', '.join(merged.dropped)}"
    reason += replaced(text, (*merged.kept, *merged.dropped))
    after = compact(merged.document)
    cut = cut_by(after, others.delivering)
    action = _put(
        blueprint,
        before=text,
        after=after,
        reason=reason + cutting_allowed(cut, allow),
        destructive=bool(merged.dropped or cut),
    )
    yield _unless_refused(
        action, merged, allow, text=text, cuts=cutting(blueprint, cut, armed=True) if cut else ""
    )


def _staying(others: Beside, statement: str) -> str:
    found = json.loads(statement)
    if others.lets_others_deliver(found):
        further = [arn for arn in named(found) if arn != others.ours]
        trails = ", ".join(further)
        if all(arn in others.gone for arn in further):
            return f"the bucket policy lets {trails} deliver, which does not, until it is armed: {statement}"
        return f"the bucket policy lets {trails} deliver beside ours: {statement}"
    return f"the bucket policy lets {', '.join(named_in(found))} read: {statement}"


def _armed(
    blueprint: Blueprint, others: Beside, text: str, allow: frozenset[Allowance]
) -> Iterator[Decision]:
    built = _to_build(blueprint, others, text, allow)
    before = compact(built.document) if built.changed else text
    merged = merge(
        before,
        json.loads(blueprint.armed_bucket_policy),
        may_stay=lambda one: _may_read(one, allow) and not others.lets_others_deliver(one),
        is_older=others.is_ours_to_replace,
    )
    if not merged.changed:
        return
    after = compact(merged.document)
    cut = tuple(
        other for other in cut_by(after, others.delivering) if other not in cut_by(before, others.delivering)
    )
    action = _arming(blueprint, before, after, cut, _OPEN + cutting_allowed(cut, allow))
    yield _unless_refused(action, built, allow, text=text, cuts=cutting(blueprint, cut) if cut else "")


def _may_read(statement: Document, allow: frozenset[Allowance]) -> bool:
    """Return whether a statement only lets somebody read, and others' statements may stay."""
    return Allowance.REPLACE_POLICY not in allow and only_lets_read(statement)


def _to_build(blueprint: Blueprint, others: Beside, text: str, allow: frozenset[Allowance]) -> Merged:
    """Return a policy text as building leaves it: plain, as armed as it is, open to whom ours overlaps."""
    plain, armed = json.loads(blueprint.bucket_policy), json.loads(blueprint.armed_bucket_policy)
    wanted = with_denies(plain, present(text, plain, armed))
    merged = merge(
        text,
        wanted,
        may_stay=lambda one: _may_read(one, allow) or others.lets_others_deliver(one),
        is_older=others.is_ours_to_replace,
    )
    if lacking := grants_for(merged.document, others.delivering):
        said = merged.document["Statement"]
        statements = [*said, *numbered(lacking, {str(one.get("Sid")) for one in said})]
        merged = replace(merged, document={**merged.document, "Statement": statements}, changed=True)
    is_closed = cut_by(compact(merged.document), others.delivering)
    return _closed(text, wanted, others, allow) if is_closed else merged


def _closed(text: str, wanted: Document, others: Beside, allow: frozenset[Allowance]) -> Merged:
    """Return a policy text that denies all trails but ours, without the grants that are of no use to them."""
    merged = merge(
        text,
        wanted,
        may_stay=lambda one: _may_read(one, allow) and not others.lets_others_deliver(one),
        is_older=lambda one: others.is_ours_to_replace(one) or others.lets_others_deliver(one),
    )
    dropped = tuple(one for one in merged.dropped if not others.lets_others_deliver(json.loads(one)))
    return replace(merged, dropped=dropped)


def _unless_refused(
    action: PutBucketPolicy, built: Merged, allow: frozenset[Allowance], *, text: str, cuts: str
) -> Decision:
    """Return the action, blocked where it is not allowed, or longer than S3 takes."""
    size, quota = len(action.document.encode()), QUOTAS[Kind.BUCKET]
    if size > quota:
        reason = (
            f"the bucket policy would have {size} bytes, and S3 takes {quota}; "
            "remove a statement that lets somebody read"
        )
        return Blocked(action=action, allow="", reason=reason)
    if cuts and Allowance.CUT_TRAIL not in allow:
        return Blocked(action=action, allow=Allowance.CUT_TRAIL, reason=cuts)
    if built.dropped and Allowance.REPLACE_POLICY not in allow:
        reason = f"it would drop statements that are not Trailkeep's: {', '.join(built.dropped)}"
        if why := fault(text):
            reason = f"its text is no policy document ({why}), so nobody knows what would be dropped"
        return Blocked(action=action, allow=Allowance.REPLACE_POLICY, reason=reason)
    return action


def _arming(
    blueprint: Blueprint, before: str, after: str, cut: tuple[OtherTrail, ...] = (), reason: str = _OPEN
) -> PutBucketPolicy:
    return _put(blueprint, before=before, after=after, reason=reason, destructive=bool(cut), arms=True)


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
