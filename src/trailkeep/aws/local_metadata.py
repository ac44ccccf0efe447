"""The metadata of objects, saved beside the files of a copy, because a file has none.

::

    KEY.metadata.json    {"signature": "..."}, or what 'aws s3api head-object' prints
    _metadata.jsonl      {"key": "AWSLogs/...", "metadata": {"signature": "..."}} a line
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

__all__ = ["SavedMetadata", "is_metadata"]

_SIDECAR = ".metadata.json"
_INDEX = "_metadata.jsonl"
_METADATA_BYTES = 1 << 20


def is_metadata(name: str) -> bool:
    """Return whether a file of this name holds metadata, and is no object."""
    return name.endswith(_SIDECAR) or name == _INDEX


class SavedMetadata:
    """The metadata of the copy whose top folder is ``folder``; only where lines begin is kept in memory."""

    def __init__(self, folder: Path) -> None:
        self._path = folder

    def of(self, path: Path, key: str) -> Mapping[str, str]:
        """Return the metadata of the object in a file, by S3's names; empty for none that can be read."""
        beside = path.with_name(path.name + _SIDECAR)
        try:
            return _texts(_beginning(beside) if beside.exists() else self._indexed(key))
        except (OSError, ValueError, RecursionError):
            return {}

    def _indexed(self, key: str) -> Any:
        at = self._index.get(key)
        if at is None:
            return {}
        with (self._path / _INDEX).open("rb") as file:
            file.seek(at)
            line = json.loads(file.readline(_METADATA_BYTES))
        return line.get("metadata") if isinstance(line, dict) else {}

    @cached_property
    def _index(self) -> dict[str, int]:
        """Where the line of each key begins in the index of metadata."""
        index: dict[str, int] = {}
        try:
            with (self._path / _INDEX).open("rb") as file:
                at = 0
                while line := file.readline():
                    if key := _key_of(line):
                        index[key] = at
                    at += len(line)
        except FileNotFoundError:
            return {}
        return index


def _beginning(file: Path) -> Any:
    with file.open("rb") as stream:
        return json.loads(stream.read(_METADATA_BYTES))


def _texts(said: Any) -> dict[str, str]:
    """Return metadata by the names that S3 gives it, whether whole or inside the answer of HeadObject."""
    if isinstance(said, dict) and isinstance(said.get("Metadata"), dict):
        said = said["Metadata"]
    if not isinstance(said, dict):
        return {}
    return {
        name.lower().removeprefix("x-amz-meta-"): value
        for name, value in said.items()
        if isinstance(value, str)
    }


def _key_of(line: bytes) -> str:
    try:
        key = json.loads(line)["key"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""
    return key if isinstance(key, str) else ""
