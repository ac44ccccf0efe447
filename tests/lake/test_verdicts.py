"""What verification found out is kept beside the lake, run merged with run."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pyarrow.parquet as pq
import pytest

from logs import archive, record, rows, take_in
from trailkeep.core.errors import LakeError
from trailkeep.keep.integrity import Kind, found
from trailkeep.keep.verification import DayState, ObjectVerdict, Standing
from trailkeep.lake.table import Lake, LakeLockedError
from trailkeep.lake.verdicts import Run, Verdicts, VerdictState
from verifications import CHECKED, DAY, WINDOW, checked, verified


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    """A lake of one event."""
    take_in(tmp_path / "lake", archive(tmp_path / "logs", [[record(1)]]))
    return tmp_path / "lake"


def standings(lake: Path) -> list[tuple[Any, ...]]:
    """Return every object with its version, standing and run."""
    sql = "select object, version, standing, run from objects order by object, version"
    return [tuple(row.values()) for row in rows(lake, sql)]


def test_nothing_is_known_before_the_first_run(lake: Path) -> None:
    """A lake that was never verified has no state and three empty tables with their columns."""
    assert Verdicts(lake=Lake(path=lake)).current() is None
    for table in ("objects", "digests", "findings"):
        assert rows(lake, f"select count(*) n from {table} where account = ''") == [{"n": 0}]  # noqa: S608


def test_a_run_replaces_the_versions_that_it_checked(lake: Path) -> None:
    """A row is replaced by object and version; every other row keeps its run and its age."""
    old = CHECKED - timedelta(days=9)
    verified(lake, [checked(object=name, version="1", checked_at=old) for name in ("a", "b")])
    state = verified(
        lake, [checked(object="b", version="1", standing=Standing.ALTERED), checked(object="b", version="2")]
    )
    assert standings(lake) == [("a", "1", "verified", 1), ("b", "1", "altered", 2), ("b", "2", "verified", 2)]
    assert (state.checked, state.reused, state.oldest_reused_at) == (2, 1, old)


def test_a_whole_run_forgets_what_is_gone_from_its_scope_only(lake: Path) -> None:
    """What a whole run did not see again is gone, but not what lies in another account or at another time."""
    ends = DAY + timedelta(hours=3)
    later = DAY + timedelta(days=40)
    verified(
        lake,
        [
            checked(object="gone", ends_at=ends),
            checked(object="kept-account", ends_at=ends, account="222222222222"),
            checked(object="kept-later", ends_at=later),
        ],
    )
    verified(lake, [checked(object="seen", ends_at=ends)], whole=True)
    assert [name for name, *_ in standings(lake)] == ["kept-account", "kept-later", "seen"]


def test_a_digest_says_which_chain_it_belongs_to(lake: Path) -> None:
    """The table digests names trail and home region, read from the key."""
    name = (
        "s3://logs/AWSLogs/o-exampleorg1/111111111111/CloudTrail-Digest/eu-central-1/2026/01/02/"
        "111111111111_CloudTrail-Digest_eu-central-1_main_us-east-1_20260102T040506Z.json.gz"
    )
    verified(lake, [checked(object=name, kind="digest"), checked(object="a")])
    sql = "select trail_name, home_region, hour(delivered_at) as hour from objects where kind = 'digest'"
    assert rows(lake, sql) == [{"trail_name": "main", "home_region": "us-east-1", "hour": 4}]
    assert rows(lake, "select object from digests") == [{"object": name}]


def test_findings_of_checked_objects_are_replaced(lake: Path) -> None:
    """A finding goes when its object is checked again without it, and stays otherwise."""
    bad = [found(Kind.LOG_HASH_MISMATCH, name, "log: expected another") for name in ("a", "b")]
    verified(
        lake,
        [checked(object="a", standing=Standing.ALTERED), checked(object="b", standing=Standing.ALTERED)],
        *bad,
    )
    verified(lake, [checked(object="a")])
    assert rows(lake, "select object, kind, run from findings") == [
        {"object": "b", "kind": "log.hash_mismatch", "run": 1}
    ]


@pytest.mark.parametrize(
    ("second", "expected"),
    [
        ({"proven": 24}, (24, 0)),
        ({"proven": 2, "pending": 1}, (12, 1)),
        ({"uncovered": 24}, (0, 0)),
    ],
)
def test_the_hours_of_a_day_are_joined(lake: Path, second: dict[str, int], expected: tuple[int, int]) -> None:
    """A run that saw the rest of a day adds to it; one that saw all of it replaces it."""
    verified(lake, [], hours={"proven": 10, "pending": 14})
    state = verified(lake, [], hours=second)
    import pyarrow.parquet as pq  # noqa: PLC0415 - beside the one use

    (row,) = pq.read_table(lake / state.coverage.path).to_pylist()
    assert (row["proven"], row["pending"]) == expected


def test_hours_of_every_state_are_kept(lake: Path) -> None:
    """No state of hours is lost: each has its column."""
    state = verified(lake, [], hours=dict.fromkeys(DayState, 1))
    [row] = pq.read_table(lake / state.coverage.path).to_pylist()
    assert sum(value for value in row.values() if isinstance(value, int)) == len(DayState) + state.run


class CrashError(Exception):
    """The process ended here."""


def crashing() -> Iterator[list[ObjectVerdict]]:
    """Yield one batch and end the process."""
    yield [checked(object="a", standing=Standing.ALTERED)]
    raise CrashError


def test_a_crash_leaves_the_former_state(lake: Path) -> None:
    """A run that ends in the middle changes nothing, and its leftovers are removed by the next."""
    before = verified(lake, [checked(object="a")])
    with pytest.raises(CrashError):
        Verdicts(lake=Lake(path=lake)).replace(crashing(), [], Run(window=WINDOW, ended_at=CHECKED))
    assert Verdicts(lake=Lake(path=lake)).current() == before
    assert standings(lake) == [("a", "", "verified", 1)]
    verified(lake, [checked(object="b")])
    leftovers = [path.name for path in (lake / "integrity").iterdir() if path.name.startswith("new-")]
    assert leftovers == []


def test_a_crash_before_the_pointer_leaves_the_former_state(lake: Path) -> None:
    """Segments that no pointer names are read by nobody and removed by the next run but one."""
    before = verified(lake, [checked(object="a")])
    pointer = lake / "integrity" / "current.json"
    named = pointer.read_bytes()
    verified(lake, [checked(object="a", standing=Standing.ALTERED)])
    pointer.write_bytes(named)
    assert Verdicts(lake=Lake(path=lake)).current() == before
    assert standings(lake) == [("a", "", "verified", 1)]
    verified(lake, [checked(object="b")])
    assert len(list((lake / "integrity").glob("objects-*"))) == 2


def test_a_damaged_pointer_is_an_error(lake: Path) -> None:
    """A pointer that cannot be read does not pretend that nothing was verified."""
    verified(lake, [checked(object="a")])
    (lake / "integrity" / "current.json").write_text("{}")
    with pytest.raises(LakeError, match="expected what was verified"):
        standings(lake)


def test_two_verifications_do_not_write_at_once(lake: Path) -> None:
    """The second of two runs is refused while the first one writes."""

    def second() -> Iterator[list[ObjectVerdict]]:
        verified(lake, [checked(object="b")])
        yield []

    with pytest.raises(LakeLockedError, match="expected to be its only writer"):
        Verdicts(lake=Lake(path=lake)).replace(second(), [], Run(window=WINDOW, ended_at=CHECKED))


def test_memory_does_not_grow_with_the_objects(lake: Path) -> None:
    """Ten times as many objects do not need twice the memory in this process."""

    def run(batches: int) -> int:
        tracemalloc.start()
        many = ([checked(object=f"{batch}-{one}") for one in range(1000)] for batch in range(batches))
        Verdicts(lake=Lake(path=lake)).replace(many, [], Run(window=WINDOW, ended_at=CHECKED, whole=True))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    few, many = run(2), run(20)
    assert many < 2 * few


def test_the_state_is_one_readable_document(lake: Path) -> None:
    """The pointer is JSON that names the segments relative to the lake."""
    state = verified(lake, [checked(object="a")])
    text = (lake / "integrity" / "current.json").read_bytes()
    assert msgspec.json.decode(text, type=VerdictState) == state
    assert state.objects.path.startswith("integrity/objects-")
