"""What of an Event history is still to be asked for, and the logs that it becomes."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, date, datetime
from itertools import pairwise

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from trailkeep.core.layout import LogKey, parse_key
from trailkeep.keep.history import DAY_S, HORIZON_S, PREFIX, Saved, Shelf, Span, is_final, missing

NOON = int(datetime(2026, 11, 24, 12, tzinfo=UTC).timestamp())
TODAY = NOON // DAY_S
_DAYS = st.sets(st.integers(TODAY - 95, TODAY))
_PARTS = st.dictionaries(st.integers(TODAY - 95, TODAY), st.integers(0, DAY_S - 1))


def _saved(final: set[int], parts: dict[int, int]) -> Saved:
    saved = Saved()
    for day, second in parts.items():
        saved = saved.with_part(day, day * DAY_S + second)
    return saved.with_final(final)


def test_at_first_all_90_days_are_missing() -> None:
    """Without anything saved, one stretch from the horizon to now is asked for."""
    assert missing(Saved(), NOON) == (Span(since=NOON - HORIZON_S, until=NOON),)


def test_a_gap_is_asked_for_on_its_own() -> None:
    """Days between saved ones are asked for apart from the newest ones, and the newest come first."""
    kept = [day for day in range(TODAY - 95, TODAY - 1) if day != TODAY - 30]
    newest, gap = missing(Saved().with_final(kept), NOON)
    assert newest == Span(since=(TODAY - 1) * DAY_S, until=NOON)
    assert gap == Span(since=(TODAY - 30) * DAY_S, until=(TODAY - 29) * DAY_S - 1)


def test_a_day_left_halfway_is_read_from_there() -> None:
    """Of a day whose newer part is saved, only the older part is asked for, up to that very second."""
    day = TODAY - 1
    every = [one for one in range(TODAY - 95, TODAY) if one != day]
    saved = Saved().with_final(every).with_part(day, day * DAY_S + 77)
    assert missing(saved, NOON)[1] == Span(since=day * DAY_S, until=day * DAY_S + 77)
    assert missing(saved.with_final([day]), NOON) == (Span(since=TODAY * DAY_S, until=NOON),)


@given(_DAYS, _PARTS)
def test_every_second_of_90_days_is_saved_or_asked_for(final: set[int], parts: dict[int, int]) -> None:
    """What is asked for, and what is saved, together are the whole 90 days, with nothing asked for twice."""
    spans = missing(_saved(final, parts), NOON)
    assert all(one.until < other.since for other, one in pairwise(spans))
    for day in range((NOON - HORIZON_S) // DAY_S, TODAY + 1):
        first, last = max(day * DAY_S, NOON - HORIZON_S), min((day + 1) * DAY_S - 1, NOON)
        asked = sum(max(0, min(last, span.until) - max(first, span.since) + 1) for span in spans)
        until = min(last, day * DAY_S + parts.get(day, DAY_S))
        assert asked == (0 if day in final else max(0, until - first + 1))


@given(_DAYS, _PARTS)
def test_the_state_is_read_as_it_was_written(final: set[int], parts: dict[int, int]) -> None:
    """What is remembered survives being written to a file, and what AWS has forgotten is forgotten too."""
    saved = _saved(final, parts)
    assert msgspec.json.decode(msgspec.json.encode(saved), type=Saved) == saved
    recent = saved.since(NOON - HORIZON_S)
    assert missing(recent, NOON) == missing(saved, NOON)
    assert all(day >= date(2026, 8, 26) for day in (*recent.final, *recent.parts))


def test_a_day_is_final_hours_after_its_end() -> None:
    """A day may still grow for six hours after midnight."""
    midnight = (TODAY + 1) * DAY_S
    assert not is_final(TODAY, midnight + 6 * 3600 - 1)
    assert is_final(TODAY, midnight + 6 * 3600)


def test_a_log_keeps_the_texts_as_they_are() -> None:
    """A log holds every text unchanged, and the same texts give the same key and bytes."""
    shelf = Shelf(organization_id="o-exampleorgid", account="333333333333", region="eu-central-1", day=TODAY)
    texts = ['{"eventID" : "1"}', '{"eventID":"ü"}']
    log = shelf.log(texts)
    assert gzip.decompress(log.body).decode() == '{"Records":[{"eventID" : "1"},{"eventID":"ü"}]}'
    assert log == shelf.log(texts)
    assert log.key != shelf.log(texts[:1]).key
    assert json.loads(gzip.decompress(log.body))["Records"][1] == {"eventID": "ü"}


def test_a_log_is_in_cloudtrails_layout_below_a_prefix_of_its_own() -> None:
    """The key of a log says account, region and day, and tells it from what a trail delivered."""
    shelf = Shelf(organization_id="o-exampleorgid", account="333333333333", region="eu-central-1", day=TODAY)
    key = parse_key(shelf.log(["{}"]).key)
    assert isinstance(key, LogKey)
    assert key.prefix == PREFIX
    assert (key.account_id, key.region, f"{key.delivered_at:%Y-%m-%d %H:%M}") == (
        "333333333333",
        "eu-central-1",
        "2026-11-24 23:59",
    )
    assert shelf.log(["{}"]).key.startswith(f"{shelf.folder}/333333333333_CloudTrail_eu-central-1_")
