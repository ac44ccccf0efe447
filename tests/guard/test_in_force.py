"""What the plan calls in force denies what ours denies: its comparison of documents agrees with the evaluator."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from estates import config, in_force, planned, with_facts
from trailkeep.core.verdict import ExitCode
from trailkeep.guard.blueprint import blueprint_for
from trailkeep.guard.canonical import canonical, doubled_keys, fault, sids
from trailkeep.guard.carried import extended, says_all
from trailkeep.guard.estate import Bucket, Policy
from trailkeep.guard.evaluate import Decision, Layers, Principal, PrincipalKind, Request, evaluate
from trailkeep.guard.guard_documents import GuardPolicy
from trailkeep.guard.policy import parse_policy

_ESTATE = in_force()
_TRAIL = "arn:aws:cloudtrail:eu-central-1:111111111111:trail/trailkeep"
_EVIL = "arn:aws:cloudtrail:eu-central-1:666666666666:trail/evil"
_BUCKET = "arn:aws:s3:::acme-trail-archive"


def _content(policies: Any, index: int) -> str:
    content = policies[index].content
    assert isinstance(content, str)
    return content


def _bucket_policy() -> str:
    assert isinstance(_ESTATE.bucket, Bucket)
    assert isinstance(_ESTATE.bucket.policy, str)
    return _ESTATE.bucket.policy


_OURS = {
    "bucket.policy": _bucket_policy(),
    "service_control_policies.1.content": _content(_ESTATE.service_control_policies, 1),
    "service_control_policies.2.content": _content(_ESTATE.service_control_policies, 2),
    "resource_control_policies.0.content": _content(_ESTATE.resource_control_policies, 0),
}
_ARCHIVE = "222222222222"
_PRINCIPALS = (
    Principal(kind=PrincipalKind.ROOT, account_id=_ARCHIVE),
    Principal(kind=PrincipalKind.IAM, account_id=_ARCHIVE, arn=f"arn:aws:iam::{_ARCHIVE}:role/Admin"),
    Principal(kind=PrincipalKind.SERVICE, service="cloudtrail.amazonaws.com"),
    Principal(kind=PrincipalKind.SERVICE, service="config.amazonaws.com"),
)
_ASKED = (
    ("s3:GetObject", f"{_BUCKET}/x"),
    ("s3:PutObject", f"{_BUCKET}/AWSLogs/o-exampleorgid/x"),
    ("s3:DeleteObjectVersion", f"{_BUCKET}/x"),
    ("s3:PutObjectRetention", f"{_BUCKET}/x"),
    ("s3:DeleteBucket", _BUCKET),
    ("s3:PutBucketAcl", _BUCKET),
    ("s3:PutBucketPolicy", _BUCKET),
    ("s3:CreateAccessPoint", f"arn:aws:s3:eu-central-1:{_ARCHIVE}:accesspoint/x"),
    ("organizations:LeaveOrganization", "*"),
    ("cloudtrail:StopLogging", _TRAIL),
)
_CONTEXTS: tuple[dict[str, tuple[str, ...]], ...] = tuple(
    {"aws:SecureTransport": (tls,), "aws:SourceArn": (source,)} if source else {"aws:SecureTransport": (tls,)}
    for tls in ("true", "false")
    for source in ("", _TRAIL, _EVIL)
)


def _denied(path: str, text: str) -> set[tuple[int, int, int]]:
    """Return which requests a policy denies, by their places in the lists above."""
    policy = parse_policy(text, name="policy")
    layers = Layers(resource_policy=policy)
    if not path.startswith("bucket"):
        levels = ((policy,),)
        is_scp = path.startswith("service")
        layers = Layers(
            management_account_id="111111111111",
            scps=levels if is_scp else (),
            rcps=() if is_scp else levels,
        )
    return {
        (who, what, how)
        for who, principal in enumerate(_PRINCIPALS)
        for what, (action, resource) in enumerate(_ASKED)
        for how, context in enumerate(_CONTEXTS)
        if evaluate(
            Request(
                principal=principal,
                action=action,
                resource=resource,
                resource_account_id=_ARCHIVE,
                context=context,
            ),
            layers,
        ).decision
        is Decision.EXPLICIT_DENY
    }


_DENIED = {path: _denied(path, text) for path, text in _OURS.items()}
_VALUES = st.sampled_from([_EVIL, _TRAIL, "true", "false", "*"])
_SPELLINGS: list[Callable[[str], str]] = [str.lower, str.upper, str.title, str]
_CASES = st.sampled_from(_SPELLINGS)


@st.composite
def _mutated(draw: st.DrawFn, text: str) -> str:
    """Return a policy text with up to three changes, some of which say the same in other words."""
    document = json.loads(text)
    for _ in range(draw(st.integers(1, 3))):
        statement = draw(st.sampled_from(document["Statement"]))
        draw(st.sampled_from([_respell, _double, _change, _drop, _shuffle, _condition]))(draw, statement)
    said = json.dumps(document)
    if draw(st.booleans()):
        return said
    whole = json.dumps(draw(st.sampled_from(document["Statement"])))
    members = ['"Effect": "Allow"', '"Effect": "Deny"', '"Resource": "*"', '"Action": "s3:GetObject"']
    member = draw(st.sampled_from(members))
    repeated = draw(st.sampled_from([f"{{{member}, {whole[1:]}", f"{whole[:-1]}, {member}}}"]))
    return said.replace(whole, repeated)


def _tests(draw: st.DrawFn, statement: dict[str, Any]) -> dict[str, Any] | None:
    condition = statement.get("Condition")
    return condition[draw(st.sampled_from(sorted(condition)))] if condition else None


def _respell(draw: st.DrawFn, statement: dict[str, Any]) -> None:
    if tests := _tests(draw, statement):
        key = draw(st.sampled_from(sorted(tests)))
        tests[draw(_CASES)(key)] = tests.pop(key)


def _double(draw: st.DrawFn, statement: dict[str, Any]) -> None:
    if tests := _tests(draw, statement):
        tests[draw(_CASES)(draw(st.sampled_from(sorted(tests))))] = draw(_VALUES)


def _change(draw: st.DrawFn, statement: dict[str, Any]) -> None:
    key = draw(st.sampled_from(["Effect", "Resource", "Principal"]))
    values = {"Effect": "Allow", "Resource": f"{_BUCKET}/other/*", "Principal": {"AWS": "333333333333"}}
    if key in statement:
        statement[key] = values[key]


def _drop(draw: st.DrawFn, statement: dict[str, Any]) -> None:
    key = draw(st.sampled_from(["Action", "NotAction", "Sid", "Condition"]))
    if key in {"Sid", "Condition"}:
        statement.pop(key, None)
    elif isinstance(statement.get(key), list) and len(statement[key]) > 1:
        statement[key].pop(draw(st.integers(0, len(statement[key]) - 1)))


def _shuffle(draw: st.DrawFn, statement: dict[str, Any]) -> None:
    for key in ("Action", "NotAction", "Resource"):
        if isinstance(statement.get(key), list):
            statement[key] = draw(st.permutations(statement[key]))
        elif key in statement:
            statement[key] = [statement[key]]


def _condition(draw: st.DrawFn, statement: dict[str, Any]) -> None:
    statement.setdefault("Condition", {})["StringEquals"] = {"aws:SourceArn": draw(_VALUES)}


@pytest.mark.parametrize("path", _OURS)
@given(st.data())
def test_what_is_in_force_denies_what_ours_denies(path: str, data: st.DataObject) -> None:
    """Whenever the plan has nothing to do or to say about a policy, AWS's evaluation denies all that ours does."""
    text = data.draw(_mutated(_OURS[path]))
    plan = planned(config(), with_facts(_ESTATE, {path: text}))
    if plan.exit_code is ExitCode.OK:
        assert _denied(path, text) >= _DENIED[path]


@pytest.mark.parametrize("path", _OURS)
@given(st.data())
def test_equal_documents_decide_alike(path: str, data: st.DataObject) -> None:
    """Two documents with one canonical form deny exactly the same."""
    text = data.draw(_mutated(_OURS[path]))
    if canonical(text) == canonical(_OURS[path]):
        assert _denied(path, text) == _DENIED[path]


@pytest.mark.parametrize("path", [path for path in _OURS if path != "bucket.policy"])
@given(st.data())
def test_what_carries_a_guard_denies_all_of_it(path: str, data: st.DataObject) -> None:
    """A policy of somebody else that is taken for a guard denies what the guard denies, and so does a repaired one."""
    text = data.draw(_mutated(_OURS[path]))
    guard = _guard(_OURS[path])
    policy = Policy(id="p-1", name="theirs", aws_managed=False, content=text, targets=(_ARCHIVE,))
    if says_all(guard, policy):
        assert _denied(path, text) >= _DENIED[path]
    if canonical(text) is not None:
        repaired = json.dumps(extended(guard, text).document)
        assert says_all(guard, Policy(id="p-1", name="x", aws_managed=False, content=repaired, targets=()))


def _guard(document: str) -> GuardPolicy:
    one = blueprint_for(config(), _ESTATE).guards[0]
    return GuardPolicy(
        key="scp",
        name=one.name,
        policy_type=one.policy_type,
        place=one.place,
        setting=one.setting,
        description=one.description,
        document=document,
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"Statement": [], "Statement": []}', "'Statement' twice"),
        ('{"Statement": [{"Effect": "Deny", "Effect": "Allow"}]}', "'Effect' twice"),
        ('{"Statement": [{"Condition": {"Bool": {"a:b": "1", "a:b": "2"}}}]}', "'a:b' twice"),
        ('{"Statement": [], "statement": []}', "'statement' is no member of a policy"),
        ('{"Version": "2012-10-17"}', "it has no statements"),
        ('{"Statement": [{"Effect": NaN}]}', "NaN"),
    ],
)
def test_an_ambiguous_text_is_no_policy(text: str, said: str) -> None:
    """A text that says a member twice, or one that no policy has, equals nothing, and the reason is said."""
    assert canonical(text) is None
    assert said in fault(text)


def test_sids_of_a_text_that_repeats_a_member_are_known() -> None:
    """What an ambiguous text holds of ours is still recognized, so that its denies are said again."""
    assert sids('{"Statement": [{"Sid": "A"}], "Statement": [{"Sid": "B"}]}') == {"A", "B"}
    assert sids("{") == frozenset()


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ({"Bool": {"aws:SecureTransport": "false"}}, ()),
        ({"Bool": {"a:B": "1"}, "StringEquals": {"a:b": "1"}}, ()),
        ({"Bool": {"a:B": "1", "A:b": "2", "c:d": "3"}}, ("a:B and A:b under Bool",)),
        ({"Bool": "x"}, ()),
        ("x", ()),
    ],
)
def test_doubled_keys(condition: Any, expected: tuple[str, ...]) -> None:
    """A condition key is doubled where one operator has it in two spellings; two operators may share a key."""
    assert doubled_keys({"Condition": condition}) == expected
