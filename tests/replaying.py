"""Requests of proofs as real calls on the embedded AWS: who makes them, with which API, and what it answers."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from trailkeep.guard.principals import PrincipalKind
from trailkeep.guard.prove_callers import Asker
from trailkeep.guard.prove_pairs import BYPASS, Pair
from trailkeep.guard.threat import Attacker, Target
from trailkeep.sandbox.organization import LOG_ARCHIVE_ACCOUNT_ID, ORGANIZATION_ID, Identity, Sandbox

__all__ = ["NOT_IN_MOTO", "REFUSALS", "Replay", "caller_of", "why_not"]

MANAGEMENT, MEMBER, OUTSIDE = "111111111111", "333333333333", "999999999999"
REFUSALS = frozenset(
    {"AccessDenied", "AccessDeniedException", "MethodNotAllowed", "InsufficientS3BucketPolicyException"}
)
_REPLICATION = "S3 itself asks for it while it replicates; no API call names it"
_PATHS = "access points, access grants and batch jobs are not part of the embedded AWS"
_DELEGATED = "the embedded AWS knows no delegation of policies or trails"
_ABOVE = "it is the management account's own, which nothing refuses; not needed for a proof"
_ELSEWHERE = "the embedded AWS authorizes S3, KMS, CloudTrail and Organizations alone"
_TABLES = "the SDK sends it in ways that the embedded AWS does not tell from another call"

NO_CALL: Mapping[str, str] = {
    action: reason
    for reason, actions in {
        _REPLICATION: "s3:ReplicateObject s3:ReplicateDelete s3:ReplicateTags s3:ReplicateObjectAnnotation "
        "s3:ObjectOwnerOverrideToBucketOwner s3:InitiateReplication s3:PauseReplication",
        _PATHS: "s3:CreateAccessPoint s3:PutAccessPointPolicy s3:CreateMultiRegionAccessPoint "
        "s3:PutMultiRegionAccessPointPolicy s3:CreateAccessPointForObjectLambda "
        "s3:PutAccessPointConfigurationForObjectLambda s3:PutAccessPointPolicyForObjectLambda "
        "s3:PutAccessPointPublicAccessBlock s3:CreateAccessGrantsInstance "
        "s3:PutAccessGrantsInstanceResourcePolicy s3:CreateAccessGrantsLocation s3:CreateAccessGrant "
        "s3:CreateJob s3:TagResource s3:UntagResource s3:PutAccountPublicAccessBlock",
        _TABLES: "s3:PutObjectVersionAnnotation s3:DeleteObjectVersionAnnotation "
        "s3:UpdateBucketMetadataAnnotationTableConfiguration s3:UpdateBucketMetadataInventoryTableConfiguration "
        "s3:UpdateBucketMetadataJournalTableConfiguration",
        _DELEGATED: "organizations:DetachPolicy organizations:UpdatePolicy organizations:DeletePolicy "
        "organizations:AttachPolicy organizations:DisablePolicyType organizations:PutResourcePolicy "
        "cloudtrail:PutEventConfiguration",
        _ABOVE: "organizations:MoveAccount organizations:RegisterDelegatedAdministrator "
        "organizations:DeregisterDelegatedAdministrator organizations:DeleteOrganization "
        "cloudtrail:RegisterOrganizationDelegatedAdmin cloudtrail:DeregisterOrganizationDelegatedAdmin",
    }.items()
    for action in actions.split()
}
"""What cannot be replayed of the services that are authorized, with the reason."""

_SETTING = "IllegalLocationConstraintException"
NOT_IN_MOTO: Mapping[str, str] = {
    "s3:PutBucketRequestPayment": _SETTING,
    "s3:PutAnalyticsConfiguration": _SETTING,
    "s3:PutIntelligentTieringConfiguration": _SETTING,
    "s3:PutBucketAbac": _SETTING,
    "s3:PutMetricsConfiguration": _SETTING,
    "s3:CreateBucketMetadataTableConfiguration": "500",
    "s3:DeleteBucketMetadataTableConfiguration": "BucketNotEmpty",
    "organizations:AcceptHandshake": "HandshakeNotFoundException",
    "kms:DeleteImportedKeyMaterial": "500",
    "kms:ImportKeyMaterial": "500",
    "kms:ReplicateKey": "500",
    "kms:UpdatePrimaryRegion": "500",
    "kms:RevokeGrant": "NotFoundException",
}
"""What is allowed and fails all the same, because moto does not have it (or the key no grant, or the
organization no such handshake), and how.

Moto takes a setting of a bucket that it does not know for the creation or the deletion of the bucket.
"""

_POLICY = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": "*"}],
}
_RULE = {"ID": "x", "Status": "Enabled", "Filter": {"Prefix": ""}}
_TAGS = {"TagSet": [{"Key": "a", "Value": "b"}]}
_GRANTEE = "arn:aws:iam::333333333333:root"


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """One archive in the sandbox: its bucket, one log in it, and the key where it has one."""

    sandbox: Sandbox
    bucket: str
    log: str
    version: str
    key: str = ""
    trail: str = "trailkeep"

    def answer(self, asker: Asker, actions: tuple[str, ...]) -> str:
        """Make the last of some calls that need all these permissions; return AWS's error code or nothing."""
        found = caller_of(asker)
        assert found
        account, identity = found
        if asker.attacker is Attacker.OTHER_TRAIL:
            return _code(lambda: self.foreign_trail(account, identity))
        service = actions[-1].partition(":")[0]
        client = self.sandbox.client(service, account, identity)
        bypass = BYPASS.action in actions
        last = [action for action in actions if action != BYPASS.action][-1]
        return _code(self.calls(client, bypass=bypass)[last])

    def foreign_trail(self, account: str, identity: Identity) -> None:
        """Create a trail outside that delivers below the folder of this organization."""
        client = self.sandbox.client("cloudtrail", account, identity)
        prefix = f"AWSLogs/{ORGANIZATION_ID}"
        client.create_trail(Name="foreign", S3BucketName=self.bucket, S3KeyPrefix=prefix)

    def calls(self, client: Any, *, bypass: bool) -> Mapping[str, Callable[[], object]]:
        """Return the calls of every action that has one."""
        return {
            **self._log_calls(client, bypass=bypass),
            **self._bucket_calls(client),
            **self._others(client),
        }

    def _log_calls(self, client: Any, *, bypass: bool) -> Mapping[str, Callable[[], object]]:
        at: dict[str, Any] = {"Bucket": self.bucket, "Key": self.log}
        version = {**at, "VersionId": self.version}
        forced = {"BypassGovernanceRetention": True} if bypass else {}
        soon = {"Mode": "GOVERNANCE", "RetainUntilDate": datetime.now(UTC) + timedelta(days=1)}
        return {
            "s3:DeleteObjectVersion": lambda: client.delete_object(**version, **forced),
            "s3:DeleteObject": lambda: client.delete_object(**at),
            "s3:PutObject": lambda: client.put_object(**at, Body=b"forged"),
            "s3:PutObjectRetention": lambda: client.put_object_retention(**version, Retention=soon, **forced),
            "s3:PutObjectLegalHold": lambda: client.put_object_legal_hold(
                **version, LegalHold={"Status": "OFF"}
            ),
            "s3:UpdateObjectEncryption": lambda: client.update_object_encryption(
                **at, ObjectEncryption={"SSEKMS": {"KMSKeyArn": f"arn:aws:kms:eu-central-1:{OUTSIDE}:key/x"}}
            ),
            "s3:PutObjectTagging": lambda: client.put_object_tagging(**at, Tagging=_TAGS),
            "s3:PutObjectVersionTagging": lambda: client.put_object_tagging(**version, Tagging=_TAGS),
            "s3:DeleteObjectTagging": lambda: client.delete_object_tagging(**at),
            "s3:DeleteObjectVersionTagging": lambda: client.delete_object_tagging(**version),
            "s3:PutObjectAcl": lambda: client.put_object_acl(**at, ACL="public-read"),
            "s3:PutObjectVersionAcl": lambda: client.put_object_acl(**version, ACL="public-read"),
            "s3:PutObjectAnnotation": lambda: client.put_object_annotation(
                **at, AnnotationName="a", AnnotationPayload=b"b"
            ),
            "s3:DeleteObjectAnnotation": lambda: client.delete_object_annotation(**at, AnnotationName="a"),
        }

    def _bucket_calls(self, client: Any) -> Mapping[str, Callable[[], object]]:
        bucket = self.bucket

        def put(name: str, **members: Any) -> Callable[[], object]:
            return lambda: getattr(client, name)(Bucket=bucket, **members)

        rule = {**_RULE, "Expiration": {"Days": 1}}
        algorithm = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": f"arn:aws:kms:eu-central-1:{OUTSIDE}:key/x"}
        encryption = {"Rules": [{"ApplyServerSideEncryptionByDefault": algorithm}]}
        lock = {"ObjectLockEnabled": "Enabled"}
        owner = {"Rules": [{"ObjectOwnership": "ObjectWriter"}]}
        block = {"BlockPublicAcls": False, "RestrictPublicBuckets": False}
        inventory = {
            "Destination": {"S3BucketDestination": {"Bucket": "arn:aws:s3:::other", "Format": "CSV"}},
            "IsEnabled": True,
            "Id": "x",
            "IncludedObjectVersions": "All",
            "Schedule": {"Frequency": "Daily"},
        }
        tiering = {
            "Id": "x",
            "Status": "Enabled",
            "Tierings": [{"Days": 180, "AccessTier": "DEEP_ARCHIVE_ACCESS"}],
        }
        replication = {
            "Role": f"arn:aws:iam::{LOG_ARCHIVE_ACCOUNT_ID}:role/x",
            "Rules": [{"Status": "Enabled", "Prefix": "", "Destination": {"Bucket": "arn:aws:s3:::other"}}],
        }
        cors = {"CORSRules": [{"AllowedMethods": ["GET"], "AllowedOrigins": ["*"]}]}
        table = {
            "S3TablesDestination": {
                "TableBucketArn": "arn:aws:s3tables:eu-central-1:1:bucket/x",
                "TableName": "x",
            }
        }
        return {
            "s3:PutLifecycleConfiguration": put(
                "put_bucket_lifecycle_configuration", LifecycleConfiguration={"Rules": [rule]}
            ),
            "s3:PutBucketVersioning": put(
                "put_bucket_versioning", VersioningConfiguration={"Status": "Suspended"}
            ),
            "s3:PutBucketObjectLockConfiguration": put(
                "put_object_lock_configuration", ObjectLockConfiguration=lock
            ),
            "s3:PutBucketPolicy": put("put_bucket_policy", Policy=json.dumps(_POLICY)),
            "s3:DeleteBucketPolicy": put("delete_bucket_policy"),
            "s3:PutEncryptionConfiguration": put(
                "put_bucket_encryption", ServerSideEncryptionConfiguration=encryption
            ),
            "s3:PutBucketRequestPayment": put(
                "put_bucket_request_payment", RequestPaymentConfiguration={"Payer": "Requester"}
            ),
            "s3:DeleteBucket": put("delete_bucket"),
            "s3:PutBucketOwnershipControls": put("put_bucket_ownership_controls", OwnershipControls=owner),
            "s3:PutBucketAcl": put("put_bucket_acl", ACL="public-read"),
            "s3:PutBucketPublicAccessBlock": put(
                "put_public_access_block", PublicAccessBlockConfiguration=block
            ),
            "s3:PutReplicationConfiguration": put(
                "put_bucket_replication", ReplicationConfiguration=replication
            ),
            "s3:PutInventoryConfiguration": put(
                "put_bucket_inventory_configuration", Id="x", InventoryConfiguration=inventory
            ),
            "s3:PutAnalyticsConfiguration": put(
                "put_bucket_analytics_configuration",
                Id="x",
                AnalyticsConfiguration={"Id": "x", "StorageClassAnalysis": {}},
            ),
            "s3:PutBucketNotification": put(
                "put_bucket_notification_configuration", NotificationConfiguration={}
            ),
            "s3:PutBucketLogging": put("put_bucket_logging", BucketLoggingStatus={}),
            "s3:PutIntelligentTieringConfiguration": put(
                "put_bucket_intelligent_tiering_configuration",
                Id="x",
                IntelligentTieringConfiguration=tiering,
            ),
            "s3:PutBucketAbac": put("put_bucket_abac", AbacStatus={"Status": "Enabled"}),
            "s3:PutBucketTagging": put("put_bucket_tagging", Tagging=_TAGS),
            "s3:PutBucketCORS": put("put_bucket_cors", CORSConfiguration=cors),
            "s3:PutBucketWebsite": put(
                "put_bucket_website", WebsiteConfiguration={"IndexDocument": {"Suffix": "i"}}
            ),
            "s3:DeleteBucketWebsite": put("delete_bucket_website"),
            "s3:PutAccelerateConfiguration": put(
                "put_bucket_accelerate_configuration", AccelerateConfiguration={"Status": "Enabled"}
            ),
            "s3:PutMetricsConfiguration": put(
                "put_bucket_metrics_configuration", Id="x", MetricsConfiguration={"Id": "x"}
            ),
            "s3:CreateBucketMetadataTableConfiguration": put(
                "create_bucket_metadata_table_configuration", MetadataTableConfiguration=table
            ),
            "s3:DeleteBucketMetadataTableConfiguration": put("delete_bucket_metadata_table_configuration"),
        }

    def _others(self, client: Any) -> Mapping[str, Callable[[], object]]:
        key, trail = self.key, self.trail
        return {
            "kms:DisableKey": lambda: client.disable_key(KeyId=key),
            "kms:ScheduleKeyDeletion": lambda: client.schedule_key_deletion(KeyId=key),
            "kms:DeleteImportedKeyMaterial": lambda: client.delete_imported_key_material(KeyId=key),
            "kms:ImportKeyMaterial": lambda: client.import_key_material(
                KeyId=key, ImportToken=b"x", EncryptedKeyMaterial=b"x"
            ),
            "kms:PutKeyPolicy": lambda: client.put_key_policy(KeyId=key, Policy=json.dumps(_POLICY)),
            "kms:CreateGrant": lambda: client.create_grant(
                KeyId=key, GranteePrincipal=_GRANTEE, Operations=["Decrypt"]
            ),
            "kms:RevokeGrant": lambda: client.revoke_grant(KeyId=key, GrantId="x" * 64),
            "kms:RetireGrant": lambda: client.retire_grant(KeyId=key, GrantId="x" * 64),
            "kms:ReplicateKey": lambda: client.replicate_key(KeyId=key, ReplicaRegion="eu-west-1"),
            "kms:UpdatePrimaryRegion": lambda: client.update_primary_region(
                KeyId=key, PrimaryRegion="eu-west-1"
            ),
            "kms:UpdateAlias": lambda: client.update_alias(
                AliasName="alias/trailkeep-archive", TargetKeyId=key
            ),
            "kms:DeleteAlias": lambda: client.delete_alias(AliasName="alias/trailkeep-archive"),
            "cloudtrail:StopLogging": lambda: client.stop_logging(Name=trail),
            "cloudtrail:DeleteTrail": lambda: client.delete_trail(Name=trail),
            "cloudtrail:UpdateTrail": lambda: client.update_trail(Name=trail, EnableLogFileValidation=False),
            "cloudtrail:PutEventSelectors": lambda: client.put_event_selectors(
                TrailName=trail, EventSelectors=[{"ReadWriteType": "ReadOnly"}]
            ),
            "cloudtrail:PutInsightSelectors": lambda: client.put_insight_selectors(
                TrailName=trail, InsightSelectors=[{"InsightType": "ApiCallRateInsight"}]
            ),
            "organizations:LeaveOrganization": lambda: client.leave_organization(),  # noqa: PLW0108 - not yet
            "organizations:AcceptHandshake": lambda: client.accept_handshake(
                HandshakeId="h-examplehandshake"
            ),
            "organizations:RemoveAccountFromOrganization": lambda: client.remove_account_from_organization(
                AccountId=LOG_ARCHIVE_ACCOUNT_ID
            ),
            "organizations:CloseAccount": lambda: client.close_account(AccountId=LOG_ARCHIVE_ACCOUNT_ID),
            "organizations:DisableAWSServiceAccess": lambda: client.disable_aws_service_access(
                ServicePrincipal="cloudtrail.amazonaws.com"
            ),
        }

    def uncallable(self, pair: Pair) -> set[str]:
        """Return the actions of a way that no call makes; all where it goes through an access point."""
        known = self.calls(None, bypass=False).keys() | {BYPASS.action}
        return {
            "s3:CreateAccessPoint" if call.target is Target.LOG_BY_ACCESS_POINT else call.action
            for call in pair.way
            if call.target is Target.LOG_BY_ACCESS_POINT or call.action not in known
        }


def why_not(action: str) -> str:
    """Return why an action cannot be replayed; nothing where it can."""
    is_authorized = action.partition(":")[0] in {"s3", "kms", "cloudtrail", "organizations"}
    return NO_CALL.get(action, "") if is_authorized else _ELSEWHERE


def caller_of(asker: Asker) -> tuple[str, Identity] | None:
    """Return who acts for a class of callers in the sandbox; None where nobody can.

    Nobody acts as a service-linked role or as another AWS service there, and the management account can
    delegate neither policies nor its trail.
    """
    if asker.attacker is Attacker.OTHER_TRAIL:
        return OUTSIDE, Identity.USER
    if asker.is_delegate:
        return None
    elsewhere = OUTSIDE if asker.attacker is Attacker.OUTSIDER else MEMBER
    account = asker.caller.account_id or elsewhere
    match asker.caller.kind:
        case PrincipalKind.ROOT:
            return account, Identity.ROOT
        case PrincipalKind.IAM:
            return account, Identity.ADMINISTRATOR if account == MANAGEMENT else Identity.USER
        case _:
            return None


def _code(call: Callable[[], object]) -> str:
    try:
        call()
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    except BotoCoreError as error:
        return type(error).__name__
    return ""
