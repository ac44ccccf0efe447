"""The executor that prints: the AWS CLI command that would do the same as an action.

``<archive account>`` and ``<policy id>`` stand for what earlier commands return; commands for the archive
account are to be run with the credentials of its role.
"""

from __future__ import annotations

import json
import shlex
from typing import Any, assert_never

from trailkeep.aws.act_storage import is_account_regional
from trailkeep.aws.describe_key import alias_arguments, encryption_arguments
from trailkeep.aws.describe_storage import storage_arguments
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
)

__all__ = ["Printer", "command"]

_TRAIL = (
    "--is-multi-region-trail",
    "--include-global-service-events",
    "--enable-log-file-validation",
)


class Printer:
    """Performs nothing: ``perform`` returns the command of the action."""

    def perform(self, action: Action) -> str:
        """Return the AWS CLI command of the action."""
        return command(action)


def command(action: Action) -> str:
    """Return one shell command that does what the action does."""
    if isinstance(action, CreateKey):
        words = (encryption_arguments(action), alias_arguments(action))
        return " && ".join(shlex.join(["aws", *one]) for one in words)
    return shlex.join(["aws", *_arguments(action)])


def _arguments(action: Action) -> list[str]:
    match action:
        case CreateAccount(name=name, email=email, access_role=role):
            named = ["--account-name", name, "--email", email, "--role-name", role]
            return ["organizations", "create-account", *named]
        case (
            CreateBucket()
            | PutPublicAccessBlock()
            | PutOwnership()
            | PutVersioning()
            | PutRequestPayment()
            | PutObjectLock()
            | PutBucketPolicy()
        ):
            return ["s3api", *_bucket(action), "--region", action.region]
        case (
            CreateTrail()
            | UpdateTrail()
            | StartLogging()
            | PutEventSelectors()
            | PutInsightSelectors()
            | RegisterDelegatedAdmin()
        ):
            return ["cloudtrail", *_recording(action), "--region", action.region]
        case (
            EnableTrustedAccess()
            | EnablePolicyType()
            | CreatePolicy()
            | UpdatePolicy()
            | AttachPolicy()
            | DetachPolicy()
        ):
            return ["organizations", *_organization(action)]
        case CreateKey() | EnableKeyRotation() | PutKeyPolicy() | PutBucketEncryption() | SetTrailKey():
            return encryption_arguments(action)
        case PutAccountPublicAccessBlock() | PutLifecycle() | PutTags():
            return storage_arguments(action)
        case _:
            assert_never(action)


def _recording(
    action: CreateTrail
    | UpdateTrail
    | StartLogging
    | PutEventSelectors
    | PutInsightSelectors
    | RegisterDelegatedAdmin,
) -> list[str]:
    match action:
        case CreateTrail(name=name, bucket=bucket):
            return ["create-trail", *_named(name, bucket), *_whose(action), *_TRAIL, *_further(action)]
        case UpdateTrail(arn=arn, bucket=bucket):
            prefix = ["--s3-key-prefix", ""] if action.clear_prefix else []
            whose = _whose(action)
            return ["update-trail", *_named(arn, bucket), *whose, *_TRAIL, *prefix, *_further(action)]
        case PutEventSelectors(arn=arn, document=document):
            return ["put-event-selectors", "--trail-name", arn, "--advanced-event-selectors", document]
        case PutInsightSelectors(arn=arn, document=document):
            return ["put-insight-selectors", "--trail-name", arn, "--insight-selectors", document]
        case RegisterDelegatedAdmin(member=member):
            return ["register-organization-delegated-admin", "--member-account-id", member]
        case StartLogging(arn=arn):
            return ["start-logging", "--name", arn]
        case _:
            assert_never(action)


def _whose(action: CreateTrail | UpdateTrail) -> list[str]:
    return ["--is-organization-trail"] if action.is_organization_trail else []


def _named(name: str, bucket: str) -> list[str]:
    return ["--name", name, "--s3-bucket-name", bucket]


def _further(action: CreateTrail | UpdateTrail) -> list[str]:
    recursive = {None: [], True: ["--recursive-logging"], False: ["--no-recursive-logging"]}
    named = {
        "--sns-topic-name": action.sns_topic,
        "--cloud-watch-logs-log-group-arn": action.log_group,
        "--cloud-watch-logs-role-arn": action.log_role,
    }
    fed = [word for option, arn in named.items() if arn for word in (option, arn)]
    return [*recursive[action.recursive_logging], *fed]


def _bucket(
    action: CreateBucket
    | PutPublicAccessBlock
    | PutOwnership
    | PutVersioning
    | PutRequestPayment
    | PutObjectLock
    | PutBucketPolicy,
) -> list[str]:
    name = ["--bucket", action.bucket, "--expected-bucket-owner", action.account]
    match action:
        case CreateBucket(region=region):
            lock = ["--object-lock-enabled-for-bucket", "--object-ownership", "BucketOwnerEnforced"]
            place = ["--create-bucket-configuration", f"LocationConstraint={region}"]
            return [
                "create-bucket",
                "--bucket",
                action.bucket,
                *lock,
                *(place if region != "us-east-1" else []),
                *(["--bucket-namespace", "account-regional"] if is_account_regional(action) else []),
            ]
        case PutPublicAccessBlock():
            names = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
            switches = ",".join(f"{switch}=true" for switch in names)
            return ["put-public-access-block", *name, "--public-access-block-configuration", switches]
        case PutOwnership():
            rules = "Rules=[{ObjectOwnership=BucketOwnerEnforced}]"
            return ["put-bucket-ownership-controls", *name, "--ownership-controls", rules]
        case PutVersioning():
            return ["put-bucket-versioning", *name, "--versioning-configuration", "Status=Enabled"]
        case PutRequestPayment():
            payment = ["--request-payment-configuration", "Payer=BucketOwner"]
            return ["put-bucket-request-payment", *name, *payment]
        case PutObjectLock(mode=mode, days=days):
            rule = {"DefaultRetention": {"Mode": mode, "Days": days}}
            lock = ["--object-lock-configuration", _json({"ObjectLockEnabled": "Enabled", "Rule": rule})]
            return ["put-object-lock-configuration", *name, *lock]
        case PutBucketPolicy(document=document):
            return ["put-bucket-policy", *name, "--policy", document]
        case _:
            assert_never(action)


def _organization(
    action: EnableTrustedAccess
    | EnablePolicyType
    | CreatePolicy
    | UpdatePolicy
    | AttachPolicy
    | DetachPolicy,
) -> list[str]:
    match action:
        case EnableTrustedAccess(service=service):
            return ["enable-aws-service-access", "--service-principal", service]
        case EnablePolicyType(root=root, policy_type=kind):
            return ["enable-policy-type", "--root-id", root, "--policy-type", kind]
        case CreatePolicy(name=name, policy_type=kind, document=document):
            described = ["--description", action.description]
            return ["create-policy", "--name", name, "--type", kind, *described, "--content", document]
        case UpdatePolicy(policy_id=policy, document=document):
            return ["update-policy", "--policy-id", policy, "--content", document]
        case AttachPolicy(policy_id=policy, target_id=target):
            return ["attach-policy", "--policy-id", policy or "<policy id>", "--target-id", target]
        case DetachPolicy(policy_id=policy, target_id=target):
            return ["detach-policy", "--policy-id", policy, "--target-id", target]
        case _:
            assert_never(action)


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))
