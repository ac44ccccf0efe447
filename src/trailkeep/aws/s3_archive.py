"""The archive in its bucket: versions are listed by boto3, objects are read by obstore, many at once.

Every listing checks whose the bucket is (``ExpectedBucketOwner``); reading names the version or the ETag that
was listed, so that it reads what that owner has.

Source: https://developmentseed.org/obstore/latest/api/get/
"""

from __future__ import annotations

import asyncio
import os
import random
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import boto3
import obstore
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from obstore.auth.boto3 import Boto3CredentialProvider
from obstore.exceptions import BaseError
from obstore.store import S3Store

from trailkeep.aws.archive_folders import Children, find_folders
from trailkeep.aws.bulk_read import IN_FLIGHT, bulk_read
from trailkeep.aws.objects import LARGEST_BYTES, connection
from trailkeep.aws.session import aws_errors
from trailkeep.aws.stored import Discovered, Got, Reason, Stored, Unread
from trailkeep.aws.unread import judge_client_error, judge_error
from trailkeep.aws.version_listing import VersionListing

__all__ = ["S3Archive"]

T = TypeVar("T")

_LISTINGS = 8
_ATTEMPTS = 3
_NO_METADATA = frozenset(
    {"Cache-Control", "Content-Disposition", "Content-Encoding", "Content-Language", "Content-Type"}
)


class S3Archive:
    """A bucket, or what lies below a prefix of it.

    Args:
        bucket: its name.
        session: whose credentials read it.
        prefix: the beginning of the keys that are looked at.
        owner: the account that the bucket must belong to, empty where nobody knows.
        in_flight: how many objects are read at once.
        retries: how often a request that was not answered, or answered with SlowDown or 5xx, is repeated;
            ten take about a minute.
    """

    def __init__(
        self,
        *,
        bucket: str,
        session: boto3.session.Session,
        prefix: str = "",
        owner: str = "",
        in_flight: int = IN_FLIGHT,
        retries: int = 10,
    ) -> None:
        self._bucket = bucket
        self._session = session
        self._prefix = prefix
        self._owner = owner
        self._in_flight = in_flight
        self._retries = retries
        self._reads_versions = True

    @property
    def name(self) -> str:
        """The ``s3://`` address."""
        return f"s3://{self._bucket}/{self._prefix}"

    @property
    def bucket(self) -> str:
        """The bucket's name."""
        return self._bucket

    @property
    def versions_refused(self) -> str:
        """Why only current objects were listed; empty where versions were."""
        return self._listing.refusal

    def address(self, key: str) -> str:
        """Return the ``s3://`` address of an object."""
        return f"s3://{self._bucket}/{key}"

    def folders(self) -> Discovered:
        """Return where there are logs and digests; see :class:`~trailkeep.aws.stored.Archive`."""
        return find_folders(self._children, self._prefix, name=self.name)

    def listed(self, prefix: str, *, after: str = "") -> Iterator[Stored]:
        """Yield every version below a prefix, in the order of keys."""
        for page in self._listing.pages(prefix, after=after):
            yield from page.stored

    def listings(self, prefixes: Iterable[str]) -> Iterator[tuple[str, Sequence[Stored]]]:
        """Yield each prefix with all that is listed below it; a few are listed ahead."""
        rest = iter(prefixes)
        ahead: deque[tuple[str, Future[tuple[Stored, ...]]]] = deque()
        with ThreadPoolExecutor(max_workers=_LISTINGS) as pool:
            try:
                while True:
                    for prefix in islice(rest, _LISTINGS - len(ahead)):
                        ahead.append((prefix, pool.submit(lambda of: tuple(self.listed(of)), prefix)))
                    if not ahead:
                        return
                    prefix, future = ahead.popleft()
                    yield prefix, future.result()
            finally:
                for _, future in ahead:
                    future.cancel()

    def process(self, many: Iterable[Stored], work: Callable[[Got], T]) -> Iterator[tuple[Stored, T]]:
        """Read objects and yield what ``work`` makes of each; see :class:`~trailkeep.aws.stored.Archive`."""
        self._store  # noqa: B018 - made here, in one thread
        return bulk_read(many, self._fetch, work, in_flight=self._in_flight)

    def read(self, many: Iterable[Stored]) -> Iterator[Got]:
        """Read objects and yield their bodies."""
        return (got for _, got in self.process(many, lambda got: got))

    @cached_property
    def _client(self) -> Any:
        is_custom = bool(os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL"))
        settings = Config(
            retries={"mode": "standard", "total_max_attempts": 6},
            max_pool_connections=2 * _LISTINGS + 16,
            user_agent_extra="trailkeep",
            s3={"addressing_style": "path" if is_custom else "auto"},
        )
        with aws_errors("s3:client"):
            return self._session.client("s3", config=settings)

    @cached_property
    def _listing(self) -> VersionListing:
        return VersionListing(self._client, self._bucket, self._owner)

    @cached_property
    def _store(self) -> S3Store:
        options: dict[str, Any] = {"allow_http": True, "timeout": timedelta(seconds=180)}
        if bundle := os.environ.get("AWS_CA_BUNDLE"):
            options["root_certificate"] = Path(bundle).read_bytes()
        return S3Store(
            self._bucket,
            config=connection(self._session, self._bucket),
            client_options=options,  # type: ignore[arg-type] # a dict that is built in steps
            retry_config={"max_retries": self._retries, "retry_timeout": timedelta(minutes=3)},
            credential_provider=Boto3CredentialProvider(self._session),
        )

    def _children(self, prefix: str) -> Children:
        pages = list(self._listing.pages(prefix, delimiter="/"))
        return Children(
            folders=tuple(dict.fromkeys(folder for page in pages for folder in page.folders)),
            keys=tuple(dict.fromkeys(one.key for page in pages for one in page.stored)),
        )

    async def _fetch(self, stored: Stored) -> Got:
        """Return what one object is, in the version that was listed."""
        if refused := _refusal(stored, stored.size_bytes):
            return Got(stored=stored, error=refused)
        try:
            if stored.key.startswith("/") or stored.key.endswith("/"):
                return await self._slowly(stored)  # obstore would ask for another key
            return await self._quickly(stored)
        except ValueError:
            return await self._slowly(stored)

    async def _quickly(self, stored: Stored) -> Got:
        try:
            return await self._attempts(stored)
        except (BaseError, OSError) as error:
            unread = judge_error(error)
        if unread.reason is Reason.DENIED and self._reads_versions and stored.version and stored.is_latest:
            current = await self._current(stored)  # s3:GetObject may be allowed where GetObjectVersion is not
            return current if current.error is None else Got(stored=stored, error=unread)
        return Got(stored=stored, error=unread)

    async def _current(self, stored: Stored) -> Got:
        try:
            got = await self._once(stored, {"if_match": f'"{stored.etag}"'})
        except (BaseError, OSError) as error:
            return Got(stored=stored, error=judge_error(error))
        self._reads_versions = False
        return got

    async def _attempts(self, stored: Stored) -> Got:
        """Read an object; obstore repeats requests, and a body that broke off is asked for again here."""
        options = {"if_match": f'"{stored.etag}"'} if self._by_etag(stored) else {"version": stored.version}
        for attempt in range(1, _ATTEMPTS):
            try:
                return await self._once(stored, options)
            except _BrokenOffError:
                await asyncio.sleep(random.uniform(0, attempt))  # noqa: S311 - spreads repetitions
        return await self._once(stored, options)

    def _by_etag(self, stored: Stored) -> bool:
        return not stored.version or (stored.is_latest and not self._reads_versions)

    async def _once(self, stored: Stored, options: Any) -> Got:
        got = await obstore.get_async(self._store, stored.key, options=options)
        if refused := _refusal(stored, got.meta["size"]):
            return Got(stored=stored, error=refused)
        try:
            body = bytes(await got.bytes_async())
        except (BaseError, OSError) as error:
            raise _BrokenOffError(str(error)) from error
        return Got(stored=stored, body=body, metadata=_metadata(got.attributes))

    async def _slowly(self, stored: Stored) -> Got:
        return await asyncio.get_running_loop().run_in_executor(None, self._by_boto3, stored)

    def _by_boto3(self, stored: Stored) -> Got:
        """Read an object whose key obstore cannot express (``//``, ``..``, control characters)."""
        named = {"IfMatch": f'"{stored.etag}"'} if self._by_etag(stored) else {"VersionId": stored.version}
        if self._owner:
            named["ExpectedBucketOwner"] = self._owner
        try:
            got = self._client.get_object(Bucket=self._bucket, Key=stored.key, **named)
            return Got(stored=stored, body=got["Body"].read(), metadata=got.get("Metadata", {}))
        except ClientError as error:
            return Got(stored=stored, error=judge_client_error(error))
        except BotoCoreError as error:
            return Got(stored=stored, error=Unread(reason=Reason.ERROR, message=str(error)[:500]))


class _BrokenOffError(BaseError):
    """The body of an object ended early."""


def _refusal(stored: Stored, size_bytes: int) -> Unread | None:
    """Return why an object is not asked for: it is far beyond what CloudTrail writes, or no object."""
    if stored.is_delete_marker:
        return Unread(reason=Reason.GONE, message="it is a delete marker")
    if size_bytes > LARGEST_BYTES:
        message = f"expected at most {LARGEST_BYTES:,} bytes, got {size_bytes:,}"
        return Unread(reason=Reason.ERROR, message=message)
    return None


def _metadata(attributes: Mapping[Any, str]) -> dict[str, str]:
    return {str(name).lower(): value for name, value in attributes.items() if name not in _NO_METADATA}
