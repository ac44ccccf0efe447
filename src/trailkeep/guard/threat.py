"""What a threat to the archive is, as a value: which calls, by whom, on what, and what stops them.

A threat is open when for one of its *ways* every call of the way is allowed to one caller. Calls name their
resource by a typed template (``Target``), so that the catalogue knows no account and no bucket; ``Names``
fills it in, and leaves ``*`` where a name is not known.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import StrEnum

__all__ = [
    "Attacker",
    "Call",
    "Control",
    "Effect",
    "Fact",
    "Family",
    "Names",
    "Source",
    "Target",
    "Threat",
    "Way",
    "api",
    "each",
    "guide",
]


class Effect(StrEnum):
    """What becomes of the evidence; EXPOSE is that others read it."""

    DELETE = "delete"
    ALTER = "alter"
    BLIND = "blind"
    STOP = "stop"
    INJECT = "inject"
    EXPOSE = "expose"


class Family(StrEnum):
    """What a threat acts on."""

    LOGS = "logs"
    BUCKET = "bucket"
    PATHS = "paths"
    KEY = "key"
    TRAIL = "trail"
    ORGANIZATION = "organization"
    RECORDS = "records"


class Attacker(StrEnum):
    """A class of principals that might do it.

    For a KMS key ARCHIVE means the account that owns the key. MEMBER is any other member account, OUTSIDER an
    account of another organization or an anonymous caller, DELEGATE a member account to which CloudTrail or
    policies were delegated, OTHER_TRAIL CloudTrail on behalf of a trail that is not ours.
    """

    ARCHIVE_ROOT = "archive-root"
    ARCHIVE_IAM = "archive-iam"
    MEMBER_ROOT = "member-root"
    MEMBER_IAM = "member-iam"
    MANAGEMENT_ROOT = "management-root"
    MANAGEMENT_IAM = "management-iam"
    DELEGATE = "delegate"
    OUTSIDER = "outsider"
    SERVICE_LINKED_ROLE = "service-linked-role"
    OTHER_TRAIL = "other-trail"


class Control(StrEnum):
    """A layer that can refuse; OBJECT_LOCK and SERVICE are AWS's own rules and no policy."""

    ARCHIVE_SCP = "scp-archive"
    ORGANIZATION_SCP = "scp-organization"
    RCP = "rcp"
    BUCKET_POLICY = "bucket-policy"
    KEY_POLICY = "key-policy"
    OBJECT_LOCK = "object-lock"
    SERVICE = "service"


class Fact(StrEnum):
    """A state of the archive that the reasoning needs.

    COMPLIANCE and GOVERNANCE are the mode of the default retention, CUSTOMER_KEY a KMS key of the customer's,
    REGIONAL_NAME a bucket name in the account's regional namespace, DEFAULT_REGION a region that nobody can
    disable, FEED a topic or log group of the trail, NO_EXPIRATION that no lifecycle rule deletes logs.
    """

    OBJECT_LOCK = "object-lock"
    COMPLIANCE = "compliance"
    GOVERNANCE = "governance"
    VERSIONING = "versioning"
    NO_EXPIRATION = "no-expiration"
    CUSTOMER_KEY = "customer-key"
    REGIONAL_NAME = "regional-name"
    DEFAULT_REGION = "default-region"
    FEED = "feed"
    DELEGATED_TRAIL = "delegated-trail"


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """What stands for the placeholders of a ``Target``; ``*`` is: not known, or any.

    ``log`` is an object's key, ``trail``, ``key``, ``topic`` and ``log_group`` are the last part of the ARN.
    """

    partition: str = "*"
    region: str = "*"
    organization: str = "*"
    management_account: str = "*"
    archive_account: str = "*"
    member_account: str = "*"
    bucket: str = "*"
    log: str = "*"
    key: str = "*"
    key_region: str = "*"
    key_account: str = "*"
    trail: str = "*"
    trail_region: str = "*"
    topic: str = "*"
    log_group: str = "*"
    feed_role: str = "*"
    name: str = "*"


class Target(StrEnum):
    """A resource as a template of its ARN; the fields of ``Names`` are its placeholders.

    >>> Target.BUCKET.resource(Names(partition="aws", bucket="logs"))
    'arn:aws:s3:::logs'
    """

    EVERYTHING = "*"
    BUCKET = "arn:{partition}:s3:::{bucket}"
    LOG = "arn:{partition}:s3:::{bucket}/{log}"
    ACCESS_POINT = "arn:{partition}:s3:{region}:{archive_account}:accesspoint/{name}"
    LOG_BY_ACCESS_POINT = "arn:{partition}:s3:{region}:{archive_account}:accesspoint/{name}/object/{log}"
    MULTI_REGION_ACCESS_POINT = "arn:{partition}:s3::{archive_account}:accesspoint/{name}"
    OBJECT_LAMBDA = "arn:{partition}:s3-object-lambda:{region}:{archive_account}:accesspoint/{name}"
    ACCESS_GRANTS = "arn:{partition}:s3:{region}:{archive_account}:access-grants/default"
    ACCESS_GRANT = "arn:{partition}:s3:{region}:{archive_account}:access-grants/default/grant/{name}"
    GRANT_LOCATION = "arn:{partition}:s3:{region}:{archive_account}:access-grants/default/location/{name}"
    BATCH_ROLE = "arn:{partition}:iam::{archive_account}:role/{name}"
    KEY = "arn:{partition}:kms:{key_region}:{key_account}:key/{key}"
    ALIAS = "arn:{partition}:kms:{key_region}:{key_account}:alias/{name}"
    TRAIL = "arn:{partition}:cloudtrail:{trail_region}:{management_account}:trail/{trail}"
    TRAIL_ROLE = (
        "arn:{partition}:iam::{member_account}:role/aws-service-role/cloudtrail.amazonaws.com/"
        "AWSServiceRoleForCloudTrail"
    )
    FEED_ROLE = "arn:{partition}:iam::{management_account}:role/{feed_role}"
    TOPIC = "arn:{partition}:sns:{trail_region}:{management_account}:{topic}"
    LOG_GROUP = "arn:{partition}:logs:{trail_region}:{management_account}:log-group:{log_group}"
    LOG_STREAM = (
        "arn:{partition}:logs:{trail_region}:{management_account}:log-group:{log_group}:log-stream:{name}"
    )
    ARCHIVE_MEMBERSHIP = (
        "arn:{partition}:organizations::{management_account}:account/{organization}/{archive_account}"
    )
    HANDSHAKE = "arn:{partition}:organizations::{name}:handshake/o-{name}/invite/h-{name}"
    POLICY = "arn:{partition}:organizations::{management_account}:policy/{organization}/{name}/p-{name}"
    ROOT = "arn:{partition}:organizations::{management_account}:root/{organization}/r-{name}"
    DELEGATION = "arn:{partition}:organizations::{management_account}:resourcepolicy/{organization}/rp-{name}"
    ARCHIVE_ACCOUNT = "arn:{partition}:account::{archive_account}:account"
    ARCHIVE_ACCOUNT_FROM_ABOVE = (
        "arn:{partition}:account::{management_account}:account/{organization}/{archive_account}"
    )
    ARCHIVE_ROOT_USER = "arn:{partition}:iam::{archive_account}:root"

    @property
    def placeholders(self) -> tuple[str, ...]:
        """The fields of ``Names`` that the template needs."""
        return tuple(one.name for one in fields(Names) if f"{{{one.name}}}" in self.value)

    def resource(self, names: Names) -> str:
        """Return the ARN, or a pattern where a name is not known."""
        return self.value.format(**{one: getattr(names, one) for one in self.placeholders})

    def owner(self, names: Names) -> str:
        """Return the account that owns the resource, or nothing where only the caller's policies are asked.

        That is so for ``*``, and for an invitation, which no policy of the inviting organization guards.
        """
        if self in {Target.EVERYTHING, Target.HANDSHAKE}:
            return ""
        return self.resource(names).split(":", 5)[4] or names.archive_account


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request of a way.

    Attributes:
        action: as ``service:Name``.
        target: what it acts on.
        elsewhere: it is made in an account of the attacker's own, where no policy of ours is asked.
        only: for these callers alone it is an attack; empty: for all of the threat.
    """

    action: str
    target: Target
    elsewhere: bool = False
    only: frozenset[Attacker] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where a threat is described."""

    title: str
    url: str


Way = tuple[Call, ...]
"""Calls that must all be allowed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Threat:
    """One technique against the archive.

    Attributes:
        id: kebab-case; it stays the same between releases.
        title: a line.
        technique: how it is done and why it works.
        effect: what becomes of the evidence.
        family: what it acts on.
        attackers: who could, where nothing stops them.
        ways: each suffices; none: it is no matter of permission.
        given: facts without which there is no such threat.
        refused_when: facts with each of which AWS itself refuses it.
        controls: the layers that can refuse it to some of the callers; which suffice is for a proof to say.
        unbound: those of the callers whom no policy binds, for one of the ways at least.
        stops: what stops it, in words.
        remains: what is left where it is stopped; empty: nothing.
        remedies: what to do.
        mitre: ids of MITRE ATT&CK techniques, older and newer numbers side by side.
        sources: at least one.
    """

    id: str
    title: str
    technique: str
    effect: Effect
    family: Family
    attackers: frozenset[Attacker]
    ways: tuple[Way, ...] = ()
    given: tuple[Fact, ...] = ()
    refused_when: tuple[Fact, ...] = ()
    controls: tuple[Control, ...] = ()
    unbound: frozenset[Attacker] = frozenset()
    stops: str
    remains: str = ""
    remedies: tuple[str, ...]
    mitre: tuple[str, ...] = ()
    sources: tuple[Source, ...]

    @property
    def is_decidable(self) -> bool:
        """Whether policies decide it for anybody at all; otherwise it is a residual."""
        return bool(self.ways) and bool(self.attackers - self.unbound)

    @property
    def actions(self) -> tuple[str, ...]:
        """Its actions in order, each once."""
        return tuple(dict.fromkeys(call.action for way in self.ways for call in way))


def each(target: Target, actions: str) -> tuple[Way, ...]:
    """Return one way for every action; the names are separated by white space.

    >>> len(each(Target.BUCKET, "s3:PutBucketPolicy s3:DeleteBucketPolicy"))
    2
    """
    return tuple((Call(action=action, target=target),) for action in actions.split())


_REFERENCES = {
    "account": "accounts/latest/reference",
    "cloudtrail": "awscloudtrail/latest/APIReference",
    "iam": "IAM/latest/APIReference",
    "kms": "kms/latest/APIReference",
    "logs": "AmazonCloudWatchLogs/latest/APIReference",
    "organizations": "organizations/latest/APIReference",
    "s3": "AmazonS3/latest/API",
    "sns": "sns/latest/api",
    "sts": "STS/latest/APIReference",
}


def api(service: str, operation: str) -> Source:
    """Return AWS's reference of an operation.

    >>> api("kms", "DisableKey").url
    'https://docs.aws.amazon.com/kms/latest/APIReference/API_DisableKey.html'
    """
    return Source(
        title=f"{service}:{operation}",
        url=f"https://docs.aws.amazon.com/{_REFERENCES[service]}/API_{operation}.html",
    )


def guide(title: str, page: str) -> Source:
    """Return a page of AWS's documentation by its path."""
    return Source(title=title, url=f"https://docs.aws.amazon.com/{page}")
