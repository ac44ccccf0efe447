"""Buckets as sources, through the embedded AWS."""

from __future__ import annotations

from pathlib import Path

import pytest

from logs import key, packed, record, rows
from trailkeep.aws.objects import Bucket, open_source
from trailkeep.core.errors import AwsCallError, UsageError
from trailkeep.core.objects import ObjectReadError
from trailkeep.lake.table import Lake
from trailkeep.sandbox.organization import LOG_ARCHIVE_ACCOUNT_ID, Identity, Sandbox
from trailkeep.workflows.collect import collect

NAME = "logs-of-222222222222"
HOSTILE_KEYS = (
    "AWSLogs/../up.json.gz",
    "AWSLogs//empty.json.gz",
    "AWSLogs/a\x01b.json.gz",
    "AWSLogs/%2F + ü.json.gz",
    "AWSLogs/folder/",
)


@pytest.fixture
def bucket(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    """A bucket of the archive account with one good log, read as its administrator."""
    for name, value in sandbox.environment(LOG_ARCHIVE_ACCOUNT_ID).items():
        monkeypatch.setenv(name, value)
    s3 = sandbox.client("s3", LOG_ARCHIVE_ACCOUNT_ID)
    s3.create_bucket(Bucket=NAME, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    s3.put_object(Bucket=NAME, Key=key(1), Body=packed([record(1), record(2)]))
    source = open_source(f"s3://{NAME}/AWSLogs/")
    assert isinstance(source, Bucket)
    return source


def test_a_bucket_is_collected_once(bucket: Bucket, tmp_path: Path) -> None:
    """The second run reads nothing, and every row names its object and ETag."""
    first, again = (collect([bucket], Lake(path=tmp_path / "lake")) for _ in range(2))
    assert (first.added, again.new) == (2, 0)
    sources = rows(tmp_path / "lake", "select distinct source_object o, length(source_version) v from events")
    assert sources == [{"o": f"s3://{NAME}/{key(1)}", "v": 32}]


def test_a_hostile_key_hides_no_other_object(bucket: Bucket, sandbox: Sandbox, tmp_path: Path) -> None:
    """Keys that no program expects are findings, and every good log is collected all the same."""
    s3 = sandbox.client("s3", LOG_ARCHIVE_ACCOUNT_ID)
    for name in HOSTILE_KEYS:
        s3.put_object(Bucket=NAME, Key=name, Body=packed([record(9)]))
    result = collect([bucket], Lake(path=tmp_path / "lake"))
    assert (result.listed, result.added) == (len(HOSTILE_KEYS) + 1, 2)
    assert result.ignored == len(HOSTILE_KEYS)
    assert {one.object for one in result.findings} == {f"s3://{NAME}/{name}" for name in HOSTILE_KEYS}


@pytest.mark.parametrize("prefix", ["a//b/", "x/../"])
def test_a_log_below_an_odd_prefix_is_read(
    bucket: Bucket, sandbox: Sandbox, tmp_path: Path, prefix: str
) -> None:
    """A key in CloudTrail's layout is collected whatever its prefix, in the version that was listed."""
    s3 = sandbox.client("s3", LOG_ARCHIVE_ACCOUNT_ID)
    s3.put_object(Bucket=NAME, Key=prefix + key(8), Body=packed([record(9)]))
    odd = open_source(f"s3://{NAME}/{prefix}")
    assert collect([odd], Lake(path=tmp_path / "lake")).added == 1
    ref = next(iter(odd.listed()))
    s3.put_object(Bucket=NAME, Key=prefix + key(8), Body=packed([record(3)]))
    with pytest.raises(ObjectReadError, match="replaced since it was listed"):
        odd.read(ref)
    assert bucket.name != odd.name


def test_an_object_that_was_replaced_since_the_listing_is_not_read(bucket: Bucket, sandbox: Sandbox) -> None:
    """What is read is the version that was listed, or a finding."""
    ref = next(iter(bucket.listed()))
    sandbox.client("s3", LOG_ARCHIVE_ACCOUNT_ID).put_object(Bucket=NAME, Key=key(1), Body=packed([record(3)]))
    with pytest.raises(ObjectReadError, match="replaced since it was listed"):
        bucket.read(ref)


def test_an_object_that_is_gone_is_a_finding(bucket: Bucket, sandbox: Sandbox) -> None:
    """An object deleted between listing and reading cannot be read."""
    ref = next(iter(bucket.listed()))
    sandbox.client("s3", LOG_ARCHIVE_ACCOUNT_ID).delete_object(Bucket=NAME, Key=key(1))
    with pytest.raises(ObjectReadError):
        bucket.read(ref)


def test_the_prefix_is_a_beginning_of_keys(bucket: Bucket) -> None:
    """As with the AWS CLI, a prefix need not end at a folder."""
    assert [ref.keys for ref in open_source(f"s3://{NAME}/AWSLogs/o-ex").listed()] == [(key(1),)]
    assert list(open_source(f"s3://{NAME}/other").listed()) == []
    assert bucket.name == f"s3://{NAME}/AWSLogs/"


@pytest.mark.usefixtures("bucket")
def test_a_bucket_that_is_refused_stops_the_job(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """A listing that AWS denies is an error that names the bucket, never an empty archive."""
    for name, value in sandbox.environment("333333333333", Identity.USER).items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_SESSION_TOKEN", raising=False)
    with pytest.raises(AwsCallError, match=f"s3:ListBucket: AccessDenied: s3://{NAME}/"):
        list(open_source(f"s3://{NAME}").listed())


@pytest.mark.usefixtures("bucket")
def test_a_bucket_that_is_not_there_is_named() -> None:
    """A mistyped name is an error."""
    with pytest.raises(AwsCallError, match="NoSuchBucket"):
        list(open_source("s3://no-such-bucket-here").listed())


def test_an_address_without_a_bucket_is_refused() -> None:
    """The message shows the form."""
    with pytest.raises(UsageError, match="expected s3://bucket/prefix"):
        open_source("s3://")
