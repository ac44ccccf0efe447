"""Which management events the selectors of a trail leave out.

Source: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/logging-management-events-with-cloudtrail.html
"""

from __future__ import annotations

import json
from typing import Any

from trailkeep.guard.estate import Absent

__all__ = ["left_out"]

_MANAGEMENT = {"Field": "eventCategory", "Equals": ["Management"]}


def left_out(selectors: str | Absent) -> str:
    """Return what the answer of GetEventSelectors, a JSON text, leaves out; empty where it is nothing."""
    if isinstance(selectors, Absent):
        return "and what they select was not observed"
    try:
        answer = json.loads(selectors)
    except ValueError:
        return "and what was observed of them is no JSON"
    advanced = answer.get("AdvancedEventSelectors") or []
    if any(_fields(selector) == [_MANAGEMENT] for selector in advanced):
        return ""
    basic = [one for one in answer.get("EventSelectors") or [] if one.get("IncludeManagementEvents", True)]
    if any(_selects_all(selector) for selector in basic):
        return ""
    some = basic or any(_MANAGEMENT in _fields(selector) for selector in advanced)
    return "and they select only some management events" if some else "and they select no management events"


def _selects_all(selector: dict[str, Any]) -> bool:
    return selector.get("ReadWriteType", "All") == "All" and not selector.get("ExcludeManagementEventSources")


def _fields(selector: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the field selectors without the operators that hold nothing."""
    fields = selector.get("FieldSelectors", [])
    return [{name: value for name, value in field.items() if value} for field in fields]
