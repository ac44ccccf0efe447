"""The archive in its bucket: versions are listed by boto3, objects are read by obstore, many at once.

Every listing checks whose the bucket is (``ExpectedBucketOwner``); reading names the version or the ETag that
was listed, so that it reads what that owner has.

Source: https://developmentseed.org/obstore/latest/api/get/
"""

from __future__ import annotations

import os
import random
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from functools import cached_property
from itertools import islice
from pathlib import Path
from threading import Event
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
from trailkeep.aws.unread import judge_client_error, judge_error, passes
from trailkeep.aws.version_listing import VersionListing

__all__ = ["S3Archive"]

T = TypeVar("T")

_LISTINGS = 8
_FIRST_WAIT_S = 0.1
_LONGEST_WAIT_S = 15.0
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
            ten take about half a minute.
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
        options: dict[str, Any] = {"allow_http": True, "timeout": timedelta(seconds=120)}
        if bundle := os.environ.get("AWS_CA_BUNDLE"):
            options["root_certificate"] = Path(bundle).read_bytes()
        return S3Store(
            self._bucket,
            config=connection(self._session, self._bucket, client=self._client),
            client_options=options,  # type: ignore[arg-type] # a dict that is built in steps
            retry_config={"max_retries": 0},
            credential_provider=Boto3CredentialProvider(self._session),
        )

    def _children(self, prefix: str) -> Children:
        pages = list(self._listing.pages(prefix, delimiter="/"))
        return Children(
            folders=tuple(dict.fromkeys(folder for page in pages for folder in page.folders)),
            keys=tuple(dict.fromkeys(one.key for page in pages for one in page.stored)),
        )

    def _fetch(self, stored: Stored, stop: Event) -> Got:
        """Return what one object is, in the version that was listed."""
        if refused := _refusal(stored, stored.size_bytes):
            return Got(stored=stored, error=refused)
        if stored.key.startswith("/") or stored.key.endswith("/"):
            return self._by_boto3(stored)  # obstore would ask for another key
        try:
            return self._by_obstore(stored, stop)
        except ValueError:
            return self._by_boto3(stored)

    def _by_obstore(self, stored: Stored, stop: Event) -> Got:
        by_etag = self._by_etag(stored)
        try:
            return self._attempts(stored, stop, by_etag=by_etag)
        except (BaseError, OSError) as error:
            unread = judge_error(error)
        if unread.reason is not Reason.DENIED or by_etag or not (stored.is_latest and stored.etag):
            return Got(stored=stored, error=unread)
        try:  # s3:GetObject may be allowed where s3:GetObjectVersion is not
            got = self._attempts(stored, stop, by_etag=True)
        except (BaseError, OSError):
            return Got(stored=stored, error=unread)
        self._reads_versions = False
        return got

    def _by_etag(self, stored: Stored) -> bool:
        return not stored.version or (stored.is_latest and not self._reads_versions)

    def _attempts(self, stored: Stored, stop: Event, *, by_etag: bool) -> Got:
        """Read an object, again after a while where the refusal passes, until told to stop."""
        options: Any = {"if_match": f'"{stored.etag}"'} if by_etag else {"version": stored.version}
        for attempt in range(self._retries):
            try:
                return self._once(stored, options)
            except (BaseError, OSError) as error:
                most_s = min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 2**attempt)
                if not passes(error) or stop.wait(random.uniform(0, most_s)):  # noqa: S311 - spreads load
                    raise
        return self._once(stored, options)

    def _once(self, stored: Stored, options: Any) -> Got:
        got = obstore.get(self._store, stored.key, options=options)
        if refused := _refusal(stored, got.meta["size"]):
            return Got(stored=stored, error=refused)
        return Got(stored=stored, body=bytes(got.bytes()), metadata=_metadata(got.attributes))

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
