"""What an archive holds and what reading it gives, whether it is a bucket or a local copy of one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol, TypeVar

__all__ = [
    "DIGESTS",
    "Archive",
    "ArchiveFolder",
    "Discovered",
    "Got",
    "Reason",
    "Stored",
    "Unread",
]

T = TypeVar("T")

DIGESTS = "CloudTrail-Digest"
"""The folder of an account that holds its digests."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """One version of one object as listed.

    ``version`` is S3's version id, ``null`` where the bucket keeps none, and empty where versions could not
    be listed or there are none; ``last_modified`` is None in a local copy, whose times prove nothing.
    """

    key: str
    version: str = ""
    etag: str = ""
    size_bytes: int = 0
    last_modified: datetime | None = None
    is_delete_marker: bool = False
    is_latest: bool = True


class Reason(StrEnum):
    """Why an object could not be read; only ``GONE`` says that it is not there."""

    DENIED = "denied"
    ARCHIVED = "archived"
    KMS = "kms"
    GONE = "gone"
    ERROR = "error"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unread:
    """An object that could not be read; ``message`` begins with AWS's own code where it gave one."""

    reason: Reason
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Got:
    """What reading one object gave: its stored bytes and user metadata, or why there are none.

    The names in ``metadata`` are in lower case, without ``x-amz-meta-``.
    """

    stored: Stored
    body: bytes = b""
    metadata: Mapping[str, str] = field(default_factory=dict)
    error: Unread | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveFolder:
    """The folder of one family (``CloudTrail``, ``CloudTrail-Digest``, ...) of one account and region."""

    prefix: str
    organization_id: str
    account: str
    family: str
    region: str

    @property
    def path(self) -> str:
        """The beginning of its keys; it ends with a slash."""
        organization = f"{self.organization_id}/" if self.organization_id else ""
        return f"{self.prefix}AWSLogs/{organization}{self.account}/{self.family}/{self.region}/"

    @property
    def is_of_digests(self) -> bool:
        """Whether it holds digests rather than logs."""
        return self.family == DIGESTS


@dataclass(frozen=True, slots=True, kw_only=True)
class Discovered:
    """The folders below a prefix, in the order of keys, and the keys that lie beside them."""

    folders: tuple[ArchiveFolder, ...]
    strays: tuple[str, ...]


class Archive(Protocol):
    """A place that holds logs and digests in CloudTrail's layout."""

    @property
    def name(self) -> str:
        """The place as the caller named it."""

    @property
    def bucket(self) -> str:
        """The bucket that it is or was copied from; empty where nobody knows."""

    def address(self, key: str) -> str:
        """Return the full name of an object for messages."""

    def folders(self) -> Discovered:
        """Return where there are logs and digests.

        Raises:
            StoppedError: the archive could not be listed, so that nothing is known.
            UsageError: the place is so large or so deep that a narrower one must be named.
        """

    def listed(self, prefix: str, *, after: str = "") -> Iterator[Stored]:
        """Yield, in the order of keys, every version that begins with ``prefix`` and sorts after ``after``.

        Raises:
            StoppedError: the listing is not complete.
        """

    def listings(self, prefixes: Iterable[str]) -> Iterator[tuple[str, Sequence[Stored]]]:
        """Yield each prefix, in its order, with all that is listed below it; several are listed at once.

        Raises:
            StoppedError: a listing is not complete.
        """

    def process(self, many: Iterable[Stored], work: Callable[[Got], T]) -> Iterator[tuple[Stored, T]]:
        """Read objects in the version that was listed, and yield what ``work`` makes of each, in any order.

        ``many`` is taken only as fast as reading goes, and no body outlives its ``work``, which runs in other
        threads than the caller's. What cannot be read comes to ``work`` as well, with its ``error``.

        Raises:
            StoppedError: nothing can be read (no valid credentials, no such bucket).
        """

    def read(self, many: Iterable[Stored]) -> Iterator[Got]:
        """Read objects as :meth:`process` does, and yield their bodies."""
