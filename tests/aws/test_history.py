"""Event history is read completely and no faster than AWS allows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest

from histories import EU, PROD, happened, present, remember, spread
from refusals import Proxy, proxied
from sandbox_archives import attach
from trailkeep.aws.history import INTERVAL_S, Member, Pace, Place, Reader, members, regions
from trailkeep.aws.session import Accounts
from trailkeep.core.errors import AwsCallError
from trailkeep.guard.estate import Unreadable
from trailkeep.sandbox.events import Activity
from trailkeep.sandbox.organization import Sandbox

pytestmark = pytest.mark.sandbox
HERE = Place(account=PROD, region=EU)
MINUTE = timedelta(minutes=1)


class Clock:
    """A clock that only sleeping moves on."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        """Return the seconds so far."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Let seconds go by."""
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def proxy(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    """The environment of the management account, with a proxy before the embedded AWS."""
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    for name, value in sandbox.environment().items():
        monkeypatch.setenv(name, value)
    with proxied(sandbox.endpoint_url) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.url)
        yield proxy


def _accounts() -> Accounts:
    return Accounts(region=EU, role="OrganizationAccountAccessRole")


def _read(clock: Clock, *, since: datetime, until: datetime, place: Place = HERE) -> list[str]:
    reader = Reader(_accounts(), clock=clock, sleep=clock.sleep)
    pages = reader.pages(place, int(since.timestamp()), int(until.timestamp()))
    return [event.event_id for page in pages for event in page]


def _newest_first(told: list[Activity]) -> list[str]:
    return [json.loads(activity.record)["eventID"] for activity in reversed(told)]


def test_calls_are_spaced() -> None:
    """Whoever is early waits for its turn; whoever is late does not, and gains nothing by it."""
    clock = Clock()
    pace = Pace(clock=clock, sleep=clock.sleep)
    starts = []
    for idle_s in (0.0, 0.0, 0.1, 5.0, 0.0):
        clock.now += idle_s
        pace.wait()
        starts.append(clock.now)
    assert starts == pytest.approx([0, INTERVAL_S, 2 * INTERVAL_S, 5 + 2 * INTERVAL_S, 5 + 3 * INTERVAL_S])
    assert INTERVAL_S >= 0.5


def test_every_event_of_every_page_is_read_once(sandbox: Sandbox, proxy: Proxy) -> None:
    """All events between the two seconds, the ends included, are read newest first, spaced by the limit."""
    end = present()
    told = remember(sandbox, spread(130, apart=MINUTE, ends_at=end))
    clock = Clock()
    found = _read(clock, since=end - 119 * MINUTE, until=end - 10 * MINUTE)
    assert found == _newest_first(told)[10:120]
    assert proxy.calls.count("LookupEvents") == 3
    assert sum(clock.slept) == pytest.approx(2 * INTERVAL_S)


def test_it_waits_while_aws_is_busy(sandbox: Sandbox, proxy: Proxy) -> None:
    """Throttling is answered with waits that grow, and nothing is lost."""
    end = present()
    told = remember(sandbox, spread(60, apart=MINUTE, ends_at=end))
    proxy.faults["LookupEvents"] = ["ThrottlingException", "ThrottlingException", "InternalFailure"]
    clock = Clock()
    assert _read(clock, since=end - 90 * MINUTE, until=end) == _newest_first(told)
    assert [seconds for seconds in clock.slept if seconds >= 1] == [1, 2, 4]


def test_it_gives_up_when_aws_stays_busy(proxy: Proxy) -> None:
    """After ten minutes of throttling the error is passed on."""
    proxy.faults["LookupEvents"] = ["ThrottlingException"] * 200
    clock = Clock()
    with pytest.raises(AwsCallError) as caught:
        _read(clock, since=present() - MINUTE, until=present())
    assert caught.value.code == "ThrottlingException"
    assert 500 < clock.now <= 600


def test_a_token_that_ran_out_costs_nothing(sandbox: Sandbox, proxy: Proxy) -> None:
    """When a token is not taken any more, reading goes on before the oldest event read, none twice."""
    end = present()
    told = remember(sandbox, spread(30, apart=MINUTE, ends_at=end - 2 * MINUTE))
    told += remember(sandbox, spread(130, apart=timedelta(0), ends_at=end - MINUTE, first=500))
    clock = Clock()
    reader = Reader(_accounts(), clock=clock, sleep=clock.sleep)
    pages = reader.pages(HERE, int((end - 90 * MINUTE).timestamp()), int(end.timestamp()))
    found: list[str] = []
    for enough in (50, 100):
        while len(found) < enough:
            found += [event.event_id for event in next(pages)]
        proxy.faults["LookupEvents"] = ["InvalidNextTokenException"]
    found += [event.event_id for page in pages for event in page]
    assert found == _newest_first(told)


def test_a_token_that_is_never_taken_ends_the_reading(sandbox: Sandbox, proxy: Proxy) -> None:
    """Refused tokens without any new event in between are an error, not a circle."""
    end = present()
    remember(sandbox, spread(130, apart=MINUTE, ends_at=end))
    reader = Reader(_accounts(), clock=Clock(), sleep=Clock().sleep)
    pages = reader.pages(HERE, int((end - 200 * MINUTE).timestamp()), int(end.timestamp()))
    next(pages)
    proxy.faults["LookupEvents"] = ["InvalidNextTokenException"] * 2
    with pytest.raises(AwsCallError, match="InvalidNextToken"):
        list(pages)


def test_a_refused_call_is_told_as_aws_told_it(sandbox: Sandbox, proxy: Proxy) -> None:
    """A refusal is not repeated."""
    statement = {"Effect": "Deny", "Action": "cloudtrail:LookupEvents", "Resource": "*"}
    attach(sandbox, {"Version": "2012-10-17", "Statement": [statement]}, target=PROD)
    with pytest.raises(AwsCallError, match="AccessDenied"):
        _read(Clock(), since=present() - MINUTE, until=present())
    assert proxy.calls.count("LookupEvents") == 1


def test_a_region_that_is_not_enabled_is_no_fault_of_the_credentials(proxy: Proxy) -> None:
    """CloudTrail's answer in a region that is off in the account says so, and does not end the run."""
    proxy.faults["LookupEvents"] = ["UnrecognizedClientException"]
    with pytest.raises(AwsCallError, match="expected eu-central-1 to be enabled in 333333333333"):
        _read(Clock(), since=present() - MINUTE, until=present())


def test_the_accounts_and_their_regions_are_found(proxy: Proxy) -> None:
    """Every account of the organization is found, and the regions that are enabled in it."""
    found = members(_accounts())
    assert not isinstance(found, Unreadable)
    assert Member(account=PROD, state="ACTIVE", organization_id="o-exampleorgid") in found
    assert len(found) == 5
    enabled = regions(_accounts(), PROD)
    assert not isinstance(enabled, Unreadable)
    assert {EU, "us-east-1"} <= set(enabled)
    assert "ap-east-1" not in enabled
    proxy.refused |= {"ListAccounts", "DescribeRegions"}
    assert isinstance(members(_accounts()), Unreadable)
    assert isinstance(regions(_accounts(), PROD), Unreadable)


def test_events_of_one_second_are_told_apart(sandbox: Sandbox, proxy: Proxy) -> None:
    """More events in a second than a page holds are all read."""
    at = present()
    remember(sandbox, [happened(number, at=at) for number in range(120)])
    assert len(set(_read(Clock(), since=at, until=at))) == 120
    assert proxy.calls.count("LookupEvents") == 3
