"""Whom a statement lets write that a service control policy of the archive account refuses."""

from __future__ import annotations

from typing import Any

import pytest

from estates import config, in_force, nothing, planned, with_facts
from trailkeep.guard.blueprint import blueprint_for
from trailkeep.guard.documents import compact
from trailkeep.guard.own_writers import own_writers

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
