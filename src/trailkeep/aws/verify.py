"""What ``apply`` checks on AWS beside its actions: has a log arrived, what is final, do the guards hold."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from msgspec.structs import replace

from trailkeep.aws.account_probes import probe_account
from trailkeep.aws.arrival import look_for_log, wait_for_log
from trailkeep.aws.lock_check import check_lock
from trailkeep.aws.measure import bytes_a_day
from trailkeep.aws.organization_probes import probe_organization
from trailkeep.aws.patience import Patience
from trailkeep.aws.probes import Probe
from trailkeep.aws.session import Accounts
from trailkeep.core.prices import STANDARD_USD
from trailkeep.guard.arrival import Arrival, awaited_accounts
from trailkeep.guard.blueprint import Blueprint
from trailkeep.guard.estate import Bucket, Estate
from trailkeep.guard.irreversible import Sheet, irreversibility_sheet
from trailkeep.guard.plan import Plan

__all__ = ["AwsVerifier"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsVerifier:
    """Looks at AWS; ``wait_minutes`` is how long the first log is waited for, 0 looks once."""

    accounts: Accounts
    patience: Patience
    now: Callable[[], datetime]
    wait_minutes: int = 0
    gb_month_usd: float = STANDARD_USD

    def arrival(self, blueprint: Blueprint, estate: Estate) -> Arrival:
        """Return whether a log of a member account, or of the one account, is in the archive."""
        awaited = awaited_accounts(blueprint, estate)
        found = wait_for_log(
            lambda: look_for_log(self.accounts, blueprint, awaited, now=self.now()),
            minutes=self.wait_minutes,
            clock=self.patience.clock,
            sleep=self.patience.sleep,
            note=self.patience.note,
        )
        return replace(found, of_member=blueprint.is_of_organization)

    def sheet(self, blueprint: Blueprint, estate: Estate, proposed: Plan) -> Sheet:
        """Return what is final after a plan, with the bytes of yesterday's logs where they could be read."""
        measured = None
        if isinstance(estate.bucket, Bucket):
            measured = bytes_a_day(self.accounts, blueprint, today=self.now())
        return irreversibility_sheet(
            blueprint,
            estate,
            proposed.actions,
            now=self.now(),
            bytes_a_day=measured,
            gb_month_usd=self.gb_month_usd,
        )

    def probes(self, blueprint: Blueprint, locked_since: datetime | None) -> tuple[Probe, ...]:
        """Return what AWS answers to calls that must be refused, and what a log shows of the lock."""
        probe = probe_organization if blueprint.is_of_organization else probe_account
        made = probe(self.accounts, blueprint, patience=self.patience, now=self.now)
        lock = check_lock(self.accounts, blueprint, locked_since=locked_since, now=self.now())
        return (*made, lock) if lock else made
