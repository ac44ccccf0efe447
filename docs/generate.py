"""Writes the generated pages of the reference, or checks that they are what the code says.

python docs/generate.py          write docs/reference/*.md
python docs/generate.py --check  exit 1 when a page is not what would be written
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

os.environ["COLUMNS"] = "100"

from threats_page import threats
from typer.testing import CliRunner

from trailkeep.cli.main import VERBS, build
from trailkeep.core import errors
from trailkeep.core.config import reference
from trailkeep.core.verdict import ExitCode
from trailkeep.guard.control import Area
from trailkeep.guard.control_mappings import FRAMEWORKS, mappings_of
from trailkeep.guard.controls import CONTROLS
from trailkeep.keep.schema import COLUMNS

_REFERENCE = Path(__file__).parent / "reference"
_NOTICE = "<!-- Written by docs/generate.py; `make docs` renews it. -->\n"
_EXITS = {
    ExitCode.OK: "all PASS, nothing to change, answers complete",
    ExitCode.FOUND: "FAIL findings, changes pending, or detections",
    ExitCode.USAGE: "wrong usage or configuration",
    ExitCode.UNKNOWN: "UNKNOWN: something could not be checked, or nothing was there to check",
    ExitCode.STOPPED: "AWS, network or disk error that stopped the job",
}


def pages() -> Iterator[tuple[str, str]]:
    """Yield the name and the text of every generated page."""
    yield "cli.md", "\n".join(_cli())
    yield "columns.md", "\n".join(_columns())
    yield "configuration.md", "\n".join(_configuration())
    yield "controls.md", "\n".join(_controls())
    yield "exit-codes.md", "\n".join(_exit_codes())
    yield "threats.md", "\n".join(threats(_NOTICE))


def _cli() -> Iterator[str]:
    yield from ("# Command line", "", _NOTICE, *_help([]))
    for verb in VERBS:
        yield from (f"## trailkeep {verb}", "", *_help([verb]))


def _help(arguments: list[str]) -> Iterator[str]:
    result = CliRunner().invoke(build(), [*arguments, "--help"], prog_name="trailkeep")
    if result.exit_code:
        raise SystemExit(f"trailkeep {arguments} --help: {result.output}")
    yield from ("```text", result.output.rstrip(), "```", "")


def _columns() -> Iterator[str]:
    yield from ("# Columns of the table `events`", "", _NOTICE)
    yield from ("| column | type | source | meaning |", "| --- | --- | --- | --- |")
    for column in COLUMNS:
        yield f"| `{column.name}` | {_type(column.type)} | `{column.source}` | {column.meaning} |"
    yield from (
        "",
        "`trailkeep search` knows one column more, `source_verdict`: how the log stands that the event came",
        "from, see [What an answer proves](../explanation/what-an-answer-proves.md). `sql` joins the table",
        "`objects`.",
        "",
    )


def _type(kind: object) -> str:
    return f"`{str(kind).replace('|', '/')}`"


def _configuration() -> Iterator[str]:
    yield from ("# trailkeep.toml", "", _NOTICE)
    yield from ("| key | type | default | allowed | meaning |", "| --- | --- | --- | --- | --- |")
    for row in reference():
        yield "| " + " | ".join(_cell(cell) for cell in row) + " |"
    yield ""


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _controls() -> Iterator[str]:
    yield from (
        "# Controls of audit",
        "",
        _NOTICE,
        f"The {len(CONTROLS)} questions of `trailkeep audit`. Ids are stable: mutes and scripts may rely on",
        "them. How to use them is in [Audit the archive](../how-to/audit.md). An *action* is the one of",
        "`trailkeep plan` that repairs a failure; where there is none, a person does.",
        "",
    )
    for area in Area:
        yield from (f"## {area.value}", "")
        yield from (
            "| control | severity | question | what to do | action |",
            "| --- | --- | --- | --- | --- |",
        )
        for control in (one for one in CONTROLS if one.area is area):
            action = f"`{control.action}`" if control.action else ""
            cells = (f"`{control.id}`", control.severity.value, control.question, control.remedy, action)
            yield "| " + " | ".join(map(_cell, cells)) + " |"
        yield ""
    yield from _frameworks()


def _frameworks() -> Iterator[str]:
    yield from (
        "## Frameworks",
        "",
        "What `--framework` takes, and the retention that it asks for where it names a number. `cis`, `pci`,",
        "`nist` and `fedramp` are short for the newest. The numbers are taken from the compliance tables of",
        "Prowler 5.46.0, from AWS Security Hub and from NIST SP 800-53; `guard/control_mappings.py` has the",
        "sources.",
        "",
        "Of Security Hub's controls of CloudTrail two are missing below: CloudTrail.8 is not in AWS's list,",
        "which skips numbers, and CloudTrail.10 asks how event data stores of CloudTrail Lake are encrypted,",
        "which `audit` does not look at.",
        "",
        "| framework | name | retention |",
        "| --- | --- | --- |",
    )
    for framework in FRAMEWORKS:
        days = f"{framework.retention_days} days" if framework.retention_days else ""
        yield f"| `{framework.key}` | {framework.name} | {days} |"
    yield from ("", "| control | requirements |", "| --- | --- |")
    for control in CONTROLS:
        grouped: dict[str, list[str]] = {}
        for one in mappings_of(control.id):
            grouped.setdefault(one.framework, []).append(one.requirement)
        listed = "; ".join(f"{key} {', '.join(numbers)}" for key, numbers in grouped.items())
        if listed:
            yield f"| `{control.id}` | {listed} |"
    yield ""


def _exit_codes() -> Iterator[str]:
    yield from ("# Exit codes and errors", "", _NOTICE, "| exit | meaning |", "| --- | --- |")
    for code, meaning in _EXITS.items():
        yield f"| {code.value} | {meaning} |"
    yield from (
        "",
        "An answer of search, show and sql whose integrity is FAIL ends with 1, one whose integrity is",
        "UNKNOWN with 0: it says so. A search for a time of which the lake covers nothing ends with 3.",
    )
    yield from (
        "",
        "An interrupted run (Ctrl-C) ends with 130; what was committed stays, and lifted guards go back on.",
        "",
    )
    yield from ("| error | exit | what it means |", "| --- | --- | --- |")
    for name in errors.__all__:
        kind = getattr(errors, name)
        yield f"| `{name}` | {kind.exit_code} | {(kind.__doc__ or '').splitlines()[0]} |"
    yield ""


def main() -> int:
    """Write or check every page."""
    check = "--check" in sys.argv[1:]
    stale = [name for name, text in pages() if not _same(_REFERENCE / name, text)]
    for name, text in pages():
        if name in stale and not check:
            (_REFERENCE / name).write_text(text)
    for name in stale:
        sys.stderr.write(f"docs/reference/{name}: {'is stale; run make docs' if check else 'written'}\n")
    return 1 if check and stale else 0


def _same(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text() == text


if __name__ == "__main__":
    sys.exit(main())
