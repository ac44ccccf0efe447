"""A copy of an archive in a local folder, as ``aws s3 sync`` or a backup leaves it.

Neither the bucket nor the part of the key above the folder is in a copy; the digests in it name both, and
several of them are asked. The signature of a digest is metadata of its object, which a copy loses, see
:mod:`trailkeep.aws.local_metadata`.
"""

from __future__ import annotations

import json
import os
import stat
import zlib
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import TypeVar

from trailkeep.aws.archive_folders import Children, find_folders
from trailkeep.aws.local_metadata import SavedMetadata, is_metadata
from trailkeep.aws.objects import LARGEST_BYTES
from trailkeep.aws.stored import DIGESTS, Discovered, Got, Reason, Stored, Unread
from trailkeep.core.errors import UsageError
from trailkeep.core.layout import DigestKey, parse_key

__all__ = ["LocalArchive"]

T = TypeVar("T")

_ASKED_DIGESTS = 16
_DIGEST_BYTES = 16 << 20
_AHEAD = 8
_INLINE_BYTES = 16 * 1024  # less costs more to hand over than to work on
_WORKERS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class _Origin:
    """Where a copy was made from: a file's key is ``add`` and its path in the folder without ``cut``."""

    bucket: str
    cut: str
    add: str


class LocalArchive:
    """The folder at ``path``; links in it are not followed out of it."""

    def __init__(self, path: Path) -> None:
        self._path = path.resolve()
        self._metadata = SavedMetadata(self._path)

    @property
    def name(self) -> str:
        """The folder's path."""
        return str(self._path)

    @property
    def bucket(self) -> str:
        """The bucket that most digests name; empty where there is none to ask."""
        return self._origin.bucket

    def address(self, key: str) -> str:
        """Return the path of the file that has a key."""
        return str(self._file(key))

    def folders(self) -> Discovered:
        """Return where there are logs and digests; see :class:`~trailkeep.aws.stored.Archive`."""
        found = find_folders(self._children, self._origin.add, name=self.name)
        return Discovered(folders=found.folders, strays=(*found.strays, *self._beside()))

    def _beside(self) -> Iterator[str]:
        """Yield what lies in the folder beside the copy; it is of another archive, or of none."""
        folder = self._path
        for part in self._origin.cut.split("/")[:-1]:
            for path in sorted(folder.iterdir()):
                if path.name != part and not is_metadata(path.name):
                    yield path.relative_to(self._path).as_posix()
            folder /= part

    def listed(self, prefix: str, *, after: str = "") -> Iterator[Stored]:
        """Yield every file whose key begins with ``prefix``, in the order of keys."""
        folder = prefix[: prefix.rfind("/") + 1]
        top = self._origin.add if folder and self._origin.add.startswith(folder) else folder
        for path in _files(self._file(top)):
            key = self._key(path)
            if key.startswith(prefix) and key > after:
                yield _stored(path, key)

    def listings(self, prefixes: Iterable[str]) -> Iterator[tuple[str, Sequence[Stored]]]:
        """Yield each prefix with all files below it."""
        for prefix in prefixes:
            yield prefix, tuple(self.listed(prefix))

    def process(self, many: Iterable[Stored], work: Callable[[Got], T]) -> Iterator[tuple[Stored, T]]:
        """Read files and yield what ``work`` makes of each; see :class:`~trailkeep.aws.stored.Archive`."""
        waiting: deque[tuple[Stored, Future[T]]] = deque()
        with ThreadPoolExecutor(max_workers=_WORKERS) as pool:
            for stored in many:
                if stored.size_bytes < _INLINE_BYTES:
                    yield stored, work(self._got(stored))
                    continue
                waiting.append((stored, pool.submit(lambda one: work(self._got(one)), stored)))
                if len(waiting) == _AHEAD:
                    before, future = waiting.popleft()
                    yield before, future.result()
            for before, future in waiting:
                yield before, future.result()

    def read(self, many: Iterable[Stored]) -> Iterator[Got]:
        """Read files and yield their bodies."""
        return map(self._got, many)

    def _got(self, stored: Stored) -> Got:
        path = self._file(stored.key)
        try:
            found = path.stat()
            if not stat.S_ISREG(found.st_mode):
                return _unread(stored, Reason.ERROR, "expected a regular file, got a device, socket or pipe")
            if found.st_size > LARGEST_BYTES:
                message = f"expected at most {LARGEST_BYTES:,} bytes, got {found.st_size:,}"
                return _unread(stored, Reason.ERROR, message)
            return Got(stored=stored, body=path.read_bytes(), metadata=self._metadata.of(path, stored.key))
        except FileNotFoundError:
            return _unread(stored, Reason.GONE, "there is no such file")
        except PermissionError as error:
            return _unread(stored, Reason.DENIED, error.strerror or str(error))
        except (OSError, ValueError) as error:
            return _unread(stored, Reason.ERROR, str(error))

    @cached_property
    def _origin(self) -> _Origin:
        """What most of a few digests say of where the copy was made from."""
        digests = (path for path in _files(self._path) if f"_{DIGESTS}_" in path.name)
        origins = Counter(
            origin for path in islice(digests, _ASKED_DIGESTS) if (origin := self._told_by(path)) is not None
        )
        if origins:
            return origins.most_common(1)[0][0]
        _, root, below = f"{self._path.as_posix()}/".partition("/AWSLogs/")
        return _Origin(bucket="", cut="", add=f"{root[1:]}{below}")

    def _told_by(self, path: Path) -> _Origin | None:
        """Return where a digest says that it was, as far as its file's name agrees."""
        try:
            with path.open("rb") as file:
                text = zlib.decompressobj(31).decompress(file.read(_DIGEST_BYTES), _DIGEST_BYTES)
            said = json.loads(text)
            bucket, key = said["digestS3Bucket"], said["digestS3Object"]
            names = isinstance(bucket, str) and isinstance(parse_key(key), DigestKey)
        except (OSError, ValueError, KeyError, TypeError, zlib.error, RecursionError):
            return None
        here = path.relative_to(self._path).as_posix()
        if not names or _base(key) != path.name:
            return None
        shared = _shared_tail(here, key)
        return _Origin(bucket=bucket, cut=here[: len(here) - shared], add=key[: len(key) - shared])

    def _key(self, path: Path) -> str:
        here = os.fsencode(path.relative_to(self._path)).decode("utf-8", "backslashreplace")
        origin = self._origin
        return origin.add + here[len(origin.cut) :] if here.startswith(origin.cut) else here

    def _file(self, key: str) -> Path:
        """Return the file of a key; keys that would lead out of the folder lead to no file."""
        origin = self._origin
        below = origin.cut + key[len(origin.add) :] if key.startswith(origin.add) else key
        parts = [part for part in below.split("/") if part]
        if ".." in parts or "." in parts:
            return self._path / "%2F".join(parts)
        return self._path.joinpath(*parts)

    def _children(self, prefix: str) -> Children:
        above = self._origin.add
        if above.startswith(prefix) and above != prefix:
            return Children(folders=(above[: above.index("/", len(prefix)) + 1],))
        folder = self._file(prefix)
        folders, keys = [], []
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    key = f"{prefix}{entry.name}"
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(f"{key}/")
                    elif not is_metadata(entry.name):
                        keys.append(key)
        except (FileNotFoundError, NotADirectoryError):
            return Children(folders=())
        except OSError as error:
            raise _unlistable(error) from error
        return Children(folders=tuple(sorted(folders)), keys=tuple(sorted(keys)))


def _files(folder: Path) -> Iterator[Path]:
    """Yield the files below a folder in the order of keys, without those of metadata.

    Raises:
        UsageError: a folder cannot be read, so that the listing would not be complete.
    """
    try:
        with os.scandir(folder) as entries:
            found = sorted(entries, key=_sorts_as)
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        raise _unlistable(error) from error
    for entry in found:
        if entry.is_dir(follow_symlinks=False):
            yield from _files(Path(entry.path))
        elif not is_metadata(entry.name):
            yield Path(entry.path)


def _sorts_as(entry: os.DirEntry[str]) -> str:
    return f"{entry.name}/" if entry.is_dir(follow_symlinks=False) else entry.name


def _unlistable(error: OSError) -> UsageError:
    return UsageError(f"{error.filename}: expected a readable folder, got {error.strerror}")


def _stored(path: Path, key: str) -> Stored:
    try:
        found = path.stat()
    except OSError:
        return Stored(key=key)
    return Stored(key=key, etag=f"{found.st_size}-{found.st_mtime_ns}", size_bytes=found.st_size)


def _unread(stored: Stored, reason: Reason, message: str) -> Got:
    return Got(stored=stored, error=Unread(reason=reason, message=message))


def _base(key: str) -> str:
    return key.rpartition("/")[2]


def _shared_tail(one: str, other: str) -> int:
    """Return how many characters at the end of two paths are the same whole parts.

    >>> _shared_tail("copy/AWSLogs/1/x", "pre/AWSLogs/1/x")
    11
    """
    shared = 0
    for a, b in zip(reversed(one.split("/")), reversed(other.split("/")), strict=False):
        if a != b:
            break
        shared += len(a) + 1
    return min(shared, len(one), len(other))
