"""What a verification found out, for tests of the lake."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec

from logs import key, packed
from trailkeep.keep.inflate import inflate
from trailkeep.keep.proven import Window
from trailkeep.keep.verification import DayCell, DayState, ObjectVerdict, Standing
from trailkeep.lake.table import Lake
from trailkeep.lake.verdicts import Run, Verdicts, VerdictState

ACCOUNT, REGION = "111111111111", "eu-central-1"
CHECKED = datetime(2026, 2, 1, 12, tzinfo=UTC)
DAY = datetime(2026, 1, 2, tzinfo=UTC)
WINDOW = Window(accounts=(ACCOUNT,), regions=(REGION,), since=DAY, until=DAY + timedelta(days=1))


def checked(**fields: Any) -> ObjectVerdict:
    """Return what was found out about one object."""
    plain: dict[str, Any] = {
        "kind": "log",
        "account": ACCOUNT,
        "region": REGION,
        "standing": Standing.VERIFIED,
        "size_bytes": 1,
        "checked_at": CHECKED,
    }
    return ObjectVerdict(**(plain | fields))


def cell(hours: dict[str, int], **fields: Any) -> DayCell:
    """Return the hours of one day."""
    plain: dict[str, Any] = {
        "account": ACCOUNT,
        "region": REGION,
        "day": DAY.date(),
        "state": DayState.PROVEN,
    }
    return DayCell(hours={DayState(state): count for state, count in hours.items()}, **(plain | fields))


def log_of(records: Sequence[dict[str, Any]], number: int, folder: Path, **fields: Any) -> ObjectVerdict:
    """Return the verdict of the log that ``logs.archive`` writes for these records."""
    content = sha256(inflate(packed(records))).hexdigest()
    return checked(**{"object": str(folder.resolve() / key(number)), "content_sha256": content} | fields)


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
        cells=[cell({"proven": 24} if hours is None else hours)],
        whole=whole,
    )
    return Verdicts(lake=Lake(path=lake)).replace([list(objects)], findings, run)
