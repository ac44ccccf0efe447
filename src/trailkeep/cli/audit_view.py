"""How an audit looks: a table, a JSON body, rows of CSV, and what is said beside them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from trailkeep.core.times import format_moment
from trailkeep.guard.control import Outcome
from trailkeep.guard.controls import Audit, Result

__all__ = ["COLUMNS", "body", "remarks", "rows", "table"]

COLUMNS = ("verdict", "severity", "control", "resource", "message", "remedy", "mappings", "muted")
_SHOWN = (Outcome.FAIL, Outcome.UNKNOWN)


def body(audit: Audit) -> dict[str, Any]:
    """Return the JSON body of ``audit``."""
    counts = Counter(_verdict(result) for result in audit.results)
    names = [*(outcome.value for outcome in Outcome), "MUTED"]
    return {
        "verdict": {"kind": audit.verdict.kind, "reason": audit.verdict.reason},
        "as_of": format_moment(audit.as_of),
        "framework": audit.framework.key if audit.framework else None,
        "counts": {name: counts[name] for name in names},
        "controls": [_control(result) for result in audit.results],
    }


def rows(audit: Audit) -> Iterator[dict[str, Any]]:
    """Yield a row of CSV per control."""
    for result in audit.results:
        yield {
            "verdict": _verdict(result),
            "severity": result.control.severity.value,
            "control": result.control.id,
            "resource": result.answer.resource,
            "message": result.message,
            "remedy": result.remedy if result.answer.outcome is Outcome.FAIL else "",
            "mappings": " ".join(f"{one.framework}:{one.requirement}" for one in result.mappings),
            "muted": f"until {result.muted.expires}: {result.muted.reason}" if result.muted else "",
        }


def table(audit: Audit) -> Iterator[dict[str, Any]]:
    """Yield a row per control for a terminal, what is wrong first."""
    order = [Outcome.FAIL, Outcome.UNKNOWN, Outcome.PASS, Outcome.NOT_APPLICABLE]
    for result in sorted(
        audit.results, key=lambda one: (order.index(one.answer.outcome), -one.control.severity.rank)
    ):
        yield {
            "verdict": _verdict(result),
            "severity": result.control.severity.value,
            "control": result.control.id,
            "answer": result.answer.reason,
        }


def remarks(audit: Audit) -> Iterator[str]:
    """Yield what is wrong or not known, the worst first, the mutes, the counts and the outcome."""
    for outcome in _SHOWN:
        found = [one for one in audit.results if one.answer.outcome is outcome and one.counts]
        for result in sorted(found, key=lambda one: -one.control.severity.rank):
            action = result.control.action
            by = f" (plan: {action})" if outcome is Outcome.FAIL and action else ""
            yield f"{outcome}: {result.control.severity}: {result.control.id}: {result.message}{by}"
    for result in audit.results:
        if result.muted:
            yield f"muted until {result.muted.expires}: {result.control.id}: {result.muted.reason}"
    counts = Counter(_verdict(result) for result in audit.results)
    yield ", ".join(f"{count} {verdict}" for verdict, count in sorted(counts.items()))
    yield f"outcome: {audit.verdict.kind}"


def _verdict(result: Result) -> str:
    return "MUTED" if result.muted else result.answer.outcome.value


def _control(result: Result) -> dict[str, Any]:
    mute = result.muted or result.expired
    return {
        "id": result.control.id,
        "verdict": result.answer.outcome.value,
        "severity": result.control.severity.value,
        "question": result.control.question,
        "resource": result.answer.resource,
        "message": result.message,
        "reason": result.answer.reason,
        "remedy": result.control.remedy,
        "action": result.control.action or None,
        "mappings": [{"framework": one.framework, "requirement": one.requirement} for one in result.mappings],
        "mute": {"reason": mute.reason, "expires": mute.expires, "in_force": result.muted is not None}
        if mute
        else None,
    }
