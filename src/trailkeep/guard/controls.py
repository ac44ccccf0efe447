"""Every control, in the order of the report, and the audit itself: a pure function of what was read.

A framework asks some of them. A mute takes a failure out of the outcome until it expires, and is shown.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from msgspec.structs import replace

from trailkeep.core.config import Config, Mute
from trailkeep.core.errors import UsageError
from trailkeep.core.verdict import Verdict, VerdictKind
from trailkeep.guard.attached import AttachedPolicies
from trailkeep.guard.audit_facts import AuditFacts
from trailkeep.guard.control import Answer, Area, Control, Outcome, Severity, Subject, not_applicable
from trailkeep.guard.control_mappings import Framework, Mapping, mappings_of
from trailkeep.guard.controls_access import ACCESS_CONTROLS
from trailkeep.guard.controls_archive import ARCHIVE_CONTROLS
from trailkeep.guard.controls_delivery import DELIVERY_CONTROLS
from trailkeep.guard.controls_guards import GUARD_CONTROLS
from trailkeep.guard.controls_key import KEY_CONTROLS
from trailkeep.guard.controls_organization import ORGANIZATION_CONTROLS
from trailkeep.guard.controls_policy import POLICY_CONTROLS
from trailkeep.guard.controls_recording import RECORDING_CONTROLS
from trailkeep.guard.controls_trail import TRAIL_CONTROLS
from trailkeep.guard.estate import Absent, Bucket, Encryption, Estate, Key, Trail, Unasked, Unreadable
from trailkeep.guard.status import Status

__all__ = ["CONTROLS", "Audit", "Result", "answered", "archive_trail", "audit", "subject_of"]

CONTROLS: tuple[Control, ...] = (
    *TRAIL_CONTROLS,
    *RECORDING_CONTROLS,
    *DELIVERY_CONTROLS,
    *ARCHIVE_CONTROLS,
    *ACCESS_CONTROLS,
    *POLICY_CONTROLS,
    *KEY_CONTROLS,
    *GUARD_CONTROLS,
    *ORGANIZATION_CONTROLS,
)

_PREMISES = frozenset({"archive.bucket", "trail.organization"})
"""Without these most other questions do not arise, so every framework is asked them."""

_OF_ORGANIZATION = frozenset(
    {
        "guards.membership",
        "guards.policy_types",
        "guards.trail",
        "trail.organization",
        "archive.separate_account",
    }
)
"""Questions outside of the area ORGANIZATION that arise in an organization only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One control and its answer; ``muted`` is the mute in force, ``expired`` one that no longer is."""

    control: Control
    answer: Answer
    mappings: tuple[Mapping, ...]
    muted: Mute | None = None
    expired: Mute | None = None

    @property
    def counts(self) -> bool:
        """Whether it decides the outcome."""
        return self.muted is None

    @property
    def remedy(self) -> str:
        """What repairs a failure."""
        by_plan = f"; 'trailkeep plan' has the action {self.control.action}" if self.control.action else ""
        return f"{self.control.remedy}{by_plan}"

    @property
    def message(self) -> str:
        """The answer as one line."""
        answer, control = self.answer, self.control
        match answer.outcome:
            case Outcome.FAIL:
                since = f"; the mute of it ended on {self.expired.expires}" if self.expired else ""
                wanted = f"{answer.resource}: expected {control.expected}"
                return f"{wanted}, got {answer.reason}; {control.remedy}{since}"
            case Outcome.UNKNOWN:
                return f"{answer.resource}: not known, because {answer.reason}"
            case _:
                return f"{answer.resource}: {answer.reason}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """The answers at one moment, and the estate and the name of the trail that they are about."""

    as_of: datetime
    framework: Framework | None
    results: tuple[Result, ...]
    estate: Estate
    trail: str = ""

    @property
    def verdict(self) -> Verdict:
        """FAIL where a control that is not muted fails, else UNKNOWN where one cannot be answered."""
        counted = [result for result in self.results if result.counts]
        for outcome, kind in ((Outcome.FAIL, VerdictKind.FAIL), (Outcome.UNKNOWN, VerdictKind.UNKNOWN)):
            if found := [result.control.id for result in counted if result.answer.outcome is outcome]:
                return Verdict(kind=kind, reason=", ".join(found))
        if not any(result.answer.outcome is Outcome.PASS for result in self.results):
            return Verdict(kind=VerdictKind.UNKNOWN, reason="nothing was checked")
        return Verdict(kind=VerdictKind.PASS)


def subject_of(
    estate: Estate,
    facts: AuditFacts,
    status: Status | Unreadable,
    *,
    config: Config | None,
    framework: Framework | None,
    now: datetime,
) -> Subject:
    """Return what is audited: the trail that fills the archive, its key, and how long logs must be kept."""
    trail = archive_trail(estate, config)
    days = config.retention.days if config else 0
    asked_by = "trailkeep.toml"
    if framework and framework.retention_days > days:
        days, asked_by = framework.retention_days, framework.name
    estate = replace(estate, key=_key(estate, facts, trail))
    return Subject(
        estate=estate,
        attached=AttachedPolicies(estate),
        facts=facts,
        status=status,
        trail=trail,
        retention_days=days,
        asked_by=asked_by,
        now=now,
    )


def audit(
    subject: Subject,
    *,
    framework: Framework | None = None,
    min_severity: Severity = Severity.LOW,
    mutes: Iterable[Mute] = (),
) -> Audit:
    """Return the answers to the controls that a framework asks, or to all, down to a severity."""
    muted = {mute.control: mute for mute in mutes}
    if unknown := sorted(muted.keys() - {control.id for control in CONTROLS}):
        raise UsageError(
            f"audit.mute: expected the id of a control, got {', '.join(unknown)}; "
            "see docs/reference/controls.md"
        )
    results: list[Result] = []
    for control in CONTROLS:
        mappings = mappings_of(control.id)
        is_premise = control.id in _PREMISES
        if (
            framework
            and not is_premise
            and not any(mapping.framework == framework.key for mapping in mappings)
        ):
            continue
        if control.severity.rank < min_severity.rank:
            continue
        results.append(_result(control, subject, mappings, muted.get(control.id)))
    return Audit(
        as_of=subject.now,
        framework=framework,
        results=tuple(results),
        estate=subject.estate,
        trail=subject.trail.name if isinstance(subject.trail, Trail) else "",
    )


def _result(control: Control, subject: Subject, mappings: tuple[Mapping, ...], mute: Mute | None) -> Result:
    answer = answered(control, subject)
    if mute is None or answer.outcome is not Outcome.FAIL:
        return Result(control=control, answer=answer, mappings=mappings)
    is_over = date.fromisoformat(mute.expires) < subject.now.date()
    return Result(
        control=control,
        answer=answer,
        mappings=mappings,
        muted=None if is_over else mute,
        expired=mute if is_over else None,
    )


def answered(control: Control, subject: Subject) -> Answer:
    """Return the answer to a control; where one account is meant none is asked about its organization."""
    is_asked = control.area is not Area.ORGANIZATION and control.id not in _OF_ORGANIZATION
    if subject.is_of_organization or is_asked:
        return control.check(subject)
    return not_applicable(
        subject.organization_name, 'one account is meant (mode = "account"), so no organization was asked'
    )


def archive_trail(estate: Estate, config: Config | None) -> Trail | Absent | Unreadable:
    """Return the trail that fills the archive: by its bucket, by the name configured, or any.

    It is one of the organization, save where one account is meant.
    """
    if isinstance(estate.trails, Unreadable):
        return estate.trails
    name = config.trail.name if config else ""
    bucket = estate.bucket.name if isinstance(estate.bucket, Bucket) else ""

    def order(trail: Trail) -> tuple[bool, bool, str]:
        return trail.bucket != bucket, trail.name != name, trail.arn

    is_alone = isinstance(estate.organization, Unasked)
    meant = (trail for trail in estate.trails if is_alone or trail.is_organization_trail)
    return min(meant, key=order, default=Absent())


def _key(estate: Estate, facts: AuditFacts, trail: Trail | Absent | Unreadable) -> Key | Absent | Unreadable:
    """Return the key with its policy where it was read, else the estate's; Absent where none is named."""
    if not isinstance(facts.key, Unreadable):
        return facts.key
    if isinstance(estate.key, Key):
        return estate.key
    encryption = estate.bucket.encryption if isinstance(estate.bucket, Bucket) else Absent()
    named = encryption.kms_key if isinstance(encryption, Encryption) else ""
    is_known = isinstance(trail, Trail) and not isinstance(encryption, Unreadable)
    is_named = bool(named or (isinstance(trail, Trail) and trail.kms_key))
    return Absent() if is_known and not is_named else facts.key
