"""Serves an archive of very many tiny objects from memory: what does verifying cost by their number?

Each account has logs of five minutes and signed hourly digests of its home Region for a month, 9,360 objects.
Every log has the same content. Run as a process of its own: ``many.py OBJECTS`` prints the URL, how many
logs and digests there are and up to when the archive goes, and serves until it is ended.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import sys
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from object_server import Contents, Item, listening
from signed import BUCKET, HOME, ORGANIZATION, TRAIL, answers
from trailkeep.core.layout import Family, LogKey, format_key
from trailkeep.sandbox.digests import Chain, DigestPlace, ListedLog
from trailkeep.sandbox.signing import SigningKeys

_BEGINS_AT = datetime(2026, 3, 1, tzinfo=UTC)
_DAYS = 30
_STEP = timedelta(minutes=5)
_OF_ACCOUNT = _DAYS * 24 * 13
_CONTENT = b'{"Records":[]}'
_LOG = Item(body=gzip.compress(_CONTENT, mtime=0))
_SHA256 = sha256(_CONTENT).hexdigest()


def contents(objects: int) -> tuple[Contents, int, int]:
    """Return an archive of about so many objects, and how many logs and digests it has."""
    keys, items = SigningKeys(), dict[str, Item]()
    accounts = [f"{300_000_000_000 + number}" for number in range(max(1, round(objects / _OF_ACCOUNT)))]
    ends_at = _BEGINS_AT + timedelta(days=_DAYS, minutes=90)
    for account in accounts:
        _fill(items, keys, account, ends_at)
    digests = sum("CloudTrail-Digest" in key for key in items)
    said = answers(keys, accounts, (HOME,), _BEGINS_AT, ends_at)
    return Contents(buckets={BUCKET: items}, answers=said), len(items) - digests, digests


def _fill(items: dict[str, Item], keys: SigningKeys, account: str, ends_at: datetime) -> None:
    def put(_chain: Chain, key: str, body: bytes, metadata: dict[str, str], _at: datetime) -> bool:
        items[key] = Item(body=body, metadata=metadata)
        return True

    place = DigestPlace(
        prefix="",
        organization_id=ORGANIZATION,
        account_id=account,
        region=HOME,
        trail_name=TRAIL,
        home_region=HOME,
    )
    chain = Chain(place=place, bucket=BUCKET, keys=keys, put=put, starts_at=_BEGINS_AT)
    chain.open(_BEGINS_AT)
    for number in range(_DAYS * 24 * 12):
        at = _BEGINS_AT + number * _STEP
        key = format_key(
            LogKey(
                prefix="",
                organization_id=ORGANIZATION,
                account_id=account,
                family=Family.EVENTS,
                region=HOME,
                delivered_at=at,
                unique=f"{number:016}",
            )
        )
        items[key] = _LOG
        chain.advance(at)
        chain.note(ListedLog(bucket=BUCKET, key=key, sha256=_SHA256, oldest=at, newest=at, delivered_at=at))
    chain.advance(ends_at)


async def _serve(objects: int) -> None:
    made, logs, digests = contents(objects)
    as_of = _BEGINS_AT + timedelta(days=_DAYS, hours=2)
    async with listening(made) as url:
        told = {"url": url, "logs": logs, "digests": digests, "as_of": as_of.isoformat(), "bucket": BUCKET}
        print(json.dumps(told), flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1])))
