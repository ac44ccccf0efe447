"""``search``, ``show``, ``sql`` and ``collect`` as a user runs them."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from logs import archive, key, packed, put, record
from trailkeep.cli.main import build
from trailkeep.cli.output import plain
from trailkeep.core.errors import UncheckedError, UsageError

HOSTILE = {
    "userAgent": '=HYPERLINK("http://evil.example")',
    "eventName": "=cmd|' /C calc'!A0",
    "errorCode": "\x1b[2J\x1b[31mred\u202e",
    "sourceIPAddress": "<script>alert(1)</script>\n[bold]",
}
Run = Callable[..., Result]


def invoke(*arguments: str) -> Result:
    """Run the command line in this process; our own errors come out as they are raised."""
    return CliRunner().invoke(build(), list(arguments), catch_exceptions=False)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Run a verb on a lake of six events."""
    folder = tmp_path_factory.mktemp("cli")
    records = [
        *(record(number) for number in range(4)),
        record(4, errorCode="AccessDenied"),
        record(5, **HOSTILE),
    ]
    archive(folder / "logs", [records])
    result = invoke("collect", str(folder / "logs"), "--lake", str(folder / "lake"))
    assert (result.exit_code, "6 added, 0 duplicates" in result.output) == (0, True)
    return lambda *arguments: invoke(*arguments, "--lake", str(folder / "lake"))


def test_search_json_is_one_versioned_document(run: Run) -> None:
    """The contract: rows with snake_case columns, their count, what is covered, and the verdict."""
    document = json.loads(run("search", "--user", "user-1", "--json").stdout)
    assert document["trailkeep"]["schema"] == "search/1"
    assert (document["count"], document["more"]) == (2, False)
    assert [row["event_id"] for row in document["rows"]] == [record(n)["eventID"] for n in (4, 1)]
    assert document["covered"] == {"from": "2026-01-02T03:00:00Z", "to": "2026-01-02T03:35:00Z"}
    assert document["verdict"]["kind"] == "UNKNOWN"


def test_the_rows_are_newest_first_and_limited(run: Run) -> None:
    """The limit is said when there is more."""
    document = json.loads(run("search", "--limit", "2", "--json").stdout)
    assert ([row["event_time"][11:16] for row in document["rows"]], document["more"]) == (
        ["03:35", "03:28"],
        True,
    )


def test_raw_lines_are_the_originals(run: Run) -> None:
    """With --format jsonl --raw every line is one original event."""
    lines = run("search", "--format", "jsonl", "--raw", "--until", "2026-01-02T03:20Z").stdout.splitlines()
    assert [json.loads(line) for line in lines] == [record(2), record(1), record(0)]


def test_tries_and_successes_stand_apart(run: Run) -> None:
    """Below the rows stands how many calls failed and how."""
    output = run("search", "--event-source", "s3", "--event-name", "!=*").output
    assert "4 without an error code, 1 with one: 1 AccessDenied" in output


def test_a_formula_in_a_log_stays_text_in_a_spreadsheet(run: Run) -> None:
    """Cells that a spreadsheet would run begin with a quote; values with line breaks stay one cell."""
    output = run(
        "search", "--format", "csv", "--limit", "1", "--columns", "event_name,source_ip_address"
    ).stdout
    assert list(csv.reader(io.StringIO(output))) == [
        ["event_name", "source_ip_address"],
        ["'" + HOSTILE["eventName"], HOSTILE["sourceIPAddress"]],
    ]


def test_no_log_drives_the_terminal(run: Run) -> None:
    """Escape sequences and direction marks are shown, not sent, and markup is text."""
    output = run("search", "--limit", "1").stdout
    assert "\x1b" not in output
    assert "\u202e" not in output
    assert "\\x1b[2J\\x1b[31mred\\u202e" in output
    assert "<script>alert(1)</script>\\n[bold]" in output


def test_a_time_the_lake_does_not_cover_is_unknown(run: Run) -> None:
    """No rows about a time of which nothing was collected is exit 3, never an answer."""
    done = run("search", "--until", "2020-01-01")
    assert (done.exit_code, "the lake covers nothing of the time asked for" in done.output) == (3, True)
    assert run("search", "--since", "2026-01-02T03:10Z").exit_code == 0


def test_show_gives_the_original_and_its_source(run: Run) -> None:
    """The contract: the original event, the object, its hash and the position in it."""
    document = json.loads(run("show", record(3)["eventID"], "--json").stdout)
    assert document["event"] == record(3)
    assert document["source"]["object"].endswith(key(0))
    assert (document["source"]["position"], len(document["source"]["sha256"])) == (3, 64)
    assert document["others"] == []


def test_show_of_an_unknown_event_is_unknown(run: Run) -> None:
    """An event that is not in the lake may have happened all the same: exit 3."""
    with pytest.raises(UncheckedError, match="the lake covers 2026-01-02T03:00:00Z to 2026-01-02T03:35:00Z"):
        run("show", "no-such-event")


def test_sql_json_has_columns_and_rows(run: Run) -> None:
    """The contract: columns, and rows as objects, also when two columns have one name."""
    document = json.loads(run("sql", "select count(*) n, 1 n, 'NaN'::double x from events", "--json").stdout)
    assert (document["columns"], document["rows"]) == (["n", "n_2", "x"], [{"n": 6, "n_2": 1, "x": None}])


@pytest.mark.parametrize("form", ["table", "csv", "jsonl", "json"])
def test_sql_prints_every_format(run: Run, form: str) -> None:
    """Each format holds the answer."""
    assert "user-2" in run("sql", "select distinct user_name from events", "--format", form).stdout


def test_sql_values_of_every_type_can_be_printed(run: Run) -> None:
    """Times, intervals, lists, structs, bytes and decimals come out as JSON."""
    sql = "select now() a, interval 1 day b, [1, null] c, {'x': date '2026-01-01'} d, 'ab'::blob e, 1.5::decimal(3,1) f"
    row = json.loads(run("sql", sql, "--json").stdout)["rows"][0]
    assert (row["c"], row["d"], row["e"], row["f"]) == ([1, None], {"x": "2026-01-01"}, "6162", "1.5")


@pytest.mark.parametrize(
    "arguments",
    [
        ["search", "--raw"],
        ["search", "--read-only", "--writes"],
        ["search", "--columns", "nope"],
        ["search", "--since", "yesterday"],
        ["search", "--since", "2026-01-02", "--until", "2026-01-01"],
        ["sql", "drop table events"],
    ],
)
def test_wrong_usage_says_what_is_expected(run: Run, arguments: list[str]) -> None:
    """Each refusal names the option and the remedy."""
    with pytest.raises(UsageError, match="expected"):
        run(*arguments)


def test_collect_json_counts_and_names(tmp_path: Path) -> None:
    """The contract: objects, events, findings with kind, object and message; exit 1 with findings."""
    archive(tmp_path / "logs", [[record(1), record(1)]])
    bad = put(tmp_path / "logs", key(7), packed([record(2)]) + b"garbage")
    result = invoke("collect", str(tmp_path / "logs"), "--lake", str(tmp_path / "lake"), "--json")
    document: dict[str, Any] = json.loads(result.stdout)
    assert result.exit_code == 1
    assert document["objects"] == {"listed": 2, "new": 2, "collected": 1, "failed": 1, "ignored": 0}
    assert document["events"] == {"read": 2, "added": 1, "duplicates": 1}
    assert [(one["kind"], one["object"]) for one in document["findings"]] == [("log.trailing_data", str(bad))]


def test_text_for_a_terminal_keeps_what_is_printable() -> None:
    """Letters of all scripts stay, control characters are shown."""
    assert plain("ümläut 漢字\n\x07\x9b\u202e") == "ümläut 漢字\n\\x07\\x9b\\u202e"
