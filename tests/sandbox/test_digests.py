"""The sandbox writes digests as CloudTrail does, for every shape of an archive."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key

from sandbox_archives import (
    BUCKET,
    TRAIL,
    arn_of_trail,
    make_archive,
    make_bucket,
    make_trail,
    policy,
    refused,
    trust_cloudtrail,
)
from trailkeep.core.layout import DigestKey, LogKey, parse_key
from trailkeep.sandbox.chains import Digests
from trailkeep.sandbox.delivery import FolderDigests, close_hours, deliver, write_layout
from trailkeep.sandbox.events import Activity
from trailkeep.sandbox.logfiles import Habits
from trailkeep.sandbox.organization import Sandbox
from trailkeep.sandbox.reach import BucketReach, FolderReach, Reach
from trailkeep.sandbox.signing import Rotation, SigningKeys
from validating import Said, validate_logs

pytestmark = pytest.mark.sandbox
BEGIN = datetime(2026, 3, 1, 10, tzinfo=UTC)
ACCOUNT, REGION = "333333333333", "eu-central-1"
HOUR = timedelta(hours=1)
PLAIN = Habits(late_rate=0, duplicate_rate=0)
Document = dict[str, Any]


def _some(
    hours: int = 3, *, since: datetime = BEGIN, account: str = ACCOUNT, region: str = REGION
) -> list[Activity]:
    return [
        Activity(
            account_id=account,
            region=region,
            occurred_at=since + timedelta(minutes=20 * number),
            record=b'{"eventID":"e%d"}' % number,
        )
        for number in range(hours * 3)
    ]


def _chain(
    reach: Reach, *, account: str = ACCOUNT, region: str = REGION, backfill: bool = False
) -> list[Document]:
    """Return what a chain's digests say, in order of their ends, with key and metadata."""
    found = []
    for key in reach.listed():
        parsed = parse_key(key)
        if isinstance(parsed, DigestKey) and (parsed.account_id, parsed.region) == (account, region):
            item = reach.read(key)
            body = gzip.decompress(item.body)
            document = json.loads(body) | {
                "key": key,
                "sha256": hashlib.sha256(body).hexdigest(),
                **item.metadata,
            }
            found += [(parsed.ends_at, document)] if parsed.backfill == backfill else []
    return [document for _, document in sorted(found, key=lambda pair: pair[0])]


def _named(chain: list[Document]) -> list[str]:
    return [log["s3Object"] for digest in chain for log in digest["logFiles"]]


def _logs(reach: Reach) -> list[str]:
    return [key for key in reach.listed() if isinstance(parse_key(key), LogKey)]


def _starting(chain: list[Document]) -> list[bool]:
    return [digest["previousDigestSignature"] is None for digest in chain]


def _links(chain: list[Document]) -> Iterator[bool]:
    for before, after in pairwise(chain):
        if after["previousDigestSignature"] is not None:
            yield (
                after["previousDigestS3Object"] == before["key"]
                and after["previousDigestHashValue"] == before["sha256"]
                and after["previousDigestSignature"] == before["signature"]
            )


def _validate(sandbox: Sandbox, *, account: str = ACCOUNT, region: str = REGION, hours: int = 24) -> Said:
    return validate_logs(sandbox, account=account, region=region, since=BEGIN, until=BEGIN + hours * HOUR)


def test_every_log_is_named_once(sandbox: Sandbox) -> None:
    """Every log is named by one digest, with the hash of its inflated bytes and the times of its events."""
    s3 = make_archive(sandbox)
    report = deliver(sandbox, _some(), habits=PLAIN, digests=Digests(until=BEGIN + 5 * HOUR))
    chain = _chain(BucketReach(BUCKET))
    assert sorted(_named(chain)) == _logs(BucketReach(BUCKET))
    assert report.digests == sum(key.count("/CloudTrail-Digest/") for key in BucketReach(BUCKET).listed())
    for log in (log for digest in chain for log in digest["logFiles"]):
        body = gzip.decompress(s3.get_object(Bucket=BUCKET, Key=log["s3Object"])["Body"].read())
        assert log["hashValue"] == hashlib.sha256(body).hexdigest()
        assert log["oldestEventTime"] == log["newestEventTime"]


def test_every_account_has_digests_in_quiet_hours(sandbox: Sandbox) -> None:
    """Every account has an empty digest for every hour in which it did nothing, linked to the one before."""
    make_archive(sandbox)
    deliver(sandbox, _some(), habits=PLAIN, digests=Digests(regions=("us-east-1",)))
    assert close_hours(sandbox, BEGIN + 8 * HOUR) > 0
    for account in ("111111111111", "222222222222", ACCOUNT):
        for region in (REGION, "us-east-1"):
            chain = _chain(BucketReach(BUCKET), account=account, region=region)
            assert _starting(chain) == [True, *([False] * (len(chain) - 1))]
            assert len(chain) in {7, 8}
            assert all(_links(chain))
            ends = [digest["digestEndTime"] for digest in chain]
            assert [digest["digestStartTime"] for digest in chain[1:]] == ends[:-1]
    assert _named(_chain(BucketReach(BUCKET), account="222222222222")) == []


def test_chains_have_their_own_minute(sandbox: Sandbox) -> None:
    """The hours of different chains end at different minutes and seconds."""
    make_archive(sandbox)
    deliver(sandbox, _some(), habits=PLAIN, digests=Digests())
    accounts = ("111111111111", "222222222222", ACCOUNT)
    ends = {_chain(BucketReach(BUCKET), account=account)[0]["digestEndTime"][14:] for account in accounts}
    assert len(ends) == len(accounts)


def test_signatures_verify_with_the_listed_keys(sandbox: Sandbox) -> None:
    """ListPublicKeys of the digest's Region has the key whose signature it carries."""
    make_archive(sandbox)
    deliver(sandbox, _some(), habits=PLAIN, digests=Digests())
    client = sandbox.client("cloudtrail", ACCOUNT)
    listed = client.list_public_keys(StartTime=BEGIN, EndTime=BEGIN + 9 * HOUR)["PublicKeyList"]
    keys = {key["Fingerprint"]: key["Value"] for key in listed}
    for digest in _chain(BucketReach(BUCKET)):
        der = keys[digest["digestPublicKeyFingerprint"]]
        assert hashlib.md5(der, usedforsecurity=False).hexdigest() == digest["digestPublicKeyFingerprint"]
        previous = digest["previousDigestSignature"] or "null"
        place = f"{digest['digestS3Bucket']}/{digest['digestS3Object']}"
        text = f"{digest['digestEndTime']}\n{place}\n{digest['sha256']}\n{previous}".encode()
        key = load_der_public_key(der)
        assert isinstance(key, rsa.RSAPublicKey)
        key.verify(bytes.fromhex(digest["signature"]), text, padding.PKCS1v15(), hashes.SHA256())


def test_a_range_of_keys_must_not_end_before_it_begins(sandbox: Sandbox) -> None:
    """ListPublicKeys refuses a range that ends before it begins."""
    with refused("InvalidTimeRangeException"):
        sandbox.client("cloudtrail").list_public_keys(StartTime=BEGIN, EndTime=BEGIN - HOUR)


def test_keys_rotate_with_overlap(sandbox: Sandbox) -> None:
    """A Region gets a new key now and then, is valid while the old one still is, and the AWS CLI goes along."""
    make_archive(sandbox)
    sandbox.digests.keys.rotation = Rotation(every=timedelta(hours=8), overlap=timedelta(hours=4))
    deliver(sandbox, _some(12), habits=PLAIN, digests=Digests(until=BEGIN + 20 * HOUR))
    used = {digest["digestPublicKeyFingerprint"] for digest in _chain(BucketReach(BUCKET))}
    keys = sandbox.digests.keys.listed(REGION, BEGIN, BEGIN + 20 * HOUR)
    assert len(used) >= 3
    assert used <= {key.fingerprint for key in keys}
    assert all(old.valid_until > new.valid_from for old, new in pairwise(keys))
    said = _validate(sandbox)
    assert (said.exit_code, "INVALID" in said.words, "36/36 log files valid" in said.words) == (
        0,
        False,
        True,
    )


def test_keys_are_the_same_every_time() -> None:
    """A Region's key at a moment does not depend on what was signed before."""
    one, other = SigningKeys(), SigningKeys()
    other.signing("eu-central-1", BEGIN + timedelta(days=3))
    assert one.signing("us-east-1", BEGIN).der == other.signing("us-east-1", BEGIN).der
    assert one.signing("us-east-1", BEGIN).der != one.signing("eu-central-1", BEGIN).der


def test_stop_and_start(sandbox: Sandbox) -> None:
    """StopLogging brings a final digest at once, StartLogging a new starting digest; the AWS CLI sees a gap."""
    make_archive(sandbox)
    client = sandbox.client("cloudtrail")
    deliver(sandbox, _some(), habits=PLAIN, digests=Digests())
    reach = BucketReach(BUCKET)
    assert len(_named(_chain(reach))) < len(_logs(reach))
    client.stop_logging(Name=TRAIL)
    stopped = _chain(reach)
    assert sorted(_named(stopped)) == _logs(reach)
    assert close_hours(sandbox, BEGIN + 8 * HOUR) == 0
    client.start_logging(Name=TRAIL)
    later = _some(since=BEGIN + 9 * HOUR)
    deliver(sandbox, later, habits=PLAIN, digests=Digests(until=BEGIN + 14 * HOUR))
    chain = _chain(reach)
    assert [number for number, starts in enumerate(_starting(chain)) if starts] == [0, len(stopped)]
    assert sorted(_named(chain)) == _logs(reach)
    said = _validate(sandbox)
    assert (said.exit_code, "No log files were delivered by CloudTrail between" in said.words) == (0, True)


def test_no_digests_without_validation(sandbox: Sandbox) -> None:
    """While validation is off logs arrive and digests do not; enabling it brings a starting digest."""
    make_archive(sandbox)
    client = sandbox.client("cloudtrail")
    deliver(sandbox, _some(), habits=PLAIN, digests=Digests())
    client.update_trail(Name=TRAIL, EnableLogFileValidation=False)
    before = _chain(BucketReach(BUCKET))
    report = deliver(sandbox, _some(since=BEGIN + 5 * HOUR), habits=PLAIN, digests=Digests())
    assert (report.digests, report.lost_events) == (0, 0)
    client.update_trail(Name=TRAIL, EnableLogFileValidation=True)
    deliver(sandbox, _some(since=BEGIN + 9 * HOUR), habits=PLAIN, digests=Digests(until=BEGIN + 14 * HOUR))
    starting = _starting(_chain(BucketReach(BUCKET)))
    assert starting[len(before)]
    assert sum(starting) == 2


def test_a_deleted_trail_gets_its_final_digests(sandbox: Sandbox) -> None:
    """DeleteTrail brings the final digests; a trail made anew begins with starting digests."""
    make_archive(sandbox)
    deliver(sandbox, _some(), habits=PLAIN, digests=Digests())
    sandbox.client("cloudtrail").delete_trail(Name=TRAIL)
    reach = BucketReach(BUCKET)
    before = _chain(reach)
    assert sorted(_named(before)) == _logs(reach)
    make_trail(sandbox)
    deliver(sandbox, _some(since=BEGIN + 9 * HOUR), habits=PLAIN, digests=Digests(until=BEGIN + 14 * HOUR))
    assert _starting(_chain(reach))[len(before)]


def test_forgotten_logs_come_in_backfill_digests(sandbox: Sandbox) -> None:
    """Logs that no regular digest names are named by backfill digests, a chain that the AWS CLI accepts."""
    make_archive(sandbox)
    wanted = Digests(until=BEGIN + 14 * HOUR, forgotten_rate=0.4, seed=5)
    deliver(sandbox, _some(6), habits=PLAIN, digests=wanted)
    reach = BucketReach(BUCKET)
    regular, backfill = _chain(reach), _chain(reach, backfill=True)
    assert len(backfill) > 1
    assert all(_links(backfill))
    assert sorted(_named(regular) + _named(backfill)) == _logs(reach)
    assert all(digest["backfill-generation-timestamp"] > digest["digestEndTime"] for digest in backfill)
    said = _validate(sandbox)
    assert (said.exit_code, "18/18 log files valid" in said.words) == (0, True)
    assert f"{len(backfill)}/{len(backfill)} backfill digest files valid" in said.words


def test_a_refused_digest_is_told_and_backfilled(sandbox: Sandbox) -> None:
    """A bucket policy that refuses digests shows in the trail's status; their logs are backfilled later."""
    s3 = make_archive(sandbox)
    document = policy(sandbox)
    folder = f"arn:aws:s3:::{BUCKET}/AWSLogs/*/CloudTrail-Digest/*"
    deny = {"Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": folder}
    s3.put_bucket_policy(
        Bucket=BUCKET, Policy=json.dumps(document | {"Statement": [*document["Statement"], deny]})
    )
    client = sandbox.client("cloudtrail")
    report = deliver(sandbox, _some(), habits=PLAIN, digests=Digests(until=BEGIN + 4 * HOUR))
    assert (report.digests, report.lost_events) == (0, 0)
    assert client.get_trail_status(Name=TRAIL)["LatestDigestDeliveryError"] == "AccessDenied"
    s3.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps(document))
    close_hours(sandbox, BEGIN + 12 * HOUR)
    status = client.get_trail_status(Name=TRAIL)
    assert "LatestDigestDeliveryError" not in status
    assert BEGIN + 10 * HOUR < status["LatestDigestDeliveryTime"] <= BEGIN + 12 * HOUR
    elsewhere = sandbox.client("cloudtrail", region="us-east-1").get_trail_status(Name=arn_of_trail(sandbox))
    assert "LatestDigestDeliveryTime" not in elsewhere
    reach = BucketReach(BUCKET)
    assert sorted(_named(_chain(reach, backfill=True))) == _logs(reach)


def test_accounts_join_and_leave(sandbox: Sandbox) -> None:
    """The chain of an account that joins begins then; the chain of one that leaves ends then."""
    make_archive(sandbox)
    organizations = sandbox.client("organizations")
    deliver(sandbox, _some(), habits=PLAIN, digests=Digests())
    made = organizations.create_account(AccountName="late", Email="late@example.com")["CreateAccountStatus"]
    while made["State"] == "IN_PROGRESS":
        asked = organizations.describe_create_account_status(CreateAccountRequestId=made["Id"])
        made = asked["CreateAccountStatus"]
    organizations.remove_account_from_organization(AccountId="555555555555")
    close_hours(sandbox, BEGIN + 8 * HOUR)
    reach = BucketReach(BUCKET)
    assert (
        _chain(reach, account=made["AccountId"])[0]["digestStartTime"] > _chain(reach)[1]["digestStartTime"]
    )
    assert len(_chain(reach, account="555555555555")) < len(_chain(reach))


def test_a_trail_of_one_account_with_a_prefix(sandbox: Sandbox) -> None:
    """A trail that is no organization trail has its digests below its prefix, and the AWS CLI accepts them."""
    document = json.loads(json.dumps(policy(sandbox)).replace("/AWSLogs/", "/team/AWSLogs/"))
    make_bucket(sandbox, document=document)
    arn = make_trail(sandbox, S3KeyPrefix="team", IsOrganizationTrail=False)
    own = _some(account="111111111111")
    deliver(sandbox, own, habits=PLAIN, digests=Digests(until=BEGIN + 5 * HOUR))
    reach = BucketReach(BUCKET)
    folder = "team/AWSLogs/111111111111/CloudTrail"
    assert all(key.startswith((f"{folder}/", f"{folder}-Digest/")) for key in reach.listed())
    said = validate_logs(
        sandbox,
        account="111111111111",
        region=REGION,
        since=BEGIN,
        until=BEGIN + 5 * HOUR,
        trail_arn=arn,
        bucket=(BUCKET, "team"),
    )
    assert (said.exit_code, "9/9 log files valid" in said.words) == (0, True), said.words


def test_deliveries_without_digests_write_none(sandbox: Sandbox) -> None:
    """A delivery that wants no digests writes none."""
    make_bucket(sandbox)
    trust_cloudtrail(sandbox)
    make_trail(sandbox)
    assert deliver(sandbox, _some(), habits=PLAIN).digests == 0
    assert not any("Digest" in key for key in BucketReach(BUCKET).listed())


def test_a_folder_has_the_digests_of_a_bucket(sandbox: Sandbox, tmp_path: Path) -> None:
    """A local copy holds the same digests as the bucket whose name they carry, the metadata beside them."""
    make_archive(sandbox)
    wanted = Digests(until=BEGIN + 12 * HOUR, regions=("us-east-1",), forgotten_rate=0.4)
    deliver(sandbox, _some(), habits=PLAIN, digests=wanted)
    accounts = ("111111111111", "222222222222", ACCOUNT, "444444444444", "555555555555")
    report = write_layout(
        tmp_path,
        _some(),
        organization_id=sandbox.organization_id,
        habits=PLAIN,
        digests=FolderDigests(
            bucket=BUCKET, trail_name=TRAIL, home_region=sandbox.region, accounts=accounts, wanted=wanted
        ),
    )
    bucket, folder = BucketReach(BUCKET), FolderReach(tmp_path, bucket=BUCKET)
    assert report.digests > 0
    assert folder.listed() == bucket.listed()
    assert all(folder.read(key) == bucket.read(key) for key in folder.listed())


def test_a_chain_goes_on_in_another_bucket(sandbox: Sandbox) -> None:
    """When the trail moves to another bucket its chain goes on there, and the AWS CLI follows it back."""
    make_archive(sandbox)
    deliver(sandbox, _some(), habits=PLAIN, digests=Digests())
    make_bucket(sandbox, bucket="second-logs")
    sandbox.client("cloudtrail").update_trail(Name=TRAIL, S3BucketName="second-logs")
    deliver(sandbox, _some(since=BEGIN + 4 * HOUR), habits=PLAIN, digests=Digests(until=BEGIN + 9 * HOUR))
    first, second = _chain(BucketReach(BUCKET)), _chain(BucketReach("second-logs"))
    assert second[0]["previousDigestS3Bucket"] == BUCKET
    assert all(_links([first[-1], *second]))
    said = _validate(sandbox)
    assert (said.exit_code, "18/18 log files valid" in said.words) == (0, True), said.words


def test_no_digests_without_trusted_access(sandbox: Sandbox) -> None:
    """Without trusted access an organization trail gets no digest; the hours without one stay a gap."""
    make_archive(sandbox)
    deliver(sandbox, _some(), habits=PLAIN, digests=Digests())
    before = len(_chain(BucketReach(BUCKET)))
    organizations = sandbox.client("organizations")
    organizations.disable_aws_service_access(ServicePrincipal="cloudtrail.amazonaws.com")
    assert close_hours(sandbox, BEGIN + 8 * HOUR) == 0
    trust_cloudtrail(sandbox)
    assert close_hours(sandbox, BEGIN + 12 * HOUR) > 0
    chain = _chain(BucketReach(BUCKET))
    assert chain[before]["digestStartTime"] > chain[before - 1]["digestEndTime"]
    assert all(_links(chain))


def test_every_enabled_region_has_digests(sandbox: Sandbox) -> None:
    """A trail of all Regions has digests in each that is enabled, and DescribeRegions tells the same Regions."""
    make_archive(sandbox)
    enabled = {REGION, "us-east-1", "eu-west-1"}
    sandbox.enable_regions(*enabled)
    deliver(sandbox, _some(), habits=PLAIN, digests=Digests())
    told = sandbox.client("ec2", ACCOUNT).describe_regions()["Regions"]
    assert {region["RegionName"] for region in told} == enabled
    digests = [parse_key(key) for key in BucketReach(BUCKET).listed()]
    assert {digest.region for digest in digests if isinstance(digest, DigestKey)} == enabled
    sandbox.reset()
    assert len(sandbox.client("ec2").describe_regions()["Regions"]) > len(enabled)
