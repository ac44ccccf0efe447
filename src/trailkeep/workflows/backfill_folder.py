"""The folder that ``backfill`` writes: logs in CloudTrail's layout, and what is saved of each history.

::

    DIR/lookup-events/AWSLogs/...     the logs; none is ever changed
    DIR/state/ACCOUNT_REGION          which days are saved
    DIR/state/lock                    held by the one run that writes

A file is complete or not there: it is written beside, brought to disk and renamed. The logs of a day come to
disk before the state says so, and what a log of that day already holds is not written again.
"""

from __future__ import annotations

import fcntl
import gzip
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from trailkeep.aws.history import Place
from trailkeep.core.errors import StoppedError, UsageError
from trailkeep.keep.history import Log, Saved, Shelf

__all__ = ["BackfillFolder"]


class _Id(msgspec.Struct, frozen=True):
    event_id: str = msgspec.field(default="", name="eventID")


class _Ids(msgspec.Struct, frozen=True):
    records: tuple[_Id, ...] = msgspec.field(name="Records")


@dataclass(frozen=True, slots=True, kw_only=True)
class BackfillFolder:
    """The folder; it need not exist before the first write."""

    path: Path

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Be the only run that writes here.

        Raises:
            StoppedError: another run is at work, or the folder cannot be written.
        """
        with _disk(self.path):
            self._state.mkdir(parents=True, exist_ok=True)
            handle = (self._state / "lock").open("w")
        with handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise StoppedError(
                    f"{self.path}: expected to be its only writer, got another at work; wait for it to end"
                ) from error
            yield

    def saved(self, place: Place) -> Saved:
        """Return what is saved of an account and region.

        Raises:
            UsageError: the state is not one that was written here.
        """
        path = self._state_of(place)
        try:
            return msgspec.json.decode(path.read_bytes(), type=Saved)
        except FileNotFoundError:
            return Saved()
        except (OSError, msgspec.MsgspecError, RecursionError) as error:
            raise UsageError(
                f"{path}: expected the state of a backfill, got {error}; remove it to read that history again"
            ) from error

    def save(self, place: Place, saved: Saved) -> None:
        """Remember what is saved.

        Raises:
            StoppedError: the disk refuses.
        """
        self._write(self._state_of(place), msgspec.json.encode(saved))

    def add(self, log: Log) -> None:
        """Write one log.

        Raises:
            StoppedError: the disk refuses.
        """
        self._write(self.path / log.key, log.body)

    def event_ids(self, shelf: Shelf) -> set[str]:
        """Return the ids of the events in the logs of a day; a log that cannot be read has none."""
        found: set[str] = set()
        for path in sorted((self.path / shelf.folder).glob("*.json.gz")):
            try:
                log = msgspec.json.decode(gzip.decompress(path.read_bytes()), type=_Ids)
            except (OSError, EOFError, zlib.error, msgspec.MsgspecError, RecursionError):
                continue
            found |= {record.event_id for record in log.records}
        return found - {""}

    @property
    def _state(self) -> Path:
        return self.path / "state"

    def _state_of(self, place: Place) -> Path:
        return self._state / f"{place.account}_{place.region}"

    def _write(self, path: Path, content: bytes) -> None:
        beside = self._state / f"{path.name}.writing"
        with _disk(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            with beside.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(path)
            _sync(path.parent)


@contextmanager
def _disk(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoppedError(
            f"{path}: expected to write it, got {error.strerror}; make the folder writable, "
            "or name another with --to, and run the same command again"
        ) from error


def _sync(folder: Path) -> None:
    """Bring the names in a folder to disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
