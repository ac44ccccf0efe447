"""How callers come by credentials: sign-in, role assumption, federation, and services that assume roles.

Each function returns the records that AWS files about it, in every account that gets a copy, and the
``Voice`` that holds the credentials. The key that a record shows as issued is the key that the voice then
uses, except where AWS hides it (``GetRoleCredentials``).

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/cloudtrail-integration.html and
https://docs.aws.amazon.com/singlesignon/latest/userguide/logging-using-cloudtrail.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from trailkeep.sandbox.stage.dice import Dice
from trailkeep.sandbox.stage.identities import Identity, Role, assumed_role, aws_account, aws_service, plain
from trailkeep.sandbox.stage.premises import Premises, spoken_time
from trailkeep.sandbox.stage.shape import Activity
from trailkeep.sandbox.stage.templates import Call, Style
from trailkeep.sandbox.stage.voice import Voice, stamp_of

__all__ = [
    "ASSUME",
    "CONSOLE_LOGIN",
    "Grant",
    "assume_across",
    "assume_by_service",
    "assume_by_vendor",
    "assume_by_workflow",
    "sign_in_at_console",
    "sign_in_for_cli",
]

_HOUR_S = 3600
_NO_MARKS: Mapping[str, Any] = MappingProxyType({})
_ISSUED = (
    '{"credentials":{"accessKeyId":"%(issued_key)s","sessionToken":"%(token)s","expiration":"%(expiration)s"},'
    '"assumedRoleUser":{"assumedRoleId":"%(assumed_id)s","arn":"%(assumed_arn)s"}%(issued_more)s}'
)
_ROLE = '[{"accountId":"%(role_account)s","type":"AWS::IAM::Role","ARN":"%(role_arn)s"}]'
ASSUME = Call(
    service="sts",
    name="AssumeRole",
    request='{"roleArn":"%(role_arn)s","roleSessionName":"%(session_name)s","durationSeconds":%(duration)s%(asked_more)s}',
    response=_ISSUED,
    resources=_ROLE,
    version="1.08",
)
_ASSUME_SAML = Call(
    service="sts",
    name="AssumeRoleWithSAML",
    request='{"sAMLAssertionID":"_%(fresh)s","roleSessionName":"%(session_name)s","roleArn":"%(role_arn)s",'
    '"principalArn":"%(provider)s","durationSeconds":%(duration)s}',
    response=_ISSUED,
    resources='[{"accountId":"%(role_account)s","type":"AWS::IAM::Role","ARN":"%(role_arn)s"},'
    '{"accountId":"%(role_account)s","type":"AWS::IAM::SAMLProvider","ARN":"%(provider)s"}]',
    version="1.08",
)
_ASSUME_WEB = Call(
    service="sts",
    name="AssumeRoleWithWebIdentity",
    request='{"roleArn":"%(role_arn)s","roleSessionName":"%(session_name)s","durationSeconds":%(duration)s}',
    response=_ISSUED,
    resources=_ROLE,
    version="1.08",
)
_AUTHENTICATION = Call(
    service="signin",
    name="UserAuthentication",
    read_only=False,
    extra='{"AuthWorkflowID":"%(fresh)s","CredentialType":"%(credential)s","UserName":"%(session_name)s"}',
    details='{"UserAuthentication":"Success"}',
    event_type="AwsServiceEvent",
    version="1.08",
)
_FEDERATE = Call(
    service="sso",
    name="Federate",
    read_only=False,
    details='{"relayId":"%(fresh)s","account_id":"%(role_account)s","role_name":"%(permission_set)s"}',
    event_type="AwsServiceEvent",
    version="1.08",
)
_VENDING = Call(
    service="sso",
    name="GetRoleCredentials",
    details='{"role_name":"%(permission_set)s","account_id":"%(role_account)s"}',
    event_type="AwsServiceEvent",
    version="1.08",
)
CONSOLE_LOGIN = Call(
    service="signin",
    name="ConsoleLogin",
    read_only=False,
    region="us-east-1",
    response='{"ConsoleLogin":"%(outcome)s"}',
    extra='{"LoginTo":"https://console.aws.amazon.com/console/home","MobileVersion":"No","MFAUsed":"%(mfa)s"}',
    event_type="AwsConsoleSignIn",
    host="%(region)s.signin.aws.amazon.com",
    version="1.08",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """A role, the name of the session, and the premises and region in which the session will work."""

    role: Role
    session_name: str
    premises: Premises
    region: str
    lasts_s: int = _HOUR_S

    def facts(self, dice: Dice, at: int, **more: str) -> dict[str, str]:
        """Return what the record of the assumption says, with a new key for the session."""
        role = self.role
        return {
            "assumed_arn": role.session_arn(self.session_name),
            "assumed_id": f"{role.role_id}:{self.session_name}",
            "asked_more": "",
            "duration": str(self.lasts_s),
            "expiration": spoken_time(at + self.lasts_s),
            "issued_key": dice.access_key("ASIA", role.account_id),
            "issued_more": "",
            "role_account": role.account_id,
            "role_arn": role.arn,
            "session_name": self.session_name,
            "token": dice.session_token(),
            **more,
        }

    def voice(
        self, key: str, at: int, dice: Dice, *, marks: Mapping[str, Any] = _NO_MARKS, **how: Any
    ) -> Voice:
        """Return the session that began at ``at`` with ``key``.

        ``marks`` go into its identity (see ``assumed_role``), ``how`` into the voice (ip, agent, style).
        """
        identity = assumed_role(self.role, self.session_name, key, stamp_of(at), **marks)
        return Voice(
            premises=self.premises,
            region=self.region,
            identity=identity,
            dice=dice,
            ends_at=at + self.lasts_s,
            **how,
        )


def assume_across(
    caller: Voice, grant: Grant, at: int, dice: Dice, *, source_identity: str = ""
) -> tuple[list[Activity], Voice]:
    """Let ``caller`` assume the role: one record, or two with a shared id across accounts."""
    source = f',"sourceIdentity":"{source_identity}"' if source_identity else ""
    facts = grant.facts(dice, at, asked_more=source, issued_more=source, request=dice.uuid())
    marks = {"context": {"sourceIdentity": source_identity}} if source_identity else {}
    voice = grant.voice(facts["issued_key"], at, dice, marks=marks, ip=caller.ip, agent=caller.agent)
    if grant.role.account_id == caller.premises.account_id:
        return [caller.say(ASSUME, at, facts)], voice
    facts["shared"] = f',"sharedEventID":"{dice.uuid()}"'
    stranger = aws_account(caller.identity)
    owner = _onlooker(grant, stranger, caller.ip, caller.agent, dice, region=caller.region)
    return [caller.say(ASSUME, at, facts), owner.say(ASSUME, at, facts)], voice


def assume_by_vendor(
    vendor: Identity, grant: Grant, at: int, dice: Dice, *, ip: str, agent: str
) -> tuple[list[Activity], Voice]:
    """Let an account outside the organization assume the role; only the owner's copy is ours to see."""
    facts = grant.facts(dice, at, asked_more=f',"externalId":"{grant.role.role_id[-10:].lower()}"')
    facts["shared"] = f',"sharedEventID":"{dice.uuid()}"'
    onlooker = _onlooker(grant, vendor, ip, agent, dice)
    return [onlooker.say(ASSUME, at, facts)], grant.voice(facts["issued_key"], at, dice, ip=ip, agent=agent)


def assume_by_service(
    service: str, grant: Grant, at: int, dice: Dice, *, marks: Mapping[str, Any] = _NO_MARKS, **how: Any
) -> tuple[list[Activity], Voice]:
    """Let an AWS service assume the role, for a machine that will use it or for itself (``how`` decides)."""
    facts = grant.facts(dice, at)
    onlooker = _onlooker(grant, aws_service(service), service, service, dice, style=Style.SERVICE)
    voice = grant.voice(
        facts["issued_key"], at, dice, marks=marks, **{"ip": service, "agent": service, **how}
    )
    return [onlooker.say(ASSUME, at, facts)], voice


def assume_by_workflow(
    repository: str, grant: Grant, ip: str, at: int, dice: Dice
) -> tuple[list[Activity], Voice]:
    """Let a GitHub workflow assume the role with its OpenID Connect token."""
    issuer = "token.actions.githubusercontent.com"
    subject = f"repo:{repository}:ref:refs/heads/main"
    provider = f"arn:aws:iam::{grant.role.account_id}:oidc-provider/{issuer}"
    workflow = plain(
        {
            "type": "WebIdentityUser",
            "principalId": f"{provider}:sts.amazonaws.com:{subject}",
            "userName": subject,
            "identityProvider": provider,
        }
    )
    answer = (
        f',"subjectFromWebIdentityToken":"{subject}","provider":"{provider}","audience":"sts.amazonaws.com"'
    )
    facts = grant.facts(dice, at, issued_more=answer)
    agent = "aws-sdk-js/3.758.0 os/linux#6.8.0 lang/js md/nodejs#20.19.5 api/sts#3.758.0 github-actions"
    onlooker = _onlooker(grant, workflow, ip, agent, dice)
    marks = {"context": {"webIdFederationData": {"federatedProvider": provider, "attributes": {}}}}
    voice = grant.voice(
        facts["issued_key"],
        at,
        dice,
        ip=ip,
        marks=marks,
        agent="APN/1.0 HashiCorp/1.0 Terraform/1.13.4 terraform-provider-aws/6.21.0 aws-sdk-go-v2/1.39.6",
    )
    return [onlooker.say(_ASSUME_WEB, at, facts)], voice


def sign_in_at_console(
    portal: Voice, grant: Grant, at: int, dice: Dice, *, provider: str, agent: str, **marks: Any
) -> tuple[list[Activity], Voice]:
    """Let a person open the console through the access portal: portal, federation, role, console."""
    facts = _portal_facts(grant, dice, at, provider)
    saml = plain(
        {
            "type": "SAMLUser",
            "principalId": f"{dice.base64(20)}:{grant.session_name}",
            "userName": grant.session_name,
            "identityProvider": provider.rsplit("/", 1)[1],
        }
    )
    federation = _onlooker(grant, saml, portal.ip, "aws-internal/3", dice)
    voice = grant.voice(
        facts["issued_key"], at + 2, dice, marks=marks, ip=portal.ip, agent=agent, style=Style.CONSOLE
    )
    unkeyed = json.loads(voice.identity.json)
    del unkeyed["accessKeyId"]
    login = {"identity": plain(unkeyed).json, "outcome": "Success", "mfa": "No"}
    records = [
        portal.say(_AUTHENTICATION, at, facts),
        portal.say(_FEDERATE, at + 1, facts),
        federation.say(_ASSUME_SAML, at + 2, facts),
        voice.say(CONSOLE_LOGIN, at + 2, login),
    ]
    return records, voice


def sign_in_for_cli(
    portal: Voice, grant: Grant, at: int, dice: Dice, *, agent: str, **marks: Any
) -> tuple[list[Activity], Voice]:
    """Let a person fetch credentials for the command line; AWS does not record which key it vended."""
    facts = _portal_facts(grant, dice, at, "")
    voice = grant.voice(facts["issued_key"], at, dice, marks=marks, ip=portal.ip, agent=agent)
    return [portal.say(_VENDING, at, facts)], voice


def _portal_facts(grant: Grant, dice: Dice, at: int, provider: str) -> dict[str, str]:
    permission_set = grant.role.name.removeprefix("AWSReservedSSO_").rsplit("_", 1)[0]
    return grant.facts(dice, at, provider=provider, permission_set=permission_set, credential="EXTERNAL_IDP")


def _onlooker(grant: Grant, identity: Identity, ip: str, agent: str, dice: Dice, **how: Any) -> Voice:
    """Return the caller as the account that owns the role records it."""
    region = how.pop("region", grant.region)
    return Voice(
        premises=grant.premises, region=region, identity=identity, ip=ip, agent=agent, dice=dice, **how
    )
