"""Who is calling: an access key becomes an account, a principal ARN and a kind.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
"""

from __future__ import annotations

from dataclasses import dataclass

from moto.iam.models import iam_backends
from moto.sts.models import AssumedRole, sts_backends

from trailkeep.guard.evaluate import Principal, PrincipalKind

__all__ = ["Caller", "find_caller"]

_ANONYMOUS = Principal(kind=PrincipalKind.ANONYMOUS, arn="", account_id="", service="")


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """A principal, the name that AWS's messages call it by, and the ARN behind ``aws:PrincipalArn``."""

    principal: Principal
    display_arn: str
    principal_arn: str
    session_policy: str = ""


def find_caller(access_key: str, *, root_keys: dict[str, str]) -> Caller | None:
    """Return who holds an access key, the anonymous caller for none, ``None`` for a key that nobody holds.

    ``root_keys`` are the keys of account root users: access key id to account id.
    """
    if not access_key:
        return Caller(principal=_ANONYMOUS, display_arn="anonymous", principal_arn="")
    if account_id := root_keys.get(access_key):
        return _caller(PrincipalKind.ROOT, account_id, f"arn:aws:iam::{account_id}:root")
    for account_id in list(iam_backends):
        iam = iam_backends[account_id]["aws"]
        if access_key in iam.access_keys:
            role = sts_backends[account_id]["aws"].get_assumed_role_from_access_key(access_key)
            if role:
                return _role_session(account_id, role)
            user = iam.get_user_from_access_key_id(access_key)
            return _caller(PrincipalKind.IAM, account_id, user.arn) if user else None
    return None


def _role_session(account_id: str, role: AssumedRole) -> Caller:
    is_linked = ":role/aws-service-role/" in role.role_arn
    kind = PrincipalKind.SERVICE_LINKED_ROLE if is_linked else PrincipalKind.IAM
    return Caller(
        principal=Principal(kind=kind, arn=role.arn, account_id=account_id, service=""),
        display_arn=role.arn,
        principal_arn=role.role_arn,
        session_policy=role.policy or "",
    )


def _caller(kind: PrincipalKind, account_id: str, arn: str) -> Caller:
    principal = Principal(kind=kind, arn=arn, account_id=account_id, service="")
    return Caller(principal=principal, display_arn=arn, principal_arn=arn)
