"""An estate is plain data: JSON both ways, and a broken file is refused where it is broken."""

from __future__ import annotations

import json

import pytest

from estates import in_force, nothing, with_facts
from trailkeep.core.errors import UsageError
from trailkeep.guard.estate import Bucket, Unreadable, decode_estate, encode_estate

_REFUSED = {"fact": "Unreadable", "call": "s3:GetBucketPolicy", "error": "AccessDenied: no"}


@pytest.mark.parametrize(
    "estate",
    [nothing(), in_force(), with_facts(in_force(), {"bucket": _REFUSED, "units": _REFUSED})],
    ids=["nothing", "in force", "unreadable"],
)
def test_round_trip(estate: object) -> None:
    """What is saved is read back as the same estate, refused calls included."""
    assert decode_estate(encode_estate(estate)) == estate  # type: ignore[arg-type]  # pytest's parameters are untyped


def test_refused_differs_from_absent() -> None:
    """A refused call stays apart from a thing that is not there."""
    estate = decode_estate(encode_estate(with_facts(in_force(), {"bucket.policy": _REFUSED})))
    assert isinstance(estate.bucket, Bucket)
    assert estate.bucket.policy == Unreadable(call="s3:GetBucketPolicy", error="AccessDenied: no")


def test_file_says_its_schema() -> None:
    """The document names its schema, as every document of Trailkeep does."""
    assert json.loads(encode_estate(nothing()))["trailkeep"] == {"schema": "estate/1"}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "got Input data was truncated"),
        (b"{}", "got Object missing required field `trailkeep`"),
        (b"\xff", "got"),
        (
            encode_estate(nothing()).replace(b'"partition": "aws"', b'"partition": 1'),
            r"got Expected `str`, got `int` - at `\$\.estate\.caller\.partition`",
        ),
        (
            encode_estate(nothing()).replace(b'"trails": []', b'"trials": []'),
            r"got Object contains unknown field `trials` - at `\$\.estate`",
        ),
        (
            encode_estate(nothing()).replace(b"estate/1", b"estate/2"),
            "expected schema estate/1, got estate/2",
        ),
    ],
)
def test_broken_file(data: bytes, message: str) -> None:
    """A broken file is refused with the place where it is broken."""
    with pytest.raises(UsageError, match=f"^estate file: .*{message}.*; save it again"):
        decode_estate(data)
