"""What can be wrong with an archive: the kinds of finding, how bad each is, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum

import msgspec

from trailkeep.core.verdict import Verdict, VerdictKind

__all__ = ["SEVERITY", "Finding", "Kind", "Severity", "outcome"]


class Kind(StrEnum):
    """Every kind of finding; those that begin with ``note.`` change no outcome."""

    LOG_HASH_MISMATCH = "log.hash_mismatch"
    LOG_MISSING = "log.missing"
    LOG_BAD_GZIP = "log.bad_gzip"
    LOG_TRAILING_DATA = "log.trailing_data"
    LOG_UNLISTED = "log.unlisted"
    DIGEST_MISSING = "digest.missing"
    DIGEST_COVERAGE_GAP = "digest.coverage_gap"
    CHAIN_ABSENT = "chain.absent"
    ACCOUNT_ABSENT = "account.absent"
    DIGEST_BAD_SIGNATURE = "digest.bad_signature"
    DIGEST_UNKNOWN_KEY = "digest.unknown_key"
    DIGEST_CHAIN_MISMATCH = "digest.chain_mismatch"
    DIGEST_MOVED = "digest.moved"
    DIGEST_METADATA_LOST = "digest.metadata_lost"
    DIGEST_TRAILING_DATA = "digest.trailing_data"
    DIGEST_UNEXPECTED = "digest.unexpected"
    OBJECT_UNREADABLE = "object.unreadable"
    OBJECT_DELETE_MARKER = "object.delete_marker"
    LOCK_MISSING = "lock.missing"
    LOCK_SHORT = "lock.short"
    HEAD_ROLLED_BACK = "head.rolled_back"
    NOTE_LOG_RECOMPRESSED = "note.log_recompressed"
    NOTE_GAP_EXPLAINED = "note.gap_explained"
    NOTE_PENDING = "note.pending"


class Severity(StrEnum):
    """How bad a finding is."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    INFO = "info"


_UNSURE = frozenset({Kind.OBJECT_UNREADABLE, Kind.DIGEST_UNKNOWN_KEY})
_HIGH = frozenset(
    {
        Kind.DIGEST_COVERAGE_GAP,
        Kind.DIGEST_UNKNOWN_KEY,
        Kind.DIGEST_MOVED,
        Kind.DIGEST_UNEXPECTED,
        Kind.OBJECT_UNREADABLE,
        Kind.LOCK_MISSING,
        Kind.LOCK_SHORT,
    }
)


def _severity(kind: Kind) -> Severity:
    if kind.startswith("note."):
        return Severity.INFO
    if kind is Kind.DIGEST_METADATA_LOST:
        return Severity.MEDIUM
    return Severity.HIGH if kind in _HIGH else Severity.CRITICAL


SEVERITY: Mapping[Kind, Severity] = {kind: _severity(kind) for kind in Kind}


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is wrong; ``object`` is ``s3://bucket/key``, a path, or ``account/region``."""

    kind: Kind
    severity: Severity
    object: str
    version: str = ""
    account: str = ""
    region: str = ""
    message: str
    expected: str = ""
    actual: str = ""
    remedy: str


def outcome(findings: Iterable[Finding], checked: int) -> Verdict:
    """Return FAIL where something shows tampering or loss, else UNKNOWN where something was not read."""
    kinds = [one.kind for one in findings if not one.kind.startswith("note.")]
    bad = [kind for kind in kinds if kind not in _UNSURE]
    if bad:
        return Verdict(kind=VerdictKind.FAIL, reason=f"{len(bad)} findings, the first is {bad[0]}")
    if not checked:
        return Verdict(kind=VerdictKind.UNKNOWN, reason="nothing was checked")
    if kinds:
        return Verdict(kind=VerdictKind.UNKNOWN, reason=f"{len(kinds)} objects could not be checked")
    return Verdict(kind=VerdictKind.PASS)
