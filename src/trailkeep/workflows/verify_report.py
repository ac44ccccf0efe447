"""``verify-report``: is a report the one that was signed, by whom, and does a copy of the archive agree?

1. The envelope is exactly as we write it and the signature is by the key.
2. Every file has the SHA-256 that the statement names, and there is no other file.
3. The rows of ``objects.csv`` have the Merkle root that the statement names.
4. ``verification.json`` is the result that the statement holds.
5. With a copy of the archive: what ``workflows.verify_report_copy`` says, digests with their signatures too.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from trailkeep.core.errors import StoppedError, UsageError
from trailkeep.core.verdict import Verdict, VerdictKind
from trailkeep.keep.dsse import Envelope, decode, key_id, signed_by
from trailkeep.keep.merkle import Tree, leaf
from trailkeep.keep.statement import PAYLOAD_TYPE, Stated, read_statement
from trailkeep.workflows.report import OBJECT_COLUMNS, STATEMENT, sha256_of
from trailkeep.workflows.verify_report_copy import compare

__all__ = ["Problem", "ReportCheck", "read_key", "verify_report"]


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """One thing in a report, or in a copy of the archive, that is not as it was signed."""

    file: str
    message: str


class ReportCheck(msgspec.Struct, frozen=True, kw_only=True):
    """What a check of a report found; ``stated`` is the verdict that the report itself states.

    ``signed_by`` is the SHA-256 of the key that signed, "" where nobody did; ``is_trusted`` says that the
    caller named that key. ``digests`` and ``logs`` count those of a copy that are as the report says.
    """

    verdict: VerdictKind
    reason: str
    problems: tuple[Problem, ...]
    signed_by: str
    is_trusted: bool
    files: int
    rows: int
    digests: int
    logs: int
    archive: str
    merkle_root: str
    stated: str

    @property
    def outcome(self) -> Verdict:
        """The verdict with its reason."""
        return Verdict(kind=self.verdict, reason=self.reason)


def read_key(path: Path) -> bytes:
    """Return the public key in a file.

    Raises:
        UsageError: there is none.
    """
    try:
        pem = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path}: expected a public key, got {error.strerror}; name its file") from error
    key_id(pem, name=str(path))
    return pem


def verify_report(folder: Path, *, key: bytes | None = None, archive: Path | None = None) -> ReportCheck:
    """Return whether a report is as it was signed; ``key`` is the public key in PEM that must have signed.

    Raises:
        UsageError: there is no such report, copy or key.
        StoppedError: a file could not be read.
    """
    statement = folder / STATEMENT
    if not statement.is_file():
        raise UsageError(
            f"{statement}: expected the statement of a report, got none; name the report's folder"
        )
    if archive is not None and not archive.is_dir():
        raise UsageError(f"{archive}: expected a folder with a copy of the bucket, got none; name another")
    try:
        return _check(folder, statement.read_bytes(), key, archive)
    except OSError as error:
        raise StoppedError(
            f"{error.filename}: expected to read it, got {error.strerror}; check its permissions"
        ) from error


def _check(folder: Path, data: bytes, key: bytes | None, archive: Path | None) -> ReportCheck:
    try:
        envelope = decode(data, name=STATEMENT)
        stated = read_statement(envelope.body)
    except ValueError as error:
        return _answer([Problem(file=STATEMENT, message=str(error))], "", None, is_trusted=False)
    signer, problems = _signed(folder, envelope, key)
    problems += _changed(folder, stated)
    rows, proven = 0, Counter[str]()
    if not problems:
        rows, problems = _rooted(folder, stated)
    if archive is not None and not problems:
        for one in compare(folder, archive, stated.verification):
            proven[one.kind] += not one.fault
            problems += [Problem(file=one.name, message=one.fault)] if one.fault else []
    return _answer(problems, signer, stated, is_trusted=key is not None, rows=rows, proven=proven)


def _signed(folder: Path, envelope: Envelope, key: bytes | None) -> tuple[str, list[Problem]]:
    """Return who signed, "" where nobody did, and what is wrong with that."""
    if envelope.payload_type != PAYLOAD_TYPE:
        return "", [
            Problem(file=STATEMENT, message=f"expected {PAYLOAD_TYPE}, got {envelope.payload_type!r}")
        ]
    if not envelope.signatures:
        lacking = Problem(file=STATEMENT, message="expected a signature by the key, got none")
        return "", [] if key is None else [lacking]
    pem = key if key is not None else _shipped(folder)
    signer = key_id(pem) if pem is not None and signed_by(envelope, pem) else ""
    if signer and all(one.keyid == signer for one in envelope.signatures):
        return signer, []
    return "", [Problem(file=STATEMENT, message="the signature is not by this key")]


def _shipped(folder: Path) -> bytes | None:
    """Return the key that came with the report."""
    path = folder / "public-key.pem"
    if not path.is_file():
        return None
    try:
        key_id(path.read_bytes())
    except UsageError:
        return None
    return path.read_bytes()


def _changed(folder: Path, stated: Stated) -> Iterator[Problem]:
    there = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if not path.is_dir()}
    there.pop(STATEMENT, None)
    for name, sha256 in stated.files.items():
        path = there.pop(name, None)
        if path is None or path.is_symlink() or not path.is_file():
            yield Problem(file=name, message="missing")
        elif (actual := sha256_of(path)) != sha256:
            yield Problem(file=name, message=f"expected SHA-256 {sha256}, got {actual}")
    for name in sorted(there):
        yield Problem(file=name, message="not a file of the report")


def _rows(folder: Path) -> Iterator[dict[str, str]]:
    with (folder / "objects.csv").open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def _rooted(folder: Path, stated: Stated) -> tuple[int, list[Problem]]:
    """Compare the rows with the root, and the result beside the statement with the one in it."""
    problems = []
    tree = Tree()
    for row in _rows(folder):
        if set(row) != set(OBJECT_COLUMNS):
            return tree.size, [Problem(file="objects.csv", message="expected rows of objects, got others")]
        tree.add(leaf(row["object"], row["version"], row["stored_sha256"], row["content_sha256"]))
    if tree.root.hex() != stated.root:
        message = f"expected the Merkle root {stated.root}, got {tree.root.hex()}"
        problems.append(Problem(file="objects.csv", message=message))
    try:
        beside = msgspec.json.decode((folder / "verification.json").read_bytes())
    except (OSError, msgspec.MsgspecError):
        beside = None
    if beside != stated.verification:
        problems.append(Problem(file="verification.json", message="not the result that was signed"))
    return tree.size, problems


def _answer(
    problems: list[Problem],
    signer: str,
    stated: Stated | None,
    *,
    is_trusted: bool,
    rows: int = 0,
    proven: Mapping[str, int] | None = None,
) -> ReportCheck:
    kind, reason = VerdictKind.PASS, ""
    if problems:
        kind, reason = VerdictKind.FAIL, f"{problems[0].file}: {problems[0].message}"
    elif not signer:
        kind, reason = VerdictKind.UNKNOWN, "the report is not signed; nothing shows who made it"
    elif not is_trusted:
        kind = VerdictKind.UNKNOWN
        reason = f"the key {signer} came with the report; name the signer's key with --key"
    said: dict[str, Any] = stated.verification if stated else {}
    return ReportCheck(
        verdict=kind,
        reason=reason,
        problems=tuple(problems),
        signed_by=signer,
        is_trusted=is_trusted and bool(signer),
        files=len(stated.files) if stated else 0,
        rows=rows,
        digests=proven["digest"] if proven else 0,
        logs=proven["log"] if proven else 0,
        archive=stated.archive if stated else "",
        merkle_root=stated.root if stated else "",
        stated=str(said.get("verdict", "")),
    )
