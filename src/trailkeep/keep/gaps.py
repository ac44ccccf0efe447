"""Why a chain has a gap, by the trail's own events that stand in proven logs.

1. Only an event of the trail's owner, in its home region, counts: a member account may have a trail of the
   the same name and stop that one.
2. StopLogging, DeleteTrail and an UpdateTrail that ends validation or moves the bucket stop the digests;
   StartLogging, CreateTrail and an UpdateTrail that brings validation back start them. PutEventSelectors does
   neither: digests come for empty hours too.
3. The final digest covers the event that stopped it, so the gap begins at or after that event.
4. One stop must last for the whole gap, and another chain of the trail (``verify`` takes the one of the
   trail's owner in its home Region) may have no digests within it.

What is not shown: a whole span between two stops, erased from every chain of the trail at once, leaves a gap
that looks like one long stop. A head kept elsewhere shows it.

Source: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-validation-digest-file-structure.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from trailkeep.keep.chain_parts import HOUR, Gap
from trailkeep.keep.integrity import Finding, Kind, found

__all__ = ["EVENT_NAMES", "TrailEvent", "coverage_gap", "explain_gap", "stop_of", "stopped_by", "trail_event"]

EVENT_NAMES = frozenset(
    {"StopLogging", "StartLogging", "UpdateTrail", "DeleteTrail", "CreateTrail", "PutEventSelectors"}
)
_STOPS = ("StopLogging", "DeleteTrail")
_STARTS = ("StartLogging", "CreateTrail")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrailEvent:
    """One change of a trail; ``stops`` is True, False (its digests start) or None (neither).

    ``logs_go_on`` is true where digests stop and logs do not: validation was switched off.
    """

    name: str
    at: datetime
    trail_name: str
    account: str
    region: str
    stops: bool | None
    who: str = ""
    object: str = ""
    logs_go_on: bool = False


def trail_event(
    *,
    name: str,
    at: datetime,
    account: str,
    region: str,
    parameters: Mapping[str, Any],
    who: str = "",
    source: str = "",
    failed: bool = False,
) -> TrailEvent | None:
    """Return what an event did to a trail, None where it did nothing; ``parameters`` are the request's."""
    trail = parameters.get("name") or parameters.get("trailName")
    if failed or name not in EVENT_NAMES or not isinstance(trail, str):
        return None
    return TrailEvent(
        name=name,
        at=at,
        trail_name=trail.rpartition("/")[2],
        account=account,
        region=region,
        stops=_stops(name, parameters),
        who=who,
        object=source,
        logs_go_on=name == "UpdateTrail" and _is_off(parameters.get("enableLogFileValidation")),
    )


def _is_off(validation: object) -> bool:
    return validation in (False, "false")


def _stops(name: str, parameters: Mapping[str, Any]) -> bool | None:
    if name in _STOPS or name in _STARTS:
        return name in _STOPS
    if name != "UpdateTrail":
        return None
    validation = parameters.get("enableLogFileValidation")
    if validation is not None:
        return _is_off(validation)
    moved = any(parameters.get(each) is not None for each in ("s3BucketName", "s3KeyPrefix"))
    return True if moved else None


def explain_gap(
    gap: Gap,
    events: Iterable[TrailEvent],
    *,
    owner: str = "",
    joined_at: datetime | None = None,
    left_at: datetime | None = None,
    others: Iterable[tuple[datetime, datetime]] = (),
) -> Finding | None:
    """Return a note that explains a gap, or None.

    Args:
        gap: the time without digests.
        events: changes of trails, from proven logs only.
        owner: the account that the trail belongs to; empty where it is the chain's own.
        joined_at: when the account became a member.
        left_at: when it ceased to be one.
        others: start and end of time that proven digests of the trail's other chains cover.
    """
    if joined_at and gap.until <= joined_at + 2 * HOUR:
        return _explained(gap, f"the account joined on {joined_at:%FT%TZ}")
    if left_at and gap.since >= left_at - HOUR:
        return _explained(gap, f"the account left on {left_at:%FT%TZ}")
    stop = stop_of(gap, events, owner=owner, others=others)
    return stopped_by(gap, stop) if stop else None


def stop_of(
    gap: Gap,
    events: Iterable[TrailEvent],
    *,
    owner: str = "",
    others: Iterable[tuple[datetime, datetime]] = (),
) -> TrailEvent | None:
    """Return the change that stopped a trail for a whole gap, or None; arguments as for ``explain_gap``."""
    if any(max(since, gap.since + HOUR) < min(until, gap.until - HOUR) for since, until in others):
        return None
    ours = [event for event in events if event.stops is not None and _is_of(event, gap, owner)]
    stop: TrailEvent | None = None
    for event in sorted(ours, key=lambda one: one.at):
        if event.at <= gap.since:
            stop = None if not event.stops else stop or event
        elif stop is None:
            break
        elif not event.stops and event.at < gap.until - HOUR:
            return None
    return stop


def stopped_by(gap: Gap, stop: TrailEvent) -> Finding:
    """Return the note that names what stopped a trail."""
    return _explained(gap, f"{stop.name} by {stop.who or 'unknown'} on {stop.at:%FT%TZ}")


def coverage_gap(gap: Gap) -> Finding:
    """Return the finding for a gap that nothing explains."""
    return found(
        Kind.DIGEST_COVERAGE_GAP,
        f"{gap.chain.account}/{gap.chain.region}",
        f"{_name(gap)}: expected digests, got none and no event that explains it",
        account=gap.chain.account,
        region=gap.chain.region,
    )


def _is_of(event: TrailEvent, gap: Gap, owner: str) -> bool:
    chain = gap.chain
    return (event.trail_name, event.account, event.region) == (
        chain.trail_name,
        owner or chain.account,
        chain.home_region,
    )


def _explained(gap: Gap, why: str) -> Finding:
    return found(
        Kind.NOTE_GAP_EXPLAINED,
        f"{gap.chain.account}/{gap.chain.region}",
        f"{_name(gap)}: no digests because of {why}",
        account=gap.chain.account,
        region=gap.chain.region,
    )


def _name(gap: Gap) -> str:
    return f"trail {gap.chain.trail_name or 'any'} from {gap.since:%FT%TZ} to {gap.until:%FT%TZ}"
