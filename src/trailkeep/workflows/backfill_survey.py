"""Which Event histories there are: each active account of the organization, in each region enabled there."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

from trailkeep.aws.history import Member, Place, members, regions
from trailkeep.aws.session import Accounts
from trailkeep.core.errors import StoppedError, UsageError
from trailkeep.guard.estate import Unreadable

__all__ = ["Skipped", "Survey", "Unread", "survey"]

_READERS = 16
_ACTIVE = "ACTIVE"


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Unread:
    """What could not be read; without ``region`` the whole account, without ``account`` their list."""

    account: str
    region: str
    call: str
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """An account that is not active: nobody can act in it, so its history is out of reach."""

    account: str
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """The histories to read, what stood in the way of finding more, and accounts that are not active."""

    places: tuple[Place, ...]
    unread: tuple[Unread, ...]
    skipped: tuple[Skipped, ...]


def survey(
    accounts: Accounts,
    *,
    organization_id: str,
    alone: str = "",
    only_accounts: Iterable[str] = (),
    only_regions: Iterable[str] = (),
) -> Survey:
    """Return the histories of the organization, or of some accounts or regions of it.

    Where the list of accounts cannot be read, the accounts named are taken, or else the caller's own. An
    account that keeps its history ``alone`` is the only one, and no organization is asked.

    Raises:
        UsageError: an account that was named does not belong to the organization, or is not the one alone.
        StoppedError: there are no credentials, or they are those of another organization or account.
    """
    own = accounts.identity().account
    named = tuple(dict.fromkeys(only_accounts))
    listed = _only(alone, own, named) if alone else members(accounts)
    unread: list[Unread] = []
    skipped: tuple[Skipped, ...] = ()
    if isinstance(listed, Unreadable):
        unread.append(Unread(account="", region="", call=listed.call, error=listed.error))
        active = named or (own,)
    else:
        active, skipped = _chosen(listed, named, organization_id)
    chosen = tuple(dict.fromkeys(only_regions))
    places: list[Place] = []
    for account, found in zip(active, _enabled(accounts, active, chosen), strict=True):
        if isinstance(found, Unreadable):
            unread.append(Unread(account=account, region="", call=found.call, error=found.error))
        else:
            places += [Place(account=account, region=region) for region in found]
    return Survey(places=tuple(places), unread=tuple(unread), skipped=skipped)


def _only(alone: str, own: str, named: tuple[str, ...]) -> tuple[Member, ...]:
    """Return the one account whose history is kept."""
    if own != alone:
        raise StoppedError(
            f"archive.account: expected {alone}, got credentials of {own}; set AWS_PROFILE or correct it"
        )
    for account in named:
        if account != alone:
            raise UsageError(
                f"--account: expected {alone}, whose history is kept, got {account}; "
                'leave it out, or set mode = "organization"'
            )
    return (Member(account=alone, state=_ACTIVE, organization_id=""),)


def _chosen(
    listed: tuple[Member, ...], named: tuple[str, ...], organization_id: str
) -> tuple[tuple[str, ...], tuple[Skipped, ...]]:
    for member in listed:
        if member.organization_id != organization_id:
            raise StoppedError(
                f"organization.id: expected {organization_id}, got credentials of {member.organization_id}; "
                "use those of the right management account"
            )
    known = {member.account: member for member in listed}
    for account in named:
        if account not in known:
            raise UsageError(
                f"--account: expected an account of {organization_id}, got {account}; "
                "see 'aws organizations list-accounts'"
            )
    wanted = [known[account] for account in named] or sorted(listed, key=lambda member: member.account)
    return (
        tuple(member.account for member in wanted if member.state == _ACTIVE),
        tuple(
            Skipped(account=member.account, state=member.state)
            for member in wanted
            if member.state != _ACTIVE
        ),
    )


def _enabled(
    accounts: Accounts, active: tuple[str, ...], chosen: tuple[str, ...]
) -> list[tuple[str, ...] | Unreadable]:
    if chosen:
        return [chosen] * len(active)
    with ThreadPoolExecutor(_READERS, thread_name_prefix="regions") as pool:
        return list(pool.map(partial(regions, accounts), active))
