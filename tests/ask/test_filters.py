"""Filters become one query that finds exactly what a plain scan would."""

from __future__ import annotations

import fnmatch
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from logs import START, archive, record, take_in
from trailkeep.ask.filters import Field, Filter, Search, parse_filter, to_query, uncovered
from trailkeep.core.errors import UsageError
from trailkeep.lake.table import Lake
from trailkeep.workflows.search import search

ODD: list[dict[str, Any]] = [
    {},
    {"errorCode": "AccessDenied"},
    {"sourceIPAddress": "cloudformation.amazonaws.com", "errorCode": "Client.Odd%_Code"},
    {"userIdentity": None},
    {"userIdentity": ...},
    {"readOnly": ...},
    {"eventTime": ...},
    {"eventName": "ConsoleLogin", "responseElements": {"ConsoleLogin": "Failure"}},
    {"eventName": "o'; drop table events; --"},
    {"resources": [{"ARN": "arn:aws:s3:::bucket-x/key", "type": "AWS::S3::Object"}]},
    {"eventName": "Ünïcode*?"},
    {"recipientAccountId": "333333333333", "awsRegion": "us-east-1"},
]
RECORDS = [record(number, **extra) for number, extra in enumerate(ODD)]


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """A lake with one event of every odd kind."""
    folder = tmp_path_factory.mktemp("filters")
    assert take_in(folder / "lake", archive(folder / "logs", [RECORDS])).added == len(RECORDS)
    return Lake(path=folder / "lake")


def found(lake: Lake, asked: Search) -> list[str]:
    """Return the ids that a search finds, in its order."""
    with search(lake, asked, ("event_id",)) as answer:
        return [row["event_id"] for batch in answer.batches for row in batch.to_pylist()]


def ids(*numbers: int) -> list[str]:
    """Return the ids of the records with these numbers, newest first."""
    return [RECORDS[number]["eventID"] for number in numbers]


@pytest.mark.parametrize(
    ("filters", "numbers"),
    [
        ([(Field.EVENT_NAME, "ConsoleLogin")], [7]),
        ([(Field.EVENT_NAME, "Console*"), (Field.EVENT_NAME, "?nïcode*")], [10, 7]),
        ([(Field.EVENT_NAME, "o'; drop table events; --")], [8]),
        ([(Field.EVENT_SOURCE, "s3"), (Field.ERROR, "any")], [7, 2, 1]),
        ([(Field.ERROR, "none"), (Field.USER, "user-2")], [11, 8, 5]),
        ([(Field.ERROR, "Client.Odd%_Code")], [2]),
        ([(Field.ERROR, "Client.Odd?_*")], [2]),
        ([(Field.ERROR, "!AccessDenied"), (Field.ERROR, "any")], [7, 2]),
        ([(Field.USER, "!user-*")], [4, 3]),
        ([(Field.USER, "user-1"), (Field.USER, "!user-1")], []),
        (
            [(Field.PRINCIPAL, "arn:aws:iam::111111111111:user/user-1"), (Field.REGION, "eu-central-1")],
            [10, 7, 1],
        ),
        ([(Field.ACCESS_KEY, "AKIA0000000000000005")], [5]),
        ([(Field.SOURCE_IP, "*.amazonaws.com")], [2]),
        ([(Field.ACCOUNT, "333333333333")], [11]),
        ([(Field.REGION, "!eu-central-1")], [11]),
        ([(Field.RESOURCE, "arn:aws:s3:::bucket-x/key")], [9]),
        ([(Field.RESOURCE, "bucket-x/*")], [9]),
        ([(Field.RESOURCE, "bucket-11")], [11]),
        ([(Field.EVENT_ID, RECORDS[3]["eventID"])], [3]),
        ([(Field.TEXT, "BUCKET-9")], [9]),
        ([(Field.TEXT, "no such text")], []),
        ([(Field.TEXT, "Bucket?9*")], [9]),
        ([(Field.TEXT, "ÜnïCODE")], [10]),
        ([(Field.RESOURCE, "BUCKET-X/*")], [9]),
    ],
)
def test_a_filter_finds_what_it_says(
    lake: Lake, filters: list[tuple[Field, str]], numbers: list[int]
) -> None:
    """Alternatives in one field, all fields together, negation and wildcards; values are never SQL."""
    asked = Search(filters=tuple(parse_filter(field, value) for field, value in filters))
    assert found(lake, asked) == ids(*numbers)


def test_a_call_not_known_to_read_counts_as_a_write(lake: Lake) -> None:
    """A record without readOnly is among the writes, so that none hides."""
    reads, writes = (found(lake, Search(read_only=wanted)) for wanted in (True, False))
    assert set(reads) == {one["eventID"] for one in RECORDS if one.get("readOnly") is True}
    assert set(writes) == {one["eventID"] for one in RECORDS} - set(reads)


def test_the_time_range_is_half_open_and_newest_first(lake: Lake) -> None:
    """The beginning belongs to the range, its end does not."""
    step = timedelta(minutes=7)
    assert found(lake, Search(since=START + step, until=START + 4 * step)) == ids(3, 2, 1)


def test_events_without_a_time_are_found_without_a_range(lake: Lake) -> None:
    """They come last, and never in a range that they may not belong to."""
    assert found(lake, Search())[-1:] == ids(6)
    assert ids(6)[0] not in found(lake, Search(since=datetime(2000, 1, 1, tzinfo=UTC)))


def test_the_limit_counts_rows(lake: Lake) -> None:
    """The newest rows win."""
    assert found(lake, Search(limit=2)) == ids(11, 10)


def oracle(one: Filter, body: dict[str, Any]) -> bool:
    """Decide a filter on an original record, in plain Python."""
    identity = body.get("userIdentity") or {}
    values = {
        Field.EVENT_NAME: [body.get("eventName")],
        Field.REGION: [body.get("awsRegion")],
        Field.SOURCE_IP: [body.get("sourceIPAddress")],
        Field.USER: [identity.get("userName")],
        Field.ACCESS_KEY: [identity.get("accessKeyId")],
    }[one.field]
    pattern = one.value.replace("[", "[[]")
    return any(value is not None and fnmatch.fnmatchcase(value, pattern) for value in values) != one.negated


values = st.sampled_from(
    [
        "ListBuckets",
        "*Bucket",
        "user-?",
        "user-1",
        "eu-*",
        "us-east-1",
        "AKIA*5",
        "198.51.100.*",
        "*",
        "?",
        "%",
        "_",
    ]
)
fields = st.sampled_from([Field.EVENT_NAME, Field.REGION, Field.SOURCE_IP, Field.USER, Field.ACCESS_KEY])
filters = st.builds(Filter, field=fields, value=values, negated=st.booleans())


@settings(max_examples=60, deadline=None)
@given(asked=st.lists(filters, max_size=4))
def test_random_filters_find_what_a_plain_scan_finds(lake: Lake, asked: list[Filter]) -> None:
    """The query and a naive oracle agree."""
    expected = set()
    for body in RECORDS:
        alternatives = {one.field for one in asked if not one.negated}
        if all(
            any(oracle(one, body) for one in asked if one.field is field and not one.negated)
            for field in alternatives
        ) and all(oracle(one, body) for one in asked if one.negated):
            expected.add(body["eventID"])
    assert set(found(lake, Search(filters=tuple(asked)))) == expected


@pytest.mark.parametrize("text", ["", "!"])
def test_an_empty_value_is_refused(text: str) -> None:
    """Leaving an option out is the way to match everything."""
    with pytest.raises(UsageError, match="--user: expected a value"):
        parse_filter(Field.USER, text)


COVERED = (START, START + timedelta(days=10))


@pytest.mark.parametrize(
    ("since", "until", "parts"),
    [
        (None, None, []),
        (1, 2, []),
        (-2, 2, [(-2, 0)]),
        (2, 12, [(10, 12)]),
        (-2, 12, [(-2, 0), (10, 12)]),
        (-3, -1, [(-3, -1)]),
        (11, 12, [(11, 12)]),
        (-2, None, [(-2, 0)]),
    ],
)
def test_what_the_lake_does_not_cover_is_said(
    since: int | None, until: int | None, parts: list[tuple[int, int]]
) -> None:
    """The asked range before the oldest and after the newest event is uncovered."""
    days = [None if day is None else START + timedelta(days=day) for day in (since, until)]
    expected = [(START + timedelta(days=one), START + timedelta(days=other)) for one, other in parts]
    assert uncovered(Search(since=days[0], until=days[1]), COVERED) == expected


def test_the_query_is_one_select_for_every_dialect() -> None:
    """The same tree reads as DuckDB, Trino (Athena) and Spark SQL."""
    asked = Search(filters=(parse_filter(Field.USER, "a*"),), since=START, limit=3)
    texts = {dialect: to_query(asked, ["event_id"]).sql(dialect) for dialect in ("duckdb", "trino", "spark")}
    assert all(text.startswith("SELECT event_id FROM events WHERE") for text in texts.values())
