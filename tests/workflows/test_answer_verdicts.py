"""The verdict of an answer is that of the logs behind it and of the time it is about."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from logs import archive, key, packed, put, record, take_in
from trailkeep.cli.main import build
from trailkeep.core.verdict import VerdictKind
from trailkeep.keep.proven import SourceStanding, Window
from trailkeep.keep.verification import ObjectVerdict, Standing
from trailkeep.lake.table import Lake
from trailkeep.workflows.proving import judge_sources, standings_of
from verifications import ACCOUNT, DAY, REGION, WINDOW, checked, log_of, verified

LOGS = [[record(1), record(2)], [record(3)]]
RANGE = ("--since", "2026-01-02", "--until", "2026-01-03")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A lake of two logs, and questions to it."""

    folder: Path

    @property
    def lake(self) -> Path:
        """The lake."""
        return self.folder / "lake"

    def log(self, number: int, **fields: Any) -> ObjectVerdict:
        """Return the verdict of one of the two logs."""
        return log_of(LOGS[number], number, self.folder / "logs", **fields)

    def __call__(self, *arguments: str) -> tuple[dict[str, Any], int]:
        """Return the JSON document of a verb and its exit code."""
        command = [*arguments, "--json", "--lake", str(self.lake)]
        done = CliRunner().invoke(build(), command, catch_exceptions=False)
        return json.loads(done.stdout), done.exit_code

    def verdict(self, *arguments: str) -> tuple[str, str, int]:
        """Return the kind and reason of an answer's verdict, and the exit code."""
        document, code = self(*arguments)
        return document["verdict"]["kind"], document["verdict"]["reason"], code


@pytest.fixture
def ask(tmp_path: Path) -> Asked:
    """A lake of two logs that nobody verified."""
    asked = Asked(folder=tmp_path)
    take_in(asked.lake, archive(tmp_path / "logs", LOGS))
    return asked


def test_an_answer_that_was_never_verified_is_unknown(ask: Asked) -> None:
    """Without any verification the verdict says so, and a complete answer still ends with 0."""
    kind, reason, code = ask.verdict("search")
    assert (kind, code) == ("UNKNOWN", 0)
    assert reason == "the logs of this lake were not verified"
    assert ask.verdict("sql", "select 1")[::2] == ("UNKNOWN", 0)
    assert ask.verdict("show", record(1)["eventID"])[::2] == ("UNKNOWN", 0)


def test_an_answer_from_proven_logs_and_hours_is_pass(ask: Asked) -> None:
    """When every source is verified and every hour proven, search, sql and show say PASS."""
    verified(ask.lake, [ask.log(0), ask.log(1)])
    for question in (("search", *RANGE), ("search",), ("sql", "select 1"), ("show", record(1)["eventID"])):
        assert ask.verdict(*question) == ("PASS", "", 0)


@pytest.mark.parametrize("standing", ["altered", "missing", "unlisted"])
def test_a_bad_source_makes_the_answer_fail(ask: Asked, standing: str) -> None:
    """A row whose log was altered, removed or slipped in ends search, sql and show with exit code 1."""
    verified(ask.lake, [ask.log(0, standing=standing), ask.log(1)])
    for question in (("search", *RANGE), ("sql", "select 1"), ("show", record(1)["eventID"])):
        kind, reason, code = ask.verdict(*question)
        assert (kind, code, key(0) in reason or "of the time" in reason) == ("FAIL", 1, True)
    assert ask.verdict("show", record(3)["eventID"]) == ("PASS", "", 0)


@pytest.mark.parametrize("standing", ["unreadable", "unproven", "not yet covered"])
def test_an_unproven_source_makes_the_answer_unknown(ask: Asked, standing: str) -> None:
    """What could not be proven is UNKNOWN with the reason, and exit code 0 as for every complete answer."""
    verified(ask.lake, [ask.log(0, standing=standing), ask.log(1)])
    for question in (("search", *RANGE), ("sql", "select 1"), ("show", record(1)["eventID"])):
        kind, reason, code = ask.verdict(*question)
        assert (kind, code, "1 of" in reason) == ("UNKNOWN", 0, True)


def test_a_missing_log_fails_an_answer_without_rows(ask: Asked) -> None:
    """No rows prove nothing when a log of the asked time is gone."""
    name = f"s3://logs/{key(7)}"
    verified(ask.lake, [ask.log(0), ask.log(1), checked(object=name, standing=Standing.MISSING)])
    kind, reason, code = ask.verdict("search", "--event-name", "NoSuchCall", *RANGE)
    assert (kind, code, reason) == ("FAIL", 1, "1 log of the time asked for is missing from the archive")


def test_an_altered_log_of_another_day_leaves_the_answer(ask: Asked) -> None:
    """What happened outside the asked time says nothing about it."""
    other = key(7, day=DAY + timedelta(days=3))
    verified(
        ask.lake, [ask.log(0), ask.log(1), checked(object=f"s3://logs/{other}", standing=Standing.ALTERED)]
    )
    assert ask.verdict("search", *RANGE)[0] == "PASS"
    assert ask.verdict("show", record(1)["eventID"])[0] == "PASS"


@pytest.mark.parametrize("state", ["uncovered", "unreadable", "pending"])
def test_an_hour_that_nothing_proves_makes_the_answer_unknown(ask: Asked, state: str) -> None:
    """Events may be missing from an hour without proof, so the answer is not PASS."""
    verified(ask.lake, [ask.log(0), ask.log(1)], hours={"proven": 23, state: 1})
    assert ask.verdict("search", *RANGE) == ("UNKNOWN", f"1 h of the time asked for is {state}", 0)


def test_a_stop_that_is_explained_leaves_the_answer(ask: Asked) -> None:
    """Hours that proven events explain, and quiet ones, are complete."""
    verified(ask.lake, [ask.log(0), ask.log(1)], hours={"proven": 10, "proven-empty": 4, "explained": 10})
    assert ask.verdict("search", *RANGE)[0] == "PASS"


def test_a_time_that_no_verification_looked_at_is_unknown(ask: Asked) -> None:
    """The part of the range before the verification is named."""
    verified(ask.lake, [ask.log(0), ask.log(1)])
    kind, reason, _ = ask.verdict("search", "--since", "2026-01-01", "--until", "2026-01-03")
    assert (kind, reason) == ("UNKNOWN", "2026-01-01T00:00:00Z to 2026-01-02T00:00:00Z was not verified")


def test_an_account_that_no_verification_held_is_unknown(ask: Asked) -> None:
    """A question about an account outside every verification is not answered by the others."""
    verified(ask.lake, [ask.log(0), ask.log(1)])
    assert ask.verdict("search", "--account", "999999999999", *RANGE)[0] == "UNKNOWN"
    both = ask.verdict("search", "--account", "999999999999", "--account", ACCOUNT, *RANGE)
    assert both[:2] == ("UNKNOWN", "account 999999999999 was not verified")


def test_only_the_asked_accounts_and_regions_count(ask: Asked) -> None:
    """An altered log of another account or region leaves the answer, unless it was asked about."""
    two = Window(
        accounts=(ACCOUNT, "222222222222"), regions=(REGION,), since=WINDOW.since, until=WINDOW.until
    )
    bad = checked(object=f"s3://logs/{key(9)}", standing=Standing.ALTERED, account="222222222222")
    verified(ask.lake, [ask.log(0), ask.log(1), bad], window=two)
    assert ask.verdict("search", *RANGE, "--account", ACCOUNT)[0] == "PASS"
    assert ask.verdict("search", *RANGE, "--account", "1*", "--region", "eu-*")[0] == "PASS"
    assert ask.verdict("search", *RANGE, "--account", "!222222222222")[0] == "PASS"
    assert ask.verdict("search", *RANGE)[0] == "FAIL"


def test_a_proven_log_that_was_not_collected_is_named(ask: Asked) -> None:
    """A log that is in the archive and not in the lake leaves the answer incomplete."""
    late = log_of([record(8)], 8, ask.folder / "logs")
    verified(ask.lake, [ask.log(0), ask.log(1), late])
    assert ask.verdict("search", *RANGE) == ("UNKNOWN", "1 log of the time asked for is not collected", 0)


def test_rows_of_other_bytes_than_the_proven_ones_are_altered(ask: Asked) -> None:
    """When the lake was made of other bytes than were verified, the name of the object does not help."""
    verified(ask.lake, [ask.log(0, content_sha256="0" * 64), ask.log(1)])
    kind, reason, code = ask.verdict("show", record(1)["eventID"])
    assert (kind, code) == ("FAIL", 1)
    assert "altered" in reason


def test_the_same_bytes_are_proven_wherever_they_lie(ask: Asked) -> None:
    """The archive may be verified in the bucket and collected from a copy: the signed hash decides."""
    verified(ask.lake, [ask.log(number, object=f"s3://logs/{key(number)}") for number in (0, 1)])
    assert ask.verdict("search", *RANGE) == ("PASS", "", 0)


def test_an_earlier_version_that_still_matches_proves_its_rows(ask: Asked) -> None:
    """Rows of a content that some version still holds are proven, but the time is not: its log was altered."""
    versions = [
        ask.log(0, version="1"),
        ask.log(0, version="2", standing=Standing.ALTERED, content_sha256="f" * 64),
    ]
    verified(ask.lake, [*versions, ask.log(1)])
    assert ask.verdict("show", record(1)["eventID"])[0] == "PASS"
    assert ask.verdict("search", *RANGE)[0] == "FAIL"


def test_what_comes_from_event_history_is_never_proven(tmp_path: Path) -> None:
    """CloudTrail signs no answer of LookupEvents, so such rows say so."""
    ask = Asked(folder=tmp_path)
    put(tmp_path / "logs", f"lookup-events/{key(0)}", packed([record(1)]))
    take_in(ask.lake, tmp_path / "logs")
    document, _ = ask("show", record(1)["eventID"])
    assert document["source"]["verdict"] == "event history"
    assert "saved from Event history, which CloudTrail does not sign" in document["verdict"]["reason"]


def test_each_row_says_how_its_log_stands(ask: Asked) -> None:
    """Documents of rows have source_verdict, and tables have it when it is asked for."""
    verified(ask.lake, [ask.log(0, standing=Standing.ALTERED), ask.log(1)])
    document, _ = ask("search", *RANGE)
    found = {row["event_id"]: row["source_verdict"] for row in document["rows"]}
    assert found == {record(number)["eventID"]: "altered" for number in (1, 2)} | {
        record(3)["eventID"]: "verified"
    }
    command = ["search", "--columns", "source_verdict", "--lake", str(ask.lake)]
    printed = CliRunner().invoke(build(), command).stdout.split()
    assert printed == ["source_verdict", "verified", "altered", "altered"]


def test_sql_joins_rows_to_what_was_verified(ask: Asked) -> None:
    """The tables objects and findings can be joined to the events."""
    verified(ask.lake, [ask.log(0, standing=Standing.ALTERED), ask.log(1)])
    sql = (
        "select standing, count(*) n from events join objects on object = source_object group by 1 order by 1"
    )
    assert ask("sql", sql)[0]["rows"] == [{"standing": "altered", "n": 2}, {"standing": "verified", "n": 1}]


def test_the_sources_of_any_rows_can_be_judged(ask: Asked) -> None:
    """Whoever holds rows asks for the verdict of their sources alone."""
    verified(ask.lake, [ask.log(0), ask.log(1, standing=Standing.ALTERED)])
    standings = standings_of(Lake(path=ask.lake), Lake(path=ask.lake).current())
    good, bad = ((one.object, one.content_sha256) for one in (ask.log(0), ask.log(1)))
    assert judge_sources(standings, [good]).kind is VerdictKind.PASS
    assert judge_sources(standings, [good, bad]).kind is VerdictKind.FAIL
    assert judge_sources(standings, []).kind is VerdictKind.UNKNOWN
    assert standings.of([good])[good][0] is SourceStanding.VERIFIED
