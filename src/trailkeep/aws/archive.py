"""Opens an archive where it is named: a bucket, or a local copy of one."""

from __future__ import annotations

from pathlib import Path

import boto3

from trailkeep.aws.local_archive import LocalArchive
from trailkeep.aws.models import new_session
from trailkeep.aws.s3_archive import S3Archive
from trailkeep.aws.stored import Archive
from trailkeep.core.errors import UsageError

__all__ = ["Archive", "LocalArchive", "S3Archive", "open_archive"]


def open_archive(source: str, *, session: boto3.session.Session | None = None, owner: str = "") -> Archive:
    """Return the archive that ``source`` names: ``s3://bucket/prefix`` or a folder.

    Args:
        source: the name.
        session: whose credentials read a bucket; those of the environment where there is none.
        owner: the account that the bucket must belong to, empty where nobody knows.

    Raises:
        UsageError: there is no such place.
    """
    if source.startswith("s3://"):
        bucket, _, prefix = source.removeprefix("s3://").partition("/")
        if not bucket:
            raise UsageError(f"{source}: expected s3://bucket/prefix; name the bucket")
        return S3Archive(bucket=bucket, prefix=prefix, session=session or new_session(), owner=owner)
    path = Path(source)
    if path.is_dir():
        return LocalArchive(path)
    raise UsageError(f"{source}: expected s3://bucket/prefix or a folder, got nothing of that name")
