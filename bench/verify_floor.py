"""The least that proving an archive can cost: gunzip, SHA-256 and RSA of the same bytes, on every core.

All is in memory before the clock starts, and the libraries are those that Trailkeep uses. Run as a process of
its own: ``verify_floor.py FOLDER ANSWERS`` prints how many logs were ``found`` and the seconds it took.
"""

from __future__ import annotations

import json
import os
import sys
import time
import zlib
from base64 import b64decode
from hashlib import sha256
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

_GZIP = 31
_SIDECAR = ".metadata.json"


class _Digest:
    """One digest, its signature and the text that was signed but for the hash of its content."""

    def __init__(self, path: Path, keys: dict[str, RSAPublicKey]) -> None:
        self.body = path.read_bytes()
        said: dict[str, Any] = json.loads(zlib.decompress(self.body, _GZIP))
        metadata = json.loads(path.with_name(path.name + _SIDECAR).read_text())
        self.signature = bytes.fromhex(metadata["signature"])
        self.key = keys[said["digestPublicKeyFingerprint"]]
        self.before = f"{said['digestEndTime']}\n{said['digestS3Bucket']}/{said['digestS3Object']}\n"
        self.after = f"\n{said['previousDigestSignature'] or 'null'}"

    def prove(self) -> None:
        content = sha256(zlib.decompress(self.body, _GZIP)).hexdigest()
        text = f"{self.before}{content}{self.after}".encode()
        self.key.verify(self.signature, text, PKCS1v15(), SHA256())


def _keys(answers: Path) -> dict[str, RSAPublicKey]:
    found: dict[str, RSAPublicKey] = {}
    for several in json.loads(answers.read_text())["keys"].values():
        for one in several:
            key = load_der_public_key(b64decode(one["Value"]))
            assert isinstance(key, RSAPublicKey)  # noqa: S101 - CloudTrail has no others
            found[one["Fingerprint"]] = key
    return found


def _share(pipe: Connection, logs: list[Path], digests: list[Path], answers: Path) -> None:
    """Do one core's share when told to, and say when it is done."""
    keys = _keys(answers)
    proofs = [_Digest(path, keys) for path in digests]
    bodies = [path.read_bytes() for path in logs]
    pipe.send(None)
    pipe.recv()
    for proof in proofs:
        proof.prove()
    done = [sha256(zlib.decompress(body, _GZIP)).digest() for body in bodies]
    pipe.send(len(done))


def main() -> None:
    """Share the work among processes, one a core, and measure from their start to the last one's end."""
    folder, answers = Path(sys.argv[1]), Path(sys.argv[2])
    paths = sorted(folder.rglob("*.json.gz"))
    digests = [path for path in paths if "CloudTrail-Digest" in path.parts]
    logs = [path for path in paths if "CloudTrail-Digest" not in path.parts]
    context, cores = get_context("spawn"), os.cpu_count() or 1
    pipes = []
    for number in range(cores):
        ours, theirs = context.Pipe()
        context.Process(
            target=_share, args=(theirs, logs[number::cores], digests[number::cores], answers), daemon=True
        ).start()
        pipes.append(ours)
    for pipe in pipes:
        pipe.recv()
    start = time.perf_counter()
    for pipe in pipes:
        pipe.send(None)
    found = sum(pipe.recv() for pipe in pipes)
    print(json.dumps({"found": found, "wall_s": time.perf_counter() - start}))


if __name__ == "__main__":
    main()
