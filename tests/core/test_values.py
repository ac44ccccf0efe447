"""Verdicts, errors, ARNs and moments."""

from __future__ import annotations

import doctest
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trailkeep.core import arn, errors, globs, times, verdict
from trailkeep.core.arn import Arn
from trailkeep.core.errors import ConfigError, TrailkeepError, UsageError
from trailkeep.core.times import format_moment, parse_moment
from trailkeep.core.verdict import ExitCode, Verdict, VerdictKind, worst

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
PASS = Verdict(kind=VerdictKind.PASS)
FAIL = Verdict(kind=VerdictKind.FAIL, reason="altered")
UNKNOWN = Verdict(kind=VerdictKind.UNKNOWN, reason="refused")


@pytest.mark.parametrize("module", [arn, globs, times, verdict])
def test_the_examples_in_the_docstrings_hold(module: object) -> None:
    """Every runnable example is true."""
    assert doctest.testmod(module).failed == 0  # type: ignore[arg-type] # doctest has no stub for modules


def test_unknown_is_never_success() -> None:
    """Each verdict has its own exit code and UNKNOWN is not 0."""
    assert [one.exit_code for one in (PASS, FAIL, UNKNOWN)] == [ExitCode.OK, ExitCode.FOUND, ExitCode.UNKNOWN]


@given(st.lists(st.sampled_from([PASS, FAIL, UNKNOWN])))
def test_the_worst_verdict_wins(verdicts: list[Verdict]) -> None:
    """One FAIL makes FAIL, else one UNKNOWN makes UNKNOWN, and nothing at all is UNKNOWN."""
    expected = next((one for one in (FAIL, UNKNOWN, PASS) if one in verdicts), None)
    assert worst(verdicts).kind is (expected.kind if expected else VerdictKind.UNKNOWN)


def test_every_error_has_a_documented_exit_code() -> None:
    """Usage is 2, unchecked 3, stopped 4."""
    found = {name: getattr(errors, name).exit_code for name in errors.__all__}
    assert found == {
        "AwsCallError": 4,
        "ConfigError": 2,
        "InterruptedRunError": 130,
        "LakeError": 4,
        "StoppedError": 4,
        "TrailkeepError": 4,
        "UncheckedError": 3,
        "UsageError": 2,
    }


def test_a_config_error_names_its_key() -> None:
    """The key path is an attribute and begins the message."""
    error: TrailkeepError = ConfigError("archive.region", "expected a region, got 7; quote it")
    assert str(error).startswith("archive.region: expected a region")


@pytest.mark.parametrize("text", ["", "arn", "arn:aws:s3", "x:aws:s3:::b", "arn:aws:s3::b"])
def test_what_is_no_arn_is_refused(text: str) -> None:
    """An ARN has six segments and begins with arn."""
    with pytest.raises(UsageError, match="expected an ARN"):
        Arn.parse(text)


@given(st.text(alphabet="abc:/*", max_size=20))
def test_an_arn_comes_back_as_it_was(resource: str) -> None:
    """Whatever the resource holds, the text is the same."""
    text = f"arn:aws:s3:eu-central-1:222222222222:{resource}"
    assert str(Arn.parse(text)) == text


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-01-01", datetime(2026, 1, 1, tzinfo=UTC)),
        ("2026-01-01T12:30Z", datetime(2026, 1, 1, 12, 30, tzinfo=UTC)),
        ("2026-01-01T12:30+02:00", datetime(2026, 1, 1, 10, 30, tzinfo=UTC)),
        ("180d", NOW - timedelta(days=180)),
        ("90m", NOW - timedelta(minutes=90)),
    ],
)
def test_a_time_can_be_typed_in_many_ways(text: str, moment: datetime) -> None:
    """ISO 8601 with or without an offset, and a span ago."""
    assert parse_moment(text, now=NOW) == moment


@pytest.mark.parametrize("text", ["", "yesterday", "2026-13-01", "999999y", "1", "d"])
def test_what_names_no_time_is_refused(text: str) -> None:
    """The message shows the accepted forms."""
    with pytest.raises(UsageError, match="expected a time such as"):
        parse_moment(text, now=NOW)


@given(st.datetimes(timezones=st.just(UTC)))
def test_a_moment_survives_being_written(moment: datetime) -> None:
    """What is printed can be typed in again."""
    assert parse_moment(format_moment(moment), now=NOW) == moment
