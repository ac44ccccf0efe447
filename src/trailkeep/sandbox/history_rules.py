"""CloudTrail's Event history: what happened in an account and Region for 90 days, with or without a trail.

Newest first, 50 events a page, one lookup attribute, and a token that goes on only with the request it came
from. ``requests_per_second`` switches AWS's limit of 2 on.

Source: https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html
"""

from __future__ import annotations

import json
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from bisect import insort
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import islice
from typing import Any

from werkzeug.wrappers import Response

from trailkeep.sandbox.events import Activity
from trailkeep.sandbox.faults import Fault, json_answer

__all__ = ["HORIZON", "EventHistory"]

HORIZON = timedelta(days=90)
_PAGE = 50


@dataclass(frozen=True, slots=True, order=True)
class _Moment:
    """Where an event stands in the history of its account and Region; ``at`` is in epoch seconds."""

    at: int
    number: int
    text: str


class EventHistory:
    """The management events of every account and Region; safe for one writer beside its readers."""

    def __init__(self) -> None:
        self.requests_per_second = 0
        self._events: dict[tuple[str, str], list[_Moment]] = defaultdict(list)
        self._answered: dict[tuple[str, str], deque[float]] = defaultdict(deque)
        self._number = 0

    def clear(self) -> None:
        """Forget everything, the limit too."""
        self.requests_per_second = 0
        self._events.clear()
        self._answered.clear()
        self._number = 0

    def watch(self, activities: Iterable[Activity]) -> Iterator[Activity]:
        """Yield the activities as they come, and remember those that Event history shows."""
        oldest = datetime.now(UTC) - HORIZON
        for activity in activities:
            if activity.occurred_at >= oldest and _is_management(activity.record):
                self._remember(activity)
            yield activity

    def answer(self, parameters: Mapping[str, Any], *, account_id: str, region: str) -> Fault | Response:
        """Answer one LookupEvents of an account in a Region."""
        place = (account_id, region)
        refused = self._throttle(place) or _refuse(parameters)
        if refused:
            return refused
        after = _read_token(parameters, place)
        if isinstance(after, Fault):
            return after
        size = int(parameters.get("MaxResults", _PAGE))
        page = list(islice(self._matching(parameters, place, after), size + 1))
        body: dict[str, Any] = {"Events": [_event(moment) for moment in page[:size]]}
        if len(page) > size:
            body["NextToken"] = _token(parameters, place, page[size - 1])
        return json_answer(body)

    def _remember(self, activity: Activity) -> None:
        self._number += 1
        at = int(activity.occurred_at.timestamp())
        moment = _Moment(at, self._number, activity.record.decode())
        insort(self._events[activity.account_id, activity.region], moment)

    def _matching(
        self, parameters: Mapping[str, Any], place: tuple[str, str], after: tuple[int, int] | None
    ) -> Iterator[_Moment]:
        now = datetime.now(UTC).timestamp()
        since = max(float(parameters.get("StartTime", 0)), now - HORIZON.total_seconds())
        until = min(float(parameters.get("EndTime", now)), now)
        if parameters.get("EventCategory"):
            return
        for moment in reversed(list(self._events.get(place, ()))):
            is_next = after is None or (moment.at, moment.number) < after
            if is_next and since <= moment.at <= until and _has_attribute(parameters, moment):
                yield moment

    def _throttle(self, place: tuple[str, str]) -> Fault | None:
        if not self.requests_per_second:
            return None
        now = time.monotonic()
        answered = self._answered[place]
        while answered and answered[0] <= now - 1:
            answered.popleft()
        if len(answered) >= self.requests_per_second:
            return Fault(code="ThrottlingException", message="Rate exceeded")
        answered.append(now)
        return None


def _refuse(parameters: Mapping[str, Any]) -> Fault | None:
    size = parameters.get("MaxResults", _PAGE)
    if not isinstance(size, int) or not 1 <= size <= _PAGE:
        message = f"A max results value of {size} is invalid. Specify max results between 1 and {_PAGE}."
        return Fault(code="InvalidMaxResultsException", message=message)
    if float(parameters.get("StartTime", 0)) > float(parameters.get("EndTime", "inf")):
        message = "The start time is after the end time."
        return Fault(code="InvalidTimeRangeException", message=message)
    if parameters.get("EventCategory", "insight") != "insight":
        return Fault(code="InvalidEventCategoryException", message="The event category is not valid.")
    attributes = parameters.get("LookupAttributes") or []
    if len(attributes) > 1 or any(not _is_known(attribute) for attribute in attributes):
        message = "Specify at most one lookup attribute, with one of the supported keys and a value."
        return Fault(code="InvalidLookupAttributesException", message=message)
    return None


def _is_known(attribute: Mapping[str, Any]) -> bool:
    known = {*_ATTRIBUTES, "ResourceType", "ResourceName"}
    return attribute.get("AttributeKey") in known and bool(attribute.get("AttributeValue"))


def _has_attribute(parameters: Mapping[str, Any], moment: _Moment) -> bool:
    for attribute in parameters.get("LookupAttributes") or ():
        key, value = attribute["AttributeKey"], attribute["AttributeValue"]
        record = json.loads(moment.text)
        if key in {"ResourceType", "ResourceName"}:
            return any(resource.get(key) == value for resource in _resources(record))
        return bool(_ATTRIBUTES[key](record) == value)
    return True


def _fingerprint(parameters: Mapping[str, Any], place: tuple[str, str]) -> str:
    asked = {name: value for name, value in parameters.items() if name != "NextToken"}
    return sha256(json.dumps([asked, place], sort_keys=True).encode()).hexdigest()


def _token(parameters: Mapping[str, Any], place: tuple[str, str], last: _Moment) -> str:
    text = json.dumps([_fingerprint(parameters, place), last.at, last.number])
    return urlsafe_b64encode(text.encode()).decode()


def _read_token(parameters: Mapping[str, Any], place: tuple[str, str]) -> tuple[int, int] | Fault | None:
    """Return after what to go on, None without a token, a fault for another request's token."""
    if "NextToken" not in parameters:
        return None
    try:
        bound, at, number = json.loads(urlsafe_b64decode(str(parameters["NextToken"])))
    except ValueError:
        bound, at, number = "", 0, 0
    if bound != _fingerprint(parameters, place):
        message = "The token is not valid, or was used in a request with different parameters."
        return Fault(code="InvalidNextTokenException", message=message)
    return int(at), int(number)


def _event(moment: _Moment) -> dict[str, Any]:
    record = json.loads(moment.text)
    told = {
        "EventId": record.get("eventID"),
        "EventName": record.get("eventName"),
        "ReadOnly": _read_only(record),
        "AccessKeyId": _identity(record).get("accessKeyId"),
        "EventTime": moment.at,
        "EventSource": record.get("eventSource"),
        "Username": _user_name(record),
        "Resources": _resources(record),
        "CloudTrailEvent": moment.text,
    }
    return {name: value for name, value in told.items() if value is not None}


def _is_management(record: bytes) -> bool:
    read = json.loads(record)
    category = read.get("eventCategory", "Management")
    return category == "Management" and read.get("managementEvent") is not False


def _identity(record: Mapping[str, Any]) -> Mapping[str, Any]:
    return record.get("userIdentity") or {}


def _read_only(record: Mapping[str, Any]) -> str | None:
    value = record.get("readOnly")
    return None if value is None else str(value).lower()


def _user_name(record: Mapping[str, Any]) -> str | None:
    identity = _identity(record)
    match identity.get("type"):
        case "Root":
            return "root"
        case "AssumedRole" | "FederatedUser":
            return str(identity.get("principalId", "")).partition(":")[2] or None
        case _:
            return identity.get("userName")


def _resources(record: Mapping[str, Any]) -> list[dict[str, Any]]:
    named = [
        {"ResourceType": resource.get("type"), "ResourceName": resource.get("ARN")}
        for resource in record.get("resources") or ()
    ]
    return [{name: value for name, value in one.items() if value} for one in named]


_ATTRIBUTES: dict[str, Callable[[Mapping[str, Any]], Any]] = {
    "EventId": lambda record: record.get("eventID"),
    "EventName": lambda record: record.get("eventName"),
    "EventSource": lambda record: record.get("eventSource"),
    "ReadOnly": _read_only,
    "Username": _user_name,
    "AccessKeyId": lambda record: _identity(record).get("accessKeyId"),
}
