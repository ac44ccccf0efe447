"""A trail that delivers into the bucket already goes on delivering until ours does, and until somebody stops it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from guard_verbs import BUCKET, Verbs, deliver_logs
from trailkeep.sandbox.organization import LOG_ARCHIVE_ACCOUNT_ID, Sandbox

pytestmark = pytest.mark.sandbox


@pytest.fixture
def verbs(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Verbs:
    """The verbs in a folder whose configuration asks for ``trailkeep`` where ``older`` delivers."""
    verbs = Verbs(sandbox, monkeypatch, tmp_path)
    verbs.write(trail='name = "older"')
    assert verbs.run("apply", "--yes").exit_code in {0, 1}
    deliver_logs(sandbox, trail="older")
    verbs.write()
    return verbs


def _delivers(sandbox: Sandbox, trail: str) -> bool:
    """Return whether CloudTrail says of a trail that its newest logs arrived."""
    deliver_logs(sandbox, trail=trail)
    return "LatestDeliveryError" not in _cloudtrail(sandbox).get_trail_status(Name=trail)


def _cloudtrail(sandbox: Sandbox) -> Any:
    return sandbox.client("cloudtrail")


def test_both_deliver_until_one_is_stopped(sandbox: Sandbox, verbs: Verbs) -> None:
    """A new trail delivers beside the older one; arming waits for the older one's end and cuts nothing off."""
    assert verbs.run("apply", "--yes").exit_code == 1
    assert _delivers(sandbox, "older")
    assert _delivers(sandbox, "trailkeep")
    seen = verbs.run("plan", "--arm", "--json").document
    waits = {entry["action"]["id"]: entry["allow"] for entry in seen["blocked"]}
    assert waits["bucket.policy.arm"] == "cut-trail"
    assert waits["rcp.attach"] == "cut-trail"
    kinds = {entry["subject"]: entry["kind"] for entry in seen["differences"]}
    assert kinds["bucket.policy.arm"] == "danger"
    _cloudtrail(sandbox).stop_logging(Name="older")
    assert verbs.run("apply", "--yes", "--arm").exit_code == 0
    assert verbs.run("plan", "--arm", "--json").document["differences"] == []


def test_arming_cuts_off_only_when_allowed(sandbox: Sandbox, verbs: Verbs) -> None:
    """``--allow cut-trail`` arms the archive although the older trail still delivers; it no longer does."""
    verbs.run("apply", "--yes")
    assert _delivers(sandbox, "trailkeep")
    armed = verbs.run("apply", "--yes", "--arm", "--allow", "cut-trail")
    assert armed.exit_code == 0, armed.stderr
    assert not _delivers(sandbox, "older")
    assert _delivers(sandbox, "trailkeep")


def test_a_trail_that_cannot_be_made_cuts_nothing_off(sandbox: Sandbox, verbs: Verbs) -> None:
    """Where CloudTrail refuses the new trail, ``apply`` stops and the older one goes on delivering."""
    sandbox.inject("CreateTrail", error="MaximumNumberOfTrailsExceededException")
    assert verbs.run("apply", "--yes").exit_code == 4
    assert _delivers(sandbox, "older")
    assert [trail["Name"] for trail in _cloudtrail(sandbox).describe_trails()["trailList"]] == ["older"]


def test_a_full_region_is_said_before_anything_changes(sandbox: Sandbox, verbs: Verbs) -> None:
    """With five trails in the region the plan blocks the sixth and leaves the bucket policy alone."""
    arn = _cloudtrail(sandbox).describe_trails()["trailList"][0]["TrailARN"]
    client = sandbox.client("s3", LOG_ARCHIVE_ACCOUNT_ID)
    policy = client.get_bucket_policy(Bucket=BUCKET)["Policy"]
    open_to_all = policy.replace(arn, arn.replace("trail/older", "trail/*")).replace(
        "StringEquals", "StringLike"
    )
    client.put_bucket_policy(Bucket=BUCKET, Policy=open_to_all)
    for name in ("one", "two", "three", "four"):
        _cloudtrail(sandbox).create_trail(Name=name, S3BucketName=BUCKET)
    seen = verbs.run("plan", "--json").document
    reasons = {entry["action"]["id"]: entry["reason"] for entry in seen["blocked"]}
    assert "CloudTrail takes 5 trails in eu-central-1" in reasons["trail.create"]
    assert "CloudTrail takes 5 trails in eu-central-1" in reasons["bucket.policy"]
    assert not {"trail.create", "bucket.policy"} & {action["id"] for action in seen["actions"]}


def test_a_trail_of_another_region_is_not_cut_off(sandbox: Sandbox, verbs: Verbs) -> None:
    """A trail of one other region that no statement names keeps its place, and arming waits for its end."""
    arn = _cloudtrail(sandbox).describe_trails()["trailList"][0]["TrailARN"]
    bucket = sandbox.client("s3", LOG_ARCHIVE_ACCOUNT_ID)
    document = json.loads(bucket.get_bucket_policy(Bucket=BUCKET)["Policy"])
    for statement in document["Statement"]:
        statement.get("Condition", {}).get("StringEquals", {}).pop("aws:SourceArn", None)
    assert arn not in json.dumps(document)
    bucket.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps(document).replace('"StringEquals": {}', ""))
    _cloudtrail(sandbox).stop_logging(Name="older")
    east = sandbox.client("cloudtrail", region="us-east-1")
    east.create_trail(Name="east", S3BucketName=BUCKET)
    east.start_logging(Name="east")
    assert verbs.run("apply", "--yes").exit_code == 1
    assert east.update_trail(Name="east", S3BucketName=BUCKET)["S3BucketName"] == BUCKET
    seen = verbs.run("plan", "--arm", "--json").document
    waits = {entry["action"]["id"]: entry for entry in seen["blocked"]}
    assert waits["bucket.policy.arm"]["allow"] == "cut-trail"
    assert ":us-east-1:111111111111:trail/east, which delivers" in waits["bucket.policy.arm"]["reason"]
    east.stop_logging(Name="east")
    assert verbs.run("plan", "--arm", "--json").document["blocked"] == []
