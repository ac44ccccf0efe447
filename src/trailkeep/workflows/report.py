"""``verify --report``: writes the evidence of a verification into a folder, and signs it.

1. Rows of objects go to ``objects.csv`` and into a Merkle tree as they come, so memory stays the same.
2. Digests and logs that are proven go to ``digests/``, CloudTrail's keys to ``keys/``: for ``verify.sh``.
3. The other files are renderings of the same result, which now holds the Merkle root.
4. The statement over the root and the SHA-256 of every file is written last.
"""

from __future__ import annotations

import base64
import csv
import hashlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec

from trailkeep.core.errors import StoppedError, UsageError
from trailkeep.keep.dsse import Signer, encode, seal
from trailkeep.keep.integrity import FINDING_COLUMNS
from trailkeep.keep.merkle import Tree, leaf
from trailkeep.keep.statement import PAYLOAD_TYPE, document, encode_statement
from trailkeep.keep.verification import (
    ChainVerdict,
    DayState,
    DigestProof,
    KeyUse,
    ObjectVerdict,
    Standing,
    Verification,
)

__all__ = ["OBJECT_COLUMNS", "STATEMENT", "check_empty", "sha256_of", "write_report"]

STATEMENT = "statement.dsse.json"
OBJECT_COLUMNS = tuple(field.name for field in msgspec.structs.fields(ObjectVerdict))
_CHAIN_COLUMNS = tuple(one.name for one in msgspec.structs.fields(ChainVerdict) if one.name != "head")
_HEAD_COLUMNS = ("key", "sha256", "signature", "ends_at")
_BLOCK = 1 << 20


def check_empty(folder: Path) -> None:
    """Refuse a folder in which a report would mix with other files.

    Raises:
        UsageError: the folder is there and not empty.
        StoppedError: it cannot be looked into.
    """
    try:
        is_used = folder.is_dir() and any(folder.iterdir())
    except OSError as error:
        raise _unwritable(folder, error) from error
    if is_used:
        raise UsageError(f"{folder}: expected no folder or an empty one, got files; name another folder")


def write_report(
    folder: Path,
    found: Verification,
    *,
    objects: Iterable[ObjectVerdict],
    digests: Iterable[DigestProof],
    render: Callable[[Verification], str],
    signer: Signer | None,
) -> Verification:
    """Write a report and return its result with the Merkle root and the number of rows.

    ``objects`` come in the order of object and version, each once; ``render`` makes the page of the result.

    Raises:
        UsageError: the folder is there and not empty.
        StoppedError: a file could not be written; the report has no statement then.
    """
    try:
        check_empty(folder)
        folder.mkdir(parents=True, exist_ok=True)
        return _write(folder, found, objects=objects, digests=digests, render=render, signer=signer)
    except OSError as error:
        raise _unwritable(folder, error) from error


def _unwritable(folder: Path, error: OSError) -> StoppedError:
    return StoppedError(f"{folder}: expected to write the report, got {error.strerror}; name another folder")


def _write(
    folder: Path,
    found: Verification,
    *,
    objects: Iterable[ObjectVerdict],
    digests: Iterable[DigestProof],
    render: Callable[[Verification], str],
    signer: Signer | None,
) -> Verification:
    (folder / "digests").mkdir()
    tree = _write_objects(folder, objects)
    _write_digests(folder, digests)
    found = msgspec.structs.replace(found, merkle_root=tree.root.hex(), objects=tree.size)
    _write_keys(folder / "keys", found)
    (folder / "verification.json").write_bytes(msgspec.json.encode(document(found)) + b"\n")
    (folder / "report.html").write_text(render(found), encoding="utf-8", newline="\n")
    _write_tables(folder, found)
    script = folder / "verify.sh"
    script.write_bytes(files("trailkeep.workflows").joinpath("verify.sh").read_bytes())
    script.chmod(0o755)
    if signer is not None:
        (folder / "public-key.pem").write_bytes(signer.public_pem)
    names = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]
    body = encode_statement(found, {name: sha256_of(folder / name) for name in names})
    (folder / STATEMENT).write_bytes(encode(seal(body, PAYLOAD_TYPE, signer)))
    return found


def sha256_of(path: Path) -> str:
    """Return the hex SHA-256 of a file, read in blocks."""
    found = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            found.update(block)
    return found.hexdigest()


def _write_objects(folder: Path, objects: Iterable[ObjectVerdict]) -> Tree:
    tree = Tree()
    before: tuple[str, str] | None = None
    listed = ("", "")
    with ExitStack() as stack:
        table = csv.writer(
            stack.enter_context((folder / "objects.csv").open("w", encoding="utf-8", newline="")),
            lineterminator="\n",
        )
        logs = stack.enter_context(
            (folder / "digests" / "logs.tsv").open("w", encoding="utf-8", newline="\n")
        )
        table.writerow(OBJECT_COLUMNS)
        for one in objects:
            here = (one.object, one.version)
            if before is not None and here <= before:
                raise ValueError(f"objects: expected them in order and each once, got {here} after {before}")
            before = here
            tree.add(leaf(one.object, one.version, one.stored_sha256, one.content_sha256))
            body = msgspec.to_builtins(one)
            table.writerow([body[name] for name in OBJECT_COLUMNS])  # as it is: the root is over these texts
            if one.kind == "log" and one.standing is Standing.VERIFIED:
                row = (one.content_sha256, _key(one.object))
                if row != listed:  # versions of the same bytes are one line
                    logs.write("\t".join((*row, _key(one.listed_in))) + "\n")
                listed = row
    return tree


def _write_digests(folder: Path, digests: Iterable[DigestProof]) -> None:
    with (folder / "digests" / "digests.tsv").open("w", encoding="utf-8", newline="\n") as file:
        for one in digests:
            signature = base64.b64encode(bytes.fromhex(one.signature)).decode()
            file.write("\t".join((_key(one.key), one.region, one.fingerprint, one.sha256, signature)) + "\n")


def _write_keys(folder: Path, found: Verification) -> None:
    """Write CloudTrail's keys as PEM (PKCS #1), one a file, and all of them as a bundle."""
    folder.mkdir()
    for one in found.keys:
        (folder / one.region).mkdir(exist_ok=True)
        lines = base64.encodebytes(one.der).decode().replace("\n", "")
        wrapped = "\n".join(lines[at : at + 64] for at in range(0, len(lines), 64))
        (folder / one.region / f"{one.fingerprint}.pem").write_text(
            f"-----BEGIN RSA PUBLIC KEY-----\n{wrapped}\n-----END RSA PUBLIC KEY-----\n", newline="\n"
        )
    bundle = {
        "trailkeep": {"schema": "keys/1"},
        "keys": [_bundled(one, found) for one in found.keys],
    }
    (folder / "keys.json").write_bytes(msgspec.json.encode(bundle) + b"\n")


def _bundled(one: KeyUse, found: Verification) -> dict[str, Any]:
    return {
        "region": one.region,
        "fingerprint": one.fingerprint,
        "sha256": one.sha256,
        "der_base64": base64.b64encode(one.der).decode(),
        "valid_from": one.valid_from,
        "valid_until": one.valid_until,
        "fetched_at": found.ended_at,
        "source": one.source,
    }


def _write_tables(folder: Path, found: Verification) -> None:
    findings = ([str(getattr(one, name)) for name in FINDING_COLUMNS] for one in found.findings)
    _write_csv(folder / "findings.csv", FINDING_COLUMNS, findings)
    _write_csv(
        folder / "chains.csv",
        (*_CHAIN_COLUMNS, *(f"head_{name}" for name in _HEAD_COLUMNS)),
        (_chain_row(one) for one in found.chains),
    )
    _write_csv(
        folder / "coverage.csv",
        ("account", "region", "day", "state", *(state.value for state in DayState)),
        (
            [one.account, one.region, one.day, one.state, *(one.hours.get(state, 0) for state in DayState)]
            for one in found.cells
        ),
    )


def _chain_row(one: ChainVerdict) -> list[Any]:
    body = msgspec.to_builtins(one)
    head = body["head"] or {}
    return [*(body[name] for name in _CHAIN_COLUMNS), *(head.get(name, "") for name in _HEAD_COLUMNS)]


def _write_csv(path: Path, columns: Iterable[str], rows: Iterator[list[Any]] | Iterable[list[Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(columns)
        table.writerows([_text(cell) for cell in row] for row in rows)


def _text(cell: object) -> str:
    """Return a cell that no spreadsheet takes for a formula."""
    text = "" if cell is None else str(cell)
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def _key(name: str) -> str:
    """Return the key in ``s3://bucket/key`` or in a key, which the indexes name in one line each.

    >>> _key("s3://logs/AWSLogs/a.json.gz")
    'AWSLogs/a.json.gz'
    """
    if not name.isprintable():
        raise ValueError(f"object: expected a printable name, got {name!r}")
    return name.removeprefix("s3://").partition("/")[2] if name.startswith("s3://") else name
