"""Two sets of event selectors are compared by the events that they record."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trailkeep.guard.selector_words import words
from trailkeep.guard.selectors import Selector, read, uncovered, wanted, write

_FIELDS = {
    "eventCategory": ["Management", "Data"],
    "readOnly": ["true", "false"],
    "eventName": ["Get", "GetObject", "PutObject", "Object"],
    "resources.ARN": ["arn:aws:s3:::a/", "arn:aws:s3:::a/b", "arn:aws:s3:::c/", "arn:aws:s3:::"],
}
_EVENTS = st.fixed_dictionaries({name: st.sampled_from(values) for name, values in _FIELDS.items()})
_OPERATORS = ("Equals", "StartsWith", "EndsWith", "NotEquals", "NotStartsWith", "NotEndsWith")


@st.composite
def _selectors(draw: st.DrawFn) -> Selector:
    fields: list[dict[str, Any]] = [
        {"Field": "eventCategory", "Equals": [draw(st.sampled_from(_FIELDS["eventCategory"]))]}
    ]
    for name in draw(st.sets(st.sampled_from(["readOnly", "eventName", "resources.ARN"]))):
        operators = ("Equals", "NotEquals") if name == "readOnly" else _OPERATORS
        chosen = sorted(draw(st.sets(st.sampled_from(operators), min_size=1, max_size=2)))
        values = st.lists(st.sampled_from(_FIELDS[name]), min_size=1, max_size=2, unique=True)
        fields.append({"Field": name, **{operator: draw(values) for operator in chosen}})
    return {"FieldSelectors": fields}


def _matches(selector: Selector, event: dict[str, str]) -> bool:
    return all(_field_matches(field, event[field["Field"]]) for field in selector["FieldSelectors"])


def _field_matches(field: dict[str, Any], value: str) -> bool:
    positive = [hit for name in _OPERATORS[:3] for hit in _hits(name, field.get(name, []), value)]
    negative = [hit for name in _OPERATORS[3:] for hit in _hits(name, field.get(name, []), value)]
    return (any(positive) or not positive) and not any(negative)


def _hits(operator: str, listed: list[str], value: str) -> list[bool]:
    match operator.removeprefix("Not"):
        case "StartsWith":
            return [value.startswith(one) for one in listed]
        case "EndsWith":
            return [value.endswith(one) for one in listed]
        case _:
            return [value == one for one in listed]


@given(st.lists(_selectors(), max_size=3), st.lists(_selectors(), max_size=3), _EVENTS)
def test_what_is_covered_is_recorded(some: list[Selector], by: list[Selector], event: dict[str, str]) -> None:
    """Whatever event a covered selector matches, one of the covering selectors matches too."""
    left = uncovered(some, by)
    for selector in some:
        if selector not in left and _matches(selector, event):
            assert any(_matches(one, event) for one in by)


@given(st.lists(_selectors(), max_size=4))
def test_selectors_cover_themselves(some: list[Selector]) -> None:
    """No set of selectors leaves out what it records itself, in whatever order, also after a round trip."""
    assert uncovered(some, some[::-1]) == ()
    again = read(f'{{"AdvancedEventSelectors":{write(some)}}}')
    assert again is not None
    assert uncovered(some, again) == uncovered(again, some) == ()
    assert words(again) == words(some)


def test_halves_make_a_whole() -> None:
    """Two selectors, one of reads and one of writes, record all management events together."""
    halves = [
        {
            "FieldSelectors": [
                {"Field": "eventCategory", "Equals": ["Management"]},
                {"Field": "readOnly", "Equals": [side]},
            ]
        }
        for side in ("true", "false")
    ]
    whole = wanted(partition="aws", management_events="all", data_events=(), network_events=())
    assert uncovered(whole, halves) == ()
    assert uncovered(whole, halves[:1]) == whole


@pytest.mark.parametrize(
    ("kind", "value", "is_all"),
    [
        ("AWS::S3::Object", "arn:aws:s3", True),
        ("AWS::S3::Object", "arn:aws:s3:::", True),
        ("AWS::S3::Object", "arn:aws:s3:::b/", False),
        ("AWS::Lambda::Function", "arn:aws:lambda", True),
        ("AWS::Lambda::Function", "arn:aws:lambda:eu-central-1:111111111111:function:f", False),
    ],
)
def test_basic_data_resources(kind: str, value: str, *, is_all: bool) -> None:
    """A basic selector for all resources of a type covers the type, one for a single resource does not."""
    basic = f'{{"EventSelectors":[{{"DataResources":[{{"Type":"{kind}","Values":["{value}"]}}]}}]}}'
    found = read(basic)
    assert found is not None
    asked = wanted(partition="aws", management_events="all", data_events=(kind,), network_events=())
    assert (uncovered(asked, found) == ()) is is_all
    assert uncovered(found, asked) == ()


@pytest.mark.parametrize("text", ["", "[]", '{"AdvancedEventSelectors":[{}]}', '{"EventSelectors":3}'])
def test_illegible(text: str) -> None:
    """A text that is no answer of GetEventSelectors has no selectors, not even none."""
    assert read(text) is None


def test_a_type_says_more_than_a_prefix() -> None:
    """A resource type that is asked for whole and by prefix is recorded whole, in one selector."""
    asked = wanted(
        partition="aws",
        management_events="all",
        data_events=("AWS::S3::Object=arn:aws:s3:::b/", "AWS::S3::Object"),
        network_events=(),
    )
    assert words(asked) == "all management events; AWS::S3::Object data events"


def test_a_contradiction_covers_nothing() -> None:
    """A selector that matches neither reads nor writes records no management event."""
    management = {"Field": "eventCategory", "Equals": ["Management"]}
    neither = {"Field": "readOnly", "NotEquals": ["true", "false"]}
    whole: list[Selector] = [{"FieldSelectors": [management]}]
    assert uncovered(whole, [{"FieldSelectors": [management, neither]}]) == tuple(whole)
