"""Going back in time: the questions of an investigator, put to the lake and to the files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from facts import Kind, Question
from process import run
from questions import FIELDS, NAMES_SQL, WORDS
from race import Contestant, Found, Work, race
from setting import Setting, document, zgrep

__all__ = ["search_works"]

_WARM_REPEATS = 7
_CHUNK = 1 << 20


def search_works(setting: Setting, *, rounds: int) -> list[Work]:
    """Return the figures of searching the big files; ``rounds`` is how often DuckDB scans for an answer."""
    lake = setting.lake("search")
    run([setting.trailkeep, "collect", setting.facts.big.folder, "--lake", str(lake)], setting.folder / "log")
    return [
        race(
            f"search: {WORDS[question.kind]}",
            _command(setting, question, lake),
            _warm(setting, question, lake),
            *_peers(setting, question, rounds),
        )
        for question in setting.facts.questions.values()
    ]


def _peers(setting: Setting, question: Question, rounds: int) -> list[Contestant]:
    peers = [_duckdb(setting, question, rounds)]
    if question.kind is not Kind.NAMES:
        big = setting.facts.big
        peers.append(zgrep(setting, big, question.value, big.files_with[question.kind]))
    if question.kind is Kind.ROLE:
        role = ("--filter-assumed-role-arn", question.value)
        peers.append(_trailscraper(setting, question, b'"eventID": ', *role))
    if question.kind is Kind.EVENT_NAME:
        peers.append(_trailscraper(setting, question, b'"eventName": "%s"' % question.value.encode()))
    return peers


def _command(setting: Setting, question: Question, lake: Path) -> Contestant:
    asked = ["sql", NAMES_SQL]
    if question.kind is not Kind.NAMES:
        asked = ["search", f"--{FIELDS[question.kind]}", question.value, "--limit", "0"]
    return Contestant(
        name="trailkeep sql" if question.kind is Kind.NAMES else "trailkeep search",
        command=lambda _: [setting.trailkeep, *asked, "--lake", str(lake), "--json"],
        read=_rows,
        expected=question.found,
        unit=_unit(question),
        runs=5,
    )


def _rows(out: Path) -> Found:
    found = msgspec.json.decode(out.read_bytes(), type=dict[str, Any])
    return Found(found=len(found["rows"]))


def _unit(question: Question) -> str:
    return "names" if question.kind is Kind.NAMES else "events"


def _warm(setting: Setting, question: Question, lake: Path) -> Contestant:
    arguments = (str(lake), question.kind, question.value, str(_WARM_REPEATS))
    return Contestant(
        name="trailkeep, inside a process",
        command=lambda _: setting.script("warm.py", *arguments),
        read=document,
        expected=question.found,
        unit=_unit(question),
    )


def _duckdb(setting: Setting, question: Question, rounds: int) -> Contestant:
    arguments = ("find", setting.facts.big.glob, question.kind, question.value)
    return Contestant(
        name="DuckDB read_json scan",
        command=lambda _: setting.script("peer_duckdb.py", *arguments),
        read=document,
        expected=question.found,
        unit=_unit(question),
        runs=rounds,
    )


def _trailscraper(setting: Setting, question: Question, counted: bytes, *filters: str) -> Contestant:
    facts = setting.facts
    span = ["--from", facts.first_day, "--to", facts.last_day]
    command = [setting.trailscraper, "select", "--log-dir", facts.big.folder, *span, *filters]
    return Contestant(
        name="trailscraper select",
        command=lambda _: command,
        read=lambda out: Found(found=_occurrences(out, counted)),
        expected=question.found,
        absent=setting.no_trailscraper,
    )


def _occurrences(path: Path, text: bytes) -> int:
    """Count a text in a large file, without holding the file in memory."""
    count, tail = 0, b""
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            window = tail + chunk
            count += window.count(text)
            tail = window[-(len(text) - 1) :]
    return count
