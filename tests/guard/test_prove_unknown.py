"""What nobody knows is proved for whatever it may be: golden cases, and what policies tell apart."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from estates import in_force
from proofs import PARAMS, RECIPE, folder
from trailkeep.core.errors import UsageError
from trailkeep.guard.estate import Absent, Bucket, Organization, Unreadable
from trailkeep.guard.facts import ArchiveFacts
from trailkeep.guard.policy import parse_policy
from trailkeep.guard.prove_accounts import mentions, told_apart
from trailkeep.guard.prove_archive import prove_archive, worst_of
from trailkeep.guard.prove_documents import document_guards, possible_names
from trailkeep.guard.prove_estate import estate_guards
from trailkeep.guard.prove_model import Outcome
from trailkeep.guard.prove_prefix import written_prefix
from trailkeep.guard.threats import BY_ID
from trailkeep.workflows.prove import prove_documents

_CASES = Path(__file__).parent.parent / "cases" / "prove"


def _cases() -> list[Any]:
    return [
        pytest.param(case, id=f"{path.stem}: {case['name']}")
        for path in sorted(_CASES.glob("*.json"))
        for case in json.loads(path.read_text())
    ]


@pytest.mark.parametrize("case", _cases())
def test_golden_case(case: dict[str, Any]) -> None:
    """A folder is proved for every name that nobody knows, and what was tried is said."""
    proof = prove_documents(folder(case["files"], params=case["params"]), only=case["threat"])
    (found,) = proof.threats
    assert found.verdict == case["verdict"], found
    assert case.get("assumed", "") in "\n".join(proof.assumptions)


def test_golden_cases_are_sourced_and_distinct() -> None:
    """Every case has its source and a name of its own."""
    cases = [parameter.values[0] for parameter in _cases()]
    assert len({case["name"] for case in cases}) == len(cases)
    assert all("https://docs.aws.amazon.com/" in case["source"] for case in cases)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("arn:aws:iam::44*Admin", {"44*"}),
        ("arn:aws:iam::*44:root", {"*44"}),
        ("*44", {"*44"}),
        ("s3:Get4*", set()),
        ("role444444444444", set()),
        ("444444444444,5555", {"444444444444"}),
    ],
)
def test_accounts_in_policies(text: str, found: set[str]) -> None:
    """Ids and patterns of accounts are found wherever they begin or end, and parts of words are none."""
    assert mentions([text]) == found


def test_accounts_that_patterns_tell_apart() -> None:
    """There is one account for each way in which patterns match it, beside those with an id of their own."""
    first, *others = told_apart({"444444444444", "4*", "*4"})
    assert first == "444444444444"
    matched = {(one.startswith("4"), one.endswith("4")) for one in others}
    assert matched == {(True, False), (False, True), (True, True)}


def _writes(resource: str, **more: Any) -> dict[str, Any]:
    principal = {"Service": "cloudtrail.amazonaws.com"}
    return {"Effect": "Allow", "Principal": principal, "Action": "s3:Put*", "Resource": resource, **more}


@pytest.mark.parametrize(
    ("statements", "prefix"),
    [
        ([_writes("arn:aws:s3:::b/AWSLogs/o-a/*")], ""),
        ([_writes("arn:aws:s3:::b/a/b/AWSLogs/*")], "a/b"),
        ([_writes("arn:aws:s3:::b/AWSLogs/o-a/AWSLogs/x/*")], ""),
        ([_writes("arn:aws:s3:::b/a/AWSLogs/*"), _writes("arn:aws:s3:::b/AWSLogs/*")], None),
        ([_writes("arn:aws:s3:::b/a/AWSLogs/*"), _writes("arn:aws:s3:::b/*", Principal="*")], None),
        ([_writes("arn:aws:s3:::b/a/AWSLogs/*"), _writes("arn:aws:s3:::b/*", Action="s3:Get*")], "a"),
        ([_writes("arn:aws:s3:::b/a/AWSLogs/*"), _writes("arn:aws:s3:::b/*", Effect="Deny")], "a"),
        ([_writes("arn:aws:s3:::b/a/AWSLogs/*", Effect="Deny")], None),
        ([_writes("arn:aws:s3:::b/*/AWSLogs/*")], None),
    ],
)
def test_where_cloudtrail_may_write(statements: list[dict[str, Any]], prefix: str | None) -> None:
    """Only one place where CloudTrail may write tells the prefix; where it may write anywhere, none does."""
    policy = parse_policy({"Version": "2012-10-17", "Statement": statements}, name="bucket")
    assert written_prefix(policy) == prefix


def test_too_many_choices() -> None:
    """Where many accounts may be the archive's or the management account the answer asks for them."""
    named = [f"{number}" * 12 for number in range(1, 9)]
    statement = {"Effect": "Allow", "Principal": {"AWS": named}, "Action": "s3:GetObject", "Resource": "*"}
    files = folder({"bucket-policy.json": {"Version": "2012-10-17", "Statement": statement}})
    with pytest.raises(UsageError, match="expected to know archive_account, management_account, got 73"):
        prove_documents(files)


def test_what_is_given_leaves_no_choice() -> None:
    """With all names given there is one proof."""
    assert possible_names(folder(RECIPE, params=PARAMS)) == (ArchiveFacts(),)


def test_layers_suffice_for_every_choice() -> None:
    """Of several proofs a layer suffices only where it does in all of them, and the least depth counts."""
    deny = {"Version": "2012-10-17", "Statement": {"Effect": "Deny", "Action": "s3:*", "Resource": "*"}}
    rcp = {**deny, "Statement": {**deny["Statement"], "Principal": "*"}}  # type: ignore[dict-item]
    threats = [BY_ID["delete-version"]]
    one = prove_archive(document_guards(folder({"scp.json": deny}, params=PARAMS)), threats)
    both = prove_archive(document_guards(folder({"scp.json": deny, "rcp.json": rcp}, params=PARAMS)), threats)
    (found,) = worst_of([both, one]).threats
    assert both.threats[0].layers == ("scp-archive", "rcp")
    assert (found.verdict, found.layers, found.depth) == (Outcome.PROVED, ("scp-archive",), 1)


def _deny(**condition: Any) -> str:
    bucket = "arn:aws:s3:::acme-trail-archive"
    statement = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [bucket, f"{bucket}/*"],
        "Condition": condition,
    }
    return json.dumps({"Version": "2012-10-17", "Statement": statement})


@pytest.mark.parametrize("organization", [Absent(), Unreadable(call="x", error="y")])
def test_an_organization_that_an_estate_does_not_tell(organization: Absent | Unreadable) -> None:
    """Where no organization was seen, none is taken for sure: the account may be in any."""
    policy = _deny(StringNotEquals={"aws:ResourceOrgID": "o-aaaaaaaaaa"})
    estate = in_force()
    assert isinstance(estate.bucket, Bucket)
    bucket = msgspec.structs.replace(estate.bucket, policy=policy, object_lock=Absent())
    threats = [BY_ID["delete-version"]]
    seen = prove_archive(estate_guards(msgspec.structs.replace(estate, bucket=bucket)), threats)
    assert isinstance(estate.organization, Organization)
    assert seen.threats[0].verdict is Outcome.PROVED
    unseen = msgspec.structs.replace(
        estate,
        bucket=bucket,
        organization=organization,
        service_control_policies=(),
        resource_control_policies=(),
    )
    proof = prove_archive(estate_guards(unseen), threats)
    assert proof.threats[0].verdict is not Outcome.PROVED
    assert any(one.startswith("the organization is not known") for one in proof.assumptions)


def test_a_prefix_that_an_estate_does_not_tell() -> None:
    """Where the trail could not be read its logs may be below any prefix."""
    estate = in_force()
    assert isinstance(estate.bucket, Bucket)
    policy = _deny().replace("acme-trail-archive/*", "acme-trail-archive/AWSLogs/*")
    bucket = msgspec.structs.replace(estate.bucket, policy=policy, object_lock=Absent())
    known = msgspec.structs.replace(
        estate, bucket=bucket, service_control_policies=(), resource_control_policies=()
    )
    unknown = msgspec.structs.replace(known, trails=Unreadable(call="x", error="y"))
    threats = [BY_ID["delete-version"]]
    assert prove_archive(estate_guards(known), threats).threats[0].verdict is Outcome.PROVED
    proof = prove_archive(estate_guards(unknown), threats)
    assert proof.threats[0].verdict is Outcome.COUNTEREXAMPLE
    assert any(one.startswith("the prefix of the logs is not known") for one in proof.assumptions)
