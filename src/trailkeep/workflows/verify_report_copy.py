"""``verify-report --archive``: does a copy of the archive agree with a report that is as it was signed?

1. Every digest that the report calls proven is there, is the one that it recorded, and is signed by the
   public key of CloudTrail that the report holds for it. One that a trusted head proved has no signature in
   the report: its hash is compared.
2. Every log that the report calls verified unpacks to the hash of its row, and a digest of step 1 lists it
   with this hash.
3. The copy holds no log or digest of which the report has no row.

``verify.sh`` does the same with openssl. Nothing in the report is trusted that a digest of the copy can say.
"""

from __future__ import annotations

import base64
import binascii
import csv
import hashlib
import zlib
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from trailkeep.keep.digest import Digest, DigestError, read_digest, signed_by
from trailkeep.keep.signing_keys import PublicKey, SigningKeyError, public_key
from trailkeep.keep.verification import Standing

__all__ = ["Compared", "compare"]

_BLOCK = 1 << 16
_FOLDERS = {"CloudTrail", "CloudTrail-Digest"}
_Keys = Mapping[tuple[str, str], PublicKey]


class Compared(NamedTuple):
    """One object that was compared; ``fault`` is empty where it is as the report says."""

    kind: str
    name: str
    fault: str = ""


class _Proof(NamedTuple):
    """A line of ``digests.tsv``; ``signature`` is base64, or "" where a trusted head proved the digest."""

    key: str
    region: str
    fingerprint: str
    sha256: str
    signature: str


def compare(report: Path, archive: Path, verification: Mapping[str, Any]) -> Iterator[Compared]:
    """Yield what comparing each digest, log and stranger gave; ``verification`` is the signed result.

    Raises:
        OSError: a file cannot be read.
    """
    keys = _keys(verification)
    listed: set[bytes] = set()
    known: set[str] = set()
    for proof in _proofs(report):
        known.add(proof.key)
        judged = _digest(archive, proof, keys)
        if isinstance(judged, Digest):
            listed.update(_mark(judged.key, log.key, log.sha256) for log in judged.logs)
        yield Compared("digest", proof.key, judged if isinstance(judged, str) else "")
    before = ""
    for row in _rows(report):
        name = _key(row["object"])
        known.add(name)
        if row["kind"] == "log" and row["standing"] == Standing.VERIFIED and name != before:
            yield Compared("log", name, _log(archive, name, row, listed))
            before = name
    yield from _strangers(archive, known)


def _keys(verification: Mapping[str, Any]) -> dict[tuple[str, str], PublicKey]:
    """Return the keys of the signed result whose fingerprint is that of their bytes."""
    found = {}
    for one in verification.get("keys", ()):
        try:
            key = public_key(
                region=one["region"],
                fingerprint=one["fingerprint"],
                der=base64.b64decode(one["der"], validate=True),
                valid_from=datetime.fromisoformat(one["valid_from"]),
                valid_until=datetime.fromisoformat(one["valid_until"]),
            )
        except (SigningKeyError, KeyError, TypeError, ValueError):
            continue
        found[key.region, key.fingerprint] = key
    return found


def _proofs(report: Path) -> Iterator[_Proof]:
    with (report / "digests" / "digests.tsv").open(encoding="utf-8", newline="\n") as file:
        for line in file:
            parts = line.rstrip("\n").split("\t")
            if len(parts) == len(_Proof._fields):
                yield _Proof(*parts)


def _digest(archive: Path, proof: _Proof, keys: _Keys) -> Digest | str:
    """Return the digest of the copy where it is proven, else why it is not."""
    path = _within(archive, proof.key)
    if path is None:
        return "missing in the copy"
    try:
        digest = read_digest(path.read_bytes(), bucket=None, key=proof.key)
    except DigestError as error:
        return error.message
    if digest.sha256 != proof.sha256:
        return f"expected SHA-256 {proof.sha256}, got {digest.sha256}"
    if not proof.signature:
        return digest
    key = keys.get((proof.region, proof.fingerprint))
    if key is None:
        return f"expected the key {proof.fingerprint} of {proof.region} in the report, got none"
    if (digest.region, digest.fingerprint) != (proof.region, proof.fingerprint):
        return f"expected a digest that names the key {proof.fingerprint}, got {digest.fingerprint}"
    if not signed_by(digest, _hex(proof.signature), key):
        return f"the signature is not by CloudTrail's key {proof.fingerprint}"
    return digest


def _hex(text: str) -> str:
    try:
        return base64.b64decode(text, validate=True).hex()
    except binascii.Error:
        return ""


def _log(archive: Path, name: str, row: Mapping[str, str], listed: set[bytes]) -> str:
    """Return what is wrong with a log, "" where nothing is."""
    path = _within(archive, name)
    if path is None:
        return "missing in the copy"
    actual = _content_sha256(path)
    if actual != row["content_sha256"]:
        return f"expected SHA-256 {row['content_sha256']}, got {actual or 'no gzip'}"
    digest = _key(row["listed_in"])
    if _mark(digest, name, actual) not in listed:
        return f"expected a proven digest that lists it with this hash, got {digest or 'none'}"
    return ""


def _within(archive: Path, name: str) -> Path | None:
    """Return the file of a key, None where there is none in the copy."""
    path = archive / name
    return path if path.resolve().is_relative_to(archive.resolve()) and path.is_file() else None


def _mark(digest: str, log: str, sha256: str) -> bytes:
    """Return few bytes for a log that a digest lists with a hash: there may be millions of them."""
    return hashlib.sha256(f"{digest}\n{log}\n{sha256.lower()}".encode()).digest()[:16]


def _rows(report: Path) -> Iterator[dict[str, str]]:
    with (report / "objects.csv").open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def _strangers(archive: Path, known: set[str]) -> Iterator[Compared]:
    """Yield every log and digest of a copy that the report does not know."""
    for path in sorted(archive.rglob("*.json.gz")):
        name = path.relative_to(archive).as_posix()
        if _FOLDERS & set(path.parts) and name not in known:
            yield Compared("stranger", name, "not in the report")


def _key(name: str) -> str:
    return name.removeprefix("s3://").partition("/")[2] if name.startswith("s3://") else name


def _content_sha256(path: Path) -> str:
    """Return the hex SHA-256 of what a gzip file of one member unpacks to; "" where it is none."""
    unpacked, found = zlib.decompressobj(31), hashlib.sha256()
    try:
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                while block:
                    found.update(unpacked.decompress(block, 1 << 20))
                    block = unpacked.unconsumed_tail
                if unpacked.unused_data or (unpacked.eof and file.read(1)):
                    return ""
    except zlib.error:
        return ""
    return found.hexdigest() if unpacked.eof else ""
