"""The policies in force, explained: of the bucket, of keys and topics, and the organization's on the archive.

A policy that nobody could read is UNKNOWN by its name and hides no other. What is needed and is not there
fails; what nothing asks for is said, and does not count.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from trailkeep.core.errors import UsageError
from trailkeep.guard.delivery import Kind, Values
from trailkeep.guard.estate import Absent, Bucket, Estate, ForeignBucket, Key, Organization, Trail, Unreadable
from trailkeep.guard.explain import Explained, explain, explain_absent
from trailkeep.guard.explain_organization import explain_organization
from trailkeep.guard.key_policy import ALIAS
from trailkeep.guard.live import Absence, Judged, Live, Read, missing, unread

__all__ = ["explain_estate", "named_keys", "named_topics"]


def named_keys(judged: Judged) -> tuple[str, ...]:
    """Return the ARNs of the keys of the trail and, where one is asked for, of the archive."""
    named = [judged.trail.kms_key] if isinstance(judged.trail, Trail) else []
    if judged.config.archive.encryption == "sse-kms" and isinstance(judged.estate.key, Key):
        named.append(judged.estate.key.arn)
    return tuple(dict.fromkeys(filter(None, named)))


def named_topics(judged: Judged) -> tuple[str, ...]:
    """Return the ARNs of the topics that the trail tells, and is to tell."""
    named = [judged.trail.sns_topic] if isinstance(judged.trail, Trail) else []
    return tuple(dict.fromkeys(filter(None, [*named, judged.config.trail.sns_topic])))


def explain_estate(judged: Judged, read: Mapping[str, Read]) -> Live:
    """Explain every policy in force; ``read`` has the policies of keys and topics by ARN.

    Raises:
        UsageError: the credentials are those of another organization, or of an account in none.
    """
    _check_organization(judged)
    said = (
        _bucket(judged),
        *_keys(judged, read),
        *_topics(judged, read),
        *explain_organization(judged),
    )
    return Live(
        explained=tuple(each for each in said if isinstance(each, Explained)),
        absences=tuple(each for each in said if isinstance(each, Absence)),
    )


def _check_organization(judged: Judged) -> None:
    """Refuse what would make everything look absent."""
    seen = judged.estate.organization
    if isinstance(seen, Organization):
        got = f"one of {seen.id}"
    elif isinstance(seen, Absent):
        got = "one in no organization"
    else:
        return
    if not isinstance(seen, Organization) or seen.id != judged.organization_id:
        raise UsageError(
            f"account {judged.estate.caller.account}: expected an account of organization "
            f"{judged.organization_id}, got {got}; use other credentials"
        )


def _bucket(judged: Judged) -> Explained:
    bucket, file = judged.estate.bucket, f"s3://{judged.config.archive.bucket}"
    match bucket:
        case Unreadable():
            return unread(file, Kind.BUCKET, bucket)
        case Absent() | ForeignBucket():
            got = bucket.evidence if isinstance(bucket, ForeignBucket) else "none"
            account = _account(judged.estate)
            return missing(file, Kind.BUCKET, f"expected a bucket of the archive account{account}, got {got}")
        case Bucket():
            return _policy(judged, file, Kind.BUCKET, bucket.policy)


def _account(estate: Estate) -> str:
    return f" {estate.archive_account}" if isinstance(estate.archive_account, str) else ""


def _keys(judged: Judged, read: Mapping[str, Read]) -> Iterator[Explained | Absence]:
    named = named_keys(judged)
    for arn in named:
        yield _owned(judged, arn, Kind.KEY, read[arn])
    wants_key = judged.config.archive.encryption == "sse-kms"
    if isinstance(judged.trail, Unreadable):
        yield unread("the key of the trail", Kind.KEY, judged.trail)
    if wants_key and isinstance(judged.estate.key, Unreadable):
        yield unread(ALIAS, Kind.KEY, judged.estate.key)
    elif wants_key and isinstance(judged.estate.key, Absent):
        yield missing(ALIAS, Kind.KEY, "expected the archive's key, got none")
    elif not named and not isinstance(judged.trail, Unreadable):
        yield Absence(kind=Kind.KEY, reason="neither the trail nor trailkeep.toml asks for a key")


def _topics(judged: Judged, read: Mapping[str, Read]) -> Iterator[Explained | Absence]:
    named = named_topics(judged)
    for arn in named:
        yield _owned(judged, arn, Kind.TOPIC, read[arn])
    if isinstance(judged.trail, Unreadable):
        yield unread("the topic of the trail", Kind.TOPIC, judged.trail)
    elif not named:
        yield Absence(kind=Kind.TOPIC, reason="neither the trail nor trailkeep.toml names a topic")


def _owned(judged: Judged, arn: str, kind: Kind, policy: Read) -> Explained:
    """Explain the policy of a key or topic; without one there is no such thing."""
    if isinstance(policy, Absent):
        thing = "key" if kind is Kind.KEY else "topic"
        return missing(arn, kind, f"expected this {thing}, got none")
    return _policy(judged, arn, kind, policy, resource=arn)


def _policy(judged: Judged, file: str, kind: Kind, policy: Read, *, resource: str = "") -> Explained:
    values = (*judged.values, Values(resource=resource))
    for_account = not judged.organization_id
    match policy:
        case Unreadable():
            return unread(file, kind, policy)
        case Absent():
            return explain_absent(file, values=values, for_account=for_account)
        case str():
            return explain(
                file,
                policy,
                values=values,
                kind=kind,
                for_account=for_account,
                has_bucket_key=judged.has_bucket_key,
                reveals=False,
            )
