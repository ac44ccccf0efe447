"""What each kind of caller does when its turn comes.

An actor keeps one session, renews it when it ends, and answers a turn with the records of one burst of calls.
It never speaks before its last word, so its credentials are always older than their use.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Protocol

from trailkeep.sandbox.stage import routines
from trailkeep.sandbox.stage.dice import Dice
from trailkeep.sandbox.stage.identities import plain
from trailkeep.sandbox.stage.people import Cast, Person, User
from trailkeep.sandbox.stage.shape import Activity
from trailkeep.sandbox.stage.signin import (
    Grant,
    assume_across,
    assume_by_service,
    assume_by_vendor,
    assume_by_workflow,
    sign_in_at_console,
    sign_in_for_cli,
)
from trailkeep.sandbox.stage.templates import Call, Style
from trailkeep.sandbox.stage.voice import Voice

__all__ = [
    "Actor",
    "FunctionActor",
    "InstanceActor",
    "PersonActor",
    "PipelineActor",
    "UserActor",
    "VendorActor",
]

_MARGIN_S = 120
_KEYLESS_S = 3600
Page = tuple[Call, ...]


class Actor(Protocol):
    """Anything that takes turns."""

    def turn(self, at: int, *, hurry: bool) -> list[Activity]:
        """Return the records of one burst that begins at epoch second ``at`` or later."""
        ...


class _Speaker(ABC):
    """What all actors share: a session that ends, and a clock that only moves forward."""

    __slots__ = ("_dice", "_free_at", "_voice")

    def __init__(self, dice: Dice) -> None:
        self._dice = dice
        self._free_at = 0
        self._voice: Voice | None = None

    def turn(self, at: int, *, hurry: bool) -> list[Activity]:
        """Return the records of one burst; in a ``hurry`` all its calls fall into one second."""
        at = max(at, self._free_at)
        records: list[Activity] = []
        voice = self._voice
        if voice is None or (voice.ends_at and voice.ends_at - at < _MARGIN_S):
            records, voice = self._begin(at)
            self._voice = voice
            at = max(at, _second_of(records, at))
        pace = 0 if hurry else 2
        for call in self._page():
            records.append(voice.say(call, at))
            at += self._dice.between(0, pace)
        self._free_at = at
        return records

    @abstractmethod
    def _begin(self, at: int) -> tuple[list[Activity], Voice]:
        """Begin a session at a second; return what that records, and the session's voice."""

    @abstractmethod
    def _page(self) -> Page:
        """Return the calls of one burst."""


def _second_of(records: Sequence[Activity], otherwise: int) -> int:
    return int(records[-1].occurred_at.timestamp()) if records else otherwise


class PersonActor(_Speaker):
    """Somebody at the console or the command line, now in this account, now in that."""

    __slots__ = ("_cast", "_pages", "_person", "_writes")

    def __init__(self, cast: Cast, person: Person) -> None:
        super().__init__(Dice(cast.seed, "person", person.email))
        self._cast = cast
        self._person = person
        self._pages = routines.CONSOLE_PAGES
        self._writes = False

    def _begin(self, at: int) -> tuple[list[Activity], Voice]:
        dice, cast, person = self._dice, self._cast, self._person
        grant = self._grant()
        portal = cast.portal(person, dice)
        marks = {"onBehalfOf": cast.on_behalf_of(person)} if dice.unit() < 0.4 else {}
        if dice.unit() < 0.6:
            self._pages = routines.CONSOLE_PAGES
            provider = cast.saml_provider(grant.role.account_id)
            return sign_in_at_console(
                portal, grant, at, dice, provider=provider, agent=person.browser, **marks
            )
        self._pages = routines.CLI_PAGES
        records, voice = sign_in_for_cli(portal, grant, at, dice, agent=person.tool, **marks)
        if person.team != "platform" or dice.unit() < 0.5:
            return records, voice
        hop = cast.grant("prod", "operator", person.email)
        more, voice = assume_across(voice, hop, at, dice, source_identity=person.email)
        return records + more, voice

    def _grant(self) -> Grant:
        dice, cast, person = self._dice, self._cast, self._person
        purpose, permission_set = dice.pick(person.grants)
        account_id = cast.account_of[purpose]
        self._writes = permission_set in {"PlatformEngineer", "SandboxAdmin", "Developer"}
        region = cast.shape.home_region if dice.unit() < 0.85 else dice.pick(cast.shape.regions)
        return Grant(
            role=cast.permission_set(account_id, permission_set),
            session_name=person.email,
            premises=cast.premises[account_id],
            region=region,
            lasts_s=3600 * dice.pick((1, 4, 8)),
        )

    def _page(self) -> Page:
        if self._writes and self._dice.unit() < 0.12:
            return self._dice.pick(routines.WRITE_PAGES)
        return self._dice.pick(self._pages)


class UserActor(_Speaker):
    """A program with the long-lived key of an IAM user; ``target`` is a role elsewhere that it assumes first.

    At epoch second ``switches_at`` (0: never) its key is withdrawn; it is silent until it has been given the
    next one.
    """

    __slots__ = ("_cast", "_switches_at", "_target", "_user")

    def __init__(self, cast: Cast, user: User, *, target: str = "", switches_at: int = 0) -> None:
        super().__init__(Dice(cast.seed, "user-turns", user.name))
        self._cast = cast
        self._user = user
        self._target = target
        self._switches_at = switches_at

    def turn(self, at: int, *, hurry: bool) -> list[Activity]:
        """Return the records of one burst, none while the user has no key."""
        if self._switches_at and -_MARGIN_S <= max(at, self._free_at) - self._switches_at < _KEYLESS_S:
            return []
        return super().turn(at, hurry=hurry)

    def _begin(self, at: int) -> tuple[list[Activity], Voice]:
        cast, user = self._cast, self._user
        switched = bool(self._switches_at) and at >= self._switches_at
        own = cast.voice_of(user, self._dice, key=user.next_key if switched else user.key)
        if self._target:
            return assume_across(own, cast.grant("prod", self._target, f"{user.name}-build"), at, self._dice)
        own.ends_at = 0 if switched else self._switches_at
        return [], own

    def _page(self) -> Page:
        return self._dice.pick(routines.LEGACY_JOBS)


class PipelineActor(_Speaker):
    """A GitHub workflow: a fresh session from its token, often a hop into prod, then plan and deploy."""

    __slots__ = ("_cast", "_repository")

    def __init__(self, cast: Cast, repository: str) -> None:
        super().__init__(Dice(cast.seed, "pipeline", repository))
        self._cast = cast
        self._repository = repository

    def _begin(self, at: int) -> tuple[list[Activity], Voice]:
        dice, cast = self._dice, self._cast
        name = f"{self._repository.rsplit('/', 1)[1]}-{dice.between(10**9, 10**10)}"
        grant = cast.grant("staging", "github-actions", name, lasts_s=1800)
        ip = f"192.0.2.{dice.between(1, 254)}"
        records, voice = assume_by_workflow(self._repository, grant, ip, at, dice)
        if dice.unit() < 0.4:
            more, voice = assume_across(voice, cast.grant("prod", "deploy", name, lasts_s=900), at + 3, dice)
            records += more
        return records, voice

    def _page(self) -> Page:
        return self._dice.pick(routines.TERRAFORM_PAGES if self._dice.unit() < 0.7 else routines.DEPLOY_PAGES)


class InstanceActor(_Speaker):
    """An EC2 instance with the credentials of its role, renewed every six hours."""

    __slots__ = ("_cast", "_instance_id", "_number", "_purpose")

    def __init__(self, cast: Cast, purpose: str, number: int) -> None:
        super().__init__(Dice(cast.seed, "instance", purpose, number))
        self._cast = cast
        self._purpose = purpose
        self._number = number
        owned = cast.premises[cast.account_of[purpose]].owned("instance", cast.shape.home_region)
        self._instance_id = owned[number % len(owned)]

    def _begin(self, at: int) -> tuple[list[Activity], Voice]:
        dice, number, instance_id = self._dice, self._number, self._instance_id
        role_name = f"{self._purpose}-orders-role" if number % 2 else f"{self._purpose}-search-role"
        grant = self._cast.grant(self._purpose, role_name, instance_id, lasts_s=6 * 3600)
        private = f"10.20.{number % 8}.{10 + number}"
        inside = number % 3 == 0
        arn = f"arn:aws:ec2:{grant.region}:{grant.role.account_id}:instance/{instance_id}"
        return assume_by_service(
            "ec2.amazonaws.com",
            grant,
            at,
            dice,
            ip=private if inside else f"203.0.113.{64 + number % 4}",
            agent="aws-sdk-go/1.55.8 (go1.24.9; linux; amd64) amazon-ssm-agent/3.3.2299.0",
            style=Style.ENDPOINT if inside else Style.DIRECT,
            facts={"self": instance_id, "own_ip": private, "own_name": private.replace(".", "-")},
            marks={
                "context": {"ec2RoleDelivery": "2.0"},
                "inScopeOf": {"issuerType": "AWS::EC2::Instance", "credentialsIssuedTo": arn},
            },
        )

    def _page(self) -> Page:
        return self._dice.pick(routines.INSTANCE_JOBS)


class FunctionActor(_Speaker):
    """A Lambda function with the credentials of its execution role."""

    __slots__ = ("_cast", "_function", "_purpose")

    def __init__(self, cast: Cast, purpose: str, number: int) -> None:
        super().__init__(Dice(cast.seed, "function", purpose, number))
        self._cast = cast
        self._purpose = purpose
        owned = cast.premises[cast.account_of[purpose]].owned("function", cast.shape.home_region)
        self._function = owned[number % len(owned)]

    def _begin(self, at: int) -> tuple[list[Activity], Voice]:
        grant = self._cast.grant(self._purpose, f"{self._function}-exec", self._function, lasts_s=12 * 3600)
        account_id = grant.role.account_id
        arn = f"arn:aws:lambda:{grant.region}:{account_id}:function:{self._function}"
        scope = {"sourceArn": arn, "sourceAccount": account_id, "issuerType": "AWS::Lambda::Function"}
        return assume_by_service(
            "lambda.amazonaws.com",
            grant,
            at,
            self._dice,
            ip=f"203.0.113.{128 + self._dice.between(0, 30)}",
            agent=f"Boto3/1.40.4 md/Botocore#1.40.4 os/linux exec-env/AWS_Lambda_python3.13 {self._function}",
            marks={"inScopeOf": {**scope, "credentialsIssuedTo": arn}},
        )

    def _page(self) -> Page:
        return self._dice.pick(routines.FUNCTION_JOBS)


class VendorActor(_Speaker):
    """A monitoring vendor that reads from its own account, outside the organization."""

    __slots__ = ("_cast", "_purpose", "_vendor")

    def __init__(self, cast: Cast, purpose: str) -> None:
        super().__init__(Dice(cast.seed, "vendor", purpose))
        self._cast = cast
        self._purpose = purpose
        vendor_id = self._dice.unique_id("AROA", "808080808080")
        self._vendor = plain(
            {"type": "AWSAccount", "principalId": f"{vendor_id}:crawler", "accountId": "808080808080"}
        )

    def _begin(self, at: int) -> tuple[list[Activity], Voice]:
        ip = f"192.0.2.{self._dice.between(200, 220)}"
        agent = "aws-sdk-go-v2/1.39.6 ua/2.1 os/linux lang/go#1.25.3 md/GOARCH#arm64 monitoring-crawler"
        grant = self._cast.grant(self._purpose, "MonitoringIntegration", "crawler")
        return assume_by_vendor(self._vendor, grant, at, self._dice, ip=ip, agent=agent)

    def _page(self) -> Page:
        return self._dice.pick(routines.VENDOR_JOBS)
