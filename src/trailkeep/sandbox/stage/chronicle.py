"""The facts of a story, as plain values: what happened, which record shows it, which key led to which."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from trailkeep.sandbox.stage.shape import Activity

__all__ = ["Beat", "Hop", "Moment", "Story"]


class Beat(StrEnum):
    """The turning points."""

    KEY_ABUSED = "the stolen key is used for the first time"
    OWN_KEY_CREATED = "a second key is made for the developer"
    STAGING_ENTERED = "the deploy role of staging is assumed"
    ORG_TRAIL_STOP_DENIED = "stopping the organization trail is refused"
    ORG_TRAIL_DELETE_DENIED = "deleting the organization trail is refused"
    LEGACY_TRAIL_STOPPED = "the old trail of staging is stopped"
    BACKDOOR_USER_CREATED = "a user is left behind"
    BACKDOOR_KEY_CREATED = "a key for that user is left behind"
    PROD_ENTERED = "the deploy role of prod is assumed"
    SECRET_READ = "a production secret is read"  # noqa: S105 - a sentence, not a secret
    SNAPSHOT_SHARED = "a snapshot is shared with a foreign account"
    ARCHIVE_ENTERED = "the reader role of the log archive is assumed"
    LOG_DELETE_DENIED = "deleting a log version is refused"
    LIFECYCLE_DENIED = "a lifecycle that expires the logs is refused"
    BACKDOOR_USED = "the key that was left behind is used"
    LEGACY_TRAIL_STARTED = "the old trail is started again"
    KEY_DEACTIVATED = "the stolen key is deactivated"
    SESSIONS_REVOKED = "older sessions of the production role are revoked"
    BACKDOOR_REMOVED = "the user that was left behind is deleted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """A turning point and the record that shows it; ``error_code`` is empty where the call succeeded."""

    beat: Beat
    event_id: str
    event_name: str
    occurred_at: datetime
    account_id: str
    region: str
    access_key: str
    error_code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Hop:
    """One role assumption: ``issued_key`` was got with ``by_key``; two accounts hold a copy."""

    role_arn: str
    account_id: str
    by_key: str
    issued_key: str
    event_id: str
    shared_event_id: str
    occurred_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """What happened, in order: all its records, its turning points, and the chain of keys."""

    attacker_ip: str
    attacker_account_id: str
    victim_arn: str
    stolen_key: str
    backdoor_user: str
    backdoor_key: str
    legacy_trail_arn: str
    responder: str
    hops: tuple[Hop, ...]
    moments: tuple[Moment, ...]
    events: tuple[Activity, ...]

    def moment(self, beat: Beat) -> Moment:
        """Return the record that shows ``beat``."""
        return next(moment for moment in self.moments if moment.beat is beat)
