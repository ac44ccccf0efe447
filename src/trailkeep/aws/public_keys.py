"""Fetches the public keys that digests are signed with, from the CloudTrail of each region.

Keys belong to a region and are the same for every account; nothing is signed with a key that is not listed
for the time of the digest. How far back AWS lists them is not documented, so that they are worth keeping.

Source: https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_ListPublicKeys.html
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from trailkeep.aws.reading import read
from trailkeep.aws.session import Accounts
from trailkeep.guard.estate import Unreadable

if TYPE_CHECKING:
    from mypy_boto3_cloudtrail import CloudTrailClient

__all__ = ["FetchedKey", "FetchedKeys", "fetch_keys"]

_CALL = "cloudtrail:ListPublicKeys"
_AT_ONCE = 8
_BEFORE = timedelta(hours=1)
_AFTER = timedelta(hours=2)
_PAGES = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchedKey:
    """One key as AWS lists it; ``der`` is a PKCS#1 public key, nothing of it was checked.

    ``source`` is whose credentials asked which API, because trust in a key begins there.
    """

    region: str
    fingerprint: str
    der: bytes
    valid_from: datetime
    valid_until: datetime
    fetched_at: datetime
    source: str

    @property
    def sha256(self) -> str:
        """The SHA-256 of the DER in hex, which pins the key; AWS's fingerprint is an MD5."""
        return sha256(self.der).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchedKeys:
    """The keys of several regions, ordered, and the regions whose keys could not be read."""

    keys: tuple[FetchedKey, ...]
    refused: tuple[tuple[str, Unreadable], ...] = ()


def fetch_keys(
    accounts: Accounts, regions: Iterable[str], *, since: datetime, until: datetime, now: datetime
) -> FetchedKeys:
    """Return every key that is valid at some time from ``since`` to ``until``.

    Args:
        accounts: clients; keys are the same whichever account asks.
        regions: the regions of the digests.
        since: the earliest end of a digest.
        until: the latest one.
        now: when this is asked.

    Raises:
        StoppedError: there are no usable credentials.
    """
    source = f"{_CALL} by {accounts.identity().arn}"
    asked = sorted(set(regions))
    with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
        answers = list(
            pool.map(
                lambda region: read(_CALL, lambda: _listed(accounts.cloudtrail(region), since, until)), asked
            )
        )
    keys: list[FetchedKey] = []
    refused: list[tuple[str, Unreadable]] = []
    for region, answer in zip(asked, answers, strict=True):
        if isinstance(answer, Unreadable):
            refused.append((region, answer))
            continue
        keys += [_key(one, region=region, now=now, source=source) for one in answer]
    return FetchedKeys(keys=tuple(sorted(set(keys), key=_order)), refused=tuple(refused))


def _listed(client: CloudTrailClient, since: datetime, until: datetime) -> list[dict[str, Any]]:
    """Return every page of the answer.

    Raises:
        KeyError: an answer, or a key in it, lacks what it must have.
    """
    found: list[dict[str, Any]] = []
    asked: dict[str, Any] = {"StartTime": since - _BEFORE, "EndTime": until + _AFTER}
    for _ in range(_PAGES):
        answer = client.list_public_keys(**asked)
        found += [
            {name: one[name] for name in ("Fingerprint", "Value", "ValidityStartTime", "ValidityEndTime")}
            for one in map(dict, answer["PublicKeyList"])
        ]
        if not (token := answer.get("NextToken")):
            return found
        asked["NextToken"] = token
    raise KeyError("last page")


def _key(one: dict[str, Any], *, region: str, now: datetime, source: str) -> FetchedKey:
    return FetchedKey(
        region=region,
        fingerprint=one["Fingerprint"],
        der=bytes(one["Value"]),
        valid_from=one["ValidityStartTime"],
        valid_until=one["ValidityEndTime"],
        fetched_at=now,
        source=source,
    )


def _order(key: FetchedKey) -> tuple[str, datetime, str, bytes]:
    return key.region, key.valid_from, key.fingerprint, key.der
