"""Event histories for tests: what happened lately in some accounts and regions."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from logs import record
from trailkeep.sandbox.events import Activity
from trailkeep.sandbox.organization import Sandbox

PROD, STAGING = "333333333333", "444444444444"
EU, US = "eu-central-1", "us-east-1"


def happened(number: int, *, at: datetime, account: str = PROD, region: str = EU, **fields: Any) -> Activity:
    """Return one activity; its record's id follows from its number."""
    body = record(
        number,
        eventTime=f"{at:%Y-%m-%dT%H:%M:%SZ}",
        awsRegion=region,
        recipientAccountId=account,
        **fields,
    )
    text = json.dumps(body, separators=(",", ":")).encode()
    return Activity(account_id=account, region=region, occurred_at=at, record=text)


def spread(
    count: int, *, apart: timedelta, account: str = PROD, region: str = EU, first: int = 0, ends_at: datetime
) -> list[Activity]:
    """Return activities that lie equally far apart, in order of time, the last of them at ``ends_at``."""
    return [
        happened(first + number, at=ends_at - (count - 1 - number) * apart, account=account, region=region)
        for number in range(count)
    ]


def remember(sandbox: Sandbox, activities: Iterable[Activity]) -> list[Activity]:
    """Let the embedded AWS know that this happened; no trail is needed for it."""
    return list(sandbox.history.watch(activities))


def present() -> datetime:
    """Return the present in whole seconds; what lies there is in Event history already."""
    return datetime.now(UTC).replace(microsecond=0) - timedelta(seconds=2)
