"""Reads the key that encrypts the archive: the one by our alias, or the one that trail or bucket names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trailkeep.aws.reading import read, read_or_absent
from trailkeep.aws.session import Accounts
from trailkeep.core.config import Config
from trailkeep.guard.estate import (
    Absent,
    Bucket,
    Encryption,
    ForeignBucket,
    Key,
    Trail,
    Unreadable,
)
from trailkeep.guard.key_policy import ALIAS
from trailkeep.guard.matching import split_arn

if TYPE_CHECKING:
    from mypy_boto3_kms import KMSClient

__all__ = ["observe_key"]


def observe_key(
    accounts: Accounts,
    config: Config,
    *,
    archive: str | Absent | Unreadable,
    bucket: Bucket | ForeignBucket | Absent | Unreadable,
    trails: tuple[Trail, ...] | Unreadable,
) -> Key | Absent | Unreadable:
    """Return the key; no call is made where none is asked for and neither trail nor bucket names one.

    A key of another account or region, which may not let us read it, is never the archive's own.
    """
    named = _named_by_bucket(bucket)
    if config.archive.encryption == "sse-kms":
        if not isinstance(archive, str):
            return archive
        found = _described(accounts, ALIAS, account=archive, region=config.archive.region, whole=True)
        if not isinstance(found, Absent) or not named:
            return found
        other = _described(accounts, named, account=archive, region=config.archive.region, whole=True)
        is_elsewhere = (split_arn(named) or ())[3:5] not in {(), (config.archive.region, archive)}
        return Absent() if isinstance(other, Unreadable) and is_elsewhere else other
    named = _named_by_trail(trails, config.trail.name) or named
    if not named or not isinstance(archive, str):
        return Absent()
    return _described(accounts, named, account=archive, region=config.archive.region, whole=False)


def _named_by_bucket(bucket: Bucket | ForeignBucket | Absent | Unreadable) -> str:
    if isinstance(bucket, Bucket) and isinstance(bucket.encryption, Encryption):
        return bucket.encryption.kms_key
    return ""


def _named_by_trail(trails: tuple[Trail, ...] | Unreadable, name: str) -> str:
    if isinstance(trails, Unreadable):
        return ""
    return next((trail.kms_key for trail in trails if trail.name == name), "")


def _described(
    accounts: Accounts, named: str, *, account: str, region: str, whole: bool
) -> Key | Absent | Unreadable:
    """Return a key by its ARN, which tells account and region, or by an id or alias in the place given."""
    segments = split_arn(named)
    if segments:
        region, account = segments[3], segments[4]
    client = read("sts:AssumeRole", lambda: accounts.kms(account, region))
    if isinstance(client, Unreadable):
        return client
    return read_or_absent("kms:DescribeKey", lambda: _key(client, named, whole=whole), "NotFoundException")


def _key(client: KMSClient, named: str, *, whole: bool) -> Key:
    said = client.describe_key(KeyId=named)["KeyMetadata"]
    key = said["Arn"]
    reads = whole and said.get("KeyManager") == "CUSTOMER" and said.get("KeyState") == "Enabled"
    return Key(
        arn=key,
        alias=named if named.startswith("alias/") else "",
        state=said.get("KeyState", ""),
        manager=said.get("KeyManager", ""),
        rotates=read(
            "kms:GetKeyRotationStatus",
            lambda: client.get_key_rotation_status(KeyId=key)["KeyRotationEnabled"],
        )
        if reads
        else Absent(),
        policy=read(
            "kms:GetKeyPolicy", lambda: client.get_key_policy(KeyId=key, PolicyName="default")["Policy"]
        )
        if reads
        else Absent(),
        deletion_at=said.get("DeletionDate"),
        origin=said.get("Origin", ""),
    )
