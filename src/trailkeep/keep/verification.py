"""The result of a verification: values only, the same for the terminal, JSON, the lake and the report."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from enum import StrEnum
from typing import Any

import msgspec

from trailkeep.core.verdict import Verdict, VerdictKind
from trailkeep.keep.chain_parts import Head
from trailkeep.keep.integrity import Finding

__all__ = [
    "ChainVerdict",
    "DayCell",
    "DayState",
    "DigestProof",
    "Head",
    "KeyUse",
    "ObjectVerdict",
    "Reused",
    "ReusedPart",
    "Scope",
    "Standing",
    "Tool",
    "Verification",
]


class Standing(StrEnum):
    """How one source object stands; ``unproven`` is listed only by a digest that is not proven."""

    VERIFIED = "verified"
    PENDING = "not yet covered"
    ALTERED = "altered"
    MISSING = "missing"
    UNLISTED = "unlisted"
    UNREADABLE = "unreadable"
    UNPROVEN = "unproven"


class DayState(StrEnum):
    """How an hour stands, and a day after its worst hour; from the worst to the best."""

    ALTERED = "altered"
    UNCOVERED = "uncovered"
    UNREADABLE = "unreadable"
    PENDING = "pending"
    EXPLAINED = "explained"
    PROVEN_EMPTY = "proven-empty"
    PROVEN = "proven"


class ObjectVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """One log or digest in one version; hashes are hex, of the stored bytes and of what they unpack to."""

    object: str
    version: str = ""
    kind: str
    account: str
    region: str
    standing: Standing
    stored_sha256: str = ""
    content_sha256: str = ""
    listed_in: str = ""
    size_bytes: int = 0
    ends_at: datetime | None = None
    checked_at: datetime


class DigestProof(msgspec.Struct, frozen=True, kw_only=True):
    """What shows that one digest is genuine: its signature in hex, or "" where a trusted head proves it."""

    key: str
    region: str
    fingerprint: str
    sha256: str
    signature: str


class ChainVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """One chain of digests: an account, a region and a trail."""

    account: str
    region: str
    trail_name: str
    home_region: str
    digests_expected: int
    digests_verified: int
    digests_failed: int
    logs_listed: int
    logs_verified: int
    logs_failed: int
    logs_unlisted: int
    first_key: str
    head: Head | None
    hours_covered: int
    hours_explained: int
    hours_uncovered: int
    logs_unread: int = 0


class DayCell(msgspec.Struct, frozen=True, kw_only=True):
    """A day of one account and region; ``hours`` counts its hours by state."""

    account: str
    region: str
    day: date
    state: DayState
    hours: Mapping[DayState, int]


class KeyUse(msgspec.Struct, frozen=True, kw_only=True):
    """A public key that ``digests`` were checked with; ``sha256`` is of its DER, which ``der`` holds."""

    region: str
    fingerprint: str
    sha256: str
    valid_from: datetime
    valid_until: datetime
    source: str
    digests: int
    der: bytes = b""


class Scope(msgspec.Struct, frozen=True, kw_only=True):
    """What was looked at, and where it is known from what had to be there."""

    archive: str
    trail_arn: str = ""
    accounts: tuple[str, ...]
    regions: tuple[str, ...]
    since: datetime
    until: datetime
    as_of: datetime
    expected_from: str
    mode: str
    options: Mapping[str, str] = {}


class ReusedPart(msgspec.Struct, frozen=True, kw_only=True):
    """What was not read again of one account and Region: all up to ``until``, as an earlier run proved it.

    ``proven_at`` is when that run was there; it may itself have reused what was read at ``checked_at``.
    """

    account: str
    region: str
    until: datetime
    digests: int
    logs: int
    verdict: VerdictKind
    proven_at: datetime
    checked_at: datetime


class Reused(msgspec.Struct, frozen=True, kw_only=True):
    """How many results are of earlier runs, and when the oldest of them was found.

    ``parts`` lie below heads of earlier runs; ``resumed`` logs were read by a run that was cut off, the
    first of them at ``resumed_from``.
    """

    count: int = 0
    oldest_checked_at: datetime | None = None
    parts: tuple[ReusedPart, ...] = ()
    resumed: int = 0
    resumed_from: datetime | None = None


class Tool(msgspec.Struct, frozen=True, kw_only=True):
    """What made the verification."""

    name: str
    version: str


class Verification(msgspec.Struct, frozen=True, kw_only=True):
    """The whole result but for the rows of the objects, of which there may be millions."""

    verdict: VerdictKind
    reason: str = ""
    findings: tuple[Finding, ...]
    chains: tuple[ChainVerdict, ...]
    cells: tuple[DayCell, ...]
    keys: tuple[KeyUse, ...]
    scope: Scope
    started_at: datetime
    ended_at: datetime
    reused: Reused = Reused()
    merkle_root: str = ""
    objects: int = 0
    previous_report_sha256: str = ""
    tool: Tool
    not_claimed: tuple[str, ...]

    @property
    def outcome(self) -> Verdict:
        """The verdict with its reason."""
        return Verdict(kind=self.verdict, reason=self.reason)

    @property
    def exit(self) -> int:
        """The exit code."""
        return int(self.outcome.exit_code)

    @property
    def summary(self) -> dict[str, Any]:
        """The counts over all chains, as ``verify --json`` prints them."""
        return {
            "digests": {
                "expected": self._total("digests_expected"),
                "verified": self._total("digests_verified"),
                "failed": self._total("digests_failed"),
            },
            "logs": {
                "listed": self._total("logs_listed"),
                "verified": self._total("logs_verified"),
                "failed": self._total("logs_failed"),
                "unlisted": self._total("logs_unlisted"),
                "unread": self._total("logs_unread"),
            },
            "chains": len(self.chains),
            "hours": {
                "covered": self._total("hours_covered"),
                "explained": self._total("hours_explained"),
                "uncovered": self._total("hours_uncovered"),
            },
        }

    def _total(self, name: str) -> int:
        return sum(getattr(chain, name) for chain in self.chains)
