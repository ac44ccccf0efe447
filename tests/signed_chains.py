"""Clean chains of digests, signed by keys made here, and what there is of them in a bucket."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from hashlib import md5, sha256
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from trailkeep.core.layout import DigestKey, Family, LogKey, format_key
from trailkeep.keep.signing_keys import KeyRing, PublicKey, public_key

BUCKET = "logs"
START = datetime(2026, 1, 1, 0, 1, 31, tzinfo=UTC)
HOUR = timedelta(hours=1)


@cache
def private_key(name: str) -> rsa.RSAPrivateKey:
    """Return a key of this process by any name."""
    del name
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def der(name: str) -> bytes:
    """Return the public key as ListPublicKeys would."""
    return private_key(name).public_key().public_bytes(Encoding.DER, PublicFormat.PKCS1)


def fingerprint(name: str) -> str:
    """Return a key's fingerprint."""
    return md5(der(name), usedforsecurity=False).hexdigest()


def listed_key(name: str, region: str = "eu-central-1", **times: datetime) -> PublicKey:
    """Return a key as a region lists it."""
    return public_key(
        region=region,
        fingerprint=fingerprint(name),
        der=der(name),
        valid_from=times.get("valid_from", START - 30 * 24 * HOUR),
        valid_until=times.get("valid_until", START + 30 * 24 * HOUR),
    )


def ring(*names: str) -> KeyRing:
    """Return the keys of eu-central-1 by names."""
    return KeyRing(listed_key(name) for name in names or ("first",))


@dataclass
class Object:
    """A stored object."""

    body: bytes
    signature: str | None = None


@dataclass
class Chain:
    """Writes one chain; ``objects`` is the bucket, ``digests`` the keys in order."""

    account: str = "111111111111"
    region: str = "eu-central-1"
    organization: str = "o-exampleorgid"
    prefix: str = ""
    trail: str = "org-trail"
    home: str = "eu-central-1"
    objects: dict[str, Object] = field(default_factory=dict)
    digests: list[str] = field(default_factory=list)
    at: datetime = START
    previous: dict[str, Any] = field(default_factory=dict)
    count: int = 0

    def hours(self, logs: Iterable[int], *, key: str = "first") -> Chain:
        """Deliver an hour with so many logs for each number."""
        for many in logs:
            listed = [self.log(self.at + timedelta(minutes=5 + one)) for one in range(many)]
            self.digest(listed, key=key)
        return self

    def restart(self, pause: timedelta) -> Chain:
        """Let time pass without digests; the next one is a starting digest."""
        self.at += pause
        self.previous = {}
        return self

    def log(self, at: datetime) -> dict[str, Any]:
        """Store a log and return how a digest lists it."""
        self.count += 1
        name = LogKey(
            prefix=self.prefix,
            organization_id=self.organization,
            account_id=self.account,
            family=Family.EVENTS,
            region=self.region,
            delivered_at=at.replace(second=0),
            unique=f"{self.trail[:3].replace('-', 'x')}{self.count:013d}",
        )
        raw = json.dumps({"Records": [{"eventID": f"{self.trail}-{self.count}"}]}).encode()
        self.objects[format_key(name)] = Object(gzip.compress(raw, mtime=0))
        return {
            "s3Bucket": BUCKET,
            "s3Object": format_key(name),
            "hashValue": sha256(raw).hexdigest(),
            "hashAlgorithm": "SHA-256",
            "newestEventTime": f"{at:%Y-%m-%dT%H:%M:%SZ}",
            "oldestEventTime": f"{at:%Y-%m-%dT%H:%M:%SZ}",
        }

    def name(self, ends_at: datetime, *, backfill: bool = False) -> str:
        """Return the key of the digest that ends at a time."""
        return format_key(
            DigestKey(
                prefix=self.prefix,
                organization_id=self.organization,
                account_id=self.account,
                region=self.region,
                trail_name=self.trail,
                home_region=self.home,
                ends_at=ends_at,
                backfill=backfill,
            )
        )

    def digest(
        self, listed: Sequence[dict[str, Any]], *, key: str = "first", backfill: bool = False, **other: Any
    ) -> str:
        """Sign and store the digest of the next hour; a backfill digest does not move the chain."""
        ends_at = self.at + HOUR
        name = self.name(ends_at, backfill=backfill)
        previous = {} if backfill else self.previous
        content = {
            "awsAccountId": self.account,
            "digestStartTime": f"{self.at:%Y-%m-%dT%H:%M:%SZ}",
            "digestEndTime": f"{ends_at:%Y-%m-%dT%H:%M:%SZ}",
            "digestS3Bucket": BUCKET,
            "digestS3Object": name,
            "digestPublicKeyFingerprint": fingerprint(key),
            "digestSignatureAlgorithm": "SHA256withRSA",
            "newestEventTime": None,
            "oldestEventTime": None,
            "previousDigestS3Bucket": previous.get("bucket"),
            "previousDigestS3Object": previous.get("key"),
            "previousDigestHashValue": previous.get("sha256"),
            "previousDigestHashAlgorithm": "SHA-256" if previous else None,
            "previousDigestSignature": previous.get("signature"),
            "logFiles": list(listed),
            **other,
        }
        raw = json.dumps(content).encode()
        signed = sign(content, raw, key)
        self.objects[name] = Object(gzip.compress(raw, mtime=0), signed)
        if not backfill:
            self.digests.append(name)
            self.at = ends_at
            self.previous = {
                "bucket": BUCKET,
                "key": name,
                "sha256": sha256(raw).hexdigest(),
                "signature": signed,
            }
        return name


def sign(content: dict[str, Any], raw: bytes, key: str) -> str:
    """Return the hex signature of a digest, as the documentation describes it."""
    parts = (
        content["digestEndTime"],
        f"{content['digestS3Bucket']}/{content['digestS3Object']}",
        sha256(raw).hexdigest(),
        content["previousDigestSignature"] or "null",
    )
    return private_key(key).sign("\n".join(parts).encode(), PKCS1v15(), SHA256()).hex()
