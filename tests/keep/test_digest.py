"""One digest, read strictly whatever it holds."""

from __future__ import annotations

import gzip
import json
from datetime import timedelta
from hashlib import sha256
from typing import Any

import pytest

from signed_chains import BUCKET, HOUR, START, Chain, listed_key
from trailkeep.keep.digest import DigestError, Listed, check_log, read_digest, signed_by, string_to_sign
from trailkeep.keep.signing_keys import public_key

CHAIN = Chain().hours([1, 1])
KEY = CHAIN.digests[1]
RAW = gzip.decompress(CHAIN.objects[KEY].body)
DEEP = b"[" * 200_000 + b"]" * 200_000


def _fault(stored: bytes, key: str = KEY, bucket: str = BUCKET) -> str:
    with pytest.raises(DigestError) as caught:
        read_digest(stored, bucket=bucket, key=key)
    return caught.value.kind


def _with(**fields: Any) -> bytes:
    return gzip.compress(json.dumps({**json.loads(RAW), **fields}).encode())


def test_genuine() -> None:
    """A digest says what it holds, and its signature is that of its key over the documented string."""
    stored = CHAIN.objects[KEY]
    digest = read_digest(stored.body, bucket=BUCKET, key=KEY)
    assert (digest.account, digest.region, digest.trail_name) == ("111111111111", "eu-central-1", "org-trail")
    assert (digest.starts_at, digest.ends_at) == (START + HOUR, START + 2 * HOUR)
    assert [log.key for log in digest.logs] == [log["s3Object"] for log in json.loads(RAW)["logFiles"]]
    assert string_to_sign(digest).count(b"\n") == 3
    signature = stored.signature or ""
    assert signed_by(digest, signature, listed_key("first"))
    assert signed_by(digest, signature.upper(), listed_key("first"))
    assert not signed_by(digest, signature, listed_key("second"))
    for bad in ("", "zz" * 256, signature[:-2], signature + "00", " " + signature, "é" * 512):
        assert not signed_by(digest, bad, listed_key("first"))


def test_starting() -> None:
    """A starting digest signs the word null in place of a previous signature."""
    stored = CHAIN.objects[CHAIN.digests[0]]
    digest = read_digest(stored.body, bucket=BUCKET, key=CHAIN.digests[0])
    assert string_to_sign(digest).endswith(b"\nnull")
    assert signed_by(digest, stored.signature or "", listed_key("first"))


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"null", b"[]", b"{}", DEEP, b"\xff\xfe", RAW[:-1], RAW + b"{}",
        RAW.replace(b"{", b'{"x":' + DEEP + b",", 1),
        RAW.replace(b"{", b'{"awsAccountId":"111111111111",', 1),
        RAW.replace(b'"hashValue"', b'"hashValue":"' + b"0" * 64 + b'","hashValue"', 1),
        RAW.replace(b"{", b'{"aws\\u0041ccountId":"111111111111",', 1),
        RAW.replace(b"{", b'{"x":1,"x":2,"y":"\\n",', 1),
        RAW.replace(b'"digestEndTime"', b'"digestEndTime":NaN,"x"', 1),
    ],
)  # fmt: skip
def test_hostile_text(raw: bytes) -> None:
    """What is no digest's JSON is named as not what was signed, never a traceback."""
    assert _fault(gzip.compress(raw)) == "digest.bad_signature"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("awsAccountId", 111111111111),
        ("digestStartTime", 10**400),
        ("digestStartTime", "2026-01-01T00:01:31"),
        ("digestEndTime", None),
        ("digestPublicKeyFingerprint", "é" * 32),
        ("digestSignatureAlgorithm", "SHA1withRSA"),
        ("previousDigestHashAlgorithm", None),
        ("previousDigestSignature", None),
        ("previousDigestSignature", "xx"),
        ("previousDigestHashValue", "0" * 63),
        ("logFiles", None),
        ("logFiles", {}),
        ("logFiles", [{"s3Object": "x"}]),
    ],
)
def test_hostile_fields(field: str, value: Any) -> None:
    """A field of another type, size or form than documented is refused."""
    assert _fault(_with(**{field: value})) == "digest.bad_signature"


def test_places() -> None:
    """A digest found elsewhere was moved; one that contradicts its own key is unexpected."""
    body = CHAIN.objects[KEY].body
    assert _fault(body, key=CHAIN.digests[0]) == "digest.moved"
    assert _fault(body, bucket="other") == "digest.moved"
    assert _fault(_with(awsAccountId="222222222222")) == "digest.unexpected"
    assert _fault(_with(digestEndTime="2026-01-01T05:01:31Z")) == "digest.unexpected"
    assert _fault(_with(digestStartTime="2026-01-01T02:01:31Z")) == "digest.unexpected"
    assert read_digest(body, bucket=None, key=KEY).bucket == BUCKET


@pytest.mark.parametrize(
    "other", [Chain(account="222222222222"), Chain(region="us-east-1"), Chain(trail="x")]
)
def test_other_chain(other: Chain) -> None:
    """A previous digest of another account, region or trail is no link of this chain."""
    foreign = other.hours([0]).digests[0]
    assert _fault(_with(previousDigestS3Object=foreign)) == "digest.chain_mismatch"
    assert _fault(_with(previousDigestS3Object=KEY)) == "digest.chain_mismatch"


def test_gzip() -> None:
    """A digest is one gzip member and nothing else, and no bomb is inflated."""
    body = CHAIN.objects[KEY].body
    assert _fault(body + body) == "digest.trailing_data"
    for stored in (b"", RAW, body[:-1], body[:5], gzip.compress(b" " * 200_000_000, 9)):
        assert _fault(stored) == "digest.bad_signature"


def _listed(sha256: str) -> Listed:
    return Listed(key="k", bucket=BUCKET, sha256=sha256, algorithm="SHA-256", newest=None, oldest=None)


def test_log() -> None:
    """A log is proven by its content; other stored bytes of the same content are only a note."""
    entry = json.loads(RAW)["logFiles"][0]
    body = CHAIN.objects[entry["s3Object"]].body
    listed = _listed(entry["hashValue"].upper())
    first = check_log(body, listed, object="k")
    assert (first.findings, first.proven, first.content_sha256) == ((), True, entry["hashValue"])
    packed = gzip.compress(gzip.decompress(body), 1, mtime=7)
    again = check_log(packed, listed, object="k", known_stored_sha256=first.stored_sha256)
    assert [finding.kind for finding in again.findings] == ["note.log_recompressed"]
    assert again.proven


@pytest.mark.parametrize("size", [100, 3_000_000])
def test_large_log(size: int) -> None:
    """Small and large logs are judged alike: whole, cut, followed by more, damaged, unpacked."""
    raw = bytes((at * at * 31 + at // 7) % 251 for at in range(size))
    stored = gzip.compress(raw, 1)
    good = _listed(sha256(raw).hexdigest())
    damaged = bytearray(stored)
    damaged[-6] ^= 1
    for body, kinds in (
        (stored, []),
        (stored[:-1], ["log.bad_gzip"]),
        (stored + stored, ["log.trailing_data"]),
        (bytes(damaged), ["log.bad_gzip"]),
        (raw, ["log.bad_gzip"]),
        (b"", ["log.bad_gzip"]),
        (gzip.compress(raw + b"x"), ["log.hash_mismatch"]),
    ):
        assert [finding.kind for finding in check_log(body, good, object="k").findings] == kinds


def test_key_times() -> None:
    """The signature does not depend on when its key was valid; the ring does."""
    digest = read_digest(CHAIN.objects[KEY].body, bucket=BUCKET, key=KEY)
    key = listed_key("first", valid_from=START - timedelta(days=9), valid_until=START - timedelta(days=8))
    assert signed_by(digest, CHAIN.objects[KEY].signature or "", key)
    same = public_key(
        region="x", fingerprint=key.fingerprint, der=key.der, valid_from=START, valid_until=START
    )
    assert same.sha256 == key.sha256
