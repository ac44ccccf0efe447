"""The torture set on the parser alone."""

from __future__ import annotations

import pytest

from keep.torture import Case, cases
from trailkeep.keep.inflate import LogFileError, inflate
from trailkeep.keep.records import ParsedLog, Source, original, parse_log
from trailkeep.keep.schema import EVENTS

SOURCE = Source(object="x.json.gz", version="", account_id="", region="", delivered_at=None)
REFUSED = [case for case in cases() if case.fault]
KEPT = [case for case in cases() if not case.fault]


def _name(case: Case) -> str:
    return case.name[:60]


def _parse(case: Case) -> ParsedLog:
    return parse_log(inflate(case.data), SOURCE)


def test_set() -> None:
    """The torture set has at least forty cases, each with a name and events of its own."""
    assert len(cases()) >= 40
    assert len({case.name for case in cases()}) == len(cases())


@pytest.mark.parametrize("case", REFUSED, ids=_name)
def test_refused(case: Case) -> None:
    """A log that is broken or forged as a whole is refused, with its stated kind and a full message."""
    with pytest.raises(LogFileError) as caught:
        _parse(case)
    assert caught.value.kind == case.fault
    assert "expected" in caught.value.message
    assert ", got " in caught.value.message
    assert "; " in caught.value.message


@pytest.mark.parametrize("case", KEPT, ids=_name)
def test_kept(case: Case) -> None:
    """An odd record is kept byte for byte, named by its notes, and fills the columns that it fits."""
    log = _parse(case)
    assert tuple(original(log.table)) == case.records
    assert log.events == log.table.num_rows == len(case.records)
    assert tuple(note.kind for note in log.notes) == case.notes
    assert log.table.schema.equals(EVENTS)
    log.table.validate(full=True)
    row = log.table.slice(0, 1).to_pylist()[0] if log.events else {}
    assert {name: row[name] for name in case.columns} == dict(case.columns)
