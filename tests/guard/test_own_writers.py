"""Whom a statement lets write that a service control policy of the archive account refuses."""

from __future__ import annotations

from typing import Any

import pytest

from estates import config, in_force, nothing, planned, with_facts
from trailkeep.guard.blueprint import blueprint_for
from trailkeep.guard.documents import compact
from trailkeep.guard.evaluate import evaluate
from trailkeep.guard.own_writers import is_service_linked, own_writers, reaches_bound
from trailkeep.guard.policy import parse_policy
from trailkeep.guard.principals import Principal, PrincipalKind
from trailkeep.guard.request import Decision, Layers, Request

_BLUEPRINT = blueprint_for(config(), nothing())
_ROLE = "arn:aws:iam::222222222222:role/copier"


def _statement(principal: Any, **condition: dict[str, Any]) -> dict[str, Any]:
    said = {
        "Sid": "Copier",
        "Effect": "Allow",
        "Principal": principal,
        "Action": "s3:PutObject",
        "Resource": "arn:aws:s3:::acme-trail-archive/*",
    }
    return {**said, "Condition": condition} if condition else said


@pytest.mark.parametrize(
    ("principal", "condition", "found"),
    [
        ({"AWS": _ROLE}, {}, (_ROLE,)),
        ({"AWS": "222222222222"}, {}, ("222222222222",)),
        ({"AWS": "arn:aws:iam::222222222222:root"}, {}, ("arn:aws:iam::222222222222:root",)),
        ({"AWS": ["arn:aws:iam::333333333333:root", _ROLE]}, {}, (_ROLE,)),
        ({"AWS": "333333333333"}, {}, ()),
        ({"AWS": "arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity E1"}, {}, ()),
        ({"Service": "config.amazonaws.com"}, {}, ()),
        (
            {"AWS": "arn:aws:iam::222222222222:role/aws-service-role/x.amazonaws.com/AWSServiceRoleForX"},
            {},
            (),
        ),
        (
            {"AWS": "arn:aws:sts::222222222222:assumed-role/AWSServiceRoleForX/s"},
            {},
            ("arn:aws:sts::222222222222:assumed-role/AWSServiceRoleForX/s",),
        ),
        ("*", {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/aws-service-role/*"}}, ()),
        ("*", {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/aws-*"}}, ("*",)),
        ({"CanonicalUser": "79a59df900b949e5"}, {}, ("79a59df900b949e5",)),
        ({"AWS": "AIDAJQABLZS4A3QDU576Q"}, {}, ("AIDAJQABLZS4A3QDU576Q",)),
        ({"AWS": _ROLE}, {"StringEquals": {"aws:PrincipalTag/team": "copies"}}, (_ROLE,)),
        ("*", {}, ("*",)),
        ({"AWS": "*"}, {"StringEquals": {"aws:PrincipalOrgID": "o-exampleorgid"}}, ("*",)),
        ({"AWS": "*"}, {"StringEquals": {"aws:PrincipalOrgID": "o-another"}}, ()),
        ("*", {"StringEquals": {"aws:PrincipalAccount": "333333333333"}}, ()),
        ("*", {"StringEquals": {"aws:PrincipalAccount": ["333333333333", "222222222222"]}}, ("*",)),
        ("*", {"StringNotEquals": {"aws:PrincipalAccount": "222222222222"}}, ()),
        ("*", {"StringEquals": {"aws:PrincipalAccount": "${aws:ResourceAccount}"}}, ("*",)),
        ("*", {"StringEquals": {"aws:PrincipalAccount": "${aws:PrincipalTag/owner}"}}, ("*",)),
        ("*", {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::333333333333:role/*"}}, ()),
        ("*", {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/copier"}}, ("*",)),
        ("*", {"ArnNotLike": {"aws:PrincipalArn": "arn:aws:iam::333333333333:role/*"}}, ("*",)),
        ("*", {"Bool": {"aws:PrincipalIsAWSService": "true"}}, ()),
        ("*", {"StringEquals": {"aws:SourceAccount": "222222222222"}}, ()),
        ("*", {"StringEqualsIfExists": {"aws:SourceAccount": "222222222222"}}, ("*",)),
        ("*", {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}, ("*",)),
        ("*", {"NoSuchOperator": {"aws:SourceIp": "10.0.0.0/8"}}, ("*",)),
    ],
)
def test_who_is_of_the_archive_account(
    principal: Any, condition: dict[str, Any], found: tuple[str, ...]
) -> None:
    """Only who may be a user, a role or the root user of the archive account counts; what is not known may be."""
    assert own_writers(_BLUEPRINT, _statement(principal, **condition)) == found


_LINKED = "arn:aws:iam::222222222222:role/aws-service-role/x.amazonaws.com/AWSServiceRoleForX"


@pytest.mark.parametrize(
    ("operator", "values", "more"),
    [
        ("ArnEquals", _LINKED, False),
        ("ArnLike", "arn:aws:iam::*:role/aws-service-role/*", False),
        ("ArnLike", [_LINKED, "arn:aws-cn:iam::*:role/aws-service-role/*"], False),
        ("StringEquals", _LINKED, False),
        ("StringLike", f"{_LINKED}*", False),
        ("StringLike", "arn:aws:iam::*:role/aws-service-role/*", True),
        ("StringEqualsIgnoreCase", _LINKED, True),
        ("ArnLikeIfExists", _LINKED, True),
        ("ForAllValues:ArnLike", _LINKED, True),
        ("ArnNotLike", _LINKED, True),
        ("ArnLike", "arn:aws:iam::*:role/aws-*", True),
        ("ArnLike", "arn:aws:iam::222222222222:user/x:role/aws-service-role/y", True),
        ("ArnLike", [_LINKED, _ROLE], True),
        ("ArnLike", "arn:aws:sts::222222222222:assumed-role/AWSServiceRoleForX/*", True),
        ("NoSuchOperator", _LINKED, True),
    ],
)
def test_conditions_that_leave_service_linked_roles(operator: str, values: Any, *, more: bool) -> None:
    """Only where each pattern means a service-linked role, whoever calls, does an Allow reach nobody else."""
    assert reaches_bound(_statement("*", **{operator: {"aws:PrincipalArn": values}})) is more


@pytest.mark.parametrize(
    ("arn", "found"),
    [
        (_LINKED, True),
        (_LINKED.replace("222222222222", "333333333333").replace("arn:aws:", "arn:aws-us-gov:"), True),
        (_ROLE, False),
        ("arn:aws:iam::222222222222:root", False),
        ("222222222222", False),
        ("*", False),
        ("config.amazonaws.com", False),
        ("arn:aws:iam::222222222222:user/role/aws-service-role/x", False),
        ("arn:aws:iam::222222222222:role/x/role/aws-service-role/x", False),
    ],
)
def test_what_is_a_service_linked_role(arn: str, *, found: bool) -> None:
    """A role of any account with the path that IAM keeps for services is one, and nothing else is."""
    assert is_service_linked(arn) is found


@pytest.mark.parametrize(
    ("caller", "decision"),
    [
        (Principal(kind=PrincipalKind.SERVICE, service="config.amazonaws.com"), Decision.EXPLICIT_DENY),
        (Principal(kind=PrincipalKind.IAM, arn=_ROLE), Decision.EXPLICIT_DENY),
        (Principal(kind=PrincipalKind.SERVICE_LINKED_ROLE, arn=_LINKED), Decision.ALLOW),
    ],
)
def test_whom_the_resource_control_policy_refuses(caller: Principal, decision: Decision) -> None:
    """It refuses what a bucket policy lets an AWS service or a role write, and no service-linked role."""
    [guard] = [one for one in _BLUEPRINT.guards if one.key == "rcp"]
    letting = _statement({"Service": "config.amazonaws.com", "AWS": [_LINKED, _ROLE]})
    layers = Layers(
        rcps=((parse_policy(guard.document, name="rcp"),),),
        resource_policy=parse_policy({"Version": "2012-10-17", "Statement": letting}, name="bucket"),
        management_account_id="111111111111",
    )
    request = Request(
        principal=caller,
        action="s3:PutObject",
        resource="arn:aws:s3:::acme-trail-archive/AWSLogs/x",
        resource_account_id="222222222222",
        context={"aws:SourceArn": ("arn:aws:config:eu-central-1:222222222222:x",)}
        if caller.kind is PrincipalKind.SERVICE
        else {},
    )
    assert evaluate(request, layers).decision is decision


def test_guards_wait_for_a_policy_that_is_too_long() -> None:
    """Where the armed policy would be longer than S3 takes, no guard begins before it, and each says why."""
    readers = [f"arn:aws:iam::333333333333:role/{'x' * 30}{number:03}" for number in range(280)]
    reading = {**_statement({"AWS": readers}), "Action": "s3:GetObject"}
    plain = _BLUEPRINT.bucket_policy[:-2] + "," + compact(reading) + "]}"
    facts = {
        "bucket.policy": plain,
        "service_control_policies": [],
        "resource_control_policies": [],
    }
    found = planned(config(), with_facts(in_force(), facts))
    reasons = {one.action.id: one.reason for one in found.blocked}
    assert len(plain.encode()) < 20_480
    assert reasons["bucket.policy.arm"].startswith("the bucket policy would have 20")
    for action in ("scp.create", "scp.attach", "rcp.create", "rcp.attach"):
        assert reasons[action] == f"the bucket policy is not armed before it: {reasons['bucket.policy.arm']}"
    assert {action.id for action in found.actions} == {"members.create", "members.attach"}
