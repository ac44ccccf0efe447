"""What was observed, keeps logs from being recorded, delivered or kept, and is repaired by no action."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from trailkeep.guard.blueprint import Blueprint
from trailkeep.guard.decisions import Concern, Decision, unknown
from trailkeep.guard.estate import Bucket, Encryption, Estate, Trail, Unreadable
from trailkeep.guard.matching import split_arn
from trailkeep.guard.plan_guard_content import refuses_delivery
from trailkeep.guard.plan_guards import archive_path
from trailkeep.guard.plan_lifecycle import archivings, costly_moves, early_expirations
from trailkeep.guard.plan_trail import observed_trail

__all__ = ["decide", "of_the_moment"]


def decide(blueprint: Blueprint, estate: Estate) -> Iterator[Decision]:
    """Yield what lasts until somebody repairs it."""
    if isinstance(estate.bucket, Bucket):
        yield from _lifecycle(blueprint, estate.bucket)
    yield from _keys_elsewhere(blueprint, estate)
    if isinstance(observed_trail(blueprint, estate), Trail):
        yield from _refusals(blueprint, estate)


def of_the_moment(blueprint: Blueprint, estate: Estate) -> Iterator[Concern]:
    """Yield what the next delivery may change, so that no fingerprint is of it."""
    trail = observed_trail(blueprint, estate)
    if not isinstance(trail, Trail) or isinstance(trail.status, Unreadable):
        return
    failed = {
        "log": trail.status.latest_delivery_error,
        "digest": trail.status.latest_digest_delivery_error,
    }
    for what, error in failed.items():
        if error:
            yield Concern(
                subject=f"trail {trail.name}",
                observed=f"the last delivery of a {what} to {trail.bucket} failed: {error}",
                consequence="CloudTrail gives up what it cannot deliver for long, and nobody can get it back"
                if what == "log"
                else "logs without a digest are never proven to be complete and unchanged",
                remedy="see which bucket policy, key policy or resource control policy refuses CloudTrail, "
                "and change it",
            )


def _lifecycle(blueprint: Blueprint, bucket: Bucket) -> Iterator[Decision]:
    if isinstance(bucket.lifecycle, Unreadable):
        yield unknown(bucket.lifecycle, f"whether logs in {bucket.name} expire before their time")
    elif isinstance(bucket.lifecycle, str):
        days, text = blueprint.retention_days, bucket.lifecycle
        yield from _told(
            blueprint,
            early_expirations(text, days),
            f"logs go, or are hidden, before {days} days are over",
            "remove the rule, or let it expire nothing before the retention is over",
        )
        yield from _told(
            blueprint,
            archivings(text, days),
            "nobody collects, verifies or searches these logs before each was restored, which takes hours "
            "and is billed",
            f"remove the rule, or let it archive nothing before {days} days are over; restore what it moved",
        )
        yield from _told(
            blueprint,
            costly_moves(text, bucket.smallest_transition),
            "every move is billed, and a log of 2 KB is then billed with 40 KB beside it in an archive, or "
            "as 128 KB elsewhere",
            "remove the rule, or let it move nothing below 128 KB",
        )


def _told(blueprint: Blueprint, rules: Iterable[str], consequence: str, remedy: str) -> Iterator[Concern]:
    guarded = "; the guard refuses that while it is attached" if blueprint.guards else ""
    for rule in rules:
        yield Concern(
            subject=f"bucket {blueprint.bucket}",
            observed=rule,
            consequence=consequence,
            remedy=remedy + guarded,
        )


def _keys_elsewhere(blueprint: Blueprint, estate: Estate) -> Iterator[Concern]:
    """Yield the keys of other accounts that encrypt logs, where no action replaces them.

    Control Tower, for one, keeps its key in the management account, which no guard binds.
    """
    if blueprint.encryption != "sse-s3":
        return
    trail = observed_trail(blueprint, estate)
    keys: dict[str, str] = {}
    if isinstance(trail, Trail) and trail.kms_key:
        keys[f"trail {trail.name}"] = trail.kms_key
    if isinstance(estate.bucket, Bucket) and isinstance(estate.bucket.encryption, Encryption):
        keys[f"bucket {estate.bucket.name}"] = estate.bucket.encryption.kms_key
    for subject, key in keys.items():
        segments = split_arn(key)
        if segments and (owner := segments[4]) != blueprint.archive_account:
            yield Concern(
                subject=subject,
                observed=f"its new logs are encrypted with {key}, a key of account {owner}",
                consequence="whoever may disable or delete that key makes every log unreadable, and no guard "
                "of the archive account keeps them from it",
                remedy='encrypt with a key of the archive account (archive.encryption = "sse-kms") or with '
                "S3's own (--allow drop-key)",
            )


def _refusals(blueprint: Blueprint, estate: Estate) -> Iterator[Concern]:
    """Yield the resource control policies that bind the archive and refuse the trail, ours or not."""
    if isinstance(estate.resource_control_policies, Unreadable):
        return
    path = archive_path(blueprint, estate)
    for policy in estate.resource_control_policies:
        if isinstance(policy.targets, Unreadable) or not isinstance(policy.content, str):
            continue
        where = [target for target in policy.targets if target in path]
        if where and refuses_delivery(blueprint, policy.content):
            yield Concern(
                subject=f"resource control policy {policy.name}",
                observed=f"it is attached to {', '.join(where)} and refuses what CloudTrail does for "
                f"{blueprint.trail_arn}",
                consequence="no log of this trail arrives in the archive",
                remedy="detach it, or except the trail from it with aws:SourceArn",
            )
