"""What a place that holds log files looks like, whether it is a bucket, a folder or one file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

__all__ = ["ObjectReadError", "ObjectRef", "Objects"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectRef:
    """One object as listed.

    ``name`` is its full name (``s3://bucket/key`` or a file path), ``keys`` what CloudTrail's key may be (for
    a file: below the folder asked for, or the whole path), ``version`` changes when the content does (ETag).
    """

    name: str
    keys: tuple[str, ...]
    version: str
    size_bytes: int


class ObjectReadError(Exception):
    """One object could not be read (refused, gone, archived): a finding; the rest goes on."""


class Objects(Protocol):
    """A place that holds log files."""

    @property
    def name(self) -> str:
        """The place as the caller named it."""

    @property
    def explicit(self) -> bool:
        """Whether the caller named this very file, so that its name need not be in CloudTrail's layout."""

    def listed(self) -> Iterator[ObjectRef]:
        """Yield every object, in the order of names."""

    def read(self, ref: ObjectRef) -> bytes:
        """Return the bytes of one object as stored.

        Raises:
            ObjectReadError: this object cannot be read; others may be.
        """
