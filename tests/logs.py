"""Small log files in CloudTrail's layout, for tests."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from trailkeep.aws.objects import open_source
from trailkeep.core.layout import Family, LogKey, format_key
from trailkeep.lake.table import Lake
from trailkeep.workflows.collect import Collected, collect
from trailkeep.workflows.search import run_sql

START = datetime(2026, 1, 2, 3, 0, tzinfo=UTC)


def record(number: int, **fields: Any) -> dict[str, Any]:
    """Return a record whose id, time and user follow from its number; a field given as ... is left out."""
    body = {
        "eventVersion": "1.11",
        "userIdentity": {
            "type": "IAMUser",
            "principalId": "AIDAEXAMPLE",
            "arn": f"arn:aws:iam::111111111111:user/user-{number % 3}",
            "accountId": "111111111111",
            "accessKeyId": f"AKIA{number:016d}",
            "userName": f"user-{number % 3}",
        },
        "eventTime": f"{START + timedelta(minutes=7 * number):%Y-%m-%dT%H:%M:%SZ}",
        "eventSource": "s3.amazonaws.com",
        "eventName": ("ListBuckets", "CreateBucket", "DeleteBucket")[number % 3],
        "awsRegion": "eu-central-1",
        "sourceIPAddress": f"198.51.100.{number % 250}",
        "userAgent": "test",
        "requestParameters": {"bucketName": f"bucket-{number}"},
        "responseElements": None,
        "requestID": f"request-{number}",
        "eventID": f"00000000-0000-4000-8000-{number:012d}",
        "readOnly": number % 3 == 0,
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": "111111111111",
        "eventCategory": "Management",
    }
    return {name: value for name, value in (body | fields).items() if value is not ...}


def packed(records: Iterable[Any]) -> bytes:
    """Return a log file of these records."""
    return gzip.compress(json.dumps({"Records": list(records)}).encode(), mtime=0)


def key(number: int, *, day: datetime = START, family: Family = Family.EVENTS) -> str:
    """Return the key of the log with this number."""
    return format_key(
        LogKey(
            prefix="",
            organization_id="o-exampleorg1",
            account_id="111111111111",
            family=family,
            region="eu-central-1",
            delivered_at=day,
            unique=f"{number:016d}",
        )
    )


def put(folder: Path, name: str, content: bytes) -> Path:
    """Write one object below a folder."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def archive(folder: Path, logs: Iterable[Sequence[dict[str, Any]]]) -> Path:
    """Write one log file for each list of records and return the folder."""
    for number, records in enumerate(logs):
        put(folder, key(number), packed(records))
    return folder


def take_in(lake: Path, *sources: Path) -> Collected:
    """Collect sources into a lake."""
    return collect([open_source(str(source)) for source in sources], Lake(path=lake))


def rows(lake: Path, sql: str) -> list[dict[str, Any]]:
    """Return the rows of one SELECT over a lake."""
    with run_sql(Lake(path=lake), sql) as answer:
        return [row for batch in answer.batches for row in batch.to_pylist()]


def originals(lake: Path) -> list[str]:
    """Return the original records of a lake, sorted."""
    return sorted(row["record"] for row in rows(lake, "select record from events"))
