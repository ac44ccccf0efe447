"""What a control is: one question about the archive, how it is answered, and what repairs it.

::

    PASS            what is asked is so
    FAIL            it is not
    UNKNOWN         what the answer needs could not be read
    NOT APPLICABLE  the question does not arise, for a reason that is said
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from trailkeep.guard.attached import AttachedPolicies
from trailkeep.guard.audit_facts import AuditFacts
from trailkeep.guard.estate import (
    Absent,
    Bucket,
    Estate,
    ForeignBucket,
    Organization,
    Trail,
    Unasked,
    Unreadable,
)
from trailkeep.guard.status import Status

__all__ = [
    "Answer",
    "Area",
    "Control",
    "Outcome",
    "Severity",
    "Subject",
    "failed",
    "not_applicable",
    "passed",
    "unknown",
]


class Severity(StrEnum):
    """How bad it is when a control fails, the worst first."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"

    @property
    def rank(self) -> int:
        """The higher, the worse."""
        return len(Severity) - list(Severity).index(self)


class Outcome(StrEnum):
    """What an audit says of one control; see the module."""

    PASS = "PASS"  # noqa: S105 - an outcome, not a password
    FAIL = "FAIL"
    UNKNOWN = "UNKNOWN"
    NOT_APPLICABLE = "NOT APPLICABLE"


class Area(StrEnum):
    """What a control is about; the first part of its id."""

    TRAIL = "trail"
    DELIVERY = "delivery"
    ARCHIVE = "archive"
    KEY = "key"
    GUARDS = "guards"
    ORGANIZATION = "organization"
    WATCH = "watch"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The answer to one question; ``reason`` is what was seen, or why nobody can tell."""

    outcome: Outcome
    resource: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What is audited, at one moment.

    Attributes:
        estate: the organization, its policies, its trails, the bucket and the key.
        attached: its policies, put where they bind.
        facts: what was read for the audit alone.
        status: whether and what the archive receives.
        trail: the trail that fills the archive.
        retention_days: how long a log must be kept; 0 where nobody asks for anything.
        asked_by: who asks for that many days.
        now: an aware UTC moment.
    """

    estate: Estate
    attached: AttachedPolicies
    facts: AuditFacts
    status: Status | Unreadable
    trail: Trail | Absent | Unreadable
    retention_days: int
    asked_by: str
    now: datetime

    @property
    def bucket(self) -> Bucket | ForeignBucket | Absent | Unreadable:
        """The bucket of the archive."""
        return self.estate.bucket

    @property
    def is_of_organization(self) -> bool:
        """Whether an organization is meant, and not one account alone."""
        return not isinstance(self.estate.organization, Unasked)

    @property
    def trail_name(self) -> str:
        """How the trail is called in an answer."""
        wanted = "organization trail" if self.is_of_organization else "trail"
        return self.trail.arn if isinstance(self.trail, Trail) else wanted

    @property
    def bucket_name(self) -> str:
        """How the bucket is called in an answer."""
        if isinstance(self.bucket, Bucket | ForeignBucket):
            return f"arn:{self.estate.caller.partition}:s3:::{self.bucket.name}"
        return "archive bucket"

    @property
    def organization_name(self) -> str:
        """How the organization is called in an answer."""
        found = self.estate.organization
        return f"organization {found.id}" if isinstance(found, Organization) else "organization"


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """One control.

    Attributes:
        id: stable; its first part is the area.
        severity: how bad a failure is.
        question: what is asked; PASS is yes.
        expected: what a failure's message says was expected.
        check: answers the question.
        remedy: what a person does about a failure.
        action: the id of the plan's action that repairs it, empty where no action does.
    """

    id: str
    severity: Severity
    question: str
    expected: str
    check: Callable[[Subject], Answer]
    remedy: str
    action: str = ""

    @property
    def area(self) -> Area:
        """What it is about."""
        return Area(self.id.partition(".")[0])


def passed(resource: str, reason: str) -> Answer:
    """Return that it is as it should be."""
    return Answer(outcome=Outcome.PASS, resource=resource, reason=reason)


def failed(resource: str, reason: str) -> Answer:
    """Return that it is not; ``reason`` is what was there instead."""
    return Answer(outcome=Outcome.FAIL, resource=resource, reason=reason)


def unknown(resource: str, why: Unreadable | str) -> Answer:
    """Return that nobody can tell."""
    reason = why if isinstance(why, str) else f"{why.call}: {why.error}"
    return Answer(outcome=Outcome.UNKNOWN, resource=resource, reason=reason)


def not_applicable(resource: str, reason: str) -> Answer:
    """Return that the question does not arise."""
    return Answer(outcome=Outcome.NOT_APPLICABLE, resource=resource, reason=reason)
