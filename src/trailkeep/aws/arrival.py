"""Looks for the first log of a member account in the archive, as the archive account, with few calls."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from trailkeep.aws.session import Accounts, aws_errors
from trailkeep.core.errors import AwsCallError
from trailkeep.core.layout import LogKey, logs_folder, parse_key
from trailkeep.guard.arrival import Arrival
from trailkeep.guard.blueprint import Blueprint

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

__all__ = ["look_for_log", "wait_for_log"]

_PAUSE_S = 30.0
_NOT_THERE = frozenset({"NoSuchBucket", "404"})


def look_for_log(accounts: Accounts, blueprint: Blueprint, awaited: tuple[str, ...]) -> Arrival:
    """Return the first log of an awaited account; one call lists who has any, one looks at each."""
    try:
        with aws_errors("s3:ListObjectsV2"):
            client = accounts.s3(blueprint.archive_account, blueprint.bucket_region)
            for account in _present(client, blueprint, awaited):
                if key := _log(client, blueprint, account):
                    return Arrival(awaited=awaited, account=account, key=key)
    except AwsCallError as error:
        return Arrival(awaited=awaited, error="" if error.code in _NOT_THERE else str(error))
    return Arrival(awaited=awaited)


def wait_for_log(
    look: Callable[[], Arrival],
    *,
    minutes: int,
    clock: Callable[[], float],
    sleep: Callable[[float], None],
    note: Callable[[str], None],
) -> Arrival:
    """Look until a log has arrived or the minutes are over; 0 looks once."""
    ends_at = clock() + minutes * 60
    while True:
        arrival = look()
        left_s = ends_at - clock()
        if arrival.has_arrived or left_s <= 0:
            return arrival
        note(f"no awaited log yet; looking again, for {left_s / 60:.0f} minutes more")
        sleep(min(_PAUSE_S, left_s))


def _folder(blueprint: Blueprint) -> str:
    return logs_folder(blueprint.organization_id)


def _present(client: S3Client, blueprint: Blueprint, awaited: tuple[str, ...]) -> Iterator[str]:
    """Yield the awaited accounts that have a folder in the archive."""
    pages = client.get_paginator("list_objects_v2").paginate(
        Bucket=blueprint.bucket,
        Prefix=_folder(blueprint),
        Delimiter="/",
        ExpectedBucketOwner=blueprint.archive_account,
    )
    for page in pages:
        for found in page.get("CommonPrefixes", ()):
            account = found.get("Prefix", "").removeprefix(_folder(blueprint)).rstrip("/")
            if account in awaited:
                yield account


def _log(client: S3Client, blueprint: Blueprint, account: str) -> str:
    """Return the key of a log of the account, empty where the first keys of its folder are none."""
    page = client.list_objects_v2(
        Bucket=blueprint.bucket,
        Prefix=f"{_folder(blueprint)}{account}/CloudTrail/",
        MaxKeys=100,
        ExpectedBucketOwner=blueprint.archive_account,
    )
    keys = (entry.get("Key", "") for entry in page.get("Contents", ()))
    return next((key for key in keys if isinstance(parse_key(key), LogKey)), "")
