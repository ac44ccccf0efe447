"""The executor that prints: the AWS CLI command that would do the same as an action.

``<archive account>`` and ``<policy id>`` stand for what earlier commands return; commands for the archive
account are to be run with the credentials of its role.
"""

from __future__ import annotations

import json
import shlex
from typing import Any, assert_never

from trailkeep.guard.changes import (
    Action,
    AttachPolicy,
    CreateAccount,
    CreateBucket,
    CreatePolicy,
    CreateTrail,
    DetachPolicy,
    EnablePolicyType,
    EnableTrustedAccess,
    PutBucketPolicy,
    PutEventSelectors,
    PutInsightSelectors,
    PutObjectLock,
    PutOwnership,
    PutPublicAccessBlock,
    PutRequestPayment,
    PutVersioning,
    RegisterDelegatedAdmin,
    StartLogging,
    UpdatePolicy,
    UpdateTrail,
)

__all__ = ["Printer", "command"]

_TRAIL = (
    "--is-organization-trail",
    "--is-multi-region-trail",
    "--include-global-service-events",
    "--enable-log-file-validation",
)
_SCP = "SERVICE_CONTROL_POLICY"


class Printer:
    """Performs nothing: ``perform`` returns the command of the action."""

    def perform(self, action: Action) -> str:
        """Return the AWS CLI command of the action."""
        return command(action)


def command(action: Action) -> str:
    """Return one shell command that does what the action does."""
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
        case CreateTrail(name=name, bucket=bucket, region=region):
            return [
                "cloudtrail",
                "create-trail",
                *_named(name, bucket),
                *_TRAIL,
                *_further(action),
                "--region",
                region,
            ]
        case UpdateTrail(arn=arn, bucket=bucket, region=region):
            prefix = ["--s3-key-prefix", ""] if action.clear_prefix else []
            more = [*prefix, *_further(action), "--region", region]
            return ["cloudtrail", "update-trail", *_named(arn, bucket), *_TRAIL, *more]
        case PutEventSelectors(arn=arn, document=document, region=region):
            selectors = ["--trail-name", arn, "--advanced-event-selectors", document]
            return ["cloudtrail", "put-event-selectors", *selectors, "--region", region]
        case PutInsightSelectors(arn=arn, document=document, region=region):
            selectors = ["--trail-name", arn, "--insight-selectors", document]
            return ["cloudtrail", "put-insight-selectors", *selectors, "--region", region]
        case RegisterDelegatedAdmin(member=member, region=region):
            registered = ["register-organization-delegated-admin", "--member-account-id", member]
            return ["cloudtrail", *registered, "--region", region]
        case StartLogging(arn=arn, region=region):
            return ["cloudtrail", "start-logging", "--name", arn, "--region", region]
        case (
            EnableTrustedAccess()
            | EnablePolicyType()
            | CreatePolicy()
            | UpdatePolicy()
            | AttachPolicy()
            | DetachPolicy()
        ):
            return ["organizations", *_organization(action)]
        case _:
            assert_never(action)


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
        case EnablePolicyType(root=root):
            return ["enable-policy-type", "--root-id", root, "--policy-type", _SCP]
        case CreatePolicy(name=name, document=document):
            described = ["--description", "Makes the CloudTrail archive read-only in its own account"]
            return ["create-policy", "--name", name, "--type", _SCP, *described, "--content", document]
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
