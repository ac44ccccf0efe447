"""Denies that no verdict rests on: which are named, and that those which are not matter."""

from __future__ import annotations

import json
from typing import Any

from proofs import BUCKET, PARAMS, RECIPE, Folder, folder, prover
from trailkeep.guard.facts import ArchiveFacts
from trailkeep.guard.prove_archive import prove_archive, worst_of
from trailkeep.guard.prove_documents import document_guards
from trailkeep.guard.prove_model import Outcome, Redundant
from trailkeep.guard.prove_redundant import redundant_statements
from trailkeep.guard.threats import BY_ID, THREATS
from trailkeep.workflows.prove import prove_documents

_KEEP = {
    "Sid": "Keep",
    "Effect": "Deny",
    "Action": "s3:PutBucketRequestPayment",
    "Resource": f"arn:aws:s3:::{BUCKET}",
}
_TLS = {
    "Sid": "Tls",
    "Effect": "Deny",
    "Action": "s3:*",
    "Resource": "*",
    "Condition": {"Bool": {"aws:SecureTransport": "false"}},
}


def _files(*more: dict[str, Any]) -> Folder:
    statements = [*RECIPE["scp.json"]["Statement"], *more]
    return folder(
        {**RECIPE, "scp.json": {"Version": "2012-10-17", "Statement": statements}},
        params={**PARAMS},
    )


def _named(files: Folder) -> list[str]:
    return [one.statement for one in redundant_statements(prover(files), THREATS)]


def test_a_deny_that_changes_nothing_is_named() -> None:
    """A deny about plain HTTP changes no verdict and is named; the one that closes a threat is not."""
    found = redundant_statements(prover(_files(_KEEP, _TLS)), THREATS)
    assert found == (Redundant(document="scp.json", control="scp-archive", statement="Tls"),)


def test_of_two_that_say_the_same_both_are_named() -> None:
    """Each deny is taken away alone, so that each of two alike is redundant, and a single one is not."""
    assert _named(_files(_KEEP)) == []
    assert _named(_files(_KEEP, {**_KEEP, "Sid": "Again"})) == ["Keep", "Again"]


def test_what_is_named_may_go() -> None:
    """A document without the statement that is named has the same verdicts on every threat."""
    before = prove_archive(document_guards(_files(_KEEP, _TLS)))
    after = prove_archive(document_guards(_files(_KEEP)))
    assert [(one.verdict, one.layers, one.depth, one.who) for one in before.threats] == [
        (one.verdict, one.layers, one.depth, one.who) for one in after.threats
    ]


def test_a_grant_is_never_named() -> None:
    """Statements that allow are no guards, whatever they grant."""
    documents = {statement.document for statement in redundant_statements(prover(_files()), THREATS)}
    assert "bucket-policy.json" not in documents


def test_nothing_is_redundant_beside_what_was_not_read() -> None:
    """Where a document could not be read, no deny is called redundant, and none is where nobody asked."""
    files = _files(_TLS)
    assert prove_documents(files, only="requester-pays").redundant is None
    asked = prove_documents({**files, "rcp.json": b"{"}, only="requester-pays", with_redundant=True)
    assert asked.threats[0].verdict is not Outcome.PROVED
    assert asked.redundant is None


def test_redundant_for_every_account_that_it_may_be() -> None:
    """Where the account is not known a deny is redundant only if it is for each account that it may be."""
    threats = [BY_ID["requester-pays"]]
    own = {**_KEEP, "Condition": {"StringEquals": {"aws:PrincipalAccount": "222222222222"}}}
    files = _files(own)
    del files["params.json"]
    mine, other = (
        prove_archive(
            document_guards(files, taken=ArchiveFacts(archive_account=account)), threats, with_redundant=True
        )
        for account in ("222222222222", "333333333333")
    )
    assert mine.redundant is not None
    assert other.redundant is not None
    assert {one.statement for one in other.redundant} - {one.statement for one in mine.redundant}
    assert worst_of([other, mine]).redundant == mine.redundant


def test_positions_stand_for_missing_names() -> None:
    """A deny without a Sid is named by its position."""
    bare = {key: value for key, value in _TLS.items() if key != "Sid"}
    assert _named(_files(_KEEP, bare)) == [str(len(json.loads(_files()["scp.json"])["Statement"]) + 1)]
