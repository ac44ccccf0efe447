"""Reading Event history: every page of LookupEvents of an account and region, no faster than AWS allows.

AWS answers two requests a second for each account and region, with 50 events at the most, newest first. So
one request that spans 90 days and is paged to its end costs the fewest calls; whoever stops asks again for
the time before the oldest event that is safe. A token that AWS takes no more is replaced in the same way.

Source: https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from trailkeep.aws.list_accounts import CALL, list_accounts, state_of
from trailkeep.aws.patience import Patience
from trailkeep.aws.reading import read
from trailkeep.aws.session import Accounts, aws_errors
from trailkeep.core.errors import AwsCallError
from trailkeep.guard.estate import Unreadable

__all__ = ["INTERVAL_S", "PAGE", "HistoryEvent", "Member", "Pace", "Place", "Reader", "members", "regions"]

PAGE = 50
INTERVAL_S = 0.55  # AWS allows 0.5; the rest is for calls that overtake each other on the way
_CALL = "cloudtrail:LookupEvents"
_STALE = "InvalidNextTokenException"
_BUSY = (
    "ThrottlingException",
    "Throttling",
    "TooManyRequestsException",
    "RequestLimitExceeded",
    "InternalFailure",
    "InternalServerError",
    "InternalServiceError",
    "ServiceUnavailable",
    "ServiceUnavailableException",
)
_UNREACHED = ("ConnectTimeoutError", "ReadTimeoutError", "EndpointConnectionError", "ConnectionClosedError")
_BUSY_DEADLINE_S = 600.0
_UNREACHED_DEADLINE_S = 45.0
_ROLE_OR_REGION = frozenset({"UnrecognizedClientException", "InvalidClientTokenId"})


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Place:
    """One account and region: Event history is kept, and its calls are limited, for each of them."""

    account: str
    region: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """An account of the organization; ``state`` is ``ACTIVE`` where its role can be assumed."""

    account: str
    state: str
    organization_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryEvent:
    """One event; ``at`` is in epoch seconds, ``text`` the JSON text that CloudTrail gives, unchanged."""

    event_id: str
    at: int
    text: str


@dataclass(slots=True, kw_only=True)
class Pace:
    """Lets one call go every ``INTERVAL_S`` seconds; ``clock`` counts seconds and ``sleep`` waits."""

    clock: Callable[[], float]
    sleep: Callable[[float], None]
    next_at: float = field(default=float("-inf"))

    def wait(self) -> None:
        """Wait for the turn of the next call."""
        now = self.clock()
        if now < self.next_at:
            self.sleep(self.next_at - now)
            now = self.next_at
        self.next_at = now + INTERVAL_S


class Reader:
    """Reads the Event history of an organization's accounts; safe to use from several threads.

    Args:
        accounts: who we are.
        clock: counts seconds.
        sleep: waits some seconds.
        called: told once for every call.
    """

    def __init__(
        self,
        accounts: Accounts,
        *,
        clock: Callable[[], float],
        sleep: Callable[[float], None],
        called: Callable[[], None] = lambda: None,
    ) -> None:
        self._accounts = accounts
        self._clock = clock
        self._sleep = sleep
        self._called = called
        self._patience = Patience(clock=clock, sleep=sleep)

    def pages(self, place: Place, since: int, until: int) -> Iterator[tuple[HistoryEvent, ...]]:
        """Yield the events with ``since <= at <= until`` (epoch seconds) in pages, newest first, none twice.

        Raises:
            AwsCallError: AWS refuses, or is still too busy after ten minutes of waiting.
            StoppedError: the credentials at hand are not valid any more.
        """
        pace = Pace(clock=self._clock, sleep=self._sleep)
        asked, has_gained = _request(since, until), False
        seen: set[str] = set()
        while True:
            try:
                answer = self._ask(place, pace, asked)
            except AwsCallError as error:
                if error.code != _STALE or not has_gained:
                    raise
                asked, has_gained = _request(since, until), False
                continue
            events = _events(answer, seen)
            if events:
                has_gained = True
                oldest = min(until, *(event.at for event in events))
                kept = seen if oldest == until else set()
                seen = kept | {event.event_id for event in events if event.at == oldest}
                until = oldest
            yield events
            if not answer.get("NextToken"):
                return
            asked = {**asked, "NextToken": answer["NextToken"]}

    def _ask(self, place: Place, pace: Pace, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        def attempt() -> Mapping[str, Any]:
            pace.wait()
            self._called()
            return self._call(place, asked)

        def reach() -> Mapping[str, Any]:
            return self._patience.retry(attempt, not_yet=_UNREACHED, deadline_s=_UNREACHED_DEADLINE_S)

        return self._patience.retry(reach, not_yet=_BUSY, deadline_s=_BUSY_DEADLINE_S)

    def _call(self, place: Place, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        with aws_errors(_CALL):
            try:
                return self._accounts.cloudtrail_in(place.account, place.region).lookup_events(**asked)
            except ClientError as error:
                code = error.response.get("Error", {}).get("Code", "")
                if code in _ROLE_OR_REGION:
                    raise AwsCallError(_CALL, code, _not_enabled(place)) from error
                raise


def members(accounts: Accounts) -> tuple[Member, ...] | Unreadable:
    """Return the accounts of the organization, or the call that was refused."""
    return read(
        CALL,
        lambda: tuple(
            Member(
                account=account["Id"],
                state=state_of(account),
                organization_id=account["Arn"].split("/")[1],
            )
            for account in list_accounts(accounts)
        ),
    )


def regions(accounts: Accounts, account: str) -> tuple[str, ...] | Unreadable:
    """Return the regions that are enabled in an account, or the call that was refused."""
    return read(
        "ec2:DescribeRegions",
        lambda: tuple(
            sorted(
                region["RegionName"]
                for region in accounts.ec2(account).describe_regions(AllRegions=False)["Regions"]
                if region.get("OptInStatus") != "not-opted-in"
            )
        ),
    )


def _request(since: int, until: int) -> dict[str, Any]:
    return {
        "StartTime": datetime.fromtimestamp(since, UTC),
        "EndTime": datetime.fromtimestamp(until, UTC),
        "MaxResults": PAGE,
    }


def _events(answer: Mapping[str, Any], seen: set[str]) -> tuple[HistoryEvent, ...]:
    """Return the events of an answer that did not come before."""
    try:
        found = [
            HistoryEvent(
                event_id=event["EventId"],
                at=int(event["EventTime"].timestamp()),
                text=event["CloudTrailEvent"],
            )
            for event in answer["Events"]
        ]
    except KeyError as error:
        raise AwsCallError(_CALL, "IncompleteAnswer", f"expected {error} in it, got none") from error
    return tuple(event for event in found if event.event_id not in seen)


def _not_enabled(place: Place) -> str:
    return f"expected {place.region} to be enabled in {place.account}, got a refusal of its credentials"
