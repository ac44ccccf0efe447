"""Real CloudTrail logs that others published are collected without loss."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from pathlib import Path

import pytest

from logs import rows, take_in
from trailkeep.core.verdict import VerdictKind


def canonical(value: object) -> str:
    """Return one text for every equal JSON value."""
    return json.dumps(value, sort_keys=True)


def test_the_invictus_logs_are_collected_whole(shared_data: Path, tmp_path: Path) -> None:
    """2,900 events from 55 objects, none failed; again, nothing is new."""
    source = shared_data / "invictus-aws-dataset"
    first = take_in(tmp_path / "lake", source)
    again = take_in(tmp_path / "lake", source)
    assert (first.collected, first.failed, first.added, first.duplicates) == (55, 0, 2900, 0)
    assert (again.new, again.added, again.verdict.kind) == (0, 0, VerdictKind.PASS)


def test_tries_to_stop_logging_stand_apart_from_successes(shared_data: Path, tmp_path: Path) -> None:
    """In the invictus logs every try failed; in the Stratus set one succeeded."""
    take_in(tmp_path / "lake", shared_data / "invictus-aws-dataset", stratus(shared_data))
    sql = "select error_code, count(*) n from events where event_name = 'StopLogging' group by all order by n"
    assert rows(tmp_path / "lake", sql) == [
        {"error_code": None, "n": 1},
        {"error_code": "TrailNotFoundException", "n": 3},
    ]


def stratus(shared_data: Path) -> Path:
    """Return the file of the Stratus set."""
    return shared_data / "stratus-red-team" / "records.json.gz"


def files(shared_data: Path) -> list[Path]:
    """Return every file of real logs."""
    found = [*sorted((shared_data / "shapes").glob("*.json.gz")), stratus(shared_data)]
    return [*found, *sorted((shared_data / "invictus-aws-dataset" / "AWSLogs").rglob("*.json.gz"))]


def test_every_original_comes_back(shared_data: Path, tmp_path: Path) -> None:
    """For every file the multiset of originals equals the input, as values and as slices of its text."""
    paths = files(shared_data)
    assert len(paths) >= 62
    result = take_in(tmp_path / "lake", *paths)
    assert (result.failed, result.duplicates) == (0, 0)
    stored: dict[str, list[str]] = {}
    for row in rows(tmp_path / "lake", "select source_object o, record r from events"):
        stored.setdefault(row["o"], []).append(row["r"])
    for path in paths:
        text = gzip.decompress(path.read_bytes()).decode()
        originals = stored[str(path.resolve())]
        assert all(original in text for original in originals)
        expected = Counter(canonical(one) for one in json.loads(text)["Records"])
        assert Counter(canonical(json.loads(one)) for one in originals) == expected


@pytest.mark.parametrize("count", [310])
def test_the_stratus_set_is_collected_whole(shared_data: Path, tmp_path: Path, count: int) -> None:
    """All events of the attack techniques are there, found by their ids."""
    take_in(tmp_path / "lake", stratus(shared_data))
    truth = json.loads((shared_data / "stratus-red-team" / "ground-truth.json").read_text())
    ids = set(_ids(truth))
    found = {row["event_id"] for row in rows(tmp_path / "lake", "select event_id from events")}
    assert len(found) == count
    assert ids <= found


def _ids(value: object) -> list[str]:
    """Return every eventID in the ground truth, however it is nested."""
    if isinstance(value, dict):
        return [one for item in value.values() for one in _ids(item)]
    if isinstance(value, list):
        return [one for item in value for one in _ids(item)]
    return [value] if isinstance(value, str) and len(value) == 36 and value.count("-") == 4 else []
