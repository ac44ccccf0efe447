"""What ``explain`` says of a bucket policy is what CreateTrail of the embedded AWS does."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox_archives import BUCKET, arn_of_trail, make_bucket, make_trail, policy, trust_cloudtrail
from trailkeep.core.arn import trail_arn
from trailkeep.guard.delivery import Values
from trailkeep.guard.explain import explain
from trailkeep.guard.preflight import Answer
from trailkeep.sandbox.organization import LOG_ARCHIVE_ACCOUNT_ID, MANAGEMENT_ACCOUNT_ID, Sandbox

pytestmark = pytest.mark.sandbox

Change = Callable[[list[dict[str, Any]]], object]
OTHER = trail_arn(partition="aws", region="eu-central-1", account_id=MANAGEMENT_ACCOUNT_ID, name="other")


def _deny(**changes: Any) -> Change:
    statement = {
        "Sid": "Deny",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:PutObject",
        "Resource": f"arn:aws:s3:::{BUCKET}/*",
        **changes,
    }
    return lambda statements: statements.append(statement)


def _source(trail: str) -> Change:
    return lambda statements: statements[0].update(Condition={"StringEquals": {"aws:SourceArn": trail}})


def _without_conditions(statements: list[dict[str, Any]]) -> None:
    for statement in statements[:3]:
        statement.pop("Condition")


CHANGES: dict[str, tuple[Change, bool]] = {
    "ours": (lambda _: None, True),
    "without ACL check": (lambda statements: statements.pop(0), False),
    "without management folder": (lambda statements: statements.pop(1), False),
    "without organization folder": (lambda statements: statements.pop(2), False),
    "ten digits": (
        lambda statements: statements[1].update(Resource=f"arn:aws:s3:::{BUCKET}/AWSLogs/1111111111/*"),
        False,
    ),
    "whole bucket": (lambda statements: statements[1].update(Resource=f"arn:aws:s3:::{BUCKET}/*"), True),
    "no conditions": (_without_conditions, True),
    "other trail": (_source(OTHER), False),
    "star in StringEquals": (_source(OTHER.replace("other", "*")), False),
    "duplicate Sid": (lambda statements: statements[2].update(Sid=statements[1]["Sid"]), True),
    "deny outside organization": (
        _deny(Condition={"StringNotEquals": {"aws:PrincipalOrgID": "o-exampleorgid"}}),
        False,
    ),
    "deny all but services": (_deny(Condition={"Bool": {"aws:PrincipalIsAWSService": "false"}}), True),
    "deny lock headers": (_deny(Condition={"Null": {"s3:object-lock-mode": "false"}}), True),
    "deny all": (_deny(), False),
}


@pytest.mark.parametrize("name", CHANGES)
def test_explain_agrees_with_create_trail(sandbox: Sandbox, name: str) -> None:
    """CreateTrail answers that the bucket policy is insufficient exactly when explain says refused."""
    change, accepted = CHANGES[name]
    document = policy(sandbox)
    change(document["Statement"])
    make_bucket(sandbox, document=document)
    trust_cloudtrail(sandbox)
    explained = explain("policy", json.dumps(document), values=(_values(sandbox),))
    answers = [asked.decision for asked in explained.requests]
    assert Answer.UNDECIDED not in answers
    assert (Answer.REFUSED not in answers) is accepted
    assert _refusal(sandbox) == ("" if accepted else "InsufficientS3BucketPolicyException")


def _values(sandbox: Sandbox) -> Values:
    return Values(
        bucket=BUCKET,
        management_account=MANAGEMENT_ACCOUNT_ID,
        organization_id=sandbox.organization_id,
        archive_account=LOG_ARCHIVE_ACCOUNT_ID,
        trail=arn_of_trail(sandbox),
    )


def _refusal(sandbox: Sandbox) -> str:
    """Create the trail and return the error code, empty where it was created."""
    try:
        make_trail(sandbox)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return ""
