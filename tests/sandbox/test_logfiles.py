"""Log files are made from events as CloudTrail makes them, and a seed decides all of it."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from trailkeep.core.errors import UsageError
from trailkeep.core.layout import Family, LogKey, format_key, parse_key
from trailkeep.sandbox.delivery import write_layout
from trailkeep.sandbox.events import Activity
from trailkeep.sandbox.logfiles import Habits, LogFile, build_log_files

BEGIN = datetime(2026, 3, 1, 10, tzinfo=UTC)
TIDY = Habits(duplicate_rate=0, late_rate=0)
UNTIDY = Habits(seed=7, duplicate_rate=0.1, late_rate=0.2, file_limit_bytes=2_000)


def _some_activities(count: int = 600, *, every_s: int = 10) -> list[Activity]:
    places = [
        ("111111111111", "eu-central-1"),
        ("333333333333", "eu-central-1"),
        ("333333333333", "us-east-1"),
    ]
    activities = []
    for number in range(count):
        account_id, region = places[number % 3]
        occurred_at = BEGIN + timedelta(seconds=number * every_s)
        record = {
            "eventVersion": "1.11",
            "eventTime": f"{occurred_at:%Y-%m-%dT%H:%M:%SZ}",
            "eventID": f"e{number}",
        }
        activities.append(
            Activity(
                account_id=account_id,
                region=region,
                occurred_at=occurred_at,
                record=json.dumps(record, separators=(",", ":")).encode(),
            )
        )
    return activities


def _events(file: LogFile) -> list[dict[str, str]]:
    records: list[dict[str, str]] = json.loads(gzip.decompress(file.body))["Records"]
    return records


def test_events_arrive_within_five_to_ten_minutes() -> None:
    """A file comes five to ten minutes after each of its events, at a minute that five divides."""
    for file in build_log_files(_some_activities(), TIDY):
        assert file.delivered_at.minute % 5 == 0
        for event in _events(file):
            age = file.delivered_at - datetime.fromisoformat(event["eventTime"])
            assert timedelta(minutes=5) < age <= timedelta(minutes=10)


def test_every_event_arrives_once_in_the_file_of_its_place() -> None:
    """Without duplicates each event is in exactly one file, of its own account and Region."""
    activities = _some_activities()
    place_of = {f"e{n}": (a.account_id, a.region) for n, a in enumerate(activities)}
    seen = [
        (event["eventID"], (file.account_id, file.region))
        for file in build_log_files(activities, TIDY)
        for event in _events(file)
    ]
    assert sorted(seen) == sorted(place_of.items())


def test_records_keep_their_bytes_and_lose_their_order() -> None:
    """A record is in the file byte for byte, and the records of a file are not in order of time."""
    activities = _some_activities(30, every_s=1)
    files = list(build_log_files(activities, TIDY))
    body = b"".join(gzip.decompress(file.body) for file in files)
    assert all(activity.record in body for activity in activities)
    times = [event["eventTime"] for event in _events(files[0])]
    assert times != sorted(times)


def test_a_file_is_one_gzip_member_without_a_time() -> None:
    """A file is a single gzip member whose header holds no time, so equal files are equal bytes."""
    for file in build_log_files(_some_activities(60), TIDY):
        assert file.body[:8] == b"\x1f\x8b\x08\x00\x00\x00\x00\x00"
        assert file.body.count(b"\x1f\x8b\x08\x00\x00\x00\x00\x00") == 1


def test_large_windows_are_split() -> None:
    """Near the size limit a window becomes several files, delivered in the same minute under different names."""
    files = list(build_log_files(_some_activities(300, every_s=1), replace(TIDY, file_limit_bytes=1_000)))
    sizes = [len(gzip.decompress(file.body)) for file in files]
    assert max(sizes) < 1_200
    minutes = Counter((file.account_id, file.region, file.delivered_at) for file in files)
    assert max(minutes.values()) > 1
    assert len({file.unique for file in files}) == len(files)


def test_duplicates_come_again_in_a_later_file() -> None:
    """A repeated event is the same bytes in a later file of the same place, and is counted as a duplicate."""
    files = list(build_log_files(_some_activities(), replace(UNTIDY, late_rate=0)))
    seen: dict[str, list[LogFile]] = {}
    for file in files:
        for event in _events(file):
            seen.setdefault(event["eventID"], []).append(file)
    repeated = [found for found in seen.values() if len(found) > 1]
    assert sum(file.duplicates for file in files) == len(repeated) > 20
    for first, again in repeated:
        assert (first.account_id, first.region) == (again.account_id, again.region)
        assert first.delivered_at < again.delivered_at
    assert len(seen) == 600 == sum(file.events for file in files)


def test_late_files_carry_the_minute_of_their_delivery() -> None:
    """A late file comes at least an hour after its window, under a key of that later time."""
    late = [file for file in build_log_files(_some_activities(), UNTIDY) if file.is_late]
    assert late
    for file in late:
        newest = max(datetime.fromisoformat(event["eventTime"]) for event in _events(file))
        assert file.delivered_at - newest > timedelta(hours=1)


def test_files_come_in_order_of_delivery() -> None:
    """Files are delivered in order of time, late ones among the others."""
    delivered = [file.delivered_at for file in build_log_files(_some_activities(), UNTIDY)]
    assert all(first <= second for first, second in pairwise(delivered))


def test_a_seed_decides_everything() -> None:
    """The same seed gives the same bytes; another seed gives other files."""
    first = list(build_log_files(_some_activities(), UNTIDY))
    assert first == list(build_log_files(_some_activities(), UNTIDY))
    assert first != list(build_log_files(_some_activities(), replace(UNTIDY, seed=8)))


def test_files_come_while_events_come() -> None:
    """Files are given out while the stream runs, so that memory does not grow with it."""
    taken = 0

    def stream() -> Iterator[Activity]:
        nonlocal taken
        for activity in _some_activities(3_000):
            taken += 1
            yield activity

    next(build_log_files(stream(), TIDY))
    assert taken < 100


def test_events_out_of_order_are_refused() -> None:
    """An event from before the open window is an error of the caller."""
    activities = _some_activities(100)
    with pytest.raises(UsageError, match="give activities in order of time"):
        list(build_log_files(reversed(activities), TIDY))


def test_a_local_folder_has_the_same_layout(tmp_path: Path) -> None:
    """Written to a folder, every file is below the key that CloudTrail would give it, and parses."""
    report = write_layout(
        tmp_path, _some_activities(), organization_id="o-exampleorgid", prefix="team/", habits=UNTIDY
    )
    keys = [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.json.gz")]
    for key in keys:
        parsed = parse_key(key)
        assert isinstance(parsed, LogKey)
        assert (parsed.prefix, parsed.organization_id, parsed.family) == (
            "team/",
            "o-exampleorgid",
            Family.EVENTS,
        )
        assert format_key(parsed) == key
    assert (report.objects, report.events, report.lost_events) == (len(keys), 600, 0)
    assert report.duplicates > 0
    assert report.late_objects > 0
