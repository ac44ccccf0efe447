"""What can be wrong with a pasted policy: the kinds of findings, and the finding.

A finding names its statement, says what is wrong and what to do about it.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from trailkeep.guard.statement import Statement

__all__ = ["Finding", "FindingKind", "found"]


class FindingKind(StrEnum):
    """What can be wrong with a document."""

    MALFORMED = "document.malformed"
    TOO_LARGE = "document.too_large"
    DUPLICATE_SID = "sid.duplicate"
    ACCOUNT_DIGITS = "account.digits"
    ORGANIZATION_ID = "organization.id"
    SOURCE_ARN_MISSING = "source.missing"
    SOURCE_ARN_WIDE = "source.wide"
    WILDCARD_IN_EQUALS = "condition.literal_wildcard"
    EVERYBODY = "principal.everybody"
    PRINCIPAL_MISSING = "principal.missing"
    DENY_ENCRYPTION = "deny.encryption"
    NEEDS_OBJECT = "action.needs_object"
    NEEDS_BUCKET = "action.needs_bucket"
    NEEDS_OTHER = "action.needs_other"
    ACTION_UNKNOWN = "action.unknown"
    OTHER_SERVICE = "action.other_service"
    OTHER_BUCKET = "resource.other_bucket"
    NEVER = "statement.never"
    SCP_PRINCIPAL = "scp.principal"
    SCP_ROOT = "scp.root_may"
    RCP_PRINCIPAL = "rcp.principal"
    RCP_ALLOW = "rcp.allow"
    RCP_ACTION = "rcp.action"
    RCP_SERVICE = "rcp.service"


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to change; ``statement`` is its Sid or position, empty where it is about the document."""

    kind: FindingKind
    statement: str
    message: str
    remedy: str


def found(kind: FindingKind, statement: Statement, message: str, remedy: str) -> Finding:
    """Return a finding about a statement."""
    return Finding(kind=kind, statement=statement.label, message=message, remedy=remedy)
