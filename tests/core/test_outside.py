"""What somebody else wrote is read completely or refused, however it is nested."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trailkeep.core.config import parse_config
from trailkeep.core.errors import ConfigError
from trailkeep.core.outside import MAX_DEPTH, read_json, read_toml

_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


@given(_VALUES)
def test_what_is_not_deep_is_read(value: Any) -> None:
    """Any JSON value of a sane depth is read as it is."""
    assert read_json(json.dumps(value)) == value


@pytest.mark.parametrize("depth", [MAX_DEPTH, MAX_DEPTH + 1, 900, 100_000])
@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
def test_depth(depth: int, opening: str, closing: str) -> None:
    """A text is read up to a depth, and refused with an error of its own beyond it, however deep it is."""
    text = opening * depth + "1" + closing * depth
    if depth <= MAX_DEPTH:
        assert read_json(text)
    else:
        with pytest.raises(ValueError, match="nests deeper than 100 levels"):
            read_json(text)


@pytest.mark.parametrize(
    "text", ["", "{", "[NaN]", "[Infinity]", "[-Infinity]", "\ufeff[]", "[" + "9" * 5000 + "]"]
)
def test_no_json(text: str) -> None:
    """What is no JSON is refused, constants that only Python knows among it."""
    with pytest.raises(ValueError, match=r"."):
        read_json(text)


@pytest.mark.parametrize("depth", [MAX_DEPTH + 1, 1_000])
def test_toml(depth: int) -> None:
    """A TOML text that nests too deep is refused, be it by arrays or by dotted keys."""
    for text in (f"a = {'[' * depth}{']' * depth}", f"{'.'.join('a' * depth)} = 1"):
        with pytest.raises(ValueError, match="nests deeper"):
            read_toml(text)


def test_configuration() -> None:
    """A configuration that nests too deep is an error of the configuration, as any other text that is none."""
    with pytest.raises(
        ConfigError, match=r"trailkeep.toml: expected TOML, got it nests deeper than 100 levels"
    ):
        parse_config(f"a = {'[' * 5000}{']' * 5000}")
