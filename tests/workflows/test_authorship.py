"""Who made a drift: the event as AWS writes it, delivered, collected, and named by ``plan``."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from guard_verbs import BUCKET, Verbs
from logs import record
from trailkeep.sandbox.delivery import deliver
from trailkeep.sandbox.events import Activity
from trailkeep.sandbox.organization import LOG_ARCHIVE_ACCOUNT_ID, MANAGEMENT_ACCOUNT_ID, Sandbox

pytestmark = pytest.mark.sandbox

AT = datetime(2026, 3, 1, 10, tzinfo=UTC)
MALLORY = {
    "type": "AssumedRole",
    "principalId": "AROAEXAMPLE:mallory",
    "arn": f"arn:aws:sts::{LOG_ARCHIVE_ACCOUNT_ID}:assumed-role/Admin/mallory",
    "accountId": LOG_ARCHIVE_ACCOUNT_ID,
    "accessKeyId": "ASIAEXAMPLE",
}
OWN = {"bucketName": BUCKET, "host": f"{BUCKET}.s3.eu-central-1.amazonaws.com", "publicAccessBlock": ""}


@pytest.fixture
def verbs(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Verbs:
    """An archive that is in force, without the guard, so that its bucket can be changed."""
    found = Verbs(sandbox, monkeypatch, tmp_path)
    found.write(scp="false\nrcp = false")
    assert found.armed().exit_code == 0
    return found


def happened(sandbox: Sandbox, *events: dict[str, Any]) -> None:
    """Let CloudTrail deliver events, one each minute from AT on."""
    activities = []
    for number, fields in enumerate(events):
        at = AT + timedelta(minutes=number)
        whole = record(
            number, **({"eventTime": f"{at:%Y-%m-%dT%H:%M:%SZ}", "userIdentity": MALLORY} | fields)
        )
        activities.append(
            Activity(
                account_id=whole["recipientAccountId"],
                region=whole["awsRegion"],
                occurred_at=at,
                record=json.dumps(whole).encode(),
            )
        )
    assert deliver(sandbox, activities).lost_events == 0


def s3_event(name: str, number: int = 1, **fields: Any) -> dict[str, Any]:
    """Return what S3 records of a call on the archive's bucket."""
    return {
        "eventName": name,
        "requestParameters": OWN,
        "recipientAccountId": LOG_ARCHIVE_ACCOUNT_ID,
        "eventID": f"{number:08d}-aaaa-4000-8000-000000000000",
        "readOnly": False,
        **fields,
    }


def test_plan_names_the_author(verbs: Verbs, sandbox: Sandbox) -> None:
    """A public access block that somebody removed is shown with who did it, when, from where and by which event."""
    sandbox.client("s3", LOG_ARCHIVE_ACCOUNT_ID).delete_public_access_block(Bucket=BUCKET)
    happened(
        sandbox,
        s3_event("DeleteBucketPublicAccessBlock", 1),
        s3_event("DeleteBucketPublicAccessBlock", 2, errorCode="AccessDenied"),
        s3_event("DeleteBucketPublicAccessBlock", 3, requestParameters={"bucketName": f"{BUCKET}-2"}),
    )
    assert verbs.run("collect").exit_code == 0
    ran = verbs.run("plan")
    assert ran.exit_code == 1
    assert (
        f"    changed by {MALLORY['arn']} at 2026-03-01T10:00:00Z from 198.51.100.0 "
        "with DeleteBucketPublicAccessBlock (event 00000001-aaaa-4000-8000-000000000000)\n"
    ) in ran.stdout
    document = verbs.run("plan", "--json").document
    assert document["authors"] == [
        {
            "action": "bucket.public_access",
            "observed": "",
            "event_id": "00000001-aaaa-4000-8000-000000000000",
            "event_name": "DeleteBucketPublicAccessBlock",
            "at": "2026-03-01T10:00:00Z",
            "principal": MALLORY["arn"],
            "source_ip": "198.51.100.0",
            "access_key": "ASIAEXAMPLE",
        }
    ]
    assert document["authors_until"] == "2026-03-01T10:02:00Z"
    assert document["authors_note"] == ""


def test_lake_is_behind(verbs: Verbs, sandbox: Sandbox) -> None:
    """Where the newest event in the lake set what is asked for, nobody is named, and the lake's end is said."""
    sandbox.client("s3", LOG_ARCHIVE_ACCOUNT_ID).delete_public_access_block(Bucket=BUCKET)
    switches = dict.fromkeys(
        ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True
    )
    happened(
        sandbox,
        s3_event("DeleteBucketPublicAccessBlock", 1),
        s3_event(
            "PutBucketPublicAccessBlock",
            2,
            requestParameters=OWN | {"PublicAccessBlockConfiguration": switches},
        ),
    )
    assert verbs.run("collect").exit_code == 0
    ran = verbs.run("plan")
    assert "    changed by: no event in the lake tells; it ends at 2026-03-01T10:01:00Z\n" in ran.stdout


def test_concern_has_an_author(verbs: Verbs, sandbox: Sandbox) -> None:
    """What only a human can repair is shown with who did it, too."""
    rule = {
        "ID": "tidy",
        "Status": "Enabled",
        "Filter": {"Prefix": "AWSLogs/"},
        "Expiration": {"Days": 1},
    }
    sandbox.client("s3", LOG_ARCHIVE_ACCOUNT_ID).put_bucket_lifecycle_configuration(
        Bucket=BUCKET, LifecycleConfiguration={"Rules": [rule]}
    )
    cloudtrail = sandbox.client("cloudtrail")
    arn = cloudtrail.describe_trails()["trailList"][0]["TrailARN"]
    cloudtrail.put_event_selectors(
        TrailName=arn, EventSelectors=[{"ReadWriteType": "WriteOnly", "IncludeManagementEvents": True}]
    )
    happened(
        sandbox,
        s3_event("PutBucketLifecycle", 1),
        {
            "eventName": "PutEventSelectors",
            "eventSource": "cloudtrail.amazonaws.com",
            "requestParameters": {"trailName": "trailkeep"},
            "recipientAccountId": MANAGEMENT_ACCOUNT_ID,
        },
    )
    assert verbs.run("collect").exit_code == 0
    found = {one["action"]: one["event_name"] for one in verbs.run("plan", "--json").document["authors"]}
    assert found == {"trail trailkeep": "PutEventSelectors", f"bucket {BUCKET}": "PutBucketLifecycle"}
    assert verbs.run("plan").stdout.count("    changed by arn:aws:sts::") == 2


def test_broken_lake_is_a_note(verbs: Verbs, sandbox: Sandbox) -> None:
    """A lake that cannot be read is said on stderr and changes neither the plan nor the exit code."""
    sandbox.client("s3", LOG_ARCHIVE_ACCOUNT_ID).delete_public_access_block(Bucket=BUCKET)
    without = verbs.run("plan", "--json")
    assert without.document["authors_note"].startswith("no lake at lake, so nobody is named")
    assert "lake" not in without.stderr
    (verbs.folder / "lake").mkdir()
    (verbs.folder / "lake" / "catalog.db").write_text("this is no catalog")
    ran = verbs.run("plan", "--json")
    assert (ran.exit_code, ran.ids) == (1, ["bucket.public_access"])
    assert ran.document["fingerprint"] == without.document["fingerprint"]
    assert ran.document["authors"] == []
    assert "the lake at lake cannot be asked, so nobody is named: lake: expected a lake" in ran.stderr
