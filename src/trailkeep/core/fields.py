"""The fields of ``trailkeep.toml``: name, type, default, what is allowed, and why one would set it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

__all__ = ["ACCOUNT", "FIELDS", "ORGANIZATION", "ORGANIZATION_ONLY", "Field", "Value"]

Value = str | int | bool | tuple[str, ...]
MAX_RETENTION_DAYS = 36_500
ORGANIZATION = "organization"
ACCOUNT = "account"
"""The modes: the archive of an organization, or of one account that keeps its own history."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One key; ``default`` is None where a value is required, ``advice`` what to do about a bad one.

    A key above all sections has an empty ``section``.
    A ``tuple`` is an array of strings; ``allows`` is then asked for each of them.
    """

    section: str
    name: str
    kind: type[str | int | bool | tuple[str, ...]]
    default: Value | None
    expected: str
    allows: Callable[[Any], bool]
    advice: str
    comment: str

    @property
    def key(self) -> str:
        """The key path, as in ``archive.account``."""
        return f"{self.section}.{self.name}" if self.section else self.name

    @property
    def type_name(self) -> str:
        """The type as the reference calls it."""
        return "list[str]" if self.kind is tuple else self.kind.__name__


_RESERVED_PREFIXES = ("xn--", "sthree-", "amzn-s3-demo-")
_RESERVED_SUFFIXES = ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3")
_BUCKET = re.compile(r"(?!.*\.\.)(?!\d+\.\d+\.\d+\.\d+$)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_TRAIL = re.compile(r"(?!.*[._-]{2})(?!\d+\.\d+\.\d+\.\d+$)[A-Za-z0-9][A-Za-z0-9._-]{1,126}[A-Za-z0-9]")
_ROLE = re.compile(r"[A-Za-z0-9+=,.@_/-]{1,64}")
_REGION = re.compile(r"[a-z]{2,5}(-[a-z]+)+-\d{1,2}")
_ROLE_ARN = re.compile(r"arn:aws[a-z-]*:iam::[0-9]{12}:role/[A-Za-z0-9+=,.@_/-]{1,576}")
_DATA_EVENTS = re.compile(
    r"AWS::[A-Za-z0-9]{1,64}::[A-Za-z0-9]{1,64}(=arn:aws[a-z-]{0,20}:[a-z0-9-]+:[!-~]{0,1900})?"
)
_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]+\.[^@\s]+")


def _matches(pattern: str | re.Pattern[str], *, or_empty: bool = False) -> Callable[[Any], bool]:
    compiled = re.compile(pattern)
    return lambda value: (or_empty and value == "") or compiled.fullmatch(value) is not None


def _is_bucket(value: str) -> bool:
    """Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html."""
    reserved = value.startswith(_RESERVED_PREFIXES) or value.endswith(_RESERVED_SUFFIXES)
    return _BUCKET.fullmatch(value) is not None and not reserved


FIELDS: tuple[Field, ...] = (
    Field(
        section="",
        name="mode",
        kind=str,
        default=ORGANIZATION,
        expected="organization or account",
        allows=lambda value: value in {ORGANIZATION, ACCOUNT},
        advice="account is for one account that keeps its own history, without organization policies",
        comment="Whose history is kept: that of an organization, or of one account (archive.account).",
    ),
    Field(
        section="organization",
        name="id",
        kind=str,
        default=None,
        expected="an organization id (o- and 10 to 32 letters or digits)",
        allows=_matches(r"o-[a-z0-9]{10,32}"),
        advice="see 'aws organizations describe-organization'",
        comment="The organization whose CloudTrail history is kept.",
    ),
    Field(
        section="organization",
        name="management_account",
        kind=str,
        default=None,
        expected="12 digits in quotes",
        allows=_matches(r"[0-9]{12}"),
        advice="see MasterAccountId in 'aws organizations describe-organization'",
        comment="The management account: it owns the trail, and Trailkeep runs with its credentials.",
    ),
    Field(
        section="archive",
        name="account",
        kind=str,
        default="",
        expected="12 digits in quotes, or an empty string",
        allows=_matches(r"[0-9]{12}", or_empty=True),
        advice="leave it empty to have the account created from account_name and account_email",
        comment="The account that holds the logs: a member with nothing else in it (empty: create the one "
        "named below), or the one account that keeps its own.",
    ),
    Field(
        section="archive",
        name="account_name",
        kind=str,
        default="",
        expected="up to 50 printable characters",
        allows=lambda value: len(value) <= 50 and value.isprintable(),
        advice="for example log-archive",
        comment="Name of the account to create; used only while account is empty.",
    ),
    Field(
        section="archive",
        name="account_email",
        kind=str,
        default="",
        expected="an e-mail address of up to 64 characters that no AWS account uses",
        allows=lambda value: (
            len(value) <= 64 and value.isprintable() and _matches(_EMAIL, or_empty=True)(value)
        ),
        advice="for example aws-log-archive@example.com",
        comment="E-mail address of the account to create; used only while account is empty.",
    ),
    Field(
        section="archive",
        name="region",
        kind=str,
        default=None,
        expected="a region such as eu-central-1",
        allows=_matches(_REGION),
        advice="choose one that is enabled by default in every account",
        comment="The region of the bucket.",
    ),
    Field(
        section="archive",
        name="bucket",
        kind=str,
        default="",
        expected="a bucket name (3 to 63 lower-case letters, digits, hyphens or dots, not reserved by S3)",
        allows=lambda value: value == "" or _is_bucket(value),
        advice="names are global: put the account id into it",
        comment="The bucket that CloudTrail writes to; empty: a name that only the archive account can have.",
    ),
    Field(
        section="archive",
        name="access_role",
        kind=str,
        default="OrganizationAccountAccessRole",
        expected="the name of a role (up to 64 letters, digits or +=,.@_/-)",
        allows=_matches(_ROLE),
        advice="AWS Control Tower's is AWSControlTowerExecution",
        comment="The role in the archive account that the management account assumes.",
    ),
    Field(
        section="archive",
        name="encryption",
        kind=str,
        default="sse-s3",
        expected="sse-s3 or sse-kms",
        allows=lambda value: value in {"sse-s3", "sse-kms"},
        advice="sse-s3 has no key that somebody could delete",
        comment="How logs are encrypted; sse-kms makes a key of your own in the archive account.",
    ),
    Field(
        section="archive",
        name="readers",
        kind=tuple,
        default=(),
        expected="a list of different role ARNs such as arn:aws:iam::333333333333:role/audit",
        allows=_matches(_ROLE_ARN),
        advice="name roles, not users or whole accounts; the role needs the same permissions of its own",
        comment="The roles that may read the logs, and decrypt them where there is a key.",
    ),
    Field(
        section="archive",
        name="lifecycle_expire_days",
        kind=int,
        default=0,
        expected=f"0, or a whole number of days up to {MAX_RETENTION_DAYS} that is not below retention.days",
        allows=lambda value: 0 <= value <= MAX_RETENTION_DAYS,
        advice="0 keeps every log for ever",
        comment="After how many days logs are deleted by the bucket itself; 0: never.",
    ),
    Field(
        section="retention",
        name="days",
        kind=int,
        default=400,
        expected=f"a whole number of days from 1 to {MAX_RETENTION_DAYS}",
        allows=lambda value: 1 <= value <= MAX_RETENTION_DAYS,
        advice="400 is a year and a month; PCI DSS asks for 365, HIPAA for 2190",
        comment="How many days a log cannot be deleted after its delivery.",
    ),
    Field(
        section="retention",
        name="lock_mode",
        kind=str,
        default="GOVERNANCE",
        expected="GOVERNANCE or COMPLIANCE",
        allows=lambda value: value in {"GOVERNANCE", "COMPLIANCE"},
        advice="COMPLIANCE cannot be lifted by anyone, not even AWS, before a log's days are over",
        comment="S3 Object Lock mode. COMPLIANCE is final for every log delivered under it.",
    ),
    Field(
        section="trail",
        name="name",
        kind=str,
        default="trailkeep",
        expected="a trail name (3 to 128 letters, digits or single ._- between them)",
        allows=_matches(_TRAIL),
        advice="the name is part of the bucket policy, so choose it once",
        comment="Name of the trail; a trail of this name is adopted.",
    ),
    Field(
        section="trail",
        name="region",
        kind=str,
        default="",
        expected="a region such as eu-central-1, or an empty string",
        allows=_matches(_REGION, or_empty=True),
        advice="leave it empty to use archive.region",
        comment="Home region of the trail; empty: the region of the bucket.",
    ),
    Field(
        section="trail",
        name="management_events",
        kind=str,
        default="all",
        expected="all or write-only",
        allows=lambda value: value in {"all", "write-only"},
        advice="write-only leaves out what only reads, such as looking around with stolen keys",
        comment="Which management events are recorded: all, or write-only.",
    ),
    Field(
        section="trail",
        name="data_events",
        kind=tuple,
        default=(),
        expected="resource types, each alone or with =<ARN prefix>",
        allows=_matches(_DATA_EVENTS),
        advice="for example AWS::S3::Object=arn:aws:s3:::important/",
        comment="Data events to record: a resource type, or <resource type>=<ARN prefix>; each event costs.",
    ),
    Field(
        section="trail",
        name="network_events",
        kind=tuple,
        default=(),
        expected="event sources",
        allows=_matches(r"[a-z0-9][a-z0-9.-]{0,60}\.amazonaws\.(com|com\.cn|eu)"),
        advice="for example ec2.amazonaws.com",
        comment="Services whose calls through VPC endpoints are recorded; each event costs.",
    ),
    Field(
        section="trail",
        name="insights",
        kind=tuple,
        default=(),
        expected="ApiCallRateInsight or ApiErrorRateInsight",
        allows=lambda value: value in {"ApiCallRateInsight", "ApiErrorRateInsight"},
        advice="leave the list empty for none",
        comment="CloudTrail Insights on management events; each event that is analyzed costs.",
    ),
    Field(
        section="trail",
        name="recursive_logging",
        kind=bool,
        default=False,
        expected="true or false",
        allows=lambda _: True,
        advice="true records a data event for each delivery, where data events of the archive are recorded",
        comment="Record the events that CloudTrail itself causes when it delivers logs.",
    ),
    Field(
        section="trail",
        name="sns_topic",
        kind=str,
        default="",
        expected="the ARN of an SNS topic, or an empty string",
        allows=_matches(r"arn:aws[a-z-]{0,20}:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]{1,256}", or_empty=True),
        advice="its policy must let CloudTrail publish; 'trailkeep explain --topic-arn' checks it",
        comment="An existing SNS topic that is told of each log; empty: leave the trail's as it is.",
    ),
    Field(
        section="trail",
        name="cloudwatch_log_group",
        kind=str,
        default="",
        expected="the ARN of a log group in the account of the trail, ending with :*, or an empty string",
        allows=_matches(
            r"arn:aws[a-z-]{0,20}:logs:[a-z0-9-]+:[0-9]{12}:log-group:[A-Za-z0-9_/.#-]{1,512}:\*",
            or_empty=True,
        ),
        advice="see 'aws logs describe-log-groups'",
        comment="An existing CloudWatch Logs group for a live feed; empty: leave the trail's as it is.",
    ),
    Field(
        section="trail",
        name="cloudwatch_role",
        kind=str,
        default="",
        expected="the ARN of a role in the account of the trail, or an empty string",
        allows=_matches(r"arn:aws[a-z-]{0,20}:iam::[0-9]{12}:role/[A-Za-z0-9+=,.@_/-]{1,576}", or_empty=True),
        advice="CloudTrail assumes it to write to cloudwatch_log_group",
        comment="The role with which CloudTrail writes to cloudwatch_log_group.",
    ),
    Field(
        section="trail",
        name="delegated_administrator",
        kind=str,
        default="",
        expected="12 digits in quotes, or an empty string",
        allows=_matches(r"[0-9]{12}", or_empty=True),
        advice="leave it empty for none; whoever administers that account may change the trail",
        comment="A member account that may manage the organization's trails; empty: none is registered.",
    ),
    Field(
        section="guards",
        name="scp",
        kind=bool,
        default=True,
        expected="true or false",
        allows=lambda _: True,
        advice="without it the archive account's administrators can delete the bucket policy",
        comment="Attach the service control policy that makes the archive read-only in its own account.",
    ),
    Field(
        section="guards",
        name="member_scp",
        kind=bool,
        default=True,
        expected="true or false",
        allows=lambda _: True,
        advice="without it a delegated administrator of CloudTrail can stop the trail",
        comment="Attach the service control policy that keeps every member account from the trail.",
    ),
    Field(
        section="guards",
        name="rcp",
        kind=bool,
        default=True,
        expected="true or false",
        allows=lambda _: True,
        advice="without it a bucket policy can let other accounts write to the archive",
        comment="Attach the resource control policy that lets nobody but the trail write to the archive.",
    ),
    Field(
        section="lake",
        name="path",
        kind=str,
        default="lake",
        expected="a folder in printable characters (no s3:// address)",
        allows=lambda value: value != "" and value.isprintable() and "://" not in value,
        advice="the default is lake",
        comment="Where 'collect' keeps the queryable table, relative to this file.",
    ),
)

ORGANIZATION_ONLY = frozenset(
    {
        "organization.id",
        "organization.management_account",
        "archive.account_name",
        "archive.account_email",
        "archive.access_role",
        "trail.delegated_administrator",
        "guards.scp",
        "guards.member_scp",
        "guards.rcp",
    }
)
"""The keys that mean nothing for one account: there only what says "none" is taken."""
