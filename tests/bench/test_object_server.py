"""The object server of the benchmarks serves what the real validator of AWS needs."""

from __future__ import annotations

import base64
import gzip
import json
import subprocess
import sys
from datetime import UTC, datetime
from hashlib import md5, sha256
from pathlib import Path
from typing import Any

import boto3
import obstore
import pytest
from botocore.exceptions import ClientError
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from obstore.store import S3Store

from object_servers import BUCKET, Item, object_server

AWS = Path(sys.executable).with_name("aws")
ACCOUNT = "111111111111"
FOLDER = f"AWSLogs/{ACCOUNT}/%s/us-east-1/2026/01/01/{ACCOUNT}_%s_us-east-1_"
LOG = FOLDER % ("CloudTrail", "CloudTrail") + "20260101T0005Z_abcdefgh12345678.json.gz"
DIGEST = FOLDER % ("CloudTrail-Digest", "CloudTrail-Digest") + "trail_us-east-1_20260101T010000Z.json.gz"
TRAIL = f"arn:aws:cloudtrail:us-east-1:{ACCOUNT}:trail/trail"


def test_listings_page_and_fold(monkeypatch: pytest.MonkeyPatch) -> None:
    """The three listings of S3 and obstore's give every key once, over pages, and folders once."""
    keys = [f"{folder}/{number:04}" for folder in "ab" for number in range(1_500)]
    with object_server(monkeypatch, {key: Item(body=b"") for key in keys}):
        s3 = boto3.client("s3")
        for call, member in (
            ("list_objects", "Contents"),
            ("list_objects_v2", "Contents"),
            ("list_object_versions", "Versions"),
        ):
            pages = s3.get_paginator(call).paginate(Bucket=BUCKET, Prefix="")  # type: ignore[call-overload] # in a loop
            assert [one["Key"] for page in pages for one in page[member]] == keys
            answer = getattr(s3, call)(Bucket=BUCKET, Delimiter="/")
            assert [one["Prefix"] for one in answer["CommonPrefixes"]] == ["a/", "b/"]
        assert [
            one["Key"] for one in s3.list_objects_v2(Bucket=BUCKET, StartAfter="b/1497")["Contents"]
        ] == keys[-2:]
        assert len(obstore.list(store(s3)).collect()) == len(keys)


def store(s3: Any) -> S3Store:
    """Return obstore's view of the running server."""
    config: Any = {
        "region": "us-east-1",
        "endpoint": s3.meta.endpoint_url,
        "virtual_hosted_style_request": False,
    }
    return S3Store(BUCKET, config=config, client_options={"allow_http": True})


def test_objects_have_their_metadata_and_refusals(monkeypatch: pytest.MonkeyPatch) -> None:
    """boto3 and obstore get body and metadata; a changed ETag, a refused and a missing object are refused."""
    items = {
        "a": Item(body=b"body", metadata={"signature": "s"}),
        "b": Item(body=b"", refusal="AccessDenied"),
    }
    with object_server(monkeypatch, items):
        s3 = boto3.client("s3")
        got = s3.get_object(Bucket=BUCKET, Key="a")
        assert (got["Body"].read(), got["Metadata"]) == (b"body", {"signature": "s"})
        found = obstore.get(store(s3), "a")
        assert (bytes(found.bytes()), found.attributes["signature"]) == (b"body", "s")
        for key, asked, code in (
            ("b", {}, "AccessDenied"),
            ("c", {}, "NoSuchKey"),
            ("a", {"IfMatch": '"x"'}, "PreconditionFailed"),
        ):
            with pytest.raises(ClientError, match=code):
                s3.get_object(Bucket=BUCKET, Key=key, **asked)  # type: ignore[arg-type] # in a loop


def signed(log: bytes) -> tuple[dict[str, Item], dict[str, Any]]:
    """Return a log, the starting digest that names it, and what AWS would say beside them."""
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    der = private.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.PKCS1)
    fingerprint = md5(der, usedforsecurity=False).hexdigest()
    said = {
        "awsAccountId": ACCOUNT,
        "digestStartTime": "2026-01-01T00:00:00Z",
        "digestEndTime": "2026-01-01T01:00:00Z",
        "digestS3Bucket": BUCKET,
        "digestS3Object": DIGEST,
        "digestPublicKeyFingerprint": fingerprint,
        "digestSignatureAlgorithm": "SHA256withRSA",
        "newestEventTime": "2026-01-01T00:04:00Z",
        "oldestEventTime": "2026-01-01T00:01:00Z",
        **{
            f"previousDigest{name}": None
            for name in ("S3Bucket", "S3Object", "HashValue", "HashAlgorithm", "Signature")
        },
        "logFiles": [
            {
                "s3Bucket": BUCKET,
                "s3Object": LOG,
                "hashValue": sha256(log).hexdigest(),
                "hashAlgorithm": "SHA-256",
                "newestEventTime": "2026-01-01T00:04:00Z",
                "oldestEventTime": "2026-01-01T00:01:00Z",
            }
        ],
    }
    raw = json.dumps(said).encode()
    text = f"{said['digestEndTime']}\n{BUCKET}/{DIGEST}\n{sha256(raw).hexdigest()}\nnull".encode()
    signature = private.sign(text, padding.PKCS1v15(), hashes.SHA256()).hex()
    metadata = {"signature": signature, "signature-algorithm": "SHA256withRSA"}
    key = {
        "Value": base64.b64encode(der).decode(),
        "Fingerprint": fingerprint,
        "ValidityStartTime": datetime(2025, 12, 1, tzinfo=UTC).timestamp(),
        "ValidityEndTime": datetime(2026, 2, 1, tzinfo=UTC).timestamp(),
    }
    trail = {"Name": "trail", "TrailARN": TRAIL, "HomeRegion": "us-east-1", "S3BucketName": BUCKET}
    items = {DIGEST: Item(body=gzip.compress(raw), metadata=metadata), LOG: Item(body=gzip.compress(log))}
    return items, {"keys": {"us-east-1": [key]}, "trails": [trail]}


def validated(
    items: dict[str, Item], answers: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> tuple[int, str]:
    """Return the exit code and the words of the real validator."""
    times = ["--start-time", "2026-01-01T00:00:00Z", "--end-time", "2026-01-01T02:00:00Z"]
    command = [str(AWS), "cloudtrail", "validate-logs", "--trail-arn", TRAIL, "--verbose", *times]
    with object_server(monkeypatch, items, answers=answers):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.skipif(not AWS.is_file(), reason="the AWS CLI is not installed (pip install awscli)")
def test_the_aws_cli_validates_what_is_served(monkeypatch: pytest.MonkeyPatch) -> None:
    """Aws cloudtrail validate-logs finds a signed digest and its log valid, and an altered log invalid."""
    items, answers = signed(b'{"Records": []}')
    code, said = validated(items, answers, monkeypatch)
    assert (code, "1/1 digest files valid" in said, "1/1 log files valid" in said) == (0, True, True), said
    items[LOG] = Item(body=gzip.compress(b'{"Records": [1]}'))
    code, said = validated(items, answers, monkeypatch)
    assert (code, "1/1 log files INVALID" in said) == (1, True), said


def test_the_script_serves_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Started as a program it says where it listens, and serves files with the metadata beside them."""
    (tmp_path / "bucket").mkdir()
    (tmp_path / "bucket" / "key").write_bytes(b"body")
    (tmp_path / "bucket" / "key.metadata.json").write_text('{"signature": "s"}')
    script = Path(__file__).parent.parent.parent / "bench" / "object_server.py"
    command = [sys.executable, str(script), str(tmp_path), "--delay-ms", "1"]
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "x")
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            url = json.loads(server.stdout.readline())["url"]
            s3 = boto3.client("s3", endpoint_url=url, region_name="us-east-1")
            got = s3.get_object(Bucket="bucket", Key="key")
            assert (got["Body"].read(), got["Metadata"]) == (b"body", {"signature": "s"})
            listed = s3.list_objects_v2(Bucket="bucket")["Contents"]
            assert [one["Key"] for one in listed] == ["key"]
        finally:
            server.kill()
