"""The story: a stolen key, three role assumptions in three accounts, and the morning after.

::

    night    sandbox  a developer's long-lived key is used from a foreign address and is refused a lot
             staging  AssumeRole deploy-staging; the organization trail cannot be stopped, an old trail of
                      the account can; a user and a key are left behind
             prod     AssumeRole deploy-prod; secrets are read, a snapshot is shared with a foreign account
             archive  AssumeRole log-archive-reader; log versions and the bucket's rules withstand
    morning           an analyst restarts the old trail, withdraws keys, revokes sessions, removes the user

``story`` returns it as data, so a demo can tell it and a test can look for it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

from trailkeep.core.arn import trail_arn
from trailkeep.sandbox.stage import calls_data as data
from trailkeep.sandbox.stage import plot
from trailkeep.sandbox.stage.chronicle import Beat, Hop, Moment, Story
from trailkeep.sandbox.stage.dice import Dice
from trailkeep.sandbox.stage.identities import iam_user
from trailkeep.sandbox.stage.people import Cast
from trailkeep.sandbox.stage.shape import Activity, OrganizationShape
from trailkeep.sandbox.stage.signin import ASSUME, Grant, assume_across, sign_in_at_console
from trailkeep.sandbox.stage.templates import Call
from trailkeep.sandbox.stage.voice import Voice

__all__ = ["story"]

ATTACKER_IP = "198.51.100.77"
ATTACKER_ACCOUNT_ID = "909090909090"
LEGACY_TRAIL = "legacy-staging-trail"
BACKDOOR_USER = "svc-metrics-sync"
_KIT = (
    "aws-cli/2.15.30 Python/3.11.8 Linux/6.6.15-amd64 exe/x86_64.kali.2024 prompt/off command/sts.assume-role"
)
_LEAD_DAYS = 14
_MORNING_MIN = 420


def story(shape: OrganizationShape, seed: int, starts_at: datetime, days: int) -> Story:
    """Return the intrusion as ``activity`` tells it for the same arguments.

    It begins about a tenth into the run, at most two weeks in, and takes nine hours; in runs of three days
    and more it begins at night (UTC). It needs workload accounts used for sandbox, staging and prod.
    """
    teller = _Teller(Cast(shape, seed), _begin(starts_at, days))
    teller.night()
    teller.morning()
    return teller.story()


def _begin(starts_at: datetime, days: int) -> int:
    begin = starts_at.astimezone(UTC).replace(microsecond=0) + timedelta(days=min(_LEAD_DAYS, days // 10))
    if days >= 3:
        begin = (begin + timedelta(days=1)).replace(hour=0, minute=0, second=0)
    return int(begin.timestamp()) + 131 * 60


_NO_BEATS: Mapping[Call, Beat] = MappingProxyType({})
_BLIND_BEATS = {
    plot.STOP_ORG: Beat.ORG_TRAIL_STOP_DENIED,
    plot.DELETE_ORG: Beat.ORG_TRAIL_DELETE_DENIED,
    plot.STOP_LEGACY: Beat.LEGACY_TRAIL_STOPPED,
}
_SETTLE_BEATS = {
    plot.CREATE_BACKDOOR: Beat.BACKDOOR_USER_CREATED,
    plot.CREATE_BACKDOOR_KEY: Beat.BACKDOOR_KEY_CREATED,
}
_TAKE_BEATS = {data.SECRET: Beat.SECRET_READ, plot.SHARE_SNAPSHOT: Beat.SNAPSHOT_SHARED}
_ERASE_BEATS = {plot.DELETE_LOG: Beat.LOG_DELETE_DENIED, plot.EXPIRE_LOGS: Beat.LIFECYCLE_DENIED}


class _Teller:
    """Writes the story down, minute by minute from its beginning."""

    def __init__(self, cast: Cast, begin: int) -> None:
        self._cast = cast
        self._begin = begin
        self._dice = Dice(cast.seed, "story")
        self._events: list[Activity] = []
        self._moments: list[Moment] = []
        self._hops: list[Hop] = []
        shape = cast.shape
        self._legacy_arn = trail_arn(
            partition="aws", region=shape.home_region, account_id=shape.workload("staging"), name=LEGACY_TRAIL
        )
        self._analyst = next(person for person in cast.people if person.team == "security")
        sandbox = shape.workload("sandbox")
        self._facts = {
            "attacker_account": ATTACKER_ACCOUNT_ID,
            "backdoor": BACKDOOR_USER,
            "backdoor_key": self._dice.access_key("AKIA", shape.workload("staging")),
            "legacy_trail": self._legacy_arn,
            "org_trail": shape.trail_arn,
            "replacement_key": cast.developer.next_key,
            "snapshot": "snap-0" + self._dice.hex(16),
            "stolen_key": cast.developer.key,
            "victim": cast.developer.name,
            "victim_key": self._dice.access_key("AKIA", sandbox),
            "user_id": self._dice.unique_id("AIDA", shape.workload("staging")),
            "log_key": self._log_key(),
            "version": self._dice.base64(24).translate(str.maketrans("+/", "._")),
        }

    def story(self) -> Story:
        """Return what was told, in order of time."""
        facts = self._facts
        return Story(
            attacker_ip=ATTACKER_IP,
            attacker_account_id=ATTACKER_ACCOUNT_ID,
            victim_arn=self._cast.developer.identity("").arn,
            stolen_key=facts["stolen_key"],
            backdoor_user=BACKDOOR_USER,
            backdoor_key=facts["backdoor_key"],
            legacy_trail_arn=self._legacy_arn,
            responder=self._analyst.email,
            hops=tuple(self._hops),
            moments=tuple(self._moments),
            events=tuple(sorted(self._events, key=lambda event: event.occurred_at)),
        )

    def night(self) -> None:
        """Tell the intrusion: look around, climb, blind, take, and try to erase."""
        thief = self._cast.voice_of(self._cast.developer, self._dice, ip=ATTACKER_IP, agent=_KIT)
        self._tell(thief, 0, plot.LOOK_AROUND, {plot.LOOK_AROUND[0]: Beat.KEY_ABUSED})
        self._tell(thief, 25, (plot.CREATE_OWN_KEY,), {plot.CREATE_OWN_KEY: Beat.OWN_KEY_CREATED})
        self._refused_hop(thief, 38)
        staging = self._hop(thief, 40, "staging", "deploy-staging", Beat.STAGING_ENTERED)
        self._tell(staging, 41, plot.BLIND, _BLIND_BEATS)
        self._tell(staging, 62, plot.SETTLE, _SETTLE_BEATS)
        prod = self._hop(staging, 75, "prod", "deploy-prod", Beat.PROD_ENTERED)
        self._tell(prod, 77, plot.TAKE, _TAKE_BEATS)
        archive = self._hop(prod, 110, "archive", "log-archive-reader", Beat.ARCHIVE_ENTERED)
        self._tell(archive, 112, plot.ERASE, _ERASE_BEATS)
        self._tell(self._ghost(), 360, plot.RETURN, {plot.RETURN[0]: Beat.BACKDOOR_USED})

    def morning(self) -> None:
        """Tell the response: see it, restart the trail, withdraw what was stolen and made."""
        staging = self._arrive("staging", _MORNING_MIN)
        self._tell(staging, _MORNING_MIN + 3, plot.INVESTIGATE)
        self._tell(
            staging, _MORNING_MIN + 22, (plot.START_LEGACY,), {plot.START_LEGACY: Beat.LEGACY_TRAIL_STARTED}
        )
        sandbox = self._arrive("sandbox", _MORNING_MIN + 30)
        self._tell(sandbox, _MORNING_MIN + 32, plot.WITHDRAW, {plot.WITHDRAW[0]: Beat.KEY_DEACTIVATED})
        self._tell(staging, _MORNING_MIN + 40, plot.CLEAN_UP, {plot.CLEAN_UP[-1]: Beat.BACKDOOR_REMOVED})
        prod = self._arrive("prod", _MORNING_MIN + 60)
        self._tell(prod, _MORNING_MIN + 62, plot.CLOSE, {plot.CLOSE[0]: Beat.SESSIONS_REVOKED})
        self._tell(self._arrive("archive", _MORNING_MIN + 90), _MORNING_MIN + 92, plot.CHECK_ARCHIVE)

    def _tell(
        self, voice: Voice, minute: int, calls: tuple[Call, ...], beats: Mapping[Call, Beat] = _NO_BEATS
    ) -> None:
        at = self._begin + minute * 60
        for call in calls:
            record = voice.say(call, at, self._facts)
            self._events.append(record)
            if call in beats and all(moment.beat is not beats[call] for moment in self._moments):
                self._moments.append(_moment(beats[call], record))
            at += self._dice.between(3, 40)

    def _hop(self, voice: Voice, minute: int, purpose: str, role_name: str, beat: Beat) -> Voice:
        grant = self._grant(purpose, role_name)
        at = self._begin + minute * 60
        records, session = assume_across(voice, grant, at, self._dice)
        self._events += records
        self._moments.append(_moment(beat, records[0]))
        seen = json.loads(records[0].record)
        self._hops.append(
            Hop(
                role_arn=grant.role.arn,
                account_id=grant.role.account_id,
                by_key=voice.identity.access_key,
                issued_key=session.identity.access_key,
                event_id=seen["eventID"],
                shared_event_id=seen["sharedEventID"],
                occurred_at=records[0].occurred_at,
            )
        )
        return session

    def _refused_hop(self, voice: Voice, minute: int) -> None:
        grant = self._grant("prod", "operator")
        refused = plot.refused(ASSUME, "sts:AssumeRole", "%(role_arn)s", request="null")
        at = self._begin + minute * 60
        self._events.append(voice.say(refused, at, {**grant.facts(self._dice, at), **self._facts}))

    def _grant(self, purpose: str, role_name: str) -> Grant:
        return self._cast.grant(
            purpose, role_name, f"botocore-session-{self._begin + self._dice.between(0, 9999)}"
        )

    def _ghost(self) -> Voice:
        """Return the user that was left behind, back with its key."""
        staging = self._cast.account_of["staging"]
        ghost = iam_user(staging, BACKDOOR_USER, self._facts["user_id"], self._facts["backdoor_key"])
        return Voice(
            premises=self._cast.premises[staging],
            region=self._cast.shape.home_region,
            identity=ghost,
            ip=ATTACKER_IP,
            agent=_KIT,
            dice=self._dice,
        )

    def _arrive(self, purpose: str, minute: int) -> Voice:
        """Let the analyst sign in to an account through the access portal."""
        cast, person = self._cast, self._analyst
        account_id = cast.account_of[purpose]
        grant = Grant(
            role=cast.permission_set(account_id, "IncidentResponse"),
            session_name=person.email,
            premises=cast.premises[account_id],
            region=cast.shape.home_region,
            lasts_s=4 * 3600,
        )
        portal, provider = cast.portal(person, self._dice), cast.saml_provider(account_id)
        at = self._begin + minute * 60
        records, voice = sign_in_at_console(
            portal, grant, at, self._dice, provider=provider, agent=person.browser, mfa=True
        )
        self._events += records
        return voice

    def _log_key(self) -> str:
        shape = self._cast.shape
        day = datetime.fromtimestamp(self._begin, UTC)
        staging, region = shape.workload("staging"), shape.home_region
        folder = f"AWSLogs/{shape.organization_id}/{staging}/CloudTrail/{region}/{day:%Y/%m/%d}"
        unique = "".join(
            self._dice.pick("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789")
            for _ in range(16)
        )
        return f"{folder}/{staging}_CloudTrail_{region}_{day:%Y%m%dT%H%MZ}_{unique}.json.gz"


def _moment(beat: Beat, activity: Activity) -> Moment:
    record = json.loads(activity.record)
    return Moment(
        beat=beat,
        event_id=record["eventID"],
        event_name=record["eventName"],
        occurred_at=activity.occurred_at,
        account_id=activity.account_id,
        region=activity.region,
        access_key=record["userIdentity"].get("accessKeyId", ""),
        error_code=record.get("errorCode", ""),
    )
