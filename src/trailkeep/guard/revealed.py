"""What pasted policies tell of the archive they are about: names, and no state.

A name counts only where it is the only one of its kind: of two buckets nobody knows which is meant. The
documents are asked in the order of how sure they are of the archive: bucket policy, key policy, RCPs, SCPs.

Source: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/create-s3-bucket-policy-for-cloudtrail.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from trailkeep.core.errors import UsageError
from trailkeep.core.outside import read_json
from trailkeep.guard import delivery
from trailkeep.guard.delivery import Kind, strings
from trailkeep.guard.facts import ArchiveFacts, regional_name, together
from trailkeep.guard.matching import split_arn

__all__ = ["Document", "decode_params", "revealed"]

Document = tuple[Kind, Any]
"""A policy as JSON and what it is attached to."""

_ORDER = (Kind.BUCKET, Kind.KEY, Kind.RCP, Kind.SCP)
_KEY = re.compile(r"arn:[^:*?]+:kms:[^:*?]+:\d{12}:key/[^*?]+")
_ACCESS_POINTS = re.compile(r"arn:[^:*?]+:s3:[^:]*:(?P<account>\d{12}):accesspoint/.*")
_ACCOUNT = re.compile(r"\d{12}")
_ROOT = re.compile(r"(?:arn:[^:*?]+:iam::)?(?P<account>\d{12})(?::root)?")
_ORGANIZATION = re.compile(r"(?P<id>o-[a-z0-9]{10,32})(?:/.*)?")
_ORGANIZATION_KEYS = {
    f"aws:{name}" for name in ("principalorgid", "principalorgpaths", "resourceorgid", "sourceorgid")
}
_OWNER_KEYS = {"aws:resourceaccount", "s3:resourceaccount"}
_PARAMS = {
    "arch": "archive_account",
    "archive_account": "archive_account",
    "bucket": "bucket",
    "key": "key",
    "management_account": "management_account",
    "mgmt": "management_account",
    "org": "organization",
    "organization": "organization",
    "partition": "partition",
    "prefix": "prefix",
    "region": "region",
    "trail": "trail",
}
_UNUSED = {"audit", "reader"}
"""Whoever may read is named in policies, and is no fact about the archive."""


def revealed(documents: Iterable[Document]) -> ArchiveFacts:
    """Return what policies tell: bucket and prefix, accounts, organization, trail and key."""
    listed = list(documents)
    named = together(*(_named(kind, [text for one, text in listed if one is kind]) for kind in _ORDER))
    key = _only({text for _, document in listed for text in strings(document) if _KEY.fullmatch(text)})
    segments = split_arn(key) or ("",) * 6
    account, region = regional_name(named.bucket) or ("", "")
    return together(
        ArchiveFacts(archive_account=account, region=region),
        named,
        ArchiveFacts(
            archive_account=_archive(listed, named.management_account),
            organization=_organization(listed),
            region=segments[3],
            key=key,
            has_key=True if any(kind is Kind.KEY for kind, _ in listed) else None,
        ),
    )


def decode_params(data: bytes, *, name: str = "params.json") -> ArchiveFacts:
    """Read the names that somebody gives beside the policies.

    >>> decode_params(b'{"bucket": "logs", "archive_account": "222222222222"}').bucket
    'logs'

    Raises:
        UsageError: the document is no object of texts, or has a name that is not known.
    """
    try:
        given = read_json(data)
    except ValueError as error:
        raise UsageError(f"{name}: expected a JSON object, got {error}; correct the file") from error
    if not isinstance(given, dict) or not all(isinstance(value, str) for value in given.values()):
        raise UsageError(f"{name}: expected a JSON object of texts, got something else; correct the file")
    unknown = [key for key in given if key.lower() not in _PARAMS.keys() | _UNUSED]
    if unknown:
        known = ", ".join(sorted({*_PARAMS.values()}))
        raise UsageError(f"{name}: expected {known}, got {', '.join(unknown)}; correct the names")
    return ArchiveFacts(
        **{_PARAMS[key.lower()]: value for key, value in given.items() if key.lower() in _PARAMS}
    )


def _named(kind: Kind, documents: list[Any]) -> ArchiveFacts:
    values = delivery.revealed(documents, kind)
    return ArchiveFacts(
        partition=values.partition,
        bucket=values.bucket,
        prefix=values.prefix,
        management_account=values.management_account,
        organization=values.organization_id,
        trail=values.trail,
    )


def _archive(documents: list[Document], management: str) -> str:
    """Return the archive account: the owner of access points or the key, or the one a condition names."""
    texts = [text for _, document in documents for text in strings(document)]
    points = {found["account"] for text in texts if (found := _ACCESS_POINTS.fullmatch(text))}
    owners = {
        value for key, value in _conditions(documents) if key in _OWNER_KEYS and _ACCOUNT.fullmatch(value)
    }
    managing = {
        found["account"]
        for kind, document in documents
        if kind is Kind.KEY
        for text in strings(document)
        if text.endswith(":root") and (found := _ROOT.fullmatch(text))
    }
    keys = {str(text).split(":")[4] for text in texts if _KEY.fullmatch(text)}
    account = _only(points) or _only(owners) or _only(managing) or _only(keys)
    return "" if account == management else account


def _organization(documents: list[Document]) -> str:
    named = (value for key, value in _conditions(documents) if key in _ORGANIZATION_KEYS)
    return _only({found["id"] for value in named if (found := _ORGANIZATION.fullmatch(value))})


def _conditions(documents: list[Document]) -> Iterator[tuple[str, str]]:
    """Yield every key, in lower case, and value of the conditions."""
    for _, document in documents:
        statements = document.get("Statement", []) if isinstance(document, dict) else []
        for statement in statements if isinstance(statements, list) else [statements]:
            blocks = statement.get("Condition", {}) if isinstance(statement, dict) else {}
            for block in blocks.values() if isinstance(blocks, dict) else []:
                for key, value in block.items() if isinstance(block, dict) else []:
                    yield from ((str(key).lower(), text) for text in strings(value))


def _only(found: set[str]) -> str:
    return next(iter(found)) if len(found) == 1 else ""
