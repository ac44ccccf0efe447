"""What verification can find, how bad it is, what it does to the verdict, and what to do about it.

Source: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-validation-intro.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Final

import msgspec

from trailkeep.core.verdict import Verdict, VerdictKind

__all__ = [
    "FINDING_COLUMNS",
    "REMEDY",
    "SEVERITY",
    "WEIGHT",
    "Finding",
    "Kind",
    "Severity",
    "found",
    "outcome",
]


class Kind(StrEnum):
    """What can be found; the values are stable."""

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
    """How urgent a finding is."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    INFO = "info"


_HIGH = (
    Kind.LOG_MISSING,
    Kind.LOG_BAD_GZIP,
    Kind.DIGEST_COVERAGE_GAP,
    Kind.DIGEST_MISSING,
    Kind.DIGEST_MOVED,
    Kind.DIGEST_UNKNOWN_KEY,
    Kind.DIGEST_UNEXPECTED,
    Kind.OBJECT_DELETE_MARKER,
    Kind.LOCK_MISSING,
)
_MEDIUM = (Kind.DIGEST_METADATA_LOST, Kind.OBJECT_UNREADABLE, Kind.LOCK_SHORT)
_NOTES = (Kind.NOTE_LOG_RECOMPRESSED, Kind.NOTE_GAP_EXPLAINED, Kind.NOTE_PENDING)


def _severity(kind: Kind) -> Severity:
    if kind in _NOTES:
        return Severity.INFO
    if kind in _MEDIUM:
        return Severity.MEDIUM
    return Severity.HIGH if kind in _HIGH else Severity.CRITICAL


SEVERITY: Final[Mapping[Kind, Severity]] = {kind: _severity(kind) for kind in Kind}

WEIGHT: Final[Mapping[Kind, VerdictKind]] = {
    kind: VerdictKind.PASS
    if kind in _NOTES
    else VerdictKind.UNKNOWN
    if kind in (Kind.OBJECT_UNREADABLE, Kind.DIGEST_UNKNOWN_KEY)
    else VerdictKind.FAIL
    for kind in Kind
}
"""What one finding of a kind makes of the verdict, unless the finding itself says worse."""

_ALTERED = "treat the object as altered; restore the version that matches, or keep both as evidence"
_GONE = "look for an older version or a copy of the object and restore it; find out who deleted it"
_HOURS = "look in Event history and in the trail's own events for what stopped the digests"
REMEDY: Final[Mapping[Kind, str]] = {
    Kind.LOG_HASH_MISMATCH: _ALTERED,
    Kind.LOG_MISSING: _GONE,
    Kind.LOG_BAD_GZIP: _ALTERED,
    Kind.LOG_TRAILING_DATA: _ALTERED,
    Kind.LOG_UNLISTED: "do not trust the log: no digest vouches for it; find out who wrote it",
    Kind.DIGEST_MISSING: _GONE,
    Kind.DIGEST_COVERAGE_GAP: _HOURS,
    Kind.CHAIN_ABSENT: "restore the digests of this account and region, or check that the trail covers them",
    Kind.ACCOUNT_ABSENT: "restore the folder of this account, or check that the trail covers it",
    Kind.DIGEST_BAD_SIGNATURE: _ALTERED,
    Kind.DIGEST_UNKNOWN_KEY: "fetch the region's public keys for that time with 'trailkeep keys export'",
    Kind.DIGEST_CHAIN_MISMATCH: _ALTERED,
    Kind.DIGEST_MOVED: "restore the object that CloudTrail wrote under this key",
    Kind.DIGEST_METADATA_LOST: "restore the version that has CloudTrail's metadata",
    Kind.DIGEST_TRAILING_DATA: _ALTERED,
    Kind.DIGEST_UNEXPECTED: "find out who wrote the object; CloudTrail writes none such",
    Kind.OBJECT_UNREADABLE: "grant s3:GetObject and kms:Decrypt, or restore it from Glacier; run it again",
    Kind.OBJECT_DELETE_MARKER: "delete the delete marker, and find out who set it",
    Kind.LOCK_MISSING: "set a default retention on the bucket and a retention on the object",
    Kind.LOCK_SHORT: "extend the retention of the object",
    Kind.HEAD_ROLLED_BACK: "restore the newer digests from their versions; find out who removed them",
    Kind.NOTE_LOG_RECOMPRESSED: "nothing: the content is what CloudTrail delivered",
    Kind.NOTE_GAP_EXPLAINED: "check that the change of the trail was intended",
    Kind.NOTE_PENDING: "run it again after the next digest",
}


FINDING_COLUMNS: Final = (
    "kind",
    "severity",
    "object",
    "version",
    "account",
    "region",
    "message",
    "expected",
    "actual",
    "remedy",
)
"""The fields of a finding in tables, in their order."""


class Finding(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing found; ``object`` is ``s3://bucket/key``, a path, or ``account/region`` where no object is.

    ``verdict`` is what the finding alone makes of the outcome.
    """

    kind: Kind
    severity: Severity
    object: str
    message: str
    remedy: str
    verdict: VerdictKind
    version: str = ""
    account: str = ""
    region: str = ""
    expected: str = ""
    actual: str = ""


def found(
    kind: Kind,
    subject: str,
    message: str,
    *,
    version: str = "",
    account: str = "",
    region: str = "",
    expected: str = "",
    actual: str = "",
    remedy: str = "",
    verdict: VerdictKind | None = None,
) -> Finding:
    """Return a finding with the severity, verdict and remedy of its kind unless told otherwise."""
    return Finding(
        kind=kind,
        severity=SEVERITY[kind],
        object=subject,
        message=message,
        remedy=remedy or REMEDY[kind],
        verdict=verdict or WEIGHT[kind],
        version=version,
        account=account,
        region=region,
        expected=expected,
        actual=actual,
    )


def outcome(findings: Iterable[Finding], checked: int) -> Verdict:
    """Return the verdict over ``checked`` digests and logs; nothing checked is UNKNOWN, never PASS.

    >>> str(outcome([], 3)), str(outcome([], 0))
    ('PASS', 'UNKNOWN (nothing was checked)')
    """
    weights = [finding.verdict for finding in findings]
    failed, unknown = weights.count(VerdictKind.FAIL), weights.count(VerdictKind.UNKNOWN)
    if failed:
        return Verdict(kind=VerdictKind.FAIL, reason=f"{failed} findings of tampering or loss")
    if unknown:
        return Verdict(kind=VerdictKind.UNKNOWN, reason=f"{unknown} objects could not be checked")
    if checked <= 0:
        return Verdict(kind=VerdictKind.UNKNOWN, reason="nothing was checked")
    return Verdict(kind=VerdictKind.PASS)
