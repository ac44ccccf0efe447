"""The journal keeps what was begun, done and failed, through any crash."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from msgspec.structs import replace

from trailkeep.aws.journal import Entry, Journal, Outcome
from trailkeep.guard.changes import EnableTrustedAccess

ACTION = EnableTrustedAccess(id="trust.enable", target="t", account="111111111111", reason="", service="s")


def _journal(folder: Path) -> Journal:
    return Journal(folder / "new" / "journal.jsonl", now=lambda: datetime(2026, 1, 2, tzinfo=UTC))


def test_lines_are_appended(tmp_path: Path) -> None:
    """Each entry is one line, and a later process appends to what is there."""
    _journal(tmp_path).write("f1", ACTION, Outcome.BEGUN)
    _journal(tmp_path).write("f1", ACTION, Outcome.FAILED, error="why")
    assert (tmp_path / "new" / "journal.jsonl").read_text().splitlines()[1] == (
        '{"at":"2026-01-02T00:00:00Z","plan":"f1","action":"trust.enable","kind":"EnableTrustedAccess",'
        '"target":"t","account":"111111111111","outcome":"failed","error":"why"}'
    )
    assert [entry.outcome for entry in _journal(tmp_path).read()] == [Outcome.BEGUN, Outcome.FAILED]


def test_line_that_a_crash_cut_off(tmp_path: Path) -> None:
    """A last line without its end is left out, the ones before it are kept."""
    _journal(tmp_path).write("f1", ACTION, Outcome.DONE)
    with (tmp_path / "new" / "journal.jsonl").open("ab") as file:
        file.write(b'{"at":"2026')
    assert [type(entry) for entry in _journal(tmp_path).read()] == [Entry]


def test_no_journal_yet(tmp_path: Path) -> None:
    """Before the first apply the journal is empty."""
    assert _journal(tmp_path).read() == []


ARM, TRAIL = ("bucket.policy.arm", "logs"), "arn:aws:cloudtrail:eu-central-1:333333333333:trail/trailkeep"


@pytest.mark.parametrize(
    ("done", "armed"),
    [
        ([], False),
        ([("bucket.policy", "logs"), ("bucket.object_lock", "logs")], False),
        ([("bucket.create", "logs"), ("trail.create", TRAIL), ARM], True),
        ([ARM, ("bucket.policy", "logs"), ("trail.start", TRAIL)], True),
        ([("bucket.policy.arm", "others")], False),
        ([ARM, ("bucket.create", "logs")], False),
        ([ARM, ("trail.create", TRAIL)], False),
        ([ARM, ("trail.update", TRAIL)], False),
        ([ARM, ("trail.update", TRAIL), ARM], True),
        ([ARM, ("bucket.create", "others"), ("trail.create", f"{TRAIL}-2")], True),
    ],
)
def test_what_was_armed(tmp_path: Path, done: list[tuple[str, str]], *, armed: bool) -> None:
    """A bucket was armed where its policy was, for a trail that was neither made nor changed afterwards."""
    journal = _journal(tmp_path)
    for action, target in done:
        journal.write("f1", replace(ACTION, id=action, target=target), Outcome.DONE)
    assert journal.was_armed("logs", TRAIL) is armed


@pytest.mark.parametrize("outcome", [Outcome.BEGUN, Outcome.FAILED])
def test_arming_that_did_not_succeed_shows_nothing(tmp_path: Path, outcome: Outcome) -> None:
    """What was begun, or failed, did not arm anything."""
    _journal(tmp_path).write("f1", replace(ACTION, id=ARM[0], target=ARM[1]), outcome)
    assert not _journal(tmp_path).was_armed("logs", TRAIL)
