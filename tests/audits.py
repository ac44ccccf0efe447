"""Small audits: an organization in force, with all that an audit reads beside it, and changes to either."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import msgspec
from msgspec.structs import replace

from estates import config, in_force, nothing, planned
from trailkeep.guard.audit_facts import AuditFacts, Versions, Watcher
from trailkeep.guard.control import Subject
from trailkeep.guard.control_mappings import Framework
from trailkeep.guard.controls import subject_of
from trailkeep.guard.estate import Absent, Bucket, Estate, Key, Tag, Trail, Unreadable
from trailkeep.guard.judge_status import judge
from trailkeep.guard.model import apply_all
from trailkeep.guard.status import AccountSeen, Member, Observation, RegionStatus, Seen, TrailSeen

__all__ = ["NOW", "facts", "observation", "subject", "unarmed"]

T = TypeVar("T")

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
_REGIONS = ("eu-central-1", "us-east-1")
_ARMED = ("TrailkeepDenyOtherWriters", "TrailkeepDenyLogChanges", "TrailkeepDenyBucketChanges")
_KMS = {"archive.encryption": "sse-kms"}


def facts() -> AuditFacts:
    """Return what is read of an archive that nobody has touched."""
    return AuditFacts(
        versions=Versions(looked_at=10, delete_markers=(), is_complete=True),
        access_log_bucket="acme-access-logs",
        mfa_delete=False,
        public_grants=(),
        notifies=True,
        replicas=Absent(),
        key=Absent(),
        feed=Absent(),
        trail_tags=(Tag(key="owner", value="security"),),
        root_features=("RootCredentialsManagement",),
        watchers=(
            Watcher(
                name="rule trail", looks_for="cloudtrail StopLogging DeleteTrail UpdateTrail", is_heard=True
            ),
        ),
    )


def observation() -> Observation:
    """Return an archive in which every account and region delivered ten minutes ago."""
    lately = NOW - timedelta(minutes=10)
    long_ago = NOW - timedelta(days=90)
    seen = tuple(Seen(region=region, log_at=lately, digest_at=lately) for region in _REGIONS)
    accounts = ("111111111111", "222222222222", "333333333333")
    return Observation(
        trail=TrailSeen(
            name="trailkeep",
            home_region="eu-central-1",
            is_multi_region=True,
            validates_logs=True,
            statuses=tuple(
                RegionStatus(region=region, is_logging=True, delivered_at=lately, started_at=long_ago)
                for region in _REGIONS
            ),
        ),
        members=tuple(Member(id=account, joined_at=long_ago) for account in accounts),
        regions=_REGIONS,
        archive=tuple(AccountSeen(account=account, regions=seen) for account in accounts),
        lake=Absent(),
    )


def subject(case: Mapping[str, Any], *, framework: Framework | None = None) -> Subject:
    """Return what is audited: ``base`` with the changes of ``estate``, ``facts`` and ``status`` by path.

    ``base`` is ``armed``, ``kms`` (armed, with a key of its own) or ``nothing``; ``another_trail`` is added to
    the trails. ``unarmed`` takes the denies of an armed archive out of the bucket policy.
    """
    start, key = _bases()[case.get("base", "armed")]
    read = changed(facts(), {**({"key": msgspec.to_builtins(key)} if key else {}), **case.get("facts", {})})
    seen = changed(observation(), case.get("status", {}))
    status = Unreadable(call="x:Y", error="refused") if case.get("status_refused") else judge(seen, now=NOW)
    if case.get("unarmed"):
        start = changed(start, {"bucket.policy": unarmed(start)})
    estate = changed(start, case.get("estate", {}))
    if "another_trail" in case and not isinstance(estate.trails, Unreadable):
        another = msgspec.convert(case["another_trail"], Trail)
        estate = replace(estate, trails=(*estate.trails, another))
    return subject_of(
        estate,
        read,
        status,
        config=config(case.get("config", {})),
        framework=framework,
        now=NOW,
    )


def unarmed(estate: Estate) -> str:
    """Return the bucket policy without the denies with which it was armed."""
    assert isinstance(estate.bucket, Bucket)
    assert isinstance(estate.bucket.policy, str)
    policy = json.loads(estate.bucket.policy)
    kept = [one for one in policy["Statement"] if one["Sid"] not in _ARMED]
    return json.dumps({**policy, "Statement": kept})


def changed(value: T, changes: Mapping[str, Any]) -> T:
    """Return a value with parts replaced by path, as in ``{"trails.0.bucket": "other"}``."""
    tree: Any = msgspec.json.decode(msgspec.json.encode(value))
    for path, new in changes.items():
        *parents, last = (int(step) if step.isdecimal() else step for step in path.split("."))
        place = tree
        for step in parents:
            place = place[step]
        place[last] = new
    return msgspec.json.decode(msgspec.json.encode(tree), type=type(value))


def _bases() -> dict[str, tuple[Estate, Key | None]]:
    with_key = apply_all(nothing(), planned(config(_KMS), nothing()).actions)
    key = with_key.key if isinstance(with_key.key, Key) else None
    return {"armed": (in_force(), None), "nothing": (nothing(), None), "kms": (with_key, key)}
