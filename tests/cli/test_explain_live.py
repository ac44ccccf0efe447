"""``trailkeep explain --live``: the policies of bucket, key and topic in force, read from the embedded AWS."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from guard_verbs import BUCKET, CREATED, Verbs
from live_policies import key_policy, refused, set_bucket_key, set_key, set_topic, verdicts
from refusals import Proxy, proxied
from trailkeep.sandbox.organization import LOG_ARCHIVE_ACCOUNT_ID, Sandbox

pytestmark = pytest.mark.sandbox


@pytest.fixture
def verbs(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Verbs:
    """A folder with a trailkeep.toml and the management account's credentials."""
    made = Verbs(sandbox, monkeypatch, tmp_path)
    made.write()
    return made


@pytest.fixture
def built(verbs: Verbs) -> Verbs:
    """The same, after ``apply`` built the archive; nothing is armed."""
    assert verbs.run("apply", "--yes").exit_code in {0, 1}
    return verbs


@pytest.fixture
def proxy(built: Verbs, sandbox: Sandbox) -> Iterator[Proxy]:
    """A proxy before the embedded AWS that refuses the calls it is told to."""
    with proxied(sandbox.environment()["AWS_ENDPOINT_URL"]) as running:
        built.behind(running.url)
        yield running


def test_what_apply_built_is_accepted(built: Verbs) -> None:
    """After apply the bucket policy is accepted, and the key, topic, SCP and RCP that nobody has are named."""
    ran = built.run("explain", "--live")
    assert (ran.exit_code, ran.stderr) == (0, "PASS: CloudTrail would accept it, and nothing was found\n")
    assert ran.stdout.splitlines()[0] == f"s3://{BUCKET}: bucket-policy"
    assert [line for line in ran.stdout.splitlines() if line.startswith("no ")] == [
        "no key-policy: neither the trail nor trailkeep.toml asks for a key",
        "no topic-policy: neither the trail nor trailkeep.toml names a topic",
        "no scp: policies of type SERVICE_CONTROL_POLICY are not enabled",
        "no rcp: policies of type RESOURCE_CONTROL_POLICY are not enabled",
    ]
    found = built.run("explain", "--live", "--json").document["absences"]
    assert [each["kind"] for each in found] == ["key-policy", "topic-policy", "scp", "rcp"]


def test_the_bucket_policy_now(built: Verbs, sandbox: Sandbox) -> None:
    """A statement that was taken out of the bucket policy is named; without a policy all is refused."""
    s3 = sandbox.client("s3", LOG_ARCHIVE_ACCOUNT_ID)
    document = json.loads(s3.get_bucket_policy(Bucket=BUCKET)["Policy"])
    acl = next(each for each in document["Statement"] if each["Action"] == "s3:GetBucketAcl")
    document["Statement"].remove(acl)
    s3.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps(document))
    ran = built.run("explain", "--live", "--json")
    assert (ran.exit_code, ran.stderr) == (1, "FAIL: 1 of 3 requests refused\n")
    assert ran.document["requests"][0]["missing"]["Action"] == "s3:GetBucketAcl"
    s3.delete_bucket_policy(Bucket=BUCKET)
    assert built.run("explain", "--live").stderr == "FAIL: 3 of 3 requests refused\n"


def test_a_policy_for_another_prefix_refuses_the_trail(built: Verbs, sandbox: Sandbox) -> None:
    """What the policy says of itself decides nothing: the trail writes without a prefix, so it is refused."""
    s3 = sandbox.client("s3", LOG_ARCHIVE_ACCOUNT_ID)
    text = s3.get_bucket_policy(Bucket=BUCKET)["Policy"].replace("/AWSLogs/", "/elsewhere/AWSLogs/")
    s3.put_bucket_policy(Bucket=BUCKET, Policy=text)
    assert built.run("explain", "--live").stderr == "FAIL: 2 of 3 requests refused\n"


@pytest.mark.parametrize("lost", ["kms:GenerateDataKey*", "kms:Decrypt"])
def test_the_key_of_the_trail(built: Verbs, sandbox: Sandbox, lost: str) -> None:
    """The policy of the key that the trail names is accepted, or the grant that it lost is named."""
    kms, arn = set_key(sandbox)
    set_bucket_key(sandbox, arn)
    assert verdicts(built.run("explain", "--live", "--json"))[arn] == "PASS"
    kept = {"kms:GenerateDataKey*", "kms:DescribeKey", "kms:Decrypt"} - {lost}
    kms.put_key_policy(KeyId=arn, PolicyName="default", Policy=key_policy(*kept))
    ran = built.run("explain", "--live", "--json")
    assert (ran.exit_code, refused(ran)) == (1, [(lost.removesuffix("*"), arn)])
    (named,) = [each["missing"] for each in ran.document["requests"] if each["missing"]]
    assert named["Action"] == lost


def test_the_archives_own_key(verbs: Verbs, sandbox: Sandbox) -> None:
    """With sse-kms a key that is not there yet fails by its alias; once built it is explained by its ARN, once."""
    verbs.write(bucket=f'"{BUCKET}"\nencryption = "sse-kms"')
    assert verdicts(verbs.run("explain", "--live", "--json"))["alias/trailkeep-archive"] == "FAIL"
    assert verbs.run("apply", "--yes").exit_code in {0, 1}
    ran = verbs.run("explain", "--live", "--json")
    keys = [each["file"] for each in ran.document["documents"] if each["kind"] == "key-policy"]
    assert keys == [sandbox.client("cloudtrail").describe_trails()["trailList"][0]["KmsKeyId"]]
    assert ran.exit_code == 0


def test_a_key_that_is_gone(built: Verbs, sandbox: Sandbox) -> None:
    """A key that the trail names and nobody has fails, and hides nothing else."""
    _, arn = set_key(sandbox)
    with proxied(sandbox.environment()["AWS_ENDPOINT_URL"]) as proxy:
        built.behind(proxy.url)
        proxy.faults["GetKeyPolicy"] = ["NotFoundException"]
        ran = built.run("explain", "--live", "--json")
    assert ran.exit_code == 1
    assert verdicts(ran) == {f"s3://{BUCKET}": "PASS", arn: "FAIL"}
    assert ran.stderr == f"FAIL: {arn}: expected this key, got none; run 'trailkeep plan'\n"


def test_the_topic_of_the_trail(built: Verbs, sandbox: Sandbox) -> None:
    """A topic whose policy lets CloudTrail do anything but publish is named with the grant that is missing."""
    arn = set_topic(sandbox, "SNS:Subscribe")
    ran = built.run("explain", "--live", "--json")
    assert (ran.exit_code, refused(ran)) == (1, [("SNS:Publish", arn)])
    assert ran.document["requests"][-1]["missing"]["Resource"] == arn
    set_topic(sandbox, "SNS:Publish")
    assert built.run("explain", "--live").exit_code == 0


def test_a_topic_that_is_not_there(built: Verbs) -> None:
    """A topic of trailkeep.toml that does not exist fails by its ARN."""
    arn = "arn:aws:sns:eu-central-1:111111111111:nowhere"
    built.write(trail=f'sns_topic = "{arn}"')
    ran = built.run("explain", "--live", "--json")
    assert (ran.exit_code, verdicts(ran)[arn]) == (1, "FAIL")
    assert ran.document["documents"][-1]["verdict"]["reason"].startswith(
        f"{arn}: expected this topic, got none"
    )


def test_every_unread_policy_is_said(built: Verbs, sandbox: Sandbox, proxy: Proxy) -> None:
    """The text names each policy that was not read, with the call and what to do."""
    _, arn = set_key(sandbox)
    proxy.refused |= {"GetBucketPolicy", "GetKeyPolicy"}
    ran = built.run("explain", "--live")
    assert ran.exit_code == 3
    what = "AccessDenied: not here; allow the call and run 'trailkeep explain --live' again"
    assert [line for line in ran.stdout.splitlines() if line.startswith("? ")] == [
        f"? s3://{BUCKET}: expected its policy, got s3:GetBucketPolicy: {what}",
        f"? {arn}: expected its policy, got kms:GetKeyPolicy: {what}",
    ]


def test_what_is_not_there_fails(
    sandbox_without_archive: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Before the first apply the bucket of an account that is yet to be created fails, and the rest is said."""
    verbs = Verbs(sandbox_without_archive, monkeypatch, tmp_path)
    verbs.write(**CREATED)
    ran = verbs.run("explain", "--live")
    assert (ran.exit_code, ran.stderr) == (
        1,
        f"FAIL: s3://{BUCKET}: expected a bucket of the archive account, got none; run 'trailkeep plan'\n",
    )
    assert "no scp: there is no archive account that could have one" in ran.stdout


def test_a_bucket_of_somebody_else(verbs: Verbs, sandbox: Sandbox) -> None:
    """A bucket of the same name in another account is named as such and fails."""
    sandbox.client("s3", "333333333333").create_bucket(
        Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": sandbox.region}
    )
    ran = verbs.run("explain", "--live")
    assert ran.exit_code == 1
    assert (
        f"s3://{BUCKET}: expected a bucket of the archive account 222222222222, got s3:HeadBucket"
        in ran.stderr
    )
