"""The guards, asked: who may still do what to the trail and the archive, whoever else allows it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from estates import config, nothing
from trailkeep.guard.blueprint import blueprint_for
from trailkeep.guard.evaluate import (
    FULL_AWS_ACCESS,
    Decision,
    Evaluation,
    Layer,
    Layers,
    Principal,
    PrincipalKind,
    Request,
    evaluate,
)
from trailkeep.guard.guard_documents import GuardPolicy
from trailkeep.guard.plan_guard_content import refuses_delivery
from trailkeep.guard.policy import parse_policy
from trailkeep.guard.preflight import RCP_FULL_AWS_ACCESS
from trailkeep.guard.quotas import QUOTAS
from trailkeep.guard.s3_actions import LEVELS, WRITES, Level
from trailkeep.guard.statement import Policy

BLUEPRINT = blueprint_for(config(), nothing())
GUARDS = {guard.key: guard for guard in BLUEPRINT.guards}
POLICIES = {key: parse_policy(guard.document, name=guard.name) for key, guard in GUARDS.items()}
BUCKET = "arn:aws:s3:::acme-trail-archive"
LOG = f"{BUCKET}/AWSLogs/o-exampleorgid/333333333333/CloudTrail/eu-central-1/2026/01/02/x.json.gz"
ROOT = Principal(kind=PrincipalKind.ROOT, account_id="222222222222")
ADMIN = Principal(
    kind=PrincipalKind.IAM, account_id="222222222222", arn="arn:aws:iam::222222222222:role/Admin"
)
STRANGER = Principal(
    kind=PrincipalKind.IAM, account_id="999999999999", arn="arn:aws:iam::999999999999:role/Stranger"
)
MANAGER = Principal(
    kind=PrincipalKind.IAM, account_id="111111111111", arn="arn:aws:iam::111111111111:role/Admin"
)
READER = Principal(
    kind=PrincipalKind.IAM, account_id="333333333333", arn="arn:aws:iam::333333333333:role/Reader"
)
CLOUDTRAIL = Principal(kind=PrincipalKind.SERVICE, service="cloudtrail.amazonaws.com")
OURS = parse_policy(BLUEPRINT.bucket_policy, name="bucket policy")
OPEN = parse_policy(
    '{"Statement":{"Sid":"Open","Effect":"Allow","Principal":"*","Action":"s3:*","Resource":"*"}}',
    name="bucket policy",
)
_TRAIL_CHANGES = (
    "StopLogging",
    "DeleteTrail",
    "UpdateTrail",
    "PutEventSelectors",
    "PutInsightSelectors",
    "PutEventConfiguration",
    "AddTags",
    "RemoveTags",
)


def _layers(bucket_policy: Policy, caller: str) -> Layers:
    scps: tuple[tuple[Policy, ...], ...] = ()
    if caller in {"222222222222", "333333333333"}:
        scps = ((FULL_AWS_ACCESS, POLICIES["members"]), (FULL_AWS_ACCESS,))
    if caller == "222222222222":
        scps = (scps[0], (FULL_AWS_ACCESS, POLICIES["scp"]))
    return Layers(
        scps=scps,
        rcps=((RCP_FULL_AWS_ACCESS,), (RCP_FULL_AWS_ACCESS, POLICIES["rcp"])),
        resource_policy=bucket_policy,
        management_account_id="111111111111",
    )


def _ask(
    principal: Principal, action: str, resource: str, *, policy: Policy = OURS, source: str = ""
) -> Evaluation:
    context = {"aws:SecureTransport": ("true",), "s3:x-amz-acl": ("bucket-owner-full-control",)}
    if source:
        context |= {"aws:SourceArn": (source,), "aws:SourceAccount": (source.split(":")[4],)}
    request = Request(
        principal=principal,
        action=action,
        resource=resource,
        resource_account_id="222222222222",
        context=context,
    )
    return evaluate(request, _layers(policy, principal.account_id))


def _of(action: str) -> str:
    return LOG if LEVELS[action] is Level.OBJECT else BUCKET


@pytest.mark.parametrize("folder", ["AWSLogs/111111111111", "AWSLogs/o-exampleorgid"])
def test_cloudtrail_delivers_for_the_trail(folder: str) -> None:
    """With every guard attached CloudTrail checks the bucket and delivers for our trail."""
    source = BLUEPRINT.trail_arn
    assert _ask(CLOUDTRAIL, "s3:GetBucketAcl", BUCKET, source=source).decision is Decision.ALLOW
    put = _ask(CLOUDTRAIL, "s3:PutObject", f"{BUCKET}/{folder}/CloudTrail/x.json.gz", source=source)
    assert put.decision is Decision.ALLOW


@pytest.mark.parametrize(
    "source",
    [
        "arn:aws:cloudtrail:eu-central-1:111111111111:trail/another",
        "arn:aws:cloudtrail:eu-central-1:999999999999:trail/trailkeep",
    ],
)
def test_no_other_trail_delivers(source: str) -> None:
    """CloudTrail writes and reads nothing for another trail, even where the bucket policy is open."""
    for action in ("s3:PutObject", "s3:GetObject", "s3:GetBucketAcl"):
        asked = _ask(CLOUDTRAIL, action, _of(action), policy=OPEN, source=source)
        assert (asked.decision, asked.layer) == (Decision.EXPLICIT_DENY, Layer.RCP)


def test_cloudtrail_only_puts() -> None:
    """Not even for our trail does CloudTrail do more to the archive than to put objects."""
    for action in WRITES:
        asked = _ask(CLOUDTRAIL, action, _of(action), policy=OPEN, source=BLUEPRINT.trail_arn)
        assert (asked.decision is Decision.ALLOW) is (action == "s3:PutObject"), action


@pytest.mark.parametrize(
    "principal", [ROOT, ADMIN, STRANGER, MANAGER, READER], ids=lambda one: one.arn or "root"
)
@pytest.mark.parametrize("policy", [OURS, OPEN], ids=["ours", "open"])
def test_nobody_changes_the_archive(principal: Principal, policy: Policy) -> None:
    """No principal of any account changes bucket or logs, whatever the bucket policy allows."""
    for action in WRITES:
        assert _ask(principal, action, _of(action), policy=policy).decision is not Decision.ALLOW, action


def test_an_open_bucket_policy_lets_strangers_read_only() -> None:
    """The resource control policy refuses strangers to write and says nothing about reading."""
    write = _ask(STRANGER, "s3:PutObject", LOG, policy=OPEN)
    assert (write.decision, write.layer) == (Decision.EXPLICIT_DENY, Layer.RCP)
    assert _ask(STRANGER, "s3:GetObject", LOG, policy=OPEN).decision is Decision.ALLOW


@pytest.mark.parametrize(
    "action",
    sorted(
        action
        for action in LEVELS
        if LEVELS[action] in {Level.BUCKET, Level.OBJECT}
        and action != "s3:AllowVendedLogDeliveryForResource"  # AWS calls it reading; it opens a delivery
    ),
)
def test_readers_read(action: str) -> None:
    """What the archive account's administrators may not do are exactly the changes: every read stays."""
    assert (_ask(ADMIN, action, _of(action)).decision is Decision.ALLOW) is (action not in WRITES)


@pytest.mark.parametrize("action", _TRAIL_CHANGES)
@pytest.mark.parametrize("account", ["222222222222", "333333333333"])
def test_no_member_changes_the_trail(account: str, action: str) -> None:
    """No administrator and no root of a member account changes the trail, a delegated administrator neither."""
    for kind in (PrincipalKind.ROOT, PrincipalKind.IAM):
        decided = _member(kind, account, f"cloudtrail:{action}", BLUEPRINT.trail_arn)
        assert (decided.decision, decided.statement) == (Decision.EXPLICIT_DENY, "TrailReadOnly")


@pytest.mark.parametrize(
    ("action", "resource", "may"),
    [
        ("cloudtrail:GetTrailStatus", BLUEPRINT.trail_arn, True),
        ("cloudtrail:LookupEvents", "*", True),
        ("cloudtrail:StopLogging", "arn:aws:cloudtrail:eu-central-1:333333333333:trail/own", True),
        ("cloudtrail:RegisterOrganizationDelegatedAdmin", "*", False),
        ("organizations:LeaveOrganization", "*", False),
        ("organizations:AcceptHandshake", "*", False),
        ("organizations:DescribeOrganization", "*", True),
        (
            "iam:DeleteServiceLinkedRole",
            "arn:aws:iam::333333333333:role/aws-service-role/cloudtrail.amazonaws.com/AWSServiceRoleForCloudTrail",
            False,
        ),
        ("iam:DeleteRole", "arn:aws:iam::333333333333:role/mine", True),
        (
            "iam:CreateServiceLinkedRole",
            "arn:aws:iam::333333333333:role/aws-service-role/cloudtrail.amazonaws.com/AWSServiceRoleForCloudTrail",
            True,
        ),
    ],
)
def test_members(action: str, resource: str, may: bool) -> None:  # noqa: FBT001 - pytest's parameter
    """A member keeps what is its own, and keeps neither from CloudTrail's role nor out of the organization."""
    decided = _member(PrincipalKind.IAM, "333333333333", action, resource)
    assert (decided.decision is Decision.ALLOW) is may


def _member(kind: PrincipalKind, account: str, action: str, resource: str) -> Evaluation:
    arn = f"arn:aws:iam::{account}:role/Admin" if kind is PrincipalKind.IAM else ""
    principal = Principal(kind=kind, account_id=account, arn=arn)
    request = Request(principal=principal, action=action, resource=resource, resource_account_id=account)
    return evaluate(request, _layers(OURS, account))


@pytest.mark.parametrize("guard", BLUEPRINT.guards, ids=lambda guard: guard.key)
def test_guards_fit(guard: GuardPolicy) -> None:
    """Each guard takes less than half of the room that AWS gives, so that others' statements fit in."""
    assert len(guard.document) < QUOTAS[guard.policy_type].characters / 2


@given(st.text(max_size=50), st.sampled_from(sorted(LEVELS)))
def test_only_what_hits_cloudtrail_refuses_it(text: str, action: str) -> None:
    """A text that is no policy refuses no delivery; one Deny refuses it exactly if it hits a request of CloudTrail."""
    assert not refuses_delivery(BLUEPRINT, text)
    deny = {"Effect": "Deny", "Principal": "*", "Action": action, "Resource": "*"}
    refused = refuses_delivery(BLUEPRINT, json.dumps({"Statement": deny}))
    assert refused is (action in {"s3:PutObject", "s3:GetBucketAcl"})


@pytest.mark.parametrize(
    "action",
    [
        "AttachPolicy",
        "DeletePolicy",
        "DeleteResourcePolicy",
        "DetachPolicy",
        "DisablePolicyType",
        "MoveAccount",
        "PutResourcePolicy",
        "TagResource",
        "UntagResource",
        "UpdatePolicy",
    ],
)
def test_a_delegated_administrator_of_policies_takes_no_guard_off(action: str) -> None:
    """Who may manage policies from a member account cannot touch the guards; the management account can."""
    policy = "arn:aws:organizations::111111111111:policy/o-exampleorgid/service_control_policy/p-example1"
    member = Principal(
        kind=PrincipalKind.IAM, account_id="333333333333", arn="arn:aws:iam::333333333333:role/Policies"
    )
    asked = {
        who: evaluate(
            Request(
                principal=who,
                action=f"organizations:{action}",
                resource=policy,
                resource_account_id=who.account_id,
            ),
            _layers(OURS, who.account_id),
        ).decision
        for who in (member, MANAGER)
    }
    assert asked[member] is Decision.EXPLICIT_DENY
    assert asked[MANAGER] is not Decision.EXPLICIT_DENY
