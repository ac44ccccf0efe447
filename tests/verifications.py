"""What a verification found out, for tests of the lake."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec

from logs import key, packed
from trailkeep.keep.inflate import inflate
from trailkeep.keep.proven import Window
from trailkeep.lake.table import Lake
from trailkeep.lake.verdicts import Run, Verdicts, VerdictState

ACCOUNT, REGION = "111111111111", "eu-central-1"
CHECKED = datetime(2026, 2, 1, 12, tzinfo=UTC)
DAY = datetime(2026, 1, 2, tzinfo=UTC)
WINDOW = Window(accounts=(ACCOUNT,), regions=(REGION,), since=DAY, until=DAY + timedelta(days=1))


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """What was found out about one object."""

    object: str
    version: str = ""
    kind: str = "log"
    account: str = ACCOUNT
    region: str = REGION
    standing: str = "verified"
    stored_sha256: str = ""
    content_sha256: str = ""
    listed_in: str = ""
    size_bytes: int = 1
    ends_at: datetime | None = None
    checked_at: datetime = CHECKED


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """One finding."""

    kind: str
    object: str
    severity: str = "critical"
    version: str = ""
    account: str = ACCOUNT
    region: str = REGION
    message: str = ""
    expected: str = ""
    actual: str = ""
    remedy: str = ""


class Cell(msgspec.Struct, frozen=True, kw_only=True):
    """The hours of one day."""

    hours: dict[str, int]
    account: str = ACCOUNT
    region: str = REGION
    day: date = DAY.date()
    state: str = "proven"


def log_of(records: Sequence[dict[str, Any]], number: int, folder: Path, **fields: Any) -> Checked:
    """Return the verdict of the log that ``logs.archive`` writes for these records."""
    content = sha256(inflate(packed(records))).hexdigest()
    return Checked(**{"object": str(folder.resolve() / key(number)), "content_sha256": content} | fields)


def verified(
    lake: Path,
    objects: Iterable[msgspec.Struct],
    *findings: msgspec.Struct,
    hours: dict[str, int] | None = None,
    window: Window = WINDOW,
    whole: bool = False,
) -> VerdictState:
    """Put one run into a lake; without ``hours`` all 24 of the day are proven."""
    run = Run(
        window=window,
        ended_at=CHECKED,
        cells=[Cell(hours={"proven": 24} if hours is None else hours)],
        whole=whole,
    )
    return Verdicts(lake=Lake(path=lake)).replace([list(objects)], findings, run)
