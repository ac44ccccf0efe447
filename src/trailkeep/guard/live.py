"""What the policies in force are judged by, and what can be said of them beside an explanation."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from trailkeep.core.config import Config
from trailkeep.guard.delivery import Kind, Values, configured
from trailkeep.guard.estate import Absent, Bucket, Encryption, Estate, Trail, Unreadable
from trailkeep.guard.explain import Explained

__all__ = ["Absence", "Judged", "Live", "Read", "judged_by", "missing", "unread"]

Read = str | Absent | Unreadable
"""What became of reading the policy of a key or topic; Absent: there is no such key or topic."""


class Absence(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of policy that there is none of, and why that is no failure."""

    kind: str
    reason: str


class Live(msgspec.Struct, frozen=True, kw_only=True):
    """Every policy in force, explained, and what there is none of."""

    explained: tuple[Explained, ...]
    absences: tuple[Absence, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What was observed, the trail that the policies are for, and the values that they are judged by.

    ``organization_id`` is empty where the trail is one account's.
    """

    config: Config
    estate: Estate
    trail: Trail | Absent | Unreadable
    values: tuple[Values, ...]
    organization_id: str

    @property
    def has_bucket_key(self) -> bool:
        """Whether the bucket has an S3 Bucket Key, or is to have one; where nobody knows, it has."""
        bucket = self.estate.bucket
        if self.config.archive.encryption != "sse-kms" and isinstance(bucket, Bucket):
            return bucket.encryption.bucket_key if isinstance(bucket.encryption, Encryption) else True
        return True


def judged_by(config: Config, estate: Estate, *, given: Values) -> Judged:
    """Return what to judge by: what was given, then the trail as it is, then ``trailkeep.toml``."""
    asked = configured(config)
    trail = _trail(estate, given.trail or asked.trail)
    account = estate.archive_account if isinstance(estate.archive_account, str) else ""
    seen = Values(
        partition=estate.caller.partition,
        prefix=trail.prefix if isinstance(trail, Trail) else "",
        archive_account=account,
    )
    return Judged(
        config=config,
        estate=estate,
        trail=trail,
        values=(given, seen, asked),
        organization_id=given.organization_id or asked.organization_id,
    )


def missing(file: str, kind: Kind, what: str) -> Explained:
    """Say that what a policy would belong to is not there, though CloudTrail needs it."""
    reason = f"{file}: {what}; run 'trailkeep plan'"
    return Explained(file=file, kind=kind, requests=(), findings=(), missing=reason)


def unread(file: str, kind: Kind, fact: Unreadable, what: str = "its policy") -> Explained:
    """Say that a policy could not be read."""
    got = f"{fact.call}: {fact.error}"
    reason = f"{file}: expected {what}, got {got}; allow the call and run 'trailkeep explain --live' again"
    return Explained(file=file, kind=kind, requests=(), findings=(), unread=reason)


def _trail(estate: Estate, arn: str) -> Trail | Absent | Unreadable:
    if isinstance(estate.trails, Unreadable):
        return estate.trails
    return next((trail for trail in estate.trails if trail.arn == arn), Absent())
