"""Our answers inside one running process, as a server or a notebook gets them.

Run as a process of its own: ``warm.py LAKE KIND VALUE REPEATS`` prints one JSON document with how many were
``found`` and the best ``wall_s``. Every repeat finds the lake's current files and opens a new session.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from questions import FIELDS, NAMES_SQL
from trailkeep.ask.filters import Field, Search, parse_filter
from trailkeep.lake.table import Lake
from trailkeep.workflows.search import run_sql, search


def answer(lake: Lake, kind: str, value: str) -> int:
    """Answer a question as the command does, and return how many rows there were."""
    if kind not in FIELDS:
        with run_sql(lake, NAMES_SQL) as found:
            return sum(batch.num_rows for batch in found.batches)
    asked = Search(filters=(parse_filter(Field(FIELDS[kind]), value),))
    with search(lake, asked) as found:
        return sum(batch.num_rows for batch in found.batches)


def measure(lake: Lake, kind: str, value: str, repeats: int) -> dict[str, float]:
    """Return what was found, and the shortest time after one unmeasured answer."""
    found = answer(lake, kind, value)
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        answer(lake, kind, value)
        times.append(time.perf_counter() - start)
    return {"found": found, "wall_s": min(times)}


if __name__ == "__main__":
    folder, asked_kind, asked_value, count = sys.argv[1:]
    print(json.dumps(measure(Lake(path=Path(folder)), asked_kind, asked_value, int(count))))
