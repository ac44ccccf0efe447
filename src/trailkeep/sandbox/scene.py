"""Where a tampering happens: an archive, one chain in it, and dice."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

from trailkeep.core.errors import UsageError
from trailkeep.core.layout import DigestKey, LogKey, parse_key
from trailkeep.sandbox.reach import Reach
from trailkeep.sandbox.signing import SigningKey, SigningKeys

__all__ = ["RUN", "Scene"]

RUN = 3
"""How many digests in a row a tampering hits that hits a run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Where to tamper: an archive, one chain in it, and the dice that choose among its objects.

    Args:
        reach: the archive.
        account: the account of the chain.
        region: its Region.
        keys: the keys that CloudTrail signs with.
        seed: decides which object is hit.
    """

    reach: Reach
    account: str
    region: str
    keys: SigningKeys
    seed: int = 0

    @property
    def dice(self) -> Random:
        """Dice that fall the same way every time."""
        return Random(self.seed)  # noqa: S311 - seeded on purpose, no secret

    def digests(self) -> list[str]:
        """Return the keys of the chain's regular digests, the oldest first.

        Raises:
            UsageError: the chain is too short to be tampered with in every way.
        """
        found = [(parsed.ends_at, key) for key, parsed in self._digests() if not parsed.backfill]
        if len(found) < 4 * RUN:
            raise UsageError(
                f"{self.account}/{self.region}: expected a chain of at least {4 * RUN} digests, "
                f"got {len(found)}; deliver more hours"
            )
        return [key for _, key in sorted(found)]

    def inner(self) -> list[str]:
        """Return the digests that have older and newer ones around them, and name at least one log."""
        return [key for key in self.digests()[RUN:-RUN] if self.document(key)["logFiles"]]

    def logs(self) -> list[str]:
        """Return the logs that the chain's inner digests name."""
        return [log["s3Object"] for key in self.inner() for log in self.document(key)["logFiles"]]

    def document(self, key: str) -> dict[str, Any]:
        """Return what a digest says."""
        read: dict[str, Any] = json.loads(gzip.decompress(self.reach.read(key).body))
        return read

    def everything(self, *, region: str = "") -> list[str]:
        """Return the keys of the account's objects, in one Region or in all."""
        return [
            key
            for key in self.reach.listed()
            if isinstance(parsed := parse_key(key), DigestKey | LogKey)
            and parsed.account_id == self.account
            and region in {"", parsed.region}
        ]

    def signer(self, key: str, *, region: str = "") -> SigningKey:
        """Return the key that signed, or would sign, a digest."""
        parsed = parse_key(key)
        if not isinstance(parsed, DigestKey):
            raise UsageError(f"{key}: expected the key of a digest")
        return self.keys.signing(region or self.region, parsed.ends_at)

    def _digests(self) -> Iterator[tuple[str, DigestKey]]:
        for key in self.everything(region=self.region):
            parsed = parse_key(key)
            if isinstance(parsed, DigestKey):
                yield key, parsed
