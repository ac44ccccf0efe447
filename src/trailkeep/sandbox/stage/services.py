"""AWS services at work by themselves: CloudTrail and its bucket, Config, Inspector, scaling, key rotation.

Source: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/non-api-aws-service-events.html
"""

from __future__ import annotations

from dataclasses import replace

from trailkeep.sandbox.stage import calls_account as account
from trailkeep.sandbox.stage import calls_compute as compute
from trailkeep.sandbox.stage import calls_data as data
from trailkeep.sandbox.stage.dice import Dice
from trailkeep.sandbox.stage.identities import Identity, aws_service, plain
from trailkeep.sandbox.stage.people import Cast
from trailkeep.sandbox.stage.shape import Activity
from trailkeep.sandbox.stage.signin import CONSOLE_LOGIN, Grant, assume_by_service
from trailkeep.sandbox.stage.templates import Call, Style
from trailkeep.sandbox.stage.voice import Voice

__all__ = ["DoorActor", "ServiceActor", "TrailActor"]

_SCANS: tuple[tuple[str, str, tuple[tuple[Call, ...], ...]], ...] = (
    (
        "config.amazonaws.com",
        "Config",
        ((compute.GROUPS, compute.VPCS), (data.ACL, data.POLICY), (account.ROLE,)),
    ),
    (
        "inspector2.amazonaws.com",
        "AmazonInspector2",
        ((compute.ONE_INSTANCE, compute.TAGS), (compute.FUNCTION,)),
    ),
    ("autoscaling.amazonaws.com", "AutoScaling", ((compute.INSTANCES, compute.RUN), (account.ALARMS,))),
    ("rds.amazonaws.com", "RDS", ((compute.SUBNETS, compute.GROUPS), (compute.INTERFACE,))),
)
_ROTATED = Call(
    service="secretsmanager",
    name="RotationSucceeded",
    read_only=False,
    extra='{"SecretId":"arn:aws:secretsmanager:%(region)s:%(account)s:secret:%(secret)s"}',
    event_type="AwsServiceEvent",
    version="1.08",
)
_KEY_ROTATED = Call(
    service="kms",
    name="RotateKey",
    read_only=False,
    resources='[{"accountId":"%(account)s","type":"AWS::KMS::Key",'
    '"ARN":"arn:aws:kms:%(region)s:%(account)s:key/%(key)s"}]',
    details='{"keyId":"%(key)s"}',
    event_type="AwsServiceEvent",
    version="1.08",
)
_FAILED_LOGIN = replace(CONSOLE_LOGIN, error_message="Failed authentication")


class ServiceActor:
    """One service in one account: it assumes its service-linked role for each piece of work."""

    __slots__ = ("_cast", "_dice", "_name", "_pages", "_purpose", "_service")

    def __init__(self, cast: Cast, purpose: str, kind: int) -> None:
        self._service, self._name, self._pages = _SCANS[kind % len(_SCANS)]
        self._dice = Dice(cast.seed, "service", self._service, purpose)
        self._cast = cast
        self._purpose = purpose

    def turn(self, at: int, *, hurry: bool) -> list[Activity]:
        """Return the assumption of the role and the calls made with it."""
        dice, cast = self._dice, self._cast
        account_id = cast.account_of[self._purpose]
        if dice.unit() < 0.04:
            return [self._event(account_id, at)]
        grant = Grant(
            role=cast.service_role(account_id, self._service, self._name),
            session_name=f"{self._name}Work{dice.between(10**14, 10**15)}",
            premises=cast.premises[account_id],
            region=dice.pick(cast.shape.regions),
        )
        marks = {"invokedBy": self._service}
        records, voice = assume_by_service(self._service, grant, at, dice, marks=marks, style=Style.SERVICE)
        pace = 0 if hurry else 1
        return records + [voice.say(call, at + pace) for call in dice.pick(self._pages)]

    def _event(self, account_id: str, at: int) -> Activity:
        call = self._dice.pick((_ROTATED, _KEY_ROTATED))
        service = f"{call.service}.amazonaws.com"
        identity = plain({"accountId": account_id, "invokedBy": service})
        return _service_voice(self._cast, account_id, service, identity, self._dice).say(call, at)


class TrailActor:
    """CloudTrail itself, asking for the archive bucket's ACL and for data keys before it delivers."""

    __slots__ = ("_dice", "_voice")

    def __init__(self, cast: Cast) -> None:
        self._dice = Dice(cast.seed, "trail")
        service = "cloudtrail.amazonaws.com"
        account_id = cast.shape.archive_account_id
        self._voice = _service_voice(cast, account_id, service, aws_service(service), self._dice)

    def turn(self, at: int, *, hurry: bool) -> list[Activity]:
        """Return one question to the bucket and, as a rule, the key of the delivery that follows."""
        calls = (data.ACL, data.DATA_KEY) if self._dice.unit() < 0.8 and not hurry else (data.ACL,)
        return [self._voice.say(call, at, self._shared()) for call in calls]

    def _shared(self) -> dict[str, str]:
        return {"shared": f',"sharedEventID":"{self._dice.uuid()}"'}


class DoorActor:
    """Sign-ins outside Identity Center: wrong passwords, now and then root of the management account."""

    __slots__ = ("_cast", "_dice")

    def __init__(self, cast: Cast) -> None:
        self._cast = cast
        self._dice = Dice(cast.seed, "door")

    def turn(self, at: int, *, hurry: bool) -> list[Activity]:
        """Return one to three sign-ins."""
        dice, management = self._dice, self._cast.shape.management_account_id
        pace = 0 if hurry else 9
        if dice.unit() < 0.25:
            return [
                self._voice(self._root(management)).say(
                    CONSOLE_LOGIN, at, {"outcome": "Success", "mfa": "Yes"}
                )
            ]
        hidden = {"type": "IAMUser", "accountId": management, "accessKeyId": ""}
        voice = self._voice(plain({**hidden, "userName": "HIDDEN_DUE_TO_SECURITY_REASONS"}))
        failure = {"outcome": "Failure", "mfa": "No"}
        return [voice.say(_FAILED_LOGIN, at + step * pace, failure) for step in range(dice.between(1, 3))]

    def _root(self, account_id: str) -> Identity:
        arn = f"arn:aws:iam::{account_id}:root"
        return plain(
            {
                "type": "Root",
                "principalId": account_id,
                "arn": arn,
                "accountId": account_id,
                "accessKeyId": "",
            }
        )

    def _voice(self, identity: Identity) -> Voice:
        cast, browser = self._cast, self._cast.people[0].browser
        management = cast.premises[cast.shape.management_account_id]
        ip = f"203.0.113.{self._dice.between(210, 250)}"
        return Voice(
            premises=management, region="us-east-1", identity=identity, ip=ip, agent=browser, dice=self._dice
        )


def _service_voice(cast: Cast, account_id: str, service: str, identity: Identity, dice: Dice) -> Voice:
    return Voice(
        premises=cast.premises[account_id],
        region=cast.shape.home_region,
        identity=identity,
        ip=service,
        agent=service,
        dice=dice,
        style=Style.SERVICE,
    )
