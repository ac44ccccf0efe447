"""The gzip of a log, opened strictly."""

from __future__ import annotations

import gzip
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keep.torture import cases, log, squeeze
from trailkeep.keep.inflate import LIMIT_BYTES, LogFault, LogFileError, inflate

BODY = log('{"eventID":"1"}', '{"eventID":"2"}')
WHOLE = squeeze(BODY)


def _outcome(data: bytes) -> bytes | str:
    try:
        return inflate(data)
    except LogFileError as error:
        return error.kind


def test_whole() -> None:
    """One whole gzip member gives its bytes, whatever its size and its compression."""
    for body in (BODY, b"", b"x" * 3_000_000, bytes(range(256)) * 4_000):
        for level in (0, 1, 9):
            assert inflate(gzip.compress(body, level)) == body


def test_file_name() -> None:
    """A member whose header carries a file name and a time is an ordinary one."""
    named = b"\x1f\x8b\x08\x08\x01\x02\x03\x04\x02\x03name.json\0" + WHOLE[10:]
    assert inflate(named) == BODY


def test_limit() -> None:
    """Exactly the limit is allowed, one byte more is not, inflated or plain."""
    for data in (WHOLE, BODY):
        assert inflate(data, limit_bytes=len(BODY)) == BODY
        with pytest.raises(LogFileError) as caught:
            inflate(data, limit_bytes=len(BODY) - 1)
        assert caught.value.kind == "log.too_large"


def test_bomb_memory() -> None:
    """A bomb is refused without memory for what it would inflate to."""
    (bomb,) = (case.data for case in cases() if case.name == "bomb")
    tracemalloc.start()
    try:
        assert _outcome(bomb) == LogFault.TOO_LARGE
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak_bytes < LIMIT_BYTES // 16


@given(st.integers(0, len(WHOLE) - 1))
def test_cut(size_bytes: int) -> None:
    """A log cut short anywhere is refused."""
    assert _outcome(WHOLE[:size_bytes]) in {"log.empty", "log.not_gzip", "log.truncated"}


@given(at=st.integers(0, len(WHOLE) - 1), value=st.integers(0, 255))
def test_changed_byte(at: int, value: int) -> None:
    """A log with one byte changed is refused, or gives the very same bytes (its header holds a time)."""
    assert _outcome(WHOLE[:at] + bytes([value]) + WHOLE[at + 1 :]) in {BODY, *LogFault}


@given(st.binary(min_size=1, max_size=64))
def test_anything_behind(tail: bytes) -> None:
    """A log with anything at all behind its member is refused."""
    assert _outcome(WHOLE + tail) == LogFault.TRAILING_DATA


@given(st.binary(max_size=64))
def test_any_bytes(data: bytes) -> None:
    """Bytes that are neither gzip nor the start of JSON are refused, and nothing else is raised."""
    if not data.lstrip(b" \t\r\n").startswith((b"{", b"[")):
        assert _outcome(data) in set(LogFault)


def test_messages() -> None:
    """The messages say what was expected, what was got and what to do next."""
    messages = {}
    for data in (b"", b"PK", WHOLE[:7], WHOLE + b"garbage", WHOLE):
        with pytest.raises(LogFileError) as caught:
            inflate(data, limit_bytes=len(BODY) - (data == WHOLE))
        messages[caught.value.kind] = str(caught.value)
    assert messages == {
        "log.empty": "gzip: expected a log, got 0 bytes; fetch the object again",
        "log.not_gzip": "gzip: expected the first bytes 1f 8b, got 50 4b; look at what wrote this object",
        "log.truncated": "gzip: expected the end of the member, got the end of the object after 7 bytes; "
        "fetch the object again",
        "log.trailing_data": "gzip: expected nothing behind the first member, got 7 bytes; "
        "treat the object as altered",
        "log.too_large": "gzip: expected at most 44 bytes inside, got more; "
        "CloudTrail delivers no such log, look at what wrote this object",
    }
