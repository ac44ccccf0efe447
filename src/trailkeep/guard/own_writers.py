"""Whom a statement of a bucket policy lets write that is of the bucket's own account.

A service control policy binds the users and roles of the account that it hangs at, and its root user: nobody
of another account, no AWS service, and no service-linked role.

Source: https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps.html
"""

from __future__ import annotations

from typing import assert_never

from trailkeep.guard.blueprint import Blueprint
from trailkeep.guard.conditions import Condition, Operator, condition_holds
from trailkeep.guard.documents import Document
from trailkeep.guard.matching import split_arn
from trailkeep.guard.policy import PolicyError, parse_policy
from trailkeep.guard.statement import PrincipalPattern, PrincipalType

__all__ = ["own_writers"]

_SERVICE_LINKED = "role/aws-service-role/"
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
            return segments[4] == blueprint.archive_account and not segments[5].startswith(_SERVICE_LINKED)
        case _:
            assert_never(who.type)


def _may_hold(blueprint: Blueprint, condition: Condition) -> bool:
    """Return whether a condition may hold for somebody of the archive account; what is not known may."""
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
