"""A small archive with really signed digests, and the result of its verification."""

from __future__ import annotations

import gzip
import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from trailkeep.cli.verify_html import page
from trailkeep.core.verdict import VerdictKind
from trailkeep.keep.dsse import Signer
from trailkeep.keep.integrity import Finding, Kind, found
from trailkeep.keep.statement import LIMITS
from trailkeep.keep.verification import (
    ChainVerdict,
    DayCell,
    DayState,
    DigestProof,
    Head,
    KeyUse,
    ObjectVerdict,
    Scope,
    Standing,
    Tool,
    Verification,
)
from trailkeep.workflows.report import write_report

BUCKET, ACCOUNT, REGION, TRAIL = "trail-logs", "111111111111", "eu-central-1", "org"
START = datetime(2026, 5, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """A verification with the rows that its report takes."""

    found: Verification
    objects: tuple[ObjectVerdict, ...]
    digests: tuple[DigestProof, ...]


@cache
def rsa_key() -> rsa.RSAPrivateKey:
    """Return the key that the digests are signed with, made once."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def key_use() -> KeyUse:
    """Return the public half as CloudTrail lists it."""
    der = rsa_key().public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.PKCS1)
    return KeyUse(
        region=REGION,
        fingerprint=hashlib.md5(der).hexdigest(),  # noqa: S324 - the fingerprint that CloudTrail uses
        sha256=hashlib.sha256(der).hexdigest(),
        valid_from=START - 30 * 24 * HOUR,
        valid_until=START + 30 * 24 * HOUR,
        source="ListPublicKeys",
        digests=0,
        der=der,
    )


def archive(folder: Path, *, hours: int = 3) -> Proof:
    """Write a bucket's copy with a digest an hour and two logs in each but the first; return its proof."""
    objects: list[ObjectVerdict] = []
    digests: list[DigestProof] = []
    previous = ("", "", "")
    for hour in range(hours):
        ends_at = START + hour * HOUR
        logs = [] if hour == 0 else [_log(folder, ends_at, number) for number in range(2)]
        key, proof, body, stored = _digest(ends_at, logs, previous)
        _put(folder, key, stored)
        previous = (key, proof.sha256, proof.signature)
        digests.append(proof)
        objects.append(_row(key, "digest", ends_at, (stored, body), ""))
        objects += [_row(name, "log", ends_at, (data, content), key) for name, data, content in logs]
    objects.sort(key=lambda one: (one.object, one.version))
    found = _verification(digests, logs=2 * (hours - 1), ends_at=START + (hours - 1) * HOUR)
    return Proof(found=found, objects=tuple(objects), digests=tuple(digests))


def write(folder: Path, proof: Proof, *, signer: Signer | None) -> None:
    """Write the report of a verification."""
    write_report(
        folder, proof.found, objects=proof.objects, digests=proof.digests, render=page, signer=signer
    )


def finding(kind: Kind = Kind.LOG_MISSING, *, message: str = "a log is not there") -> Finding:
    """Return a finding."""
    return found(
        kind,
        f"s3://{BUCKET}/AWSLogs/{ACCOUNT}/CloudTrail/{REGION}/x.json.gz",
        message,
        account=ACCOUNT,
        region=REGION,
        expected="a",
        actual="b",
        remedy="restore it",
    )


def _put(folder: Path, key: str, data: bytes) -> None:
    path = folder / key
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def _log(folder: Path, at: datetime, number: int) -> tuple[str, bytes, bytes]:
    content = json.dumps({"Records": [{"eventID": f"{at:%H}-{number}"}]}).encode()
    name = f"{ACCOUNT}_CloudTrail_{REGION}_{at:%Y%m%dT%H%MZ}_{number:016d}.json.gz"
    key = f"AWSLogs/{ACCOUNT}/CloudTrail/{REGION}/{at:%Y/%m/%d}/{name}"
    stored = gzip.compress(content, mtime=0)
    _put(folder, key, stored)
    return key, stored, content


def _digest(
    at: datetime, logs: list[tuple[str, bytes, bytes]], previous: tuple[str, str, str]
) -> tuple[str, DigestProof, bytes, bytes]:
    name = f"{ACCOUNT}_CloudTrail-Digest_{REGION}_{TRAIL}_{REGION}_{at:%Y%m%dT%H%M%SZ}.json.gz"
    key = f"AWSLogs/{ACCOUNT}/CloudTrail-Digest/{REGION}/{at:%Y/%m/%d}/{name}"
    end = f"{at:%Y-%m-%dT%H:%M:%SZ}"
    document = {
        "awsAccountId": ACCOUNT,
        "digestStartTime": f"{at - HOUR:%Y-%m-%dT%H:%M:%SZ}",
        "digestEndTime": end,
        "digestS3Bucket": BUCKET,
        "digestS3Object": key,
        "digestPublicKeyFingerprint": key_use().fingerprint,
        "digestSignatureAlgorithm": "SHA256withRSA",
        "newestEventTime": end if logs else None,
        "oldestEventTime": end if logs else None,
        "previousDigestS3Bucket": BUCKET if previous[0] else None,
        "previousDigestS3Object": previous[0] or None,
        "previousDigestHashValue": previous[1] or None,
        "previousDigestHashAlgorithm": "SHA-256" if previous[0] else None,
        "previousDigestSignature": previous[2] or None,
        "logFiles": [
            {
                "s3Bucket": BUCKET,
                "s3Object": name,
                "hashValue": hashlib.sha256(content).hexdigest(),
                "hashAlgorithm": "SHA-256",
                "newestEventTime": end,
                "oldestEventTime": end,
            }
            for name, _, content in logs
        ],
    }
    body = json.dumps(document).encode()
    sha256 = hashlib.sha256(body).hexdigest()
    text = f"{end}\n{BUCKET}/{key}\n{sha256}\n{previous[2] or 'null'}".encode()
    signature = rsa_key().sign(text, padding.PKCS1v15(), hashes.SHA256()).hex()
    proof = DigestProof(
        key=key, region=REGION, fingerprint=key_use().fingerprint, sha256=sha256, signature=signature
    )
    return key, proof, body, gzip.compress(body, mtime=0)


def _row(key: str, kind: str, at: datetime, data: tuple[bytes, bytes], listed_in: str) -> ObjectVerdict:
    stored, content = data
    return ObjectVerdict(
        object=f"s3://{BUCKET}/{key}",
        kind=kind,
        account=ACCOUNT,
        region=REGION,
        standing=Standing.VERIFIED,
        stored_sha256=hashlib.sha256(stored).hexdigest(),
        content_sha256=hashlib.sha256(content).hexdigest(),
        listed_in=listed_in,
        size_bytes=len(stored),
        ends_at=at,
        checked_at=START + 6 * HOUR,
    )


def _verification(digests: list[DigestProof], *, logs: int, ends_at: datetime) -> Verification:
    head = digests[-1]
    return Verification(
        verdict=VerdictKind.PASS,
        findings=(),
        chains=(
            ChainVerdict(
                account=ACCOUNT,
                region=REGION,
                trail_name=TRAIL,
                home_region=REGION,
                digests_expected=len(digests),
                digests_verified=len(digests),
                digests_failed=0,
                logs_listed=logs,
                logs_verified=logs,
                logs_failed=0,
                logs_unlisted=0,
                first_key=digests[0].key,
                head=Head(
                    account=ACCOUNT,
                    region=REGION,
                    trail_name=TRAIL,
                    key=head.key,
                    sha256=head.sha256,
                    signature=head.signature,
                    ends_at=ends_at,
                ),
                hours_covered=len(digests),
                hours_explained=0,
                hours_uncovered=0,
            ),
        ),
        cells=(
            DayCell(
                account=ACCOUNT,
                region=REGION,
                day=date(2026, 5, 1),
                state=DayState.PROVEN,
                hours={DayState.PROVEN: len(digests)},
            ),
        ),
        keys=(key_use(),),
        scope=Scope(
            archive=f"s3://{BUCKET}",
            accounts=(ACCOUNT,),
            regions=(REGION,),
            since=START - HOUR,
            until=ends_at,
            as_of=START + 6 * HOUR,
            expected_from="the archive itself",
            mode="offline",
        ),
        started_at=START + 6 * HOUR,
        ended_at=START + 6 * HOUR,
        tool=Tool(name="trailkeep", version="0.1.0"),
        not_claimed=LIMITS,
    )
