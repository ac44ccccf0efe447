"""What AWS says an archive should hold, as ``verify`` takes it; what cannot be asked is said in words."""

from __future__ import annotations

from trailkeep.aws.expectation import Expectation, ExpectedTrail
from trailkeep.guard.estate import Absent, Unasked, Unreadable
from trailkeep.keep.coverage import ExpectedAccount
from trailkeep.workflows.verify import Known

__all__ = ["known_of", "nobody_asked"]

_ACTIVE = "ACTIVE"


def nobody_asked(why: str) -> Known:
    """Return what is known where nobody could be asked: what is there itself says what should be there."""
    return Known(source=f"the archive itself ({why})")


def known_of(said: Expectation) -> Known:
    """Return what AWS's answers say of the archive.

    An account that is not active is not expected to go on. Every account is expected in the Regions that are
    enabled in all of them; those that are there besides are judged too.
    """
    trail = said.trail
    if not isinstance(trail, ExpectedTrail):
        return nobody_asked(_why(trail))
    if isinstance(said.accounts, Unreadable):
        return _of_trail(trail, source=f"the archive itself ({_why(said.accounts)})")
    if isinstance(said.regions, Unreadable):
        return _of_trail(trail, source=f"the archive itself ({_why(said.regions)})")
    if isinstance(said.accounts, Unasked):
        accounts: tuple[ExpectedAccount, ...] = (ExpectedAccount(account=trail.account),)
        source = "the trail"
    else:
        accounts = tuple(
            ExpectedAccount(account=one.id, joined_at=one.joined_at)
            for one in said.accounts
            if one.state == _ACTIVE
        )
        source = "Organizations and the trail"
    regions = said.regions if trail.is_multi_region else (trail.home_region,)
    return _of_trail(trail, source=source, accounts=accounts, regions=regions)


def _of_trail(
    trail: ExpectedTrail,
    *,
    source: str,
    accounts: tuple[ExpectedAccount, ...] | None = None,
    regions: tuple[str, ...] = (),
) -> Known:
    return Known(
        source=source,
        accounts=accounts,
        regions=regions,
        trail_arn=trail.arn,
        trail_name=trail.name,
        owner=trail.account,
    )


def _why(missing: Absent | Unreadable) -> str:
    if isinstance(missing, Unreadable):
        return f"{missing.call}: {missing.error}"
    return "AWS shows no trail that delivers here"
