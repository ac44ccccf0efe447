"""What AWS itself guarantees of condition keys: which requests have them, and what their values look like.

A key that is not listed may be absent or present, with any text and any number of values. To know less is
never wrong: it can only turn a proof into a counterexample, not the reverse.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html,
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html,
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html#amazons3-policy-keys,
https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html
"""

from __future__ import annotations

from trailkeep.guard.principals import PrincipalKind
from trailkeep.guard.symbolic_classes import Caller, Shape, ShapeKind
from trailkeep.guard.symbolic_keys import Form, KeyFact, Presence

__all__ = ["key_fact"]

_SEVERAL = frozenset(
    {
        "aws:calledvia",
        "aws:principalorgpaths",
        "aws:principalservicenameslist",
        "aws:resourceorgpaths",
        "aws:sourceorgpaths",
        "aws:tagkeys",
        "aws:vpceorgpaths",
        "kms:encryptioncontextkeys",
        "kms:grantoperations",
        "kms:resourcealiases",
        "s3:inventoryaccessibleoptionalfields",
        "s3:requestobjecttagkeys",
    }
)
_ONE_VALUED_SERVICES = ("aws:", "kms:", "s3:")
"""Their keys have one value unless they are in ``_SEVERAL``."""

_ALWAYS = {
    "aws:currenttime": Form.DATE,
    "aws:epochtime": Form.NUMBER,
    "aws:securetransport": Form.BOOLEAN,
    "aws:viaawsservice": Form.BOOLEAN,
}
_SOMETIMES = {
    "aws:sourcearn": Form.ARN,
    "aws:sourceaccount": Form.ACCOUNT,
    "aws:multifactorauthage": Form.INTEGER,
    "aws:multifactorauthpresent": Form.BOOLEAN,
    "aws:sourceip": Form.ADDRESS,
    "aws:tokenissuetime": Form.DATE,
    "aws:vpcsourceip": Form.ADDRESS,
    "kms:bypasspolicylockoutsafetycheck": Form.BOOLEAN,
    "kms:grantisforawsresource": Form.BOOLEAN,
    "kms:multiregion": Form.BOOLEAN,
    "kms:schedulekeydeletionpendingwindowindays": Form.INTEGER,
    "s3:max-keys": Form.INTEGER,
    "s3:object-lock-remaining-retention-days": Form.INTEGER,
    "s3:object-lock-retain-until-date": Form.DATE,
    "s3:signatureage": Form.NUMBER,
    "s3:tlsversion": Form.NUMBER,
}
_OF_SERVICES = frozenset({"aws:sourcearn", "aws:sourceaccount", "aws:sourceorgid", "aws:sourceorgpaths"})
"""Only there when an AWS service calls with its own principal."""

_OF_CREDENTIALS = (
    "aws:calledvia",
    "aws:multifactorauth",
    "aws:principalorg",
    "aws:principaltag/",
    "aws:tokenissuetime",
)
"""Beginnings of the keys that only callers with credentials have: users, roles and root users."""

_ANONYMOUS = "anonymous"
_CALLERS_OF_ACCOUNTS = ("arn:*:iam::*:*", "arn:*:sts::*:*")
"""The ARNs of users, roles, sessions and root users: no service principal has one of these."""

_ACCOUNT_DIGITS = "?" * 12


def key_fact(key: str, shape: Shape, *, owner_account_id: str, owner_organization_id: str) -> KeyFact:
    """Return what is known of a key (in lower case) in the requests of these callers.

    Args:
        key: a condition key that the caller does not decide.
        shape: the callers.
        owner_account_id: the account of the resource; empty where AWS may see another owner, or none.
        owner_organization_id: the organization of that account, empty where it is not known.
    """
    several = key in _SEVERAL or not key.startswith(_ONE_VALUED_SERVICES)
    if _is_impossible(key, shape):
        return KeyFact(presence=Presence.NEVER)
    if key in _ALWAYS:
        return KeyFact(presence=Presence.ALWAYS, form=_ALWAYS[key])
    if key in _SOMETIMES:
        return KeyFact(form=_SOMETIMES[key])
    if key.startswith("aws:principalorg"):
        return _organization(shape.caller, several=several)
    return {
        "aws:principaltype": _type(shape),
        "aws:principalarn": KeyFact(form=Form.ARN, excluded=_CALLERS_OF_ACCOUNTS),
        "aws:resourceaccount": _owner(owner_account_id, Presence.ALWAYS),
        "s3:resourceaccount": _owner(owner_account_id, Presence.MAYBE),
        "aws:resourceorgid": _owner_organization(owner_organization_id),
        "kms:calleraccount": _caller_account(shape.caller),
        "aws:principalservicenameslist": KeyFact(presence=Presence.ALWAYS, several=True),
        "aws:userid": _user_id(shape),
    }.get(key, KeyFact(several=several))


def _caller_account(caller: Caller) -> KeyFact:
    if caller.account_id:
        return KeyFact(values=(caller.account_id,))
    is_account = caller.kind is not PrincipalKind.SERVICE
    return KeyFact(form=Form.ACCOUNT, excluded=tuple(sorted(caller.apart_from)) if is_account else ())


def _owner(account_id: str, presence: Presence) -> KeyFact:
    return KeyFact(presence=presence, values=(account_id,)) if account_id else KeyFact(form=Form.ACCOUNT)


def _owner_organization(organization_id: str) -> KeyFact:
    return KeyFact(presence=Presence.ALWAYS, values=(organization_id,)) if organization_id else KeyFact()


def _is_impossible(key: str, shape: Shape) -> bool:
    if key in _OF_SERVICES or key == "aws:principalservicenameslist":
        return shape.kind is not ShapeKind.SERVICE
    if key.startswith(_OF_CREDENTIALS):
        has_credentials = shape.caller.kind not in {PrincipalKind.SERVICE, PrincipalKind.ANONYMOUS}
        is_tag_of_root = key.startswith("aws:principaltag/") and shape.kind is ShapeKind.ROOT
        return not has_credentials or is_tag_of_root
    return False


def _organization(caller: Caller, *, several: bool) -> KeyFact:
    known, unlike = caller.organization_id, caller.not_organization_id
    if several:
        patterns = (f"{known}/*",) if known else ()
        excluded = (f"{unlike}/*",) if unlike else ()
        presence = Presence.ALWAYS if known else Presence.MAYBE
        return KeyFact(presence=presence, several=True, patterns=patterns, excluded=excluded)
    if known:
        return KeyFact(presence=Presence.ALWAYS, values=(known,))
    return KeyFact(patterns=("o-*",), excluded=(unlike,) if unlike else ())


def _type(shape: Shape) -> KeyFact:
    """Return what is known of ``aws:PrincipalType`` where the caller does not decide it."""
    return KeyFact(presence=Presence.ALWAYS) if shape.kind is ShapeKind.ROOT else KeyFact()


def _user_id(shape: Shape) -> KeyFact:
    """Return what is known of ``aws:userid``: AWS documents no value for services and assumed root users.

    Of anonymous callers it was documented as absent and is documented as ``anonymous``: either may be.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html#principaltable,
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids
    """
    match shape.kind:
        case ShapeKind.ANONYMOUS:
            return KeyFact(values=(_ANONYMOUS,))
        case ShapeKind.SERVICE:
            return KeyFact()
        case ShapeKind.ROOT:
            return KeyFact(presence=Presence.ALWAYS)
        case ShapeKind.USER:
            pattern = "AIDA?*"
        case ShapeKind.FEDERATED:
            pattern = f"{shape.caller.account_id or _ACCOUNT_DIGITS}:?*"
        case ShapeKind.SESSION | ShapeKind.LINKED:
            pattern = "AROA?*:?*"
    return KeyFact(presence=Presence.ALWAYS, patterns=(pattern,))
