"""The one name that people know an identity by."""

from __future__ import annotations

from trailkeep.keep.event import UserIdentity

__all__ = ["user_name"]

_SESSIONS = frozenset({"AssumedRole", "FederatedUser"})


def user_name(identity: UserIdentity | None) -> str | None:
    """Return what the CloudTrail console shows as *User name*; None when the identity has no such name.

    The first of these that is there and not empty:

    1. ``root`` for type ``Root`` (its ``userName``, if any, is the account's alias);
    2. ``userName``, including AWS's ``HIDDEN_DUE_TO_SECURITY_REASONS``;
    3. for ``AssumedRole`` and ``FederatedUser``, the session's name: ``principalId`` behind its first ``:``;
    4. ``onBehalfOf.userId``, the Identity Center user;
    5. ``invokedBy``, the AWS service.

    >>> user_name(UserIdentity(type="AssumedRole", principal_id="AROAEXAMPLE:alice@example.com"))
    'alice@example.com'
    """
    if identity is None:
        return None
    if identity.type == "Root":
        return "root"
    return identity.user_name or _session_name(identity) or _behind(identity) or None


def _session_name(identity: UserIdentity) -> str:
    if identity.type not in _SESSIONS or not identity.principal_id:
        return ""
    return identity.principal_id.partition(":")[2]


def _behind(identity: UserIdentity) -> str | None:
    user = identity.on_behalf_of.user_id if identity.on_behalf_of is not None else ""
    return user or identity.invoked_by
