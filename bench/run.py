"""Figures beside named peers, all in one run: ``python bench/run.py [--events N] [--only collect,search]``.

Activity is generated into a temporary folder in CloudTrail's layout; its events are counted while they are
made. Every figure is a process of its own, and counts only when it found what is there. Exit code 1 says that
somebody found something else.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from collecting import collect_works
from facts import Facts
from process import run
from race import Work
from report import Report, machine, text
from searching import search_works
from setting import Setting
from starting import heaviest_imports, start_works

_PARTS = ("collect", "search", "start")


def main() -> int:
    """Run what was asked for and print the figures."""
    asked = _arguments()
    with tempfile.TemporaryDirectory(prefix="trailkeep-bench-") as name:
        setting = _setting(Path(name), asked.events, asked.seed)
        report = Report(
            measured_at=datetime.now(UTC),
            machine=machine(),
            events=setting.facts.big.events,
            seed=asked.seed,
            works=tuple(_works(setting, asked.only, asked.rounds)),
            imports_ms=heaviest_imports(8) if "start" in asked.only else {},
        )
        print(text(report, setting))
        if asked.json:
            asked.json.write_bytes(
                msgspec.json.format(msgspec.json.encode(_shown(report, setting)), indent=2)
            )
    return int(report.failed)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Figures beside named peers, all in one run.")
    parser.add_argument("--events", type=int, default=100_000, help="events to generate (default: 100,000)")
    parser.add_argument("--seed", type=int, default=1, help="decides the activity (default: 1)")
    parser.add_argument("--rounds", type=int, default=2, help="runs of each slow command (default: 2)")
    parser.add_argument("--only", type=_parts, default=_PARTS, help=f"some of {','.join(_PARTS)}")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there as JSON too")
    return parser.parse_args()


def _parts(value: str) -> tuple[str, ...]:
    parts = tuple(value.split(","))
    if not set(parts) <= set(_PARTS):
        raise argparse.ArgumentTypeError(f"expected some of {','.join(_PARTS)}, got {value}")
    return parts


def _setting(folder: Path, events: int, seed: int) -> Setting:
    print(f"generating {events:,} events", file=sys.stderr)
    out = folder / "facts.json"
    here = Path(__file__).parent
    run([sys.executable, str(here / "corpus.py"), str(folder), str(events), str(seed)], out)
    return Setting(folder=folder, facts=msgspec.json.decode(out.read_bytes(), type=Facts))


def _works(setting: Setting, only: tuple[str, ...], rounds: int) -> list[Work]:
    works: list[Work] = []
    for part in only:
        print(f"measuring {part}", file=sys.stderr)
        match part:
            case "collect":
                works += collect_works(setting, rounds=rounds)
            case "search":
                works += search_works(setting, rounds=rounds)
            case _:
                works += start_works(setting)
    return works


def _shown(report: Report, setting: Setting) -> Report:
    """Return the report without the names of this machine's folders."""
    replace = msgspec.structs.replace
    works = tuple(
        replace(
            work,
            figures=tuple(replace(one, command=setting.shown(one.command)) for one in work.figures),
        )
        for work in report.works
    )
    return replace(report, works=works)


if __name__ == "__main__":
    sys.exit(main())
