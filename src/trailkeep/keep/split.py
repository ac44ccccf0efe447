"""Cuts the JSON of a log into its records, each exactly as it is written.

1. The bytes are UTF-8.
2. They are one JSON object with the key ``Records``, a list.
3. Every byte is accounted for: nothing beside the list is skipped without a word. Of two lists ``Records``
   any ordinary JSON reader drops one, with all its events.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
from msgspec import Raw

from trailkeep.keep.inflate import LogFault, LogFileError
from trailkeep.keep.jsontext import Member, NotJsonError, elements, kind_of, members

__all__ = ["Split", "split"]

_KEY = "Records"
_FRAME_BYTES = len('{"Records":[]}')


class _Log(msgspec.Struct, gc=False):
    records: list[Raw] = msgspec.field(name=_KEY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """``records`` in file order; ``extra_keys`` are the other keys, ``lists`` how many lists there were."""

    records: tuple[Raw, ...]
    extra_keys: tuple[str, ...] = ()
    lists: int = 1


_decode = msgspec.json.Decoder(_Log).decode


def split(body: bytes) -> Split:
    """Return the records of an inflated log.

    Raises:
        LogFileError: the bytes are not JSON in UTF-8 (``log.not_json``), or hold no list of records
            (``log.no_records``).
    """
    try:
        text = None if body.isascii() else body.decode()
    except UnicodeDecodeError as error:
        raise _not_json(f"byte {error.start}, which is not UTF-8") from error
    try:
        records = tuple(_decode(body).records)
    except (msgspec.DecodeError, RecursionError):
        records = None
    if records is None or not _is_all(body, records):
        return _split_carefully(text if text is not None else body.decode())
    return Split(records=records)


def _is_all(body: bytes, records: tuple[Raw, ...]) -> bool:
    """No JSON with these records is shorter, so at this length there is nothing else, not even a space."""
    return len(body) == _FRAME_BYTES + sum(map(len, records)) + max(len(records) - 1, 0)


def _split_carefully(text: str) -> Split:
    top = _top(text)
    lists = [member.value for member in top if member.key == _KEY]
    if not lists:
        raise _no_records("none")
    if wrong := [kind_of(value) for value in lists if kind_of(value) != "array"]:
        raise _no_records(wrong[0])
    return Split(
        records=tuple(Raw(record.encode()) for value in lists for record in elements(value)),
        extra_keys=tuple(member.key for member in top if member.key != _KEY),
        lists=len(lists),
    )


def _top(text: str) -> list[Member]:
    try:
        (value,) = elements(f"[{text}]") or [""]
    except NotJsonError as error:
        raise _not_json(f"something else from character {max(error.position - 1, 0)} on") from error
    except ValueError as error:
        raise _not_json("several values") from error
    if not value:
        raise _not_json("nothing")
    if kind_of(value) != "object":
        raise LogFileError(
            LogFault.NO_RECORDS,
            f"log: expected an object with Records, got {kind_of(value)}; look at what wrote this object",
        )
    return members(value)


def _not_json(got: str) -> LogFileError:
    return LogFileError(
        LogFault.NOT_JSON,
        f"log: expected one JSON object in UTF-8, got {got}; look at what wrote this object",
    )


def _no_records(got: str) -> LogFileError:
    return LogFileError(
        LogFault.NO_RECORDS, f"log: expected a list as Records, got {got}; look at what wrote this object"
    )
