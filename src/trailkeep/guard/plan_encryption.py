"""The encryption's part of a plan: the archive's key, the bucket's default, and the key of the trail.

A key is never taken away without its allowance: what was encrypted with it stays bound to it, and what
follows would be readable with the bucket's permissions alone.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from trailkeep.guard.blueprint import Blueprint
from trailkeep.guard.canonical import fault
from trailkeep.guard.changes import (
    Action,
    Change,
    CreateBucket,
    CreateKey,
    EnableKeyRotation,
    PutBucketEncryption,
    PutBucketPolicy,
    PutKeyPolicy,
    SetTrailKey,
    StartLogging,
)
from trailkeep.guard.decisions import Allowance, Blocked, Concern, Decision, Kept, unknown
from trailkeep.guard.documents import compact, merge
from trailkeep.guard.estate import Absent, Encryption, Estate, ForeignBucket, Key, Trail, Unreadable
from trailkeep.guard.key_policy import ALIAS, NEW_KEY, OWN_MATERIAL, only_lets_decrypt
from trailkeep.guard.matching import split_arn
from trailkeep.guard.older_grants import is_older_key_statement
from trailkeep.guard.plan_doubled import concerns, replaced
from trailkeep.guard.plan_trail import observed_trail

__all__ = ["decide_bucket", "decide_key", "with_trail_key"]

_S3_KEYS = "sse-s3"
_KEYED = (CreateKey, PutKeyPolicy, PutBucketEncryption)
_READY = (CreateBucket, PutBucketPolicy)
"""What CloudTrail looks for whenever a trail is changed."""


def decide_key(blueprint: Blueprint, estate: Estate, allow: frozenset[Allowance]) -> Iterator[Decision]:
    """Yield what is missing of the key, and whether one that is in use is failing."""
    match estate.key:
        case Unreadable() as fact:
            yield unknown(fact, "whether CloudTrail can use the key that encrypts the logs")
        case Key() as key if _wants_key(blueprint) and not _is_ours(blueprint, key):
            yield from _new(blueprint)
        case Absent() if _wants_key(blueprint):
            yield from _new(blueprint)
        case Key() as key:
            yield from _existing(blueprint, estate, key, allow)
        case Absent():
            yield from _lost(blueprint, estate)


def decide_bucket(blueprint: Blueprint, estate: Estate, allow: frozenset[Allowance]) -> Iterator[Decision]:
    """Yield what is missing of the bucket's default encryption."""
    wanted = _key_arn(blueprint, estate)
    if isinstance(estate.bucket, Unreadable | ForeignBucket):
        return
    if isinstance(estate.bucket, Absent):
        if wanted:
            yield _bucket(blueprint, "", wanted, "logs are to be encrypted with the archive's own key")
        return
    found = estate.bucket.encryption
    if isinstance(found, Unreadable):
        yield unknown(found, f"which key encrypts what arrives in {estate.bucket.name}")
        return
    before = _said(found)
    if _wants_key(blueprint):
        if wanted and not _is_encrypted(found, wanted):
            yield _bucket(blueprint, before, wanted, f"logs are encrypted with {before}")
    elif before != _S3_KEYS and Allowance.DROP_KEY in allow:
        reason = f"'--allow {Allowance.DROP_KEY}' lets new objects be encrypted with keys of S3's own"
        yield _bucket(blueprint, before, "", reason, destructive=True)
    elif before != _S3_KEYS:
        yield _kept(estate.bucket.name, before)


def with_trail_key(
    blueprint: Blueprint,
    estate: Estate,
    allow: frozenset[Allowance],
    archive: Iterable[Decision],
    trail: Iterable[Decision],
) -> Iterator[Decision]:
    """Yield the trail's decisions with that on its key before logging starts; it waits for the key."""
    waiting, listed = [*trail], [*archive]
    blocked = [one for one in listed if isinstance(one, Blocked) and isinstance(one.action, _KEYED)]
    bucket = [one for one in listed if isinstance(one, Blocked) and isinstance(one.action, _READY)]
    keys = [*_trail_key(blueprint, estate, allow, [*waiting, *bucket])]
    if blocked:
        reason = "the key is not ready for it"
        keys = [
            Blocked(action=one, allow=blocked[0].allow, reason=reason) if isinstance(one, Action) else one
            for one in keys
        ]
    starts = [_is_start(decision) for decision in waiting]
    place = starts.index(True) if True in starts else len(waiting)
    yield from [*waiting[:place], *keys, *waiting[place:]]


def _is_start(decision: Decision) -> bool:
    action = decision.action if isinstance(decision, Blocked) else decision
    return isinstance(action, StartLogging)


def _trail_key(
    blueprint: Blueprint, estate: Estate, allow: frozenset[Allowance], decisions: list[Decision]
) -> Iterator[Decision]:
    trail = observed_trail(blueprint, estate)
    if isinstance(trail, Unreadable):
        return
    before = trail.kms_key if isinstance(trail, Trail) else ""
    wanted = _key_arn(blueprint, estate)
    if _wants_key(blueprint):
        if wanted and not _is_same(before, wanted):
            reason = f"the trail encrypts with {before or 'keys of S3'}"
            action = _set_trail_key(blueprint, before, wanted, reason)
            waits = [one for one in decisions if isinstance(one, Blocked)]
            if waits:
                yield Blocked(action=action, allow=waits[0].allow, reason="the bucket is not ready for it")
            else:
                yield action
    elif before and Allowance.DROP_KEY in allow:
        reason = f"'--allow {Allowance.DROP_KEY}' lets the trail encrypt with keys of S3's own"
        yield _set_trail_key(blueprint, before, "", reason, destructive=True)
    elif before:
        yield _kept(blueprint.trail_arn, before)


def _new(blueprint: Blueprint) -> Iterator[Decision]:
    yield CreateKey(
        id="key.create",
        target=ALIAS,
        account=blueprint.archive_account,
        reason="the archive account has no key of this name in the bucket's region",
        changes=(Change(field="key policy", before="", after=blueprint.key_policy),),
        alias=ALIAS,
        region=blueprint.bucket_region,
        document=blueprint.key_policy,
    )
    yield _rotation(blueprint, NEW_KEY, "a key is to be renewed every year")


def _existing(
    blueprint: Blueprint, estate: Estate, key: Key, allow: frozenset[Allowance]
) -> Iterator[Decision]:
    if key.state != "Enabled":
        yield _failing(key)
        return
    if not _is_of_kms(key):
        yield _imported(key)
        return
    if not _wants_key(blueprint):
        return
    if isinstance(key.policy, Unreadable):
        yield unknown(key.policy, f"whether the policy of {key.arn} lets CloudTrail encrypt")
    else:
        yield from _policy(blueprint, estate, key, allow)
    if isinstance(key.rotates, Unreadable):
        yield unknown(key.rotates, f"whether {key.arn} is renewed every year")
    elif key.rotates is not True:
        yield _rotation(blueprint, key.arn, "the key is never renewed")


def _policy(
    blueprint: Blueprint, estate: Estate, key: Key, allow: frozenset[Allowance]
) -> Iterator[Decision]:
    text = key.policy if isinstance(key.policy, str) else ""
    replaces = Allowance.REPLACE_POLICY in allow
    merged = merge(
        text,
        json.loads(blueprint.key_policy),
        may_stay=lambda one: not replaces and only_lets_decrypt(one),
        is_older=lambda one: is_older_key_statement(blueprint, estate, key, one),
    )
    for statement in merged.kept:
        reason = f"the key policy lets others decrypt: {statement}"
        yield Kept(target=key.arn, reason=reason, allow=Allowance.REPLACE_POLICY)
    yield from concerns(f"key {key.arn}", merged.kept)
    if not merged.changed:
        return
    dropped = ", ".join(merged.dropped)
    document = compact(merged.document)
    action = PutKeyPolicy(
        id="key.policy",
        target=key.arn,
        account=blueprint.archive_account,
        reason=f"the key policy says more than it may: {dropped}"
        if dropped
        else "the key policy does not say what it must" + replaced(text, merged.kept),
        destructive=bool(dropped),
        changes=(Change(field="key policy", before=text, after=document),),
        key=key.arn,
        region=blueprint.bucket_region,
        document=document,
    )
    if dropped and Allowance.REPLACE_POLICY not in allow:
        reason = f"it would drop statements that are not Trailkeep's: {dropped}"
        if text and (why := fault(text)):
            reason = f"its text is no policy document ({why}), so nobody knows what would be dropped"
        yield Blocked(action=action, allow=Allowance.REPLACE_POLICY, reason=reason)
    else:
        yield action


def _failing(key: Key) -> Concern:
    leaving = f", to be deleted at {key.deletion_at:%Y-%m-%d %H:%M} UTC" if key.deletion_at else ""
    return Concern(
        subject=f"key {key.arn}",
        observed=f"its state is {key.state}{leaving}",
        consequence="CloudTrail cannot deliver, nobody can read what is there, "
        "and once the key is deleted every log is lost, locked or not",
        remedy="'aws kms cancel-key-deletion' and 'aws kms enable-key', in its account and at once",
    )


def _imported(key: Key) -> Concern:
    return Concern(
        subject=f"key {key.arn}",
        observed=f"the origin of its material is {key.origin}",
        consequence="the material can expire or be taken away at once, and then every log that was encrypted "
        "with it is lost, locked or not; no plan lets it encrypt what it does not encrypt already",
        remedy=f"take the alias {ALIAS} off it, so that the next plan makes a key whose material is KMS's "
        "own; keep the old key as long as the logs"
        if key.alias == ALIAS
        else "encrypt with a key whose material is KMS's own, and keep the old key as long as the logs",
    )


def _is_of_kms(key: Key) -> bool:
    return key.origin in {"", OWN_MATERIAL}


def _lost(blueprint: Blueprint, estate: Estate) -> Iterator[Decision]:
    trail = observed_trail(blueprint, estate)
    if isinstance(trail, Trail) and trail.kms_key:
        yield Concern(
            subject=f"key {trail.kms_key}",
            observed=f"the trail {trail.name} names it, and it does not exist",
            consequence="CloudTrail cannot deliver, and what was encrypted with the key is lost",
            remedy=f"let the trail encrypt without it: '--allow {Allowance.DROP_KEY}'",
        )


def _rotation(blueprint: Blueprint, key: str, reason: str) -> EnableKeyRotation:
    return EnableKeyRotation(
        id="key.rotation",
        target=key,
        account=blueprint.archive_account,
        reason=reason,
        changes=(Change(field="rotation", before="", after="every year"),),
        key=key,
        region=blueprint.bucket_region,
    )


def _bucket(
    blueprint: Blueprint, before: str, key: str, reason: str, *, destructive: bool = False
) -> PutBucketEncryption:
    return PutBucketEncryption(
        id="bucket.encryption",
        target=blueprint.bucket,
        account=blueprint.archive_account,
        reason=reason,
        destructive=destructive,
        changes=(Change(field="default encryption", before=before, after=key or _S3_KEYS),),
        bucket=blueprint.bucket,
        region=blueprint.bucket_region,
        kms_key=key,
    )


def _set_trail_key(
    blueprint: Blueprint, before: str, key: str, reason: str, *, destructive: bool = False
) -> SetTrailKey:
    return SetTrailKey(
        id="trail.encryption",
        target=blueprint.trail_arn,
        account=blueprint.management_account,
        reason=reason,
        destructive=destructive,
        changes=(Change(field="encryption", before=before or _S3_KEYS, after=key or _S3_KEYS),),
        arn=blueprint.trail_arn,
        region=blueprint.trail_region,
        kms_key=key,
    )


def _kept(target: str, before: str) -> Kept:
    reason = f"it encrypts with {before}, which is more than is asked for (sse-s3)"
    return Kept(target=target, reason=reason, allow=Allowance.DROP_KEY)


def _wants_key(blueprint: Blueprint) -> bool:
    return blueprint.encryption == "sse-kms"


def _key_arn(blueprint: Blueprint, estate: Estate) -> str:
    """Return the key to encrypt with, empty where none is asked for or the one there is cannot be used."""
    if not _wants_key(blueprint) or isinstance(estate.key, Unreadable):
        return ""
    if isinstance(estate.key, Absent) or not _is_ours(blueprint, estate.key):
        return NEW_KEY
    return estate.key.arn if estate.key.state == "Enabled" and _is_of_kms(estate.key) else ""


def _is_ours(blueprint: Blueprint, key: Key) -> bool:
    """Return whether it is the archive account's own key, where the bucket is; ours by alias stays ours."""
    segments = split_arn(key.arn) or ()
    place = (blueprint.bucket_region, blueprint.archive_account)
    is_adoptable = key.alias == ALIAS or _is_of_kms(key)
    return key.manager == "CUSTOMER" and tuple(segments[3:5]) == place and is_adoptable


def _is_encrypted(found: Encryption | Absent, key: str) -> bool:
    if isinstance(found, Absent) or not _is_same(found.kms_key, key):
        return False
    return found.algorithm == "aws:kms:dsse" or (found.algorithm == "aws:kms" and found.bucket_key)


def _is_same(named: str, arn: str) -> bool:
    return named == arn


def _said(found: Encryption | Absent) -> str:
    if isinstance(found, Absent) or found.algorithm == "AES256":
        return _S3_KEYS
    key = found.kms_key or "the key aws/s3"
    return key if found.bucket_key else f"{key} without a bucket key"
