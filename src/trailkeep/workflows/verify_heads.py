"""The file of heads: each run adds the lines of what it proved, and nothing that is in it is changed."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from trailkeep.aws.stored import Archive
from trailkeep.core.errors import StoppedError, UsageError
from trailkeep.keep.heads import Reached, bases, decode_heads, encode_heads, newest
from trailkeep.workflows.verify_earlier import Earlier

__all__ = ["HEADS", "HeadFile", "earlier_of"]

HEADS = "heads.jsonl"
_BLOCK = 1 << 16


class HeadFile:
    """The file at ``path``, which need not be there before the first run."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def exists(self) -> bool:
        """Whether an earlier run, or somebody else, wrote it."""
        return self.path.exists()

    def lines(self) -> list[Reached]:
        """Return what is in the file, the oldest first; nothing where there is none.

        Raises:
            UsageError: it cannot be read.
            UncheckedError: a line is none of ours.
        """
        try:
            return decode_heads(self.path.read_bytes(), name=str(self.path))
        except FileNotFoundError:
            return []
        except OSError as error:
            raise UsageError(
                f"{self.path}: expected a file of heads, got {error.strerror}; name another with --heads"
            ) from error

    def add(self, lines: Sequence[Reached]) -> None:
        """Append lines, and have the disk confirm them; a line that a crash left unfinished is taken away.

        Raises:
            StoppedError: it cannot be written.
        """
        if not lines:
            return
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a+b") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                _drop_unfinished(file.fileno())
                file.write(encode_heads(lines))
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise StoppedError(
                f"{self.path}: expected to append heads, got {error.strerror}; name another with --heads"
            ) from error


def earlier_of(
    heads: HeadFile | None, archive: Archive, *, is_named: bool, goes_on: bool, as_of: datetime | None
) -> Earlier:
    """Return what earlier runs proved of an archive; heads that the caller named are trusted.

    Raises:
        UsageError: a run is to go on from heads, and there is no file of them.
        UncheckedError: the file is damaged.
    """
    lines = heads.lines() if heads else []
    if goes_on and heads is None:
        raise UsageError(
            "--incremental: expected a file with the heads of an earlier run, got none; name one with --heads"
        )
    return Earlier(
        reached=newest(lines, bucket=archive.bucket),
        bases=bases(lines, bucket=archive.bucket) if goes_on else {},
        is_trusted=is_named,
        as_of=as_of,
    )


def _drop_unfinished(file: int) -> None:
    """Cut a file off behind its last line feed."""
    end = os.fstat(file).st_size
    at = end
    while at > 0:
        begin = max(0, at - _BLOCK)
        newline = os.pread(file, at - begin, begin).rfind(b"\n")
        if newline >= 0:
            at = begin + newline + 1
            break
        at = begin
    if at != end:
        os.ftruncate(file, at)
