"""A statement is only called superfluous when another denies all that it denied."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trailkeep.guard.evaluate import Decision, Layers, Principal, PrincipalKind, Request, evaluate
from trailkeep.guard.plan_statements import covered, is_ours, superseded
from trailkeep.guard.policy import parse_policy

_ACTIONS = st.lists(
    st.sampled_from(["*", "s3:*", "s3:Get*", "S3:get*", "s3:GetObject", "s3:Delete*", "s3:*Object"]),
    min_size=1,
    max_size=3,
)
_RESOURCES = st.lists(
    st.sampled_from(
        ["*", "arn:aws:s3:::a", "arn:aws:s3:::a*", "arn:aws:s3:::a/*", "arn:aws:s3:::?/x", "arn:aws:s3:::b/*"]
    ),
    min_size=1,
    max_size=3,
)


@st.composite
def _denies(draw: st.DrawFn) -> dict[str, Any]:
    key = draw(st.sampled_from(["Action", "NotAction"]))
    statement: dict[str, Any] = {"Effect": "Deny", key: draw(_ACTIONS), "Resource": draw(_RESOURCES)}
    if draw(st.booleans()):
        statement["Condition"] = {"Bool": {"aws:SecureTransport": draw(st.sampled_from(["true", "false"]))}}
    return statement


@given(
    _denies(),
    _denies(),
    st.sampled_from(["s3:GetObject", "s3:DeleteObject", "s3:ListBucket", "iam:GetUser"]),
    st.sampled_from(["arn:aws:s3:::a", "arn:aws:s3:::a/x", "arn:aws:s3:::b/x", "arn:aws:s3:::c/x"]),
    st.sampled_from(["true", "false"]),
)
def test_what_is_covered_stays_denied(
    statement: dict[str, Any], wanted: dict[str, Any], action: str, resource: str, tls: str
) -> None:
    """Whatever a covered statement denies, the one that covers it denies too."""
    if covered(statement, [wanted]) and _denies_request(statement, action, resource, tls):
        assert _denies_request(wanted, action, resource, tls)


def _denies_request(statement: dict[str, Any], action: str, resource: str, tls: str) -> bool:
    policy = parse_policy({"Version": "2012-10-17", "Statement": statement}, name="p")
    root = Principal(kind=PrincipalKind.ROOT, account_id="222222222222")
    request = Request(
        principal=root,
        action=action,
        resource=resource,
        resource_account_id="222222222222",
        context={"aws:SecureTransport": (tls,)},
    )
    layers = Layers(scps=((policy,),), management_account_id="111111111111")
    return evaluate(request, layers).decision is Decision.EXPLICIT_DENY


@pytest.mark.parametrize(
    ("statement", "wanted"),
    [
        (
            {"Effect": "Deny", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::a/*"},
            {"Effect": "Deny", "Action": ["s3:Get*"], "Resource": ["arn:aws:s3:::a*"]},
        ),
        (
            {"Effect": "Deny", "NotAction": ["s3:Get*", "s3:Delete*"], "Resource": "*"},
            {"Effect": "Deny", "NotAction": ["s3:GetObject"], "Resource": "*"},
        ),
        (
            {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": {"Bool": {"a": "true"}}},
            {"Effect": "Deny", "Action": "*", "Resource": "*"},
        ),
        ({"Effect": "Allow", "Action": "*", "Resource": "*"}, {"Effect": "Deny", "Action": "x:*"}),
    ],
    ids=["narrower", "more exceptions", "condition", "allow"],
)
def test_covered(statement: dict[str, Any], wanted: dict[str, Any]) -> None:
    """A narrower, excepted or conditional deny is covered by a wider one, and an Allow always is."""
    assert covered(statement, [wanted])


@pytest.mark.parametrize(
    ("statement", "wanted"),
    [
        (
            {"Effect": "Deny", "Action": "*", "Resource": "*"},
            {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": {"Bool": {"a": "true"}}},
        ),
        (
            {"Effect": "Deny", "Action": "s3:*", "Resource": "arn:aws:s3:::b/*"},
            {"Effect": "Deny", "Action": "s3:*", "Resource": "arn:aws:s3:::a/*"},
        ),
        (
            {"Effect": "Deny", "NotAction": "s3:Get*", "Resource": "*"},
            {"Effect": "Deny", "NotAction": ["s3:Get*", "s3:Delete*"], "Resource": "*"},
        ),
        (
            {"Effect": "Deny", "Action": "s3:GetObject", "Resource": "*"},
            {"Effect": "Deny", "NotAction": "s3:Get*", "Resource": "*"},
        ),
        (
            {"Effect": "Deny", "Action": "s3:*", "NotResource": "arn:aws:s3:::a"},
            {"Effect": "Deny", "Action": "s3:*", "Resource": "*"},
        ),
    ],
    ids=["condition", "other bucket", "fewer exceptions", "excepted", "not understood"],
)
def test_not_covered(statement: dict[str, Any], wanted: dict[str, Any]) -> None:
    """A deny of something else, or one that is not understood, is never called superfluous."""
    assert not covered(statement, [wanted])


@pytest.mark.parametrize(
    ("sid", "ours"),
    [("ArchiveReadOnly", True), ("ArchiveReadOnly12", True), ("ArchiveReadOnlyX", False), ("Mine", False)],
)
def test_is_ours(sid: str, ours: bool) -> None:  # noqa: FBT001 - a column of the table
    """A statement is ours by its Sid, also with a number behind it."""
    assert is_ours({"Sid": sid}, ["ArchiveReadOnly", "StayInOrganization"]) is ours


_WRITERS = {"Effect": "Deny", "Action": "s3:Put*", "Resource": "arn:aws:s3:::a/*"}
_SPARING = {"StringNotEquals": {"aws:SourceArn": "t"}}
_DOUBLED = {"StringNotEquals": {"aws:SourceArn": "t", "aws:sourcearn": "u"}}


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ({**_WRITERS, "Condition": _SPARING}, True),
        ({**_WRITERS, "Condition": _DOUBLED}, True),
        ({**_WRITERS, "Condition": _DOUBLED, "Resource": "arn:aws:s3:::b/*"}, False),
        ({**_WRITERS, "Condition": {"StringNotEquals": {"aws:SourceArn": "u"}}}, False),
        ({**_WRITERS, "Condition": _DOUBLED, "NotAction": "s3:Get*"}, False),
    ],
)
def test_superseded(statement: dict[str, Any], *, expected: bool) -> None:
    """An ambiguous statement of ours is replaced where ours is about the same, and only there."""
    assert superseded(statement, [{**_WRITERS, "Condition": _SPARING}]) is expected
