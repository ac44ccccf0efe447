"""Lifecycle, tags and the account's block are put without taking away what others set."""

from __future__ import annotations

import json
from pathlib import Path

import boto3
import pytest
from botocore.awsrequest import AWSRequest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from guard_verbs import BUCKET, Verbs, settings
from trailkeep.aws.act_storage import put_lifecycle
from trailkeep.aws.session import Accounts
from trailkeep.guard.changes import PutLifecycle
from trailkeep.guard.plan_storage import lifecycle_rules
from trailkeep.sandbox.organization import LOG_ARCHIVE_ACCOUNT_ID, Sandbox

pytestmark = pytest.mark.sandbox


def test_what_others_set_stays(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Rules and tags that a bucket has are there after ``apply``."""
    bucket = sandbox.client("s3", LOG_ARCHIVE_ACCOUNT_ID)
    place = {"LocationConstraint": "eu-central-1"}
    bucket.create_bucket(Bucket=BUCKET, CreateBucketConfiguration=place, ObjectLockEnabledForBucket=True)
    rule = {"ID": "t", "Status": "Enabled", "Filter": {"Prefix": "reports/"}, "Expiration": {"Days": 9}}
    bucket.put_bucket_lifecycle_configuration(Bucket=BUCKET, LifecycleConfiguration={"Rules": [rule]})
    bucket.put_bucket_tagging(Bucket=BUCKET, Tagging={"TagSet": [{"Key": "owner", "Value": "audit"}]})
    verbs = Verbs(sandbox, monkeypatch, tmp_path)
    (tmp_path / "trailkeep.toml").write_text(
        settings().replace("[retention]", "lifecycle_expire_days = 500\n[retention]")
    )
    ran = verbs.run("apply", "--yes", "--allow", "shorten-retention")
    assert (ran.exit_code, verbs.run("plan", "--json").ids) == (1, []), ran.stderr
    assert verbs.armed().exit_code == 0
    assert verbs.run("plan", "--arm", "--json").ids == []
    found = bucket.get_bucket_lifecycle_configuration(Bucket=BUCKET)
    assert [one["ID"] for one in found["Rules"]] == [
        "t",
        "trailkeep-uploads",
        "trailkeep-expire",
        "trailkeep-markers",
    ]
    tags = bucket.get_bucket_tagging(Bucket=BUCKET)["TagSet"]
    assert {tag["Key"]: tag["Value"] for tag in tags} == {"owner": "audit", "managed-by": "trailkeep"}


def test_guard_keeps_the_account_closed(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Once the guard is attached nobody of the account, not even ``apply``, opens it to the public again."""
    verbs = Verbs(sandbox, monkeypatch, tmp_path)
    verbs.write()
    assert verbs.armed().exit_code == 0
    client = Accounts(region="eu-central-1", role="OrganizationAccountAccessRole").s3control(
        LOG_ARCHIVE_ACCOUNT_ID, "eu-central-1"
    )
    block = client.get_public_access_block(AccountId=LOG_ARCHIVE_ACCOUNT_ID)
    assert set(block["PublicAccessBlockConfiguration"].values()) == {True}
    with pytest.raises(ClientError, match="AccessDenied"):
        client.delete_public_access_block(AccountId=LOG_ARCHIVE_ACCOUNT_ID)


def test_smallest_size_for_transitions_stays() -> None:
    """The smallest size for transitions, which S3 resets where it is not named, is put as it was."""
    client = boto3.client(
        "s3", region_name="eu-central-1", aws_access_key_id="AKIAEXAMPLE", aws_secret_access_key="none"
    )
    named = {"Bucket": BUCKET, "ExpectedBucketOwner": LOG_ARCHIVE_ACCOUNT_ID}
    size = {"TransitionDefaultMinimumObjectSize": "varies_by_storage_class"}
    rules = lifecycle_rules(0, held_days=400)
    with Stubber(client) as stub:
        stub.add_response("get_bucket_lifecycle_configuration", {"Rules": [], **size}, named)
        stub.add_response(
            "put_bucket_lifecycle_configuration",
            {},
            {**named, **size, "LifecycleConfiguration": {"Rules": rules}},
        )
        put_lifecycle(
            client,
            PutLifecycle(
                id="bucket.lifecycle",
                target=BUCKET,
                account=LOG_ARCHIVE_ACCOUNT_ID,
                reason="",
                bucket=BUCKET,
                region="eu-central-1",
                document=json.dumps(rules),
            ),
        )
        stub.assert_no_pending_responses()


@pytest.mark.parametrize(
    ("url", "sent"),
    [
        ("http://222222222222.127.0.0.1:5000/v1/x", "http://127.0.0.1:5000/v1/x"),
        ("http://222222222222.localhost:5000/v1/x", "http://localhost:5000/v1/x"),
        ("https://222222222222.s3-control.eu-central-1.amazonaws.com/x", ""),
    ],
)
def test_account_in_the_host(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, url: str, sent: str) -> None:
    """The account's id is taken off the host before an address, and never before a name of AWS."""
    for name, value in sandbox.environment().items():
        monkeypatch.setenv(name, value)
    accounts = Accounts(region="eu-central-1", role="OrganizationAccountAccessRole")
    client = accounts.s3control(LOG_ARCHIVE_ACCOUNT_ID, "eu-central-1")
    request = AWSRequest(method="GET", url=url)
    client.meta.events.emit("before-sign.s3-control.GetPublicAccessBlock", request=request)
    assert request.url == (sent or url)
