"""The armed bucket policy, asked: what it refuses to whom with no guard attached, and what it must let through."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from estates import config, in_force, nothing, planned, with_facts
from trailkeep.guard import plan_bucket_policy
from trailkeep.guard.armed_policy import arming, present
from trailkeep.guard.blueprint import blueprint_for
from trailkeep.guard.changes import PutBucketPolicy
from trailkeep.guard.delivery import Kind, Values
from trailkeep.guard.documents import canonical, compact
from trailkeep.guard.evaluate import Decision, Evaluation, Layers, Principal, PrincipalKind, Request, evaluate
from trailkeep.guard.explain import QUOTAS, explain
from trailkeep.guard.policy import parse_policy
from trailkeep.guard.preflight import Answer
from trailkeep.guard.s3_actions import LEVELS, WRITES, Level

READER = "arn:aws:iam::333333333333:role/reader"
BLUEPRINT = blueprint_for(config({"archive.readers": (READER,)}), nothing())
ARMED = parse_policy(BLUEPRINT.armed_bucket_policy, name="bucket policy")
PLAIN = json.loads(BLUEPRINT.bucket_policy)["Statement"]
DENIES = [one for one in json.loads(BLUEPRINT.armed_bucket_policy)["Statement"] if one not in PLAIN]
BUCKET = "arn:aws:s3:::acme-trail-archive"
LOG = f"{BUCKET}/AWSLogs/o-exampleorgid/333333333333/CloudTrail/eu-central-1/2026/01/02/x.json.gz"
OPERATED = {
    "s3:PutBucketObjectLockConfiguration",
    "s3:PutBucketOwnershipControls",
    "s3:PutBucketPolicy",
    "s3:PutBucketPublicAccessBlock",
    "s3:PutBucketRequestPayment",
    "s3:PutBucketTagging",
    "s3:PutBucketVersioning",
    "s3:PutEncryptionConfiguration",
    "s3:PutLifecycleConfiguration",
}
CLOUDTRAIL = Principal(kind=PrincipalKind.SERVICE, service="cloudtrail.amazonaws.com")


def _iam(account: str, name: str = "Admin") -> Principal:
    return Principal(kind=PrincipalKind.IAM, account_id=account, arn=f"arn:aws:iam::{account}:role/{name}")


CALLERS = {
    "root": Principal(kind=PrincipalKind.ROOT, account_id="222222222222"),
    "access role": _iam("222222222222", "OrganizationAccountAccessRole"),
    "service-linked role": _iam("222222222222", "aws-service-role/x.amazonaws.com/AWSServiceRoleForX"),
    "management account": _iam("111111111111"),
    "reader": _iam("333333333333", "reader"),
    "another organization": _iam("999999999999"),
    "a service": Principal(kind=PrincipalKind.SERVICE, service="config.amazonaws.com"),
    "CloudTrail for another trail": CLOUDTRAIL,
}


def _ask(principal: Principal, action: str, *, source: str = "", tls: str = "true") -> Evaluation:
    """Ask the bucket policy alone: no guard is attached, and every identity policy allows everything."""
    context = {"aws:SecureTransport": (tls,), "s3:x-amz-acl": ("bucket-owner-full-control",)}
    if source:
        context |= {"aws:SourceArn": (source,)}
    request = Request(
        principal=principal,
        action=action,
        resource=LOG if LEVELS[action] is Level.OBJECT else BUCKET,
        resource_account_id="222222222222",
        context=context,
    )
    return evaluate(request, Layers(resource_policy=ARMED, management_account_id="111111111111"))


@pytest.mark.parametrize("name", CALLERS)
def test_nobody_changes_a_log(name: str) -> None:
    """Without any guard the policy denies every change of an object, to everybody and by name."""
    source = "arn:aws:cloudtrail:eu-central-1:999999999999:trail/trailkeep" if "trail" in name else ""
    for action in WRITES:
        if LEVELS[action] is Level.OBJECT:
            asked = _ask(CALLERS[name], action, source=source)
            assert asked.decision is Decision.EXPLICIT_DENY, action
            assert asked.statement.startswith("TrailkeepDeny"), action


@pytest.mark.parametrize("name", CALLERS)
def test_nobody_changes_more_of_the_bucket_than_apply_does(name: str) -> None:
    """Of a bucket's changes only those that ``apply`` makes are not denied, and deleting its policy to root."""
    caller = CALLERS[name]
    open_to_root = {"s3:DeleteBucketPolicy"} if caller.kind is PrincipalKind.ROOT else set()
    undenied = {
        action
        for action in WRITES
        if LEVELS[action] is Level.BUCKET and _ask(caller, action).decision is not Decision.EXPLICIT_DENY
    }
    assert undenied == OPERATED | open_to_root


def test_the_trail_delivers() -> None:
    """For our trail CloudTrail puts objects and reads the bucket's ACL, and does no more."""
    allowed = {
        action
        for action in LEVELS
        if _ask(CLOUDTRAIL, action, source=BLUEPRINT.trail_arn).decision is Decision.ALLOW
    }
    assert allowed == {"s3:PutObject", "s3:GetBucketAcl"}
    asked = _ask(CLOUDTRAIL, "s3:PutObject", source=BLUEPRINT.trail_arn, tls="false")
    assert asked.statement == "TrailkeepDenyInsecureTransport"


def test_readers_read() -> None:
    """A named reader still lists and reads every version."""
    for action in ("s3:GetObject", "s3:GetObjectVersion", "s3:ListBucket", "s3:ListBucketVersions"):
        assert _ask(CALLERS["reader"], action).decision is Decision.ALLOW, action
        assert _ask(_iam("333333333333"), action).decision is not Decision.ALLOW, action


def test_archived_logs_can_be_restored() -> None:
    """Making a log readable that lies in an archive tier is not denied."""
    assert _ask(CALLERS["access role"], "s3:RestoreObject").decision is Decision.ALLOW


def test_arming_depends_on_the_trail_alone() -> None:
    """What arms a policy names the bucket and the trail, no organization and no account besides."""
    denies = arming(partition="aws-cn", bucket="logs", trail="T")
    assert re.search(r"[0-9]{12}|\bo-|arn:aws:", compact({"Statement": [*denies]})) is None
    assert [one["Resource"] for one in denies] == ["arn:aws-cn:s3:::logs/*"] * 2 + ["arn:aws-cn:s3:::logs"]
    assert denies[0]["Condition"] == {"StringNotEquals": {"aws:SourceArn": "T"}}


@pytest.mark.parametrize("partition", ["aws", "aws-cn", "aws-us-gov", "aws-eusc"])
def test_explain_knows_the_armed_policy(partition: str) -> None:
    """``explain`` finds that CloudTrail is answered by the armed policy, and nothing dangerous in it."""
    blueprint = blueprint_for(config(), with_facts(nothing(), {"caller.partition": partition}))
    explained = explain(
        "bucket-policy.json",
        blueprint.armed_bucket_policy,
        values=(
            Values(
                organization_id="o-exampleorgid",
                management_account="111111111111",
                trail=blueprint.trail_arn,
                bucket=blueprint.bucket,
            ),
        ),
        kind=Kind.BUCKET,
    )
    assert {asked.decision for asked in explained.requests} == {Answer.ALLOWED}
    assert explained.findings == ()


def test_there_is_room_for_readers() -> None:
    """The armed policy leaves at least 16 KiB of what S3 takes to readers."""
    assert len(blueprint_for(config(), nothing()).armed_bucket_policy) <= QUOTAS[Kind.BUCKET] - 16 * 1024


@given(
    held=st.sets(st.sampled_from([one["Sid"] for one in DENIES])),
    has_sids=st.booleans(),
    weakened=st.booleans(),
)
def test_building_never_takes_a_deny_away(*, held: set[str], has_sids: bool, weakened: bool) -> None:
    """Whatever denies a bucket policy holds, building leaves them as they must be and begins no further one."""
    denies = [one for one in DENIES if one["Sid"] in held]
    observed = [one if has_sids else {key: one[key] for key in one if key != "Sid"} for one in denies]
    if weakened and has_sids:
        observed = [{**one, "Resource": f"{BUCKET}/nowhere"} for one in observed]
    drifted = {"Version": "2012-10-17", "Statement": [*PLAIN[1:], *observed]}
    off: dict[str, Any] = {
        "service_control_policies.1.targets": [],
        "resource_control_policies.0.targets": [],
    }
    estate = with_facts(in_force(), {**off, "bucket.policy": compact(drifted)})
    settings = config({"archive.readers": (READER,)})
    (action, *_) = planned(settings, estate, arm=False).actions
    assert isinstance(action, PutBucketPolicy)
    said = canonical(action.document) or frozenset()
    for one in DENIES:
        assert (canonical(compact({"Statement": [one]})) <= said) is (one in denies)  # type: ignore[operator]
    assert not action.destructive


def test_held_by_what_it_says() -> None:
    """A deny under another Sid counts where it says the same, one under our Sid whatever it says."""
    plain, armed = json.loads(BLUEPRINT.bucket_policy), json.loads(BLUEPRINT.armed_bucket_policy)
    renamed, changed = {**DENIES[0], "Sid": "Other"}, {**DENIES[1], "Effect": "Allow"}
    text = compact({"Statement": [renamed, changed]})
    assert present(text, plain, armed) == (DENIES[0], DENIES[1])
    assert present("{", plain, armed) == ()


def test_armed_is_seen() -> None:
    """An archive in force is armed; one that is built, or that lost a single deny, is not."""
    blueprint = blueprint_for(config(), nothing())
    armed = json.loads(blueprint.armed_bucket_policy)
    lost = compact({**armed, "Statement": armed["Statement"][:-1]})
    assert plan_bucket_policy.is_armed(blueprint, in_force())
    assert not plan_bucket_policy.is_armed(blueprint, nothing())
    for text in (blueprint.bucket_policy, lost, "{"):
        assert not plan_bucket_policy.is_armed(blueprint, with_facts(in_force(), {"bucket.policy": text}))
