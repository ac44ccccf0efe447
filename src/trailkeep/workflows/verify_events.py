"""What proven logs say of changes of trails: they explain why digests stop and begin again."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from trailkeep.keep.gaps import EVENT_NAMES, TrailEvent, trail_event

__all__ = ["events_in"]

_NAMES = tuple(name.encode() for name in sorted(EVENT_NAMES))


class _Who(msgspec.Struct, frozen=True):
    arn: str = ""


class _Event(msgspec.Struct, frozen=True, rename="camel"):
    event_source: str = ""
    event_name: str = ""
    event_time: datetime | None = None
    aws_region: str = ""
    error_code: str = ""
    user_identity: _Who = _Who()
    request_parameters: Any = None


class _Log(msgspec.Struct, frozen=True):
    records: list[msgspec.Raw] = msgspec.field(name="Records", default_factory=list)


_log = msgspec.json.Decoder(_Log)
_event = msgspec.json.Decoder(_Event)


def events_in(content: bytes, *, account: str, source: str) -> tuple[TrailEvent, ...]:
    """Return the changes of trails in the inflated bytes of one log; most logs are not even parsed."""
    if not any(name in content for name in _NAMES):
        return ()
    try:
        records = _log.decode(content).records
    except msgspec.MsgspecError:
        return ()
    made = (_read(bytes(record), account, source) for record in records)
    return tuple(event for event in made if event)


def _read(record: bytes, account: str, source: str) -> TrailEvent | None:
    if not any(name in record for name in _NAMES):
        return None
    try:
        said = _event.decode(record)
    except msgspec.MsgspecError:
        return None
    if said.event_source != "cloudtrail.amazonaws.com" or said.event_time is None:
        return None
    asked = said.request_parameters
    return trail_event(
        name=said.event_name,
        at=said.event_time,
        account=account,
        region=said.aws_region,
        parameters=asked if isinstance(asked, dict) else {},
        who=said.user_identity.arn,
        source=source,
        failed=bool(said.error_code),
    )
