"""What pasted policies tell of the archive they are about: names, and no state.

A name counts only where it is the only one of its kind: of two buckets nobody knows which is meant. The
documents are asked in the order of how sure they are of the archive: bucket policy, key policy, RCPs, SCPs.

Source: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/create-s3-bucket-policy-for-cloudtrail.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable
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
_ROOT = re.compile(r"(?:arn:[^:*?]+:iam::)?(?P<account>\d{12})(?::root)?")
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
    """Return what policies tell: bucket, accounts, organization, trail and key.

    A condition tells no name for sure: it may spare or refuse any account and any organization.
    """
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
            region=segments[3] if _is_of_archive(listed, key) else "",
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
        management_account=values.management_account,
        organization=values.organization_id,
        trail=values.trail,
    )


def _archive(documents: list[Document], management: str) -> str:
    """Return the archive account: the owner of access points or of the key."""
    texts = [text for _, document in documents for text in strings(document)]
    points = {found["account"] for text in texts if (found := _ACCESS_POINTS.fullmatch(text))}
    managing = {
        found["account"]
        for kind, document in documents
        if kind is Kind.KEY
        for text in strings(document)
        if text.endswith(":root") and (found := _ROOT.fullmatch(text))
    }
    keys = {str(text).split(":")[4] for text in texts if _KEY.fullmatch(text)}
    account = _only(points) or _only(managing) or _only(keys)
    return "" if account == management else account


def _is_of_archive(documents: list[Document], key: str) -> bool:
    """Say whether the bucket's or the key's own policy names the key: then it is in the bucket's region."""
    own = {Kind.BUCKET, Kind.KEY}
    return any(key in strings(document) for kind, document in documents if kind in own)


def _only(found: set[str]) -> str:
    return next(iter(found)) if len(found) == 1 else ""
