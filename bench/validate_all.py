"""Runs the real ``aws cloudtrail validate-logs`` for each account and Region, in turn or all at once.

Run as a process of its own: ``validate_all.py FACTS one|all`` prints how many logs were ``found`` valid.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec

from signed import Signed

_VALID = re.compile(r"(\d+)/\d+ log files valid")


def command(facts: Signed, account: str, region: str) -> list[str]:
    """Return the command that validates one account in one Region."""
    return [
        str(Path(sys.executable).parent / "aws"),
        *("--region", region, "cloudtrail", "validate-logs"),
        *("--trail-arn", facts.trail_arn, "--account-id", account),
        *("--start-time", facts.begins_at.isoformat(), "--end-time", facts.ends_at.isoformat()),
    ]


def main() -> None:
    """Validate everything and add up what was valid."""
    facts = msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=Signed)

    def valid(chain: tuple[str, str]) -> int:
        done = subprocess.run(command(facts, *chain), capture_output=True, text=True, check=True)
        found = _VALID.search(done.stdout)
        return int(found[1]) if found else 0

    with ThreadPoolExecutor(max_workers=1 if sys.argv[2] == "one" else len(facts.chains)) as pool:
        print(json.dumps({"found": sum(pool.map(valid, facts.chains))}))


if __name__ == "__main__":
    main()
