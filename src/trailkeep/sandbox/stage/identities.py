"""The ``userIdentity`` element, as CloudTrail writes it for each kind of caller.

Source: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

__all__ = ["Identity", "Role", "assumed_role", "aws_account", "aws_service", "iam_user", "plain"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """An IAM role; ``path`` begins and ends with a slash."""

    account_id: str
    name: str
    role_id: str
    path: str = "/"

    @property
    def arn(self) -> str:
        """The ARN of the role, with its path."""
        return f"arn:aws:iam::{self.account_id}:role{self.path}{self.name}"

    def session_arn(self, session_name: str) -> str:
        """Return the ARN of a session of this role, which leaves the path out as STS does."""
        return f"arn:aws:sts::{self.account_id}:assumed-role/{self.name}/{session_name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """A caller: its JSON, and the parts of it that other fields repeat.

    ``access_key`` is empty where the record shows none.
    """

    json: str
    arn: str
    principal_id: str
    account_id: str
    access_key: str = ""

    def through(self, service: str) -> str:
        """Return the JSON of the same caller when ``service`` calls for it."""
        return f'{self.json[:-1]},"invokedBy":"{service}"}}'


def plain(fields: dict[str, Any]) -> Identity:
    """Return the identity that consists of exactly ``fields``."""
    return Identity(
        json=json.dumps(fields, separators=(",", ":")),
        arn=fields.get("arn", ""),
        principal_id=fields.get("principalId", ""),
        account_id=fields.get("accountId", ""),
        access_key=fields.get("accessKeyId", ""),
    )


def iam_user(account_id: str, name: str, user_id: str, access_key: str, **more: Any) -> Identity:
    """Return an IAM user with a long-lived key, or at the console with ``sessionContext`` in ``more``."""
    head = {"type": "IAMUser", "principalId": user_id, "arn": f"arn:aws:iam::{account_id}:user/{name}"}
    key = {"accessKeyId": access_key} if access_key else {}
    return plain({**head, "accountId": account_id, **key, "userName": name, **more})


def assumed_role(
    role: Role,
    session_name: str,
    access_key: str,
    created: str,
    *,
    mfa: bool = False,
    context: dict[str, Any] | None = None,
    **more: Any,
) -> Identity:
    """Return a session of ``role`` begun at ``created`` (ISO 8601).

    ``context`` goes into ``sessionContext`` (``sourceIdentity``, ``ec2RoleDelivery``), ``more`` behind it
    (``onBehalfOf``, ``inScopeOf``, ``invokedBy``).
    """
    issuer = {"type": "Role", "principalId": role.role_id, "arn": role.arn, "accountId": role.account_id}
    attributes = {"creationDate": created, "mfaAuthenticated": "true" if mfa else "false"}
    rest = dict(context or {})
    web = {name: rest.pop(name) for name in ("webIdFederationData",) if name in rest}
    session: dict[str, Any] = {
        "sessionIssuer": {**issuer, "userName": role.name},
        **web,
        "attributes": attributes,
        **rest,
    }
    key = {"accessKeyId": access_key} if access_key else {}
    return plain(
        {
            "type": "AssumedRole",
            "principalId": f"{role.role_id}:{session_name}",
            "arn": role.session_arn(session_name),
            "accountId": role.account_id,
            **key,
            "sessionContext": session,
            **more,
        }
    )


def aws_account(caller: Identity) -> Identity:
    """Return ``caller`` as the owner of the called resource sees it: account and principal id, no more."""
    fields = {"type": "AWSAccount", "principalId": caller.principal_id, "accountId": caller.account_id}
    return plain(fields)


def aws_service(service: str) -> Identity:
    """Return an AWS service that calls for itself."""
    return plain({"type": "AWSService", "invokedBy": service})
