"""What CloudTrail is to deliver, and where: the values that a policy is judged by, and where they come from.

Values are taken from the first source that has them: options, ``trailkeep.toml``, the document itself.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any

from trailkeep.core.arn import trail_arn
from trailkeep.core.config import Config
from trailkeep.core.errors import UsageError
from trailkeep.core.partitions import partition_of

__all__ = ["Delivery", "Kind", "Values", "configured", "resolve", "revealed", "strings"]

_ACCOUNT = re.compile(r"\d{12}")
_ORGANIZATION = re.compile(r"o-[a-z0-9]{10,32}")
_TRAIL = re.compile(r"arn:(?P<partition>[^:*?]+):cloudtrail:[^:*?]+:(?P<account>\d{12}):trail/[^*?]+")
_BUCKET_ARN = re.compile(
    r"arn:(?P<partition>[^:*?]+):s3:::(?P<bucket>[a-z0-9][a-z0-9.-]{2,62})(?=/|$)(?P<path>.*)"
)
_FOLDER = re.compile(r"/(?:(?P<prefix>[^*?]+)/)?AWSLogs/(?P<folder>[^/*?]+)(?:/.*)?")


class Kind(StrEnum):
    """The kinds of documents that can be explained."""

    BUCKET = "bucket-policy"
    KEY = "key-policy"
    TOPIC = "topic-policy"
    SCP = "scp"
    RCP = "rcp"


@dataclass(frozen=True, slots=True, kw_only=True)
class Values:
    """What one source knows; empty where it does not."""

    partition: str = ""
    bucket: str = ""
    prefix: str = ""
    management_account: str = ""
    organization_id: str = ""
    archive_account: str = ""
    trail: str = ""
    resource: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What CloudTrail is to deliver and where.

    ``organization_id`` is empty for a trail of one account, ``trail`` is its ARN, ``resource`` the ARN of the
    key or the topic (a key policy means its own key, so ``*`` will do). ``archive_account`` may be empty.
    """

    partition: str
    bucket: str
    prefix: str
    management_account: str
    organization_id: str
    archive_account: str
    trail: str
    resource: str
    has_bucket_key: bool = True

    @property
    def bucket_arn(self) -> str:
        """The ARN of the bucket."""
        return f"arn:{self.partition}:s3:::{self.bucket}"

    @property
    def root(self) -> str:
        """The folder of CloudTrail in the bucket, as an ARN without the last slash."""
        return f"{self.bucket_arn}/{self.prefix}/AWSLogs" if self.prefix else f"{self.bucket_arn}/AWSLogs"


def configured(config: Config) -> Values:
    """Return what ``trailkeep.toml`` says."""
    partition = partition_of(config.archive.region)
    account = config.trail_account
    return Values(
        partition=partition,
        bucket=config.archive.bucket,
        management_account=account,
        organization_id=config.organization_id,
        archive_account=config.archive.account,
        trail=trail_arn(
            partition=partition, region=config.trail_region, account_id=account, name=config.trail.name
        ),
    )


def revealed(document: Any, kind: Kind) -> Values:
    """Return what a document says of itself: only values that are well formed and alone of their kind."""
    texts = list(strings(document))
    trails = {text for text in texts if _TRAIL.fullmatch(text)}
    accounts = {found["account"] for text in trails if (found := _TRAIL.fullmatch(text))}
    buckets = [found for text in texts if (found := _BUCKET_ARN.fullmatch(text))]
    paths = [found for bucket in buckets if (found := _FOLDER.fullmatch(bucket["path"]))]
    folders = {path["folder"] for path in paths}
    partitions = {text.split(":")[1] for text in texts if re.match(r"arn:[^:*?]+:", text)}
    service = "kms" if kind is Kind.KEY else "sns"
    resources = {
        text for text in texts if re.fullmatch(rf"arn:[^:*?]+:{service}:[^:*?]+:\d{{12}}:[^*?]+", text)
    }
    return Values(
        partition=_only(partitions),
        bucket=_only({bucket["bucket"] for bucket in buckets}),
        prefix=_only({path["prefix"] or "" for path in paths}),
        management_account=_only(accounts) or _only(set(filter(_ACCOUNT.fullmatch, folders))),
        organization_id=_only(set(filter(_ORGANIZATION.fullmatch, folders))),
        trail=_only(trails),
        resource=_only(resources) if kind in {Kind.KEY, Kind.TOPIC} else "",
    )


def resolve(
    file: str,
    kind: Kind,
    *sources: Values,
    needs_bucket: bool,
    for_account: bool = False,
    has_bucket_key: bool = True,
) -> Delivery:
    """Return what the sources say together, the first one first; ``for_account``: a trail of one account.

    Raises:
        UsageError: a value that this kind needs is nowhere or malformed; the message names each.
    """
    taken = {
        field.name: next((text for source in sources if (text := str(getattr(source, field.name)))), "")
        for field in fields(Values)
    }
    if for_account:
        taken["organization_id"] = ""
    taken["partition"] = taken["partition"] or "aws"
    if problems := list(_problems(file, kind, taken, needs_bucket=needs_bucket, for_account=for_account)):
        raise UsageError("\n".join(problems))
    return Delivery(**taken, has_bucket_key=has_bucket_key)


def strings(value: Any) -> Iterator[str]:
    """Yield every text in a JSON value, keys left out."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from strings(item)


def _only(found: set[str]) -> str:
    return next(iter(found)) if len(found) == 1 else ""


def _problems(
    file: str, kind: Kind, taken: dict[str, str], *, needs_bucket: bool, for_account: bool
) -> Iterator[str]:
    about_bucket = kind is Kind.RCP and needs_bucket
    nowhere = "nothing in options, trailkeep.toml and document"
    needed = [
        ("bucket", "the name of the bucket", re.compile(r"[a-z0-9][a-z0-9.-]{2,62}"), needs_bucket),
        (
            "management_account",
            "the management account, 12 digits",
            _ACCOUNT,
            kind is Kind.BUCKET or about_bucket,
        ),
        (
            "organization_id",
            "an organization id (o-...) or --account-trail",
            _ORGANIZATION,
            kind is Kind.BUCKET and not for_account,
        ),
        ("trail", "the ARN of the trail", _TRAIL, kind not in {Kind.SCP, Kind.RCP} or about_bucket),
        ("archive_account", "the account of the bucket, 12 digits", _ACCOUNT, False),
        ("resource", "the ARN of the topic", re.compile(r"arn:.+"), kind is Kind.TOPIC),
    ]
    for name, expected, pattern, is_needed in needed:
        value = taken[name]
        if pattern.fullmatch(value) or not (value or is_needed):
            continue
        option = {"trail": "trail-arn", "resource": "topic-arn"}.get(name, name.replace("_", "-"))
        got = json.dumps(value) if value else nowhere
        yield f"{file}: expected {expected}, got {got}; add --{option}"
