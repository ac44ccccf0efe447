"""The probes of one account's armed archive: only what its lock or its bucket policy must refuse the caller.

No organization policy binds the account, so what nothing refuses is not tried. The lock is asked about a log
that is locked: to hold it one second shorter, without the bypass, is what Object Lock refuses everybody.

Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock.html
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from trailkeep.aws.patience import Patience
from trailkeep.aws.probes import KEY, Probe, answer, probe_guards, unknown
from trailkeep.aws.session import Accounts, aws_errors
from trailkeep.core.errors import AwsCallError
from trailkeep.core.layout import Family, logs_folder
from trailkeep.guard.account_limits import PROBED
from trailkeep.guard.blueprint import Blueprint
from trailkeep.guard.callers import as_caller
from trailkeep.guard.estate import Caller
from trailkeep.guard.evaluate import Decision, Layers, evaluate
from trailkeep.guard.policy import PolicyError, parse_policy

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

__all__ = ["probe_account"]

_PAGES = 10
_LOOK_BACK = timedelta(days=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Locked:
    """A version of a log that is locked, and until when."""

    key: str
    version: str
    mode: Any
    until: datetime


def probe_account(
    accounts: Accounts, blueprint: Blueprint, *, patience: Patience, now: Callable[[], datetime]
) -> tuple[Probe, ...]:
    """Return what AWS answers to the calls that must be refused; none where nothing refuses any yet.

    Where it cannot be read what refuses, that read is an UNKNOWN probe.
    """
    client = accounts.s3(blueprint.archive_account, blueprint.bucket_region)
    try:
        denied = _denied(accounts, client, blueprint)
        locked = _locked_log(client, blueprint, now())
    except AwsCallError as error:
        return (unknown(error, f"s3://{blueprint.bucket}"),)
    probes: tuple[Probe, ...] = ()
    if denied:
        probes = probe_guards(accounts, blueprint, patience=patience, now=now, only=denied)
    return (*probes, _shorten(client, blueprint, locked)) if locked else probes


def _denied(accounts: Accounts, client: S3Client, blueprint: Blueprint) -> frozenset[str]:
    """Return the calls that the bucket policy, as it is now, denies the caller for certain."""
    who = accounts.identity()
    caller = Caller(account=who.account, arn=who.arn, partition=who.partition)
    with aws_errors("s3:GetBucketPolicy"):
        text = client.get_bucket_policy(**_named(blueprint))["Policy"]
    try:
        layers = Layers(resource_policy=parse_policy(text, name="the bucket policy"))
    except PolicyError:
        return frozenset()  # a text that is no policy refuses nothing
    return frozenset(
        call
        for call in PROBED
        if evaluate(as_caller(blueprint, caller, call, key=KEY), layers).decision is Decision.EXPLICIT_DENY
    )


def _locked_log(client: S3Client, blueprint: Blueprint, now: datetime) -> _Locked | None:
    """Return the newest log of the last days in the trail's home Region, if it is locked."""
    with aws_errors("s3:ListObjectsV2"):
        key = _newest(client, blueprint, now)
    if not key:
        return None
    with aws_errors("s3:HeadObject"):
        found: Any = client.head_object(**_named(blueprint), Key=key)
    if "ObjectLockMode" not in found or "ObjectLockRetainUntilDate" not in found:
        return None
    return _Locked(
        key=key,
        version=found["VersionId"],
        mode=found["ObjectLockMode"],
        until=found["ObjectLockRetainUntilDate"],
    )


def _newest(client: S3Client, blueprint: Blueprint, now: datetime) -> str:
    """Return the last key of the last days; keys sort by delivery below a Region."""
    root = f"{logs_folder(blueprint.organization_id)}{blueprint.archive_account}/{Family.EVENTS}"
    folder = f"{root}/{blueprint.trail_region}/"
    pages = client.get_paginator("list_objects_v2").paginate(
        **_named(blueprint), Prefix=folder, StartAfter=f"{folder}{now - _LOOK_BACK:%Y/%m/%d}"
    )
    newest = ""
    for _, page in zip(range(_PAGES), pages, strict=False):
        newest = max([newest, *(entry.get("Key", "") for entry in page.get("Contents", ()))])
    return newest


def _shorten(client: S3Client, blueprint: Blueprint, locked: _Locked) -> Probe:
    shorter: Any = {"Mode": locked.mode, "RetainUntilDate": locked.until - timedelta(seconds=1)}
    return answer(
        "s3:PutObjectRetention",
        f"s3://{blueprint.bucket}/{locked.key} (locked)",
        lambda: client.put_object_retention(
            **_named(blueprint), Key=locked.key, VersionId=locked.version, Retention=shorter
        ),
    )


def _named(blueprint: Blueprint) -> Any:
    return {"Bucket": blueprint.bucket, "ExpectedBucketOwner": blueprint.archive_account}
