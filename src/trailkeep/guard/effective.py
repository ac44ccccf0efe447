"""Whether the guards hold: who still could do what they are there to prevent.

One function decides, ``effective``. It puts concrete requests to the evaluator, with the policies that were
observed: what is attached where, the bucket policy, the key policy. A guard is judged by what it refuses, and
never by its name.

What it decides, exactly:

1. The callers are the root user and an administrator of the archive account, of each delegated administrator
   of CloudTrail, and of one member for each different set of policies on its path; an administrator of the
   management account and of a foreign account; and somebody without credentials. Each has every identity
   permission.
2. The requests are one call each, on a log, the bucket, the key or the trail, with the condition keys that
   AWS always sends. A statement that spares a caller by its ARN, a tag, an address or the time is not probed:
   an empty answer means that none of these callers gets through, and not that no caller does.
3. ``STOP`` asks every member as if it were delegated administrator of CloudTrail: CloudTrail itself refuses
   any other member a trail of the organization, whatever its policies say.
4. Not looked at: Object Lock (it holds even where a policy lets a delete through), ACLs, grants of KMS, what
   the management account does to the organization itself.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

from trailkeep.guard.attached import AttachedPolicies
from trailkeep.guard.estate import Bucket, Estate, Key, Unreadable
from trailkeep.guard.evaluate import Decision, Principal, Request, evaluate
from trailkeep.guard.probe_callers import (
    administrator,
    archive_account,
    call_context,
    insiders,
    members,
    owner_of,
    root,
    strangers,
)

__all__ = ["Gap", "Threat", "effective", "refuses_plaintext"]

_LOG = "AWSLogs/probe/probe.json.gz"


class Threat(StrEnum):
    """What a guard is there to prevent."""

    DESTROY = "destroy"
    UNLOCK = "unlock"
    RECONFIGURE = "reconfigure"
    UNLOCK_AS_ROOT = "unlock-as-root"
    FORGE = "forge"
    READ = "read"
    STOP = "stop"
    LEAVE = "leave"
    KEY = "key"
    DECRYPT = "decrypt"


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """A request that gets through."""

    caller: str
    action: str
    reason: str


_OBJECT_DESTRUCTION = ("s3:DeleteObject", "s3:DeleteObjectVersion")
_BUCKET_CHANGES = (
    "s3:DeleteBucketPolicy",
    "s3:PutBucketObjectLockConfiguration",
    "s3:PutBucketPolicy",
    "s3:PutBucketPublicAccessBlock",
    "s3:PutBucketRequestPayment",
    "s3:PutBucketVersioning",
    "s3:PutEncryptionConfiguration",
    "s3:PutLifecycleConfiguration",
    "s3:PutReplicationConfiguration",
)
_TRAIL_CHANGES = (
    "cloudtrail:DeleteTrail",
    "cloudtrail:PutEventSelectors",
    "cloudtrail:StopLogging",
    "cloudtrail:UpdateTrail",
)
_LEAVING = ("account:CloseAccount", "organizations:AcceptHandshake", "organizations:LeaveOrganization")
_KEY_CHANGES = ("kms:DisableKey", "kms:PutKeyPolicy", "kms:ScheduleKeyDeletion")


_ON_KEY = frozenset({Threat.KEY, Threat.DECRYPT})
_ON_BUCKET = frozenset(Threat) - _ON_KEY - {Threat.STOP, Threat.LEAVE}


def effective(attached: AttachedPolicies, threat: Threat) -> tuple[Gap, ...] | Unreadable:
    """Return the requests of a threat that get through; empty means that the guards hold against all.

    See the module for what is asked. ``Unreadable`` where a policy that counts could not be read.
    """
    if why := attached.unreadable(bucket=threat in _ON_BUCKET, key=threat in _ON_KEY):
        return why
    for fact in (attached.estate.trails, attached.estate.delegated_administrators):
        if threat is Threat.STOP and isinstance(fact, Unreadable):
            return fact
    gaps: list[Gap] = []
    for caller in _callers(attached, threat):
        context = call_context(attached, caller)
        for action, resource, owner in _requests(attached.estate, threat, caller):
            request = Request(
                principal=caller,
                action=action,
                resource=resource,
                resource_account_id=owner,
                context=context,
            )
            found = evaluate(request, attached.around(request))
            if found.decision is Decision.ALLOW:
                gaps.append(Gap(caller=str(caller), action=action, reason=found.reason))
    return tuple(gaps)


def refuses_plaintext(attached: AttachedPolicies) -> bool | Unreadable:
    """Return whether a request without TLS is refused, even to an administrator of the archive account."""
    if why := attached.unreadable(bucket=True):
        return why
    estate, bucket = attached.estate, attached.estate.bucket
    if not isinstance(bucket, Bucket):
        return False
    caller = administrator(estate, bucket.owner)
    arn = _bucket_arn(estate, bucket)
    requests = [
        Request(
            principal=caller,
            action=action,
            resource=resource,
            resource_account_id=bucket.owner,
            context=call_context(attached, caller) | {"aws:SecureTransport": ("false",)},
        )
        for action, resource in (("s3:GetObject", f"{arn}/{_LOG}"), ("s3:ListBucket", arn))
    ]
    answers = [evaluate(request, attached.around(request)) for request in requests]
    return all(answer.decision is Decision.EXPLICIT_DENY for answer in answers)


def _bucket_arn(estate: Estate, bucket: Bucket) -> str:
    return f"arn:{estate.caller.partition}:s3:::{bucket.name}"


def _callers(attached: AttachedPolicies, threat: Threat) -> Iterator[Principal]:
    """Yield who is asked about; the archive's own administrators first."""
    estate = attached.estate
    archive = archive_account(estate)
    own = (root(archive), administrator(estate, archive)) if archive else ()
    match threat:
        case Threat.DESTROY | Threat.UNLOCK | Threat.RECONFIGURE | Threat.FORGE | Threat.KEY:
            yield from own
            yield from insiders(attached, archive)
            yield from strangers(estate)
        case Threat.UNLOCK_AS_ROOT:
            yield from own[:1]
        case Threat.READ | Threat.DECRYPT:
            yield from strangers(estate)
        case Threat.LEAVE:
            yield from own
        case Threat.STOP:
            for member in members(attached):
                yield root(member)
                yield administrator(estate, member)
        case _:
            assert_never(threat)


def _requests(estate: Estate, threat: Threat, caller: Principal) -> Iterator[tuple[str, str, str]]:
    """Yield action, resource and owner of what a threat does."""
    bucket = estate.bucket
    if isinstance(bucket, Bucket):
        arn, owner = _bucket_arn(estate, bucket), bucket.owner
        for action in _on_objects(threat):
            yield action, f"{arn}/{_LOG}", owner
        for action in _on_bucket(threat):
            yield action, arn, owner
    if threat is Threat.STOP:
        for action in _TRAIL_CHANGES:
            yield from ((action, trail, caller.account) for trail in _organization_trails(estate))
    if threat is Threat.LEAVE:
        yield from ((action, "*", caller.account) for action in _LEAVING)
    if isinstance(estate.key, Key) and threat in {Threat.KEY, Threat.DECRYPT}:
        actions = _KEY_CHANGES if threat is Threat.KEY else ("kms:Decrypt",)
        yield from ((action, estate.key.arn, owner_of(estate.key.arn)) for action in actions)


def _on_objects(threat: Threat) -> tuple[str, ...]:
    match threat:
        case Threat.DESTROY:
            return _OBJECT_DESTRUCTION
        case Threat.UNLOCK:
            return ("s3:BypassGovernanceRetention", "s3:PutObjectRetention")
        case Threat.FORGE:
            return ("s3:PutObject",)
        case Threat.READ:
            return ("s3:GetObject", "s3:PutObject")
        case _:
            return ()


def _on_bucket(threat: Threat) -> tuple[str, ...]:
    match threat:
        case Threat.RECONFIGURE:
            return _BUCKET_CHANGES
        case Threat.UNLOCK_AS_ROOT:
            return ("s3:DeleteBucketPolicy", "s3:PutBucketPolicy")
        case Threat.READ:
            return ("s3:ListBucket",)
        case _:
            return ()


def _organization_trails(estate: Estate) -> tuple[str, ...]:
    if isinstance(estate.trails, Unreadable):
        return ()
    return tuple(trail.arn for trail in estate.trails if trail.is_organization_trail)
