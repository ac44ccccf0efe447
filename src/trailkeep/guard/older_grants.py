"""Which grants for CloudTrail with one of our Sids are older versions of ours; all else is somebody else's.

The Sids of the bucket policy are AWS's own, so that any policy may have them. Only such a grant is ours that
nobody but the trail loses anything by when it is replaced; in doubt it is not::

    effect      Allow, without NotPrincipal, NotAction or NotResource
    principal   CloudTrail alone
    actions     those of a delivery
    conditions  none but known ones, each naming our trail, account or organization, or a pattern that no
                trail of another account matches
    resources   the bucket, its folders of our account and organization, and a recipe's that are nobody's;
                any, where a condition keeps to our trail or account

Source: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/create-s3-bucket-policy-for-cloudtrail.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from trailkeep.guard.blueprint import Blueprint
from trailkeep.guard.canonical import Document
from trailkeep.guard.estate import Estate, Key, Unreadable
from trailkeep.guard.matching import action_matches
from trailkeep.guard.service_grants import CLOUDTRAIL

__all__ = [
    "OURS",
    "POSITIVE",
    "is_confined",
    "is_delivery",
    "is_of_cloudtrail",
    "is_older_grant",
    "is_older_key_statement",
]

POSITIVE = frozenset({"stringequals", "stringequalsignorecase", "stringlike", "arnequals", "arnlike"})
"""The operators, in lower case and without ``IfExists``, that say which values are meant."""
OURS = "Trailkeep"
"""What the Sids begin with that nobody but Trailkeep gives."""
_MEMBERS = {"Sid", "Effect", "Principal", "Action", "Resource", "Condition"}
_DELIVERY = {"s3:getbucketacl", "s3:putobject"}
_KEY_USES = {"kms:generatedatakey", "kms:generatedatakey*", "kms:describekey", "kms:decrypt"}
_FOLDER = re.compile(r"/(?:[^*?$]+/)?AWSLogs/(?P<folder>[^/*?$]+)/.*")
_NOBODYS = re.compile(r"(?![0-9]{12}$)[0-9]+|o-(?![a-z0-9]{10,32}$).*")
_TRAIL = re.compile(r"arn:[^:]+:(?:cloudtrail|\*):[^:]+:(?P<account>[0-9]{12}):(?:trail/[^:]+|\*)")
_WHOSE = {"aws:sourcearn", "aws:sourceaccount"}
_CONTEXT = "kms:encryptioncontext:aws:cloudtrail:arn"
_Says = Callable[[str], bool]


def is_older_grant(blueprint: Blueprint, statement: Document, gone: frozenset[str]) -> bool:
    """Return whether a statement lets no trail deliver but ours, those of our account and ``gone`` ones."""
    return (
        is_delivery(statement)
        and is_confined(blueprint, statement, gone)
        and _all_say(statement, _ours(blueprint, gone))
    )


def is_confined(blueprint: Blueprint, statement: Document, gone: frozenset[str]) -> bool:
    """Return whether a grant for CloudTrail lets no trail of another account write, by path or condition."""
    actions, places = _texts(statement, "Action"), _texts(statement, "Resource")
    if not set(statement) <= _MEMBERS:
        return False
    says = _ours(blueprint, gone)
    return (
        not any(action_matches(action, "s3:PutObject") for action in actions)
        or (places != [] and all(_is_our_place(blueprint, where) for where in places))
        or any(
            operator in POSITIVE and key in _WHOSE and values != [] and all(map(says[key], values))
            for operator, key, values in _conditions(statement)
        )
    )


def is_older_key_statement(blueprint: Blueprint, estate: Estate, key: Key, statement: Document) -> bool:
    """Return whether a statement of the key policy gives nothing to anybody but those whom ours gives it.

    Without a path a grant that names no trail, account or context is anybody's.
    """
    if str(statement.get("Sid")).startswith(OURS):
        return True
    if not set(statement) <= _MEMBERS or statement.get("Effect") != "Allow":
        return False
    root = f"arn:{blueprint.partition}:iam::{blueprint.archive_account}:root"
    if statement.get("Principal") in [{"AWS": who} for who in (root, [root], blueprint.archive_account)]:
        return True
    account, is_shared = blueprint.management_account, _is_shared(blueprint, estate, key)

    def is_ours(arn: str) -> bool:
        return arn == blueprint.trail_arn or (not is_shared and _is_of(arn, account))

    says: dict[str, _Says] = {
        "aws:sourcearn": is_ours,
        "aws:sourceaccount": lambda value: not is_shared and value == account,
        _CONTEXT: lambda value: _is_of(value, account),
    }
    confining = {"aws:sourcearn", "aws:sourceaccount", *([] if is_shared else [_CONTEXT])}
    return (
        is_of_cloudtrail(statement)
        and _does(statement, _KEY_USES)
        and any(key in confining for _, key, _ in _conditions(statement))
        and _all_say(statement, says)
    )


def is_delivery(statement: Document) -> bool:
    """Return whether a statement lets CloudTrail alone do no more than it needs to deliver."""
    return (
        set(statement) <= _MEMBERS
        and statement.get("Effect") == "Allow"
        and is_of_cloudtrail(statement)
        and _does(statement, _DELIVERY)
    )


def is_of_cloudtrail(statement: Document) -> bool:
    """Return whether CloudTrail is the only principal that a statement names."""
    return statement.get("Principal") in ({"Service": CLOUDTRAIL}, {"Service": [CLOUDTRAIL]})


def _ours(blueprint: Blueprint, gone: frozenset[str]) -> dict[str, _Says]:
    """Return what the conditions of an older grant may say, by the key in lower case."""
    account = blueprint.management_account

    def is_ours(arn: str) -> bool:
        is_pattern = bool(set(arn) & set("*?$"))
        return arn == blueprint.trail_arn or arn in gone or (is_pattern and _is_of(arn, account))

    return {
        "s3:x-amz-acl": lambda value: value == "bucket-owner-full-control",
        "aws:sourcearn": is_ours,
        "aws:sourceaccount": lambda value: value == account,
        "aws:sourceorgid": lambda value: value == blueprint.organization_id,
    }


def _is_our_place(blueprint: Blueprint, resource: str) -> bool:
    """Return whether a resource is the bucket, or where no trail of another account delivers to.

    A folder whose name is a number of other than 12 digits, or no id of an organization, as in a recipe that
    was pasted as it is, is nobody's.
    """
    bucket = f"arn:{blueprint.partition}:s3:::{blueprint.bucket}"
    if resource == bucket:
        return True
    found = _FOLDER.fullmatch(resource.removeprefix(bucket)) if resource.startswith(bucket) else None
    if found is None:
        return False
    ours = {blueprint.management_account, blueprint.organization_id}
    return found["folder"] in ours or _NOBODYS.fullmatch(found["folder"]) is not None


def _is_of(arn: str, account: str) -> bool:
    """Return whether the ARN of a trail, or a pattern of such, is of one account alone."""
    found = _TRAIL.fullmatch(arn)
    return found is not None and found["account"] == account


def _is_shared(blueprint: Blueprint, estate: Estate, key: Key) -> bool:
    """Return whether another trail of our account encrypts with a key, or nobody may see whether."""
    return any(
        isinstance(trails, Unreadable)
        or any(trail.kms_key == key.arn and trail.arn != blueprint.trail_arn for trail in trails)
        for trails in (estate.trails, estate.trails_elsewhere)
    )


def _does(statement: Document, actions: set[str]) -> bool:
    said = {action.lower() for action in _texts(statement, "Action")}
    return said != set() and said <= actions


def _all_say(statement: Document, says: dict[str, _Says]) -> bool:
    """Return whether each condition is a known one and says nothing but what it may."""
    return isinstance(statement.get("Condition", {}), dict) and all(
        operator in POSITIVE and key in says and values != [] and all(map(says[key], values))
        for operator, key, values in _conditions(statement)
    )


def _conditions(statement: Document) -> Iterator[tuple[str, str, list[str]]]:
    """Yield operator, key and values of each condition; one that is malformed has no key."""
    condition = statement.get("Condition", {})
    for operator, tests in condition.items() if isinstance(condition, dict) else ():
        name = operator.lower().removesuffix("ifexists")
        for key, value in tests.items() if isinstance(tests, dict) else [("", "")]:
            yield name, key.lower(), [str(one) for one in _listed(value)]


def _texts(statement: Document, key: str) -> list[str]:
    return [str(one) for one in _listed(statement.get(key, []))]


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
