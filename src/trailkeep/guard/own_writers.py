"""Whom a statement of a bucket policy lets write that a guard binds.

::

    service control policy    the users and roles of the account that it hangs at, and its root user: nobody
                              of another account, no AWS service, and no service-linked role
    resource control policy   whoever calls, of any account or none, and every AWS service that calls as
                              itself, but no service-linked role

A role is service-linked by its path, which IAM lets nobody else use. The session of a role does not tell the
path, so that it may be of any role.

Source: https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps.html,
https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_rcps.html#actions-not-restricted-by-rcps,
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html
"""

from __future__ import annotations

from typing import assert_never

from trailkeep.guard.blueprint import Blueprint
from trailkeep.guard.conditions import Condition, Operator, condition_holds
from trailkeep.guard.documents import Document
from trailkeep.guard.matching import split_arn
from trailkeep.guard.policy import PolicyError, parse_policy
from trailkeep.guard.statement import PrincipalPattern, PrincipalType

__all__ = ["is_service_linked", "own_writers", "reaches_bound"]

_SERVICE_LINKED = "role/aws-service-role/"
_BY_SEGMENT = (Operator.ARN_EQUALS, Operator.ARN_LIKE)
_NAMING = (*_BY_SEGMENT, Operator.STRING_EQUALS, Operator.STRING_LIKE)
_SERVICES_ALONE = (
    "aws:sourcearn",
    "aws:sourceaccount",
    "aws:sourceorgid",
    "aws:principalservicename",
    "aws:principalservicenameslist",
)
"""Keys that no user and no role has in a request of its own."""


def own_writers(blueprint: Blueprint, statement: Document) -> tuple[str, ...]:
    """Return the principals of an Allow that may be of the archive account, each as it is written.

    A statement that is no policy, and a principal whose account its name does not tell, may be.
    """
    try:
        (parsed,) = parse_policy({"Version": "2012-10-17", "Statement": statement}, name="policy").statements
    except PolicyError:
        return ("*",)
    if not all(_may_hold(blueprint, condition) for condition in parsed.conditions):
        return ()
    if not parsed.principals:
        return ("*",)
    return tuple(who.value for who in parsed.principals if _may_be_own(blueprint, who))


def reaches_bound(statement: Document) -> bool:
    """Return whether the conditions of an Allow leave more than service-linked roles; in doubt they do."""
    try:
        (parsed,) = parse_policy({"Version": "2012-10-17", "Statement": statement}, name="policy").statements
    except PolicyError:
        return True
    return not any(_is_of_linked(condition) for condition in parsed.conditions)


def is_service_linked(arn: str) -> bool:
    """Return whether a principal is a service-linked role, of whichever account.

    >>> is_service_linked("arn:aws:iam::222222222222:role/aws-service-role/x.amazonaws.com/X")
    True
    """
    segments = split_arn(arn)
    return segments is not None and segments[2] == "iam" and segments[5].startswith(_SERVICE_LINKED)


def _is_of_linked(condition: Condition) -> bool:
    """Return whether a condition holds for no caller but service-linked roles."""
    return (
        condition.key.lower() == "aws:principalarn"
        and condition.operator in _NAMING
        and condition.qualifier is None
        and not condition.if_exists
        and all(_is_linked_pattern(condition.operator, value) for value in condition.values)
    )


def _is_linked_pattern(operator: Operator, value: str) -> bool:
    """Return whether each ARN that a pattern matches is of a service-linked role.

    Where a wildcard may stand for a colon, what is behind it may be the path of a user.
    """
    before, path, _ = value.partition(_SERVICE_LINKED)
    is_apart = operator in _BY_SEGMENT or not any(wild in before for wild in "*?$")
    return bool(path) and is_service_linked(value) and is_apart


def _may_be_own(blueprint: Blueprint, who: PrincipalPattern) -> bool:
    match who.type:
        case PrincipalType.SERVICE | PrincipalType.FEDERATED:
            return False
        case PrincipalType.CANONICAL_USER:
            return True
        case PrincipalType.AWS:
            segments = split_arn(who.value)
            if segments is None:
                return who.value == blueprint.archive_account or not who.value.isdigit()
            return segments[4] == blueprint.archive_account and not is_service_linked(who.value)
        case _:
            assert_never(who.type)


def _may_hold(blueprint: Blueprint, condition: Condition) -> bool:
    """Return whether a condition may hold for somebody of the archive account; what is not known may."""
    if _is_of_linked(condition):
        return False
    account, organization, key = blueprint.archive_account, blueprint.organization_id, condition.key.lower()
    context = {
        **dict.fromkeys(("aws:principalaccount", "aws:resourceaccount", "s3:resourceaccount"), (account,)),
        **dict.fromkeys(("aws:principalorgid", "aws:resourceorgid"), (organization,)),
        "aws:principalisawsservice": ("false",),
    }
    if key == "aws:principalarn" and not condition.operator.negated:
        return condition.operator is Operator.NULL or any(_may_name(account, arn) for arn in condition.values)
    has_variables = any("${" in value for value in condition.values)
    if has_variables or key not in {*context, *_SERVICES_ALONE}:
        return True
    return condition_holds(condition, context, variables=True)


def _may_name(account: str, arn: str) -> bool:
    """Return whether a pattern of ARNs may mean somebody of an account."""
    segments = split_arn(arn)
    return segments is None or segments[4] == account or not segments[4].isdigit()
