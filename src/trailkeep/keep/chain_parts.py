"""What a chain of digests is made of: digests that were read, gaps between them, the head."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, NamedTuple

import msgspec

from trailkeep.core.layout import DigestKey, parse_key
from trailkeep.core.verdict import VerdictKind
from trailkeep.keep.digest import Digest
from trailkeep.keep.integrity import Finding, Kind, found

__all__ = [
    "HOUR",
    "ChainId",
    "ChainResult",
    "Gap",
    "Head",
    "Proof",
    "ReadDigest",
    "about",
    "chain_of",
    "hole_of",
]

HOUR: Final = timedelta(hours=1)


class Proof(StrEnum):
    """By what a digest is proven."""

    SIGNATURE = "signature"
    NEXT = "next"
    ANCHOR = "anchor"
    NONE = "none"


class ChainId(NamedTuple):
    """What tells one chain from another."""

    account: str
    region: str
    trail_name: str
    home_region: str


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """The newest proven digest of a chain; kept where an attacker cannot write, it proves all before it."""

    account: str
    region: str
    trail_name: str
    key: str
    sha256: str
    signature: str
    ends_at: datetime
    home_region: str = ""
    version: str = ""
    fingerprint: str = ""

    @property
    def chain(self) -> ChainId:
        """The chain that it is the head of."""
        return ChainId(self.account, self.region, self.trail_name, self.home_region)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadDigest:
    """A digest with its metadata: the signature, and when a backfill digest was generated."""

    digest: Digest
    signature: str | None
    generated_at: datetime | None = None
    version: str = ""
    state: Proof = Proof.NONE
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Time that no digest of a chain covers; ``restart`` where the next digest is a starting one."""

    chain: ChainId
    since: datetime
    until: datetime
    restart: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainResult:
    """``digests`` are in order of their ends; ``holes`` is time whose digests are missing or not proven."""

    digests: tuple[ReadDigest, ...]
    proven: frozenset[str]
    findings: tuple[Finding, ...]
    gaps: tuple[Gap, ...]
    holes: tuple[Gap, ...]
    head: Head | None


def chain_of(digest: Digest) -> ChainId:
    """Return the chain that a digest belongs to."""
    return ChainId(digest.account, digest.region, digest.trail_name, digest.home_region)


def hole_of(key: str) -> Gap | None:
    """Return the hour of a digest that could not be read, by its key; None for another key."""
    name = parse_key(key)
    if not isinstance(name, DigestKey):
        return None
    chain = ChainId(name.account_id, name.region, name.trail_name, name.home_region)
    return Gap(chain=chain, since=name.ends_at - HOUR, until=name.ends_at)


def about(
    kind: Kind,
    one: ReadDigest,
    message: str,
    *,
    expected: str = "",
    actual: str = "",
    verdict: VerdictKind | None = None,
) -> Finding:
    """Return a finding about one digest."""
    digest = one.digest
    return found(
        kind,
        digest.object,
        message,
        version=one.version,
        account=digest.account,
        region=digest.region,
        expected=expected,
        actual=actual,
        verdict=verdict,
    )
