"""Taking logs in: big files, tiny files, and a second run that finds nothing new."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from facts import Archive, Kind
from race import Contestant, Found, Work, race
from setting import Setting, document, zgrep

__all__ = ["collect_works"]

_AGAIN_RUNS = 3


def collect_works(setting: Setting, *, rounds: int) -> list[Work]:
    """Return the figures of collecting; ``rounds`` is how often each engine collects."""
    big, tiny = setting.facts.big, setting.facts.tiny
    name = setting.facts.questions[Kind.EVENT_NAME].value
    return [
        race(
            f"collect big files: {big.size}",
            _ours(setting, big, rounds),
            _duckdb(setting, big, rounds),
            _floor(setting, big),
        ),
        race(
            f"collect tiny files: {tiny.size}",
            _ours(setting, tiny, rounds),
            _duckdb(setting, tiny, rounds),
            zgrep(setting, tiny, name, tiny.files_with[Kind.EVENT_NAME]),
            _floor(setting, tiny),
        ),
        race(f"collect again, nothing new: {tiny.files:,} files", _again(setting, tiny)),
    ]


def _command(setting: Setting, archive: Archive, turn: int) -> list[str]:
    lake = setting.lake(f"{Path(archive.folder).name}-{turn}")
    return [setting.trailkeep, "collect", archive.folder, "--lake", str(lake), "--json"]


def _ours(setting: Setting, archive: Archive, rounds: int) -> Contestant:
    return Contestant(
        name="trailkeep collect",
        command=lambda turn: _command(setting, archive, turn),
        read=lambda out: Found(found=_counts(out)["events"]["added"]),
        expected=archive.events,
        runs=rounds,
    )


def _again(setting: Setting, archive: Archive) -> Contestant:
    return Contestant(
        name="trailkeep collect",
        command=lambda _: _command(setting, archive, 0),
        read=_known,
        expected=archive.files,
        unit="files",
        runs=_AGAIN_RUNS,
    )


def _known(out: Path) -> Found:
    """Read how many objects were listed and found in the ledger."""
    objects = _counts(out)["objects"]
    return Found(found=objects["listed"] - objects["new"] - objects["ignored"])


def _counts(out: Path) -> dict[str, Any]:
    return msgspec.json.decode(out.read_bytes(), type=dict[str, Any])


def _duckdb(setting: Setting, archive: Archive, rounds: int) -> Contestant:
    target = setting.folder / f"{Path(archive.folder).name}.parquet"
    return Contestant(
        name="DuckDB read_json to Parquet",
        command=lambda _: setting.script("peer_duckdb.py", "load", archive.glob, str(target)),
        read=document,
        expected=archive.events,
        runs=rounds,
    )


def _floor(setting: Setting, archive: Archive) -> Contestant:
    return Contestant(
        name="floor: gunzip and SHA-256, one core",
        command=lambda _: setting.script("floor.py", archive.folder),
        read=document,
        expected=archive.files,
        unit="files",
        runs=2,
    )
