"""Every broken, forged or odd log has its stated outcome in a whole collection, and none stops the run."""

from __future__ import annotations

from collections import Counter, defaultdict
from pathlib import Path

import pytest

from keep.torture import Case, cases
from logs import key, put, rows, take_in
from trailkeep.cli.main import build
from trailkeep.workflows.collect import Collected


@pytest.fixture(scope="module")
def tortured(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Case], Collected]:
    """One collection over all cases; returns the lake, the case of each object and what was done."""
    folder = tmp_path_factory.mktemp("torture")
    objects = {str(put(folder / "logs", key(number), case.data)): case for number, case in enumerate(cases())}
    return folder / "lake", objects, take_in(folder / "lake", folder / "logs")


def test_there_are_enough_cases() -> None:
    """The set holds what an adversary or a broken disk would try."""
    assert len({case.name for case in cases()}) == len(cases()) >= 30


def test_every_bad_file_is_named_with_its_kind(tortured: tuple[Path, dict[str, Case], Collected]) -> None:
    """Exactly the files that cannot be read are failed, each with the kind that its case states."""
    _, objects, result = tortured
    expected = {(name, case.fault) for name, case in objects.items() if case.fault}
    faults = {case.fault for case in objects.values()}
    found = {(one.object, one.kind) for one in result.findings if one.kind in faults}
    assert found == expected
    assert (result.failed, result.collected) == (len(expected), len(objects) - len(expected))


def test_every_note_is_said(tortured: tuple[Path, dict[str, Case], Collected]) -> None:
    """Oddities that lose nothing are findings too."""
    _, objects, result = tortured
    found: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for one in result.findings:
        if one.kind != "event.conflict" and not objects[one.object].fault:
            found[one.object][one.kind] += 1
    assert dict(found) == {name: Counter(case.notes) for name, case in objects.items() if case.notes}


def test_no_record_is_lost(tortured: tuple[Path, dict[str, Case], Collected]) -> None:
    """Every record of every readable file is in the lake, byte for byte, but for copies of an event."""
    lake, objects, result = tortured
    stored = Counter(row["record"] for row in rows(lake, "select record from events"))
    written = Counter(text.decode() for case in objects.values() for text in case.records)
    assert set(stored) == set(written)
    assert sum(written.values()) - sum(stored.values()) == result.duplicates
    assert result.read == sum(written.values())


def test_two_bodies_of_one_id_are_named(tortured: tuple[Path, dict[str, Case], Collected]) -> None:
    """The case with two bodies is a finding and both are kept."""
    _, objects, result = tortured
    names = {objects[one.object].name for one in result.findings if one.kind == "event.conflict"}
    assert "same eventID, two bodies" in names


def test_the_good_rest_is_answered(tortured: tuple[Path, dict[str, Case], Collected]) -> None:
    """The lake of all these logs can be searched."""
    lake, _, result = tortured
    assert rows(lake, "select count(*) n from events") == [{"n": result.added}]


def test_every_kept_event_can_be_shown_and_found(
    tortured: tuple[Path, dict[str, Case], Collected], capsys: pytest.CaptureFixture[str]
) -> None:
    """However deep or odd a record is, show gives it back, as text and as JSON."""
    lake, _, _ = tortured
    found = rows(lake, "select distinct event_id i, first(record) r from events where i <> '' group by all")
    for row in found:
        for arguments in (["show", row["i"]], ["show", row["i"], "--json"]):
            build()([*arguments, "--lake", str(lake)], standalone_mode=False)
        assert capsys.readouterr().out
    assert len(found) > 50
