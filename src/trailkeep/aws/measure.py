"""The bytes of logs that a day brings at least: the sizes of its keys, in a bounded number of calls."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from trailkeep.aws.session import Accounts, aws_errors
from trailkeep.core.errors import AwsCallError
from trailkeep.core.layout import logs_folder
from trailkeep.guard.blueprint import Blueprint

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

__all__ = ["bytes_a_day"]

_CALLS = 100


def bytes_a_day(accounts: Accounts, blueprint: Blueprint, *, today: datetime) -> int | None:
    """Return the bytes of the logs delivered on the day before ``today``, None where none were seen.

    After 100 listings it stops, so that a large organization is measured in part: the number is a floor.
    """
    try:
        with aws_errors("s3:ListObjectsV2"):
            client = accounts.s3(blueprint.archive_account, blueprint.bucket_region)
            day = today - timedelta(days=1)
            return sum(_sizes(_Lister(client, blueprint), blueprint, f"{day:%Y/%m/%d}/")) or None
    except AwsCallError:
        return None


class _Lister:
    """Lists prefixes until its calls are used up."""

    def __init__(self, client: S3Client, blueprint: Blueprint) -> None:
        self._client = client
        self._blueprint = blueprint
        self._left = _CALLS

    def folders(self, prefix: str) -> list[str]:
        """Return the folders directly below a prefix, at most 1,000."""
        if not self._spend():
            return []
        page = self._client.list_objects_v2(
            Bucket=self._blueprint.bucket,
            Prefix=prefix,
            Delimiter="/",
            ExpectedBucketOwner=self._blueprint.archive_account,
        )
        return [found.get("Prefix", "") for found in page.get("CommonPrefixes", ())]

    def sizes(self, prefix: str) -> list[int]:
        """Return the sizes of the objects below a prefix, at most 1,000."""
        if not self._spend():
            return []
        page = self._client.list_objects_v2(
            Bucket=self._blueprint.bucket,
            Prefix=prefix,
            ExpectedBucketOwner=self._blueprint.archive_account,
        )
        return [entry.get("Size", 0) for entry in page.get("Contents", ())]

    def _spend(self) -> bool:
        self._left -= 1
        return self._left >= 0


def _sizes(lister: _Lister, blueprint: Blueprint, day: str) -> Iterator[int]:
    for account in lister.folders(logs_folder(blueprint.organization_id)):
        for region in lister.folders(f"{account}CloudTrail/"):
            yield from lister.sizes(f"{region}{day}")
