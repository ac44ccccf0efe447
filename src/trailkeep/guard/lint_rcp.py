"""What a resource control policy cannot say: Organizations refuses it, or no service asks it.

Source: https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_rcps_syntax.html,
https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_rcps.html
"""

from __future__ import annotations

from collections.abc import Iterator

from trailkeep.guard.applicable import RCP_SERVICES
from trailkeep.guard.findings import Finding, FindingKind, found
from trailkeep.guard.statement import Effect, Policy, PrincipalType, Statement

__all__ = ["decides_s3", "lint_rcp"]


def decides_s3(policy: Policy) -> bool:
    """Say whether a policy denies anything of S3."""
    return any(
        statement.not_actions or any(_service(action) in {"s3", "*"} for action in statement.actions)
        for statement in policy.statements
        if statement.effect is Effect.DENY
    )


def lint_rcp(policy: Policy) -> Iterator[Finding]:
    """Yield what Organizations would refuse in an RCP, and what would do nothing."""
    for statement in policy.statements:
        if statement.effect is Effect.ALLOW:
            yield found(
                FindingKind.RCP_ALLOW,
                statement,
                "an RCP of yours allows nothing; Organizations refuses it",
                "write a Deny; RCPFullAWSAccess, which AWS attaches, is the Allow",
            )
        if not _is_everybody(statement):
            yield found(
                FindingKind.RCP_PRINCIPAL,
                statement,
                'the Principal of an RCP is "*" and nothing else; Organizations refuses it',
                'write "Principal": "*", and name callers in a condition such as aws:PrincipalArn',
            )
        yield from _actions(statement)


def _actions(statement: Statement) -> Iterator[Finding]:
    if statement.not_actions or "*" in statement.actions:
        yield found(
            FindingKind.RCP_ACTION,
            statement,
            'an RCP has neither NotAction nor "Action": "*"; Organizations refuses it',
            "list the actions with their service, such as s3:Put*",
        )
    foreign = [each for each in statement.actions if each != "*" and _service(each) not in RCP_SERVICES]
    if foreign:
        yield found(
            FindingKind.RCP_SERVICE,
            statement,
            f"{', '.join(foreign)}: RCPs say nothing about this service",
            "remove it here; an SCP on the callers' accounts binds at least those",
        )


def _is_everybody(statement: Statement) -> bool:
    named = [(each.type, each.value) for each in statement.principals]
    return named == [(PrincipalType.AWS, "*")] and not statement.not_principals


def _service(action: str) -> str:
    return action.partition(":")[0].lower()
