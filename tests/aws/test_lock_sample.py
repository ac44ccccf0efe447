"""How versions are locked, asked of the embedded AWS."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest

from sandbox_archives import BUCKET, make_bucket, set_default_retention
from stored_objects import age_objects, unlock_objects
from trailkeep.aws.archive import S3Archive
from trailkeep.aws.lock_sample import LockSample, Required, lock_sample, pick
from trailkeep.aws.stored import Stored
from trailkeep.core.errors import AwsCallError
from trailkeep.sandbox.organization import LOG_ARCHIVE_ACCOUNT_ID, Sandbox

COMPLIANCE = Required(mode="COMPLIANCE", days=400)


@pytest.fixture
def s3(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A client of the archive's account; each version is locked for 400 days."""
    for name, value in sandbox.environment(LOG_ARCHIVE_ACCOUNT_ID).items():
        monkeypatch.setenv(name, value)
    client = make_bucket(sandbox, lock="GOVERNANCE")
    client.put_object(Bucket=BUCKET, Key="a", Body=b"first")
    client.put_object(Bucket=BUCKET, Key="a", Body=b"second")
    client.delete_object(Bucket=BUCKET, Key="a")
    return client


def sampled(s3: Any, mode: str, days: int) -> LockSample:
    """Return what is seen of every version in the bucket."""
    versions = S3Archive(bucket=BUCKET, session=boto3.session.Session()).listed("")
    required = Required(mode=mode, days=days)
    return lock_sample(s3, BUCKET, versions, required=required, owner=LOG_ARCHIVE_ACCOUNT_ID)


@pytest.mark.sandbox
@pytest.mark.parametrize(
    ("mode", "days", "faults"), [("GOVERNANCE", 400, 0), ("GOVERNANCE", 402, 2), ("COMPLIANCE", 1, 2)]
)
def test_each_version_is_judged(s3: Any, mode: str, days: int, faults: int) -> None:
    """A lock that ends early or is of the weaker mode is short, of each version and of no delete marker."""
    found = sampled(s3, mode, days)
    assert (found.checked, found.unread) == (2, ())
    assert [fault.kind for fault in found.faults] == ["lock.short"] * faults
    for fault in found.faults:
        assert fault.actual.startswith("GOVERNANCE until ")
        assert fault.expected.startswith(f"{mode} until ")


@pytest.mark.sandbox
def test_compliance_stands_for_governance(s3: Any) -> None:
    """A stricter lock than the one required is no fault."""
    set_default_retention(s3, mode="COMPLIANCE")
    s3.put_object(Bucket=BUCKET, Key="strict", Body=b"")
    assert sampled(s3, "GOVERNANCE", 400).faults == ()


@pytest.mark.sandbox
def test_a_version_without_a_lock(s3: Any) -> None:
    """A version without retention is named, with its version."""
    version = s3.put_object(Bucket=BUCKET, Key="b", Body=b"")["VersionId"]
    unlock_objects(BUCKET)
    [fault] = sampled(s3, "GOVERNANCE", 400).faults
    assert (fault.kind, fault.actual) == ("lock.missing", "no retention")
    assert (fault.stored.key, fault.stored.version) == ("b", version)


@pytest.mark.sandbox
def test_the_lock_counts_from_when_a_version_was_written(s3: Any) -> None:
    """A version that was written long ago needs to be locked only for the rest of its time."""
    s3.put_object(Bucket=BUCKET, Key="b", Body=b"")
    age_objects(BUCKET, days=100)
    assert "b" not in {fault.stored.key for fault in sampled(s3, "GOVERNANCE", 500).faults}
    assert "b" in {fault.stored.key for fault in sampled(s3, "GOVERNANCE", 502).faults}


@pytest.mark.sandbox
def test_a_bucket_without_object_lock(sandbox: Sandbox, s3: Any) -> None:
    """In a bucket that has no lock every version is without one."""
    s3.create_bucket(Bucket="plain-bucket", CreateBucketConfiguration={"LocationConstraint": sandbox.region})
    s3.put_object(Bucket="plain-bucket", Key="a", Body=b"")
    versions = S3Archive(bucket="plain-bucket", session=boto3.session.Session()).listed("")
    found = lock_sample(s3, "plain-bucket", versions, required=COMPLIANCE)
    assert [one.kind for one in found.faults] == ["lock.missing"]


@pytest.mark.sandbox
def test_what_may_not_be_seen_is_not_judged(s3: Any) -> None:
    """A refused call is unread, neither locked nor unlocked."""
    gone = Stored(key="gone", version="", last_modified=datetime(2026, 1, 1, tzinfo=UTC))
    found = lock_sample(s3, BUCKET, [gone], required=COMPLIANCE)
    assert (found.checked, found.faults) == (0, ())
    [(stored, error)] = found.unread
    assert (stored, isinstance(error, AwsCallError)) == (gone, True)


def test_a_sample_is_drawn_evenly_and_again_the_same() -> None:
    """Every version has the same chance, delete markers have none, and the seed repeats the sample."""
    many = [Stored(key=f"{number:02}", is_delete_marker=number == 5) for number in range(20)]
    assert pick(many, 5, seed=1) == pick(iter(many), 5, seed=1)
    assert [one.key for one in pick(many, 100, seed=1)] == [one.key for one in many if one.key != "05"]
    drawn = Counter(one.key for seed in range(2_000) for one in pick(many, 5, seed=seed))
    assert (len(drawn), drawn["05"]) == (19, 0)
    assert all(400 < count < 660 for count in drawn.values())  # 526 are expected
