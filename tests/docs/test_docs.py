"""The documentation says what the code does: links, commands, settings, findings and documents."""

from __future__ import annotations

import ast
import inspect
import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import typer

from trailkeep.cli.main import VERBS, build
from trailkeep.core.config import Config, parse_config, render
from trailkeep.keep.inflate import LogFault
from trailkeep.keep.records import NoteKind
from trailkeep.workflows import collect

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = tuple(
    path.relative_to(ROOT).as_posix()
    for path in (
        *sorted(DOCS.rglob("*.md")),
        ROOT / "README.md",
        ROOT / "ARCHITECTURE.md",
        ROOT / "SECURITY.md",
    )
)

_BLOCK = re.compile(r"^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`[^`\n]*`")
_LINK = re.compile(r"\[[^\]]*\]\((?P<target>[^)\s]+)\)")
_HEADING = re.compile(r"^#{1,6} (?P<title>.+)$", re.MULTILINE)
_KIND = re.compile(r"[a-z]+\.[a-z_]+")
_FINDING = re.compile(r"^\| `(?P<kind>[a-z]+\.[a-z_]+)` \| (?P<severity>\w+) \|", re.MULTILINE)
_ASSIGNMENT = re.compile(r"[A-Z_]+=\S*")
_BREAKS = {"|", "||", "&&", ";", "&", ">", ">>", "2>&1", "<"}


@cache
def read(page: str) -> str:
    """Return the text of a page."""
    return (ROOT / page).read_text(encoding="utf-8")


def blocks(page: str, *languages: str) -> list[str]:
    """Return the blocks of code of a page that are in one of the languages."""
    return [match["text"] for match in _BLOCK.finditer(read(page)) if match["language"] in languages]


def prose(page: str) -> str:
    """Return a page without its blocks of code."""
    return _BLOCK.sub("", read(page))


def links(page: str) -> list[str]:
    """Return the targets of the relative links of a page."""
    targets = (match["target"] for match in _LINK.finditer(_CODE.sub("`", prose(page))))
    return [target for target in targets if not re.match(r"[a-z]+:", target)]


@cache
def anchors(page: str) -> frozenset[str]:
    """Return the anchors that a forge makes of the headings of a page.

    >>> sorted(anchors("docs/reference/json.md"))[:2]
    ['apply1', 'collect1']
    """
    made: list[str] = []
    for match in _HEADING.finditer(prose(page)):
        plain = re.sub(r"[^\w\- ]", "", match["title"].lower()).replace(" ", "-")
        copies = made.count(plain)
        made.append(f"{plain}-{copies}" if copies else plain)
    return frozenset(made)


def resolved(page: str, target: str) -> tuple[Path, str]:
    """Return the file and the anchor that a link means."""
    file, _, anchor = target.partition("#")
    return ((ROOT / page).parent / file if file else ROOT / page).resolve(), anchor


def commands(text: str, *, prompt: str) -> Iterator[list[str]]:
    """Yield the arguments of every ``trailkeep`` command in a block of a shell."""
    for line in text.replace("\\\n", " ").splitlines():
        if not line.startswith(prompt):
            continue
        words = shlex.split(line.removeprefix(prompt), comments=True)
        while words and _ASSIGNMENT.fullmatch(words[0]):
            words.pop(0)
        if words and words[0].rpartition("/")[2] == "trailkeep":
            ends = (at for at, word in enumerate(words) if word in _BREAKS)
            yield words[1 : next(ends, len(words))]


def written_commands() -> list[tuple[str, list[str]]]:
    """Return every command that the pages show, with its page."""
    shown = [
        (page, command)
        for page in PAGES
        for language, prompt in (("console", "$ "), ("sh", ""))
        for text in blocks(page, language)
        for command in commands(text, prompt=prompt)
    ]
    in_tables = re.compile(r"^\|.*\| `trailkeep (?P<rest>[^`]+)` \|$", re.MULTILINE)
    listed = [
        (page, shlex.split(match["rest"])) for page in PAGES for match in in_tables.finditer(prose(page))
    ]
    return [*shown, *listed]


def kinds_in_code() -> dict[str, str]:
    """Return every kind of finding of ``collect`` and its severity.

    The kinds that ``workflows/collect.py`` makes itself are the texts of that form in its source.
    """
    texts = {
        node.value
        for node in ast.walk(ast.parse(inspect.getsource(collect)))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and _KIND.fullmatch(node.value)
    }
    notes = {kind.value for kind in NoteKind} - collect._FATAL_NOTES | {"key.foreign"}
    every = texts | {fault.value for fault in LogFault} | {kind.value for kind in NoteKind}
    return {kind: "note" if kind in notes else "fail" for kind in every}


@pytest.mark.parametrize("page", PAGES)
def test_every_link_of_a_page_leads_somewhere(page: str) -> None:
    """Every relative link names a file of the project, and an anchor that the file has."""
    broken = []
    for target in links(page):
        file, anchor = resolved(page, target)
        if not file.exists() or (anchor and anchor not in anchors(file.relative_to(ROOT).as_posix())):
            broken.append(target)
    assert broken == []


def test_every_page_is_reachable_from_the_map() -> None:
    """No page of the documentation is an orphan: links lead to each from docs/index.md."""
    reached = {"docs/index.md"}
    ahead = ["docs/index.md"]
    while ahead:
        page = ahead.pop()
        files = (resolved(page, target)[0] for target in links(page))
        found = {file.relative_to(ROOT).as_posix() for file in files if file.suffix == ".md"} - reached
        reached |= found
        ahead += found
    assert {page for page in PAGES if page.startswith("docs/")} - reached == set()


def test_the_map_names_every_verb() -> None:
    """docs/index.md has a row for every verb, in the order of the command line."""
    rows = re.findall(
        r"^\| `([\w-]+)` \| .*reference/cli\.md#trailkeep-\1\)", read("docs/index.md"), re.MULTILINE
    )
    assert tuple(rows) == VERBS


def test_every_verb_with_json_has_its_document_in_the_reference() -> None:
    """docs/reference/json.md has a section for the schema of every verb that takes --json."""
    with_json = {verb for verb, command in _verbs().items() if "--json" in _options(command)}
    schemas = re.findall(r"^## ([\w-]+)/1$", read("docs/reference/json.md"), re.MULTILINE)
    assert with_json | {"error", "estate", "retire"} == set(schemas)


def test_the_reference_has_every_kind_of_finding_and_no_other() -> None:
    """docs/reference/findings.md lists the kinds of findings of collect with their severities."""
    listed = [
        (match["kind"], match["severity"]) for match in _FINDING.finditer(read("docs/reference/findings.md"))
    ]
    assert len(listed) == len(dict(listed))
    assert dict(listed) == kinds_in_code()


def test_every_configuration_shown_is_valid() -> None:
    """Every whole trailkeep.toml in the documentation parses, and says the same when it is written again."""
    shown = [
        text
        for page in PAGES
        for text in blocks(page, "toml")
        if {"[organization]", "[archive]"} <= set(text.split())
    ]
    assert shown
    for text in shown:
        config = parse_config(text)
        assert isinstance(config, Config)
        assert parse_config(render(config)) == config


@pytest.mark.parametrize("page", PAGES)
def test_every_command_shown_is_one_that_exists(page: str) -> None:
    """Every command line in the documentation names a verb with options and values that it takes."""
    verbs = _verbs()
    for where, words in written_commands():
        if where != page:
            continue
        verb, *arguments = words
        assert verb in verbs, f"{page}: trailkeep {shlex.join(words)}"
        try:
            verbs[verb].make_context(verb, list(arguments))
        except Exception as error:  # noqa: BLE001 - typer's errors have no public base class
            pytest.fail(f"{page}: trailkeep {shlex.join(words)}: {error}")


def test_every_verb_is_shown_in_use() -> None:
    """Every verb stands in at least one command line of the documentation."""
    assert {words[0] for _, words in written_commands()} >= set(VERBS)


def test_an_output_is_not_taken_for_a_command() -> None:
    """Of a transcript only the lines behind a prompt count, without variables, pipes and redirections."""
    text = "$ AWS_PROFILE=a .venv/bin/trailkeep plan --json | tee plan.json\ntrailkeep: not a command\n$ ls\n"
    assert list(commands(text, prompt="$ ")) == [["plan", "--json"]]
    assert list(commands("trailkeep apply \\\n  --yes  # asks nothing\n", prompt="")) == [["apply", "--yes"]]


@cache
def _verbs() -> dict[str, typer.core.TyperCommand]:
    group = typer.main.get_command(build())
    return dict(group.commands)  # type: ignore[attr-defined]  # typer calls a group a command


def _options(command: typer.core.TyperCommand) -> set[str]:
    return {option for parameter in command.params for option in parameter.opts}
