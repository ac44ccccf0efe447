"""``collect``: every event once, nothing lost, what fails is named."""

from __future__ import annotations

import gzip
import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from logs import START, archive, key, originals, packed, put, record, rows, take_in
from trailkeep.aws.objects import open_source
from trailkeep.core.errors import LakeError, UsageError
from trailkeep.core.layout import Family
from trailkeep.core.verdict import VerdictKind
from trailkeep.lake.table import Lake, LakeLockedError
from trailkeep.workflows.collect import Collected, Severity, collect


def counts(result: Collected) -> tuple[int, int, int, int]:
    """Return collected, failed, added, duplicates."""
    return result.collected, result.failed, result.added, result.duplicates


def kinds(result: Collected) -> list[str]:
    """Return the kinds of all findings, sorted."""
    return sorted(finding.kind for finding in result.findings)


def test_collecting_twice_changes_nothing(tmp_path: Path) -> None:
    """A second run reads no object again."""
    source = archive(tmp_path / "logs", [[record(1), record(2)], [record(3)]])
    first = take_in(tmp_path / "lake", source)
    second = take_in(tmp_path / "lake", source)
    assert (first.new, *counts(first)) == (2, 2, 0, 3, 0)
    assert (second.listed, second.new, *counts(second)) == (2, 0, 0, 0, 0, 0)
    assert second.verdict.kind is VerdictKind.PASS


def test_the_originals_come_back(tmp_path: Path) -> None:
    """What was collected is given back byte for byte."""
    texts = ['{"eventID": "A",  "n": 1e400}', '{"eventID":"b","eventTime":"2026-01-01T00:00:00Z"}']
    body = ('{"Records": [' + ", ".join(texts) + "]}").encode()
    put(tmp_path / "logs", key(1), gzip.compress(body))
    take_in(tmp_path / "lake", tmp_path / "logs")
    assert originals(tmp_path / "lake") == sorted(texts)


def test_a_copy_is_counted_and_not_doubled(tmp_path: Path) -> None:
    """The same event in one file, in another file and in a later run is one event."""
    source = archive(tmp_path / "logs", [[record(1), record(1)], [record(1), record(2)]])
    first = take_in(tmp_path / "lake", source)
    archive(tmp_path / "late", [[record(2), record(3)]])
    second = take_in(tmp_path / "lake", tmp_path / "late")
    assert counts(first) == (2, 0, 2, 2)
    assert counts(second) == (1, 0, 1, 1)
    assert rows(tmp_path / "lake", "select count(*) n, count(distinct event_id) d from events") == [
        {"n": 3, "d": 3}
    ]


def test_an_event_id_is_compared_without_case(tmp_path: Path) -> None:
    """An upper-case copy of an id with the same body otherwise is another body, and a finding."""
    upper = record(1) | {"eventID": record(1)["eventID"].upper().replace("4000", "4ABC")}
    lower = upper | {"eventID": upper["eventID"].lower()}
    result = take_in(tmp_path / "lake", archive(tmp_path / "logs", [[upper], [lower]]))
    assert (counts(result), kinds(result)) == ((2, 0, 2, 0), ["event.conflict"])


@pytest.mark.parametrize("runs", [1, 2])
def test_the_same_id_with_another_body_stays_and_is_named(tmp_path: Path, runs: int) -> None:
    """Neither body is lost, whether they meet in one run or in two."""
    archive(tmp_path / "a", [[record(1)]])
    put(tmp_path / "b", key(9), packed([record(1, errorCode="AccessDenied")]))
    sources = [tmp_path / "a", tmp_path / "b"]
    results = (
        [take_in(tmp_path / "lake", *sources)]
        if runs == 1
        else [take_in(tmp_path / "lake", s) for s in sources]
    )
    assert kinds(results[-1]) == ["event.conflict"]
    assert results[-1].verdict.kind is VerdictKind.FAIL
    assert len(originals(tmp_path / "lake")) == 2


def test_the_same_body_written_differently_is_a_copy(tmp_path: Path) -> None:
    """Blanks and the order of fields do not make another event."""
    one = json.dumps(record(1))
    other = json.dumps(dict(reversed(record(1).items())), indent=1)
    for number, text in enumerate((one, other)):
        put(tmp_path / "logs", key(number), gzip.compress(f'{{"Records":[{text}]}}'.encode()))
    assert counts(take_in(tmp_path / "lake", tmp_path / "logs")) == (2, 0, 1, 1)


def test_large_numbers_are_not_confused(tmp_path: Path) -> None:
    """Two bodies that differ only beyond double precision are two bodies."""
    texts = [f'{{"eventID":"x","n":{number}}}' for number in (2**64 + 1, 2**64 + 2)]
    for number, text in enumerate(texts):
        put(tmp_path / "logs", key(number), gzip.compress(f'{{"Records":[{text}]}}'.encode()))
    result = take_in(tmp_path / "lake", tmp_path / "logs")
    assert (result.added, "event.conflict" in kinds(result)) == (2, True)


def test_events_without_an_id_all_stay(tmp_path: Path) -> None:
    """Records before version 1.01 have no eventID and cannot be told apart."""
    old = record(1, eventID=..., eventVersion="1.0")
    assert take_in(tmp_path / "lake", archive(tmp_path / "logs", [[old, old]])).added == 2


def test_a_bad_file_is_named_and_the_rest_goes_on(tmp_path: Path) -> None:
    """One truncated log among good ones is one finding; it is tried again on the next run."""
    source = archive(tmp_path / "logs", [[record(1)], [record(2)], [record(3)]])
    bad = put(source, key(1), packed([record(2)])[:-9])
    first = take_in(tmp_path / "lake", source)
    assert counts(first) == (2, 1, 2, 0)
    assert [(one.kind, one.object) for one in first.findings] == [("log.truncated", str(bad))]
    assert first.verdict.kind is VerdictKind.FAIL
    put(source, key(1), packed([record(2)]))
    second = take_in(tmp_path / "lake", source)
    assert (second.new, counts(second)) == (1, (1, 0, 1, 0))


def test_an_unreadable_file_is_named(tmp_path: Path) -> None:
    """A link to nothing is a finding, not a crash."""
    source = archive(tmp_path / "logs", [[record(1)]])
    (source / key(5)).symlink_to(tmp_path / "nowhere")
    result = take_in(tmp_path / "lake", source)
    assert (kinds(result), counts(result)) == (["object.unreadable"], (1, 1, 1, 0))


def test_a_log_in_the_wrong_folder_is_not_taken_in(tmp_path: Path) -> None:
    """Folders and file name must agree; the file can still be named itself."""
    wrong = key(1).replace("/01/02/", "/01/03/")
    path = put(tmp_path / "logs", wrong, packed([record(1)]))
    put(tmp_path / "logs", "README.txt", b"hello")
    result = take_in(tmp_path / "lake", tmp_path / "logs")
    assert (result.ignored, kinds(result)) == (2, ["key.foreign", "key.unparsable"])
    assert result.verdict.kind is VerdictKind.FAIL
    assert take_in(tmp_path / "lake", path).added == 1


def test_a_note_does_not_fail_the_run(tmp_path: Path) -> None:
    """A file that is no log at all is said, and changes nothing."""
    source = archive(tmp_path / "logs", [[record(1)]])
    put(source, "LICENSE", b"text")
    result = take_in(tmp_path / "lake", source)
    assert [finding.severity for finding in result.findings] == [Severity.NOTE]
    assert result.verdict.kind is VerdictKind.PASS


def test_nothing_to_collect_is_unknown(tmp_path: Path) -> None:
    """An empty source is never success."""
    (tmp_path / "logs").mkdir()
    assert take_in(tmp_path / "lake", tmp_path / "logs").verdict.kind is VerdictKind.UNKNOWN


def test_digests_are_ignored_without_a_word(tmp_path: Path) -> None:
    """Digests belong to the archive and are no logs."""
    source = archive(tmp_path / "logs", [[record(1)]])
    digest = (
        "AWSLogs/o-exampleorg1/111111111111/CloudTrail-Digest/eu-central-1/2026/01/02/"
        "111111111111_CloudTrail-Digest_eu-central-1_trail_eu-central-1_20260102T030405Z.json.gz"
    )
    put(source, digest, b"x")
    result = take_in(tmp_path / "lake", source)
    assert (result.ignored, result.findings) == (1, [])


@pytest.mark.parametrize("family", [Family.INSIGHTS, Family.NETWORK_ACTIVITY, Family.AGGREGATED])
def test_every_family_of_logs_is_collected(tmp_path: Path, family: Family) -> None:
    """Insights, network activity and aggregated records are not lost."""
    put(tmp_path / "logs", key(1, family=family), packed([{"eventVersion": "1.0", "eventId": "a", "x": 1}]))
    take_in(tmp_path / "lake", tmp_path / "logs")
    assert len(originals(tmp_path / "lake")) == 1


def test_an_unzipped_log_keeps_its_place(tmp_path: Path) -> None:
    """A log that somebody has unzipped is collected with the account and region of its key."""
    body = json.dumps({"Records": [record(1)]}).encode()
    put(tmp_path / "logs", key(1).removesuffix(".gz"), body)
    take_in(tmp_path / "lake", tmp_path / "logs")
    assert rows(tmp_path / "lake", "select source_account_id a from events") == [{"a": "111111111111"}]


def test_a_folder_inside_the_layout_is_enough(tmp_path: Path) -> None:
    """A source may be one account or one day of the layout."""
    source = archive(tmp_path / "logs", [[record(1)]])
    assert take_in(tmp_path / "lake", (source / key(0)).parent).added == 1


def test_overlapping_sources_are_read_once(tmp_path: Path) -> None:
    """The same object reached through two sources is one object."""
    source = archive(tmp_path / "logs", [[record(1)]])
    result = take_in(tmp_path / "lake", source, source / key(0))
    assert (result.listed, *counts(result)) == (1, 1, 0, 1, 0)


def test_a_changed_object_is_read_again(tmp_path: Path) -> None:
    """An object with another version is new; what it changed is a finding."""
    source = archive(tmp_path / "logs", [[record(1), record(2)]])
    take_in(tmp_path / "lake", source)
    put(source, key(0), packed([record(1, errorCode="forged"), record(2)]))
    result = take_in(tmp_path / "lake", source)
    assert (result.new, result.added, result.duplicates, kinds(result)) == (
        1,
        1,
        1,
        ["event.conflict", "object.changed"],
    )


def test_a_file_that_was_only_touched_has_not_changed(tmp_path: Path) -> None:
    """The same content under a new version is a copy, and no finding, also for events without an id."""
    source = archive(tmp_path / "logs", [[record(1), record(2, eventID=...)]])
    take_in(tmp_path / "lake", source)
    os.utime(source / key(0), (1, 1))
    put(source, key(5), (source / key(0)).read_bytes())
    result = take_in(tmp_path / "lake", source)
    assert (result.new, result.added, result.duplicates) == (2, 0, 4)
    assert kinds(result) == ["record.no_event_id"] * 2
    assert len(originals(tmp_path / "lake")) == 2


def test_a_linked_folder_is_followed_once(tmp_path: Path) -> None:
    """Links to folders are followed, and one that leads back ends nothing and doubles nothing."""
    archive(tmp_path / "elsewhere", [[record(1)]])
    source = archive(tmp_path / "logs", [[record(2)]])
    (source / "linked").symlink_to(tmp_path / "elsewhere")
    (source / "back").symlink_to(source)
    assert take_in(tmp_path / "lake", source).added == 2


@pytest.mark.timeout(60)
def test_a_pipe_among_the_logs_is_named(tmp_path: Path) -> None:
    """What is no regular file is a finding and does not hang the run."""
    source = archive(tmp_path / "logs", [[record(1)]])
    os.mkfifo(source / key(7))
    result = take_in(tmp_path / "lake", source)
    assert (kinds(result), result.added) == (["object.unreadable"], 1)


def test_a_log_of_countless_records_is_refused(tmp_path: Path) -> None:
    """A small object that would become millions of rows is a finding; the rest goes on."""
    source = archive(tmp_path / "logs", [[record(1)]])
    body = b'{"Records":[' + b",".join([b"{}"] * 600_000) + b"]}"
    put(source, key(7), gzip.compress(body))
    result = take_in(tmp_path / "lake", source)
    assert (kinds(result), result.added, result.failed) == (["log.too_large"], 1, 1)


@pytest.mark.timeout(60)
def test_many_bodies_of_one_id_are_compared_in_linear_time(tmp_path: Path) -> None:
    """Thousands of bodies under one id end in seconds, all kept."""
    bodies = [record(1, requestID=f"r{number}") for number in range(5_000)]
    result = take_in(tmp_path / "lake", archive(tmp_path / "logs", [bodies, bodies]))
    assert (result.added, result.duplicates) == (5_000, 5_000)


def test_only_one_run_writes_at_a_time(tmp_path: Path) -> None:
    """A second writer is refused with the way out."""
    lake = Lake(path=tmp_path / "lake")
    source = archive(tmp_path / "logs", [[record(1)]])
    with lake.writing(), pytest.raises(LakeLockedError, match="wait for it to end"):
        collect([open_source(str(source))], lake)


def test_a_source_that_is_not_there_is_refused() -> None:
    """The message names what may be given."""
    with pytest.raises(UsageError, match="expected s3://bucket/prefix, a folder or a file"):
        open_source("nowhere")


def test_a_folder_that_is_no_lake_is_refused(tmp_path: Path) -> None:
    """A damaged catalog is a clear error, never an empty answer."""
    (tmp_path / "lake").mkdir()
    (tmp_path / "lake" / "catalog.db").write_bytes(b"not a database, but long enough to be read as one" * 9)
    with pytest.raises(LakeError, match="expected a lake, got"):
        take_in(tmp_path / "lake", archive(tmp_path / "logs", [[record(1)]]))


events = st.integers(0, 12).map(record)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(logs=st.lists(st.lists(events, max_size=5), min_size=1, max_size=6), cut=st.integers(0, 6))
def test_any_split_over_runs_gives_the_same_events(
    tmp_path_factory: pytest.TempPathFactory, logs: list[list[dict[str, Any]]], cut: int
) -> None:
    """Every event once, however the objects are split over two runs."""
    folder = tmp_path_factory.mktemp("split")
    files = [put(folder / "logs", key(number), packed(records)) for number, records in enumerate(logs)]
    results = [take_in(folder / "lake", *part) for part in (files[:cut], files[cut:]) if part]
    expected = {one["eventID"] for records in logs for one in records}
    found = Counter(row["event_id"] for row in rows(folder / "lake", "select event_id from events"))
    assert found == Counter(expected)
    assert sum(one.added + one.duplicates for one in results) == sum(map(len, logs))


def test_files_are_partitioned_by_event_day(tmp_path: Path) -> None:
    """Late events go to the day they happened, events without a time to a partition of their own."""
    late = record(1, eventTime="2025-12-24T00:00:00Z")
    timeless = record(2, eventTime=...)
    take_in(tmp_path / "lake", archive(tmp_path / "logs", [[record(0), late, timeless]]))
    days = sorted(path.name for path in Lake(path=tmp_path / "lake").data.iterdir())
    assert days == ["event_day=2025-12-24", f"event_day={START:%Y-%m-%d}", "event_day=null"]
