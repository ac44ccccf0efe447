r"""One digest: its bytes read strictly, its signature, and the logs it names.

1. The object is exactly one gzip member; its content is hashed as it is (never re-serialised JSON).
2. The content is one JSON object without a repeated member; types, hex and algorithms are as documented.
3. Bucket, key, account, region and end time inside agree with where the object was read (else it was moved).
4. All five ``previousDigest*`` are there or all are null, and name an earlier digest of the same chain.
5. The signature is RSASSA-PKCS1-v1_5 with SHA-256 over
   ``end \n bucket/key \n hex(sha256(content)) \n previous signature or "null"``.

Source: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-validation-digest-file-structure.html
"""

from __future__ import annotations

import json
import re
import zlib
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Annotated, Any, Final, Literal

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from msgspec import Meta, field

from trailkeep.core.layout import DigestKey, parse_key
from trailkeep.keep.inflate import LIMIT_BYTES, LogFault, LogFileError, inflate
from trailkeep.keep.integrity import Finding, Kind, found
from trailkeep.keep.signing_keys import PublicKey, rsa_of

__all__ = [
    "DIGEST_LIMIT_BYTES",
    "Digest",
    "DigestError",
    "Listed",
    "LogCheck",
    "check_log",
    "read_digest",
    "signed_by",
    "string_to_sign",
]

DIGEST_LIMIT_BYTES: Final = 64 << 20
"""A digest names a log in some 400 bytes: this is room for 160,000 logs of one hour."""

_MAGIC = b"\x1f\x8b"
_GZIP_ONLY = 31
_SMALL_BYTES = 64 * 1024
_STEP_BYTES = 256 * 1024
_HEX_SIGNATURE = re.compile(r"[0-9a-fA-F]{512,2048}")
_Hash = Annotated[str, Meta(pattern=r"\A[0-9a-fA-F]{64}\Z")]
_Moment = Annotated[datetime, Meta(tz=True)]
_MEMBERS = 15  # of a digest
_STRINGS = 7  # of them are strings in every digest
_LOG_MEMBERS = 6
_LOG_STRINGS = 4


class DigestError(Exception):
    """The object is no digest that CloudTrail wrote here; ``kind`` and ``message`` become a finding."""

    def __init__(self, kind: Kind, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message


class Listed(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    gc=False,
    rename={
        "key": "s3Object",
        "bucket": "s3Bucket",
        "sha256": "hashValue",
        "algorithm": "hashAlgorithm",
        "newest": "newestEventTime",
        "oldest": "oldestEventTime",
    },
):
    """One log that a digest names; ``sha256`` is of the inflated bytes."""

    key: str
    bucket: str
    sha256: _Hash
    algorithm: Literal["SHA-256"]
    newest: _Moment | None
    oldest: _Moment | None


class _Content(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    aws_account_id: str
    digest_start_time: _Moment
    digest_end_time: str
    bucket: str = field(name="digestS3Bucket")
    key: str = field(name="digestS3Object")
    digest_public_key_fingerprint: Annotated[str, Meta(pattern=r"\A[0-9a-fA-F]{32}\Z")]
    digest_signature_algorithm: Literal["SHA256withRSA"]
    newest_event_time: _Moment | None
    oldest_event_time: _Moment | None
    previous_bucket: str | None = field(name="previousDigestS3Bucket")
    previous_key: str | None = field(name="previousDigestS3Object")
    previous_digest_hash_value: _Hash | None
    previous_digest_hash_algorithm: Literal["SHA-256"] | None
    previous_digest_signature: str | None
    log_files: tuple[Listed, ...]

    def quotes(self) -> int:
        """Return how many quotation marks the text has if no member is repeated and none is unknown."""
        maybe = (
            self.newest_event_time,
            self.oldest_event_time,
            self.previous_bucket,
            self.previous_key,
            self.previous_digest_hash_value,
            self.previous_digest_hash_algorithm,
            self.previous_digest_signature,
        )
        own = _MEMBERS + _STRINGS + len(maybe) - maybe.count(None)
        logs = len(self.log_files) * (_LOG_MEMBERS + _LOG_STRINGS)
        times = sum((log.newest is not None) + (log.oldest is not None) for log in self.log_files)
        return 2 * (own + logs + times)

    def end_is(self, moment: datetime) -> bool:
        """Whether the end time is a moment, to the second."""
        return self.digest_end_time == f"{moment:%Y-%m-%dT%H:%M:%SZ}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest:
    """A digest whose content agrees with its key; ``previous_*`` are None for a starting digest.

    ``end_text`` is the end time as it is written, ``sha256`` of the content, ``stored_sha256`` of the object.
    """

    bucket: str
    key: str
    account: str
    region: str
    trail_name: str
    home_region: str
    backfill: bool
    starts_at: datetime
    ends_at: datetime
    end_text: str
    fingerprint: str
    sha256: str
    stored_sha256: str
    logs: tuple[Listed, ...]
    previous_bucket: str | None
    previous_key: str | None
    previous_sha256: str | None
    previous_signature: str | None

    @property
    def object(self) -> str:
        """Where CloudTrail put it."""
        return f"s3://{self.bucket}/{self.key}"


_decode = msgspec.json.Decoder(_Content).decode


def read_digest(stored: bytes, *, bucket: str | None, key: str) -> Digest:
    """Read one digest; ``bucket`` is None where a copy does not know it, and the digest says it.

    Raises:
        DigestError: the object is not what CloudTrail wrote under this key.
    """
    raw = _unpacked(stored)
    content = _content(raw)
    name = _place(content, bucket, key)
    previous = _previous(content, name)
    ends_at = name.ends_at
    if content.digest_start_time >= ends_at:
        raise DigestError(
            Kind.DIGEST_UNEXPECTED,
            f"digest: expected a start before {ends_at}, got {content.digest_start_time}",
        )
    return Digest(
        bucket=content.bucket,
        key=key,
        account=name.account_id,
        region=name.region,
        trail_name=name.trail_name,
        home_region=name.home_region,
        backfill=name.backfill,
        starts_at=content.digest_start_time,
        ends_at=ends_at,
        end_text=content.digest_end_time,
        fingerprint=content.digest_public_key_fingerprint.lower(),
        sha256=sha256(raw).hexdigest(),
        stored_sha256=sha256(stored).hexdigest(),
        logs=content.log_files,
        previous_bucket=previous[0],
        previous_key=previous[1],
        previous_sha256=previous[2],
        previous_signature=previous[3],
    )


def string_to_sign(digest: Digest) -> bytes:
    """Return the bytes that CloudTrail signs for a digest."""
    previous = digest.previous_signature or "null"
    return f"{digest.end_text}\n{digest.bucket}/{digest.key}\n{digest.sha256}\n{previous}".encode()


def signed_by(digest: Digest, signature_hex: str, key: PublicKey) -> bool:
    """Whether the hex signature of a digest was made by a key."""
    if not _HEX_SIGNATURE.fullmatch(signature_hex) or len(signature_hex) % 2:
        return False
    try:
        rsa_of(key.der).verify(bytes.fromhex(signature_hex), string_to_sign(digest), PKCS1v15(), SHA256())
    except InvalidSignature:
        return False
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class LogCheck:
    """What one log is; ``content_sha256`` is empty where the content could not be read."""

    findings: tuple[Finding, ...]
    content_sha256: str
    stored_sha256: str

    @property
    def proven(self) -> bool:
        """Whether the content is what the digest says."""
        return all(finding.kind is Kind.NOTE_LOG_RECOMPRESSED for finding in self.findings)


def check_log(
    stored: bytes,
    listed: Listed,
    *,
    object: str,  # noqa: A002 - the field of a finding
    version: str = "",
    known_stored_sha256: str = "",
) -> LogCheck:
    """Compare the bytes of a log with what its digest says.

    ``known_stored_sha256`` is of the stored bytes at an earlier proof, empty where there was none.
    """
    stored_sha256 = sha256(stored).hexdigest()
    try:
        content = _log_sha256(stored)
    except LogFileError as error:
        trailing = error.kind == LogFault.TRAILING_DATA
        kind = Kind.LOG_TRAILING_DATA if trailing else Kind.LOG_BAD_GZIP
        fault = found(kind, object, error.message, version=version, expected=listed.sha256)
        return LogCheck(findings=(fault,), content_sha256="", stored_sha256=stored_sha256)
    findings: tuple[Finding, ...] = ()
    if content != listed.sha256.lower():
        findings = (_mismatch(object, version, listed.sha256, content),)
    elif known_stored_sha256 not in ("", stored_sha256):
        message = "log: expected the stored bytes of the earlier proof, got others with the same content"
        findings = (
            found(
                Kind.NOTE_LOG_RECOMPRESSED,
                object,
                message,
                version=version,
                expected=known_stored_sha256,
                actual=stored_sha256,
            ),
        )
    return LogCheck(findings=findings, content_sha256=content, stored_sha256=stored_sha256)


def _mismatch(subject: str, version: str, expected: str, actual: str) -> Finding:
    message = f"log: expected SHA-256 {expected}, got {actual}"
    return found(Kind.LOG_HASH_MISMATCH, subject, message, version=version, expected=expected, actual=actual)


def _log_sha256(stored: bytes) -> str:
    """Hash what is inside one strict gzip member without ever holding more than a part of a large one."""
    if stored[:2] != _MAGIC:
        raise LogFileError(
            LogFault.NOT_GZIP, f"gzip: expected the first bytes 1f 8b, got {stored[:2].hex(' ')}"
        )
    if len(stored) <= _SMALL_BYTES:
        return sha256(inflate(stored)).hexdigest()
    inflater, hasher, total, at = zlib.decompressobj(_GZIP_ONLY), sha256(), 0, 0
    view = memoryview(stored)
    try:
        while at < len(stored) and not inflater.eof:
            part = inflater.decompress(view[at : at + _STEP_BYTES], LIMIT_BYTES)
            at += _STEP_BYTES
            hasher.update(part)
            total += len(part)
            if total > LIMIT_BYTES:
                raise LogFileError(
                    LogFault.TOO_LARGE, f"gzip: expected at most {LIMIT_BYTES} bytes, got more"
                )
    except zlib.error as error:
        raise LogFileError(LogFault.BAD_GZIP, f"gzip: expected a whole member, got {error}") from error
    if not inflater.eof:
        raise LogFileError(
            LogFault.TRUNCATED, "gzip: expected the end of the member, got the end of the object"
        )
    if inflater.unused_data or at < len(stored):
        raise LogFileError(LogFault.TRAILING_DATA, "gzip: expected nothing behind the first member, got more")
    return hasher.hexdigest()


def _unpacked(stored: bytes) -> bytes:
    if stored[:2] != _MAGIC:
        raise _damaged(f"expected gzip, got the first bytes {stored[:2].hex(' ')}")
    try:
        return inflate(stored, limit_bytes=DIGEST_LIMIT_BYTES)
    except LogFileError as error:
        if error.kind == LogFault.TRAILING_DATA:
            raise DigestError(Kind.DIGEST_TRAILING_DATA, error.message) from error
        raise _damaged(error.message) from error


def _content(raw: bytes) -> _Content:
    try:
        content = _decode(raw)
    except (msgspec.DecodeError, RecursionError, ValueError, OverflowError) as error:
        raise _damaged(f"expected a digest's JSON, got {str(error)[:200]}") from error
    if b"\\" in raw or raw.count(b'"') != content.quotes():
        _refuse_repeated(raw)
    return content


def _refuse_repeated(raw: bytes) -> None:
    """Read the text again, slowly, because the quick count of members does not add up."""
    try:
        json.loads(raw, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise _damaged(f"expected each member of an object once, got {str(error)[:200]}") from error


def _once(pairs: list[tuple[str, Any]]) -> None:
    if len({name for name, _ in pairs}) != len(pairs):
        raise ValueError("a repeated member")


def _place(content: _Content, bucket: str | None, key: str) -> DigestKey:
    """Step 3: the digest is where it says, and says what its key says."""
    if content.key != key or (bucket is not None and content.bucket != bucket):
        there = f"s3://{content.bucket}/{content.key}"
        raise DigestError(Kind.DIGEST_MOVED, f"digest: expected at {there[:600]}, got it at {key}")
    name = parse_key(key)
    if not isinstance(name, DigestKey):
        raise DigestError(Kind.DIGEST_UNEXPECTED, f"{key}: expected the key of a digest, got another")
    if not content.end_is(name.ends_at) or content.aws_account_id != name.account_id:
        said = f"{content.aws_account_id[:40]} {content.digest_end_time[:40]}"
        raise DigestError(Kind.DIGEST_UNEXPECTED, f"digest: expected account and end of its key, got {said}")
    return name


def _previous(content: _Content, name: DigestKey) -> tuple[str | None, str | None, str | None, str | None]:
    """Step 4; bucket, prefix and organization may change with the trail, the rest of a chain may not."""
    parts = (
        content.previous_bucket,
        content.previous_key,
        content.previous_digest_hash_value,
        content.previous_digest_signature,
    )
    algorithm = content.previous_digest_hash_algorithm
    if all(part is None for part in (*parts, algorithm)):
        return parts
    if not all(parts) or algorithm is None or not _HEX_SIGNATURE.fullmatch(parts[3] or ""):
        raise _damaged("expected all five previousDigest fields or none of them, got some")
    before = parse_key(parts[1] or "")
    if not isinstance(before, DigestKey) or _chain(before) != _chain(name):
        raise DigestError(
            Kind.DIGEST_CHAIN_MISMATCH, f"digest: expected a previous one of its chain, got {parts[1]}"
        )
    if before.ends_at > name.ends_at or (parts[0], parts[1]) == (content.bucket, content.key):
        raise DigestError(
            Kind.DIGEST_CHAIN_MISMATCH, f"digest: expected an earlier previous one, got {parts[1]}"
        )
    return (parts[0], parts[1], (parts[2] or "").lower(), parts[3])


def _chain(key: DigestKey) -> tuple[str, str, str, str]:
    return key.account_id, key.region, key.trail_name, key.home_region


def _damaged(message: str) -> DigestError:
    return DigestError(
        Kind.DIGEST_BAD_SIGNATURE, f"digest: {message}; these are not the bytes that were signed"
    )
