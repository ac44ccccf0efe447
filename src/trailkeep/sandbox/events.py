"""Years of believable CloudTrail activity of an organization, as a stream that a seed decides.

Every minute has a share of the events, by the hour and the weekday; callers take turns until the share is
used up. What lies beyond the minute waits, so records come out in order and memory does not grow with their
number.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import accumulate
from operator import attrgetter

from trailkeep.core.errors import UsageError
from trailkeep.sandbox.stage.actors import (
    Actor,
    FunctionActor,
    InstanceActor,
    PersonActor,
    PipelineActor,
    UserActor,
    VendorActor,
)
from trailkeep.sandbox.stage.chronicle import Beat, Hop, Moment, Story
from trailkeep.sandbox.stage.dice import Dice
from trailkeep.sandbox.stage.intrusion import story
from trailkeep.sandbox.stage.people import Cast
from trailkeep.sandbox.stage.services import DoorActor, ServiceActor, TrailActor
from trailkeep.sandbox.stage.shape import Activity, OrganizationShape
from trailkeep.sandbox.stage.voice import moment_of

__all__ = ["Activity", "Beat", "Hop", "Moment", "OrganizationShape", "Story", "activity", "story"]

_MINUTE_S = 60
_DAY_S = 86_400
_OFFICE = (
    (0.02,) * 5 + (0.1, 0.4, 0.9, 1.0, 1.0, 0.95, 0.7, 0.9, 1.0, 1.0, 0.9, 0.6, 0.3, 0.15, 0.1) + (0.05,) * 4
)
_WEEKEND = 0.08
_HURRY_EVENTS = 300  # more than this in a minute, and bursts take no time
_REPOSITORIES = ("example/orders", "example/billing", "example/platform", "example/website", "example/search")
_occurred_at = attrgetter("occurred_at")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kind:
    """Callers of one kind: how much they do in the busiest office hour, and how much of it at any hour."""

    actors: tuple[Actor, ...]
    by_day: float
    always: float

    def weight(self, office: float) -> float:
        """Return the kind's weight when the office is this busy (0 to 1)."""
        return self.always + self.by_day * office


def activity(
    shape: OrganizationShape,
    *,
    seed: int,
    starts_at: datetime,
    days: int,
    events_per_day: int,
    story: bool = True,
) -> Iterator[Activity]:
    """Return the organization's activity in order of time.

    There are ``days * events_per_day`` records, a burst more or less. ``starts_at`` is aware; fractions of
    a second are cut off. With ``story`` the intrusion that the function of that name returns happens in the
    midst of it. The same arguments give the same bytes on every machine; memory depends neither on ``days``
    nor, beyond one minute's worth, on ``events_per_day``.

    Raises:
        UsageError: ``starts_at`` is naive, or ``days`` or ``events_per_day`` is below 1.
    """
    if starts_at.tzinfo is None or days < 1 or events_per_day < 1:
        raise UsageError(
            f"activity: expected an aware starts_at and at least 1 day and 1 event a day, got {starts_at}, "
            f"{days} and {events_per_day}; pass a datetime with UTC and positive numbers"
        )
    plot = _plot(shape, seed, starts_at, days) if story else None
    return _stream(Cast(shape, seed), plot, int(starts_at.astimezone(UTC).timestamp()), days, events_per_day)


def _plot(shape: OrganizationShape, seed: int, starts_at: datetime, days: int) -> Story:
    return story(shape, seed, starts_at, days)


def _stream(cast: Cast, plot: Story | None, begin: int, days: int, events_per_day: int) -> Iterator[Activity]:
    kinds = _kinds(cast, plot)
    dice = Dice(cast.seed, "stream")
    end = begin + days * _DAY_S
    unit = days * events_per_day / _whole_weight(kinds, cast.seed, begin, end)
    told = list(plot.events) if plot else []
    waiting: list[Activity] = []
    owed = 0.0
    for minute in range(begin, end, _MINUTE_S):
        limit = moment_of(minute + _MINUTE_S)
        if minute % 3600 < _MINUTE_S or minute == begin:
            share = unit * _weight(kinds, _tide(cast.seed, minute // _DAY_S), minute)
        chapter = bisect_left(told, limit, key=_occurred_at)
        owed += share - chapter
        waiting += told[:chapter]
        del told[:chapter]
        owed -= _fill(waiting, kinds, minute, owed, dice)
        waiting.sort(key=_occurred_at)
        due = bisect_left(waiting, limit, key=_occurred_at)
        yield from waiting[:due]
        del waiting[:due]


def _whole_weight(kinds: Sequence[_Kind], seed: int, begin: int, end: int) -> float:
    """Return the sum of the weights of all minutes, hour by hour."""
    hours = range(begin, end, 3600)
    return 60 * sum(_weight(kinds, _tide(seed, hour // _DAY_S), hour) for hour in hours)


def _fill(waiting: list[Activity], kinds: Sequence[_Kind], minute: int, owed: float, dice: Dice) -> int:
    """Let callers take turns until ``owed`` records are told; return how many were."""
    told = 0
    office = _office(minute)
    reach = tuple(accumulate(kind.weight(office) for kind in kinds))
    hurry = owed > _HURRY_EVENTS
    while told < owed:
        kind = kinds[bisect_left(reach, dice.unit() * reach[-1])]
        at = minute + int(dice.unit() * _MINUTE_S)
        turn = dice.pick(kind.actors).turn(at, hurry=hurry)
        waiting += turn
        told += len(turn)
    return told


def _office(at: int) -> float:
    """Return how busy the office is at epoch second ``at``: 1 at best, a trickle at night and on weekends."""
    days, second = divmod(at, _DAY_S)
    busy = _OFFICE[second // 3600]
    return busy * _WEEKEND if (days + 3) % 7 >= 5 else busy


def _weight(kinds: Sequence[_Kind], tide: float, at: int) -> float:
    office = _office(at)
    return tide * sum(kind.weight(office) for kind in kinds)


def _tide(seed: int, day: int) -> float:
    """Return how much more or less than usual a day brings: no two days are alike."""
    return 0.8 + 0.4 * Dice(seed, "tide", day).unit()


def _kinds(cast: Cast, plot: Story | None) -> tuple[_Kind, ...]:
    switches_at = int(plot.moment(Beat.KEY_DEACTIVATED).occurred_at.timestamp()) if plot else 0
    workloads = tuple(cast.shape.workloads.values())
    people = tuple(PersonActor(cast, person) for person in cast.people)
    developer, backup, jenkins = cast.users
    users = (
        UserActor(cast, developer, switches_at=switches_at),
        UserActor(cast, backup),
        UserActor(cast, jenkins, target="jenkins-deploy"),
    )
    instances = tuple(InstanceActor(cast, purpose, number) for purpose in workloads for number in range(10))
    functions = tuple(FunctionActor(cast, purpose, number) for purpose in workloads for number in range(8))
    services = tuple(ServiceActor(cast, purpose, kind) for purpose in workloads for kind in range(4))
    return (
        _Kind(actors=people, by_day=6.0, always=0.02),
        _Kind(actors=users, by_day=0.4, always=0.25),
        _Kind(actors=tuple(PipelineActor(cast, name) for name in _REPOSITORIES), by_day=2.0, always=0.1),
        _Kind(actors=instances, by_day=0.3, always=1.4),
        _Kind(actors=functions, by_day=0.6, always=0.9),
        _Kind(actors=services, by_day=0.1, always=0.5),
        _Kind(actors=(TrailActor(cast),), by_day=0.0, always=0.15),
        _Kind(actors=tuple(VendorActor(cast, purpose) for purpose in workloads), by_day=0.0, always=0.2),
        _Kind(actors=(DoorActor(cast),), by_day=0.02, always=0.02),
    )
