"""The storage's part of a plan: lifecycle rules that agree with the lock, tags, the account's public access.

S3 deletes no locked version: a rule that comes before the lock ends would only write delete markers, so none
is set. Rules and tags of others stay.

Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock-managing.html#object-lock-managing-lifecycle
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from trailkeep.guard.blueprint import Blueprint
from trailkeep.guard.changes import Change, PutAccountPublicAccessBlock, PutLifecycle, PutTags
from trailkeep.guard.decisions import Allowance, Decision, Kept, unknown
from trailkeep.guard.estate import Absent, Bucket, Estate, ForeignBucket, ObjectLock, Tag, Unreadable
from trailkeep.guard.plan_archive import PUBLIC_ACCESS
from trailkeep.guard.plan_lifecycle import (
    Rule,
    archivings,
    costly_moves,
    early_expirations,
    read_rules,
)

__all__ = ["TAG", "decide", "lifecycle_rules"]

TAG = Tag(key="managed-by", value="trailkeep")
_UPLOADS = "trailkeep-uploads"
_EXPIRE = "trailkeep-expire"
_MARKERS = "trailkeep-markers"
_OURS = (_UPLOADS, _EXPIRE, _MARKERS)
_UPLOAD_DAYS = 7
_LOGS = "AWSLogs/"


def decide(blueprint: Blueprint, estate: Estate, allow: frozenset[Allowance]) -> Iterator[Decision]:
    """Yield what is missing of lifecycle rules, tags, and the account's public access block."""
    yield from _account(blueprint, estate)
    match estate.bucket:
        case Unreadable() | ForeignBucket():
            return
        case Absent():
            days = blueprint.retention_days
            rules = lifecycle_rules(blueprint.lifecycle_expire_days, held_days=days)
            yield _lifecycle(blueprint, [], rules, "what is never finished must not be paid for")
            yield _tags(blueprint, (), (TAG,))
        case Bucket() as bucket:
            yield from _existing_lifecycle(blueprint, bucket, allow)
            yield from _existing_tags(blueprint, bucket)


def lifecycle_rules(expire_days: int, *, held_days: int) -> list[Rule]:
    """Return our rules; with ``expire_days`` 0 no log ever goes.

    A log becomes noncurrent after ``expire_days`` and is deleted ``held_days`` later; one that somebody hid
    or overwrote is kept for ``held_days`` too. Rules for markers name no days: S3 refuses both in one rule.
    """
    rules: list[Rule] = [
        {
            "ID": _UPLOADS,
            "Status": "Enabled",
            "Filter": {"Prefix": ""},
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": _UPLOAD_DAYS},
        }
    ]
    if expire_days:
        shared = {"Status": "Enabled", "Filter": {"Prefix": _LOGS}}
        noncurrent = {"NoncurrentDays": held_days}
        rules += [
            {
                "ID": _EXPIRE,
                **shared,
                "Expiration": {"Days": expire_days},
                "NoncurrentVersionExpiration": noncurrent,
            },
            {"ID": _MARKERS, **shared, "Expiration": {"ExpiredObjectDeleteMarker": True}},
        ]
    return rules


def _existing_lifecycle(
    blueprint: Blueprint, bucket: Bucket, allow: frozenset[Allowance]
) -> Iterator[Decision]:
    """Yield the rules' decisions; a text that is unreadable or no list of rules is told of elsewhere."""
    if isinstance(bucket.lifecycle, Unreadable):
        return
    observed = [] if isinstance(bucket.lifecycle, Absent) else read_rules(bucket.lifecycle)
    if observed is None:
        return
    held = _held_days(blueprint, bucket, allow)
    wanted = max(blueprint.lifecycle_expire_days, held) if blueprint.lifecycle_expire_days else 0
    before = _expire_days(observed)
    target = wanted if Allowance.SHORTEN_RETENTION in allow or _is_later(wanted, before) else before
    target = max(target, held) if target else 0
    foreign = [rule for rule in observed if rule.get("ID") not in _OURS]
    yield from _foreign(blueprint, bucket, foreign)
    after = [*foreign, *lifecycle_rules(target, held_days=held)]
    if _said(observed) != _said(after) or not _is_same(observed, after):
        yield _lifecycle(
            blueprint,
            observed,
            after,
            "the lifecycle rules do not say what they must",
            destructive=not _is_later(target, before),
        )
    if target != wanted:
        yield Kept(
            target=bucket.name,
            reason=f"logs {_going(before)}, and going after {wanted} days is asked for",
            allow=Allowance.SHORTEN_RETENTION,
        )


def _foreign(blueprint: Blueprint, bucket: Bucket, rules: list[Rule]) -> Iterator[Kept]:
    """Yield the rules of others that are no concern."""
    for rule in rules:
        text, days = json.dumps([rule]), blueprint.retention_days
        if not [
            *early_expirations(text, days),
            *archivings(text, days),
            *costly_moves(text, bucket.smallest_transition),
        ]:
            name = rule.get("ID", "without a name")
            yield Kept(target=blueprint.bucket, reason=f"lifecycle rule {name} is not Trailkeep's", allow="")


def _held_days(blueprint: Blueprint, bucket: Bucket, allow: frozenset[Allowance]) -> int:
    """Return how long the lock will hold a new log once the plan was performed."""
    observed = bucket.object_lock.days if isinstance(bucket.object_lock, ObjectLock) else 0
    if Allowance.SHORTEN_RETENTION in allow:
        return blueprint.retention_days
    return max(observed, blueprint.retention_days)


def _existing_tags(blueprint: Blueprint, bucket: Bucket) -> Iterator[Decision]:
    if isinstance(bucket.tags, Unreadable):
        yield unknown(bucket.tags, f"which tags of {bucket.name} would have to stay")
        return
    before = () if isinstance(bucket.tags, Absent) else bucket.tags
    if TAG not in before:
        others = tuple(tag for tag in before if tag.key != TAG.key)
        yield _tags(blueprint, before, (*others, TAG))


def _account(blueprint: Blueprint, estate: Estate) -> Iterator[Decision]:
    if not blueprint.is_of_organization:
        return  # the account holds more than the archive, and some of that may have to be public
    before = estate.account_public_access_block
    if isinstance(before, Unreadable):
        yield unknown(before, f"whether account {blueprint.archive_account} blocks public access as a whole")
    elif before != PUBLIC_ACCESS:
        yield PutAccountPublicAccessBlock(
            id="account.public_access",
            target=blueprint.archive_account,
            account=blueprint.archive_account,
            reason="no bucket or access point of the account may ever become public",
            changes=(
                Change(
                    field="public access block",
                    before="" if isinstance(before, Absent) else "in part",
                    after="all of the account",
                ),
            ),
            region=blueprint.bucket_region,
        )


def _lifecycle(
    blueprint: Blueprint, before: list[Rule], after: list[Rule], reason: str, *, destructive: bool = False
) -> PutLifecycle:
    return PutLifecycle(
        id="bucket.lifecycle",
        target=blueprint.bucket,
        account=blueprint.archive_account,
        reason=reason,
        destructive=destructive,
        changes=(Change(field="lifecycle", before=_said(before), after=_said(after)),),
        bucket=blueprint.bucket,
        region=blueprint.bucket_region,
        document=json.dumps(after, sort_keys=True),
    )


def _tags(blueprint: Blueprint, before: tuple[Tag, ...], after: tuple[Tag, ...]) -> PutTags:
    return PutTags(
        id="bucket.tags",
        target=blueprint.bucket,
        account=blueprint.archive_account,
        reason="who looks at the bucket must see what manages it",
        changes=(Change(field="tags", before=_listed(before), after=_listed(after)),),
        bucket=blueprint.bucket,
        region=blueprint.bucket_region,
        tags=after,
    )


def _listed(tags: tuple[Tag, ...]) -> str:
    return ", ".join(f"{tag.key}={tag.value}" for tag in tags)


def _expire_days(rules: list[Rule]) -> int:
    """Return after how many days our rule lets logs go, 0 where there is none that is enabled."""
    for rule in rules:
        if rule.get("ID") == _EXPIRE and rule.get("Status") == "Enabled":
            days = rule.get("Expiration", {}).get("Days", 0)
            return days if isinstance(days, int) else 0
    return 0


def _is_later(days: int, other: int) -> bool:
    """Return whether ``days`` is as late or later; 0 means never, later than any day."""
    return days == 0 or (other != 0 and days >= other)


def _is_same(observed: list[Rule], after: list[Rule]) -> bool:
    return sorted(map(_canonical, observed)) == sorted(map(_canonical, after))


def _canonical(rule: Rule) -> str:
    """Return a rule as a text in which a filter that matches everything is written in one way."""
    chosen = {key: value for key, value in rule.get("Filter", {}).items() if value != ""}
    return json.dumps({**rule, "Filter": chosen}, sort_keys=True)


def _said(rules: list[Rule]) -> str:
    """Return what our rules do, and how many there are of others, in words."""
    names = [rule.get("ID") for rule in rules]
    words = [f"unfinished uploads go after {_UPLOAD_DAYS} days"] if _UPLOADS in names else []
    days = _expire_days(rules)
    words += [f"logs {_going(days)}"] if days else []
    others = len([name for name in names if name not in _OURS])
    words += [f"{others} of others"] if others else []
    return "; ".join(words)


def _going(days: int) -> str:
    return f"go after {days} days" if days else "never go"
