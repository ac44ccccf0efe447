"""How the objects of an archive are locked, as findings: some of each account and Region, or all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from trailkeep.aws.lock_sample import LockFault, Required, lock_sample, pick
from trailkeep.aws.stored import Archive, Stored
from trailkeep.core.config import Config
from trailkeep.core.errors import AwsCallError, UsageError
from trailkeep.core.layout import StrangeKey, parse_key
from trailkeep.keep.integrity import Finding, Kind, found

__all__ = ["LockCheck", "count_of"]

_ALL = "all"


def count_of(text: str) -> int | None:
    """Return how many objects of a place are asked about, None for all.

    Raises:
        UsageError: the text is no number and not ``all``.
    """
    if text == _ALL:
        return None
    if not (text.isascii() and text.isdigit()):
        raise UsageError(f"--locks: expected a number or all, got {text:.40}; write for example --locks 5")
    return int(text)


class LockCheck:
    """Asks S3 for the retention of objects, which must hold what the configuration asks for."""

    def __init__(self, archive: Archive, client: Any, config: Config, count: int | None) -> None:
        self._archive = archive
        self._client = client
        self._owner = config.archive.account or ""
        self._required = Required(mode=config.retention.lock_mode, days=config.retention.days)
        self._count = count

    def __call__(self, many: Sequence[Stored]) -> list[Finding]:
        """Return what is wrong with the locks of some of the objects of one place."""
        asked: Iterable[Stored] = many if self._count is None else pick(many, self._count, seed=len(many))
        seen = lock_sample(
            self._client, self._archive.bucket, asked, required=self._required, owner=self._owner
        )
        return [
            *(self._fault(one) for one in seen.faults),
            *(self._unread(stored, error) for stored, error in seen.unread),
        ]

    def _fault(self, fault: LockFault) -> Finding:
        message = f"lock: expected {fault.expected}, got {fault.actual}"
        return self._about(Kind(fault.kind), fault.stored, message, fault.expected, fault.actual)

    def _unread(self, stored: Stored, error: AwsCallError) -> Finding:
        return self._about(
            Kind.OBJECT_UNREADABLE, stored, f"lock: expected its retention, got {error}", "", ""
        )

    def _about(self, kind: Kind, stored: Stored, message: str, expected: str, actual: str) -> Finding:
        key = parse_key(stored.key)
        account, region = ("", "") if isinstance(key, StrangeKey) else (key.account_id, key.region)
        return found(
            kind,
            self._archive.address(stored.key),
            message,
            version=stored.version,
            account=account,
            region=region,
            expected=expected,
            actual=actual,
        )
