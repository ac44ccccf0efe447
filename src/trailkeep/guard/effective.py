"""Whether the guards hold: who still could do what they are there to prevent.

One function decides, ``effective``. It puts concrete requests to the evaluator, with the policies that were
observed: what is attached where, the bucket policy, the key policy. A guard is judged by what it refuses and
never by its name.

What it decides, exactly:

1. The callers are the root user and an administrator of the archive account, an administrator and the root
   user of one other member (each delegated administrator of CloudTrail where there are some), an administrator
   of the management account, an administrator of a foreign account, and nobody in particular. Each has every
   identity permission.
2. The requests are one call each, on a log, the bucket, the key or the trail, with the condition keys that AWS
   always sends. A statement that spares a caller by its ARN, by a tag, by an address or by time is not probed:
   an empty answer means that none of these callers gets through, not that no caller does.
3. Not looked at: Object Lock (it holds even where a policy lets a delete through), ACLs, grants of KMS, what
   the management account does to the organization itself.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from trailkeep.guard.estate import Absent, Bucket, Estate, Key, Organization, Unreadable
from trailkeep.guard.estate import Policy as ObservedPolicy
from trailkeep.guard.evaluate import Decision, Layers, Principal, PrincipalKind, Request, evaluate
from trailkeep.guard.guard_documents import RCP, SCP
from trailkeep.guard.paths import levels_of, path_of
from trailkeep.guard.policy import PolicyError, parse_policy
from trailkeep.guard.statement import Policy

__all__ = ["Delivery", "Gap", "Threat", "deliveries", "effective", "refuses_plaintext", "stranger_trail"]

CLOUDTRAIL = "cloudtrail.amazonaws.com"
_STRANGER = "999999999999"
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One call that CloudTrail makes to deliver, and whether it is allowed."""

    name: str
    action: str
    is_allowed: bool
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


def effective(estate: Estate, threat: Threat) -> tuple[Gap, ...] | Unreadable:
    """Return the requests of a threat that get through; empty means that the guards hold against all.

    See the module for what is asked. ``Unreadable`` where a policy that counts could not be read.
    """
    layers = _Policies.of(estate)
    if isinstance(layers, Unreadable):
        return layers
    gaps: list[Gap] = []
    for caller in _callers(estate, threat):
        for action, resource, owner in _requests(estate, threat, caller):
            request = Request(
                principal=caller,
                action=action,
                resource=resource,
                resource_account_id=owner,
                context=_context(estate, caller),
            )
            found = evaluate(request, layers.around(estate, request))
            if found.decision is Decision.ALLOW:
                gaps.append(Gap(caller=str(caller), action=action, reason=found.reason))
    return tuple(gaps)


def deliveries(estate: Estate, *, trail: str, prefix: str) -> tuple[Delivery, ...] | Unreadable:
    """Return what CloudTrail does to deliver to the archive for a trail, and whether the policies allow it.

    The folders are those of our organization, whosever the trail is: a stranger chooses the prefix of a trail
    of its own, so the path keeps nobody out.
    """
    layers = _Policies.of(estate)
    if isinstance(layers, Unreadable):
        return layers
    account = trail.split(":")[4]
    organization = estate.organization
    is_ours = isinstance(organization, Organization) and account == organization.management_account
    context = {
        "aws:SecureTransport": ("true",),
        "aws:SourceArn": (trail,),
        "aws:SourceAccount": (account,),
        "s3:x-amz-acl": ("bucket-owner-full-control",),
        "kms:EncryptionContext:aws:cloudtrail:arn": (trail,),
    }
    if isinstance(organization, Organization) and is_ours:
        context["aws:SourceOrgID"] = (organization.id,)
    found: list[Delivery] = []
    for name, action, resource, owner in _steps(estate, prefix):
        request = Request(
            principal=Principal(kind=PrincipalKind.SERVICE, service=CLOUDTRAIL),
            action=action,
            resource=resource,
            resource_account_id=owner,
            context=context,
        )
        answer = evaluate(request, layers.around(estate, request))
        is_allowed = answer.decision is Decision.ALLOW
        found.append(Delivery(name=name, action=action, is_allowed=is_allowed, reason=answer.reason))
    return tuple(found)


def stranger_trail(partition: str) -> str:
    """Return the ARN of a trail of an account that is in nobody's organization."""
    return f"arn:{partition}:cloudtrail:us-east-1:{_STRANGER}:trail/probe"


def refuses_plaintext(estate: Estate) -> bool | Unreadable:
    """Return whether a request without TLS is refused, even to an administrator of the archive account."""
    layers = _Policies.of(estate)
    if isinstance(layers, Unreadable):
        return layers
    bucket = estate.bucket
    if not isinstance(bucket, Bucket):
        return False
    caller = _administrator(estate, bucket.owner)
    places = (
        ("s3:GetObject", f"{_bucket_arn(estate, bucket)}/{_LOG}"),
        ("s3:ListBucket", _bucket_arn(estate, bucket)),
    )
    requests = [
        Request(
            principal=caller,
            action=action,
            resource=resource,
            resource_account_id=bucket.owner,
            context=_context(estate, caller) | {"aws:SecureTransport": ("false",)},
        )
        for action, resource in places
    ]
    return all(
        evaluate(request, layers.around(estate, request)).decision is Decision.EXPLICIT_DENY
        for request in requests
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Policies:
    """The policies of an estate, parsed."""

    scps: dict[str, Policy]
    rcps: dict[str, Policy]
    bucket: Policy | None
    key: Policy | None
    key_arn: str
    management_account: str

    @classmethod
    def of(cls, estate: Estate) -> _Policies | Unreadable:
        """Parse them, or return the first that could not be read or understood."""
        scps = _documents(estate, SCP)
        rcps = _documents(estate, RCP)
        bucket = _document(_bucket_policy(estate), "bucket policy")
        key = _document(_key_policy(estate), "key policy")
        organization = estate.organization
        for found in (scps, rcps, bucket, key, organization, estate.accounts, estate.units):
            if isinstance(found, Unreadable):
                return found
        assert not isinstance(scps, Unreadable)  # noqa: S101 - told above, which mypy does not see
        assert not isinstance(rcps, Unreadable)  # noqa: S101
        assert not isinstance(bucket, Unreadable)  # noqa: S101
        assert not isinstance(key, Unreadable)  # noqa: S101
        return cls(
            scps=scps,
            rcps=rcps,
            bucket=bucket,
            key=key,
            key_arn=estate.key.arn if isinstance(estate.key, Key) else "",
            management_account=organization.management_account
            if isinstance(organization, Organization)
            else "",
        )

    def around(self, estate: Estate, request: Request) -> Layers:
        """Return the policies around one request."""
        is_key = request.resource == self.key_arn != ""
        is_bucket = ":s3:::" in request.resource
        return Layers(
            scps=self._levels(estate, SCP, request.principal.account),
            rcps=self._levels(estate, RCP, request.resource_account_id),
            resource_policy=self.key if is_key else self.bucket if is_bucket else None,
            management_account_id=self.management_account,
        )

    def _levels(self, estate: Estate, kind: str, account: str) -> tuple[tuple[Policy, ...], ...]:
        observed = estate.service_control_policies if kind == SCP else estate.resource_control_policies
        parsed = self.scps if kind == SCP else self.rcps
        if not self.management_account or not _is_enabled(estate, kind):
            return ()
        levels = levels_of(observed, path_of(estate, account))
        return tuple(tuple(parsed[policy.id] for policy in level if policy.id in parsed) for level in levels)


def _is_enabled(estate: Estate, kind: str) -> bool:
    """Return whether policies of a kind have any effect; where the roots could not be read, as if not."""
    return not isinstance(estate.roots, Unreadable) and any(
        kind in root.policy_types for root in estate.roots
    )


def _documents(estate: Estate, kind: str) -> dict[str, Policy] | Unreadable:
    observed = estate.service_control_policies if kind == SCP else estate.resource_control_policies
    if isinstance(observed, Unreadable):
        return observed
    parsed: dict[str, Policy] = {}
    for policy in observed:
        if isinstance(policy.targets, Unreadable):
            return policy.targets
        if not policy.targets:
            continue
        document = _document(policy.content, f"policy {policy.name}")
        if isinstance(document, Unreadable):
            return document
        if document is not None:
            parsed[policy.id] = document
    return parsed


def _document(text: str | Absent | Unreadable, name: str) -> Policy | None | Unreadable:
    if isinstance(text, Unreadable):
        return text
    if isinstance(text, Absent):
        return None
    try:
        return parse_policy(text, name=name)
    except PolicyError as error:
        return Unreadable(call="policy", error=str(error))


def _bucket_policy(estate: Estate) -> str | Absent | Unreadable:
    bucket = estate.bucket
    if isinstance(bucket, Unreadable):
        return bucket
    return bucket.policy if isinstance(bucket, Bucket) else Absent()


def _key_policy(estate: Estate) -> str | Absent | Unreadable:
    key = estate.key
    if isinstance(key, Unreadable):
        return key
    return key.policy if isinstance(key, Key) else Absent()


def _bucket_arn(estate: Estate, bucket: Bucket) -> str:
    return f"arn:{estate.caller.partition}:s3:::{bucket.name}"


def _administrator(estate: Estate, account: str) -> Principal:
    return Principal(
        kind=PrincipalKind.IAM,
        arn=f"arn:{estate.caller.partition}:sts::{account}:assumed-role/trailkeep-probe/probe",
    )


def _root(account: str) -> Principal:
    return Principal(kind=PrincipalKind.ROOT, account_id=account)


def _callers(estate: Estate, threat: Threat) -> Iterator[Principal]:
    """Yield who is asked about; the archive's own administrators first."""
    archive = _archive_account(estate)
    own = (_root(archive), _administrator(estate, archive)) if archive else ()
    match threat:
        case Threat.DESTROY | Threat.UNLOCK | Threat.RECONFIGURE | Threat.FORGE:
            yield from own
            yield from _others(estate, archive)
        case Threat.UNLOCK_AS_ROOT:
            yield from own[:1]
        case Threat.READ | Threat.DECRYPT:
            yield Principal(kind=PrincipalKind.ANONYMOUS)
            yield _administrator(estate, _STRANGER)
        case Threat.LEAVE:
            yield from own
        case Threat.KEY:
            yield from own
            yield from _others(estate, archive)
        case Threat.STOP:
            for member in _members(estate):
                yield _root(member)
                yield _administrator(estate, member)


def _others(estate: Estate, archive: str) -> Iterator[Principal]:
    for member in _members(estate):
        if member != archive:
            yield _administrator(estate, member)
    if isinstance(estate.organization, Organization):
        yield _administrator(estate, estate.organization.management_account)
    yield _administrator(estate, _STRANGER)
    yield Principal(kind=PrincipalKind.ANONYMOUS)


def _members(estate: Estate) -> tuple[str, ...]:
    """Return the members that are asked about: delegated administrators, the archive, and one other.

    One other stands for each path through the organization on which no member was asked about yet.
    """
    if isinstance(estate.accounts, Unreadable) or not isinstance(estate.organization, Organization):
        return ()
    delegated = (
        () if isinstance(estate.delegated_administrators, Unreadable) else estate.delegated_administrators
    )
    attached = _attached(estate)
    kept: dict[tuple[tuple[str, ...], ...], str] = {}
    for account in estate.accounts:
        if account.id == estate.organization.management_account:
            continue
        key = tuple(attached.get(node, ()) for node in path_of(estate, account.id))
        kept.setdefault(key, account.id)
    return tuple(dict.fromkeys([*delegated, *kept.values()]))


def _attached(estate: Estate) -> dict[str, tuple[str, ...]]:
    """Return the policies that are attached to each root, unit and account."""
    found: dict[str, tuple[str, ...]] = {}
    for policies in (estate.service_control_policies, estate.resource_control_policies):
        for policy in () if isinstance(policies, Unreadable) else policies:
            for target in _targets(policy):
                found[target] = (*found.get(target, ()), policy.id)
    return found


def _targets(policy: ObservedPolicy) -> tuple[str, ...]:
    return () if isinstance(policy.targets, Unreadable) else policy.targets


def _archive_account(estate: Estate) -> str:
    if isinstance(estate.bucket, Bucket):
        return estate.bucket.owner
    return estate.archive_account if isinstance(estate.archive_account, str) else ""


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
        yield from ((action, estate.key.arn, estate.key.arn.split(":")[4]) for action in actions)


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


def _steps(estate: Estate, prefix: str) -> Iterator[tuple[str, str, str, str]]:
    """Yield what CloudTrail does to deliver: name, action, resource, owner."""
    bucket, organization = estate.bucket, estate.organization
    if isinstance(bucket, Bucket) and isinstance(organization, Organization):
        arn, owner = _bucket_arn(estate, bucket), bucket.owner
        root = f"{arn}/{prefix}/AWSLogs" if prefix else f"{arn}/AWSLogs"
        yield "check the bucket", "s3:GetBucketAcl", arn, owner
        for folder in (organization.management_account, organization.id):
            yield f"write to AWSLogs/{folder}/", "s3:PutObject", f"{root}/{folder}/probe", owner
    if isinstance(estate.key, Key):
        owner = estate.key.arn.split(":")[4]
        yield "make data keys", "kms:GenerateDataKey", estate.key.arn, owner


def _context(estate: Estate, caller: Principal) -> dict[str, tuple[str, ...]]:
    """Return the condition keys that AWS sends with every call of a caller."""
    context = {"aws:SecureTransport": ("true",), "aws:RequestedRegion": ("us-east-1",)}
    organization = estate.organization
    accounts = () if isinstance(estate.accounts, Unreadable) else estate.accounts
    if isinstance(organization, Organization):
        context["aws:ResourceOrgID"] = (organization.id,)
        if any(account.id == caller.account for account in accounts):
            path = "/".join((organization.id, *path_of(estate, caller.account)[:-1], ""))
            context["aws:PrincipalOrgID"] = (organization.id,)
            context["aws:PrincipalOrgPaths"] = (path,)
    return context
