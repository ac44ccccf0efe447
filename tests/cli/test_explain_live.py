"""``trailkeep explain --live``: every policy in force, read from the embedded AWS."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from guard_verbs import BUCKET, CREATED, Ran, Verbs
from refusals import Proxy, proxied
from trailkeep.sandbox.organization import LOG_ARCHIVE_ACCOUNT_ID, Sandbox

pytestmark = pytest.mark.sandbox
_TRAIL = "arn:aws:cloudtrail:eu-central-1:111111111111:trail/trailkeep"
_PASTED = {
    "Version": "2012-10-17",
    "Statement": {
        "Sid": "ProtectLogs",
        "Effect": "Deny",
        "Action": ["s3:DeleteBucket", "s3:DeleteObject", "s3:DeleteObjectVersion", "s3:PutBucketPolicy"],
        "Resource": f"arn:aws:s3:::{BUCKET}",
    },
}
_ONLY_US = {
    "Version": "2012-10-17",
    "Statement": {
        "Sid": "OnlyUs",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": "*",
        "Condition": {"StringNotEqualsIfExists": {"aws:PrincipalOrgID": "o-exampleorgid"}},
    },
}
_HIDES = {
    "AssumeRole": ["bucket-policy", "key-policy"],
    "GetBucketPolicy": ["bucket-policy"],
    "GetKeyPolicy": ["key-policy"],
    "GetTopicAttributes": ["topic-policy"],
    "ListPolicies": ["scp", "rcp"],
    "ListAccountsForParent": ["scp", "rcp"],
    "DescribePolicy": ["scp", "scp", "rcp"],
    "ListTargetsForPolicy": ["scp", "scp", "rcp"],
    "DescribeTrails": ["key-policy", "topic-policy"],
}


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


def _service(*actions: str, resource: str = "*") -> dict[str, Any]:
    return {
        "Effect": "Allow",
        "Principal": {"Service": "cloudtrail.amazonaws.com"},
        "Action": list(actions),
        "Resource": resource,
        "Condition": {"StringEquals": {"aws:SourceArn": _TRAIL}},
    }


def _key_policy(*actions: str) -> str:
    root = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{LOG_ARCHIVE_ACCOUNT_ID}:root"},
        "Action": "kms:*",
        "Resource": "*",
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [root, _service(*actions)]})


def _key(sandbox: Sandbox) -> tuple[Any, str]:
    """Let the trail encrypt with a key of the archive account, and return a client and the key's ARN."""
    kms = sandbox.client("kms", LOG_ARCHIVE_ACCOUNT_ID)
    policy = _key_policy("kms:GenerateDataKey*", "kms:DescribeKey", "kms:Decrypt")
    arn: str = kms.create_key(Policy=policy)["KeyMetadata"]["Arn"]
    sandbox.client("cloudtrail").update_trail(Name="trailkeep", KmsKeyId=arn)
    return kms, arn


def _bucket_key(sandbox: Sandbox, key: str) -> None:
    """Let the bucket encrypt with a key by default, through an S3 Bucket Key."""
    default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}
    sandbox.client("s3", LOG_ARCHIVE_ACCOUNT_ID).put_bucket_encryption(
        Bucket=BUCKET,
        ServerSideEncryptionConfiguration={
            "Rules": [{"ApplyServerSideEncryptionByDefault": default, "BucketKeyEnabled": True}]
        },
    )


def _topic(sandbox: Sandbox, *actions: str) -> str:
    """Let the trail tell a topic of the management account, and return its ARN."""
    sns = sandbox.client("sns")
    arn: str = sns.create_topic(Name="trail-news")["TopicArn"]
    policy = {"Version": "2012-10-17", "Statement": [_service(*actions, resource=arn)]}
    sns.set_topic_attributes(TopicArn=arn, AttributeName="Policy", AttributeValue=json.dumps(policy))
    sandbox.client("cloudtrail").update_trail(Name="trailkeep", SnsTopicName=arn)
    return arn


def _attach(sandbox: Sandbox, kind: str, document: dict[str, Any], target: str) -> str:
    """Attach an organization policy and return its id."""
    client = sandbox.client("organizations")
    with suppress(client.exceptions.PolicyTypeAlreadyEnabledException):
        client.enable_policy_type(RootId=_root(sandbox), PolicyType=kind)
    policy: str = client.create_policy(
        Name="pasted", Description="pasted", Type=kind, Content=json.dumps(document)
    )["Policy"]["PolicySummary"]["Id"]
    client.attach_policy(PolicyId=policy, TargetId=target)
    return policy


def _root(sandbox: Sandbox) -> str:
    root: str = sandbox.client("organizations").list_roots()["Roots"][0]["Id"]
    return root


def _kinds(ran: Ran) -> dict[str, str]:
    """Return the verdict of each document by its file."""
    return {each["file"]: each["verdict"]["kind"] for each in ran.document["documents"]}


def _refused(ran: Ran) -> list[tuple[str, str]]:
    return [
        (each["action"], each["file"]) for each in ran.document["requests"] if each["decision"] == "refused"
    ]


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


def test_what_is_armed_is_accepted(verbs: Verbs) -> None:
    """Our own guards on the path of the archive account are explained, each with where it is attached: nothing found."""
    assert verbs.armed().exit_code == 0
    ran = verbs.run("explain", "--live", "--json")
    assert ran.exit_code == 0
    kinds = [each["kind"] for each in ran.document["documents"]]
    assert kinds == ["bucket-policy", "scp", "scp", "rcp"]
    places = {file.split(" ")[0]: file.rsplit(" ", 1)[1] for file in list(_kinds(ran))[1:]}
    assert places["trailkeep-archive"] == LOG_ARCHIVE_ACCOUNT_ID
    assert places["trailkeep-organization"].startswith("r-")
    assert [each["action"] for each in ran.document["requests"]].count("s3:PutObject") == 4


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
    kms, arn = _key(sandbox)
    _bucket_key(sandbox, arn)
    assert _kinds(built.run("explain", "--live", "--json"))[arn] == "PASS"
    kept = {"kms:GenerateDataKey*", "kms:DescribeKey", "kms:Decrypt"} - {lost}
    kms.put_key_policy(KeyId=arn, PolicyName="default", Policy=_key_policy(*kept))
    ran = built.run("explain", "--live", "--json")
    assert (ran.exit_code, _refused(ran)) == (1, [(lost.removesuffix("*"), arn)])
    (named,) = [each["missing"] for each in ran.document["requests"] if each["missing"]]
    assert named["Action"] == lost


def test_the_archives_own_key(verbs: Verbs, sandbox: Sandbox) -> None:
    """With sse-kms a key that is not there yet fails by its alias; once built it is explained by its ARN, once."""
    verbs.write(bucket=f'"{BUCKET}"\nencryption = "sse-kms"')
    assert _kinds(verbs.run("explain", "--live", "--json"))["alias/trailkeep-archive"] == "FAIL"
    assert verbs.run("apply", "--yes").exit_code in {0, 1}
    ran = verbs.run("explain", "--live", "--json")
    keys = [each["file"] for each in ran.document["documents"] if each["kind"] == "key-policy"]
    assert keys == [sandbox.client("cloudtrail").describe_trails()["trailList"][0]["KmsKeyId"]]
    assert ran.exit_code == 0


def test_a_key_that_is_gone(built: Verbs, sandbox: Sandbox) -> None:
    """A key that the trail names and nobody has fails, and hides nothing else."""
    _, arn = _key(sandbox)
    with proxied(sandbox.environment()["AWS_ENDPOINT_URL"]) as proxy:
        built.behind(proxy.url)
        proxy.faults["GetKeyPolicy"] = ["NotFoundException"]
        ran = built.run("explain", "--live", "--json")
    assert ran.exit_code == 1
    assert _kinds(ran) == {f"s3://{BUCKET}": "PASS", arn: "FAIL"}
    assert ran.stderr == f"FAIL: {arn}: expected this key, got none; run 'trailkeep plan'\n"


def test_the_topic_of_the_trail(built: Verbs, sandbox: Sandbox) -> None:
    """A topic whose policy lets CloudTrail do anything but publish is named with the grant that is missing."""
    arn = _topic(sandbox, "SNS:Subscribe")
    ran = built.run("explain", "--live", "--json")
    assert (ran.exit_code, _refused(ran)) == (1, [("SNS:Publish", arn)])
    assert ran.document["requests"][-1]["missing"]["Resource"] == arn
    _topic(sandbox, "SNS:Publish")
    assert built.run("explain", "--live").exit_code == 0


def test_a_topic_that_is_not_there(built: Verbs) -> None:
    """A topic of trailkeep.toml that does not exist fails by its ARN."""
    arn = "arn:aws:sns:eu-central-1:111111111111:nowhere"
    built.write(trail=f'sns_topic = "{arn}"')
    ran = built.run("explain", "--live", "--json")
    assert (ran.exit_code, _kinds(ran)[arn]) == (1, "FAIL")
    assert ran.document["documents"][-1]["verdict"]["reason"].startswith(
        f"{arn}: expected this topic, got none"
    )


def test_a_pasted_scp(built: Verbs, sandbox: Sandbox) -> None:
    """The usually pasted SCP is named wherever on the path it is: its object actions do nothing, root may go on."""
    client = sandbox.client("organizations")
    unit = client.list_parents(ChildId=LOG_ARCHIVE_ACCOUNT_ID)["Parents"][0]["Id"]
    policy = _attach(sandbox, "SERVICE_CONTROL_POLICY", _PASTED, LOG_ARCHIVE_ACCOUNT_ID)
    for target in (LOG_ARCHIVE_ACCOUNT_ID, unit, _root(sandbox)):
        if target != LOG_ARCHIVE_ACCOUNT_ID:
            client.attach_policy(PolicyId=policy, TargetId=target)
        ran = built.run("explain", "--live", "--json")
        client.detach_policy(PolicyId=policy, TargetId=target)
        found = [(each["kind"], each["file"]) for each in ran.document["findings"]]
        file = f"pasted ({policy}) on {target}"
        assert (ran.exit_code, found) == (1, [("action.needs_object", file), ("scp.root_may", file)])


def test_a_policy_beside_the_path(built: Verbs, sandbox: Sandbox) -> None:
    """An SCP of another account is none of the archive's."""
    _attach(sandbox, "SERVICE_CONTROL_POLICY", _PASTED, "333333333333")
    ran = built.run("explain", "--live")
    assert ran.exit_code == 0
    assert "no scp: none but AWS's own is attached on the path of account 222222222222" in ran.stdout


def test_policies_bind_together(verbs: Verbs, sandbox: Sandbox) -> None:
    """What the pasted SCP leaves to root is no finding where our own guard refuses it."""
    assert verbs.armed().exit_code == 0
    _attach(sandbox, "SERVICE_CONTROL_POLICY", _PASTED, _root(sandbox))
    ran = verbs.run("explain", "--live", "--json")
    assert [each["kind"] for each in ran.document["findings"]] == ["action.needs_object"]


def test_an_rcp_that_refuses_the_trail(built: Verbs, sandbox: Sandbox) -> None:
    """An RCP for the organization's principals alone refuses CloudTrail's deliveries, and its statement is named."""
    policy = _attach(sandbox, "RESOURCE_CONTROL_POLICY", _ONLY_US, _root(sandbox))
    ran = built.run("explain", "--live", "--json")
    file = f"pasted ({policy}) on {_root(sandbox)}"
    assert ran.exit_code == 1
    assert {each["statement"] for each in ran.document["requests"] if each["file"] == file} == {"OnlyUs"}
    assert {file for _, file in _refused(ran)} == {file}


def test_one_read_refused(verbs: Verbs, sandbox: Sandbox) -> None:
    """Each read that is refused makes its policies UNKNOWN by name with exit code 3; all others stay as they are."""
    assert verbs.armed().exit_code == 0
    _key(sandbox)
    _topic(sandbox, "SNS:Publish")
    whole = ["bucket-policy", "key-policy", "topic-policy", "scp", "scp", "rcp"]
    for call, unknown in _HIDES.items():
        with proxied(sandbox.environment()["AWS_ENDPOINT_URL"]) as proxy:
            verbs.behind(proxy.url)
            proxy.refused.add(call)
            ran = verbs.run("explain", "--live", "--json")
        assert (call, ran.exit_code) == (call, 3)
        assert ran.stderr.startswith("UNKNOWN: ")
        documents = ran.document["documents"]
        unread = [each for each in documents if each["verdict"]["kind"] == "UNKNOWN"]
        assert (call, [each["kind"] for each in unread]) == (call, unknown)
        assert all(f":{call}: AccessDenied" in each["verdict"]["reason"] for each in unread)
        others = [each["kind"] for each in documents if each["verdict"]["kind"] == "PASS"]
        assert set(others) >= set(whole) - set(unknown)


def test_every_unread_policy_is_said(built: Verbs, sandbox: Sandbox, proxy: Proxy) -> None:
    """The text names each policy that was not read, with the call and what to do."""
    _, arn = _key(sandbox)
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
