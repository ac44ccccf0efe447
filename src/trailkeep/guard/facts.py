"""What is known of an archive when a threat is reasoned about: its names, its locks, its key.

Nothing is assumed: a fact that nobody read is None, a name that nobody knows is empty, and a threat whose
facts are not known stands. Facts come from an estate (``observed``), or from pasted policies, which tell some
of the names and no state (``trailkeep.guard.revealed``).

Source: https://docs.aws.amazon.com/accounts/latest/reference/manage-acct-regions.html,
https://docs.aws.amazon.com/AmazonS3/latest/userguide/gpbucketnamespaces.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from typing import assert_never

from trailkeep.guard.estate import (
    Absent,
    Bucket,
    Encryption,
    Estate,
    Key,
    ObjectLock,
    Organization,
    Trail,
    Unreadable,
)
from trailkeep.guard.matching import split_arn
from trailkeep.guard.plan_lifecycle import early_expirations
from trailkeep.guard.threat import Fact, Names, Threat

__all__ = ["ArchiveFacts", "Standing", "Stands", "observed", "regional_name", "standing", "together"]

_ENABLED = """
    ap-northeast-1 ap-northeast-2 ap-northeast-3 ap-south-1 ap-southeast-1 ap-southeast-2 ca-central-1
    eu-central-1 eu-north-1 eu-west-1 eu-west-2 eu-west-3 sa-east-1 us-east-1 us-east-2 us-west-1 us-west-2
"""
_DEFAULT_REGIONS = frozenset(_ENABLED.split())
_REGIONAL = re.compile(r".+-(?P<account>\d{12})-(?P<region>[a-z]{2,4}(?:-[a-z]+)+-\d)-an")
_EVER = 10**9


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveFacts:
    """What is known; empty or None: not known. An empty ``prefix`` is known to be none.

    ``trail``, ``key``, ``topic``, ``log_group`` and ``feed_role`` are ARNs. ``lock_mode`` and ``lock_days``
    are those of the default retention, empty and 0 where there is none. ``expirations`` are the lifecycle
    rules that ever end a log, in words; ``delegates`` the accounts to which CloudTrail is delegated.
    """

    partition: str = ""
    region: str = ""
    organization: str = ""
    management_account: str = ""
    archive_account: str = ""
    bucket: str = ""
    prefix: str | None = None
    trail: str = ""
    key: str = ""
    key_state: str = ""
    topic: str = ""
    log_group: str = ""
    feed_role: str = ""
    has_lock: bool | None = None
    lock_mode: str | None = None
    lock_days: int | None = None
    versioning: str | None = None
    expirations: tuple[str, ...] | None = None
    has_key: bool | None = None
    has_feed: bool | None = None
    delegates: tuple[str, ...] | None = None

    @property
    def names(self) -> Names:
        """What fills in the templates of the threats; ``*`` for what is not known."""
        trail, key = _segments(self.trail), _segments(self.key)
        known = {
            "partition": self.partition,
            "region": self.region,
            "organization": self.organization,
            "management_account": self.management_account,
            "archive_account": self.archive_account,
            "bucket": self.bucket,
            "log": f"{self.prefix}/AWSLogs/*" if self.prefix else "AWSLogs/*",
            "key": _last(key),
            "key_region": key[3],
            "key_account": key[4],
            "trail": _last(trail),
            "trail_region": trail[3],
            "topic": _segments(self.topic)[5],
            "log_group": _segments(self.log_group)[5].removeprefix("log-group:").removesuffix(":*"),
            "feed_role": _last(_segments(self.feed_role)),
        }
        return Names(**{name: text for name, text in known.items() if text})

    def holds(self, fact: Fact) -> bool | None:
        """Say whether a fact is so; None when that is not known."""
        match fact:
            case Fact.OBJECT_LOCK:
                return self.has_lock
            case Fact.COMPLIANCE | Fact.GOVERNANCE:
                return None if self.lock_mode is None else self.lock_mode.lower() == fact.value
            case Fact.VERSIONING:
                return None if self.versioning is None else self.versioning == "Enabled"
            case Fact.NO_EXPIRATION:
                return None if self.expirations is None else not self.expirations
            case Fact.CUSTOMER_KEY:
                return self.has_key
            case Fact.REGIONAL_NAME:
                return regional_name(self.bucket) is not None if self.bucket else None
            case Fact.DEFAULT_REGION:
                return self.region in _DEFAULT_REGIONS if self.region and self.partition == "aws" else None
            case Fact.FEED:
                return self.has_feed
            case Fact.DELEGATED_TRAIL:
                return None if self.delegates is None else bool(self.delegates)
            case _:
                assert_never(fact)


class Stands(StrEnum):
    """Whether a threat is one to this archive; UNKNOWN must be taken for YES."""

    YES = "yes"
    ABSENT = "absent"
    REFUSED = "refused"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """The answer, and the facts that decided it or that it lacks."""

    stands: Stands
    facts: tuple[Fact, ...] = ()


def standing(threat: Threat, facts: ArchiveFacts) -> Standing:
    """Say whether a threat is one to an archive, before any policy is looked at.

    ABSENT: the archive has not got what it acts on. REFUSED: AWS refuses it, whatever the policies say.
    """
    missing = tuple(fact for fact in threat.given if facts.holds(fact) is False)
    refusing = tuple(fact for fact in threat.refused_when if facts.holds(fact))
    unknown = tuple(fact for fact in (*threat.given, *threat.refused_when) if facts.holds(fact) is None)
    if missing:
        return Standing(stands=Stands.ABSENT, facts=missing)
    if refusing:
        return Standing(stands=Stands.REFUSED, facts=refusing)
    return Standing(stands=Stands.UNKNOWN if unknown else Stands.YES, facts=unknown)


def together(*sources: ArchiveFacts) -> ArchiveFacts:
    """Return what the sources know together, the first one first."""
    known = {
        field.name: value
        for source in reversed(sources)
        for field in fields(ArchiveFacts)
        if (value := getattr(source, field.name)) != field.default
    }
    return ArchiveFacts(**known)


def regional_name(bucket: str) -> tuple[str, str] | None:
    """Return account and region of a bucket name in an account's regional namespace; None for another name.

    >>> regional_name("logs-222222222222-eu-central-1-an")
    ('222222222222', 'eu-central-1')
    """
    found = _REGIONAL.fullmatch(bucket)
    return (found["account"], found["region"]) if found else None


def observed(estate: Estate, *, trail: str = "") -> ArchiveFacts:
    """Return what an estate tells.

    Args:
        estate: what was observed.
        trail: the name of the trail; without it the organization trail that delivers to the bucket, or the
            only one where the bucket could not be read.
    """
    recording = _trail(estate, trail)
    facts = ArchiveFacts(
        partition=estate.caller.partition,
        archive_account=estate.archive_account if isinstance(estate.archive_account, str) else "",
        delegates=_tuple(estate.delegated_administrators),
        has_feed=None if isinstance(estate.trails, Unreadable) else False,
    )
    if isinstance(estate.organization, Organization):
        facts = replace(
            facts,
            organization=estate.organization.id,
            management_account=estate.organization.management_account,
        )
    if recording:
        facts = replace(
            facts,
            bucket=recording.bucket,
            prefix=recording.prefix,
            trail=recording.arn,
            topic=recording.sns_topic,
            log_group=recording.log_group,
            feed_role=recording.log_role,
            has_feed=bool(recording.sns_topic or recording.log_group),
        )
    return _with_key(_with_bucket(facts, estate), estate, recording)


def _trail(estate: Estate, name: str) -> Trail | None:
    if isinstance(estate.trails, Unreadable):
        return None
    if name:
        return next((one for one in estate.trails if one.name == name), None)
    organized = [one for one in estate.trails if one.is_organization_trail]
    if isinstance(estate.bucket, Unreadable):
        return organized[0] if len(organized) == 1 else None
    bucket = estate.bucket.name if isinstance(estate.bucket, Bucket) else ""
    return next((one for one in organized if one.bucket == bucket), None)


def _with_bucket(facts: ArchiveFacts, estate: Estate) -> ArchiveFacts:
    bucket = estate.bucket
    if not isinstance(bucket, Bucket):
        return facts
    known = replace(
        facts,
        bucket=bucket.name,
        archive_account=facts.archive_account or bucket.owner,
        region=bucket.region if isinstance(bucket.region, str) else "",
        versioning=bucket.versioning if isinstance(bucket.versioning, str) else None,
    )
    match bucket.object_lock:
        case Unreadable():
            pass
        case Absent():
            known = replace(known, has_lock=False, lock_mode="", lock_days=0)
        case ObjectLock(mode=mode, days=days):
            known = replace(known, has_lock=True, lock_mode=mode, lock_days=days)
    match bucket.lifecycle:
        case Unreadable():
            return known
        case Absent():
            return replace(known, expirations=())
        case rules:
            return replace(known, expirations=tuple(early_expirations(rules, _EVER)))


def _with_key(facts: ArchiveFacts, estate: Estate, trail: Trail | None) -> ArchiveFacts:
    """Add the key that logs are encrypted with: the trail's, else the bucket's default."""
    encryption = estate.bucket.encryption if isinstance(estate.bucket, Bucket) else Absent()
    by_default = encryption.kms_key if isinstance(encryption, Encryption) else ""
    named = (trail.kms_key if trail else "") or by_default
    is_unknown = isinstance(encryption, Unreadable) or isinstance(estate.trails, Unreadable)
    key = estate.key if isinstance(estate.key, Key) and named else None
    return replace(
        facts,
        key=key.arn if key else named if _segments(named)[5].startswith("key/") else "",
        key_state=key.state if key else "",
        has_key=True if named else None if is_unknown else False,
    )


def _tuple(value: Iterable[str] | Unreadable) -> tuple[str, ...] | None:
    return None if isinstance(value, Unreadable) else tuple(value)


def _segments(arn: str) -> tuple[str, ...]:
    return split_arn(arn) or ("",) * 6


def _last(segments: tuple[str, ...]) -> str:
    """Return a name without its type, such as the path and name of a role."""
    return segments[5].partition("/")[2]
