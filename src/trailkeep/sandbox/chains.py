"""The digest chains of the trails: opened, fed, moved on in time and ended.

Time in the sandbox follows the deliveries. It comes as far as the newest log delivered, or as far as the
caller says: ``deliver(.., digests=Digests(until=..))``, ``close_hours(sandbox, until)``. It stands still in
between, so StopLogging is called at the moment of the last delivery: deliver first the log that tells of it.

::

    first delivery after StartLogging or with validation on    a chain for every account and region opens
    an hour is over                                            its digest, be it empty
    StopLogging, DeleteTrail, validation off, account left     final digests, at once
    account joined, region first seen                          chains open at that hour
    no trusted access, bucket policy refuses                   no digest; the error is in the trail's status

Logs that were delivered without ``digests`` are named by no digest.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from random import Random
from threading import RLock
from typing import Any

from moto.cloudtrail.models import Trail

from trailkeep.sandbox.cloudtrail_rules import DeliveryStatus, find_trail
from trailkeep.sandbox.digests import Chain, DigestPlace, ListedLog, Put, hour_of
from trailkeep.sandbox.puts import Reason, put_for_cloudtrail
from trailkeep.sandbox.signing import SigningKeys
from trailkeep.sandbox.state import has_trusted_access, organization, trails

__all__ = ["ChainSet", "Digests", "TrailDigests"]

_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Digests:
    """That deliveries write digests, and which.

    Args:
        until: write the digests of all hours that are over by then; ``None`` for the newest delivery.
        regions: have chains in these Regions too, beside the home Region, those with deliveries, and those
            that ``Sandbox.enable_regions`` was told.
        forgotten_rate: share of the logs that only a backfill digest names, six hours later, 0 to 1.
        seed: decides which logs are forgotten.
    """

    until: datetime | None = None
    regions: tuple[str, ...] = ()
    forgotten_rate: float = 0.0
    seed: int = 0


@dataclass(slots=True, kw_only=True)
class ChainSet:
    """All chains of one trail; ``make`` makes the chain of an account and Region."""

    make: Callable[[str, str, datetime], Chain]
    accounts: set[str] = field(default_factory=set)
    regions: set[str] = field(default_factory=set)
    is_open: bool = False
    chains: dict[tuple[str, str], Chain] = field(default_factory=dict)

    def open(self, at: datetime) -> None:
        """Open every chain of the accounts and Regions that is not open: a starting digest comes first."""
        self.is_open = True
        for place in sorted((account, region) for account in self.accounts for region in self.regions):
            if place not in self.chains:
                self.chains[place] = self.make(*place, at)
            self.chains[place].open(hour_of(at, self.chains[place].place))

    def note(self, account: str, region: str, log: ListedLog, *, is_forgotten: bool = False) -> None:
        """Take a log for the digests to name."""
        if not self.is_open or region not in self.regions or account not in self.accounts:
            self.regions.add(region)
            self.accounts.add(account)
            self.open(log.delivered_at)
        self.chains[account, region].note(log, is_forgotten=is_forgotten)

    def advance(self, now: datetime) -> None:
        """Write the digests of the hours that are over."""
        for _, chain in sorted(self.chains.items()):
            chain.advance(now)

    def finish(self, now: datetime) -> None:
        """Write the final digests; the next log opens the chains anew."""
        self.is_open = False
        for _, chain in sorted(self.chains.items()):
            chain.finish(now)

    def leave(self, account: str, now: datetime) -> None:
        """End the chains of an account."""
        self.accounts.discard(account)
        for place, chain in sorted(self.chains.items()):
            if place[0] == account:
                chain.finish(now)

    @property
    def written(self) -> int:
        """How many digests were written."""
        return sum(chain.written for chain in self.chains.values())


class TrailDigests:
    """The digests of the embedded AWS: of every trail that was delivered to with digests on."""

    def __init__(self) -> None:
        self.keys = SigningKeys()
        self.now = _NEVER
        self.regions: tuple[str, ...] = ()
        self._sets: dict[str, tuple[Trail, ChainSet]] = {}
        self._wanted = Digests()
        self._dice = Random(0)  # noqa: S311 - seeded on purpose, no secret
        self._lock = RLock()  # StopLogging comes in the server's thread

    def clear(self) -> None:
        """Forget every chain, and the keys that were used."""
        self.keys.clear()
        self.now = _NEVER
        self._sets.clear()

    @property
    def written(self) -> int:
        """How many digests were written since the last reset."""
        return sum(chains.written for _, chains in self._sets.values())

    def begin(self, wanted: Digests) -> None:
        """Begin a pass: end what ended meanwhile, open the chains of the accounts that joined."""
        with self._lock:
            self._wanted = wanted
            self._dice = Random(wanted.seed)  # noqa: S311 - seeded on purpose, no secret
            for trail, chains in self._sets.values():
                if chains.is_open:
                    self._settle(trail, chains)

    def advance(self, now: datetime) -> None:
        """Let time come as far as ``now``; it never goes back."""
        with self._lock:
            self.now = max(self.now, now)
            for trail, chains in self._sets.values():
                if chains.is_open:
                    _follow(trail, chains)
                    chains.advance(self.now)

    def note(self, trail: Trail, account: str, region: str, log: ListedLog) -> None:
        """Take a log that was delivered, if the trail validates."""
        if not trail.log_validation:
            return
        with self._lock:
            chains = self._chains(trail)
            if not chains.is_open:
                chains.accounts = _accounts(trail)
                chains.regions = {trail.region_name}
                if trail.is_multi_region:
                    chains.regions |= {region, *self.regions, *self._wanted.regions}
                chains.open(log.delivered_at)
            is_forgotten = self._dice.random() < self._wanted.forgotten_rate
            chains.note(account, region, log, is_forgotten=is_forgotten)

    def before(self, operation: str, parameters: dict[str, Any], *, account_id: str, region: str) -> None:
        """Write the final digests when a call that was let ends the digests of a trail."""
        is_end = operation in {"StopLogging", "DeleteTrail"} or (
            operation == "UpdateTrail" and parameters.get("EnableLogFileValidation") is False
        )
        trail = find_trail(account_id, region, str(parameters.get("Name", ""))) if is_end else None
        with self._lock:
            if trail and trail.arn in self._sets:
                self._sets[trail.arn][1].finish(self.now)

    def _settle(self, trail: Trail, chains: ChainSet) -> None:
        if trail not in trails(trail.account_id) or not (trail.status.is_logging and trail.log_validation):
            chains.finish(self.now)
            return
        accounts = _accounts(trail)
        for account in chains.accounts - accounts:
            chains.leave(account, self.now)
        chains.accounts |= accounts
        if trail.is_multi_region:
            chains.regions |= {*self.regions, *self._wanted.regions}
        chains.open(self.now)

    def _chains(self, trail: Trail) -> ChainSet:
        known = self._sets.get(trail.arn)
        if known is None or known[0] is not trail:
            chains = known[1] if known else ChainSet(make=lambda *place: self._make(trail, *place))
            chains.make = lambda *place: self._make(trail, *place)
            for chain in chains.chains.values():
                chain.put = _putting(trail)
            known = self._sets[trail.arn] = (trail, chains)
        return known[1]

    def _make(self, trail: Trail, account: str, region: str, at: datetime) -> Chain:
        place = DigestPlace(
            prefix=_prefix(trail),
            organization_id=_organization_id() if trail.is_org_trail else "",
            account_id=account,
            region=region,
            trail_name=trail.trail_name,
            home_region=trail.region_name,
        )
        return Chain(place=place, bucket=trail.bucket_name, keys=self.keys, put=_putting(trail), starts_at=at)


def _follow(trail: Trail, chains: ChainSet) -> None:
    """Let the chains follow a trail into another bucket or below another prefix."""
    for chain in chains.chains.values():
        chain.bucket = trail.bucket_name
        if chain.place.prefix != _prefix(trail):
            chain.place = replace(chain.place, prefix=_prefix(trail))


def _putting(trail: Trail) -> Put:
    def put(chain: Chain, key: str, body: bytes, metadata: dict[str, str], at: datetime) -> bool:
        if trail.is_org_trail and not has_trusted_access():
            reason: Reason | None = Reason.TRUSTED_ACCESS_OFF
        else:
            reason = put_for_cloudtrail(trail, key, body, bucket_name=chain.bucket, metadata=metadata)
        if isinstance(trail.status, DeliveryStatus) and reason is not Reason.TRUSTED_ACCESS_OFF:
            trail.status.record_digest(at=at, region=chain.place.region, error=reason or "")
        return reason is None

    return put


def _accounts(trail: Trail) -> set[str]:
    if not trail.is_org_trail:
        return {trail.account_id}
    return {account.id for account in organization().accounts if account.status == "ACTIVE"}


def _prefix(trail: Trail) -> str:
    return f"{trail.s3_key_prefix}/" if trail.s3_key_prefix else ""


def _organization_id() -> str:
    found = organization().org
    return found.id if found else ""
