"""The blueprint as Terraform: one module with a provider for each of the two accounts.

One account has a provider for the trail and one for the bucket too, which may be in another region.

Source: https://registry.terraform.io/providers/hashicorp/aws/latest/docs/resources/cloudtrail
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from trailkeep.guard.blueprint import Blueprint
from trailkeep.guard.changes import (
    Action,
    AttachPolicy,
    CreateBucket,
    CreateKey,
    CreatePolicy,
    CreateTrail,
    EnableKeyRotation,
    PutAccountPublicAccessBlock,
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
from trailkeep.guard.iac import ROOT, Export, File, Step, recursive_logging_step, step
from trailkeep.guard.key_policy import DESCRIPTION, TAGS

__all__ = ["terraform"]

_BUCKET = "aws_s3_bucket.archive.id"
_KEY = "aws_kms_key.archive.arn"
_SWITCHES = ("block_public_acls", "block_public_policy", "ignore_public_acls", "restrict_public_buckets")
_BEFORE_GUARDS = (
    "aws_s3_account_public_access_block.archive",
    "aws_s3_bucket_lifecycle_configuration.archive",
    "aws_s3_bucket_public_access_block.archive",
    "aws_s3_bucket_ownership_controls.archive",
    "aws_s3_bucket_object_lock_configuration.archive",
    "aws_cloudtrail.trailkeep",
)
"""What an attached guard would refuse to make."""

_BEFORE_GUARDS_OF_KEY = (
    "aws_kms_alias.archive",
    "aws_kms_key.archive",
    "aws_s3_bucket_server_side_encryption_configuration.archive",
)
_SAID_BY_OTHERS = (EnableKeyRotation, PutTags, SetTrailKey, StartLogging)
"""Actions that are arguments of a resource: the key's, the bucket's or the trail's."""


@dataclass(frozen=True, slots=True)
class _Code:
    """An expression of the language, written without quotes."""

    text: str


_Body = Mapping[str, Any]


def terraform(blueprint: Blueprint, actions: Iterable[Action], describe: Callable[[Action], str]) -> Export:
    """Return one module; policy documents are files of their own.

    ``describe`` returns the AWS CLI command of an action that Terraform cannot express safely.
    """
    actions = tuple(actions)
    said = frozenset(type(action) for action in actions)
    tags = {tag.key: tag.value for action in actions if isinstance(action, PutTags) for tag in action.tags}
    blocks: list[str] = [*_providers(blueprint)]
    documents: list[File] = []
    steps: list[Step] = []
    created = {action.name for action in actions if isinstance(action, CreatePolicy)}
    for action in actions:
        if isinstance(action, _SAID_BY_OTHERS):
            continue
        if isinstance(action, CreateTrail):
            steps += recursive_logging_step(action)
        match action:
            case PutBucketPolicy():
                documents.append(_document("bucket-policy.json", action.document))
            case CreateKey():
                documents.append(_document("key-policy.json", action.document))
            case CreatePolicy():
                documents.append(_document(f"{action.name}.json", action.document))
            case _:
                pass
        resources = _resources(action, created, said=said, tags=tags)
        if not resources:
            steps.append(step(action, describe(action)))
        blocks += [_block(f'resource "{kind}" "{name}"', body) for kind, name, body in resources]
    main = File(name="main.tf", text="\n\n".join(blocks) + "\n")
    return Export(files=(main, *documents), steps=tuple(steps))


def _providers(blueprint: Blueprint) -> Iterator[str]:
    source = _Code('{ source = "hashicorp/aws", version = ">= 6.0" }')
    yield _block("terraform", {"required_providers": {"aws": source}})
    yield _block('provider "aws"', {"region": blueprint.trail_region})
    archive: dict[str, Any] = {"alias": "archive", "region": blueprint.bucket_region}
    if not blueprint.is_of_organization:
        yield _block('provider "aws"', archive)
        return
    role = f"arn:{blueprint.partition}:iam::{blueprint.archive_account}:role/{blueprint.access_role}"
    yield _block('provider "aws"', {**archive, "assume_role": {"role_arn": role}})
    yield 'data "aws_organizations_organization" "current" {\n}'


_Resource = tuple[str, str, _Body]
_Kinds = frozenset[type[Action]]


def _resources(
    action: Action, created: set[str], *, said: _Kinds, tags: dict[str, str]
) -> tuple[_Resource, ...]:
    """Return type, name and body of each resource that is the action, nothing where there is none.

    ``said`` are the kinds of all actions, some of which are arguments of another one's resource.
    """
    if isinstance(action, CreateKey):
        return _key(action, rotates=EnableKeyRotation in said)
    resource = _bucket(action, tags) or _management(action, created, said)
    return () if resource is None else (resource,)


def _key(action: CreateKey, *, rotates: bool) -> tuple[_Resource, ...]:
    """Return the key, which outlives its module as the bucket does, and its alias."""
    archive = {"provider": _Code("aws.archive")}
    body = {
        **archive,
        "description": DESCRIPTION,
        "policy": _file("key-policy.json"),
        "enable_key_rotation": rotates,
        "tags": _Code(_map(TAGS)),
        "lifecycle": {"prevent_destroy": True},
    }
    alias = {**archive, "name": action.alias, "target_key_id": _Code("aws_kms_key.archive.key_id")}
    return ("aws_kms_key", "archive", body), ("aws_kms_alias", "archive", alias)


def _bucket(action: Action, tags: dict[str, str]) -> _Resource | None:
    archive = {"provider": _Code("aws.archive"), "bucket": _Code(_BUCKET)}
    match action:
        case CreateBucket():
            body = {
                **archive,
                "bucket": action.bucket,
                "object_lock_enabled": True,
                "tags": _Code(_map(tags)),
            }
            body["lifecycle"] = {"prevent_destroy": True}
            return "aws_s3_bucket", "archive", body
        case PutPublicAccessBlock():
            body = {**archive, **dict.fromkeys(_SWITCHES, True)}
            return "aws_s3_bucket_public_access_block", "archive", body
        case PutOwnership():
            rule = {"object_ownership": "BucketOwnerEnforced"}
            return "aws_s3_bucket_ownership_controls", "archive", {**archive, "rule": rule}
        case PutVersioning():
            versioning = {"versioning_configuration": {"status": "Enabled"}}
            return "aws_s3_bucket_versioning", "archive", {**archive, **versioning}
        case PutObjectLock():
            retention = {"default_retention": {"mode": action.mode, "days": action.days}}
            return "aws_s3_bucket_object_lock_configuration", "archive", {**archive, "rule": retention}
        case PutBucketPolicy():
            return "aws_s3_bucket_policy", "archive", {**archive, "policy": _file("bucket-policy.json")}
        case PutBucketEncryption():
            default = {"sse_algorithm": "aws:kms", "kms_master_key_id": _Code(_KEY)}
            keyed = {"bucket_key_enabled": True, "apply_server_side_encryption_by_default": default}
            return "aws_s3_bucket_server_side_encryption_configuration", "archive", {**archive, "rule": keyed}
        case PutAccountPublicAccessBlock():
            body = {"provider": _Code("aws.archive"), **dict.fromkeys(_SWITCHES, True)}
            return "aws_s3_account_public_access_block", "archive", body
        case PutLifecycle():
            rules = {"rule": [*map(_rule, json.loads(action.document))]}
            return "aws_s3_bucket_lifecycle_configuration", "archive", {**archive, **rules}
        case _:
            return None


def _management(action: Action, created: set[str], said: _Kinds) -> _Resource | None:
    match action:
        case CreateTrail():
            return "aws_cloudtrail", "trailkeep", _trail(action, said)
        case CreatePolicy():
            return "aws_organizations_policy", action.name, _policy(action)
        case AttachPolicy() if action.name in created:
            root = _Code("data.aws_organizations_organization.current.roots[0].id")
            before = (*_BEFORE_GUARDS, *(_BEFORE_GUARDS_OF_KEY if CreateKey in said else ()))
            body = {
                "policy_id": _Code(f"aws_organizations_policy.{action.name}.id"),
                "target_id": root if action.target_id == ROOT else action.target_id,
                "depends_on": [_Code(name) for name in before],
            }
            return "aws_organizations_policy_attachment", action.name, body
        case _:
            return None


def _trail(action: CreateTrail, said: _Kinds) -> _Body:
    return {
        "name": action.name,
        "s3_bucket_name": _Code(_BUCKET),
        "is_organization_trail": action.is_organization_trail,
        "is_multi_region_trail": True,
        "include_global_service_events": True,
        "enable_log_file_validation": True,
        "enable_logging": StartLogging in said,
        **({"kms_key_id": _Code(_KEY)} if SetTrailKey in said else {}),
        **_feeds(action),
        "depends_on": [_Code("aws_s3_bucket_policy.archive")],
    }


def _feeds(action: CreateTrail) -> _Body:
    feeds = {
        "sns_topic_name": action.sns_topic,
        "cloud_watch_logs_group_arn": action.log_group,
        "cloud_watch_logs_role_arn": action.log_role,
    }
    return {name: value for name, value in feeds.items() if value}


def _rule(rule: dict[str, Any]) -> _Body:
    """Return a lifecycle rule of the S3 API in the names of Terraform."""
    body: dict[str, Any] = {
        "id": rule["ID"],
        "status": rule["Status"],
        "filter": {"prefix": rule["Filter"]["Prefix"]},
    }
    expiration = rule.get("Expiration", {})
    if "Days" in expiration:
        body["expiration"] = {"days": expiration["Days"]}
    if "ExpiredObjectDeleteMarker" in expiration:
        body["expiration"] = {"expired_object_delete_marker": expiration["ExpiredObjectDeleteMarker"]}
    if upload := rule.get("AbortIncompleteMultipartUpload"):
        body["abort_incomplete_multipart_upload"] = {"days_after_initiation": upload["DaysAfterInitiation"]}
    if noncurrent := rule.get("NoncurrentVersionExpiration"):
        body["noncurrent_version_expiration"] = {"noncurrent_days": noncurrent["NoncurrentDays"]}
    return body


def _policy(action: CreatePolicy) -> _Body:
    return {
        "name": action.name,
        "description": action.description,
        "type": action.policy_type,
        "content": _file(f"{action.name}.json"),
    }


def _file(name: str) -> _Code:
    """Return the text of a document without its white space, which counts against AWS's size limits."""
    return _Code(f'jsonencode(jsondecode(file("${{path.module}}/{name}")))')


def _document(name: str, text: str) -> File:
    return File(name=name, text=json.dumps(json.loads(text), indent=2) + "\n")


def _block(head: str, body: _Body) -> str:
    return "\n".join([f"{head} {{", *_lines(body, "  "), "}"])


def _lines(body: _Body, indent: str) -> Iterator[str]:
    for name, value in body.items():
        blocks = [value] if isinstance(value, Mapping) else value
        if isinstance(blocks, list) and all(isinstance(block, Mapping) for block in blocks):
            for block in blocks:
                yield f"{indent}{name} {{"
                yield from _lines(block, indent + "  ")
                yield f"{indent}}}"
        else:
            yield f"{indent}{name} = {_value(value)}"


def _map(values: Mapping[str, str]) -> str:
    return "{ " + ", ".join(f"{_value(key)} = {_value(value)}" for key, value in values.items()) + " }"


def _value(value: Any) -> str:
    """Write a value; a JSON string is one of this language once its template marks are doubled."""
    if isinstance(value, _Code):
        return value.text
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("${", "$${").replace("%{", "%%{")
    return json.dumps(value)
