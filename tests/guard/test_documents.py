"""The policy documents say what they must, and documents are compared by what they say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from estates import config, nothing
from trailkeep.guard.blueprint import blueprint_for
from trailkeep.guard.documents import archive_scp, bucket_policy, canonical, compact, merge, only_lets_read
from trailkeep.guard.older_grants import is_older_grant

TRAIL = "arn:aws:cloudtrail:eu-central-1:111111111111:trail/trailkeep"
POLICY = bucket_policy(
    partition="aws",
    bucket="logs",
    organization_id="o-exampleorgid",
    management_account="111111111111",
    trail=TRAIL,
)
SCP = archive_scp(partition="aws", bucket="logs", archive_account="222222222222")


def test_only_one_trail_may_deliver() -> None:
    """Every Allow of the bucket policy is for CloudTrail acting for exactly one trail."""
    allows = [statement for statement in POLICY["Statement"] if statement["Effect"] == "Allow"]
    assert len(allows) == 3
    for statement in allows:
        assert statement["Principal"] == {"Service": "cloudtrail.amazonaws.com"}
        assert statement["Condition"]["StringEquals"]["aws:SourceArn"] == TRAIL


def test_deliveries_belong_to_the_bucket_owner() -> None:
    """CloudTrail must hand over ownership with each delivery, below both prefixes that its check needs."""
    puts = [statement for statement in POLICY["Statement"] if statement["Action"] == "s3:PutObject"]
    assert [statement["Resource"] for statement in puts] == [
        "arn:aws:s3:::logs/AWSLogs/111111111111/*",
        "arn:aws:s3:::logs/AWSLogs/o-exampleorgid/*",
    ]
    for statement in puts:
        assert statement["Condition"]["StringEquals"]["s3:x-amz-acl"] == "bucket-owner-full-control"


@pytest.mark.parametrize("document", [POLICY, SCP])
def test_statement_ids_are_unique(document: dict[str, Any]) -> None:
    """No two statements of a document share a Sid, as IAM's grammar asks."""
    sids = [statement["Sid"] for statement in document["Statement"]]
    assert len(set(sids)) == len(sids)


def test_scp_covers_bucket_objects_and_access_points() -> None:
    """The guard denies everything but reading, on the bucket, its objects and every access point."""
    statement = SCP["Statement"][0]
    assert statement["NotAction"] == ["s3:Get*", "s3:List*", "s3:RestoreObject"]
    assert statement["Resource"] == [
        "arn:aws:s3:::logs",
        "arn:aws:s3:::logs/*",
        "arn:aws:s3:*:222222222222:accesspoint/*",
        "arn:aws:s3::222222222222:accesspoint/*",
    ]
    assert "Condition" not in statement


def test_scp_fits_the_old_limit() -> None:
    """The guard fits the 5,120 characters that AWS allowed before May 2026."""
    assert len(compact(SCP)) < 5120


def test_partition_is_in_every_arn() -> None:
    """In another partition no ARN is left in ``aws``."""
    text = compact(
        bucket_policy(
            partition="aws-us-gov",
            bucket="logs",
            organization_id="o-exampleorgid",
            management_account="111111111111",
            trail="arn:aws-us-gov:cloudtrail:us-gov-west-1:111111111111:trail/trailkeep",
        )
    ) + compact(archive_scp(partition="aws-us-gov", bucket="logs", archive_account="222222222222"))
    assert "arn:aws:" not in text


@st.composite
def _reworded(draw: st.DrawFn) -> str:
    """Return the bucket policy in other words: orders, lists, case and Sids changed."""
    statements = []
    for original in draw(st.permutations(POLICY["Statement"])):
        statement = json.loads(json.dumps(original))
        if draw(st.booleans()):
            statement.pop("Sid")
        for key in ("Action", "Resource"):
            if isinstance(statement[key], str) and draw(st.booleans()):
                statement[key] = [statement[key]]
            elif isinstance(statement[key], list):
                statement[key] = draw(st.permutations(statement[key]))
        if statement["Principal"] == "*" and draw(st.booleans()):
            statement["Principal"] = {"AWS": "*"}
        if statement["Effect"] == "Deny" and draw(st.booleans()):
            statement["Condition"] = {"Bool": {"aws:securetransport": [False]}}
        if draw(st.booleans()):
            statement["Action"] = json.loads(json.dumps(statement["Action"]).upper())
        statements.append(dict(draw(st.permutations(list(statement.items())))))
    return json.dumps({"Id": "x", "Statement": statements, "Version": "2012-10-17"}, indent=1)


@given(_reworded())
def test_other_words_same_meaning(text: str) -> None:
    """A policy that says the same in other words needs no change."""
    merged = merge(text, POLICY, may_stay=lambda _: False, is_older=lambda _: False)
    assert not merged.changed
    assert merged.dropped == ()


@given(st.data())
def test_any_other_value_is_a_change(data: st.DataObject) -> None:
    """A policy in which one value says something else needs a change."""
    document = json.loads(compact(POLICY))
    statement = data.draw(st.sampled_from(document["Statement"]))
    key = data.draw(st.sampled_from(["Effect", "Action", "Resource", "Principal", "Condition"]))
    statement[key] = {"Effect": "Other", "Principal": {"AWS": "111111111111"}, "Condition": {}}.get(
        key, "other"
    )
    assert merge(json.dumps(document), POLICY, may_stay=lambda _: False, is_older=lambda _: False).changed


def test_recipe_is_an_older_version(shared_data: Path) -> None:
    """The common recipe's policy is adopted as it is pasted, so nothing of it counts as foreign."""
    text = (shared_data / "common-recipe" / "bucket-policy.json").read_text()
    blueprint = blueprint_for(config({"archive.bucket": "gov-my-cloudtrail"}), nothing())
    merged = merge(
        text,
        json.loads(blueprint.bucket_policy),
        may_stay=lambda _: False,
        is_older=lambda one: is_older_grant(blueprint, one, frozenset()),
    )
    assert merged.changed
    assert merged.dropped == ()


def test_a_sid_alone_makes_no_older_version() -> None:
    """A statement with a wanted Sid that is no older version stays under a number, or is dropped."""
    foreign = {**SCP["Statement"][0], "Sid": POLICY["Statement"][0]["Sid"]}
    text = compact({**POLICY, "Statement": [*POLICY["Statement"], foreign]})
    kept = merge(text, POLICY, may_stay=lambda _: True, is_older=lambda _: False)
    assert kept.document["Statement"][-1] == {**foreign, "Sid": f"{foreign['Sid']}2"}
    dropped = merge(text, POLICY, may_stay=lambda _: False, is_older=lambda _: False)
    assert dropped.dropped == (compact(foreign),)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "3", '{"Statement": 3}', '{"Statement": [3]}', "[" * 100_000]
)
def test_no_policy(text: str) -> None:
    """Text that is no policy is dropped as a whole, because nobody knows what it says."""
    assert canonical(text) is None
    assert merge(text, POLICY, may_stay=lambda _: True, is_older=lambda _: True).dropped == (text,)


_READER = {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::333333333333:role/R"}, "Resource": "*"}


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ({**_READER, "Action": "s3:GetObject"}, True),
        ({**_READER, "Action": ["s3:GetObject", "S3:ListBucket"]}, True),
        ({**_READER, "Action": "s3:*"}, False),
        ({**_READER, "Action": ["s3:GetObject", "s3:PutObject"]}, False),
        ({**_READER, "NotAction": "s3:PutObject"}, False),
        ({**_READER, "Action": []}, False),
        ({**_READER, "Action": "s3:GetObject", "Effect": "Deny"}, False),
        ({**_READER, "Action": "s3:GetObject", "Principal": "*"}, False),
        ({**_READER, "Action": "s3:GetObject", "Principal": {"AWS": ["*"]}}, False),
        ({"Effect": "Allow", "NotPrincipal": {"AWS": "x"}, "Action": "s3:GetObject", "Resource": "*"}, False),
    ],
)
def test_only_lets_read(statement: dict[str, Any], expected: bool) -> None:  # noqa: FBT001 - pytest's parameter
    """A statement may stay in the bucket policy only if it lets somebody named read and nothing else."""
    assert only_lets_read(statement) is expected
