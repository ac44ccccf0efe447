"""The cast: who works in the organization, with which roles, from where. A seed decides all of it.

Addresses are from the ranges reserved for documentation, so nobody's network is slandered by the story.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from trailkeep.sandbox.stage.dice import Dice
from trailkeep.sandbox.stage.identities import Identity, Role, iam_user, plain
from trailkeep.sandbox.stage.premises import Premises
from trailkeep.sandbox.stage.shape import OrganizationShape
from trailkeep.sandbox.stage.signin import Grant
from trailkeep.sandbox.stage.templates import Style
from trailkeep.sandbox.stage.voice import Voice

__all__ = ["Cast", "Person", "User"]

# fmt: off
_FIRST = (
    "aisha", "anna", "ben", "carla", "chen", "clara", "daniel", "elena", "emma", "felix", "hannah", "ines",
    "jan", "jonas", "julia", "karim", "lea", "lukas", "maria", "mehmet", "mia", "nils", "nora", "olga",
    "paul", "priya", "samuel", "sofia", "tom", "yuki",
)
_LAST = (
    "adler", "bauer", "costa", "demir", "engel", "fischer", "garcia", "huber", "ivanova", "jensen",
    "keller", "lange", "moreau", "novak", "okafor", "patel", "quinn", "rossi", "schmidt", "tanaka",
    "ulrich", "vogel", "weber", "xu", "young", "zeman",
)
# fmt: on
_BROWSERS = (
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0",
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
)
_TOOLS = (
    "aws-cli/2.31.30 md/awscrt#0.28.4 ua/2.1 os/macos#25.1.0 md/arch#arm64 lang/python#3.13.9 md/prompt#off",
    "aws-cli/2.27.49 md/awscrt#0.26.1 ua/2.1 os/linux#6.8.0 md/arch#x86_64 lang/python#3.13.4 md/prompt#off",
    "Boto3/1.40.61 md/Botocore#1.40.61 ua/2.1 os/linux#6.8.0 md/arch#x86_64 lang/python#3.12.11",
)
_TEAMS: dict[str, tuple[tuple[str, str], ...]] = {
    "platform": (("prod", "PlatformEngineer"), ("staging", "PlatformEngineer"), ("management", "ReadOnly")),
    "development": (("staging", "Developer"), ("sandbox", "SandboxAdmin"), ("prod", "ReadOnly")),
    "data": (("prod", "DataAnalyst"), ("sandbox", "SandboxAdmin")),
    "security": (("archive", "SecurityAudit"), ("prod", "SecurityAudit"), ("management", "SecurityAudit")),
    "finance": (("management", "Billing"),),
}
_TEAM_ORDER = ("development", "platform", "development", "data", "development", "security", "finance")


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody who signs in through Identity Center; ``grants`` pair purpose and permission set."""

    email: str
    user_id: str
    team: str
    ip: str
    browser: str
    tool: str
    grants: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """An IAM user with a long-lived key; ``next_key`` is the one it holds after the first was withdrawn."""

    account_id: str
    name: str
    user_id: str
    key: str
    next_key: str
    ip: str
    agent: str

    def identity(self, key: str) -> Identity:
        """Return the identity that a request signed with ``key`` shows."""
        return iam_user(self.account_id, self.name, self.user_id, key)


class Cast:
    """Everybody and everything that can act, and the accounts they act in."""

    def __init__(self, shape: OrganizationShape, seed: int) -> None:
        dice = Dice(seed, "cast")
        self.shape = shape
        self.seed = seed
        self.premises = {
            account_id: Premises(account_id, purpose, shape.regions, seed, shape.bucket)
            for account_id, purpose in shape.purposes.items()
        }
        self.account_of = {purpose: account_id for account_id, purpose in shape.purposes.items()}
        self._roles: dict[tuple[str, str, str], Role] = {}
        self.identity_store_id = "d-" + dice.hex(10)
        self.people = tuple(self._person(index, dice) for index in range(32))
        self.developer = self._user("jonas.weber", shape.workload("sandbox"), "203.0.113.24", _TOOLS[1])
        self.users = (
            self.developer,
            self._user("backup-agent", shape.workload("prod"), "203.0.113.200", _TOOLS[2]),
            self._user("jenkins", shape.workload("staging"), "203.0.113.201", _TOOLS[2]),
        )

    def role(self, account_id: str, name: str, path: str = "/") -> Role:
        """Return the role of that name; asked again, it has the same unique id."""
        known = (account_id, path, name)
        if known not in self._roles:
            dice = Dice(self.seed, "role", *known)
            role_id = dice.unique_id("AROA", account_id)
            self._roles[known] = Role(account_id=account_id, name=name, role_id=role_id, path=path)
        return self._roles[known]

    def permission_set(self, account_id: str, name: str) -> Role:
        """Return the role that Identity Center keeps in the account for the permission set."""
        suffix = Dice(self.seed, "permission-set", account_id, name).hex(16)
        path = f"/aws-reserved/sso.amazonaws.com/{self.shape.home_region}/"
        return self.role(account_id, f"AWSReservedSSO_{name}_{suffix}", path)

    def grant(self, purpose: str, role_name: str, session_name: str, *, lasts_s: int = 3600) -> Grant:
        """Return a session of the role in the account used for ``purpose``, working in the home region."""
        account_id = self.account_of[purpose]
        return Grant(
            role=self.role(account_id, role_name),
            session_name=session_name,
            premises=self.premises[account_id],
            region=self.shape.home_region,
            lasts_s=lasts_s,
        )

    def service_role(self, account_id: str, service: str, name: str) -> Role:
        """Return the service-linked role of an AWS service."""
        return self.role(account_id, f"AWSServiceRoleFor{name}", f"/aws-service-role/{service}/")

    def saml_provider(self, account_id: str) -> str:
        """Return the ARN of Identity Center's identity provider in the account."""
        suffix = Dice(self.seed, "saml", account_id).hex(16)
        return f"arn:aws:iam::{account_id}:saml-provider/AWSSSO_{suffix}_DO_NOT_DELETE"

    def portal(self, person: Person, dice: Dice) -> Voice:
        """Return the person at the access portal, which the management account records."""
        management = self.shape.management_account_id
        fields = {
            "type": "IdentityCenterUser",
            "accountId": management,
            "onBehalfOf": self.on_behalf_of(person),
            "credentialId": dice.base64(24),
        }
        return Voice(
            premises=self.premises[management],
            region=self.shape.home_region,
            identity=plain(fields),
            ip=person.ip,
            agent=person.browser,
            dice=dice,
        )

    def on_behalf_of(self, person: Person) -> dict[str, Any]:
        """Return the mark that services aware of Identity Center leave on a session."""
        management = self.shape.management_account_id
        store = f"arn:aws:identitystore::{management}:identitystore/{self.identity_store_id}"
        return {"userId": person.user_id, "identityStoreArn": store}

    def voice_of(self, user: User, dice: Dice, *, key: str = "", ip: str = "", agent: str = "") -> Voice:
        """Return the IAM user speaking with ``key``, from ``ip`` with ``agent`` where it is not its own."""
        return Voice(
            premises=self.premises[user.account_id],
            region=self.shape.home_region,
            identity=user.identity(key or user.key),
            ip=ip or user.ip,
            agent=agent or user.agent,
            dice=dice,
            style=Style.DIRECT,
        )

    def _person(self, index: int, dice: Dice) -> Person:
        team = _TEAM_ORDER[index % len(_TEAM_ORDER)]
        name = f"{_FIRST[index % len(_FIRST)]}.{_LAST[index * 7 % len(_LAST)]}"
        remote = f"2001:db8:{dice.between(1, 65535):x}:{dice.between(1, 65535):x}::{dice.between(1, 65535):x}"
        known = self.account_of
        return Person(
            email=f"{name}@example.com",
            user_id=dice.uuid(),
            team=team,
            ip=remote if index % 4 == 3 else f"203.0.113.{dice.between(10, 19)}",
            browser=dice.pick(_BROWSERS),
            tool=dice.pick(_TOOLS),
            grants=tuple(grant for grant in _TEAMS[team] if grant[0] in known),
        )

    def _user(self, name: str, account_id: str, ip: str, agent: str) -> User:
        dice = Dice(self.seed, "user", account_id, name)
        return User(
            account_id=account_id,
            name=name,
            user_id=dice.unique_id("AIDA", account_id),
            key=dice.access_key("AKIA", account_id),
            next_key=dice.access_key("AKIA", account_id),
            ip=ip,
            agent=agent,
        )
