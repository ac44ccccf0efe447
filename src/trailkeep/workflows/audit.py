"""``audit``: read the organization, its archive and what arrives there, and answer every control."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from trailkeep.aws.assume_config import Assumed, assume_config, correct_bucket
from trailkeep.aws.observe import observe
from trailkeep.aws.observe_audit import observe_audit
from trailkeep.aws.session import Accounts
from trailkeep.aws.watching import Watch
from trailkeep.core.config import Config, Mute
from trailkeep.guard.audit_facts import AuditFacts, unread
from trailkeep.guard.control import Severity, Subject
from trailkeep.guard.control_mappings import Framework
from trailkeep.guard.controls import Audit, archive_trail, subject_of
from trailkeep.guard.controls import audit as answer
from trailkeep.guard.estate import Absent, Estate, Organization, Trail, Unasked, Unreadable
from trailkeep.guard.judge_status import judge
from trailkeep.guard.status import Observation, Status

__all__ = ["Asked", "audit", "audit_saved", "audit_unconfigured"]

_SAVED = Unreadable(call="estate", error="a saved estate does not hold it; audit without --estate")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is asked of an audit; ``max_versions`` 0 looks at every version for delete markers."""

    now: datetime
    framework: Framework | None = None
    min_severity: Severity = Severity.LOW
    max_versions: int = 100_000


def audit(accounts: Accounts, config: Config, asked: Asked) -> Audit:
    """Return the audit of the organization and the archive that a configuration means.

    Raises:
        StoppedError: there are no usable credentials.
        UsageError: a mute names no control.
    """
    estate = observe(accounts, config)
    return _audited(accounts, estate, config, config, asked)


def audit_unconfigured(
    accounts: Accounts, asked: Asked, *, region: str, archive_account: str, access_role: str
) -> Audit:
    """Return the audit of the organization trail that there is, where no configuration was written.

    Raises:
        StoppedError: there are no usable credentials.
        UncheckedError: neither the organization nor its trails could be read.
    """
    assumed: Assumed = assume_config(
        accounts, region=region, archive_account=archive_account, access_role=access_role
    )
    estate = correct_bucket(accounts, observe(accounts, assumed.config), assumed)
    return _audited(accounts, estate, assumed.config, None, asked)


def audit_saved(estate: Estate, config: Config, asked: Asked) -> Audit:
    """Return the audit of a saved estate; what only AWS can tell is UNKNOWN.

    Raises:
        UsageError: a mute names no control.
    """
    subject = subject_of(
        estate, unread(_SAVED), _SAVED, config=config, framework=asked.framework, now=asked.now
    )
    return _answered(subject, asked, config.mutes)


def _audited(accounts: Accounts, estate: Estate, reached: Config, said: Config | None, asked: Asked) -> Audit:
    """Audit an estate; ``reached`` says where to look, ``said`` is what a person asked for."""
    trail = archive_trail(estate, reached)
    facts: AuditFacts = observe_audit(
        accounts, estate, trail if isinstance(trail, Trail) else None, max_versions=asked.max_versions
    )
    status = _status(accounts, estate, reached, asked.now)
    subject = subject_of(estate, facts, status, config=said, framework=asked.framework, now=asked.now)
    return _answered(subject, asked, said.mutes if said else ())


def _status(accounts: Accounts, estate: Estate, config: Config, now: datetime) -> Status | Unreadable:
    """Return how the archive stands; what is no archive of the organization is not looked at."""
    if not isinstance(estate.organization, Organization | Unasked):
        return Unreadable(
            call="organizations:DescribeOrganization", error="expected an organization, got none"
        )
    watch = Watch(accounts, config)
    members = watch.members()
    asked = None if isinstance(members, Unreadable) else tuple(member.id for member in members)
    seen = Observation(
        members=members,
        regions=watch.regions(),
        trail=watch.trail(),
        archive=watch.archive(asked, now),
        lake=Absent(),
    )
    return judge(seen, now=now)


def _answered(subject: Subject, asked: Asked, mutes: Iterable[Mute]) -> Audit:
    return answer(subject, framework=asked.framework, min_severity=asked.min_severity, mutes=mutes)
