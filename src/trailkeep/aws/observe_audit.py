"""Reads what an audit asks beyond the estate: versions, access logs, replicas, the key, feeds and watchers.

Every fact is read on its own, so a refused call leaves one fact ``Unreadable`` and no other.

Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectVersions.html,
https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListOrganizationsFeatures.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar

from trailkeep.aws.observe_watchers import observe_watchers
from trailkeep.aws.reading import read, read_or_absent
from trailkeep.aws.session import Accounts
from trailkeep.guard.audit_facts import AuditFacts, Feed, Replica, Versions
from trailkeep.guard.estate import Absent, Bucket, Encryption, Estate, Key, Tag, Trail, Unreadable
from trailkeep.guard.matching import split_arn

if TYPE_CHECKING:
    from mypy_boto3_kms import KMSClient
    from mypy_boto3_s3 import S3Client

__all__ = ["observe_audit"]

T = TypeVar("T")

_AT_ONCE = 4
_MARKERS_KEPT = 20
_PAGE = 1000
_TOLD = frozenset(
    {
        "EventBridgeConfiguration",
        "LambdaFunctionConfigurations",
        "QueueConfigurations",
        "TopicConfigurations",
    }
)
_EVERYBODY = "http://acs.amazonaws.com/groups/"
_NO_FEATURES = (
    "ServiceAccessNotEnabledException",
    "ServiceAccessNotEnabled",
    "OrganizationNotFoundException",
    "OrganizationNotInAllFeaturesModeException",
)


def observe_audit(
    accounts: Accounts, estate: Estate, trail: Trail | None, *, max_versions: int
) -> AuditFacts:
    """Return the facts of the archive in an estate and of the trail that fills it.

    Args:
        accounts: clients of the accounts.
        estate: what was observed already.
        trail: the trail that fills the archive, if there is one.
        max_versions: how many versions are looked at for delete markers; 0 means all.
    """
    bucket = estate.bucket
    with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
        of_bucket = [
            pool.submit(_of_bucket, accounts, bucket, get)
            for get in (
                lambda client, named: _versions(client, named, max_versions),
                _access_log_bucket,
                _mfa_delete,
                _public_grants,
                _notifies,
                _replicas,
            )
        ]
        key = pool.submit(_key, accounts, estate, trail)
        feed = pool.submit(_feed, accounts, trail)
        tags = pool.submit(_trail_tags, accounts, trail)
        features = pool.submit(_root_features, accounts)
        watchers = pool.submit(observe_watchers, accounts, trail)
        versions, access_log, mfa, grants, notifies, replicas = (found.result() for found in of_bucket)
        return AuditFacts(
            versions=versions,
            access_log_bucket=access_log,
            mfa_delete=mfa,
            public_grants=grants,
            notifies=notifies,
            replicas=replicas,
            key=key.result(),
            feed=feed.result(),
            trail_tags=tags.result(),
            root_features=features.result(),
            watchers=watchers.result(),
        )


def _of_bucket(accounts: Accounts, bucket: object, get: Callable[[S3Client, Any], Any]) -> Any:
    """Return a fact of the bucket; what is not ours is not asked."""
    if isinstance(bucket, Unreadable):
        return bucket
    if not isinstance(bucket, Bucket):
        return Unreadable(call="s3:ListBuckets", error="expected a bucket of ours, got none")
    region = bucket.region if isinstance(bucket.region, str) else "us-east-1"
    client = read("sts:AssumeRole", lambda: accounts.s3(bucket.owner, region))
    if isinstance(client, Unreadable):
        return client
    return get(client, {"Bucket": bucket.name, "ExpectedBucketOwner": bucket.owner})


def _versions(client: S3Client, named: Any, limit: int) -> Versions | Unreadable:
    def get() -> Versions:
        looked_at, markers = 0, list[str]()
        paginator = client.get_paginator("list_object_versions")
        page_size = min(limit or _PAGE, _PAGE)
        for page in paginator.paginate(**named, PaginationConfig={"PageSize": page_size}):
            found = page.get("DeleteMarkers", [])
            looked_at += len(found) + len(page.get("Versions", []))
            markers += [str(marker["Key"]) for marker in found if marker.get("IsLatest")]
            if (limit and looked_at >= limit and page["IsTruncated"]) or len(markers) >= _MARKERS_KEPT:
                return Versions(
                    looked_at=looked_at, delete_markers=tuple(markers[:_MARKERS_KEPT]), is_complete=False
                )
        return Versions(looked_at=looked_at, delete_markers=tuple(markers), is_complete=True)

    return read("s3:ListBucketVersions", get)


def _access_log_bucket(client: S3Client, named: Any) -> str | Absent | Unreadable:
    def get() -> str | Absent:
        target = client.get_bucket_logging(**named).get("LoggingEnabled", {}).get("TargetBucket", "")
        return target or Absent()

    return read("s3:GetBucketLogging", get)


def _mfa_delete(client: S3Client, named: Any) -> bool | Unreadable:
    return read(
        "s3:GetBucketVersioning", lambda: client.get_bucket_versioning(**named).get("MFADelete") == "Enabled"
    )


def _public_grants(client: S3Client, named: Any) -> tuple[str, ...] | Unreadable:
    def get() -> tuple[str, ...]:
        grants = client.get_bucket_acl(**named).get("Grants", [])
        return tuple(
            f"{grant.get('Permission', '')} to {uri.removeprefix(_EVERYBODY)}"
            for grant in grants
            if (uri := grant.get("Grantee", {}).get("URI", "")).endswith(("/AllUsers", "/AuthenticatedUsers"))
        )

    return read("s3:GetBucketAcl", get)


def _notifies(client: S3Client, named: Any) -> bool | Unreadable:
    def get() -> bool:
        said = client.get_bucket_notification_configuration(**named)
        return any(
            value or name == "EventBridgeConfiguration" for name, value in said.items() if name in _TOLD
        )

    return read("s3:GetBucketNotification", get)


def _replicas(client: S3Client, named: Any) -> tuple[Replica, ...] | Absent | Unreadable:
    def get() -> tuple[Replica, ...]:
        rules = client.get_bucket_replication(**named)["ReplicationConfiguration"]["Rules"]
        return tuple(
            Replica(
                bucket=rule["Destination"]["Bucket"].rpartition(":")[2],
                account=rule["Destination"].get("Account", ""),
            )
            for rule in rules
            if rule.get("Status") == "Enabled"
        )

    return read_or_absent("s3:GetReplicationConfiguration", get, "ReplicationConfigurationNotFoundError")


def _key(accounts: Accounts, estate: Estate, trail: Trail | None) -> Key | Absent | Unreadable:
    """Return the key that the trail names, else the bucket, with its policy."""
    bucket = estate.bucket
    encryption = bucket.encryption if isinstance(bucket, Bucket) else Absent()
    by_bucket = encryption.kms_key if isinstance(encryption, Encryption) else ""
    named = (trail.kms_key if trail else "") or by_bucket
    if not named:
        return encryption if isinstance(encryption, Unreadable) else Absent()
    place = split_arn(named)
    if place:
        region, account = place[3], place[4]
    elif isinstance(bucket, Bucket) and isinstance(bucket.region, str):
        region, account = bucket.region, bucket.owner
    else:
        return Unreadable(call="kms:DescribeKey", error=f"expected the ARN of a key, got {named}")
    client = read("sts:AssumeRole", lambda: accounts.kms(account, region))
    if isinstance(client, Unreadable):
        return client
    return read("kms:DescribeKey", lambda: _described(client, named))


def _described(client: KMSClient, named: str) -> Key:
    said = client.describe_key(KeyId=named)["KeyMetadata"]
    key = said["Arn"]
    return Key(
        arn=key,
        alias="",
        state=said.get("KeyState", ""),
        manager=said.get("KeyManager", ""),
        rotates=read(
            "kms:GetKeyRotationStatus",
            lambda: client.get_key_rotation_status(KeyId=key)["KeyRotationEnabled"],
        ),
        policy=read(
            "kms:GetKeyPolicy", lambda: client.get_key_policy(KeyId=key, PolicyName="default")["Policy"]
        ),
        deletion_at=said.get("DeletionDate"),
    )


def _feed(accounts: Accounts, trail: Trail | None) -> Feed | Absent | Unreadable:
    if trail is None or not trail.log_group:
        return Absent()

    def get() -> Feed:
        said = accounts.cloudtrail(trail.home_region).get_trail_status(Name=trail.arn)
        return Feed(
            delivered_at=said.get("LatestCloudWatchLogsDeliveryTime"),
            error=said.get("LatestCloudWatchLogsDeliveryError", ""),
        )

    return read("cloudtrail:GetTrailStatus", get)


def _trail_tags(accounts: Accounts, trail: Trail | None) -> tuple[Tag, ...] | Unreadable:
    if trail is None:
        return ()

    def get() -> tuple[Tag, ...]:
        said = accounts.cloudtrail(trail.home_region).list_tags(ResourceIdList=[trail.arn])
        tags = [tag for found in said["ResourceTagList"] for tag in found.get("TagsList", [])]
        return tuple(sorted(_tags(tags), key=lambda tag: tag.key))

    return read("cloudtrail:ListTags", get)


def _tags(said: list[Any]) -> Iterator[Tag]:
    for tag in said:
        yield Tag(key=tag["Key"], value=tag.get("Value", ""))


def _root_features(accounts: Accounts) -> tuple[str, ...] | Unreadable:
    def get() -> tuple[str, ...]:
        return tuple(sorted(accounts.iam().list_organizations_features().get("EnabledFeatures", [])))

    found = read_or_absent("iam:ListOrganizationsFeatures", get, *_NO_FEATURES)
    return () if isinstance(found, Absent) else found
