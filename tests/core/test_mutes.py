"""``[[audit.mute]]``: what is read, what is refused, and that it is written as it was read."""

from __future__ import annotations

import re
from typing import Any

import pytest

from trailkeep.core.config import Mute, parse_config, render
from trailkeep.core.errors import ConfigError
from trailkeep.core.mutes import read_mutes

_CONFIG = (
    '[organization]\nid = "o-exampleorgid"\nmanagement_account = "111111111111"\n'
    '[archive]\naccount = "222222222222"\nregion = "eu-central-1"\nbucket = "acme-trail-archive"\n'
)
_MUTE = '[[audit.mute]]\ncontrol = "trail.insights"\nreason = "too \\"dear\\""\nexpires = 2027-06-30\n'


def test_a_mute_is_read_and_written() -> None:
    """A mute says the same after it was written again, whether its day is a TOML day or a text."""
    config = parse_config(_CONFIG + _MUTE)
    assert config.mutes == (Mute(control="trail.insights", reason='too "dear"', expires="2027-06-30"),)
    assert parse_config(render(config)) == config
    assert parse_config(_CONFIG + _MUTE.replace("2027-06-30", '"2027-06-30"')) == config
    assert parse_config(_CONFIG).mutes == ()


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ([], r"audit: expected \[\[audit\.mute\]\] tables"),
        ({"mutes": []}, r"audit: expected \[\[audit\.mute\]\] tables"),
        ({"mute": {}}, r"audit: expected \[\[audit\.mute\]\] tables"),
        ({"mute": ["trail.insights"]}, r"audit\.mute\[1\]: expected a table"),
        (
            {"mute": [{"control": "a.b", "reason": "x"}]},
            r"audit\.mute\[1\]\.expires: expected a day .*, got nothing",
        ),
        (
            {"mute": [{"control": "a.b", "reason": " ", "expires": "2027-01-01"}]},
            r"audit\.mute\[1\]\.reason: expected a sentence .*, got ''",
        ),
        (
            {"mute": [{"control": "a.b", "reason": "x", "expires": "next year"}]},
            r"audit\.mute\[1\]\.expires: expected a day .*, got 'next year'",
        ),
        (
            {"mute": [{"control": "a.b", "reason": "x", "expires": "2027-01-01", "until": 1}]},
            r"audit\.mute\[1\]\.until: expected one of control, reason, expires",
        ),
        (
            {"mute": [{"control": "a.b", "reason": "x", "expires": "2027-01-01"}] * 2},
            r"audit\.mute: expected each control once, got a\.b twice",
        ),
    ],
)
def test_a_mute_that_says_too_little(section: Any, message: str) -> None:
    """A mute without a control, a reason and a last day is an error that names the place."""
    _, errors = read_mutes(section)
    assert len(errors) == 1
    assert re.match(message, str(errors[0]))


def test_every_mistake_is_told_at_once() -> None:
    """What is wrong with mutes is told together with what is wrong with the rest."""
    text = _CONFIG.replace("eu-central-1", "nowhere") + _MUTE.replace("2027-06-30", "7")
    with pytest.raises(ConfigError) as caught:
        parse_config(text)
    assert "audit.mute[1].expires" in str(caught.value)
    assert "archive.region" in str(caught.value)
