"""The blueprint as CloudFormation: one template for each of the two accounts.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-cloudtrail-trail.html
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

from trailkeep.guard.changes import (
    Action,
    AttachPolicy,
    CreateBucket,
    CreateKey,
    CreatePolicy,
    CreateTrail,
    EnableKeyRotation,
    PutBucketEncryption,
    PutBucketPolicy,
    PutLifecycle,
    PutObjectLock,
    PutOwnership,
    PutPublicAccessBlock,
    PutTags,
    PutVersioning,
    SetTrailKey,
    StartLogging,
)
from trailkeep.guard.iac import ROOT, Export, File, Step, logical_id, recursive_logging_step, step
from trailkeep.guard.key_policy import DESCRIPTION, TAGS

__all__ = ["cloudformation"]

_BUCKET, _TRAIL, _ROOT = "ArchiveBucket", "Trail", "OrganizationRootId"
_KEY, _KEY_ARN = "ArchiveKey", "ArchiveKeyArn"
_Template = dict[str, Any]


def cloudformation(
    actions: Iterable[Action], describe: Callable[[Action], str], *, of_organization: bool = True
) -> Export:
    """Return a template for the archive account and one for the management account.

    One account gets two as well, of the bucket and of the trail, which may be in another region.

    ``describe`` returns the AWS CLI command of an action that a template cannot express.
    """
    archive = _template("The CloudTrail archive; deploy it in the archive account, first.")
    management = _template("The organization trail and the guards; deploy it in the management account.")
    second = "management.template.json"
    if not of_organization:
        archive = _template("The CloudTrail archive of one account; deploy it first.")
        management = _template("The trail; deploy it second, in the same account.")
        second = "trail.template.json"
    steps: list[Step] = []
    for action in actions:
        if not (
            _in_archive(archive["Resources"], action)
            or _of_key(archive, action)
            or _in_management(management, action)
        ):
            steps.append(step(action, describe(action)))
        elif isinstance(action, CreateTrail):
            steps += recursive_logging_step(action)
    files = [
        File(name=name, text=json.dumps(template, indent=2) + "\n")
        for name, template in (("archive.template.json", archive), (second, management))
        if template["Resources"]
    ]
    return Export(files=tuple(files), steps=tuple(steps))


def _template(description: str) -> _Template:
    return {"AWSTemplateFormatVersion": "2010-09-09", "Description": description, "Resources": {}}


def _in_archive(resources: dict[str, Any], action: Action) -> bool:
    """Add an action to the archive's resources, and return whether they can express it."""
    bucket = resources.get(_BUCKET, {}).get("Properties", {})
    match action:
        case CreateBucket():
            resources[_BUCKET] = _lasting(
                "AWS::S3::Bucket", {"BucketName": action.bucket, "ObjectLockEnabled": True}
            )
        case PutPublicAccessBlock():
            names = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")
            bucket["PublicAccessBlockConfiguration"] = dict.fromkeys(names, True)
        case PutOwnership():
            bucket["OwnershipControls"] = {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
        case PutVersioning():
            bucket["VersioningConfiguration"] = {"Status": "Enabled"}
        case PutObjectLock():
            retention = {"Mode": action.mode, "Days": action.days}
            bucket["ObjectLockConfiguration"] = {
                "ObjectLockEnabled": "Enabled",
                "Rule": {"DefaultRetention": retention},
            }
        case PutBucketPolicy():
            policy = {"Bucket": {"Ref": _BUCKET}, "PolicyDocument": json.loads(action.document)}
            resources["ArchiveBucketPolicy"] = _lasting("AWS::S3::BucketPolicy", policy)
        case PutTags():
            bucket["Tags"] = [{"Key": tag.key, "Value": tag.value} for tag in action.tags]
        case PutLifecycle():
            bucket["LifecycleConfiguration"] = {"Rules": [*map(_rule, json.loads(action.document))]}
        case _:
            return False
    return True


def _of_key(template: _Template, action: Action) -> bool:
    """Add an action on the key, or on what it encrypts in the archive account; its ARN is an output.

    Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-kms-key.html
    """
    resources = template["Resources"]
    match action:
        case CreateKey():
            key = {"Description": DESCRIPTION, "KeyPolicy": json.loads(action.document)}
            key["Tags"] = [{"Key": name, "Value": value} for name, value in TAGS.items()]
            resources[_KEY] = _lasting("AWS::KMS::Key", key)
            alias = {"AliasName": action.alias, "TargetKeyId": {"Ref": _KEY}}
            resources["ArchiveKeyAlias"] = _lasting("AWS::KMS::Alias", alias)
            said = f"The parameter {_KEY_ARN} of the trail's stack."
            template["Outputs"] = {_KEY_ARN: {"Description": said, "Value": _key_arn()}}
        case EnableKeyRotation():
            resources[_KEY]["Properties"]["EnableKeyRotation"] = True
        case PutBucketEncryption():
            default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": _key_arn()}
            rule = {"ServerSideEncryptionByDefault": default, "BucketKeyEnabled": True}
            resources[_BUCKET]["Properties"]["BucketEncryption"] = {
                "ServerSideEncryptionConfiguration": [rule]
            }
        case _:
            return False
    return True


def _key_arn() -> dict[str, list[str]]:
    return {"Fn::GetAtt": [_KEY, "Arn"]}


def _rule(rule: dict[str, Any]) -> dict[str, Any]:
    """Return a lifecycle rule of the S3 API in the names of a template."""
    said = {"Id": rule["ID"], "Status": rule["Status"], "Prefix": rule["Filter"]["Prefix"]}
    expiration = rule.get("Expiration", {})
    if "Days" in expiration:
        said["ExpirationInDays"] = expiration["Days"]
    if "ExpiredObjectDeleteMarker" in expiration:
        said["ExpiredObjectDeleteMarker"] = expiration["ExpiredObjectDeleteMarker"]
    same = ("AbortIncompleteMultipartUpload", "NoncurrentVersionExpiration")
    return said | {name: rule[name] for name in same if name in rule}


def _in_management(template: _Template, action: Action) -> bool:
    resources = template["Resources"]
    match action:
        case CreateTrail():
            resources[_TRAIL] = _lasting(
                "AWS::CloudTrail::Trail",
                {
                    "TrailName": action.name,
                    "S3BucketName": action.bucket,
                    "IsOrganizationTrail": action.is_organization_trail,
                    "IsMultiRegionTrail": True,
                    "IncludeGlobalServiceEvents": True,
                    "EnableLogFileValidation": True,
                    "IsLogging": False,
                    **_feeds(action),
                },
            )
        case StartLogging():
            resources[_TRAIL]["Properties"]["IsLogging"] = True
        case SetTrailKey():
            resources[_TRAIL]["Properties"]["KMSKeyId"] = _parameter(
                template,
                _KEY_ARN,
                pattern=r"^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+$",
                says="The output of this name of the archive's stack.",
            )
        case CreatePolicy():
            resources[logical_id(action.name)] = _lasting(
                "AWS::Organizations::Policy",
                {
                    "Name": action.name,
                    "Description": action.description,
                    "Type": action.policy_type,
                    "Content": json.loads(action.document),
                    "TargetIds": [],
                },
            )
        case AttachPolicy() if logical_id(action.name) in resources:
            targets = resources[logical_id(action.name)]["Properties"]["TargetIds"]
            targets.append(_target(template, action.target_id))
        case _:
            return False
    return True


def _feeds(action: CreateTrail) -> dict[str, str]:
    feeds = {
        "SnsTopicName": action.sns_topic,
        "CloudWatchLogsLogGroupArn": action.log_group,
        "CloudWatchLogsRoleArn": action.log_role,
    }
    return {name: value for name, value in feeds.items() if value}


def _target(template: _Template, target: str) -> Any:
    """Return a target's id; the root's is a parameter of the stack."""
    if target != ROOT:
        return target
    pattern = "^r-[0-9a-z]{4,32}$"
    return _parameter(template, _ROOT, pattern=pattern, says="See 'aws organizations list-roots'.")


def _parameter(template: _Template, name: str, *, pattern: str, says: str) -> dict[str, str]:
    """Declare what only the one who deploys the stack knows, and return the reference to it."""
    parameters = template.setdefault("Parameters", {})
    parameters[name] = {"Type": "String", "AllowedPattern": pattern, "Description": says}
    return {"Ref": name}


def _lasting(kind: str, properties: dict[str, Any]) -> dict[str, Any]:
    """Return a resource that stays when its stack goes."""
    return {
        "Type": kind,
        "DeletionPolicy": "Retain",
        "UpdateReplacePolicy": "Retain",
        "Properties": properties,
    }
