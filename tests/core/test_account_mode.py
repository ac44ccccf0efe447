"""``mode = "account"`` in ``trailkeep.toml``: what it needs, what it refuses, and that it is written back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from account_estates import ALONE, account_config
from trailkeep.core.config import Config, GuardsConfig, parse_config, render
from trailkeep.core.errors import ConfigError
from trailkeep.core.fields import FIELDS, ORGANIZATION_ONLY

MINIMAL = f'mode = "account"\n[archive]\naccount = "{ALONE}"\nregion = "eu-central-1"\n'

_CONFIGS = st.builds(
    lambda days, mode, bucket, encryption: account_config(
        {
            "retention.days": days,
            "retention.lock_mode": mode,
            "archive.bucket": bucket,
            "archive.encryption": encryption,
        }
    ),
    st.integers(1, 4000),
    st.sampled_from(["GOVERNANCE", "COMPLIANCE"]),
    st.sampled_from(["", "prod-trail-archive"]),
    st.sampled_from(["sse-s3", "sse-kms"]),
)


def test_an_account_and_a_region_are_enough() -> None:
    """The account owns trail and archive; the bucket's name is one that only it can have; nothing guards it."""
    config = parse_config(MINIMAL)
    assert config.organization is None
    assert (config.trail_account, config.organization_id) == (ALONE, "")
    assert config.archive.bucket == f"trailkeep-{ALONE}-eu-central-1-an"
    assert config.guards == GuardsConfig(scp=False, member_scp=False, rcp=False)
    assert config.archive.access_role == ""


@given(_CONFIGS)
def test_render_round_trips(config: Config) -> None:
    """What is written is read back as the same configuration, and names nothing of an organization."""
    text = render(config)
    assert parse_config(text) == config
    assert "[organization]" not in text
    assert "[guards]" not in text


def test_what_says_none_is_taken() -> None:
    """A key that only an organization has may say that there is none."""
    text = MINIMAL + 'access_role = ""\n[organization]\nid = ""\n[guards]\nscp = false\n'
    assert parse_config(text) == parse_config(MINIMAL)


@pytest.mark.parametrize("key", sorted(ORGANIZATION_ONLY))
def test_a_value_of_the_wrong_type_is_refused_too(key: str) -> None:
    """What only an organization has is refused whatever it says, with the way out."""
    with pytest.raises(ConfigError, match=rf'^{key}: expected nothing with mode = "account", got 7; take'):
        account_config({key: 7})


def test_every_refused_key_is_a_setting() -> None:
    """The keys that are refused are keys of the table."""
    assert {field.key for field in FIELDS} >= ORGANIZATION_ONLY


def test_an_unknown_mode() -> None:
    """A mode is organization or account."""
    with pytest.raises(ConfigError, match=r"mode: expected organization or account, got 'member'"):
        account_config({"mode": "member"})


def test_a_misspelt_mode() -> None:
    """A misspelt key above the sections is named with the one that is meant."""
    with pytest.raises(ConfigError, match=r"mod: expected a section that exists.*did you mean mode\?"):
        parse_config('mod = "account"\n')


def test_a_mode_in_a_section() -> None:
    """The mode stands above all sections."""
    with pytest.raises(ConfigError, match=r"archive\.mode: expected a key that exists"):
        parse_config(MINIMAL + 'mode = "account"\n')
