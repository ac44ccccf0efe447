"""``status``: look at trail, accounts, archive and lake, and judge whether the archive is alive."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Protocol

from trailkeep.core.errors import LakeError
from trailkeep.guard.estate import Absent, Unreadable
from trailkeep.guard.judge_status import judge
from trailkeep.guard.status import AccountSeen, LakeSeen, Limits, Member, Observation, Status, TrailSeen
from trailkeep.lake.table import Lake

__all__ = ["Sight", "status"]


class Sight(Protocol):
    """What ``status`` needs to see; what is refused is a value, never an error."""

    def members(self) -> tuple[Member, ...] | Unreadable:
        """Return the active accounts of the organization."""

    def regions(self) -> tuple[str, ...] | Unreadable:
        """Return the regions that are enabled in every account."""

    def trail(self) -> TrailSeen | Absent | Unreadable:
        """Return the trail that fills the archive."""

    def archive(self, accounts: Iterable[str] | None, now: datetime) -> tuple[AccountSeen, ...] | Unreadable:
        """Return the newest deliveries of some accounts; None means all that the archive has."""


def status(
    sight: Sight, lake: Lake, *, now: datetime, limits: Limits | None = None, of_organization: bool = True
) -> Status:
    """Return how the archive stands at ``now``.

    Args:
        sight: what can be seen at AWS.
        lake: the lake whose freshness counts; it need not exist.
        now: an aware UTC moment.
        limits: how old is late.
        of_organization: whether it is the archive of an organization, not of one account.

    Raises:
        StoppedError: there are no usable credentials.
    """
    members = sight.members()
    asked = None if isinstance(members, Unreadable) else tuple(member.id for member in members)
    return judge(
        Observation(
            members=members,
            regions=sight.regions(),
            trail=sight.trail(),
            archive=sight.archive(asked, now),
            lake=_lake(lake),
            of_organization=of_organization,
        ),
        now=now,
        limits=limits,
    )


def _lake(lake: Lake) -> LakeSeen | Absent | Unreadable:
    if not lake.exists:
        return Absent()
    try:
        covered = lake.current().covered
    except LakeError as error:
        return Unreadable(call="lake", error=str(error))
    return LakeSeen(newest_event_at=covered[1] if covered else None)
