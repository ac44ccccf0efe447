"""S3 keys, both ways."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trailkeep.core.layout import DigestKey, Family, LogKey, StrangeKey, format_key, parse_key

DAY = "AWSLogs/o-exampleorg1/111111111111/CloudTrail/eu-central-1/2026/01/02"
LOG = f"{DAY}/111111111111_CloudTrail_eu-central-1_20260102T0304Z_abcdefGHIJKL0123.json.gz"

accounts = st.from_regex(r"\d{12}", fullmatch=True).filter(str.isascii)
regions = st.sampled_from(["eu-central-1", "us-east-1", "us-gov-west-1", "cn-north-1", "eusc-de-east-1"])
organizations = st.just("") | st.from_regex(r"o-[a-z0-9]{10,32}", fullmatch=True)
prefixes = st.sampled_from(["", "logs/", "a/b c/", "AWS/", "ünï/"])
minutes = st.integers(0, 80 * 365 * 86400).map(
    lambda number: datetime(2013, 1, 1, tzinfo=UTC) + timedelta(seconds=number)
)

log_keys = st.builds(
    LogKey,
    prefix=prefixes,
    organization_id=organizations,
    account_id=accounts,
    family=st.sampled_from(Family),
    region=regions,
    delivered_at=minutes.map(lambda moment: moment.replace(second=0, microsecond=0)),
    unique=st.from_regex(r"[A-Za-z0-9]{16}", fullmatch=True),
)
digest_keys = st.builds(
    DigestKey,
    prefix=prefixes,
    organization_id=organizations,
    account_id=accounts,
    region=regions,
    trail_name=st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{2,40}", fullmatch=True),
    home_region=regions,
    ends_at=minutes.map(lambda moment: moment.replace(microsecond=0)),
    backfill=st.booleans(),
)


@given(log_keys | digest_keys)
def test_every_key_comes_back_as_it_was_written(key: LogKey | DigestKey) -> None:
    """What is formatted parses to the same value."""
    assert parse_key(format_key(key)) == key


@given(st.text(max_size=200))
def test_any_text_is_a_key_or_strange(text: str) -> None:
    """No text makes the parser raise."""
    parsed = parse_key(text)
    assert isinstance(parsed, StrangeKey) or format_key(parsed) == text


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        (LOG.replace("/111111111111/", "/222222222222/"), "folder says account 222222222222"),
        (LOG.replace("/eu-central-1/", "/us-east-1/"), "folder says region us-east-1"),
        (LOG.replace("/01/02/", "/01/03/"), "folder says date 20260103, file name 20260102"),
        (LOG.replace("T0304Z", "T2504Z"), "20260102T2504Z is not a time"),
        (
            LOG.replace("111111111111_CloudTrail_", "111111111111_CloudTrail-Insight_"),
            "folder says family CloudTrail, file name CloudTrail-Insight",
        ),
        (f"AWSLogs/o-exampleorg1/111111111111/CloudTrail/{LOG}", "second AWSLogs folder"),
        (LOG + "x", "not in CloudTrail's layout"),
        (LOG.replace("abcdefGHIJKL0123", "short"), "not in CloudTrail's layout"),
        ("", "not in CloudTrail's layout"),
        (LOG.replace("111111111111", "١" * 12), "not in CloudTrail's layout"),  # noqa: RUF001 - digits of another script
    ],
)
def test_a_key_that_cloudtrail_would_not_write_is_strange(key: str, reason: str) -> None:
    """Folders and file name must agree, and the whole key must fit."""
    parsed = parse_key(key)
    assert isinstance(parsed, StrangeKey)
    assert reason in parsed.reason


def test_a_trail_name_may_hold_underscores() -> None:
    """The trail name of a digest is found between the first region and the last."""
    key = (
        "AWSLogs/111111111111/CloudTrail-Digest/us-east-1/2026/01/02/"
        "111111111111_CloudTrail-Digest_us-east-1_my_trail_eu-central-1_20260102T030405Z.json.gz"
    )
    parsed = parse_key(key)
    assert isinstance(parsed, DigestKey)
    assert (parsed.trail_name, parsed.home_region) == ("my_trail", "eu-central-1")
