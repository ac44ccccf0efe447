"""What was observed of an organization and its archive at one moment; plain data, JSON both ways.

Values stand in place of a fact, and none is a default: ``Absent`` (AWS says there is none), ``Unreadable`` (a
call was refused or failed, so nobody knows), ``Unasked`` (one account's archive needs it not) and, for a
bucket, ``ForeignBucket``.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from trailkeep.core.errors import UsageError

__all__ = [
    "Absent",
    "Account",
    "Bucket",
    "Caller",
    "Encryption",
    "Estate",
    "ForeignBucket",
    "Key",
    "ObjectLock",
    "Organization",
    "Policy",
    "PublicAccessBlock",
    "Root",
    "Tag",
    "Trail",
    "TrailStatus",
    "Unasked",
    "Unit",
    "Unreadable",
    "decode_estate",
    "encode_estate",
    "estate_of_one_account",
]

_SCHEMA = "estate/1"


class _Fact(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="fact", tag=True
):
    """One observed value; ``fact`` names its type in JSON."""


class Unreadable(_Fact, frozen=True, kw_only=True):
    """A call was refused or failed: ``call`` is ``service:Operation``, ``error`` what came back."""

    call: str
    error: str


class Absent(_Fact, frozen=True, kw_only=True):
    """AWS answered, and there is no such thing."""


class Unasked(_Fact, frozen=True, kw_only=True):
    """Nobody asked AWS, because the archive of one account does not depend on it."""


class Caller(_Fact, frozen=True, kw_only=True):
    """Whose credentials observed."""

    account: str
    arn: str
    partition: str


class Organization(_Fact, frozen=True, kw_only=True):
    """The organization; ``feature_set`` is ALL or CONSOLIDATED_BILLING."""

    id: str
    management_account: str
    feature_set: str


class Root(_Fact, frozen=True, kw_only=True):
    """The root of the organization and the policy types enabled there."""

    id: str
    policy_types: tuple[str, ...]


class Unit(_Fact, frozen=True, kw_only=True):
    """An organizational unit."""

    id: str
    name: str
    parent: str


class Account(_Fact, frozen=True, kw_only=True):
    """A member or the management account; ``parent`` is a root or a unit."""

    id: str
    name: str
    email: str
    status: str
    parent: str


class Policy(_Fact, frozen=True, kw_only=True):
    """An organization policy; ``targets`` are the ids of roots, units and accounts it is attached to.

    Of an AWS managed policy they are only those on the path from the root to the archive account.
    """

    id: str
    name: str
    aws_managed: bool
    content: str | Unreadable
    targets: tuple[str, ...] | Unreadable


class TrailStatus(_Fact, frozen=True, kw_only=True):
    """Whether a trail delivers; the errors are empty where the last delivery succeeded."""

    is_logging: bool
    latest_delivery_error: str
    latest_digest_delivery_error: str
    latest_delivery_at: datetime | None


class Trail(_Fact, frozen=True, kw_only=True):
    """A trail; ``recursive_logging`` is None where AWS does not say.

    ``event_selectors`` is the answer of GetEventSelectors as JSON where there are custom ones, and
    ``insight_selectors`` the list of GetInsightSelectors where Insights is on.
    """

    name: str
    arn: str
    home_region: str
    bucket: str
    prefix: str
    kms_key: str
    is_organization_trail: bool
    is_multi_region: bool
    includes_global_events: bool
    validates_logs: bool
    has_custom_event_selectors: bool
    recursive_logging: bool | None
    status: TrailStatus | Unreadable
    event_selectors: str | Absent | Unreadable = Absent()
    insight_selectors: str | Absent | Unreadable = Absent()
    sns_topic: str = ""
    log_group: str = ""
    log_role: str = ""


class PublicAccessBlock(_Fact, frozen=True, kw_only=True):
    """S3's four switches against public access."""

    block_public_acls: bool
    ignore_public_acls: bool
    block_public_policy: bool
    restrict_public_buckets: bool


class ObjectLock(_Fact, frozen=True, kw_only=True):
    """Object Lock is on; without a default retention ``mode`` is empty and ``days`` 0."""

    mode: str
    days: int


class Encryption(_Fact, frozen=True, kw_only=True):
    """Default encryption of new objects."""

    algorithm: str
    kms_key: str
    bucket_key: bool


class Key(_Fact, frozen=True, kw_only=True):
    """A KMS key; ``state``, ``manager`` and ``origin`` (empty where KMS does not say) are KMS's words.

    ``alias`` is empty where it was named otherwise.

    Rotation and policy are Absent where nobody asked for them.
    """

    arn: str
    alias: str
    state: str
    manager: str
    rotates: bool | Absent | Unreadable = Absent()
    policy: str | Absent | Unreadable = Absent()
    deletion_at: datetime | None = None
    origin: str = ""


class Tag(_Fact, frozen=True, kw_only=True):
    """One tag of a bucket."""

    key: str
    value: str


class Bucket(_Fact, frozen=True, kw_only=True):
    """A bucket that the archive account owns; ``versioning`` is empty where it was never on.

    ``smallest_transition`` is S3's word for what lifecycle rules move by default, empty where S3 did not say.
    """

    name: str
    owner: str
    region: str | Unreadable
    versioning: str | Unreadable
    public_access_block: PublicAccessBlock | Absent | Unreadable
    ownership: str | Absent | Unreadable
    object_lock: ObjectLock | Absent | Unreadable
    policy: str | Absent | Unreadable
    encryption: Encryption | Absent | Unreadable
    lifecycle: str | Absent | Unreadable
    request_payer: str | Absent | Unreadable
    tags: tuple[Tag, ...] | Absent | Unreadable = Absent()
    smallest_transition: str = ""


class ForeignBucket(_Fact, frozen=True, kw_only=True):
    """A bucket of that name exists and the archive account does not own it."""

    name: str
    evidence: str


class Estate(_Fact, frozen=True, kw_only=True):
    """Everything that was observed; ``archive_account`` is the account that the configuration means.

    ``key`` is the archive's own key where one is asked for, else the one that the trail or the bucket names.
    ``delegated_administrators`` are those of CloudTrail. ``trails_elsewhere`` are trails that record another
    Region alone. ``missing_receivers`` are the settings of the log group, the role and the topic that the
    trail does not name yet and that AWS says are not there. Where ``organization`` is Unasked the estate is
    one account, and all that an organization could have is empty.
    """

    caller: Caller
    organization: Organization | Absent | Unasked | Unreadable
    roots: tuple[Root, ...] | Unreadable
    units: tuple[Unit, ...] | Unreadable
    accounts: tuple[Account, ...] | Unreadable
    trusted_services: tuple[str, ...] | Unreadable
    service_control_policies: tuple[Policy, ...] | Unreadable
    resource_control_policies: tuple[Policy, ...] | Unreadable
    trails: tuple[Trail, ...] | Unreadable
    archive_account: str | Absent | Unreadable
    bucket: Bucket | ForeignBucket | Absent | Unreadable
    key: Key | Absent | Unreadable = Absent()
    account_public_access_block: PublicAccessBlock | Absent | Unreadable = Absent()
    delegated_administrators: tuple[str, ...] | Unreadable = ()
    trails_elsewhere: tuple[Trail, ...] | Unreadable = ()
    missing_receivers: tuple[str, ...] = ()


_NONE = Absent()


def estate_of_one_account(
    caller: Caller,
    *,
    organization: Absent | Unasked,
    archive_account: str | Absent,
    trails: tuple[Trail, ...] | Unreadable = (),
    trails_elsewhere: tuple[Trail, ...] | Unreadable = (),
    bucket: Bucket | ForeignBucket | Absent | Unreadable = _NONE,
    key: Key | Absent | Unreadable = _NONE,
    missing_receivers: tuple[str, ...] = (),
) -> Estate:
    """Return an estate in which all that only an organization could have is empty."""
    return Estate(
        caller=caller,
        organization=organization,
        roots=(),
        units=(),
        accounts=(),
        trusted_services=(),
        service_control_policies=(),
        resource_control_policies=(),
        trails=trails,
        archive_account=archive_account,
        bucket=bucket,
        key=key,
        trails_elsewhere=trails_elsewhere,
        missing_receivers=missing_receivers,
    )


class _Header(msgspec.Struct, frozen=True, kw_only=True):
    schema: str


class _File(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    trailkeep: _Header
    estate: Estate


def encode_estate(estate: Estate) -> bytes:
    """Return the estate as one JSON document (schema ``estate/1``)."""
    encoded = msgspec.json.encode(_File(trailkeep=_Header(schema=_SCHEMA), estate=estate))
    return msgspec.json.format(encoded, indent=2) + b"\n"


def decode_estate(data: bytes) -> Estate:
    """Read a document that ``encode_estate`` wrote.

    Raises:
        UsageError: the document is not an estate; the message names the place.
    """
    try:
        file = msgspec.json.decode(data, type=_File)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UsageError(
            f"estate file: expected a document of 'trailkeep plan --save-estate', got {error}; save it again"
        ) from error
    if file.trailkeep.schema != _SCHEMA:
        raise UsageError(
            f"estate file: expected schema {_SCHEMA}, got {file.trailkeep.schema}; "
            "save it again with this version"
        )
    return file.estate
