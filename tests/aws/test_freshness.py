"""The newest log and digest of every account and region, found with few calls."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sandbox_archives import BUCKET, make_bucket
from trailkeep.aws.freshness import Archive, archive_accounts, archive_freshness
from trailkeep.core.layout import DigestKey, Family, LogKey, format_key
from trailkeep.guard.estate import Unreadable
from trailkeep.guard.status import AccountSeen, Seen
from trailkeep.sandbox.organization import LOG_ARCHIVE_ACCOUNT_ID, ORGANIZATION_ID, Sandbox

pytestmark = pytest.mark.sandbox
NOW = datetime(2026, 3, 1, 0, 30, tzinfo=UTC)
PROD = "333333333333"
HOME = "eu-central-1"


class Counting:
    """An S3 client that counts its listings."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.calls: Counter[str] = Counter()

    def get_paginator(self, operation: str) -> Counting:
        """Return what pages through listings."""
        assert operation == "list_objects_v2"
        return self

    def paginate(self, **asked: Any) -> Iterator[Any]:
        """Yield the pages, each of which is one call."""
        for page in self._client.get_paginator("list_objects_v2").paginate(**asked):
            self.calls["ListObjectsV2"] += 1
            yield page


def log(ago: timedelta, *, account: str = PROD, region: str = HOME, prefix: str = "") -> str:
    """Return the key of a log that was delivered some time ago."""
    return format_key(
        LogKey(
            prefix=prefix,
            organization_id=ORGANIZATION_ID,
            account_id=account,
            family=Family.EVENTS,
            region=region,
            delivered_at=NOW - ago,
            unique="abcdefgh12345678",
        )
    )


def digest(ago: timedelta, *, account: str = PROD, region: str = HOME) -> str:
    """Return the key of a digest whose hour ended some time ago."""
    return format_key(
        DigestKey(
            prefix="",
            organization_id=ORGANIZATION_ID,
            account_id=account,
            region=region,
            trail_name="trailkeep",
            home_region=HOME,
            ends_at=NOW - ago,
            backfill=False,
        )
    )


def fill(sandbox: Sandbox, keys: Iterable[str], *, prefix: str = "") -> tuple[Archive, Counter[str]]:
    """Return an archive that holds these keys, and what is called of it from now on."""
    s3 = make_bucket(sandbox)
    for key in keys:
        s3.put_object(Bucket=BUCKET, Key=key, Body=b"")
    client = Counting(sandbox.client("s3", LOG_ARCHIVE_ACCOUNT_ID))
    archive = Archive(client=client, bucket=BUCKET, prefix=prefix, organization_id=ORGANIZATION_ID)
    return archive, client.calls


def minutes(count: float) -> timedelta:
    """Return so many minutes."""
    return timedelta(minutes=count)


def only(found: tuple[AccountSeen, ...]) -> Seen:
    """Return the one region of the one account."""
    [account] = found
    assert not isinstance(account.regions, Unreadable)
    [seen] = account.regions
    return seen


def test_fresh(sandbox: Sandbox) -> None:
    """What was delivered within the hour is found by its minute, across midnight too, with two calls a region."""
    keys = [log(minutes(500)), log(minutes(50)), log(minutes(31)), digest(minutes(90)), digest(minutes(150))]
    archive, calls = fill(sandbox, keys)
    seen = only(archive_freshness(archive, [PROD], now=NOW))
    assert seen == Seen(region=HOME, log_at=NOW - minutes(31), digest_at=NOW - minutes(90))
    assert calls == {"ListObjectsV2": 2 + 2}


def test_old(sandbox: Sandbox) -> None:
    """A region that was last heard of long ago costs four calls more, for its year, month, day and log."""
    archive, calls = fill(sandbox, [log(timedelta(days=days)) for days in (400, 70, 69)])
    seen = only(archive_freshness(archive, [PROD], now=NOW))
    assert seen == Seen(region=HOME, log_at=NOW - timedelta(days=69))
    assert calls == {"ListObjectsV2": 2 + 1 + 4}


def test_calls(sandbox: Sandbox) -> None:
    """A accounts in R regions that are fresh take 2 A + 2 A R calls, so 36,000 for 1,000 accounts in 17 regions."""
    accounts, regions = (PROD, "444444444444", "555555555555"), (HOME, "us-east-1", "eu-west-1", "sa-east-1")
    keys = [
        key(minutes(10), account=account, region=region)
        for key in (log, digest)
        for account in accounts
        for region in regions
    ]
    archive, calls = fill(sandbox, keys)
    found = archive_freshness(archive, accounts, now=NOW)
    assert [account.account for account in found] == sorted(accounts)
    assert all(len(account.regions) == 4 for account in found if not isinstance(account.regions, Unreadable))
    assert calls.total() == calls_for(len(accounts), len(regions)) == 30
    assert calls_for(1_000, 17) == 36_000


def calls_for(accounts: int, regions: int) -> int:
    """Return how many calls the module's docstring promises."""
    return 2 * accounts + 2 * accounts * regions


def test_the_future_is_no_evidence(sandbox: Sandbox) -> None:
    """A key that claims to be delivered tomorrow, or in 2099, hides neither age nor silence."""
    keys = [log(timedelta(days=-1)), log(timedelta(days=-27000)), log(timedelta(days=3))]
    archive, _ = fill(sandbox, keys)
    assert only(archive_freshness(archive, [PROD], now=NOW)).log_at == NOW - timedelta(days=3)


def test_strange_keys_are_no_evidence(sandbox: Sandbox) -> None:
    """An object that is not named as CloudTrail names a log does not make a region fresh."""
    strange = log(minutes(5)).replace(".json.gz", ".txt")
    archive, _ = fill(sandbox, [strange, log(timedelta(days=2))])
    assert only(archive_freshness(archive, [PROD], now=NOW)).log_at == NOW - timedelta(days=2)


def test_hidden_logs_are_not_fresh(sandbox: Sandbox) -> None:
    """Logs that somebody hid behind delete markers count as not there."""
    archive, _ = fill(sandbox, [log(minutes(5)), log(timedelta(days=2))])
    sandbox.client("s3", LOG_ARCHIVE_ACCOUNT_ID).delete_object(Bucket=BUCKET, Key=log(minutes(5)))
    assert only(archive_freshness(archive, [PROD], now=NOW)).log_at == NOW - timedelta(days=2)


def test_nothing(sandbox: Sandbox) -> None:
    """An account without folders has no region, and the archive does not list it."""
    archive, calls = fill(sandbox, [log(minutes(5), account="444444444444")])
    assert archive_freshness(archive, [PROD], now=NOW) == (AccountSeen(account=PROD, regions=()),)
    assert calls.total() == 2
    assert archive_accounts(archive) == ("444444444444",)


def test_below_a_prefix(sandbox: Sandbox) -> None:
    """The prefix of the trail is honoured."""
    archive, _ = fill(sandbox, [log(minutes(5), prefix="org/")], prefix="org")
    assert only(archive_freshness(archive, [PROD], now=NOW)).log_at == NOW - minutes(5)
    assert archive_accounts(archive) == (PROD,)


def test_refused(sandbox: Sandbox) -> None:
    """A bucket that cannot be listed is unreadable for every account that was asked for."""
    client = Counting(sandbox.client("s3", LOG_ARCHIVE_ACCOUNT_ID))
    archive = Archive(client=client, bucket="no-such-bucket-here", prefix="", organization_id="o-x")
    [one, other] = archive_freshness(archive, [PROD, "444444444444"], now=NOW)
    for account in (one, other):
        assert isinstance(account.regions, Unreadable)
        assert account.regions.call == "s3:ListBucket"
        assert "NoSuchBucket" in account.regions.error
