"""What the sandbox can do to an archive, and what the real ``aws cloudtrail validate-logs`` says of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sandbox_archives import BUCKET, make_archive
from trailkeep.core.errors import UsageError
from trailkeep.sandbox.chains import Digests
from trailkeep.sandbox.delivery import FolderDigests, deliver, write_layout
from trailkeep.sandbox.events import Activity
from trailkeep.sandbox.organization import Sandbox
from trailkeep.sandbox.reach import BucketReach, FolderReach
from trailkeep.sandbox.scene import Scene
from trailkeep.sandbox.signing import SigningKeys
from trailkeep.sandbox.tamper import TAMPERINGS, tamper
from validating import Said, validate_logs

pytestmark = pytest.mark.sandbox
BEGIN = datetime(2026, 3, 1, 10, tzinfo=UTC)
END = BEGIN + timedelta(hours=25)
ACCOUNT, REGION = "333333333333", "eu-central-1"

EXPECTED = {
    "log-modified": (1, "INVALID: hash value doesn't match"),
    "log-deleted": (1, "INVALID: not found"),
    "log-purged": (1, "INVALID: not found"),
    "logs-swapped": (1, "INVALID: hash value doesn't match"),
    "log-truncated": (1, "INVALID: hash value doesn't match"),
    "log-appended-member": (1, "INVALID: unexpected data after end of compressed stream"),
    "log-recompressed": (0, "25/25 digest files valid"),
    "log-inserted": (0, "25/25 digest files valid"),
    "log-copied": (0, "25/25 digest files valid"),
    "digest-deleted": (1, "24/25 digest files valid, 1/25 digest files INVALID"),
    "digests-deleted-run": (1, "22/23 digest files valid, 1/23 digest files INVALID"),
    "head-deleted": (1, "22/23 digest files valid, 1/23 digest files INVALID"),
    "digest-tail-deleted": (0, "22/22 digest files valid"),
    "tail-erased": (0, "22/22 digest files valid"),
    "chain-erased": (0, "No digests found"),
    "account-erased": (0, "No digests found"),
    "digest-modified": (1, "INVALID: signature verification failed"),
    "digest-forged": (1, "INVALID: signature verification failed"),
    "digest-forged-own-key": (1, "INVALID: public key not found"),
    "digest-wrong-region-key": (1, "INVALID: public key not found"),
    "digest-rolled-back": (0, "25/25 digest files valid"),
    "digests-swapped": (1, "INVALID: has been moved from its original location"),
    "digest-metadata-lost": (1, "INVALID: signature verification failed"),
    "digest-appended-member": (0, "25/25 digest files valid"),
    "digest-inserted": (0, "25/25 digest files valid"),
}


def _a_day() -> list[Activity]:
    return [
        Activity(
            account_id=ACCOUNT,
            region=REGION,
            occurred_at=BEGIN + timedelta(minutes=20 * number),
            record=b'{"eventID":"e%d","eventName":"Something"}' % number,
        )
        for number in range(72)
    ]


def _archive(sandbox: Sandbox) -> Scene:
    make_archive(sandbox, lock="COMPLIANCE")
    deliver(sandbox, _a_day(), digests=Digests(until=END))
    return Scene(reach=BucketReach(BUCKET), account=ACCOUNT, region=REGION, keys=sandbox.digests.keys, seed=4)


def _validate(sandbox: Sandbox) -> Said:
    return validate_logs(sandbox, account=ACCOUNT, region=REGION, since=BEGIN, until=END)


def test_every_tampering_has_its_words() -> None:
    """The table of what the AWS CLI says has a line for every tampering there is."""
    assert list(EXPECTED) == list(TAMPERINGS)


def _contents(scene: Scene) -> dict[str, object]:
    return {key: scene.reach.read(key) for key in scene.reach.listed()}


@pytest.mark.parametrize("name", TAMPERINGS)
def test_a_tampering_touches_what_it_says(tmp_path: Path, name: str) -> None:
    """A tampering of a local copy changes the objects that it names, and no other."""
    keys = SigningKeys()
    digests = FolderDigests(
        bucket=BUCKET, trail_name="org-trail", home_region=REGION, wanted=Digests(until=END), keys=keys
    )
    write_layout(tmp_path, _a_day(), organization_id="o-exampleorgid", digests=digests)
    scene = Scene(
        reach=FolderReach(tmp_path, bucket=BUCKET), account=ACCOUNT, region=REGION, keys=keys, seed=1
    )
    before = _contents(scene)
    touched = tamper(name, scene)
    after = _contents(scene)
    changed = {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}
    assert changed == set(touched)
    assert touched


def test_versions_survive_a_delete_marker(sandbox: Sandbox) -> None:
    """A deleted log keeps its version below a delete marker, a purged one keeps none, though it was locked."""
    scene = _archive(sandbox)
    s3 = sandbox.client("s3", "222222222222")
    for name, count in (("log-deleted", 1), ("log-purged", 0)):
        [key] = tamper(name, scene)
        found = s3.list_object_versions(Bucket=BUCKET, Prefix=key)
        assert (len(found.get("DeleteMarkers", ())), len(found.get("Versions", ()))) == (count, count)
        assert key not in scene.reach.listed()
        scene = Scene(reach=scene.reach, account=ACCOUNT, region=REGION, keys=scene.keys, seed=9)


def test_a_lock_can_be_taken_off(sandbox: Sandbox) -> None:
    """From beneath, the retention of a version can be changed and taken off."""
    scene = _archive(sandbox)
    reach, key = BucketReach(BUCKET), scene.logs()[0]
    s3 = sandbox.client("s3", "222222222222")
    assert s3.head_object(Bucket=BUCKET, Key=key)["ObjectLockMode"] == "COMPLIANCE"
    reach.lock(key, mode="GOVERNANCE", until=END)
    told = s3.head_object(Bucket=BUCKET, Key=key)
    assert (told["ObjectLockMode"], told["ObjectLockRetainUntilDate"]) == ("GOVERNANCE", END)
    reach.lock(key, mode=None, until=None)
    assert "ObjectLockMode" not in s3.head_object(Bucket=BUCKET, Key=key)


def test_a_short_chain_is_refused(tmp_path: Path) -> None:
    """A chain that is too short for every tampering, and a tampering that is unknown, are refused."""
    scene = Scene(
        reach=FolderReach(tmp_path, bucket=BUCKET), account=ACCOUNT, region=REGION, keys=SigningKeys()
    )
    with pytest.raises(UsageError, match="expected a chain of at least 12 digests, got 0"):
        tamper("log-modified", scene)
    with pytest.raises(UsageError, match="expected one of log-modified, "):
        tamper("log-vanished", scene)


@pytest.mark.slow
@pytest.mark.parametrize("name", EXPECTED)
def test_what_the_aws_cli_sees(sandbox: Sandbox, name: str) -> None:
    """Every tampering gets the exit code and the words from the real AWS CLI that the documentation shows."""
    scene = _archive(sandbox)
    touched = tamper(name, scene)
    exit_code, words = EXPECTED[name]
    said = _validate(sandbox)
    assert touched
    assert (said.exit_code, words in said.words) == (exit_code, True), said.words
