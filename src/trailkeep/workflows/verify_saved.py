"""What a run that is cut off leaves for the next one: the logs that it has read and proven.

One file for each account and Region, in a folder of the run's scope; a line is one log in one version, with
the SHA-256 of its content. The next run of the same scope takes a line instead of the log where the listing
shows the same version, ETag, size and time and a proven digest names that SHA-256; digests it reads again. A
run that comes to its end removes the folder. Nothing is saved of local copies, whose times anybody can set,
nor of logs that tell what was done to a trail.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from trailkeep.aws.stored import Stored
from trailkeep.core.errors import StoppedError
from trailkeep.keep.digest import Listed, LogCheck

__all__ = ["Saved", "SavedLog", "is_same", "scope_name"]

_FLUSH = 1000
_NAME_LENGTH = 16


class SavedLog(msgspec.Struct, frozen=True, kw_only=True):
    """A log that was read and proven at ``checked_at``, as it was listed then."""

    key: str
    version: str
    etag: str
    size_bytes: int
    last_modified: datetime
    stored_sha256: str
    content_sha256: str
    checked_at: datetime


def scope_name(parts: Iterable[str]) -> str:
    """Return a name of a folder for what a run looks at."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:_NAME_LENGTH]


class Saved:
    """The logs of one scope that are proven already; ``folder`` is None where nothing is kept.

    Args:
        folder: where the lines are.
        clock: tells the time.
    """

    def __init__(self, folder: Path | None, clock: Callable[[], datetime]) -> None:
        self._folder = folder
        self._clock = clock
        self._new: dict[str, list[SavedLog]] = {}
        self._waiting = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self._done()
        else:
            self._flush()

    def of(self, account: str, region: str) -> dict[str, SavedLog]:
        """Return the lines of one account and Region by key; what cannot be read is read from the archive."""
        if self._folder is None:
            return {}
        try:
            data = (self._folder / f"{account}_{region}.jsonl").read_bytes()
        except OSError:
            return {}
        found: dict[str, SavedLog] = {}
        decoder = msgspec.json.Decoder(SavedLog)
        for text in data.split(b"\n"):
            try:
                line = decoder.decode(text)
            except msgspec.MsgspecError:
                continue
            found[line.key] = line
        return found

    def add(self, account: str, region: str, stored: Stored, check: LogCheck) -> None:
        """Keep a log that was read and is proven.

        Raises:
            StoppedError: it cannot be written.
        """
        if self._folder is None or stored.last_modified is None or not stored.etag:
            return
        line = SavedLog(
            key=stored.key,
            version=stored.version,
            etag=stored.etag,
            size_bytes=stored.size_bytes,
            last_modified=stored.last_modified,
            stored_sha256=check.stored_sha256,
            content_sha256=check.content_sha256,
            checked_at=self._clock(),
        )
        self._new.setdefault(f"{account}_{region}.jsonl", []).append(line)
        self._waiting += 1
        if self._waiting >= _FLUSH:
            self._flush()

    def _flush(self) -> None:
        if self._folder is None or not self._new:
            return
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            for name, lines in self._new.items():
                with (self._folder / name).open("ab") as file:
                    file.write(b"\n" + msgspec.json.Encoder().encode_lines(lines))
        except OSError as error:
            raise StoppedError(
                f"{self._folder}: expected to write what is proven so far, got {error.strerror}; "
                "free some disk and run it again"
            ) from error
        self._new, self._waiting = {}, 0

    def _done(self) -> None:
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)


def is_same(line: SavedLog, stored: Stored, listed: Listed) -> bool:
    """Whether a line is of the object as it is listed now, with the content that its digest names."""
    return (
        line.version == stored.version
        and line.etag == stored.etag
        and line.size_bytes == stored.size_bytes
        and line.last_modified == stored.last_modified
        and line.content_sha256 == listed.sha256.lower()
    )
