"""Install the npm packages of another author that judge our evaluator: ``python tests/peers/install.py [FOLDER]``.

They are licensed AGPL-3.0-or-later: used for development only, as a process of their own, and no part of any
package of ours. FOLDER is ``$TRAILKEEP_PEERS``, or ``.venv-peers/npm`` at the top of the repository. Node 20 or
newer and npm must be there. The versions and the hashes of what is installed are those of packages.json.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

_HERE = Path(__file__).parent
PACKAGES: dict[str, dict[str, str]] = json.loads((_HERE / "packages.json").read_text())


def folder() -> Path:
    """Return where the packages are."""
    return Path(os.environ.get("TRAILKEEP_PEERS", _HERE.parent.parent / ".venv-peers" / "npm"))


def installed(where: Path) -> dict[str, dict[str, str]]:
    """Return what npm says is installed: version and hash by package."""
    lock = where / "node_modules" / ".package-lock.json"
    found = json.loads(lock.read_text())["packages"] if lock.is_file() else {}
    return {
        path.removeprefix("node_modules/"): {key: body[key] for key in ("version", "integrity")}
        for path, body in found.items()
    }


def main() -> int:
    """Install the packages unless they are there; 1 when something else was installed."""
    where = Path(sys.argv[1]) if sys.argv[1:] else folder()
    if installed(where) != PACKAGES:
        where.mkdir(parents=True, exist_ok=True)
        names = [f"{name}@{body['version']}" for name, body in PACKAGES.items()]
        options = ["--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock", "--save-exact"]
        subprocess.run(
            [shutil.which("npm") or "npm", "install", "--prefix", str(where), *options, *names], check=True
        )
    if (found := installed(where)) != PACKAGES:
        sys.stderr.write(f"{where}: expected {PACKAGES}, got {found}; remove the folder\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
