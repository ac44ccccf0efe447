"""Our evaluator beside iam-simulate, which other people wrote; skipped where node or the package is missing."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any

import pytest

from peers.comparing import compare, ours_of, random_cases
from peers.differences import DIFFERENCES
from peers.simulator import judge, missing
from trailkeep.guard.evaluate import Decision

_COUNT = 100_000 if os.environ.get("TRAILKEEP_PROPERTIES") == "nightly" else 2_000
_BATCH = 2_000


@pytest.fixture(scope="module", autouse=True)
def _peer() -> None:
    if reason := missing():
        pytest.skip(reason)


def _batches() -> Iterator[list[dict[str, Any]]]:
    for seed in range(_COUNT // _BATCH):
        yield random_cases(_BATCH, seed)


@pytest.mark.slow
def test_no_contradiction_is_unexplained() -> None:
    """On requests at random our decision is that of iam-simulate, or AWS's documentation says why not."""
    for cases in _batches():
        tally = compare(cases)
        assert not tally.contradictions, json.dumps(tally.contradictions[0])
        assert not tally.refused, tally.refused
        assert min(tally.agreed[each] for each in Decision) > _BATCH // 20


def _case(layers: dict[str, Any], **changed: Any) -> dict[str, Any]:
    case = {
        "principal": {"kind": "iam", "arn": "arn:aws:sts::222222222222:assumed-role/a/s"},
        "action": "s3:GetObject",
        "resource": "arn:aws:s3:::b/k",
        "owner": "222222222222",
        "context": {"aws:PrincipalArn": ["arn:aws:iam::222222222222:role/a"]},
        "layers": {"management_account_id": "111111111111", **layers},
    }
    return {**case, **changed}


def _policy(statement: dict[str, Any], version: str = "2012-10-17") -> dict[str, Any]:
    return {"Version": version, "Statement": [{"Action": "*", "Resource": "*", **statement}]}


_OPEN = {"resource_policy": _policy({"Effect": "Allow", "Principal": "*"})}
_SMALLEST = {
    "owner of the bucket policy": _case(
        _OPEN, action="s3:PutBucketPolicy", resource="arn:aws:s3:::b", owner="333333333333"
    ),
    "NotPrincipal names all": _case(
        {
            "resource_policy": _policy(
                {"Effect": "Deny", "NotPrincipal": {"AWS": ["arn:aws:iam::222222222222:root"]}}
            )
        }
    ),
    "federated user and user of its name": _case(
        {
            "resource_policy": _policy(
                {"Effect": "Allow", "Principal": {"AWS": ["arn:aws:iam::222222222222:user/a"]}}
            ),
            "identity": [],
        },
        principal={"kind": "iam", "arn": "arn:aws:sts::222222222222:federated-user/a"},
        context={},
    ),
    "variables of 2008": _case(
        {
            "identity": [
                _policy(
                    {
                        "Effect": "Allow",
                        "Condition": {"StringEquals": {"aws:PrincipalAccount": ["${aws:ResourceAccount}"]}},
                    },
                    "2008-10-17",
                )
            ]
        }
    ),
    "variable without value": _case(
        {
            "identity": [
                {
                    "Version": "2012-10-17",
                    "Statement": [
                        {"Effect": "Allow", "Action": "*", "NotResource": ["arn:aws:s3:::b/${aws:username}"]}
                    ],
                }
            ]
        },
        action="sns:Publish",
        resource="arn:aws:sns:eu-central-1:222222222222:a",
    ),
    "variable in an ARN operator": _case(
        {
            "identity": [
                _policy(
                    {
                        "Effect": "Allow",
                        "Condition": {
                            "ArnLike": {"aws:PrincipalArn": ["arn:aws:iam::${aws:PrincipalAccount}:role/a"]}
                        },
                    }
                )
            ]
        }
    ),
    "session policy and everybody": _case(
        {**_OPEN, "session": _policy({"Effect": "Allow", "Resource": "arn:aws:s3:::other/*"})}
    ),
    "lone star as an ARN": _case(
        {"identity": [_policy({"Effect": "Allow", "Condition": {"ArnLike": {"aws:PrincipalArn": ["*"]}}})]}
    ),
    "addresses of both families": _case(
        {
            "identity": [
                _policy({"Effect": "Allow", "Condition": {"NotIpAddress": {"aws:SourceIp": ["203.0.113.7"]}}})
            ]
        },
        context={"aws:SourceIp": ["2001:db8::1"]},
    ),
}


@pytest.mark.parametrize("difference", DIFFERENCES, ids=lambda each: each.name)
def test_each_known_difference_is_still_one(difference: Any) -> None:
    """A difference that iam-simulate no longer has, or that we no longer have, must leave the list."""
    case = _SMALLEST[difference.name]
    without = difference.rewritten(case)
    assert without is not None
    before, after = judge([case, without])
    assert before.decision is not ours_of(case), before
    assert after.decision is ours_of(without), after


def test_a_contradiction_would_be_seen() -> None:
    """A case that nothing explains is counted as a contradiction."""
    wrong = _case(
        {"identity": []},
        principal={"kind": "service-linked-role", "arn": "arn:aws:sts::222222222222:assumed-role/a/s"},
    )
    assert not compare([wrong]).contradictions
    tally = compare([wrong], ours=lambda _: Decision.ALLOW)
    assert [found[1:] for found in tally.contradictions] == [(Decision.ALLOW, Decision.IMPLICIT_DENY)]
