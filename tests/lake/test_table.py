"""The lake: an Iceberg table that is read without pyiceberg and shared with other engines."""

from __future__ import annotations

import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from logs import START, archive, originals, record, rows, take_in
from trailkeep.core.errors import LakeError, UsageError
from trailkeep.lake.ledger import read_segments
from trailkeep.lake.table import Lake


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """A lake of two runs."""
    for number in (1, 2):
        source = archive(tmp_path / f"logs-{number}", [[record(number), record(number + 400)]])
        take_in(tmp_path / "lake", source)
    return Lake(path=tmp_path / "lake")


def test_another_engine_reads_the_same_rows(lake: Lake) -> None:
    """Pyiceberg's own scan of the table equals ours."""
    table = lake.iceberg()
    assert sorted(table.scan().to_arrow()["record"].to_pylist()) == originals(lake.path)
    assert [field.name for field in table.spec().fields] == ["event_day"]


def add_rows(lake: Lake) -> int:
    """Commit a copy of one of the files as another engine would, and return its number of rows."""
    file = lake.current().files[0]
    copy = shutil.copy(lake.path / file.path, lake.data / "other.parquet")
    lake.iceberg().add_files([str(Path(copy).absolute())])
    return file.rows


def test_rows_that_another_engine_added_are_seen(lake: Lake) -> None:
    """A snapshot that is not ours is planned anew instead of trusting our list of files."""
    added = add_rows(lake)
    assert len(originals(lake.path)) == 4 + added
    assert lake.current().covered == (START + timedelta(minutes=7), START + timedelta(minutes=14))


def test_collecting_goes_on_after_another_engine(lake: Lake, tmp_path: Path) -> None:
    """The ledger still holds, and both engines' rows are there."""
    added = add_rows(lake)
    again = take_in(lake.path, tmp_path / "logs-1")
    more = take_in(lake.path, archive(tmp_path / "logs-3", [[record(9)]]))
    assert (again.new, more.added, len(originals(lake.path))) == (0, 1, 5 + added)


def test_every_object_is_in_the_ledger(lake: Lake) -> None:
    """The ledger names each source object with its counts."""
    parts = [lake.path / part.path for part in lake.current().ledger]
    ledger = read_segments(parts).to_pylist()
    assert [(row["events"], row["added"], row["duplicates"], row["findings"]) for row in ledger] == [
        (2, 2, 0, "[]"),
        (2, 2, 0, "[]"),
    ]


def test_a_time_that_its_delivery_contradicts_covers_nothing(tmp_path: Path) -> None:
    """An event dated years before or after its log was delivered does not stretch what the lake covers."""
    odd = [record(3, eventTime="9999-12-31T23:59:59Z"), record(4, eventTime="0001-01-01T00:00:00Z")]
    take_in(tmp_path / "lake", archive(tmp_path / "logs", [[record(1), *odd]]))
    moment = START + timedelta(minutes=7)
    assert Lake(path=tmp_path / "lake").current().covered == (moment, moment)
    assert len(originals(tmp_path / "lake")) == 3


@pytest.mark.parametrize("name", ["my lake", "L[a]*?", "100%41", "it's #1 & ü", "a;b"])
def test_a_lake_may_have_any_name(tmp_path: Path, name: str) -> None:
    """Blanks, quotes, wildcards and percent signs in the path break nothing, and make no second folder."""
    source = archive(tmp_path / "logs", [[record(1)], [record(2)]])
    first, again = (take_in(tmp_path / name, source) for _ in range(2))
    more = take_in(tmp_path / name, archive(tmp_path / "late", [[record(2), record(3)]]))
    assert (first.added, again.new, more.added, more.duplicates) == (2, 0, 1, 1)
    assert len(originals(tmp_path / name)) == 3
    assert {path.name for path in tmp_path.iterdir()} == {"logs", "late", name}
    assert Lake(path=tmp_path / name).iceberg().scan().to_arrow().num_rows == 3


def test_a_lake_behind_a_link_is_the_same_lake(lake: Lake, tmp_path: Path) -> None:
    """A link to the folder reads and writes the lake itself."""
    (tmp_path / "link").symlink_to(lake.path)
    assert take_in(tmp_path / "link", archive(tmp_path / "logs-9", [[record(9)]])).added == 1
    assert len(originals(lake.path)) == 5


def test_a_question_about_a_day_opens_only_its_files(lake: Lake) -> None:
    """Files are chosen by their time range before the engine starts."""
    state = lake.current()
    day = datetime(2026, 1, 2, tzinfo=UTC)
    assert len(state.files) == 4
    assert len(state.between(day, day + timedelta(days=1))) == 2
    assert state.between(None, day) == ()


def test_reading_needs_no_slow_import(lake: Lake) -> None:
    """A question imports neither pyiceberg nor SQLAlchemy nor boto3."""
    code = (
        "import sys; from trailkeep.cli.main import build; build()(sys.argv[1:], standalone_mode=False);"
        "sys.exit(bool({'pyiceberg', 'sqlalchemy', 'boto3', 'moto'} & set(sys.modules)))"
    )
    command = [sys.executable, "-c", code, "search", "--lake", str(lake.path), "--json"]
    subprocess.run(command, check=True, capture_output=True)


def test_a_moved_lake_still_answers(lake: Lake, tmp_path: Path) -> None:
    """Reading follows paths relative to the folder; collecting is refused with the way out."""
    before = originals(lake.path)
    shutil.move(lake.path, tmp_path / "elsewhere")
    assert originals(tmp_path / "elsewhere") == before
    with pytest.raises(LakeError, match=f"got a copy of {lake.path}; it can be searched here"):
        take_in(tmp_path / "elsewhere", archive(tmp_path / "logs-9", [[record(9)]]))
    assert originals(tmp_path / "elsewhere") == before


def test_without_a_lake_there_is_no_answer(tmp_path: Path) -> None:
    """A missing lake is wrong usage, never an empty answer."""
    with pytest.raises(UsageError, match="run 'trailkeep collect SOURCE"):
        rows(tmp_path / "nothing", "select 1")


def test_a_missing_state_file_is_damage(lake: Lake) -> None:
    """A lake without its state file does not pretend to be empty."""
    for file in (lake.path / "state").iterdir():
        file.unlink()
    with pytest.raises(LakeError, match="expected a lake, got"):
        lake.current()


def test_a_lake_that_cannot_be_made_says_why(tmp_path: Path) -> None:
    """A file in the way is a clear error."""
    (tmp_path / "lake").write_text("")
    with pytest.raises(LakeError, match="expected a writable folder"):
        take_in(tmp_path / "lake", archive(tmp_path / "logs", [[record(1)]]))
