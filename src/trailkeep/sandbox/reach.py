"""An archive from beneath: where the tamperings work, past Object Lock and every policy.

``BucketReach`` changes the store of the embedded AWS itself, ``FolderReach`` a copy of the bucket in a local
folder, whose objects have their metadata in a file beside them: ``KEY.metadata.json``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from moto.s3.models import FakeBucket, FakeDeleteMarker, FakeKey

from trailkeep.core.errors import UsageError
from trailkeep.sandbox.puts import store_object
from trailkeep.sandbox.state import find_bucket

__all__ = ["SIDECAR", "BucketReach", "FolderReach", "Item", "Reach", "write_file"]

SIDECAR = ".metadata.json"
_META = "x-amz-meta-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """An object: its stored bytes, and its user metadata under bare names."""

    body: bytes
    metadata: dict[str, str]


class Reach(Protocol):
    """An archive that obeys; ``bucket`` is the name that its digests know."""

    @property
    def bucket(self) -> str:
        """The bucket's name."""

    def listed(self) -> list[str]:
        """Return the keys that a listing shows, in order."""

    def read(self, key: str) -> Item:
        """Return the newest edition of an object."""

    def write(self, key: str, item: Item) -> None:
        """Put an object over the one that is there; a versioned bucket keeps the older version."""

    def hide(self, key: str) -> None:
        """Delete an object as an ordinary DeleteObject does: a versioned bucket gets a delete marker."""

    def purge(self, key: str) -> None:
        """Delete every version of an object, locked or not."""


class BucketReach:
    """A bucket of the embedded AWS.

    Raises:
        UsageError: there is no such bucket.
    """

    def __init__(self, name: str) -> None:
        found = find_bucket(name)
        if found is None:
            raise UsageError(f"s3://{name}: expected a bucket of the embedded AWS, got none; create it first")
        self._bucket: FakeBucket = found

    @property
    def bucket(self) -> str:
        """The bucket's name."""
        return str(self._bucket.name)

    def listed(self) -> list[str]:
        """Return the keys that a listing shows, in order."""
        return sorted(key for key, newest in self._bucket.keys.items() if isinstance(newest, FakeKey))

    def read(self, key: str) -> Item:
        """Return the newest edition of an object."""
        found = self._bucket.keys[key]
        told = {name.lower(): value for name, value in found.metadata.items()}
        metadata = {name.removeprefix(_META): value for name, value in told.items() if name.startswith(_META)}
        return Item(body=found.value, metadata=metadata)

    def write(self, key: str, item: Item) -> None:
        """Put a new version."""
        store_object(self._bucket, key, item.body, item.metadata)

    def hide(self, key: str) -> None:
        """Put a delete marker, or delete the object where the bucket keeps no versions."""
        if self._bucket.is_versioned:
            self._bucket.keys[key] = FakeDeleteMarker(key=self._bucket.keys[key])
        else:
            self.purge(key)

    def purge(self, key: str) -> None:
        """Delete every version."""
        self._bucket.keys.pop(key)

    def lock(self, key: str, *, mode: str | None, until: datetime | None) -> None:
        """Set the retention of the newest version to anything, or take it off."""
        found = self._bucket.keys[key]
        found.lock_mode = mode
        found.lock_until = f"{until:%Y-%m-%dT%H:%M:%SZ}" if until else None


class FolderReach:
    """A copy of a bucket in a local folder."""

    def __init__(self, folder: Path, *, bucket: str) -> None:
        self._folder = folder
        self._name = bucket

    @property
    def bucket(self) -> str:
        """The name of the bucket that was copied."""
        return self._name

    def listed(self) -> list[str]:
        """Return the keys of the objects, in order; the files with metadata are none."""
        files = (path for path in self._folder.rglob("*") if path.is_file())
        keys = (path.relative_to(self._folder).as_posix() for path in files)
        return sorted(key for key in keys if not key.endswith(SIDECAR))

    def read(self, key: str) -> Item:
        """Return an object."""
        sidecar = self._folder / (key + SIDECAR)
        metadata = json.loads(sidecar.read_bytes()) if sidecar.exists() else {}
        return Item(body=(self._folder / key).read_bytes(), metadata=metadata)

    def write(self, key: str, item: Item) -> None:
        """Write an object over the one that is there."""
        (self._folder / (key + SIDECAR)).unlink(missing_ok=True)
        write_file(self._folder, key, item.body, item.metadata)

    def hide(self, key: str) -> None:
        """Delete an object."""
        self.purge(key)

    def purge(self, key: str) -> None:
        """Delete an object and its metadata."""
        (self._folder / key).unlink()
        (self._folder / (key + SIDECAR)).unlink(missing_ok=True)


def write_file(folder: Path, key: str, body: bytes, metadata: dict[str, str]) -> None:
    """Write an object below a folder, its metadata beside it."""
    path = folder / key
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(body)
    if metadata:
        (folder / (key + SIDECAR)).write_text(json.dumps(metadata))
