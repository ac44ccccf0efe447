"""``apply`` with a key of the archive's own, whole, against the embedded AWS."""

from __future__ import annotations

from pathlib import Path

import pytest

from guard_verbs import BUCKET, CREATED, Verbs, settings
from trailkeep.sandbox.organization import LOG_ARCHIVE_ACCOUNT_ID, Sandbox

pytestmark = pytest.mark.sandbox


def _verbs(sandbox: Sandbox, patch: pytest.MonkeyPatch, folder: Path, **changes: str) -> Verbs:
    verbs = Verbs(sandbox, patch, folder)
    text = settings(**changes).replace("[retention]", 'encryption = "sse-kms"\n[retention]')
    (folder / "trailkeep.toml").write_text(text)
    return verbs


def test_archive_with_a_key(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """``apply`` makes the key, bucket and trail use it, and a second ``plan`` finds nothing to do."""
    verbs = _verbs(sandbox, monkeypatch, tmp_path)
    assert verbs.armed().exit_code == 0
    again = verbs.run("plan", "--json")
    assert (again.ids, again.exit_code) == ([], 0)
    keys = sandbox.client("kms", LOG_ARCHIVE_ACCOUNT_ID)
    key = keys.describe_key(KeyId="alias/trailkeep-archive")["KeyMetadata"]
    assert keys.get_key_rotation_status(KeyId=key["Arn"])["KeyRotationEnabled"]
    bucket = sandbox.client("s3", LOG_ARCHIVE_ACCOUNT_ID)
    rules = bucket.get_bucket_encryption(Bucket=BUCKET)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rules[0]["ApplyServerSideEncryptionByDefault"]["KMSMasterKeyID"] == key["Arn"]
    assert rules[0]["BucketKeyEnabled"]
    trail = sandbox.client("cloudtrail").describe_trails()["trailList"][0]
    assert trail["KmsKeyId"] == key["Arn"]


def test_account_and_key_in_one_apply(
    sandbox_without_archive: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """An account that is created on the way gets the key, whose policy names it."""
    verbs = _verbs(sandbox_without_archive, monkeypatch, tmp_path, **CREATED)
    assert verbs.armed().exit_code == 0
    assert verbs.run("plan", "--json").ids == []
    keys = sandbox_without_archive.client("kms", LOG_ARCHIVE_ACCOUNT_ID)
    policy = keys.get_key_policy(KeyId=keys.list_keys()["Keys"][0]["KeyId"], PolicyName="default")["Policy"]
    assert f"arn:aws:iam::{LOG_ARCHIVE_ACCOUNT_ID}:root" in policy
    assert "<archive" not in policy


def test_key_that_is_made_but_not_named_is_found(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Where an earlier ``apply`` died between key and alias, the key is taken up and no second one made."""
    keys = sandbox.client("kms", LOG_ARCHIVE_ACCOUNT_ID)
    made = keys.create_key(Tags=[{"TagKey": "trailkeep", "TagValue": "archive-key"}])["KeyMetadata"]
    verbs = _verbs(sandbox, monkeypatch, tmp_path)
    assert verbs.armed().exit_code == 0
    assert keys.describe_key(KeyId="alias/trailkeep-archive")["KeyMetadata"]["Arn"] == made["Arn"]


def test_disabled_key_is_told(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """``plan`` exits with 1 and says that CloudTrail cannot deliver when somebody disabled the key."""
    verbs = _verbs(sandbox, monkeypatch, tmp_path)
    verbs.run("apply", "--yes")
    keys = sandbox.client("kms", LOG_ARCHIVE_ACCOUNT_ID)
    keys.disable_key(KeyId=keys.describe_key(KeyId="alias/trailkeep-archive")["KeyMetadata"]["KeyId"])
    told = verbs.run("plan", "--json")
    assert told.exit_code == 1
    assert [concern["observed"] for concern in told.document["concerns"]] == ["its state is Disabled"]


def test_bucket_of_the_account_alone(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Without a bucket name ``apply`` creates one in the account's own namespace, and says so to S3."""
    verbs = Verbs(sandbox, monkeypatch, tmp_path)
    verbs.write(bucket='""')
    commands = verbs.run("apply", "--dry-run", "--json").document["commands"]
    assert [line for line in commands if "--bucket-namespace account-regional" in line] == [commands[1]]
    assert verbs.run("apply", "--yes").exit_code == 1
    assert verbs.run("plan", "--json").ids == []
    buckets = sandbox.client("s3", LOG_ARCHIVE_ACCOUNT_ID).list_buckets()["Buckets"]
    assert [bucket["Name"] for bucket in buckets] == ["trailkeep-222222222222-eu-central-1-an"]
