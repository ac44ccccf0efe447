"""What an audit looks at beyond the estate: how the bucket is used, who is told, and what IAM centralizes.

As in the estate, ``Absent`` stands where AWS says that there is none and ``Unreadable`` where nobody knows.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from trailkeep.guard.estate import Absent, Key, Tag, Unreadable

__all__ = ["AuditFacts", "Feed", "Replica", "Versions", "Watcher", "unread"]


class _Fact(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="fact", tag=True
):
    """One observed value; ``fact`` names its type in JSON."""


class Versions(_Fact, frozen=True, kw_only=True):
    """What a listing of versions told: how many entries, the first delete markers, and whether it was all."""

    looked_at: int
    delete_markers: tuple[str, ...]
    is_complete: bool


class Replica(_Fact, frozen=True, kw_only=True):
    """Where logs are copied to; ``account`` is empty where the copy stays with the owner of the bucket."""

    bucket: str
    account: str


class Feed(_Fact, frozen=True, kw_only=True):
    """The trail's feed to CloudWatch Logs; ``error`` is empty where the last delivery succeeded."""

    delivered_at: datetime | None
    error: str


class Watcher(_Fact, frozen=True, kw_only=True):
    """Something that tells of calls: ``looks_for`` is its pattern, ``is_heard`` whether anybody is told."""

    name: str
    looks_for: str
    is_heard: bool


class AuditFacts(_Fact, frozen=True, kw_only=True):
    """Everything that was read for the audit alone.

    ``access_log_bucket`` is where S3 writes access logs of the archive, ``public_grants`` are the grants of
    its ACL to everybody, ``notifies`` is whether S3 tells anything of new objects, ``root_features`` are the
    organization's features of IAM for root users. ``key`` is the one that trail or bucket names, with its
    policy, whoever owns it.
    """

    versions: Versions | Unreadable
    access_log_bucket: str | Absent | Unreadable
    mfa_delete: bool | Unreadable
    public_grants: tuple[str, ...] | Unreadable
    notifies: bool | Unreadable
    replicas: tuple[Replica, ...] | Absent | Unreadable
    key: Key | Absent | Unreadable
    feed: Feed | Absent | Unreadable
    trail_tags: tuple[Tag, ...] | Unreadable
    root_features: tuple[str, ...] | Unreadable
    watchers: tuple[Watcher, ...] | Unreadable


def unread(why: Unreadable) -> AuditFacts:
    """Return facts of which none is known, for one reason."""
    return AuditFacts(
        versions=why,
        access_log_bucket=why,
        mfa_delete=why,
        public_grants=why,
        notifies=why,
        replicas=why,
        key=why,
        feed=why,
        trail_tags=why,
        root_features=why,
        watchers=why,
    )
