"""Which denies no verdict rests on, as the proof itself reports them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from proofs import BUCKET, PARAMS, RECIPE, Folder, folder, read_folder
from trailkeep.guard.prove_archive import prove_archive
from trailkeep.guard.prove_documents import document_guards, possible_archives
from trailkeep.guard.prove_model import Proof, Redundant, ThreatVerdict
from trailkeep.workflows.prove import prove_documents

_SCP: dict[str, Any] = RECIPE["scp.json"]
_NOWHERE = {"Effect": "Deny", "Action": "s3:DeleteObject", "Resource": "arn:aws:s3:::another-bucket/*"}
_IN_GUARD_SET = {
    "NoLockOverride": "binds only the trail itself, which is no attacker",
    "TlsOnly": "keeps requests from the open network, and no threat is about that",
}
"""The denies of the guard set that no verdict rests on, with what they are for."""


def _with_scp(*more: dict[str, Any], **params: str) -> Folder:
    scp = {**_SCP, "Statement": [*_SCP["Statement"], *more]}
    return folder({**RECIPE, "scp.json": scp}, params={**PARAMS, **params})


def _redundant(files: Folder) -> tuple[Redundant, ...] | None:
    return prove_documents(files, with_redundant=True).redundant


def _in_scp(statement: str) -> Redundant:
    return Redundant(document="scp.json", control="scp-archive", statement=statement)


def test_every_deny_of_the_guard_set_counts(shared_data: Path) -> None:
    """Of the guard set only those denies are named that are for something else than a threat."""
    found = _redundant(read_folder(shared_data / "guard-set"))
    assert found is not None
    assert {one.statement for one in found} == _IN_GUARD_SET.keys()
    assert {(one.document, one.control) for one in found} == {("bucket-policy.json", "bucket-policy")}


def test_what_is_named_can_go_and_what_is_not_cannot(shared_data: Path) -> None:
    """Deleted from its file, a deny that is named leaves every verdict as it was, and any other changes one."""
    files = read_folder(shared_data / "guard-set")
    whole, named = _verdicts(files), {one.statement for one in _redundant(files) or ()}
    for name, content in files.items():
        document = json.loads(content)
        for gone in document.get("Statement", []):
            if gone["Effect"] == "Deny":
                kept = [one for one in document["Statement"] if one is not gone]
                left = {**files, name: json.dumps({**document, "Statement": kept}).encode()}
                assert (_verdicts(left) == whole) == (gone["Sid"] in named), gone["Sid"]


def _verdicts(files: Folder) -> list[tuple[object, ...]]:
    def rests_on(found: ThreatVerdict) -> tuple[object, ...]:
        return found.verdict, found.layers, found.depth, found.who, found.remaining

    return [rests_on(found) for found in _proof(files).threats]


def _proof(files: Folder) -> Proof:
    return prove_archive(document_guards(files))


def test_a_deny_that_changes_nothing() -> None:
    """A deny that refuses nothing of this archive is named by its Sid, or by its position where it has none."""
    assert _redundant(_with_scp()) == ()
    assert _redundant(_with_scp(_NOWHERE)) == (_in_scp("1"),)
    assert _redundant(_with_scp({**_NOWHERE, "Sid": "Elsewhere"})) == (_in_scp("Elsewhere"),)


def test_two_that_say_the_same() -> None:
    """Of two denies that say the same both are named, because each may go while the other stays."""
    [first] = _SCP["Statement"]
    found = _redundant(_with_scp({**first, "Sid": "Again"}))
    assert found == (_in_scp("ProtectLogs"), _in_scp("Again"))


def test_only_the_threats_that_were_asked_about_count() -> None:
    """Asked about one threat, a deny is named although another threat rests on it."""
    files = _with_scp(
        {
            "Sid": "KeepBucketFree",
            "Effect": "Deny",
            "Action": "s3:PutBucketRequestPayment",
            "Resource": f"arn:aws:s3:::{BUCKET}",
        }
    )
    assert _redundant(files) == ()
    found = prove_documents(files, only="change-bucket-policy", with_redundant=True).redundant
    assert found == (_in_scp("KeepBucketFree"),)


def test_nothing_is_said_where_it_is_not_known() -> None:
    """Nothing is called redundant where nobody asked, or where a file could not be read."""
    assert prove_documents(_with_scp(_NOWHERE)).redundant is None
    unread: Folder = {**_with_scp(_NOWHERE), "rcp.json": "Permission denied"}
    assert prove_documents(unread, with_redundant=True).redundant is None


def test_an_archive_account_that_nobody_tells() -> None:
    """Where several accounts may be the archive's, only what is redundant for each of them is named."""
    bound = {
        **_NOWHERE,
        "Sid": "OneAccount",
        "Resource": f"arn:aws:s3:::{BUCKET}/*",
        "Condition": {"StringEquals": {"aws:PrincipalAccount": "222222222222"}},
    }
    params = {key: value for key, value in PARAMS.items() if key != "archive_account"}
    scp = {**_SCP, "Statement": [*_SCP["Statement"], bound, {**_NOWHERE, "Sid": "Elsewhere"}]}
    files = folder({**RECIPE, "scp.json": scp}, params=params)
    for_each = [
        prove_archive(document_guards(files, archive=archive), with_redundant=True).redundant
        for archive in possible_archives(files)
    ]
    assert sorted(len(found or ()) for found in for_each) == [1, 2]
    assert _redundant(files) == (_in_scp("Elsewhere"),)
