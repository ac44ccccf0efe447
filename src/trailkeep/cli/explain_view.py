"""How explained policies look: text with the statements to paste, and the JSON body."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from trailkeep.cli.output import plain
from trailkeep.core.verdict import worst
from trailkeep.guard.explain import Explained
from trailkeep.guard.live import Absence
from trailkeep.guard.preflight import Answer, Asked

__all__ = ["body", "lines", "summary"]

_MARKS = {Answer.ALLOWED: "+", Answer.REFUSED: "-", Answer.UNDECIDED: "?"}


def body(explained: Sequence[Explained], absences: Sequence[Absence] = ()) -> dict[str, Any]:
    """Return the JSON body: what every document says, each entry with the file it is about."""
    verdict = worst(each.verdict for each in explained)
    return {
        "documents": [
            {"file": each.file, "kind": each.kind, "verdict": _verdict(each.verdict)} for each in explained
        ],
        "requests": [
            {"file": each.file, **msgspec.to_builtins(asked)} for each in explained for asked in each.requests
        ],
        "findings": [
            {"file": each.file, **msgspec.to_builtins(found)} for each in explained for found in each.findings
        ],
        "absences": msgspec.to_builtins(absences),
        "verdict": _verdict(verdict),
    }


def summary(explained: Sequence[Explained]) -> str:
    """Return the outcome in one sentence."""
    verdict = worst(each.verdict for each in explained)
    if verdict.reason:
        return f"{verdict.kind}: {verdict.reason}"
    if any(each.requests for each in explained):
        return "PASS: CloudTrail would accept it, and nothing was found"
    return "PASS: nothing was found"


def lines(explained: Sequence[Explained], absences: Sequence[Absence] = ()) -> Iterator[str]:
    """Yield the lines of the human form."""
    for each in explained:
        yield plain(f"{each.file}: {each.kind or 'no policy'}")
        if each.missing:
            yield plain(f"- {each.missing}")
        if each.unread:
            yield plain(f"? {each.unread}")
        for asked in each.requests:
            yield from _asked(asked)
        for found in each.findings:
            where = f" in statement {found.statement!r}" if found.statement else ""
            yield plain(f"! {found.kind}{where}")
            yield plain(f"    {found.message}")
            yield plain(f"    {found.remedy}")
    for absence in absences:
        yield plain(f"no {absence.kind}: {absence.reason}")


def _asked(asked: Asked) -> Iterator[str]:
    yield plain(f"{_MARKS[asked.decision]} {asked.action} on {asked.resource}: {asked.decision}")
    yield plain(f"    {asked.reason}")
    if asked.missing is not None:
        yield "    add this statement:"
        for line in json.dumps(asked.missing, indent=2, ensure_ascii=False).splitlines():
            yield plain(f"    {line}")


def _verdict(verdict: Any) -> dict[str, str]:
    return {"kind": verdict.kind.value, "reason": verdict.reason}
