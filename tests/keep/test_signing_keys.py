"""The public keys that sign digests."""

from __future__ import annotations

from base64 import b64decode
from datetime import UTC, datetime, timedelta
from hashlib import md5

import msgspec
import pytest

from signed_chains import START, der, fingerprint, listed_key
from trailkeep.keep.signing_keys import (
    SLACK,
    BundleKey,
    KeyRing,
    PublicKey,
    SigningKeyError,
    decode_bundle,
    encode_bundle,
    extend_bundle,
    public_key,
)

# The keys that AWS prints as samples of ListPublicKeys.
# https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-custom-validation.html
SAMPLES = {
    "8eba5db5bea9b640d1c96a77256fe7f2": "MIIBCgKCAQEAn11L2YZ9h7onug2ILi1MWyHiMRsTQjfWE+pHVRLk1QjfWhirG+lpOa8NrwQ/r7Ah5bNL6HepznOU9XTDSfmmnP97mqyc7z/upfZdS/AHhYcGaz7n6Wc/RRBU6VmiPCrAUojuSk6/GjvA8iOPFsYDuBtviXarvuLPlrT9kAd4Lb+rFfR5peEgBEkhlzc5HuWO7S0y+KunqxX6jQBnXGMtxmPBPP0FylgWGNdFtks/4YSKcgqwH0YDcawP9GGGDAeCIqPWIXDLG1jOjRRzWfCmD0iJUkz8vTsn4hq/5ZxRFE7UBAUiVcGbdnDdvVfhF9C3dQiDq3k7adQIziLT0cShgQIDAQAB",
    "8933b39ddc64d26d8e14ffbf6566fee4": "MIIBCgKCAQEApfYL2FiZhpN74LNWVUzhR+VheYhwhYm8w0n5Gf6i95ylW5kBAWKVEmnAQG7BvS5g9SMqFDQx52fW7NWV44IvfJ2xGXT+wT+DgR6ZQ+6yxskQNqV5YcXj4Aa5Zz4jJfsYjDuO2MDTZNIzNvBNzaBJ+r2WIWAJ/Xq54kyF63B6WE38vKuDE7nSd1FqQuEoNBFLPInvgggYe2Ym1Refe2z71wNcJ2kY+q0h1BSHrSM8RWuJIw7MXwF9iQncg9jYzUlNJomozQzAG5wSRfbplcCYNY40xvGd/aAmO0m+Y+XFMrKwtLCwseHPvj843qVno6x4BJN9bpWnoPo9sdsbGoiK3QIDAQAB",
    "31e8b5433410dfb61a9dc45cc65b22ff": "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAqlzPJbvZJ42UdcmLfPUqXYNfOs6I8lCfao/tOs8CmzPOEdtLWugB9xoIUz78qVHdKIqxbaG4jWHfJBiOSSFBM0lt8cdVo4TnRa7oG9io5pysS6DJhBBAeXsicufsiFJR+wrUNh8RSLxL4k6G1+BhLX20tJkZ/erT97tDGBujAelqseGg3vPZbTx9SMfOLN65PdLFudLP7Gat0Z9p5jw/rjpclKfo9Bfc3heeBxWGKwBBOKnFAaN9V57pOaosCvPKmHd9bg7jsQkI9Xp22IzGLsTFJZYVA3KiTAElDMu80iFXPHEq9hKNbt9e4URFam+1utKVEiLkR2disdCmPTK0VQIDAQAB",
}


@pytest.mark.parametrize("name", SAMPLES)
def test_documented(name: str) -> None:
    """The fingerprints that AWS prints are the MD5 of the keys beside them."""
    value = b64decode(SAMPLES[name])
    key = public_key(region="us-east-1", fingerprint=name, der=value, valid_from=START, valid_until=START)
    assert key.fingerprint == name


def _md5(value: bytes) -> str:
    return md5(value, usedforsecurity=False).hexdigest()


def test_refused() -> None:
    """A key whose fingerprint is another's, or whose bytes are no key, is refused."""
    for value, name in (
        (der("first"), fingerprint("second")),
        (b"", _md5(b"")),
        (der("first") + b"\0", _md5(der("first") + b"\0")),
    ):
        with pytest.raises(SigningKeyError):
            public_key(region="x", fingerprint=name, der=value, valid_from=START, valid_until=START)


def test_find() -> None:
    """A key is found for its own region and time only, and otherwise it is said why not."""
    key = listed_key("first", valid_from=START, valid_until=START + timedelta(days=30))
    keys = KeyRing([key]).merge(KeyRing([key]))
    assert keys.keys == (key,)
    assert keys.find("eu-central-1", key.fingerprint.upper(), START - SLACK) == key
    second = timedelta(seconds=1)
    for region, name, at in (
        ("us-east-1", key.fingerprint, START),
        ("eu-central-1", fingerprint("second"), START),
        ("eu-central-1", key.fingerprint, START - SLACK - second),
        ("eu-central-1", key.fingerprint, key.valid_until + SLACK + second),
    ):
        assert isinstance(keys.find(region, name, at), str)


def test_two_values() -> None:
    """One fingerprint with two values is refused, whoever listed it."""
    key = listed_key("first")
    other = PublicKey(**{name: getattr(key, name) for name in PublicKey.__slots__} | {"sha256": "0" * 64})
    with pytest.raises(SigningKeyError):
        KeyRing([key]).merge(KeyRing([other]))


def test_bundle() -> None:
    """A bundle reads back as written, whatever the order, and only ever grows."""
    fetched = datetime(2026, 2, 1, tzinfo=UTC)
    one, two = (
        BundleKey.of(listed_key(name), fetched_at=fetched, source="t") for name in ("first", "second")
    )
    assert encode_bundle([one, two]) == encode_bundle([two, one])
    assert set(decode_bundle(encode_bundle([one, two]))) == {one, two}
    later = msgspec.structs.replace(one, fetched_at=fetched + timedelta(days=1))
    assert extend_bundle([one], [later, two]) == (one, two)
    for broken in (
        b"", b"[]", b"[" * 100_000, encode_bundle([one]).replace(b"keys/1", b"keys/2"),
        encode_bundle([one]).replace(one.sha256.encode(), b"0" * 64),
        encode_bundle([one]).replace(one.der_base64[:8].encode(), b"AAAAAAAA"),
        encode_bundle([one]).replace(one.der_base64[:8].encode(), b"!"),
    ):  # fmt: skip
        with pytest.raises(SigningKeyError):
            decode_bundle(broken)
