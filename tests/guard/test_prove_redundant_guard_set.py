"""Which denies of the guard set no verdict rests on, as the proof itself reports them."""

from __future__ import annotations

import json
from pathlib import Path

from proofs import Folder, read_folder
from trailkeep.guard.prove_archive import prove_archive
from trailkeep.guard.prove_documents import document_guards
from trailkeep.workflows.prove import prove_documents

_REDUNDANT = {
    "NoLockOverride": "binds only the trail itself, which is no attacker",
    "TlsOnly": "keeps requests from the open network, and no threat is about that",
}
"""The denies of the guard set that no verdict rests on, with what they are for."""


def test_every_deny_of_the_guard_set_counts(shared_data: Path) -> None:
    """Of the guard set only those denies are named that are for something else than a threat."""
    found = prove_documents(read_folder(shared_data / "guard-set"), with_redundant=True).redundant
    assert found is not None
    assert {one.statement for one in found} == _REDUNDANT.keys()
    assert {(one.document, one.control) for one in found} == {("bucket-policy.json", "bucket-policy")}


def test_what_is_named_can_go_and_what_is_not_cannot(shared_data: Path) -> None:
    """Deleted from its file, a deny that is named leaves every verdict as it was, and any other changes one."""
    files = read_folder(shared_data / "guard-set")
    proof = prove_documents(files, with_redundant=True)
    named, whole = {one.statement for one in proof.redundant or ()}, _verdicts(files)
    for name, content in files.items():
        document = json.loads(content)
        for gone in document.get("Statement", []):
            if gone["Effect"] == "Deny":
                kept = [one for one in document["Statement"] if one is not gone]
                left = {**files, name: json.dumps({**document, "Statement": kept}).encode()}
                assert (_verdicts(left) == whole) == (gone["Sid"] in named), gone["Sid"]


def _verdicts(files: Folder) -> list[tuple[object, ...]]:
    return [
        (found.verdict, found.layers, found.depth, found.who, found.remaining)
        for found in prove_archive(document_guards(files)).threats
    ]
