"""The executor that acts: one AWS call per action, and patience with AWS's eventual consistency.

Actions are performed so that performing one again does no harm: what is already so counts as done.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol, TypedDict, TypeVar, assert_never

from trailkeep.aws.act_key import KEY_NOT_YET, TRAIL_KEY_NOT_YET, KeyAction, perform_on_key
from trailkeep.aws.act_storage import is_account_regional, put_account_block, put_lifecycle, put_tags
from trailkeep.aws.create_account import create_account
from trailkeep.aws.describe_key import encryption_rules
from trailkeep.aws.patience import Patience
from trailkeep.aws.session import Accounts, aws_errors
from trailkeep.core.errors import AwsCallError
from trailkeep.guard.blueprint import NEW_ACCOUNT
from trailkeep.guard.changes import (
    Action,
    AttachPolicy,
    CreateAccount,
    CreateBucket,
    CreateKey,
    CreatePolicy,
    CreateTrail,
    DetachPolicy,
    EnableKeyRotation,
    EnablePolicyType,
    EnableTrustedAccess,
    PutAccountPublicAccessBlock,
    PutBucketEncryption,
    PutBucketPolicy,
    PutEventSelectors,
    PutInsightSelectors,
    PutKeyPolicy,
    PutLifecycle,
    PutObjectLock,
    PutOwnership,
    PutPublicAccessBlock,
    PutRequestPayment,
    PutTags,
    PutVersioning,
    RegisterDelegatedAdmin,
    SetTrailKey,
    StartLogging,
    UpdatePolicy,
    UpdateTrail,
    bind,
)
from trailkeep.guard.key_policy import NEW_KEY

if TYPE_CHECKING:
    from mypy_boto3_cloudtrail import CloudTrailClient
    from mypy_boto3_organizations import OrganizationsClient
    from mypy_boto3_s3 import S3Client

__all__ = ["Actor", "Performer"]

T = TypeVar("T")
_BucketAction = (
    CreateBucket
    | PutPublicAccessBlock
    | PutOwnership
    | PutVersioning
    | PutRequestPayment
    | PutObjectLock
    | PutBucketPolicy
)
_TrailAction = (
    CreateTrail
    | UpdateTrail
    | StartLogging
    | SetTrailKey
    | PutEventSelectors
    | PutInsightSelectors
    | RegisterDelegatedAdmin
)


class _Named(TypedDict):
    """A bucket, and the account without which it is another bucket of that name."""

    Bucket: str
    ExpectedBucketOwner: str


_NOT_YET = {
    "bucket": ("OperationAborted", "NoSuchBucket", "NotSignedUp", "OptInRequired", "ServiceUnavailable"),
    "trail": (
        "InsufficientS3BucketPolicyException",
        "CloudTrailAccessNotEnabledException",
        "S3BucketDoesNotExistException",
        "NoManagementAccountSLRExistsException",
        "ConflictException",
        "ThrottlingException",
        "TrailNotFoundException",
        "InvalidCloudWatchLogsRoleArnException",
    ),
    "organization": (
        "ConcurrentModificationException",
        "FinalizingOrganizationException",
        "PolicyChangesInProgressException",
        "PolicyNotFoundException",
        "PolicyTypeNotEnabledException",
        "TargetNotFoundException",
        "TooManyRequestsException",
    ),
}


def _further(client: CloudTrailClient, action: CreateTrail | UpdateTrail) -> dict[str, Any]:
    """Return the settings that are asked for, without recursive logging where this SDK does not know it."""
    takes = client.meta.service_model.operation_model(type(action).__name__).input_shape
    knows_recursive = takes is not None and "RecursiveLogging" in takes.members
    named: dict[str, Any] = {
        "SnsTopicName": action.sns_topic or None,
        "CloudWatchLogsLogGroupArn": action.log_group or None,
        "CloudWatchLogsRoleArn": action.log_role or None,
        "RecursiveLogging": action.recursive_logging if knows_recursive else None,
    }
    return {name: value for name, value in named.items() if value is not None}


class Performer(Protocol):
    """Takes the actions of one plan, one by one and in order."""

    def perform(self, action: Action) -> str:
        """Do one action and return what it acted on: the id of a created account, else its target."""
        ...


class Actor:
    """Performs actions on AWS, remembering what the earlier ones of the same plan returned."""

    def __init__(self, accounts: Accounts, patience: Patience) -> None:
        self._accounts = accounts
        self._patience = patience
        self._created_account = NEW_ACCOUNT
        self._created_key = NEW_KEY
        self._created_policies: dict[str, str] = {}
        self._trail_arns: dict[str, str] = {}

    def perform(self, action: Action) -> str:
        """Perform one action and return the target it had in the end.

        Raises:
            AwsCallError: AWS refused it, or did not become consistent in time.
        """
        action = bind(action, self._created_account, self._created_key)
        match action:
            case CreateAccount():
                self._created_account = create_account(self._accounts, self._patience, action)
                return self._created_account
            case (
                CreateBucket()
                | PutPublicAccessBlock()
                | PutOwnership()
                | PutVersioning()
                | PutRequestPayment()
                | PutObjectLock()
                | PutBucketPolicy()
            ):
                self._bucket(action)
            case (
                CreateTrail()
                | UpdateTrail()
                | StartLogging()
                | SetTrailKey()
                | PutEventSelectors()
                | PutInsightSelectors()
                | RegisterDelegatedAdmin()
            ):
                self._recording(action)
            case (
                EnableTrustedAccess()
                | EnablePolicyType()
                | CreatePolicy()
                | UpdatePolicy()
                | AttachPolicy()
                | DetachPolicy()
            ):
                self._organization(action)
            case CreateKey() | EnableKeyRotation() | PutKeyPolicy():
                return self._key(action)
            case PutBucketEncryption():
                self._bucket_encryption(action)
            case PutAccountPublicAccessBlock() | PutLifecycle() | PutTags():
                self._storage(action)
            case _:
                assert_never(action)
        return action.target

    def _recording(self, action: _TrailAction) -> None:
        match action:
            case CreateTrail() | UpdateTrail() | StartLogging():
                self._trail(action)
            case SetTrailKey():
                self._trail_key(action)
            case PutEventSelectors() | PutInsightSelectors():
                self._selectors(action)
            case RegisterDelegatedAdmin(member=member, region=region):
                self._call(
                    "cloudtrail:RegisterOrganizationDelegatedAdmin",
                    lambda: self._accounts.cloudtrail(region).register_organization_delegated_admin(
                        MemberAccountId=member
                    ),
                    not_yet=_NOT_YET["trail"],
                    done=("AccountRegisteredException",),
                )
            case _:
                assert_never(action)

    def _bucket(self, action: _BucketAction) -> None:
        client = self._accounts.s3(action.account, action.region)
        named = _Named(Bucket=action.bucket, ExpectedBucketOwner=action.account)
        match action:
            case CreateBucket():
                self._create_bucket(client, action)
            case PutPublicAccessBlock():
                switches = (
                    "BlockPublicAcls",
                    "IgnorePublicAcls",
                    "BlockPublicPolicy",
                    "RestrictPublicBuckets",
                )
                configuration: Any = dict.fromkeys(switches, True)
                self._s3(
                    "PutPublicAccessBlock",
                    lambda: client.put_public_access_block(
                        **named, PublicAccessBlockConfiguration=configuration
                    ),
                )
            case PutOwnership():
                self._s3(
                    "PutBucketOwnershipControls",
                    lambda: client.put_bucket_ownership_controls(
                        **named,
                        OwnershipControls={"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
                    ),
                )
            case PutVersioning():
                self._s3(
                    "PutBucketVersioning",
                    lambda: client.put_bucket_versioning(
                        **named, VersioningConfiguration={"Status": "Enabled"}
                    ),
                )
            case PutRequestPayment():
                self._s3(
                    "PutBucketRequestPayment",
                    lambda: client.put_bucket_request_payment(
                        **named, RequestPaymentConfiguration={"Payer": "BucketOwner"}
                    ),
                )
            case PutObjectLock(mode=mode, days=days):
                retention: Any = {"Mode": mode, "Days": days}
                self._s3(
                    "PutObjectLockConfiguration",
                    lambda: client.put_object_lock_configuration(
                        **named,
                        ObjectLockConfiguration={
                            "ObjectLockEnabled": "Enabled",
                            "Rule": {"DefaultRetention": retention},
                        },
                    ),
                )
            case PutBucketPolicy(document=document):
                self._s3("PutBucketPolicy", lambda: client.put_bucket_policy(**named, Policy=document))
            case _:
                assert_never(action)

    def _create_bucket(self, client: S3Client, action: CreateBucket) -> None:
        """Create the bucket; us-east-1 is the one region that must not be named.

        Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html
        """
        place: dict[str, Any] = {}
        namespace: dict[str, Any] = (
            {"BucketNamespace": "account-regional"} if is_account_regional(action) else {}
        )
        if action.region != "us-east-1":
            place = {"CreateBucketConfiguration": {"LocationConstraint": action.region}}
        self._s3(
            "CreateBucket",
            lambda: client.create_bucket(
                Bucket=action.bucket,
                ObjectLockEnabledForBucket=True,
                ObjectOwnership="BucketOwnerEnforced",
                **place,
                **namespace,
            ),
            done=("BucketAlreadyOwnedByYou",),
        )

    def _trail(self, action: CreateTrail | UpdateTrail | StartLogging) -> None:
        client = self._accounts.cloudtrail(action.region)
        recorded: dict[str, Any] = {
            "IsOrganizationTrail": True,
            "IsMultiRegionTrail": True,
            "IncludeGlobalServiceEvents": True,
            "EnableLogFileValidation": True,
        }
        further = {} if isinstance(action, StartLogging) else _further(client, action)
        match action:
            case CreateTrail(name=name, bucket=bucket):
                made = self._cloudtrail(
                    "CreateTrail",
                    lambda: client.create_trail(Name=name, S3BucketName=bucket, **recorded, **further),
                )
                self._trail_arns[action.target] = made["TrailARN"] if made else action.target
            case UpdateTrail(arn=arn, bucket=bucket):
                prefix: dict[str, Any] = {"S3KeyPrefix": ""} if action.clear_prefix else {}
                self._cloudtrail(
                    "UpdateTrail",
                    lambda: client.update_trail(
                        Name=arn, S3BucketName=bucket, **recorded, **prefix, **further
                    ),
                )
            case StartLogging(arn=arn):
                returned = self._trail_arns.get(arn, arn)
                self._cloudtrail("StartLogging", lambda: client.start_logging(Name=returned))
            case _:
                assert_never(action)

    def _key(self, action: KeyAction) -> str:
        client = self._accounts.kms(action.account, action.region)
        key = perform_on_key(client, action, self._kms)
        if isinstance(action, CreateKey):
            self._created_key = key
        return key

    def _bucket_encryption(self, action: PutBucketEncryption) -> None:
        client = self._accounts.s3(action.account, action.region)
        rules: Any = encryption_rules(action.kms_key)
        self._s3(
            "PutBucketEncryption",
            lambda: client.put_bucket_encryption(
                Bucket=action.bucket,
                ExpectedBucketOwner=action.account,
                ServerSideEncryptionConfiguration=rules,
            ),
        )

    def _storage(self, action: PutAccountPublicAccessBlock | PutLifecycle | PutTags) -> None:
        if isinstance(action, PutAccountPublicAccessBlock):
            control = self._accounts.s3control(action.account, action.region)
            self._s3("PutAccountPublicAccessBlock", lambda: put_account_block(control, action))
            return
        client = self._accounts.s3(action.account, action.region)
        if isinstance(action, PutLifecycle):
            self._s3("PutLifecycleConfiguration", lambda: put_lifecycle(client, action))
        else:
            self._s3("PutBucketTagging", lambda: put_tags(client, action))

    def _trail_key(self, action: SetTrailKey) -> None:
        client = self._accounts.cloudtrail(action.region)
        arn = self._trail_arns.get(action.arn, action.arn)
        self._call(
            "cloudtrail:UpdateTrail",
            lambda: client.update_trail(Name=arn, KmsKeyId=action.kms_key),
            not_yet=(*_NOT_YET["trail"], *TRAIL_KEY_NOT_YET),
        )

    def _selectors(self, action: PutEventSelectors | PutInsightSelectors) -> None:
        client = self._accounts.cloudtrail(action.region)
        arn = self._trail_arns.get(action.arn, action.arn)
        selectors: Any = json.loads(action.document)
        match action:
            case PutEventSelectors():
                self._cloudtrail(
                    "PutEventSelectors",
                    lambda: client.put_event_selectors(TrailName=arn, AdvancedEventSelectors=selectors),
                )
            case PutInsightSelectors():
                self._cloudtrail(
                    "PutInsightSelectors",
                    lambda: client.put_insight_selectors(TrailName=arn, InsightSelectors=selectors),
                )
            case _:
                assert_never(action)

    def _organization(
        self,
        action: EnableTrustedAccess
        | EnablePolicyType
        | CreatePolicy
        | UpdatePolicy
        | AttachPolicy
        | DetachPolicy,
    ) -> None:
        client = self._accounts.organizations()
        match action:
            case EnableTrustedAccess(service=service):
                self._orgs(
                    "EnableAWSServiceAccess",
                    lambda: client.enable_aws_service_access(ServicePrincipal=service),
                )
            case EnablePolicyType(root=root):
                enabled: Any = action.policy_type
                self._orgs(
                    "EnablePolicyType",
                    lambda: client.enable_policy_type(RootId=root, PolicyType=enabled),
                    done=("PolicyTypeAlreadyEnabledException",),
                )
            case CreatePolicy():
                self._create_policy(client, action)
            case UpdatePolicy(policy_id=policy, document=document):
                self._orgs("UpdatePolicy", lambda: client.update_policy(PolicyId=policy, Content=document))
            case AttachPolicy(target_id=target):
                found = action.policy_id or self._created_policies[action.name]
                self._orgs(
                    "AttachPolicy",
                    lambda: client.attach_policy(PolicyId=found, TargetId=target),
                    done=("DuplicatePolicyAttachmentException",),
                )
            case DetachPolicy(policy_id=policy, target_id=target):
                self._orgs(
                    "DetachPolicy",
                    lambda: client.detach_policy(PolicyId=policy, TargetId=target),
                    done=("PolicyNotAttachedException",),
                )
            case _:
                assert_never(action)

    def _create_policy(self, client: OrganizationsClient, action: CreatePolicy) -> None:
        kind: Any = action.policy_type
        made = self._orgs(
            "CreatePolicy",
            lambda: client.create_policy(
                Name=action.name,
                Type=kind,
                Description=action.description,
                Content=action.document,
            ),
        )
        if made:
            self._created_policies[action.name] = made["Policy"]["PolicySummary"]["Id"]

    def _s3(self, operation: str, call: Callable[[], T], *, done: tuple[str, ...] = ()) -> T | None:
        return self._call(f"s3:{operation}", call, not_yet=_NOT_YET["bucket"], done=done)

    def _kms(self, operation: str, call: Callable[[], T], *, done: tuple[str, ...] = ()) -> T | None:
        return self._call(f"kms:{operation}", call, not_yet=KEY_NOT_YET, done=done)

    def _cloudtrail(self, operation: str, call: Callable[[], T]) -> T | None:
        return self._call(f"cloudtrail:{operation}", call, not_yet=_NOT_YET["trail"])

    def _orgs(self, operation: str, call: Callable[[], T], *, done: tuple[str, ...] = ()) -> T | None:
        return self._call(f"organizations:{operation}", call, not_yet=_NOT_YET["organization"], done=done)

    def _call(
        self, name: str, call: Callable[[], T], *, not_yet: tuple[str, ...], done: tuple[str, ...] = ()
    ) -> T | None:
        """Return the answer, None where it was already so; try again while AWS is not there yet."""

        def attempt() -> T | None:
            try:
                with aws_errors(name):
                    return call()
            except AwsCallError as error:
                if error.code in done:
                    return None
                raise

        return self._patience.retry(attempt, not_yet=not_yet)
