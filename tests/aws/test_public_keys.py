"""The keys of every region, from a server that answers ListPublicKeys as AWS does."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import pytest

from object_servers import object_server
from trailkeep.aws.public_keys import fetch_keys
from trailkeep.aws.session import Accounts
from trailkeep.core.errors import StoppedError

NOW = datetime(2026, 3, 1, tzinfo=UTC)
CALLER = "arn:aws:iam::111111111111:user/bench"


def key(der: bytes, *, month: int = 1) -> dict[str, Any]:
    """Return a key in AWS's own words; times are seconds, as its JSON has them."""
    return {
        "Value": base64.b64encode(der).decode(),
        "Fingerprint": f"fingerprint of {der.decode()}",
        "ValidityStartTime": datetime(2026, month, 1, tzinfo=UTC).timestamp(),
        "ValidityEndTime": datetime(2026, month + 2, 1, tzinfo=UTC).timestamp(),
    }


def fetched(*regions: str) -> Any:
    """Return what is fetched from the running server."""
    accounts = Accounts(region="us-east-1", role="")
    return fetch_keys(accounts, regions, since=NOW - timedelta(days=1), until=NOW, now=NOW)


def test_keys_of_each_region_are_fetched_with_where_they_came_from(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each key has its region, validity, pin, time and source; one that is listed twice is one."""
    keys = {"us-east-1": [key(b"old"), key(b"new", month=2), key(b"old")], "eu-central-1": [key(b"other")]}
    with object_server(monkeypatch, {}, answers={"keys": keys}):
        found = fetched("us-east-1", "eu-central-1", "us-east-1", "sa-east-1")
    assert [(one.region, one.der) for one in found.keys] == [
        ("eu-central-1", b"other"),
        ("us-east-1", b"old"),
        ("us-east-1", b"new"),
    ]
    newest = found.keys[-1]
    assert (newest.fingerprint, newest.sha256) == ("fingerprint of new", sha256(b"new").hexdigest())
    assert (newest.valid_from.month, newest.valid_until.month) == (2, 4)
    assert newest.valid_from.utcoffset() == timedelta(0)
    assert (newest.fetched_at, newest.source) == (NOW, f"cloudtrail:ListPublicKeys by {CALLER}")
    assert found.refused == ()


def test_every_page_of_keys_is_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys beyond the first page are not lost."""
    keys = {"us-east-1": [key(b"%03d" % number) for number in range(250)]}
    with object_server(monkeypatch, {}, answers={"keys": keys}):
        assert [one.der for one in fetched("us-east-1").keys] == [b"%03d" % number for number in range(250)]


def test_a_region_that_refuses_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key without its times is no key, and the region's refusal does not hide the other's keys."""
    broken = {name: value for name, value in key(b"x").items() if name != "ValidityEndTime"}
    keys = {"us-east-1": [key(b"good")], "eu-central-1": [broken]}
    with object_server(monkeypatch, {}, answers={"keys": keys}):
        found = fetched("us-east-1", "eu-central-1")
    assert [one.der for one in found.keys] == [b"good"]
    [(region, refusal)] = found.refused
    assert (region, refusal.call) == ("eu-central-1", "cloudtrail:ListPublicKeys")
    assert "ValidityEndTime" in refusal.error


def test_without_credentials_nothing_is_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    """No credentials are an error, not an empty set of keys."""
    with object_server(monkeypatch, {}):
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.delenv(name)
        for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
            monkeypatch.setenv(name, "/dev/null")
        with pytest.raises(StoppedError, match="AWS credentials"):
            fetched("us-east-1")
