"""The least that anybody can do who proves what he read: inflate and hash every file, on one core.

Run as a process of its own: ``floor.py FOLDER`` prints one JSON document with how many files were ``found``.
"""

from __future__ import annotations

import json
import sys
import zlib
from hashlib import sha256
from pathlib import Path

_GZIP = 31


def digest(path: Path) -> str:
    """Return the SHA-256 of a file's inflated bytes."""
    return sha256(zlib.decompress(path.read_bytes(), _GZIP)).hexdigest()


if __name__ == "__main__":
    print(json.dumps({"found": len([digest(path) for path in Path(sys.argv[1]).rglob("*.json.gz")])}))
