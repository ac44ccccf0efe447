"""What a trail records: event selectors, Insights, and whether its own deliveries are events.

1. What is recorded and not asked for stays, until ``drop-events`` is allowed: dropping events is weakening.
2. What is asked for and not recorded is added to what stays.
3. Selectors that nobody can read are left alone, as a concern.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from trailkeep.core.outside import read_json
from trailkeep.guard.blueprint import Blueprint
from trailkeep.guard.changes import Change, PutEventSelectors, PutInsightSelectors, StartLogging
from trailkeep.guard.decisions import Allowance, Blocked, Concern, Decision, Kept, unknown
from trailkeep.guard.estate import Absent, Trail, Unreadable
from trailkeep.guard.selector_words import category, words
from trailkeep.guard.selectors import ALL_MANAGEMENT, MAX_VALUES, Selector, read, uncovered, values, write

__all__ = ["before_start", "decide", "recursive_logging"]

_DROP = Allowance.DROP_EVENTS
_MANAGEMENT = "Management"
_WRITE_ONLY = (
    "only management events that write are recorded, as trail.management_events says: "
    "what only reads, such as looking around with stolen keys, leaves no trace"
)


def decide(
    blueprint: Blueprint, trail: Trail | Absent | Unreadable, allow: frozenset[Allowance]
) -> Iterator[Decision]:
    """Yield what is missing of, or beyond, what the trail is asked to record."""
    match trail:
        case Unreadable():
            return
        case Absent():
            yield from _new(blueprint)
        case Trail():
            yield from _events(blueprint, trail, allow)
            yield from _insights(blueprint, trail, allow)
            yield from _recursion(blueprint, trail, allow)
    if _leaves_reads_out(blueprint, trail, allow):
        yield Kept(target=blueprint.trail_arn, reason=_WRITE_ONLY, allow="")


def before_start(trail: Iterable[Decision], recording: Iterable[Decision]) -> list[Decision]:
    """Return the decisions of both, such that a trail is started only when it records what it shall."""
    decisions = [*trail]
    last = [one for one in decisions if isinstance(one, StartLogging)]
    return [*(one for one in decisions if one not in last), *recording, *last]


def recursive_logging(blueprint: Blueprint, trail: Trail, allow: frozenset[Allowance]) -> bool | None:
    """Return what recursive logging is to be changed to, None where it stays.

    Switching it off drops events where the trail records data events, so that has to be allowed.
    """
    if trail.recursive_logging in {None, blueprint.recursive_logging}:
        return None
    if not blueprint.recursive_logging and _DROP not in allow and _may_record_data(trail):
        return None
    return blueprint.recursive_logging


def _new(blueprint: Blueprint) -> Iterator[Decision]:
    """Yield what a new trail records beyond CloudTrail's default."""
    selectors = _wanted(blueprint)
    if blueprint.event_selectors:
        reason = "a new trail records all management events and nothing else"
        yield _put_events(blueprint, before=ALL_MANAGEMENT, after=selectors, reason=reason)
    if blueprint.insights:
        yield _put_insights(blueprint, before=(), after=_asked_insights(blueprint))


def _events(blueprint: Blueprint, trail: Trail, allow: frozenset[Allowance]) -> Iterator[Decision]:
    if isinstance(trail.event_selectors, Unreadable):
        yield unknown(trail.event_selectors, f"whether the trail {trail.name} records what it is asked to")
        return
    recorded = _recorded(trail)
    if recorded is None:
        yield _illegible(trail)
        return
    selectors = _wanted(blueprint)
    missing, beyond = uncovered(selectors, recorded), uncovered(recorded, selectors)
    if beyond and _DROP in allow:
        reason = f"it also records {words(beyond)}; allowed by '--allow {_DROP}'"
        yield _put_events(blueprint, before=recorded, after=selectors, reason=reason, destructive=True)
        return
    if beyond:
        yield Kept(target=trail.arn, reason=f"it also records {words(beyond)}", allow=_DROP)
    if missing:
        yield _extended(blueprint, recorded, (*selectors, *beyond), f"missing, or in part: {words(missing)}")


def _extended(
    blueprint: Blueprint, before: Sequence[Selector], after: Sequence[Selector], reason: str
) -> Decision:
    action = _put_events(blueprint, before=before, after=after, reason=reason)
    if (count := values(after)) <= MAX_VALUES:
        return action
    why = f"with what it records already that is {count} values, and CloudTrail takes {MAX_VALUES}"
    return Blocked(action=action, allow=_DROP, reason=why)


def _illegible(trail: Trail) -> Concern:
    absent = isinstance(trail.event_selectors, Absent)
    return Concern(
        subject=f"trail {trail.name}",
        observed="it has event selectors of its own, and "
        + ("what they select was not observed" if absent else "what was observed of them cannot be read"),
        consequence="events that no selector selects are not recorded",
        remedy="see 'aws cloudtrail get-event-selectors'; 'aws cloudtrail put-event-selectors' sets them",
    )


def _insights(blueprint: Blueprint, trail: Trail, allow: frozenset[Allowance]) -> Iterator[Decision]:
    """Yield Insights that is missing; what is on for data events stays on in the same call.

    Source: https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_InsightSelector.html
    """
    if isinstance(trail.insight_selectors, Unreadable):
        if blueprint.insights:
            yield unknown(trail.insight_selectors, f"which Insights the trail {trail.name} has")
        return
    found = _read_insights(trail.insight_selectors)
    if found is None:
        yield _unreadable_insights(trail)
        return
    asked = _asked_insights(blueprint)
    if beyond := tuple(sorted(set(found) - set(asked))):
        if _DROP in allow:
            yield _put_insights(blueprint, before=found, after=asked, destructive=True)
            return
        named = ", ".join(f"{kind} on {category} events" for kind, category in beyond)
        yield Kept(target=trail.arn, reason=f"Insights also analyzes {named}", allow=_DROP)
    if set(asked) - set(found):
        yield _put_insights(blueprint, before=found, after=tuple(sorted({*found, *asked})))


def _recursion(blueprint: Blueprint, trail: Trail, allow: frozenset[Allowance]) -> Iterator[Decision]:
    if trail.recursive_logging is None:
        reason = "neither AWS nor this SDK tells whether CloudTrail's own deliveries are recorded"
        yield Kept(target=trail.arn, reason=reason, allow="")
    elif (
        trail.recursive_logging is not blueprint.recursive_logging
        and recursive_logging(blueprint, trail, allow) is None
    ):
        yield Kept(target=trail.arn, reason="CloudTrail's own deliveries are data events of it", allow=_DROP)


def _put_events(
    blueprint: Blueprint,
    *,
    before: Sequence[Selector],
    after: Sequence[Selector],
    reason: str,
    destructive: bool = False,
) -> PutEventSelectors:
    return PutEventSelectors(
        id="trail.event_selectors",
        target=blueprint.trail_arn,
        account=blueprint.management_account,
        reason=reason,
        destructive=destructive,
        changes=(Change(field="recorded", before=words(before), after=words(after)),),
        arn=blueprint.trail_arn,
        region=blueprint.trail_region,
        document=write(after),
    )


_Insights = Sequence[tuple[str, str]]
"""Pairs of an insight type and the event category that it analyzes."""


def _put_insights(
    blueprint: Blueprint, *, before: _Insights, after: _Insights, destructive: bool = False
) -> PutInsightSelectors:
    kinds = sorted({kind for kind, _ in after})
    document = [
        {"EventCategories": sorted(category for one, category in after if one == kind), "InsightType": kind}
        for kind in kinds
    ]
    said = [", ".join(f"{kind} ({category})" for kind, category in some) for some in (before, after)]
    return PutInsightSelectors(
        id="trail.insights",
        target=blueprint.trail_arn,
        account=blueprint.management_account,
        reason=f"allowed by '--allow {_DROP}'" if destructive else "Insights that is asked for is off",
        destructive=destructive,
        changes=(Change(field="insights", before=said[0], after=said[1] or "none"),),
        arn=blueprint.trail_arn,
        region=blueprint.trail_region,
        document=json.dumps(document, separators=(",", ":")),
    )


def _asked_insights(blueprint: Blueprint) -> _Insights:
    return tuple((kind, _MANAGEMENT) for kind in sorted(blueprint.insights))


def _read_insights(said: str | Absent) -> _Insights | None:
    """Return what is analyzed, without a category management events; None where that cannot be told."""
    try:
        listed: Any = [] if isinstance(said, Absent) else read_json(said)
        if not isinstance(listed, list):
            return None
        pairs = {
            (str(one["InsightType"]), str(category))
            for one in listed
            for category in one.get("EventCategories") or [_MANAGEMENT]
        }
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
    return tuple(sorted(pairs))


def _unreadable_insights(trail: Trail) -> Concern:
    return Concern(
        subject=f"trail {trail.name}",
        observed="it has Insights, and what was observed of it cannot be read",
        consequence="what Insights does not analyze raises no insight event",
        remedy="see 'aws cloudtrail get-insight-selectors'; 'aws cloudtrail put-insight-selectors' sets them",
    )


def _wanted(blueprint: Blueprint) -> tuple[Selector, ...]:
    return tuple(json.loads(blueprint.event_selectors)) if blueprint.event_selectors else ALL_MANAGEMENT


def _leaves_reads_out(blueprint: Blueprint, trail: Trail | Absent, allow: frozenset[Allowance]) -> bool:
    """Say whether events that only read are, as asked, not recorded."""
    if not uncovered(ALL_MANAGEMENT, _wanted(blueprint)):
        return False
    if isinstance(trail, Absent) or _DROP in allow:
        return True
    return bool(uncovered(ALL_MANAGEMENT, _recorded(trail) or ()))


def _recorded(trail: Trail) -> tuple[Selector, ...] | None:
    """Return what the trail records; None where that cannot be told."""
    if not trail.has_custom_event_selectors:
        return ALL_MANAGEMENT
    return read(trail.event_selectors) if isinstance(trail.event_selectors, str) else None


def _may_record_data(trail: Trail) -> bool:
    recorded = _recorded(trail)
    return recorded is None or any(category(one) == "Data" for one in recorded)
