"""What a report states and signs: the archive with its Merkle root, every file of the report, the result.

Source: https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from typing import Any

import msgspec

from trailkeep.keep.verification import Verification

__all__ = [
    "LIMITS",
    "PAYLOAD_TYPE",
    "PREDICATE_TYPE",
    "Stated",
    "document",
    "encode_statement",
    "read_statement",
]

PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "urn:trailkeep:integrity:v1"
ROOT = "trailkeep-merkle-sha256"
LIMITS = (
    "events that CloudTrail never delivered, or that the trail does not select",
    "the time before the first digest of a chain",
    "that CloudTrail's public keys are genuine, beyond what is said of each under keys",
    "logs that are listed only by a digest which is not proven, or by none",
    "results of earlier runs, beyond the age that is stated",
)
_HEX = re.compile(r"[0-9a-f]{64}")
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)*")


class _Subject(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    digest: dict[str, str]
    name: str


class _Statement(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    type: str = msgspec.field(name="_type")
    subject: tuple[_Subject, ...]
    predicate_type: str = msgspec.field(name="predicateType")
    predicate: dict[str, Any]


class Stated(msgspec.Struct, frozen=True, kw_only=True):
    """What a statement says: the archive, the root over its rows, the files' SHA-256, and the result."""

    archive: str
    root: str
    files: Mapping[str, str]
    verification: dict[str, Any]


def document(found: Verification) -> dict[str, Any]:
    """Return the result as a JSON document; the keys' bytes are in base64."""
    body: dict[str, Any] = msgspec.to_builtins(found)
    for key, one in zip(body["keys"], found.keys, strict=True):
        key["der"] = base64.b64encode(one.der).decode()
    return {**body, "exit": found.exit, "summary": found.summary}


def encode_statement(found: Verification, files: Mapping[str, str]) -> bytes:
    """Return the statement over a result and the SHA-256 of the files of its report.

    ``digest`` stands before ``name`` in every subject and no space is between, which ``verify.sh`` relies on.
    """
    archive = _Subject(digest={ROOT: found.merkle_root}, name=found.scope.archive)
    named = (_Subject(digest={"sha256": files[name]}, name=name) for name in sorted(files))
    return msgspec.json.encode(
        _Statement(
            type=STATEMENT_TYPE,
            subject=(archive, *named),
            predicate_type=PREDICATE_TYPE,
            predicate=document(found),
        )
    )


def read_statement(body: bytes) -> Stated:
    """Return what a statement says.

    Raises:
        ValueError: it is no statement of a report of ours.
    """
    try:
        said = msgspec.json.decode(body, type=_Statement)
    except msgspec.MsgspecError as error:
        raise ValueError(f"statement: expected an in-toto statement, got {error}") from error
    if (said.type, said.predicate_type) != (STATEMENT_TYPE, PREDICATE_TYPE):
        raise ValueError(f"statement: expected the type {PREDICATE_TYPE}, got {said.predicate_type}")
    roots = [one for one in said.subject if ROOT in one.digest]
    files = {one.name: one.digest.get("sha256", "") for one in said.subject if ROOT not in one.digest}
    if len(roots) != 1 or len(files) != len(said.subject) - 1:
        raise ValueError("statement: expected one archive and every file once, got others")
    for name, sha256 in files.items():
        if not _NAME.fullmatch(name) or not _HEX.fullmatch(sha256):
            raise ValueError(f"statement: expected names of files with their SHA-256, got {name!r}")
    return Stated(archive=roots[0].name, root=roots[0].digest[ROOT], files=files, verification=said.predicate)
