"""Measures what an audit costs: CPU seconds for a small and a large organization, beside its limits.

python bench/run_audit.py                    prints one line for each organization
python bench/run_audit.py --json FILE        also writes the figures
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from time import process_time

from run_prove import CONFIG, SIZES, Size, estate_of, line
from trailkeep.core.config import build_config
from trailkeep.workflows.audit import Asked, audit_saved

__all__ = ["LIMIT_S", "measured"]

LIMIT_S = 2.0
_NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def measured(size: Size) -> dict[str, float]:
    """Return what an audit of a saved estate took in this process, which audited nothing before."""
    estate, config = estate_of(size), build_config(CONFIG)
    before = process_time()
    found = audit_saved(estate, config, Asked(now=_NOW))
    taken = process_time() - before
    return {
        "accounts": size.accounts,
        "policies": size.policies,
        "guarded": size.guarded,
        "controls": len(found.results),
        "cpu_s": round(taken, 3),
        "limit_s": LIMIT_S,
        "of_limit": round(taken / LIMIT_S, 3),
    }


def main() -> int:
    """Measure each organization in a process of its own; 1 when one took longer than it may."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--json", type=Path)
    options.add_argument("--only", type=int, help="the index of one size, measured in this process")
    given = options.parse_args()
    if given.only is not None:
        print(json.dumps(measured(SIZES[given.only])))
        return 0
    figures = [
        json.loads(
            subprocess.run(
                [sys.executable, __file__, "--only", str(index)], check=True, capture_output=True, text=True
            ).stdout
        )
        for index in range(len(SIZES))
    ]
    for one in figures:
        print(line(one))
    if given.json:
        given.json.write_text(json.dumps(figures, indent=2) + "\n")
    return int(any(one["of_limit"] > 1 for one in figures))


if __name__ == "__main__":
    sys.exit(main())
