"""What does nothing in a resource control policy, because no service asks it.

Source: https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_rcps_syntax.html,
https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_rcps.html
"""

from __future__ import annotations

from collections.abc import Iterator

from trailkeep.guard.applicable import RCP_SERVICES
from trailkeep.guard.findings import Finding, FindingKind, found
from trailkeep.guard.statement import Effect, Policy

__all__ = ["decides_s3", "lint_rcp"]


def decides_s3(policy: Policy) -> bool:
    """Say whether a policy denies anything of S3."""
    return any(
        statement.not_actions or any(_service(action) in {"s3", "*"} for action in statement.actions)
        for statement in policy.statements
        if statement.effect is Effect.DENY
    )


def lint_rcp(policy: Policy) -> Iterator[Finding]:
    """Yield what would do nothing in an RCP."""
    for statement in policy.statements:
        foreign = [each for each in statement.actions if each != "*" and _service(each) not in RCP_SERVICES]
        if foreign:
            yield found(
                FindingKind.RCP_SERVICE,
                statement,
                f"{', '.join(foreign)}: RCPs say nothing about this service",
                "remove it here; an SCP on the callers' accounts binds at least those",
            )


def _service(action: str) -> str:
    return action.partition(":")[0].lower()
