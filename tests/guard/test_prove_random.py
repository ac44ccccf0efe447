"""Folders of policies at random: whatever a person pastes, the proof ends with an answer."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from proofs import PARAMS, RECIPE, folder
from random_policies import PRINCIPALS, conditions
from trailkeep.guard.prove_model import Outcome
from trailkeep.guard.threats import BY_ID, THREATS
from trailkeep.workflows.prove import prove_documents

_RESOURCES = (
    "*",
    "arn:*",
    "arn:aws:*",
    "arn:aws",
    "arn:aws:s3",
    "arn:*:s?:*",
    "arn:aws:s3:::recipe-trail-archive",
    "arn:aws:s3:::recipe-trail-archive/*",
    "arn:aws:s3:::*",
    "arn:aws:s3:::recipe-trail-archive/${aws:PrincipalTag/team, 'a'}/*",
    "arn:aws:${aws:username}:::x",
    "arn:aws:kms:*:222222222222:key/*",
    "arn:aws:organizations::111111111111:account/o-exampleorgid/*",
    "arn:aws:cloudtrail:*:*:trail/*",
)
_ACTIONS = (
    "*",
    "s3:*",
    "s3:Delete*",
    "S3:putobject",
    "s3:Get*",
    "kms:*",
    "organizations:LeaveOrganization",
    "organizations:*",
    "cloudtrail:StopLogging",
    "iam:*",
)
_FILES = (
    "bucket-policy.json",
    "key-policy.json",
    "scp.json",
    "scp-2.json",
    "scp-organization.json",
    "rcp.json",
    "rcp-organization.json",
)
_FEW = settings(
    max_examples=60,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@st.composite
def _statements(draw: st.DrawFn, *, with_principal: bool) -> dict[str, Any]:
    body: dict[str, Any] = {"Effect": draw(st.sampled_from(["Deny", "Deny", "Allow"]))}
    for names, values in ((("Action", "NotAction"), _ACTIONS), (("Resource", "NotResource"), _RESOURCES)):
        listed = draw(st.lists(st.sampled_from(values), min_size=1, max_size=3, unique=True))
        body[draw(st.sampled_from(names))] = listed[0] if len(listed) == 1 else listed
    if draw(st.booleans()):
        body["Condition"] = draw(conditions(least=1, most=2))
    if with_principal:
        body[draw(st.sampled_from(["Principal", "Principal", "NotPrincipal"]))] = draw(PRINCIPALS)
    if draw(st.booleans()):
        body["Sid"] = "x"
    return body


@st.composite
def _documents(draw: st.DrawFn) -> dict[str, Any]:
    files: dict[str, Any] = {}
    for name in draw(st.lists(st.sampled_from(_FILES), min_size=1, max_size=3, unique=True)):
        each = _statements(with_principal=not name.startswith("scp"))
        listed = draw(st.lists(each, min_size=1, max_size=2))
        files[name] = {
            "Version": draw(st.sampled_from(["2012-10-17", "2012-10-17", "2008-10-17"])),
            "Statement": listed[0] if len(listed) == 1 and draw(st.booleans()) else listed,
        }
    return files


@_FEW
@given(
    documents=_documents(),
    params=st.sampled_from([None, PARAMS, {"bucket": PARAMS["bucket"]}]),
    threat=st.sampled_from([one.id for one in THREATS]),
)
def test_any_folder(documents: dict[str, Any], params: dict[str, str] | None, threat: str) -> None:
    """Every folder of well-formed documents gets a verdict."""
    (found,) = prove_documents(folder(documents, params=params), only=threat).threats
    assert (found.witness is None) or found.verdict in {Outcome.COUNTEREXAMPLE, Outcome.RESIDUAL}


def test_a_condition_on_an_absent_owner() -> None:
    """Where a condition asks whether the owner of a resource is known, no account is told by it."""
    statement = {"Effect": "Deny", "Action": "*", "Resource": "*"}
    scp = {**statement, "Condition": {"Null": {"aws:ResourceAccount": "true"}}}
    documents = {"scp.json": {"Version": "2012-10-17", "Statement": scp}}
    (found,) = prove_documents(folder(documents), only="delete-version").threats
    assert found.verdict is Outcome.COUNTEREXAMPLE


@pytest.mark.parametrize("resource", ["arn:*", "arn:aws", "arn:*:*"])
@pytest.mark.parametrize("action", ["Action", "NotAction"])
def test_an_arn_that_stops_early(resource: str, action: str) -> None:
    """A deny on ``arn:*`` does not cover an action that knows no resource, and the answer says so."""
    named = "organizations:LeaveOrganization" if action == "Action" else "s3:Get*"
    statement = {"Sid": "Stay", "Effect": "Deny", action: named, "Resource": resource}
    scp = {"Version": "2012-10-17", "Statement": statement}
    proof = prove_documents(folder({**RECIPE, "scp.json": scp}, params=PARAMS), only="leave-organization")
    (found,) = proof.threats
    assert found.verdict is Outcome.COUNTEREXAMPLE
    assert f"its Resource ({resource}) does not cover *" in found.missing
    assert BY_ID["leave-organization"].ways
