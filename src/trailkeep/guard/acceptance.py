"""What AWS refuses to store or to attach although it is well formed: such a document guards nothing.

Source: https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_rcps_syntax.html,
https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps_syntax.html,
https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-policies.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from trailkeep.guard import quotas
from trailkeep.guard.delivery import Kind
from trailkeep.guard.documents import compact
from trailkeep.guard.findings import Finding, FindingKind, found
from trailkeep.guard.guard_documents import RCP, SCP
from trailkeep.guard.matching import split_arn
from trailkeep.guard.statement import Effect, Policy, PrincipalType, Statement

__all__ = ["QUOTAS", "refusals"]

QUOTAS = {
    Kind.BUCKET: 20_480,
    Kind.KEY: 32_768,
    Kind.TOPIC: 30_720,
    Kind.SCP: quotas.QUOTAS[SCP].characters,
    Kind.RCP: quotas.QUOTAS[RCP].characters,
}
"""The largest document of each kind, in bytes or characters without white space (2026-11).

Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-policies.html,
https://docs.aws.amazon.com/kms/latest/developerguide/resource-limits.html,
https://docs.aws.amazon.com/sns/latest/dg/sns-access-policy-language-api-permissions-reference.html
"""


def refusals(
    kind: Kind, policy: Policy, document: Mapping[str, Any], *, bucket: str = ""
) -> Iterator[Finding]:
    """Yield why AWS would refuse a document; ``bucket`` is whose policy it is, empty where nobody knows.

    AWS's own RCPFullAWSAccess is refused to customers alone, and is attached everywhere.
    """
    if kind is Kind.RCP and _is_full_access(policy):
        return
    yield from _size(kind, document)
    for statement in policy.statements:
        match kind:
            case Kind.SCP:
                yield from _of_scp(statement)
            case Kind.RCP:
                yield from _of_rcp(statement)
            case Kind.BUCKET | Kind.KEY | Kind.TOPIC:
                yield from _of_resource(statement, bucket if kind is Kind.BUCKET else "")


def _size(kind: Kind, document: Mapping[str, Any]) -> Iterator[Finding]:
    size, quota = len(compact(dict(document)).encode()), QUOTAS[kind]
    if size > quota:
        yield Finding(
            kind=FindingKind.TOO_LARGE,
            statement="",
            message=f"{size} bytes without white space; a {kind} may have {quota}",
            remedy="merge statements that differ in one element only",
        )


def _of_scp(statement: Statement) -> Iterator[Finding]:
    if statement.principals or statement.not_principals:
        yield found(
            FindingKind.SCP_PRINCIPAL,
            statement,
            "an SCP has no Principal; Organizations refuses it",
            "remove Principal; an SCP binds every principal of the accounts it is attached to",
        )


def _of_rcp(statement: Statement) -> Iterator[Finding]:
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
    if statement.not_actions or "*" in statement.actions:
        yield found(
            FindingKind.RCP_ACTION,
            statement,
            'an RCP has neither NotAction nor "Action": "*"; Organizations refuses it',
            "list the actions with their service, such as s3:Put*",
        )


def _of_resource(statement: Statement, bucket: str) -> Iterator[Finding]:
    if not statement.principals and not statement.not_principals:
        yield found(
            FindingKind.PRINCIPAL_MISSING,
            statement,
            "it names no Principal, which the policy of a resource must; AWS refuses it",
            'say whom it is about: "Principal": "*" for everybody',
        )
    if bucket and (others := _other_buckets(statement, bucket)):
        yield found(
            FindingKind.OTHER_BUCKET,
            statement,
            f"{', '.join(others)} is not in the bucket {bucket}; S3 refuses such a policy",
            f"write the ARN of {bucket}, alone or with /*",
        )


def _other_buckets(statement: Statement, bucket: str) -> list[str]:
    named = [(each, split_arn(each)) for each in (*statement.resources, *statement.not_resources)]
    return [
        text
        for text, segments in named
        if segments is not None
        and segments[2] == "s3"
        and not re.search(r"[*?$]", segments[5].split("/")[0])
        and segments[5].split("/")[0] != bucket
    ]


def _is_everybody(statement: Statement) -> bool:
    named = [(each.type, each.value) for each in statement.principals]
    return named == [(PrincipalType.AWS, "*")] and not statement.not_principals


def _is_full_access(policy: Policy) -> bool:
    return all(
        statement.effect is Effect.ALLOW
        and statement.actions == ("*",)
        and statement.resources == ("*",)
        and _is_everybody(statement)
        and not statement.conditions
        for statement in policy.statements
    )
