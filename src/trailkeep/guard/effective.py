"""Whether the guards hold: who still could do what they are there to prevent.

One function decides, ``effective``. It asks the symbolic proof, with the policies that were observed: what
is attached where, the bucket policy, the key policy. A guard is judged by what it refuses, never by its name.

What it decides, exactly:

1. The callers are classes: every user, role and session, and the root user, of the archive account, of each
   kind of member that policies can tell apart, of the management account and of any account outside;
   whoever has no credentials; any other AWS service. Each has every identity permission. A class is refused
   where the proof finds no request of it, with whatever tags, addresses or times.
2. Where no proof is found either way the answer is ``Unreadable``: not decided is not known.
3. ``STOP`` asks every member as if it were delegated administrator of CloudTrail: CloudTrail itself refuses
   any other member a trail of the organization, whatever its policies say. ``STOP_AS_DELEGATE`` asks those
   that are.
4. Not looked at: Object Lock (it holds even where a policy lets a delete through), ACLs, grants of KMS, what
   the management account does to the organization itself.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from trailkeep.guard.attached import AttachedPolicies
from trailkeep.guard.estate import Bucket, Estate, Key, Unreadable
from trailkeep.guard.evaluate import Decision, Request, evaluate
from trailkeep.guard.principals import PrincipalKind
from trailkeep.guard.probe_callers import administrator, call_context
from trailkeep.guard.prove_callers import Asker, askers
from trailkeep.guard.prove_closure import Prover
from trailkeep.guard.symbolic import Outcome as Found
from trailkeep.guard.symbolic import prove
from trailkeep.guard.threat import Attacker, Call, Target

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
    STOP_AS_DELEGATE = "stop-as-delegate"
    LEAVE = "leave"
    KEY = "key"
    DECRYPT = "decrypt"


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """A request that gets through."""

    caller: str
    action: str
    reason: str
    kind: PrincipalKind


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


_OWN = (Attacker.ARCHIVE_ROOT, Attacker.ARCHIVE_IAM)
_ANYBODY = (
    *_OWN,
    Attacker.MEMBER_ROOT,
    Attacker.MEMBER_IAM,
    Attacker.MANAGEMENT_ROOT,
    Attacker.MANAGEMENT_IAM,
    Attacker.OUTSIDER,
)
_ATTACKERS: dict[Threat, tuple[Attacker, ...]] = {
    Threat.DESTROY: _ANYBODY,
    Threat.UNLOCK: _ANYBODY,
    Threat.RECONFIGURE: _ANYBODY,
    Threat.UNLOCK_AS_ROOT: _OWN[:1],
    Threat.FORGE: _ANYBODY,
    Threat.READ: (Attacker.OUTSIDER,),
    Threat.STOP: (Attacker.DELEGATE,),
    Threat.STOP_AS_DELEGATE: (Attacker.DELEGATE,),
    Threat.LEAVE: _OWN,
    Threat.KEY: _ANYBODY,
    Threat.DECRYPT: (Attacker.OUTSIDER,),
}
_OF_STRANGERS = frozenset({Threat.READ, Threat.DECRYPT})
"""What is asked of strangers only: AWS services are none."""
_ENOUGH = 3

_ON_TRAIL = frozenset({Threat.STOP, Threat.STOP_AS_DELEGATE})
_ON_KEY = frozenset({Threat.KEY, Threat.DECRYPT})
_ON_BUCKET = frozenset(Threat) - _ON_KEY - _ON_TRAIL - {Threat.LEAVE}


def effective(attached: AttachedPolicies, threat: Threat) -> tuple[Gap, ...] | Unreadable:
    """Return the requests of a threat that get through; empty means that the guards hold against all.

    See the module for what is asked. ``Unreadable`` where a policy that counts could not be read.
    """
    if why := attached.unreadable(bucket=threat in _ON_BUCKET, key=threat in _ON_KEY):
        return why
    for fact in (attached.estate.trails, attached.estate.delegated_administrators):
        if threat in _ON_TRAIL and isinstance(fact, Unreadable):
            return fact
    gaps: list[Gap] = []
    prover = _prover(attached, threat)
    for call in _calls(attached.estate, threat):
        for attacker in _ATTACKERS[threat]:
            for found in _open(prover, attacker, call):
                if isinstance(found, Unreadable):
                    return found
                if threat not in _OF_STRANGERS or found.kind is not PrincipalKind.SERVICE:
                    gaps.append(found)
    return tuple(sorted(gaps, key=lambda gap: gap.kind is not PrincipalKind.ANONYMOUS))


def _prover(attached: AttachedPolicies, threat: Threat) -> Prover:
    """Return the proofs about what is attached; to stop a trail any member is taken for a delegate."""
    if threat is not Threat.STOP:
        return attached.prover
    guards = attached.prover.guards
    return Prover(guards=replace(guards, facts=replace(guards.facts, delegates=None)))


def _open(prover: Prover, attacker: Attacker, call: Call) -> Iterator[Gap | Unreadable]:
    """Yield the classes that get through, or why that was not decided; of many alike the first few."""
    for first, *others in askers(prover.guards, attacker, call):
        if prover.answer(first, call).outcome is Found.NONE:
            continue
        named = 0
        for asker in others or (first,):
            if prover.answer(asker, call).outcome is Found.NONE:
                continue
            yield _gap(prover, asker, call)
            named += 1
            if named == _ENOUGH:
                break


def _gap(prover: Prover, asker: Asker, call: Call) -> Gap | Unreadable:
    answer = prove(prover.question(asker, call))
    if answer.witness is None or answer.evaluation is None:
        return Unreadable(call="proof", error=f"{asker}: {call.action}: {answer.reason or 'not decided'}")
    caller = answer.witness.principal
    return Gap(caller=str(caller), action=call.action, reason=answer.evaluation.reason, kind=caller.kind)


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


def _calls(estate: Estate, threat: Threat) -> Iterator[Call]:
    """Yield the calls of a threat on what there is."""
    if isinstance(estate.bucket, Bucket):
        yield from (Call(action=action, target=Target.LOG) for action in _on_objects(threat))
        yield from (Call(action=action, target=Target.BUCKET) for action in _on_bucket(threat))
    if threat in _ON_TRAIL and _organization_trails(estate):
        yield from (Call(action=action, target=Target.TRAIL) for action in _TRAIL_CHANGES)
    if threat is Threat.LEAVE:
        yield from (Call(action=action, target=Target.EVERYTHING) for action in _LEAVING)
    if isinstance(estate.key, Key) and threat in {Threat.KEY, Threat.DECRYPT}:
        actions = _KEY_CHANGES if threat is Threat.KEY else ("kms:Decrypt",)
        yield from (Call(action=action, target=Target.KEY) for action in actions)


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
