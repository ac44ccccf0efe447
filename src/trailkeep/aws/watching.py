"""What ``status`` sees of one organization at AWS."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from functools import cached_property

from botocore.config import Config as ClientConfig

from trailkeep.aws.freshness import AT_ONCE, Archive, archive_accounts, archive_freshness
from trailkeep.aws.roles import archive_session
from trailkeep.aws.session import Accounts
from trailkeep.aws.trail_status import ReadTrail, read_members, read_regions, read_trail
from trailkeep.core.config import Config
from trailkeep.core.errors import AwsCallError, UncheckedError
from trailkeep.guard.estate import Absent, Unreadable
from trailkeep.guard.status import AccountSeen, Member, TrailSeen

__all__ = ["Watch"]


class Watch:
    """The trail, the accounts and the archive that a configuration means; each is read once."""

    def __init__(self, accounts: Accounts, config: Config) -> None:
        self._accounts = accounts
        self._config = config

    def members(self) -> tuple[Member, ...] | Unreadable:
        """Return the active accounts of the organization, or the one account that is not asked for others."""
        if self._config.organization is None:
            return (Member(id=self._config.archive.account),)
        return read_members(self._accounts)

    def regions(self) -> tuple[str, ...] | Unreadable:
        """Return the regions that are enabled in every account, or in the one account."""
        if isinstance(self._regions, Unreadable):
            return self._regions
        in_all, here = self._regions
        return here if self._config.organization is None else in_all

    def trail(self) -> TrailSeen | Absent | Unreadable:
        """Return the trail that fills the archive."""
        return self._trail.seen

    def archive(self, accounts: Iterable[str] | None, now: datetime) -> tuple[AccountSeen, ...] | Unreadable:
        """Return the newest deliveries of some accounts; None means all that the archive has."""
        try:
            session = archive_session(self._config)
        except AwsCallError as error:
            return Unreadable(call=error.call, error=str(error).removeprefix(f"{error.call}: "))
        except UncheckedError as error:
            return Unreadable(call="organizations:ListAccounts", error=str(error))
        retries = {"mode": "adaptive", "total_max_attempts": 5}
        settings = ClientConfig(max_pool_connections=AT_ONCE, retries=retries)  # type: ignore[arg-type]
        archive = Archive(
            client=session.client("s3", config=settings),
            bucket=self._config.archive.bucket,
            prefix=self._trail.prefix,
            organization_id=self._config.organization_id,
        )
        found = archive_accounts(archive) if accounts is None else accounts
        return found if isinstance(found, Unreadable) else archive_freshness(archive, found, now=now)

    @cached_property
    def _regions(self) -> tuple[tuple[str, ...], tuple[str, ...]] | Unreadable:
        return read_regions(self._accounts)

    @cached_property
    def _trail(self) -> ReadTrail:
        here = () if isinstance(self._regions, Unreadable) else self._regions[1]
        return read_trail(self._accounts, self._config, here)
