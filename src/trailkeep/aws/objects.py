"""Buckets, folders and single files as sources of log files; bulk reading goes through obstore.

Source: https://developmentseed.org/obstore/latest/
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import botocore.exceptions
import obstore
from obstore.auth.boto3 import Boto3CredentialProvider
from obstore.exceptions import BaseError, PreconditionError
from obstore.store import S3Store

from trailkeep.aws.models import new_session
from trailkeep.core.errors import AwsCallError, UsageError
from trailkeep.core.objects import ObjectReadError, ObjectRef, Objects

if TYPE_CHECKING:
    from obstore.store import S3Config

__all__ = ["LARGEST_BYTES", "Bucket", "Folder", "SingleFile", "connection", "open_source"]

LARGEST_BYTES = 256 << 20
_REPLACED = "it was replaced since it was listed; run again"
_RETRIES: Any = {"max_retries": 6, "retry_timeout": timedelta(seconds=120)}


def open_source(source: str, session: boto3.session.Session | None = None) -> Objects:
    """Return the place that ``source`` names: ``s3://bucket/prefix``, a folder or a file.

    Raises:
        UsageError: there is nothing of that name.
    """
    if source.startswith("s3://"):
        bucket, _, prefix = source.removeprefix("s3://").partition("/")
        if not bucket:
            raise UsageError(f"{source}: expected s3://bucket/prefix; name the bucket")
        return Bucket(bucket=bucket, prefix=prefix, session=session or new_session())
    path = Path(source)
    if path.is_dir():
        return Folder(path=path.resolve())
    if path.is_file():
        return SingleFile(path=path.resolve())
    raise UsageError(f"{source}: expected s3://bucket/prefix, a folder or a file, got nothing of that name")


@dataclass(frozen=True, kw_only=True)
class Bucket:
    """A bucket, or what lies below a prefix of it."""

    bucket: str
    prefix: str
    session: boto3.session.Session

    explicit = False

    @property
    def name(self) -> str:
        """The ``s3://`` address."""
        return f"s3://{self.bucket}/{self.prefix}"

    @cached_property
    def _store(self) -> S3Store:
        return S3Store(
            self.bucket,
            config=connection(self.session, self.bucket),
            client_options={"allow_http": True},
            retry_config=_RETRIES,
            credential_provider=Boto3CredentialProvider(self.session),
        )

    def listed(self) -> Iterator[ObjectRef]:
        """Yield every object whose key begins with the prefix, in the order of keys.

        Listed by boto3: obstore stops at the first key that holds ``..``, ``//`` or a control character, and
        whoever may write one object must not be able to hide the others.
        """
        try:
            pages = self.session.client("s3").get_paginator("list_objects_v2")
            for page in pages.paginate(Bucket=self.bucket, Prefix=self.prefix):
                yield from map(self._ref, page.get("Contents", ()))
        except botocore.exceptions.ClientError as error:
            reason = error.response.get("Error", {})
            raise AwsCallError("s3:ListBucket", reason.get("Code", ""), self._refusal(reason)) from error
        except botocore.exceptions.BotoCoreError as error:
            raise AwsCallError("s3:ListBucket", type(error).__name__, f"{self.name}: {error}") from error

    def _refusal(self, reason: Mapping[str, Any]) -> str:
        return (
            f"{self.name}: {reason.get('Message', '')}; check the name and the credentials, "
            "or collect the archive of trailkeep.toml without naming it, as its access role"
        )

    def _ref(self, entry: Mapping[str, Any]) -> ObjectRef:
        return ObjectRef(
            name=f"s3://{self.bucket}/{entry['Key']}",
            keys=(entry["Key"],),
            version=entry["ETag"].strip('"'),
            size_bytes=entry["Size"],
        )

    def read(self, ref: ObjectRef) -> bytes:
        """Return the stored bytes of one object, in the version that was listed."""
        _check_size(ref)
        try:
            got = obstore.get(self._store, ref.keys[0], options={"if_match": f'"{ref.version}"'})
            return bytes(got.bytes())
        except ValueError:
            return self._read_slowly(ref)
        except PreconditionError as error:
            raise ObjectReadError(_REPLACED) from error
        except (BaseError, OSError) as error:
            raise ObjectReadError(_brief(error)) from error

    def _read_slowly(self, ref: ObjectRef) -> bytes:
        """Read an object whose key obstore cannot express (``//``, ``..``, control characters)."""
        try:
            client = self.session.client("s3")
            got = client.get_object(Bucket=self.bucket, Key=ref.keys[0], IfMatch=f'"{ref.version}"')
            return bytes(got["Body"].read())
        except botocore.exceptions.ClientError as error:
            replaced = error.response.get("Error", {}).get("Code") == "PreconditionFailed"
            raise ObjectReadError(_REPLACED if replaced else _brief(error)) from error
        except botocore.exceptions.BotoCoreError as error:
            raise ObjectReadError(_brief(error)) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """A local folder in CloudTrail's layout."""

    path: Path

    explicit = False

    @property
    def name(self) -> str:
        """The folder's path."""
        return str(self.path)

    def listed(self) -> Iterator[ObjectRef]:
        """Yield every file below the folder, in the order of paths; links are followed, each folder once.

        Raises:
            UsageError: a folder cannot be read, so that the listing would not be complete.
        """
        seen: set[tuple[int, int]] = set()
        for folder, folders, files in os.walk(self.path, onerror=_unlistable, followlinks=True):
            here = Path(folder).stat()
            if (here.st_dev, here.st_ino) in seen:
                folders.clear()
                continue
            seen.add((here.st_dev, here.st_ino))
            folders.sort()
            for file in sorted(files):
                path = Path(folder) / file
                keys = (path.relative_to(self.path).as_posix(), path.as_posix().lstrip("/"))
                yield _file_ref(path, keys)

    def read(self, ref: ObjectRef) -> bytes:
        """Return the bytes of one file."""
        return _read_file(ref)


@dataclass(frozen=True, slots=True, kw_only=True)
class SingleFile:
    """One local file, whatever its name."""

    path: Path

    explicit = True

    @property
    def name(self) -> str:
        """The file's path."""
        return str(self.path)

    def listed(self) -> Iterator[ObjectRef]:
        """Yield the file."""
        yield _file_ref(self.path, (self.path.as_posix().lstrip("/"),))

    def read(self, ref: ObjectRef) -> bytes:
        """Return the bytes of the file."""
        return _read_file(ref)


def _unlistable(error: OSError) -> None:
    raise UsageError(f"{error.filename}: expected a readable folder, got {error.strerror}") from error


def _file_ref(path: Path, keys: tuple[str, ...]) -> ObjectRef:
    try:
        found = path.stat()
    except OSError:
        return ObjectRef(name=_text(path), keys=keys, version="", size_bytes=0)
    return ObjectRef(
        name=_text(path), keys=keys, version=f"{found.st_size}-{found.st_mtime_ns}", size_bytes=found.st_size
    )


def _text(path: Path) -> str:
    """Return a path as text that can be stored; bytes that are no UTF-8 are shown as escapes."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _read_file(ref: ObjectRef) -> bytes:
    path = Path("/" + ref.keys[-1])
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise ObjectReadError("expected a regular file, got a device, socket or pipe")
        _check_size(ref)
        return path.read_bytes()
    except OSError as error:
        raise ObjectReadError(error.strerror or str(error)) from error


def _check_size(ref: ObjectRef) -> None:
    """Refuse an object that is far beyond what CloudTrail writes (50 MB) before it fills the memory."""
    if ref.size_bytes > LARGEST_BYTES:
        raise ObjectReadError(f"expected at most {LARGEST_BYTES:,} bytes, got {ref.size_bytes:,}")


def connection(session: boto3.session.Session, bucket: str, *, client: Any = None) -> S3Config:
    """Return what obstore needs to reach the bucket where the AWS SDK would."""
    region = _region(client or session.client("s3"), bucket)
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    if endpoint:
        return {"region": region, "endpoint": endpoint, "virtual_hosted_style_request": False}
    return {"region": region}


def _region(client: Any, bucket: str) -> str:
    try:
        answer = client.head_bucket(Bucket=bucket)
    except botocore.exceptions.ClientError as error:
        headers = error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
        code = error.response.get("Error", {}).get("Code", "")
        if code == "404":
            raise AwsCallError("s3:HeadBucket", "NoSuchBucket", f"s3://{bucket}: check the name") from error
        answer = {"BucketRegion": headers.get("x-amz-bucket-region")}
    except botocore.exceptions.BotoCoreError as error:
        raise AwsCallError("s3:HeadBucket", type(error).__name__, f"s3://{bucket}: {error}") from error
    return str(answer.get("BucketRegion") or client.meta.region_name or "us-east-1")


def _brief(error: Exception) -> str:
    """Return the first line of an error; obstore appends its debug form."""
    return str(error).split("\n", 1)[0][:500]
