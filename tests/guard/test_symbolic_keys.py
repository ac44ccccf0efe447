"""Tables of condition keys: every value a request can have agrees with one of the rows."""

from __future__ import annotations

import ipaddress
from datetime import datetime
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from trailkeep.guard.conditions import Condition, Operator, Qualifier, condition_holds
from trailkeep.guard.symbolic_keys import Form, KeyFact, KeyTable, Presence, fits, key_table

_TEXT = [
    *(Operator.STRING_EQUALS, Operator.STRING_NOT_EQUALS, Operator.STRING_LIKE, Operator.STRING_NOT_LIKE),
    *(Operator.STRING_EQUALS_IGNORE_CASE, Operator.STRING_NOT_EQUALS_IGNORE_CASE),
    *(Operator.ARN_LIKE, Operator.ARN_NOT_EQUALS, Operator.BOOL, Operator.NULL),
]
_ARN = [operator for operator in Operator if operator.value.startswith("Arn")]
_NUMBER = [operator for operator in Operator if operator.value.startswith("Numeric")]
_DATE = [operator for operator in Operator if operator.value.startswith("Date")]
_ADDRESS = [Operator.IP_ADDRESS, Operator.NOT_IP_ADDRESS]

_texts = st.one_of(
    st.text("akK\u017f\u212aéÉ*?:", max_size=4),
    st.sampled_from(["arn:a:b::1:x", "arn:a:b::1:", "TRUE", "false"]),
)
_patterns = st.one_of(_texts, st.sampled_from(["arn:*:b::?:*", "arn:a*:*", "true", "${*}", "${*}a*"]))
_arns = st.sampled_from(["arn:a:b::1:x", "arn:a:b::1:", "arn:a:b:c:1:x:y", "arn:a:b", "x", "x:a:b::1:x"])
_arn_patterns = st.sampled_from(
    ["arn:a:b::1:x", "arn:*:b::?:*", "arn:a:b:*:1:x", "arn:*", "*", "*:*:*:*:*:*"]
)
_numbers = st.one_of(
    st.integers(-3, 3).map(str), st.decimals(-3, 3, places=1).map(str), st.sampled_from(["x", "", "1.50"])
)
_moments = st.one_of(
    st.datetimes(datetime(2026, 1, 1), datetime(2026, 1, 3)).map(lambda at: at.isoformat() + "Z"),  # noqa: DTZ001 - the Z is added
    st.sampled_from(["2026-01-01", "2026-01-02T00:00:00+01:00", "1767225600", "x", "0001-01-01T00:00:00Z"]),
)
_addresses = st.one_of(
    st.ip_addresses(v=4, network="10.0.0.0/28").map(str),
    st.ip_addresses(v=6, network="2001:db8::/124").map(str),
    st.sampled_from(["255.255.255.255", "0.0.0.0", "x"]),  # noqa: S104 - an address of a caller
)
_networks = st.builds(
    lambda address, less: str(
        ipaddress.ip_network(f"{address}/{ipaddress.ip_address(address).max_prefixlen - less}", strict=False)
    ),
    _addresses.filter(lambda address: address != "x"),
    st.integers(0, 4),
)


def _condition(
    operator: Operator, listed: list[str], qualifier: Qualifier | None, *, if_exists: bool
) -> Condition:
    is_null = operator is Operator.NULL
    return Condition(
        operator=operator,
        key="my:key",
        values=("true",) if is_null else tuple(listed),
        qualifier=None if is_null else qualifier,
        if_exists=if_exists and not is_null,
    )


def _conditions(
    operators: list[Operator], values: st.SearchStrategy[str]
) -> st.SearchStrategy[list[Condition]]:
    return st.lists(
        st.builds(
            _condition,
            st.sampled_from(operators),
            st.lists(values, min_size=1, max_size=2),
            st.sampled_from([None, None, *Qualifier]),
            if_exists=st.booleans(),
        ),
        min_size=1,
        max_size=4,
    )


def _table(conditions: list[Condition], fact: KeyFact) -> KeyTable:
    table = key_table(fact, tuple((condition, True) for condition in conditions), ())
    assert table is not None
    return table


def _is_covered(conditions: list[Condition], fact: KeyFact, values: tuple[str, ...]) -> bool:
    truths = [condition_holds(each, {"my:key": values}, variables=True) for each in conditions]
    return any(
        all(known is None or known is truth for known, truth in zip(row.truths, truths, strict=True))
        for row in _table(conditions, fact)
    )


@pytest.mark.parametrize(
    ("operators", "expected", "actual"),
    [
        pytest.param(_TEXT, _patterns, _texts, id="texts"),
        pytest.param(_ARN, _arn_patterns, _arns, id="arns"),
        pytest.param(_NUMBER, _numbers, _numbers, id="numbers"),
        pytest.param(_DATE, _moments, _moments, id="dates"),
        pytest.param(_ADDRESS, _networks, _addresses, id="addresses"),
        pytest.param(
            [Operator.BINARY_EQUALS], st.sampled_from(["YQ==", "YR==", "x", ""]), _texts, id="bytes"
        ),
        pytest.param(
            [*_TEXT, *_NUMBER, *_DATE, *_ADDRESS], _patterns | _numbers, _texts | _numbers, id="mixed"
        ),
    ],
)
@pytest.mark.parametrize("several", [False, True])
@given(data=st.data())
def test_every_value_agrees_with_a_row(
    data: st.DataObject, operators: list[Operator], expected: Any, actual: Any, *, several: bool
) -> None:
    """Whatever values a request has, a row of the table answers all conditions as they do."""
    conditions = data.draw(_conditions(operators, expected))
    values = tuple(data.draw(st.lists(actual, max_size=3 if several else 1)))
    assert _is_covered(conditions, KeyFact(several=several), values)


@given(_conditions(_NUMBER, st.integers(-3, 3).map(str)), st.integers(-5, 5))
def test_every_whole_number_agrees_with_a_row(conditions: list[Condition], value: int) -> None:
    """Of a key that is a whole number no whole number is missing."""
    assert _is_covered(conditions, KeyFact(form=Form.INTEGER), (str(value),))


@given(_conditions(_TEXT, _patterns), st.lists(_texts, min_size=1, max_size=2), _texts)
def test_every_value_that_fits_agrees_with_a_row(
    conditions: list[Condition], patterns: list[str], value: str
) -> None:
    """Of a key that matches patterns and does not match others no such value is missing."""
    fact = KeyFact(presence=Presence.ALWAYS, patterns=("*a*", *patterns), excluded=("a?",))
    assume(fits(fact, value))
    assert _is_covered(conditions, fact, (value,))


@given(_conditions(_TEXT, _patterns))
def test_rows_tell_the_truth(conditions: list[Condition]) -> None:
    """The values of a row answer the conditions as the row says."""
    for row in _table(conditions, KeyFact(several=True)):
        for condition, truth in zip(conditions, row.truths, strict=True):
            holds = condition_holds(condition, {"my:key": row.values}, variables=True)
            assert truth is None or truth is holds


def test_only_one_letter_beyond_ascii_has_an_ascii_lower_case() -> None:
    """Comparing without case folds ASCII letters, and one sign more: the Kelvin sign."""
    beyond = {chr(code) for code in range(0x80, 0x110000) if chr(code).lower().isascii()}
    assert beyond == {"\u212a"}


def test_a_key_that_is_never_there_has_one_row() -> None:
    """What is never there is absent."""
    asked = Condition(operator=Operator.NULL, key="my:key", values=("true",))
    table = key_table(KeyFact(presence=Presence.NEVER), ((asked, True),), ())
    assert table is not None
    assert [(row.values, row.truths) for row in table] == [((), (True,))]


def test_the_edges_of_time_are_tried() -> None:
    """Before the first limit and after the last there are moments, as far as calendars go."""
    conditions = [
        Condition(operator=Operator.DATE_LESS_THAN, key="my:key", values=("0001-01-01T00:00:01Z",)),
        Condition(operator=Operator.DATE_GREATER_THAN, key="my:key", values=("9999-12-31T23:59:59Z",)),
    ]
    truths = {row.truths for row in _table(conditions, KeyFact(presence=Presence.ALWAYS, form=Form.DATE))}
    assert truths == {(True, False), (False, True), (False, False)}
