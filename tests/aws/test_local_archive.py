"""A copy of an archive in a folder."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path
from typing import Any

import pytest

from trailkeep.aws.archive import LocalArchive, open_archive
from trailkeep.aws.stored import Reason, Stored
from trailkeep.core.errors import UsageError

ORG = "o-exampleorgid"
ACCOUNT = "333333333333"
DAY = "us-east-1/2026/01/01"
DIGEST = (
    f"AWSLogs/{ORG}/{ACCOUNT}/CloudTrail-Digest/{DAY}/"
    f"{ACCOUNT}_CloudTrail-Digest_us-east-1_trail_us-east-1_20260101T000130Z.json.gz"
)
LOG = f"AWSLogs/{ORG}/{ACCOUNT}/CloudTrail/{DAY}/{ACCOUNT}_CloudTrail_us-east-1_20260101T0000Z_abcdefgh12345678.json.gz"


def put(file: Path, body: bytes = b"x") -> Path:
    """Write a file and the folders above it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(body)
    return file


def digest(key: str, bucket: str = "the-bucket") -> bytes:
    """Return a digest that says where it was."""
    return gzip.compress(json.dumps({"digestS3Bucket": bucket, "digestS3Object": key}).encode(), mtime=0)


@pytest.mark.parametrize("prefix", ["", "deep/prefix/"])
@pytest.mark.parametrize("cut", ["", "AWSLogs/", f"AWSLogs/{ORG}/", f"AWSLogs/{ORG}/{ACCOUNT}/"])
def test_keys_are_those_of_the_bucket(tmp_path: Path, prefix: str, cut: str) -> None:
    """Whatever part of a bucket was copied, its digests tell the bucket and the keys of all files."""
    for key, body in ((DIGEST, digest(prefix + DIGEST)), (LOG, b"log")):
        put(tmp_path / "copy" / key.removeprefix(cut), body)
    archive = LocalArchive(tmp_path / "copy")
    assert archive.bucket == "the-bucket"
    folders = archive.folders().folders
    assert [(one.prefix, one.family, one.account) for one in folders] == [
        (prefix, "CloudTrail-Digest", ACCOUNT),
        (prefix, "CloudTrail", ACCOUNT),
    ]
    listed = [one for _, of in archive.listings(folder.path for folder in folders) for one in of]
    assert [one.key for one in listed] == [prefix + DIGEST, prefix + LOG]
    assert [got.body for got in archive.read(listed)] == [digest(prefix + DIGEST), b"log"]
    assert archive.address(prefix + LOG) == str(tmp_path / "copy" / LOG.removeprefix(cut))


def test_a_copy_inside_the_folder_is_found_and_what_lies_beside_it_is_named(tmp_path: Path) -> None:
    """A bucket that was copied into a folder of the folder is read, and another one beside it is not passed over."""
    put(tmp_path / "one/AWSLogs/x").unlink()
    put(tmp_path / "one" / DIGEST, digest(DIGEST))
    put(tmp_path / "two" / LOG)
    found = LocalArchive(tmp_path).folders()
    assert [one.path for one in found.folders] == [DIGEST.partition("2026")[0]]
    assert found.strays == ("two",)


def test_without_a_digest_keys_come_from_the_path(tmp_path: Path) -> None:
    """A copy without digests names no bucket, and its keys begin at AWSLogs in the folder's own path."""
    put(tmp_path / LOG)
    archive = LocalArchive(tmp_path / "AWSLogs" / ORG)
    [folder] = archive.folders().folders
    assert (archive.bucket, folder.account, folder.organization_id) == ("", ACCOUNT, ORG)
    assert [one.key.endswith(LOG) for one in archive.listed(folder.path)] == [True]


def test_a_digest_that_lies_does_not_move_the_others(tmp_path: Path) -> None:
    """Where the copy came from is what most digests say."""
    keys = [DIGEST.replace("T0001", f"T0{hour}01") for hour in range(1, 4)]
    for key in keys:
        put(tmp_path / key, digest(key))
    put(tmp_path / DIGEST, digest(f"elsewhere/{DIGEST}", "another-bucket"))
    put(tmp_path / DIGEST.replace("T0001", "T0501"), b"no gzip")
    archive = LocalArchive(tmp_path)
    assert archive.bucket == "the-bucket"
    assert len(list(archive.listed("AWSLogs/"))) == 5


@pytest.mark.parametrize(
    "said",
    [
        {"signature": "abc"},
        {"ContentLength": 1, "Metadata": {"signature": "abc"}},
        {"x-amz-meta-Signature": "abc", "number": 1},
    ],
)
def test_metadata_is_read_from_beside_the_file(tmp_path: Path, said: Any) -> None:
    """The signature comes from KEY.metadata.json, however it was saved, and that file is no object."""
    put(tmp_path / DIGEST, digest(DIGEST))
    put(tmp_path / f"{DIGEST}.metadata.json", json.dumps(said).encode())
    archive = LocalArchive(tmp_path)
    [got] = archive.read(archive.listed(""))
    assert got.metadata["signature"] == "abc"
    assert archive.folders().strays == ()


def test_metadata_is_read_from_one_file_for_all(tmp_path: Path) -> None:
    """The signature comes from the line of the key in _metadata.jsonl; lines that are no JSON are passed over."""
    put(tmp_path / DIGEST, digest(DIGEST))
    put(tmp_path / LOG)
    lines = [
        "no json",
        json.dumps({"key": "other", "metadata": {}}),
        json.dumps({"key": DIGEST, "metadata": {"signature": "abc"}}),
    ]
    put(tmp_path / "_metadata.jsonl", "\n".join(lines).encode())
    archive = LocalArchive(tmp_path)
    got = {one.stored.key: one.metadata.get("signature") for one in archive.read(archive.listed(""))}
    assert got == {DIGEST: "abc", LOG: None}


@pytest.mark.parametrize(
    "line", ["[" * 100_000, '{"key": "K", "metadata": "' + "x" * (1 << 21) + '"}', '{"key": "K"}']
)
def test_a_broken_line_of_metadata_is_no_metadata(tmp_path: Path, line: str) -> None:
    """A line that is too deep, too long or without metadata leaves the file readable, without a signature."""
    put(tmp_path / DIGEST, b"body")
    put(tmp_path / "_metadata.jsonl", line.replace('"K"', json.dumps(DIGEST)).encode())
    [got] = LocalArchive(tmp_path).read([Stored(key=DIGEST)])
    assert (got.body, dict(got.metadata), got.error) == (b"body", {}, None)


@pytest.mark.parametrize(
    "text",
    ["", "no json", "[" * 100_000, "[1]", '{"signature": 1}', "\ud800".encode("utf-8", "surrogatepass")],
)
def test_broken_metadata_is_no_metadata(tmp_path: Path, text: str | bytes) -> None:
    """A sidecar that cannot be read leaves the file without a signature and the file itself readable."""
    put(tmp_path / DIGEST, b"body")
    put(tmp_path / f"{DIGEST}.metadata.json", text if isinstance(text, bytes) else text.encode())
    [got] = LocalArchive(tmp_path).read([Stored(key=DIGEST)])
    assert (got.body, dict(got.metadata), got.error) == (b"body", {}, None)


def test_what_cannot_be_read_says_why(tmp_path: Path) -> None:
    """A file that is gone, a folder in its place and a pipe are told apart."""
    put(tmp_path / LOG / "inside")
    os.mkfifo(tmp_path / "pipe")
    archive = LocalArchive(tmp_path)
    reasons = {
        got.stored.key: got.error.reason
        for got in archive.read(Stored(key=key) for key in ("gone", LOG, "pipe", "../up", "a\x00b"))
        if got.error
    }
    assert reasons == {
        "gone": Reason.GONE,
        LOG: Reason.ERROR,
        "pipe": Reason.ERROR,
        "../up": Reason.GONE,
        "a\x00b": Reason.ERROR,
    }


def test_small_and_large_files_are_worked_on(tmp_path: Path) -> None:
    """Every file's work is yielded once, whether it was done at once or in a thread."""
    sizes = {f"{number:03}": number * 1_000 for number in range(60)}
    for name, size in sizes.items():
        put(tmp_path / name, b"x" * size)
    archive = open_archive(str(tmp_path))
    worked = [
        (one.key, length) for one, length in archive.process(archive.listed(""), lambda got: len(got.body))
    ]
    assert sorted(worked) == sorted(sizes.items())
    assert [one.key for one in archive.listed("0", after="057")] == ["058", "059"]


def test_files_come_in_the_order_of_keys(tmp_path: Path) -> None:
    """A folder sorts where its slash does, as S3 sorts keys."""
    for key in ("a/b", "a-", "a0", "a.b/c"):
        put(tmp_path / key)
    keys = [one.key for one in LocalArchive(tmp_path).listed("")]
    assert keys == sorted(keys)
    assert len(keys) == 4


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_folder_that_cannot_be_read_stops(tmp_path: Path) -> None:
    """A listing that is not complete is an error."""
    put(tmp_path / "closed" / "x")
    (tmp_path / "closed").chmod(0)
    with pytest.raises(UsageError, match="expected a readable folder"):
        list(LocalArchive(tmp_path).listed(""))


def test_a_linked_folder_is_not_passed_over(tmp_path: Path) -> None:
    """A link to a folder is listed as an object that cannot be read, so that nothing behind it looks checked."""
    put(tmp_path / "elsewhere" / "x")
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy" / "link").symlink_to(tmp_path / "elsewhere")
    archive = LocalArchive(tmp_path / "copy")
    [got] = archive.read(archive.listed(""))
    assert (got.stored.key, got.error is not None) == ("link", True)
