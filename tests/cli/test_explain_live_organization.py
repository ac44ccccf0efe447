"""``trailkeep explain --live``: the organization's policies on the archive, and reads that are refused."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from guard_verbs import BUCKET, Verbs
from live_policies import refused, set_key, set_topic, verdicts
from refusals import proxied
from trailkeep.sandbox.organization import LOG_ARCHIVE_ACCOUNT_ID, Sandbox

pytestmark = pytest.mark.sandbox
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


def test_what_is_armed_is_accepted(verbs: Verbs) -> None:
    """Our own guards on the path of the archive account are explained, each with where it is attached: nothing found."""
    assert verbs.armed().exit_code == 0
    ran = verbs.run("explain", "--live", "--json")
    assert ran.exit_code == 0
    kinds = [each["kind"] for each in ran.document["documents"]]
    assert kinds == ["bucket-policy", "scp", "scp", "rcp"]
    places = {file.split(" ")[0]: file.rsplit(" ", 1)[1] for file in list(verdicts(ran))[1:]}
    assert places["trailkeep-archive"] == LOG_ARCHIVE_ACCOUNT_ID
    assert places["trailkeep-organization"].startswith("r-")
    assert [each["action"] for each in ran.document["requests"]].count("s3:PutObject") == 4


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
    assert {file for _, file in refused(ran)} == {file}


def test_one_read_refused(verbs: Verbs, sandbox: Sandbox) -> None:
    """Each read that is refused makes its policies UNKNOWN by name with exit code 3; all others stay as they are."""
    assert verbs.armed().exit_code == 0
    set_key(sandbox)
    set_topic(sandbox, "SNS:Publish")
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
