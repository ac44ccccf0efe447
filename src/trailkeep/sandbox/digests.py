"""Digests as CloudTrail writes them: a signed list of the logs of every hour, chained to the one before it.

::

    starting digest ── hour ── empty hour ── ... ── final digest   | stopped |   starting digest ── ...
                        └ a log that this digest forgot
                                  └ backfill digest ── backfill digest          (a chain of their own)

One ``Chain`` is of one trail, account and Region. It knows no clock: the caller says how far time has come.
How CloudTrail fills the previous digest of a backfill digest, and what it does after a digest was refused, is
not documented. Here a backfill digest follows the backfill digest before it; a refused digest is not tried
again, the next one follows the last that was written, and its logs are named by a backfill digest.

Source: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-validation-digest-file-structure.html
"""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from trailkeep.core.layout import DigestKey, format_key
from trailkeep.core.times import format_moment
from trailkeep.sandbox.signing import ALGORITHM, SigningKey, SigningKeys

__all__ = ["HOUR", "Chain", "DigestPlace", "ListedLog", "Put", "Written", "hour_of", "sign_digest"]

HOUR = timedelta(hours=1)
BACKFILL_DELAY = timedelta(hours=6)
_SECOND = timedelta(seconds=1)
_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestPlace:
    """Whose digests a chain holds; ``prefix`` ends with a slash or is empty, ``organization_id`` too."""

    prefix: str
    organization_id: str
    account_id: str
    region: str
    trail_name: str
    home_region: str

    def key(self, ends_at: datetime, *, backfill: bool) -> str:
        """Return the key of the digest that ends at a moment."""
        return format_key(
            DigestKey(
                prefix=self.prefix,
                organization_id=self.organization_id,
                account_id=self.account_id,
                region=self.region,
                trail_name=self.trail_name,
                home_region=self.home_region,
                ends_at=ends_at,
                backfill=backfill,
            )
        )

    @property
    def phase(self) -> timedelta:
        """The minute and second at which the hours of this chain end."""
        text = f"{self.account_id} {self.region} {self.trail_name} {self.home_region}"
        return timedelta(seconds=int.from_bytes(hashlib.sha256(text.encode()).digest()[:4]) % 3600)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedLog:
    """One log for a digest to name; ``sha256`` is of the inflated bytes."""

    bucket: str
    key: str
    sha256: str
    oldest: datetime
    newest: datetime
    delivered_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A digest that was written: what the next one says of it."""

    bucket: str
    key: str
    sha256: str
    signature: str


@dataclass(slots=True, kw_only=True)
class Chain:
    """The digests of one trail, account and Region; ``starts_at`` is when the hour began that is open."""

    place: DigestPlace
    bucket: str
    keys: SigningKeys
    put: Put
    starts_at: datetime
    written: int = 0
    is_open: bool = False
    _last: Written | None = None
    _last_backfill: Written | None = None
    _backfill_ends: datetime = _NEVER
    _waiting: list[ListedLog] = field(default_factory=list)
    _forgotten: list[ListedLog] = field(default_factory=list)

    def open(self, at: datetime) -> None:
        """Begin with a starting digest, unless the chain goes on."""
        if not self.is_open:
            self.starts_at = max(at, self.starts_at) if self.written else at
            self.is_open, self._last = True, None

    def note(self, log: ListedLog, *, is_forgotten: bool = False) -> None:
        """Take a log that was delivered; a forgotten one, or one too late, is for a backfill digest."""
        late = is_forgotten or log.delivered_at < self.starts_at
        (self._forgotten if late else self._waiting).append(log)

    def advance(self, now: datetime) -> None:
        """Write the digests of all hours that are over at ``now``, and the backfill digests that are due."""
        while self.is_open and (ends_at := _next_end(self.starts_at, self.place.phase)) <= now:
            self._close(ends_at)
            due = [log for log in self._forgotten if log.delivered_at + BACKFILL_DELAY <= ends_at]
            self._fill_back(due, generated_at=ends_at)

    def finish(self, now: datetime) -> None:
        """Write the final digest of a chain: logging ended at ``now``."""
        if not self.is_open:
            return
        self.advance(now)
        if now > self.starts_at or self._waiting:
            self._close(max(now, self.starts_at + _SECOND))
        self._fill_back(list(self._forgotten), generated_at=self.starts_at)
        self.is_open = False

    def _close(self, ends_at: datetime) -> None:
        named = [log for log in self._waiting if log.delivered_at <= ends_at]
        self._waiting = [log for log in self._waiting if log.delivered_at > ends_at]
        written = self._write(named, self._last, self.starts_at, ends_at, generated_at=None)
        self.starts_at = ends_at
        if written:
            self._last = written
        else:
            self._forgotten += named

    def _fill_back(self, logs: list[ListedLog], *, generated_at: datetime) -> None:
        if not logs:
            return
        begins = _next_end(min(log.delivered_at for log in logs), self.place.phase) - HOUR
        ends_at = _next_end(max(log.delivered_at for log in logs), self.place.phase)
        ends_at = max(ends_at, self._backfill_ends + _SECOND)
        written = self._write(logs, self._last_backfill, begins, ends_at, generated_at=generated_at)
        if written:
            self._last_backfill, self._backfill_ends = written, ends_at
            self._forgotten = [log for log in self._forgotten if log not in logs]

    def _write(
        self,
        logs: list[ListedLog],
        previous: Written | None,
        starts_at: datetime,
        ends_at: datetime,
        *,
        generated_at: datetime | None,
    ) -> Written | None:
        key = self.place.key(ends_at, backfill=generated_at is not None)
        signer = self.keys.signing(self.place.region, generated_at or ends_at)
        document = {
            "awsAccountId": self.place.account_id,
            "digestStartTime": format_moment(starts_at),
            "digestEndTime": format_moment(ends_at),
            "digestS3Bucket": self.bucket,
            "digestS3Object": key,
            "digestPublicKeyFingerprint": signer.fingerprint,
            "digestSignatureAlgorithm": ALGORITHM,
            "newestEventTime": format_moment(max(log.newest for log in logs)) if logs else None,
            "oldestEventTime": format_moment(min(log.oldest for log in logs)) if logs else None,
            **_previous(previous),
            "logFiles": [_listed(log) for log in sorted(logs, key=lambda log: log.key)],
        }
        body, metadata = sign_digest(document, signer)
        if generated_at is not None:
            metadata["backfill-generation-timestamp"] = format_moment(generated_at)
        if not self.put(self, key, gzip.compress(body, mtime=0), metadata, generated_at or ends_at):
            return None
        self.written += 1
        digest = hashlib.sha256(body).hexdigest()
        return Written(bucket=self.bucket, key=key, sha256=digest, signature=metadata["signature"])


Put = Callable[[Chain, str, bytes, dict[str, str], datetime], bool]
"""Writes a digest of a chain under a key, with body, metadata and time; says whether it was let."""


def sign_digest(document: Mapping[str, Any], signer: SigningKey) -> tuple[bytes, dict[str, str]]:
    """Return a digest's JSON as bytes, and the metadata of its object with the signature over them."""
    body = json.dumps(document, separators=(",", ":")).encode()
    text = "\n".join(
        (
            document["digestEndTime"],
            f"{document['digestS3Bucket']}/{document['digestS3Object']}",
            hashlib.sha256(body).hexdigest(),
            document["previousDigestSignature"] or "null",
        )
    )
    return body, {"signature": signer.sign(text.encode()), "signature-algorithm": ALGORITHM}


def _next_end(after: datetime, phase: timedelta) -> datetime:
    """Return the end of a chain's hour that holds a moment."""
    hour = after.replace(minute=0, second=0, microsecond=0) + phase
    return hour if hour > after else hour + HOUR


def hour_of(moment: datetime, place: DigestPlace) -> datetime:
    """Return when the hour of a chain that holds a moment began."""
    return _next_end(moment, place.phase) - HOUR


def _previous(previous: Written | None) -> dict[str, str | None]:
    return {
        "previousDigestS3Bucket": previous.bucket if previous else None,
        "previousDigestS3Object": previous.key if previous else None,
        "previousDigestHashValue": previous.sha256 if previous else None,
        "previousDigestHashAlgorithm": "SHA-256" if previous else None,
        "previousDigestSignature": previous.signature if previous else None,
    }


def _listed(log: ListedLog) -> dict[str, str]:
    return {
        "s3Bucket": log.bucket,
        "s3Object": log.key,
        "hashValue": log.sha256,
        "hashAlgorithm": "SHA-256",
        "newestEventTime": format_moment(log.newest),
        "oldestEventTime": format_moment(log.oldest),
    }
