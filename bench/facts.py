"""What the generated archives hold, counted while they were made: every engine must find the same."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

import msgspec

__all__ = ["Archive", "Facts", "Kind", "Question"]


class Kind(StrEnum):
    """The questions that are asked of the archive."""

    EVENT_ID = "event_id"
    ACCESS_KEY = "access_key"
    EVENT_NAME = "event_name"
    ROLE = "role"
    TEXT = "text"
    NAMES = "names"


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """One question: ``found`` is how many events answer it; ``NAMES`` counts the names of all events."""

    kind: Kind
    value: str
    found: int


class Archive(msgspec.Struct, frozen=True, kw_only=True):
    """A folder in CloudTrail's layout; ``files_with`` counts the files that hold a question's value."""

    folder: str
    files: int
    events: int
    stored_bytes: int
    inflated_bytes: int
    files_with: dict[Kind, int]

    @property
    def glob(self) -> str:
        """The pattern that names every file."""
        return f"{self.folder}/**/*.json.gz"

    @property
    def size(self) -> str:
        """Files, events and bytes in words."""
        return (
            f"{self.files:,} files, {self.events:,} events, {self.stored_bytes / 1e6:.1f} MB gzip, "
            f"{self.inflated_bytes / 1e6:.1f} MB JSON"
        )

    def paths(self) -> list[Path]:
        """Return every file, in the order of paths."""
        return sorted(Path(self.folder).rglob("*.json.gz"))


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """The archives, the questions asked of the big one, and the dates that the activity spans."""

    big: Archive
    tiny: Archive
    questions: dict[Kind, Question]
    first_day: str
    last_day: str
