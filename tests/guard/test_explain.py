"""Pasted policies explained: golden cases, the common recipe, and what holds for our own documents."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trailkeep.core.errors import UsageError
from trailkeep.core.verdict import VerdictKind
from trailkeep.guard.delivery import Kind, Values, resolve
from trailkeep.guard.documents import bucket_policy
from trailkeep.guard.explain import Explained, explain
from trailkeep.guard.findings import FindingKind
from trailkeep.guard.preflight import Answer
from trailkeep.guard.s3_actions import LEVELS, WRITES
from trailkeep.guard.service_grants import bucket_grants, key_grants, topic_grants

CASES = sorted((Path(__file__).parent.parent / "cases" / "explain").glob("*.json"))
TRAIL = "arn:aws:cloudtrail:eu-central-1:111111111111:trail/trailkeep"
VALUES = Values(
    bucket="acme-trail-archive",
    management_account="111111111111",
    organization_id="o-exampleorgid",
    trail=TRAIL,
)
OURS = bucket_policy(
    partition="aws",
    bucket="acme-trail-archive",
    organization_id="o-exampleorgid",
    management_account="111111111111",
    trail=TRAIL,
)
ALLOWS = [statement for statement in OURS["Statement"] if statement["Effect"] == "Allow"]


def _explain(document: Any, *values: Values, **options: Any) -> Explained:
    return explain("policy.json", json.dumps(document), values=values or (VALUES,), **options)


def _said(explained: Explained) -> list[str]:
    """Return each request as the cases write it."""
    return [
        f"{asked.action} {asked.decision}"
        + (f", add {asked.missing['Sid']}" if asked.missing else f" by {asked.statement}")
        for asked in explained.requests
    ]


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_golden_case(path: Path) -> None:
    """Each case says in its first line what the document means, and it is explained so."""
    case = json.loads(path.read_bytes())
    explained = _explain(
        case["policy"],
        Values(**case.get("values", {})),
        VALUES,
        kind=Kind(case["kind"]) if "kind" in case else None,
        for_account=case.get("account_trail", False),
        has_bucket_key=not case.get("no_bucket_key", False),
    )
    assert {
        "requests": _said(explained),
        "findings": [[found.kind.value, found.statement] for found in explained.findings],
        "verdict": explained.verdict.kind.value,
    } == {key: case[key] for key in ("requests", "findings", "verdict")}


def test_the_cases_show_every_kind_of_finding() -> None:
    """No kind of finding is without an example."""
    shown = {kind for path in CASES for kind, _ in json.loads(path.read_bytes())["findings"]}
    assert shown == {*FindingKind}


def test_every_finding_says_what_to_do() -> None:
    """Message and remedy of a finding are never empty, in no case."""
    for path in CASES:
        case = json.loads(path.read_bytes())
        for found in _explain(case["policy"], kind=Kind(case["kind"]) if "kind" in case else None).findings:
            assert found.message
            assert found.remedy


@pytest.mark.parametrize("missing", range(len(ALLOWS)))
@given(order=st.permutations(OURS["Statement"]))
def test_a_missing_statement_is_named(missing: int, order: list[Any]) -> None:
    """Without one Allow of our bucket policy exactly that one is named; added again, all is accepted."""
    rest = [statement for statement in order if statement != ALLOWS[missing]]
    explained = _explain({**OURS, "Statement": rest})
    named = [asked.missing for asked in explained.requests if asked.decision is Answer.REFUSED]
    assert named == [ALLOWS[missing]]
    assert explained.verdict.kind is VerdictKind.FAIL
    assert _explain({**OURS, "Statement": [*rest, *named]}).verdict.kind is VerdictKind.PASS


@given(
    extra=st.sampled_from(sorted(LEVELS)),
    resource=st.sampled_from(["*", "arn:aws:s3:::acme-trail-archive/*"]),
)
def test_one_more_deny_never_lets_more_through(extra: str, resource: str) -> None:
    """A Deny on everybody never makes a request allowed that was not, and hits exactly CloudTrail's actions."""
    deny = {"Effect": "Deny", "Principal": "*", "Action": extra, "Resource": resource}
    explained = _explain({**OURS, "Statement": [*OURS["Statement"], deny]})
    for asked in explained.requests:
        hit = extra == asked.action and (resource == "*" or asked.action == "s3:PutObject")
        assert asked.decision is (Answer.REFUSED if hit else Answer.ALLOWED)


@pytest.mark.parametrize("kind", [Kind.BUCKET, Kind.KEY, Kind.TOPIC])
def test_what_is_to_be_pasted_is_enough(kind: Kind) -> None:
    """The statements that would be named, pasted together, are accepted without findings."""
    topic = "arn:aws:sns:eu-central-1:222222222222:news"
    values = Values(prefix="some/where", resource=topic if kind is Kind.TOPIC else "")
    delivery = resolve("p", kind, values, VALUES, needs_bucket=True)
    grants = {Kind.BUCKET: bucket_grants, Kind.KEY: key_grants, Kind.TOPIC: topic_grants}[kind](delivery)
    explained = _explain({"Version": "2012-10-17", "Statement": [*grants]}, values, VALUES)
    assert (explained.kind, explained.verdict.kind) == (kind, VerdictKind.PASS)


def test_the_document_reveals_what_is_not_given() -> None:
    """Bucket, accounts, organization and trail are read from our own policy when nobody gives them."""
    explained = _explain(OURS, Values())
    assert explained.verdict.kind is VerdictKind.PASS
    assert len(explained.requests) == 3


def test_a_document_that_reveals_two_values_reveals_none() -> None:
    """Of two organizations in one document none is taken to be ours."""
    other = {
        **ALLOWS[2],
        "Sid": "Other",
        "Resource": "arn:aws:s3:::acme-trail-archive/AWSLogs/o-otherorgid0/*",
    }
    document = {**OURS, "Statement": [*OURS["Statement"], other]}
    with pytest.raises(UsageError, match=r"add --organization-id$"):
        _explain(document, Values())
    assert _explain(document).verdict.kind is VerdictKind.PASS


def test_values_that_are_nowhere_are_all_asked_for() -> None:
    """One error names every value that is missing, with its option."""
    with pytest.raises(UsageError) as caught:
        _explain(
            {"Statement": {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "*"}},
            Values(),
        )
    options = ("--bucket", "--management-account", "--organization-id", "--trail-arn")
    assert [line.rsplit(" ", 1)[1] for line in str(caught.value).splitlines()] == list(options)
    assert str(caught.value).startswith("policy.json: expected the name of the bucket, got nothing in ")


def test_a_malformed_value_is_refused() -> None:
    """A value that is given and impossible is refused by name."""
    with pytest.raises(UsageError, match=r'the management account, 12 digits, got "1111111111"; add --manag'):
        _explain(OURS, Values(management_account="1111111111"), VALUES)


def test_a_kind_that_cannot_be_told() -> None:
    """A document with actions of two services needs --kind."""
    document = {
        "Statement": {"Effect": "Deny", "Principal": "*", "Action": ["s3:*", "kms:*"], "Resource": "*"}
    }
    with pytest.raises(UsageError, match=r"got kinds bucket-policy, key-policy; name the kind with --kind"):
        _explain(document)
    assert _explain(document, kind=Kind.KEY).kind == "key-policy"


def test_a_refusal_says_how_near_it_was() -> None:
    """A refused request names the statements that come near, and the element that does not match."""
    wrong = {**ALLOWS[0], "Condition": {"StringEquals": {"aws:SourceArn": f"{TRAIL}2"}}}
    explained = _explain({**OURS, "Statement": [wrong, *ALLOWS[1:]]})
    assert explained.requests[0].reason == (
        "no statement allows it; statement 'AWSCloudTrailAclCheck20150319' does not, because its condition "
        f"wants aws:SourceArn StringEquals {TRAIL}2, and CloudTrail sends {TRAIL}"
    )


def test_the_common_recipe(shared_data: Path) -> None:
    """The policy of common recipes is refused for both folders; 12 of 27 actions of its SCP do nothing."""
    folder = shared_data / "common-recipe"
    policy = explain(
        "policy",
        (folder / "bucket-policy.json").read_text(),
        values=(Values(management_account="111111111111", organization_id="o-exampleorgid", trail=TRAIL),),
    )
    assert [asked.decision.value for asked in policy.requests] == ["allowed", "refused", "refused"]
    kinds = {found.kind.value for found in policy.findings}
    assert kinds == {"sid.duplicate", "account.digits", "organization.id", "source.missing"}

    scp = explain("scp", (folder / "scp.json").read_text(), values=(Values(),))
    messages = {found.kind: found.message for found in scp.findings}
    assert sum(int(text.split(" of 27 ")[0]) for text in messages.values() if " of 27 " in text) == 12
    assert "s3:DeleteObjectVersion" in messages[FindingKind.NEEDS_OBJECT]
    assert messages[FindingKind.NEEDS_OTHER].endswith("s3:PutAccountPublicAccessBlock, s3:DeleteJobTagging")
    assert messages[FindingKind.ACTION_UNKNOWN].endswith(": s3:DeleteBucketOwnershipControls")
    assert messages[FindingKind.SCP_ROOT].startswith(
        f"root of the archive account may still do 42 of {len(WRITES)}"
    )


_WORDS = st.sampled_from(
    [
        "*",
        "s3:*",
        "s3:PutObject",
        "kms:Decrypt",
        "nonsense",
        "",
        "arn:aws:s3:::acme-trail-archive/*",
        "arn:aws:s3:::${aws:PrincipalTag/x}/*",
        "arn:aws:s3:::${aws:SourceOrgID}",
        "arn:aws:s3",
        "arn:aws:sns:eu-central-1:222222222222:news",
        "222222222222",
    ]
)
_PRINCIPALS = st.sampled_from(
    ["*", {"AWS": "*"}, {"Service": "*"}, {"Service": "cloudtrail.amazonaws.com"}, {}]
)
_STATEMENTS = st.fixed_dictionaries(
    {"Effect": st.sampled_from(["Allow", "Deny"])},
    optional={
        "Sid": st.sampled_from(["", "A", "B"]),
        "Principal": _PRINCIPALS,
        "NotPrincipal": _PRINCIPALS,
        "Action": _WORDS | st.lists(_WORDS, max_size=3),
        "NotAction": _WORDS,
        "Resource": _WORDS | st.lists(_WORDS, max_size=3),
        "NotResource": _WORDS,
        "Condition": st.dictionaries(
            st.sampled_from(["StringEquals", "ForAllValues:StringLike", "Null", "Bool"]),
            st.dictionaries(st.sampled_from(["aws:SourceArn", "aws:SourceOrgID", "s3:x-amz-acl"]), _WORDS),
        ),
    },
)


@given(statements=st.lists(_STATEMENTS, max_size=4), kind=st.sampled_from([None, *Kind]))
def test_every_document_is_explained_or_refused_by_name(statements: list[Any], kind: Kind | None) -> None:
    """Whatever a document says, it is explained or an error of ours names it; PASS only where all is allowed."""
    explained = _explained_or_refusal({"Version": "2012-10-17", "Statement": statements}, kind)
    if isinstance(explained, str):
        assert explained.startswith("policy.json: expected ")
        return
    allowed = all(asked.decision is Answer.ALLOWED for asked in explained.requests)
    assert (explained.verdict.kind is VerdictKind.PASS) is (allowed and not explained.findings)
    for asked in explained.requests:
        assert asked.missing is None or asked.decision is Answer.REFUSED


def _explained_or_refusal(document: Any, kind: Kind | None) -> Explained | str:
    try:
        return _explain(document, kind=kind)
    except UsageError as error:
        return str(error)
