"""Reads from the newest log in the archive whether the lock that was asked for really holds logs.

Nothing is tried: the armed bucket policy refuses every change of a retention, so that a refusal would say
nothing of Object Lock. HeadObject does not tell a log without retention from one whose retention the caller
may not see, so that GetObjectRetention is asked where it shows none.

Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html
Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObjectRetention.html
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

from trailkeep.aws.newest_logs import Lister, Log, accounts_with_logs, newest_days
from trailkeep.aws.probes import Probe, unknown
from trailkeep.aws.session import Accounts, aws_errors
from trailkeep.core.errors import AwsCallError
from trailkeep.core.verdict import VerdictKind
from trailkeep.guard.blueprint import Blueprint
from trailkeep.guard.lock_evidence import HeldLog, judge_lock

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

__all__ = ["check_lock"]

_CALL = "s3:HeadObject"
_NO_RETENTION = frozenset({"NoSuchObjectLockConfiguration", "NoSuchKey", "404"})
_ACCOUNTS = 5
_CALLS = 100


def check_lock(
    accounts: Accounts, blueprint: Blueprint, *, locked_since: datetime | None, now: datetime
) -> Probe | None:
    """Return whether the newest log is locked as asked, None where no log was written under the lock yet.

    ``locked_since`` is when the lock was set, None where nobody knows. It is UNKNOWN where the listings that
    are made showed no log and left some out.
    """
    target = f"s3://{blueprint.bucket}"
    try:
        client = accounts.s3(blueprint.archive_account, blueprint.bucket_region)
        with aws_errors("s3:ListObjectsV2"):
            lister = Lister(client, blueprint, calls=_CALLS)
            logs = [*_newest(lister, blueprint, now)]
        if not logs:
            return _unseen(target) if lister.is_used_up else None
        newest = max(logs, key=_age)
        target = f"{target}/{newest.key}"
        return _judged(client, blueprint, newest, target, locked_since)
    except AwsCallError as error:
        return unknown(error, target, expected="an answer")


def _unseen(target: str) -> Probe:
    return Probe(
        call="s3:ListObjectsV2",
        target=target,
        expected="a log",
        got=f"none in {_CALLS} listings",
        message="",
        verdict=VerdictKind.UNKNOWN,
    )


def _newest(lister: Lister, blueprint: Blueprint, now: datetime) -> Iterator[Log]:
    """Yield the newest log of each of a few accounts that have any."""
    accounts = _accounts(lister, blueprint)
    days = (next(newest_days(lister, blueprint, account, now=now), ()) for account in accounts)
    for logs in islice((logs for logs in days if logs), _ACCOUNTS):
        yield max(logs, key=_age)


def _age(log: Log) -> tuple[datetime, str]:
    """Return what orders logs by age: S3's second, and within one what the keys say."""
    return log.modified_at, log.key


def _accounts(lister: Lister, blueprint: Blueprint) -> Iterator[str]:
    if blueprint.is_of_organization:
        yield from accounts_with_logs(lister, blueprint)
    else:
        yield blueprint.archive_account


def _judged(
    client: S3Client, blueprint: Blueprint, log: Log, target: str, locked_since: datetime | None
) -> Probe | None:
    named: Any = {"Bucket": blueprint.bucket, "ExpectedBucketOwner": blueprint.archive_account}
    with aws_errors(_CALL):
        found = client.head_object(**named, Key=log.key)
    held = HeldLog(
        key=log.key,
        modified_at=log.modified_at,
        mode=found.get("ObjectLockMode", ""),
        until=found.get("ObjectLockRetainUntilDate"),
    )
    evidence = judge_lock(blueprint, held, locked_since=locked_since)
    if evidence is None:
        return None
    if evidence.verdict is VerdictKind.FAIL and not held.mode:
        _see_none(client, named, log.key)
    return Probe(
        call=_CALL,
        target=target,
        expected=evidence.expected,
        got=evidence.got,
        message="",
        verdict=evidence.verdict,
    )


def _see_none(client: S3Client, named: Any, key: str) -> None:
    """Make sure that a log has no retention, rather than one that the caller may not see.

    Raises:
        AwsCallError: the caller may not see it.
    """
    try:
        with aws_errors("s3:GetObjectRetention"):
            client.get_object_retention(**named, Key=key)
    except AwsCallError as error:
        if error.code not in _NO_RETENTION:
            raise
