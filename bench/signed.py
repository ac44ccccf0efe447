"""Generates an archive as CloudTrail leaves it: five-minute logs and hourly digests that are signed.

The records are the sandbox's, dealt out to logs of equal numbers, so that gzip and JSON are of the usual
size. Beside the objects stands what AWS answers about the trail, its organization and the keys.

Run as a process of its own: ``signed.py FOLDER`` prints the facts as JSON.
"""

from __future__ import annotations

import base64
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import msgspec

from trailkeep.sandbox.chains import Digests
from trailkeep.sandbox.delivery import FolderDigests, write_layout
from trailkeep.sandbox.events import Activity, OrganizationShape, activity
from trailkeep.sandbox.logfiles import Habits
from trailkeep.sandbox.signing import SigningKeys

__all__ = ["BUCKET", "HOME", "ORGANIZATION", "TRAIL", "TRAIL_ARN", "Signed", "answers", "generate"]

BUCKET = "acme-trail-archive"
ORGANIZATION = "o-exampleorgid"
_MANAGEMENT = "111111111111"
_ACCOUNTS = tuple(str(number) * 12 for number in range(3, 7))
HOME = "eu-central-1"
_REGIONS = (HOME, "us-east-1")
TRAIL = "org-trail"
TRAIL_ARN = f"arn:aws:cloudtrail:{HOME}:{_MANAGEMENT}:trail/{TRAIL}"
_BEGINS_AT = datetime(2026, 3, 1, tzinfo=UTC)
_STEP = timedelta(minutes=5)
_POOL = 4_000
EVENTS_PER_LOG = 38  # of 1.6 KB: 60 KB a log


class Signed(msgspec.Struct, frozen=True, kw_only=True):
    """What was generated; ``answers`` is what AWS says, ``as_of`` a moment when all of it had arrived."""

    folder: str
    answers: str
    bucket: str
    trail_arn: str
    accounts: tuple[str, ...]
    regions: tuple[str, ...]
    begins_at: datetime
    ends_at: datetime
    as_of: datetime
    logs: int
    digests: int

    @property
    def chains(self) -> list[tuple[str, str]]:
        """Each account and Region."""
        return [(account, region) for account in self.accounts for region in self.regions]


def generate(folder: Path, *, hours: int = 24) -> Signed:
    """Write the objects below ``folder/objects`` and the answers beside them."""
    keys = SigningKeys()
    ends_at = _BEGINS_AT + timedelta(hours=hours, minutes=90)  # digests come up to an hour later
    written = write_layout(
        folder / "objects" / BUCKET,
        _activities(hours),
        organization_id=ORGANIZATION,
        habits=Habits(late_rate=0, duplicate_rate=0),
        digests=FolderDigests(
            bucket=BUCKET,
            trail_name=TRAIL,
            home_region=HOME,
            accounts=_ACCOUNTS,
            wanted=Digests(until=ends_at, regions=_REGIONS),
            keys=keys,
        ),
    )
    said = folder / "answers.json"
    said.write_bytes(msgspec.json.encode(answers(keys, _ACCOUNTS, _REGIONS, _BEGINS_AT, ends_at)))
    return Signed(
        folder=str(folder / "objects"),
        answers=str(said),
        bucket=BUCKET,
        trail_arn=TRAIL_ARN,
        accounts=_ACCOUNTS,
        regions=_REGIONS,
        begins_at=_BEGINS_AT,
        ends_at=ends_at,
        as_of=ends_at + timedelta(minutes=30),
        logs=written.objects,
        digests=written.digests,
    )


def _activities(hours: int) -> Iterator[Activity]:
    """Yield as many records for each five minutes of each account and Region."""
    stream = activity(
        OrganizationShape(), seed=1, starts_at=_BEGINS_AT, days=1, events_per_day=2 * _POOL, story=False
    )
    records = cycle([one.record for one in islice(stream, _POOL)])
    for number in range(hours * 12):
        for account in _ACCOUNTS:
            for region in _REGIONS:
                for second in range(EVENTS_PER_LOG):
                    at = _BEGINS_AT + number * _STEP + timedelta(seconds=second)
                    yield Activity(account_id=account, region=region, occurred_at=at, record=next(records))


def answers(
    keys: SigningKeys, accounts: Sequence[str], regions: Sequence[str], begins_at: datetime, ends_at: datetime
) -> dict[str, Any]:
    """Return what the object server says for AWS of an archive that is whole."""
    return {
        "keys": {
            region: [
                {
                    "Value": base64.b64encode(key.der).decode(),
                    "ValidityStartTime": key.valid_from.timestamp(),
                    "ValidityEndTime": key.valid_until.timestamp(),
                    "Fingerprint": key.fingerprint,
                }
                for key in keys.listed(region, begins_at, ends_at)
            ]
            for region in regions
        },
        "trails": [
            {
                "Name": TRAIL,
                "TrailARN": TRAIL_ARN,
                "S3BucketName": BUCKET,
                "HomeRegion": HOME,
                "IsMultiRegionTrail": True,
                "IsOrganizationTrail": True,
                "LogFileValidationEnabled": True,
            }
        ],
        "statuses": {region: {"IsLogging": True} for region in regions},
        "organization": {"Id": ORGANIZATION, "MasterAccountId": _MANAGEMENT},
        "accounts": [
            {
                "Id": account,
                "Name": account,
                "Status": "ACTIVE",
                "State": "ACTIVE",
                "JoinedTimestamp": begins_at.timestamp() - 10_000_000,
            }
            for account in accounts
        ],
        "regions": list(regions),
        "caller": _MANAGEMENT,
    }


if __name__ == "__main__":
    print(msgspec.json.encode(generate(Path(sys.argv[1]))).decode())
