"""CloudTrail delivers to the archive when everything allows it, and else says why not."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import obstore
import pytest
from obstore.store import S3Store

from sandbox_archives import (
    BUCKET,
    TRAIL,
    arn_of_trail,
    attach,
    make_archive,
    make_bucket,
    make_trail,
    policy,
    refused,
)
from trailkeep.core.layout import LogKey, parse_key
from trailkeep.guard.documents import archive_scp
from trailkeep.sandbox.delivery import DeliveryReport, Reason, Refusal, deliver
from trailkeep.sandbox.events import Activity, OrganizationShape, activity
from trailkeep.sandbox.logfiles import Habits
from trailkeep.sandbox.organization import LOG_ARCHIVE_ACCOUNT_ID, Identity, Sandbox

pytestmark = pytest.mark.sandbox
BEGIN = datetime(2026, 3, 1, 10, tzinfo=UTC)
PLACES = (("111111111111", "us-east-1"), ("333333333333", "eu-central-1"))


def _some_activities(count: int = 20) -> list[Activity]:
    return [
        Activity(
            account_id=PLACES[number % 2][0],
            region=PLACES[number % 2][1],
            occurred_at=BEGIN + timedelta(seconds=number * 20),
            record=b'{"eventID":"e%d"}' % number,
        )
        for number in range(count)
    ]


def _run(sandbox: Sandbox) -> DeliveryReport:
    return deliver(sandbox, _some_activities(), habits=Habits(seed=3, late_rate=0, duplicate_rate=0))


def _keys(s3: Any, bucket: str = BUCKET) -> list[str]:
    return [entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket).get("Contents", ())]


def _only_refusal(report: DeliveryReport) -> Refusal:
    assert (report.objects, report.events, report.lost_events) == (0, 0, 20)
    [refusal] = report.refusals
    return refusal


def _status(sandbox: Sandbox) -> dict[str, Any]:
    told: dict[str, Any] = sandbox.client("cloudtrail").get_trail_status(Name=TRAIL)
    return told


def test_logs_of_every_account_arrive(sandbox: Sandbox) -> None:
    """The organization's logs are in the archive below its id, and hold every event once."""
    s3 = make_archive(sandbox)
    report = _run(sandbox)
    found = _keys(s3)
    assert (report.objects, report.events, report.refusals) == (len(found), 20, ())
    seen = []
    for key in found:
        parsed = parse_key(key)
        assert isinstance(parsed, LogKey)
        assert parsed.organization_id == sandbox.organization_id
        assert (parsed.account_id, parsed.region) in PLACES
        body = s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
        seen += [event["eventID"] for event in json.loads(gzip.decompress(body))["Records"]]
    assert sorted(seen) == sorted(f"e{number}" for number in range(20))


def test_objects_look_like_cloudtrails(sandbox: Sandbox) -> None:
    """A delivered object is gzip-encoded JSON, encrypted, versioned and locked by the bucket's default."""
    s3 = make_archive(sandbox, lock="COMPLIANCE")
    _run(sandbox)
    head = s3.head_object(Bucket=BUCKET, Key=_keys(s3)[0])
    assert (head["ContentType"], head["ContentEncoding"]) == ("application/json", "gzip")
    assert head["ServerSideEncryption"] == "AES256"
    assert head["VersionId"] != "null"
    assert head["ObjectLockMode"] == "COMPLIANCE"
    assert head["ObjectLockRetainUntilDate"] > datetime.now(UTC) + timedelta(days=399)


def test_obstore_reads_the_bytes_that_were_delivered(sandbox: Sandbox) -> None:
    """The archive's bytes come through obstore as they are, gzip and all."""
    make_archive(sandbox)
    _run(sandbox)
    keys_of_archive = sandbox.environment(LOG_ARCHIVE_ACCOUNT_ID)
    store = S3Store(
        BUCKET,
        endpoint=sandbox.endpoint_url,
        region=sandbox.region,
        access_key_id=keys_of_archive["AWS_ACCESS_KEY_ID"],
        secret_access_key=keys_of_archive["AWS_SECRET_ACCESS_KEY"],
        session_token=keys_of_archive["AWS_SESSION_TOKEN"],
        client_options={"allow_http": True},
    )
    first = next(iter(obstore.list(store)))[0]
    body = bytes(obstore.get(store, first["path"]).bytes())
    assert json.loads(gzip.decompress(body))["Records"]


def test_an_attacker_cannot_delete_what_was_delivered(sandbox: Sandbox) -> None:
    """Root of the archive account cannot delete a delivered log version, and deliveries go on under the SCP."""
    s3 = make_archive(sandbox, lock="COMPLIANCE")
    document = archive_scp(partition="aws", bucket=BUCKET, archive_account=LOG_ARCHIVE_ACCOUNT_ID)
    attach(sandbox, document, target=LOG_ARCHIVE_ACCOUNT_ID)
    assert _run(sandbox).lost_events == 0
    version = s3.list_object_versions(Bucket=BUCKET)["Versions"][0]
    root = sandbox.client("s3", LOG_ARCHIVE_ACCOUNT_ID, Identity.ROOT)
    with refused("AccessDenied", "with an explicit deny in a service control policy"):
        root.delete_object(Bucket=BUCKET, Key=version["Key"], VersionId=version["VersionId"])


def test_nothing_is_delivered_without_a_trail(sandbox: Sandbox) -> None:
    """Without a trail every event is lost."""
    make_bucket(sandbox)
    assert _only_refusal(_run(sandbox)).reason is Reason.NO_TRAIL


def test_nothing_is_delivered_while_logging_is_stopped(sandbox: Sandbox) -> None:
    """A stopped trail delivers nothing."""
    s3 = make_archive(sandbox)
    sandbox.client("cloudtrail").stop_logging(Name=TRAIL)
    refusal = _only_refusal(_run(sandbox))
    assert (refusal.reason, refusal.trail_arn) == (Reason.NOT_LOGGING, arn_of_trail(sandbox))
    assert _keys(s3) == []


def test_nothing_is_delivered_without_trusted_access(sandbox: Sandbox) -> None:
    """Disabling trusted access ends the organization trail's deliveries, though the trail still says it logs."""
    s3 = make_archive(sandbox)
    organizations = sandbox.client("organizations")
    organizations.disable_aws_service_access(ServicePrincipal="cloudtrail.amazonaws.com")
    assert _only_refusal(_run(sandbox)).reason is Reason.TRUSTED_ACCESS_OFF
    assert _status(sandbox)["IsLogging"] is True
    assert _keys(s3) == []


def test_a_changed_bucket_policy_ends_deliveries(sandbox: Sandbox) -> None:
    """When the bucket policy no longer allows CloudTrail to write, the trail's status shows AccessDenied."""
    s3 = make_archive(sandbox)
    _run(sandbox)
    assert "LatestDeliveryError" not in _status(sandbox)
    delivered_at = _status(sandbox)["LatestDeliveryTime"]
    count = len(_keys(s3))
    wrong = json.dumps(policy(sandbox)).replace("org-trail", "another")
    s3.put_bucket_policy(Bucket=BUCKET, Policy=wrong)
    assert _only_refusal(_run(sandbox)).reason is Reason.ACCESS_DENIED
    assert len(_keys(s3)) == count
    assert _status(sandbox)["LatestDeliveryError"] == "AccessDenied"
    assert _status(sandbox)["LatestDeliveryTime"] == delivered_at
    s3.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps(policy(sandbox)))
    assert _run(sandbox).lost_events == 0
    assert "LatestDeliveryError" not in _status(sandbox)


def test_an_rcp_can_end_deliveries(sandbox: Sandbox) -> None:
    """An RCP that denies CloudTrail's writes ends deliveries, whatever the bucket policy says."""
    make_archive(sandbox)
    deny = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:PutObject",
        "Resource": f"arn:aws:s3:::{BUCKET}/*",
    }
    attach(
        sandbox,
        {"Version": "2012-10-17", "Statement": [deny]},
        target=LOG_ARCHIVE_ACCOUNT_ID,
        kind="RESOURCE_CONTROL_POLICY",
    )
    assert _only_refusal(_run(sandbox)).reason is Reason.ACCESS_DENIED


def test_a_deleted_bucket_ends_deliveries(sandbox: Sandbox) -> None:
    """When the bucket is gone, the trail's status shows NoSuchBucket."""
    s3 = make_archive(sandbox)
    s3.delete_bucket(Bucket=BUCKET)
    assert _only_refusal(_run(sandbox)).reason is Reason.NO_SUCH_BUCKET
    assert _status(sandbox)["LatestDeliveryError"] == "NoSuchBucket"


def test_the_policy_is_evaluated_for_every_key(sandbox: Sandbox) -> None:
    """A bucket policy that denies one account's folder loses that account's events only."""
    document = policy(sandbox)
    document["Statement"].append(
        {
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:PutObject",
            "Resource": f"arn:aws:s3:::{BUCKET}/AWSLogs/*/333333333333/*",
        }
    )
    s3 = make_archive(sandbox)
    s3.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps(document))
    report = _run(sandbox)
    assert (report.events, report.lost_events) == (10, 10)
    assert all("/111111111111/" in key for key in _keys(s3))


def test_a_trail_of_one_account_gets_its_own_logs(sandbox: Sandbox) -> None:
    """A member's own trail delivers that account's logs, beside the organization trail, outside its folder."""
    s3 = make_archive(sandbox)
    prod = sandbox.client("s3", "333333333333")
    prod.create_bucket(Bucket="prod-logs", CreateBucketConfiguration={"LocationConstraint": sandbox.region})
    text = json.dumps(policy(sandbox, "prod-logs")).replace("111111111111", "333333333333")
    prod.put_bucket_policy(Bucket="prod-logs", Policy=text)
    cloudtrail = sandbox.client("cloudtrail", "333333333333")
    cloudtrail.create_trail(Name=TRAIL, S3BucketName="prod-logs")
    cloudtrail.start_logging(Name=TRAIL)
    assert _run(sandbox).events == 20
    assert len(_keys(s3)) > len(_keys(prod, "prod-logs")) > 0
    assert all(key.startswith("AWSLogs/333333333333/CloudTrail/") for key in _keys(prod, "prod-logs"))


def test_a_single_region_trail_gets_its_region(sandbox: Sandbox) -> None:
    """A trail that is not multi-Region delivers the logs of its home Region only."""
    s3 = make_archive(sandbox)
    sandbox.client("cloudtrail").update_trail(Name=TRAIL, IsMultiRegionTrail=False)
    assert _run(sandbox).lost_events == 10
    assert all("/eu-central-1/" in key for key in _keys(s3))


def test_the_key_prefix_is_used(sandbox: Sandbox) -> None:
    """With a key prefix the logs are below it."""
    document = json.loads(json.dumps(policy(sandbox)).replace("/AWSLogs/", "/team/AWSLogs/"))
    s3 = make_bucket(sandbox, document=document)
    sandbox.client("organizations").enable_aws_service_access(ServicePrincipal="cloudtrail.amazonaws.com")
    make_trail(sandbox, S3KeyPrefix="team")
    _run(sandbox)
    assert all(key.startswith("team/AWSLogs/o-exampleorgid/") for key in _keys(s3))


def test_deliveries_are_the_same_for_a_seed(sandbox: Sandbox) -> None:
    """The same activities and seed give the same objects in a new organization."""
    habits = Habits(seed=11, duplicate_rate=0.3, late_rate=0.3)
    seen = []
    for _ in range(2):
        sandbox.reset()
        s3 = make_archive(sandbox)
        report = deliver(sandbox, _some_activities(), habits=habits)
        etags = [(e["Key"], e["ETag"]) for e in s3.list_objects_v2(Bucket=BUCKET)["Contents"]]
        seen.append((report, etags))
    assert seen[0] == seen[1]
    assert seen[0][0].duplicates > 0
    assert seen[0][0].late_objects > 0


def test_a_day_of_the_organization_arrives_whole(sandbox: Sandbox) -> None:
    """Of a day of believable activity every record is in the archive, byte for byte, duplicates apart."""
    s3 = make_archive(sandbox)
    shape = OrganizationShape(organization_id=sandbox.organization_id)
    day = list(activity(shape, seed=1, starts_at=BEGIN, days=1, events_per_day=2_000))
    report = deliver(sandbox, day)
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET)
    found = [entry["Key"] for page in pages for entry in page["Contents"]]
    assert (report.objects, report.events) == (len(found), len(day))
    sample = found[:: max(1, len(found) // 20)]
    records = {record.record for record in day}
    for key in sample:
        body = gzip.decompress(s3.get_object(Bucket=BUCKET, Key=key)["Body"].read())
        events = json.loads(body)["Records"]
        known = {json.dumps(event, separators=(",", ":"), ensure_ascii=False).encode() for event in events}
        assert known <= records
