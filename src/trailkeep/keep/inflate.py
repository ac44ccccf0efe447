"""Opens the gzip of a log strictly: the bytes that are hashed later are all the bytes there are.

A reader that goes on to a second gzip member, while the digest's hash stops before it, lets a forger add
events to a log that still verifies. So a log is exactly one member, its CRC and length are right, and nothing
lies behind it.

Source: RFC 1952; https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-validation-intro.html
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from enum import StrEnum
from typing import Final

__all__ = ["LIMIT_BYTES", "LogFault", "LogFileError", "inflate"]

LIMIT_BYTES: Final = 1 << 30
"""CloudTrail delivers at most 50 MB of gzip, and its JSON shrinks 10 to 15 times: logs stay below 750 MB."""

_MAGIC = b"\x1f\x8b"
_GZIP_ONLY = 31  # zlib's wbits: a 32 KiB window, and the gzip format required
_STEP_BYTES = 16 * 1024  # of input: deflate grows 1032 times at most, so one step gives 17 MB at most
_HARMLESS_BYTES = 64 * 1024  # of input: nothing this small can inflate to more than 68 MB
_JSON_START = re.compile(rb"[ \t\r\n]*[{\[](?:[\x00-\x7f]|\Z)")


class LogFault(StrEnum):
    """Why a whole log cannot be read; the values are stable, they become kinds of findings."""

    EMPTY = "log.empty"
    NOT_GZIP = "log.not_gzip"
    TRUNCATED = "log.truncated"
    BAD_GZIP = "log.bad_gzip"
    TRAILING_DATA = "log.trailing_data"
    TOO_LARGE = "log.too_large"
    NOT_JSON = "log.not_json"
    NO_RECORDS = "log.no_records"


class LogFileError(Exception):
    """The log itself is wrong, so none of its events were read; ``kind`` and ``message`` become a finding."""

    def __init__(self, kind: LogFault, message: str) -> None:
        super().__init__(message)
        self.kind: str = kind.value
        self.message = message


def inflate(data: bytes, *, limit_bytes: int = LIMIT_BYTES) -> bytes:
    """Return the bytes inside the gzip of one log.

    Bytes that are JSON already come back unchanged: an HTTP client may have inflated them because of the
    object's ``Content-Encoding``. What would inflate to more than ``limit_bytes`` never takes memory for more
    than a few dozen megabytes.

    Raises:
        LogFileError: the object is not exactly one whole gzip member; no part of it was accepted.
    """
    if not data:
        raise LogFileError(LogFault.EMPTY, "gzip: expected a log, got 0 bytes; fetch the object again")
    if data.startswith(_MAGIC):
        return _inflate_member(data, limit_bytes)
    if not _JSON_START.match(data):
        raise LogFileError(
            LogFault.NOT_GZIP,
            f"gzip: expected the first bytes 1f 8b, got {data[:2].hex(' ')}; look at what wrote this object",
        )
    if len(data) > limit_bytes:
        raise _too_large(limit_bytes)
    return data


def _inflate_member(data: bytes, limit_bytes: int) -> bytes:
    if len(data) > _HARMLESS_BYTES:
        for _ in _parts(data, limit_bytes):
            pass  # a first pass that keeps nothing: a bomb ends here
    return b"".join(_parts(data, limit_bytes))


def _parts(data: bytes, limit_bytes: int) -> Iterator[bytes]:
    inflater = zlib.decompressobj(_GZIP_ONLY)
    view = memoryview(data)
    room_bytes = limit_bytes
    at = 0
    while at < len(data) and not inflater.eof:
        part = _step(inflater, view[at : at + _STEP_BYTES], room_bytes + 1)
        at += _STEP_BYTES
        room_bytes -= len(part)
        if room_bytes < 0:
            raise _too_large(limit_bytes)
        yield part
    _check_end(inflater, len(data), behind_bytes=len(inflater.unused_data) + max(len(data) - at, 0))


def _check_end(inflater: zlib._Decompress, size_bytes: int, *, behind_bytes: int) -> None:
    if not inflater.eof:
        raise LogFileError(
            LogFault.TRUNCATED,
            f"gzip: expected the end of the member, got the end of the object after {size_bytes} bytes; "
            "fetch the object again",
        )
    if behind_bytes:
        raise LogFileError(
            LogFault.TRAILING_DATA,
            f"gzip: expected nothing behind the first member, got {behind_bytes} bytes; "
            "treat the object as altered",
        )


def _step(inflater: zlib._Decompress, data: memoryview, most_bytes: int) -> bytes:
    try:
        return inflater.decompress(data, most_bytes)
    except zlib.error as error:
        raise LogFileError(
            LogFault.BAD_GZIP,
            f"gzip: expected a member with a right checksum, got {error}; treat the object as altered",
        ) from error


def _too_large(limit_bytes: int) -> LogFileError:
    return LogFileError(
        LogFault.TOO_LARGE,
        f"gzip: expected at most {limit_bytes} bytes inside, got more; "
        "CloudTrail delivers no such log, look at what wrote this object",
    )
