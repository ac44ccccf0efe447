"""How a plan looks: text in the manner of terraform, and the JSON body."""

from __future__ import annotations

import difflib
import json
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from trailkeep.cli.output import plain
from trailkeep.guard.changes import Action, Change
from trailkeep.guard.differences import DifferenceClass, classify
from trailkeep.guard.plan import Plan

__all__ = ["body", "lines", "summary"]


def body(plan: Plan) -> dict[str, Any]:
    """Return the JSON body of a plan."""
    builtins: dict[str, Any] = msgspec.to_builtins(plan)
    builtins["differences"] = msgspec.to_builtins(list(classify(plan)))
    return builtins


def summary(plan: Plan) -> str:
    """Return the plan in one sentence."""
    if not (plan.actions or plan.blocked or plan.unknown or plan.concerns or plan.waiting):
        if plan.kept:
            return f"nothing to change; {len(plan.kept)} left as it is, and not as the configuration asks"
        return "nothing to change: everything asked for is in force"
    destructive = sum(action.destructive for action in plan.actions)
    needed = plan.actions or plan.blocked or plan.unknown or plan.waiting
    parts = [
        (f"{len(plan.actions)} to do" if needed else "nothing to change")
        + (f" ({destructive} destructive)" if destructive else ""),
        f"{len(plan.waiting)} waiting for --arm" if plan.waiting else "",
        f"{len(plan.blocked)} blocked" if plan.blocked else "",
        f"{len(plan.unknown)} unknown" if plan.unknown else "",
        f"{len(plan.kept)} left as it is" if plan.kept else "",
    ]
    said = ", ".join(part for part in parts if part)
    return f"{said}; {_concerns(plan)}" if plan.concerns else said


def _concerns(plan: Plan) -> str:
    """Return how many concerns there are, each with what was observed."""
    count = len(plan.concerns)
    named = "; ".join(plain(f"{concern.subject}: {concern.observed}") for concern in plan.concerns)
    return f"{count} concern{'s' if count > 1 else ''} ({named})"


def _nobody(_action: str, _observed: str) -> str:
    return ""


def lines(plan: Plan, *, author: Callable[[str, str], str] = _nobody) -> Iterator[str]:
    """Yield the lines of the human form, ending with the fingerprint where there is something to do.

    ``author`` returns what is known of who made one drift, from an action's id, or from a concern's subject
    and what was observed.
    """
    for action in plan.actions:
        yield from _action(action)
        yield from _authored(author(action.id, ""))
    for waiting in plan.waiting:
        yield f"> {waiting.action.id}  {plain(waiting.action.target)}  waits"
        yield f"    {plain(waiting.reason)}"
        yield f"    it is needed: {plain(waiting.action.reason)}"
        yield from _authored(author(waiting.action.id, ""))
    for blocked in plan.blocked:
        yield f"! {blocked.action.id}  {plain(blocked.action.target)}  blocked"
        yield f"    because {plain(blocked.reason)}"
        way = f"add --allow {blocked.allow} to do it" if blocked.allow else "it is needed"
        yield f"    {way}: {plain(blocked.action.reason)}"
        yield from _authored(author(blocked.action.id, ""))
    for unknown in plan.unknown:
        yield f"? {unknown.call}  unknown"
        yield f"    {plain(unknown.error)}"
        yield f"    undecided: {plain(unknown.undecided)}"
    for kept in plan.kept:
        yield f"= {plain(kept.target)}  left as it is"
        yield f"    {plain(kept.reason)}" + (f"; --allow {kept.allow} changes it" if kept.allow else "")
    for concern in plan.concerns:
        yield f"* {plain(concern.subject)}  concern"
        yield f"    observed: {plain(concern.observed)}"
        yield from _authored(author(concern.subject, concern.observed))
        yield f"    {plain(concern.consequence)}"
        yield f"    remedy: {plain(concern.remedy)}"
    yield from _unguarded(plan)
    if classes := Counter(difference.kind for difference in classify(plan)):
        counted = (f"{classes[kind]} {kind}" for kind in DifferenceClass if classes[kind])
        yield f"differences: {', '.join(counted)}"
    if plan.actions:
        yield f"fingerprint {plan.fingerprint}"


def _authored(said: str) -> Iterator[str]:
    if said:
        yield f"    {said}"


def _unguarded(plan: Plan) -> Iterator[str]:
    """Yield what stays possible in the archive of one account, in full while there is something to decide."""
    if not plan.unguarded:
        return
    yield "only Object Lock and the bucket policy guard the archive of one account, no organization policy"
    if plan.actions or plan.waiting:
        yield from (f"  - {plain(limit)}" for limit in plan.unguarded)


def _action(action: Action) -> Iterator[str]:
    mark = "~" if any(change.before for change in action.changes) else "+"
    mark = "-" if type(action).__name__ == "DetachPolicy" else mark
    warning = "  DESTRUCTIVE" if action.destructive else ""
    yield f"{mark} {action.id}  {plain(action.target)}  in {action.account}{warning}"
    yield f"    because {plain(action.reason)}"
    for change in action.changes:
        yield from (f"    {line}" for line in _change(change))


def _change(change: Change) -> Iterator[str]:
    if not _is_document(change.after):
        before = f"{plain(change.before)} -> " if change.before else ""
        yield f"{change.field}: {before}{plain(change.after)}"
        return
    yield f"{change.field}:"
    for line in difflib.ndiff(_statements(change.before), _statements(change.after)):
        if not line.startswith("?"):
            yield f"  {plain(line)}"


def _is_document(text: str) -> bool:
    return text.startswith("{")


def _statements(text: str) -> list[str]:
    """Return a policy as one line per statement; a text that is no policy as it is."""
    try:
        return [json.dumps(statement) for statement in json.loads(text)["Statement"]]
    except (ValueError, KeyError, TypeError, RecursionError):
        return text.splitlines()
