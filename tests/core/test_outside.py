"""What somebody else wrote is read completely or refused, however it is nested."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trailkeep.core.config import parse_config
from trailkeep.core.errors import ConfigError
from trailkeep.core.outside import MAX_DEPTH, MAX_DIGITS, read_json, read_toml

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


@pytest.mark.parametrize("number", ["1e999", "-1e999", "1E+309", "9" * 310 + ".0"])
def test_an_infinite_number_of_json(number: str) -> None:
    """A decimal number that Python would call infinite is refused and named, wherever it stands."""
    for text in (number, f'{{"Days": {number}}}', f'[{{"Rule": [1, {number}]}}]'):
        with pytest.raises(ValueError, match=f"^{re.escape(number[:20])} is a number that is too large$"):
            read_json(text)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_finite_number_of_json(number: float) -> None:
    """Each number that a float holds is read as it is, the largest and the smallest among them."""
    assert read_json(json.dumps(number)) == number


@pytest.mark.parametrize("sign", ["", "-"])
def test_a_long_number_of_json(sign: str) -> None:
    """A whole number is read up to a number of digits, and beyond it refused in words about that number."""
    longest = sign + "9" * MAX_DIGITS
    assert str(read_json(longest)) == longest
    said = rf"^the number that begins with {sign}9+ has 641 digits, more than 640$"
    with pytest.raises(ValueError, match=said):
        read_json(f"[{longest}9]")


def test_objects_are_made_of_their_members() -> None:
    """Whoever makes objects of members is given each of them, also one that is there twice."""
    assert read_json('{"a": {"b": 1, "b": 2}}', pairs=list) == [("a", [("b", 1), ("b", 2)])]


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (
            "9" * 5000,
            "the number that begins with 99999999999999999999 has 5000 digits, more than 640 (at line 3)",
        ),
        (
            "9_9" * 2500,
            "the number that begins with 9_99_99_99_99_99_99_ has 5000 digits, more than 640 (at line 3)",
        ),
        ("9" * 641, "the number that begins with 0x"),
        ("0x" + "f" * 5000, "the number that begins with 0xffffffff"),
    ],
)
def test_a_long_number_of_a_configuration(number: str, said: str) -> None:
    """A whole number that is too large is named with its line, or as far as it goes, in every notation."""
    with pytest.raises(ConfigError) as caught:
        parse_config(f"[retention]\n# how long\ndays = {number}\n")
    assert str(caught.value).startswith(f"trailkeep.toml: expected TOML, got {said}")
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("number", ["inf", "-inf", "+inf", "nan", "1e999", "400.0"])
@pytest.mark.parametrize("key", ["retention.days", "archive.lifecycle_expire_days"])
def test_infinity_in_a_configuration(key: str, number: str) -> None:
    """TOML has infinity; a field that takes whole numbers refuses it as any other value that is none."""
    section, name = key.split(".")
    with pytest.raises(ConfigError) as caught:
        parse_config(f"[{section}]\n{name} = {number}\n")
    [line] = [line for line in str(caught.value).splitlines() if line.startswith(f"{key}: ")]
    assert f"got {float(number)!r}; " in line


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
