"""``backfill`` saves every event of every history once, however often it is stopped."""

from __future__ import annotations

import gzip
import json
import os
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from histories import EU, PROD, STAGING, US, happened, present, remember, spread
from logs import rows, take_in
from refusals import Proxy, proxied
from sandbox_archives import make_archive
from trailkeep.aws.history import HistoryEvent, Place, Reader
from trailkeep.aws.objects import open_source
from trailkeep.aws.session import Accounts
from trailkeep.core.errors import StoppedError, UsageError
from trailkeep.sandbox.delivery import deliver, write_layout
from trailkeep.sandbox.events import Activity
from trailkeep.sandbox.logfiles import Habits
from trailkeep.sandbox.organization import LOG_ARCHIVE_ACCOUNT_ID, ORGANIZATION_ID, Sandbox
from trailkeep.workflows import backfill as module
from trailkeep.workflows.backfill import Backfilled, Progress, backfill, estimate
from trailkeep.workflows.backfill_folder import BackfillFolder
from trailkeep.workflows.backfill_survey import Survey, survey
from trailkeep.workflows.collect import Severity

pytestmark = pytest.mark.sandbox
PLACES = (Place(account=PROD, region=EU), Place(account=PROD, region=US), Place(account=STAGING, region=EU))
FOUND = Survey(places=PLACES, unread=(), skipped=())


@pytest.fixture(autouse=True)
def proxy(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    """The environment of the management account, with a proxy before the embedded AWS."""
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    for name, value in sandbox.environment().items():
        monkeypatch.setenv(name, value)
    with proxied(sandbox.endpoint_url) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.url)
        yield proxy


@cache
def _accounts_at(_url: str) -> Accounts:
    return Accounts(region=EU, role="OrganizationAccountAccessRole")


def _accounts() -> Accounts:
    """Return the clients of the test at hand; making them takes long."""
    return _accounts_at(os.environ["AWS_ENDPOINT_URL"])


def _lived(end: datetime) -> list[Activity]:
    """Return ten days of activities in three histories."""
    hours = timedelta(hours=1)
    return sorted(
        [
            *spread(240, apart=hours, ends_at=end),
            *spread(70, apart=3 * hours, ends_at=end, region=US, first=1000),
            *spread(30, apart=8 * hours, ends_at=end, account=STAGING, first=2000),
        ],
        key=lambda activity: activity.occurred_at,
    )


def _run(
    folder: Path,
    *,
    now: datetime,
    found: Survey = FOUND,
    make: Callable[..., Reader] = Reader,
    progress: Callable[[Progress], None] = lambda _: None,
) -> Backfilled:
    return backfill(
        found,
        BackfillFolder(path=folder),
        organization_id=ORGANIZATION_ID,
        reader=lambda called: make(_accounts(), clock=time.monotonic, sleep=lambda _: None, called=called),
        now=int(now.timestamp()),
        stop=Event(),
        progress=progress,
    )


def _files(folder: Path) -> dict[str, bytes]:
    logs = folder / "lookup-events"
    return {
        path.relative_to(logs).as_posix(): path.read_bytes() for path in logs.rglob("*") if path.is_file()
    }


def _texts(folder: Path) -> list[str]:
    """Return the records in the logs of a folder as they are written there."""
    texts = []
    for body in _files(folder).values():
        records = json.loads(gzip.decompress(body))["Records"]
        texts += [json.dumps(record, separators=(",", ":")) for record in records]
    return sorted(texts)


def test_every_event_of_every_history_is_saved(sandbox: Sandbox, proxy: Proxy, tmp_path: Path) -> None:
    """Each event is in one log of its account, region and day, in the words of CloudTrail."""
    end = present()
    lived = remember(sandbox, _lived(end))
    result = _run(tmp_path, now=end)
    assert str(result.verdict) == "PASS"
    assert result.events == len(lived) == 340
    assert _texts(tmp_path) == sorted(activity.record.decode() for activity in lived)
    days = {(one.account_id, one.region, one.occurred_at.date()) for one in lived}
    assert result.files == result.days == len(days) == len(_files(tmp_path))
    assert result.calls == proxy.calls.count("LookupEvents") == 5 + 2 + 1


def test_a_second_run_asks_only_for_what_is_missing(sandbox: Sandbox, proxy: Proxy, tmp_path: Path) -> None:
    """A second run reads the newest days again, one call for each history, and writes what is new in them."""
    end = present()
    remember(sandbox, _lived(end - timedelta(minutes=5)))
    _run(tmp_path, now=end - timedelta(minutes=2))
    before = _files(tmp_path)
    proxy.calls.clear()
    remember(sandbox, [happened(5000, at=end - timedelta(minutes=20)), happened(5001, at=end)])
    result = _run(tmp_path, now=end)
    assert (result.events, proxy.calls.count("LookupEvents")) == (2, 3)
    after = _files(tmp_path)
    assert before.items() < after.items()
    assert 1 <= len(after) - len(before) <= 2
    again = _run(tmp_path, now=end)
    assert again.events == again.files == 0
    assert _files(tmp_path) == after


class Killed(BaseException):
    """Stands for a process that ends at once."""


class _Mortal(Reader):
    """A reader in a process that is killed after some pages."""

    left = 0

    def pages(self, place: Place, since: int, until: int) -> Iterator[tuple[HistoryEvent, ...]]:
        """Yield pages as long as the process lives."""
        for page in super().pages(place, since, until):
            if type(self).left <= 0:
                raise Killed
            type(self).left -= 1
            yield page


@pytest.mark.parametrize("part_events", [20_000, 60])
def test_a_run_killed_between_pages_goes_on(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part_events: int
) -> None:
    """Runs that are killed after a page or two, and started again, save what one undisturbed run saves."""
    end = present()
    busy = spread(400, apart=timedelta(seconds=90), ends_at=end - timedelta(days=3))
    lived = remember(sandbox, [*busy, *spread(40, apart=timedelta(hours=1), ends_at=end, first=1000)])
    monkeypatch.setattr(module, "_PART_EVENTS", part_events)
    _run(tmp_path / "clean", now=end)
    kills = 0
    for pages in (1, 3, 1, 2, 4):
        _Mortal.left = pages
        try:
            _run(tmp_path / "killed", now=end, make=_Mortal)
        except Killed:
            kills += 1
    assert kills >= 3
    _run(tmp_path / "killed", now=end)
    assert _texts(tmp_path / "killed") == _texts(tmp_path / "clean")
    assert _texts(tmp_path / "killed") == sorted(activity.record.decode() for activity in lived)


def test_a_log_without_its_state_is_not_doubled(sandbox: Sandbox, tmp_path: Path) -> None:
    """A run that ended after a log came to disk and before its day was remembered does no harm."""
    end = present()
    remember(sandbox, _lived(end))
    _run(tmp_path, now=end)
    before = _files(tmp_path)
    for state in (tmp_path / "state").iterdir():
        state.unlink()
    result = _run(tmp_path, now=end)
    assert (result.events, result.known, result.files) == (0, 340, 0)
    assert _files(tmp_path) == before


def test_a_busy_day_is_saved_in_parts(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A day with many events is saved part by part, each event in one of them."""
    monkeypatch.setattr(module, "_PART_EVENTS", 100)
    monkeypatch.setattr(module, "_LOG_BYTES", 30_000)
    end = present()
    lived = remember(
        sandbox, spread(300, apart=timedelta(seconds=1), ends_at=end.replace(hour=12) - timedelta(days=2))
    )
    result = _run(tmp_path, now=end)
    assert result.days == 1
    assert result.files > 3
    assert _texts(tmp_path) == sorted(activity.record.decode() for activity in lived)


def test_a_refused_history_does_not_end_the_run(sandbox: Sandbox, proxy: Proxy, tmp_path: Path) -> None:
    """What AWS refuses is named; what was read until then, and all other histories, are saved."""
    end = present()
    remember(sandbox, _lived(end))

    class Refused(Reader):
        """A reader whose first history is refused at its third page."""

        def pages(self, place: Place, since: int, until: int) -> Iterator[tuple[HistoryEvent, ...]]:
            pages = super().pages(place, since, until)
            if place != PLACES[0]:
                yield from pages
                return
            yield next(pages)
            yield next(pages)
            proxy.refused.add("LookupEvents")
            yield from pages

    alone = Survey(places=PLACES[:1], unread=(), skipped=())
    _run(tmp_path, now=end, found=Survey(places=PLACES[1:], unread=(), skipped=()))
    result = _run(tmp_path, now=end, found=alone, make=Refused)
    [unread] = result.unread
    assert (unread.account, unread.region, unread.call) == (PROD, EU, "cloudtrail:LookupEvents")
    assert unread.error == "AccessDenied: not here"
    assert result.events == 100
    assert result.verdict.exit_code == 3
    proxy.refused.clear()
    assert _run(tmp_path, now=end).events == 140
    assert len(_texts(tmp_path)) == 340


def test_the_lake_has_every_event_once(sandbox: Sandbox, tmp_path: Path) -> None:
    """Events that a trail delivered too are duplicates in the lake, and no conflicts."""
    end = present()
    s3 = make_archive(sandbox)
    lived = _lived(end)
    deliver(sandbox, lived, habits=Habits(duplicate_rate=0, late_rate=0))
    for entry in s3.list_objects_v2(Bucket="example-org-logs")["Contents"]:
        path = tmp_path / "trail" / entry["Key"]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(s3.get_object(Bucket="example-org-logs", Key=entry["Key"])["Body"].read())
    _run(tmp_path / "history", now=end)
    first = take_in(tmp_path / "lake", tmp_path / "history" / "lookup-events")
    second = take_in(tmp_path / "lake", tmp_path / "trail")
    assert (first.added, second.added, second.duplicates) == (340, 0, 340)
    assert first.findings == second.findings == []
    told = "source_object like '%/lookup-events/AWSLogs/%'"
    [counted] = rows(tmp_path / "lake", f"select count(*) as n from events where {told}")  # noqa: S608
    assert counted["n"] == 340


def test_another_spelling_of_the_same_record_is_a_duplicate(sandbox: Sandbox, tmp_path: Path) -> None:
    """A record that Event history spells with other spaces and another order of fields is no conflict."""
    end = present()
    lived = _lived(end)
    remember(
        sandbox,
        [
            Activity(
                account_id=one.account_id,
                region=one.region,
                occurred_at=one.occurred_at,
                record=json.dumps(json.loads(one.record), indent=1, sort_keys=True).encode(),
            )
            for one in lived
        ],
    )
    _run(tmp_path / "history", now=end)
    write_layout(tmp_path / "trail", lived, organization_id=ORGANIZATION_ID)
    result = take_in(tmp_path / "lake", tmp_path / "trail", tmp_path / "history")
    assert result.added == 340
    assert not [finding for finding in result.findings if finding.severity is Severity.FAIL]


def test_a_text_that_is_no_record_spoils_no_log(sandbox: Sandbox, tmp_path: Path) -> None:
    """An event whose text is no JSON object is named, and left out of the log."""
    end = present()
    remember(sandbox, [happened(1, at=end)])

    class Odd(Reader):
        """A reader that is given one text that is no record."""

        def pages(self, place: Place, since: int, until: int) -> Iterator[tuple[HistoryEvent, ...]]:
            yield (HistoryEvent(event_id="odd", at=until, text="{"),)
            yield from super().pages(place, since, until)

    result = _run(tmp_path, now=end, found=Survey(places=PLACES[:1], unread=(), skipped=()), make=Odd)
    assert result.events == len(_texts(tmp_path)) == 1
    assert [one.error for one in result.unread] == ["event odd: expected a record as JSON, got '{'"]


def test_only_one_run_writes_to_a_folder(tmp_path: Path) -> None:
    """A second run on the same folder ends at once."""
    with BackfillFolder(path=tmp_path).writing(), pytest.raises(StoppedError, match="only writer"):
        _run(tmp_path, now=present())


def test_a_state_that_is_none_is_refused(tmp_path: Path) -> None:
    """A file in the place of a state is not taken for 'nothing saved'."""
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / f"{PROD}_{EU}").write_text("{")
    with pytest.raises(UsageError, match="expected the state of a backfill"):
        estimate(PLACES, BackfillFolder(path=tmp_path), now=int(present().timestamp()))


def test_an_estimate_counts_what_is_missing(sandbox: Sandbox, tmp_path: Path) -> None:
    """The least number of calls is one for each stretch of time, and no run needs fewer."""
    end = present()
    now = int(end.timestamp())
    assert estimate(PLACES, BackfillFolder(path=tmp_path), now=now).calls == 3
    assert estimate(PLACES, BackfillFolder(path=tmp_path), now=now).seconds == 1
    remember(sandbox, _lived(end))
    assert _run(tmp_path, now=end).calls >= 3


def test_progress_tells_the_share_of_the_time(sandbox: Sandbox, tmp_path: Path) -> None:
    """The share of the time that was read grows to 1, and calls and events are counted on the way."""
    end = present()
    remember(sandbox, _lived(end))
    told: list[Progress] = []
    result = _run(tmp_path, now=end, progress=told.append)
    assert [one.share for one in told] == sorted(one.share for one in told)
    assert told[-1].share == pytest.approx(1)
    assert (told[-1].done, told[-1].events) == (3, result.events)


def _survey(**chosen: Any) -> Survey:
    return survey(_accounts(), organization_id=ORGANIZATION_ID, **chosen)


def test_every_enabled_region_of_every_account_is_found() -> None:
    """Without a choice, every active account is read in every region that is enabled there."""
    found = _survey()
    assert {place.account for place in found.places} == {
        "111111111111",
        "222222222222",
        PROD,
        STAGING,
        "555555555555",
    }
    assert len({place.region for place in found.places}) > 10
    assert found.unread == ()


def test_a_choice_of_regions_asks_no_account(proxy: Proxy) -> None:
    """Regions that were named are read without asking which are enabled."""
    found = _survey(only_accounts=(PROD, LOG_ARCHIVE_ACCOUNT_ID), only_regions=(EU,))
    assert found.places == (
        Place(account=PROD, region=EU),
        Place(account=LOG_ARCHIVE_ACCOUNT_ID, region=EU),
    )
    assert "DescribeRegions" not in proxy.calls


def test_regions_that_cannot_be_read_are_told(proxy: Proxy) -> None:
    """An account whose regions AWS does not tell is named, and never taken for one without regions."""
    proxy.refused.add("DescribeRegions")
    found = _survey(only_accounts=(PROD,))
    assert found.places == ()
    assert [(one.account, one.region, one.call) for one in found.unread] == [
        (PROD, "", "ec2:DescribeRegions")
    ]


def test_accounts_that_cannot_be_listed_are_told(proxy: Proxy) -> None:
    """Without the list of accounts the caller's own history is read, and the outcome is not complete."""
    proxy.refused.add("ListAccounts")
    found = _survey(only_regions=(EU,))
    assert found.places == (Place(account="111111111111", region=EU),)
    assert [one.call for one in found.unread] == ["organizations:ListAccounts"]


def test_another_organization_is_refused() -> None:
    """Nothing is filed under an organization that the credentials do not belong to."""
    with pytest.raises(StoppedError, match="expected o-anotherone1, got credentials of o-exampleorgid"):
        survey(_accounts(), organization_id="o-anotherone1")


def test_an_unknown_account_is_refused() -> None:
    """An account that is not in the organization is a wrong option."""
    with pytest.raises(
        UsageError, match="--account: expected an account of o-exampleorgid, got 999999999999"
    ):
        _survey(only_accounts=("999999999999",))


def test_an_account_that_is_closed_is_skipped_and_named(sandbox: Sandbox) -> None:
    """The history of an account that is not active is out of reach, which is told."""
    sandbox.client("organizations").close_account(AccountId=STAGING)
    found = _survey(only_regions=(EU,))
    assert STAGING not in {place.account for place in found.places}
    assert [one.account for one in found.skipped] == [STAGING]


def test_the_logs_are_read_by_their_folder(sandbox: Sandbox, tmp_path: Path) -> None:
    """Every file below lookup-events is one that collect takes in."""
    end = present()
    remember(sandbox, [happened(1, at=end)])
    _run(tmp_path, now=end)
    [ref] = open_source(str(tmp_path / "lookup-events")).listed()
    assert ref.keys[0].startswith(f"AWSLogs/{ORGANIZATION_ID}/{PROD}/CloudTrail/{EU}/")
