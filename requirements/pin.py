"""Resolves the newest releases of what the *.in files name and pins them with hashes.

No index is named in what it writes: pip takes the files from wherever it is set up to.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

_HERE = Path(__file__).parent
_OPTIONS = (
    "--universal",
    "--python-version=3.11",
    "--generate-hashes",
    "--no-emit-index-url",
    "--no-emit-find-links",
    "--no-annotate",
    "--custom-compile-command=make requirements",
    "--quiet",
    "--upgrade",
)


def main() -> None:
    """Pin every requirement file, each into a text file of the same name."""
    for source in sorted(_HERE.glob("*.in")):
        command = [sys.executable, "-m", "uv", "pip", "compile", *_OPTIONS, source.name]
        subprocess.run([*command, "-o", f"{source.stem}.txt"], cwd=_HERE, check=True)


if __name__ == "__main__":
    main()
