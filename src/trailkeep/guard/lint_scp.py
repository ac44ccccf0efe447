"""What a service control policy leaves to the root user of the archive account.

Every action that changes a bucket or its objects is asked for; a Deny with a condition that root may or may
not meet counts as no protection.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from trailkeep.guard.delivery import Delivery
from trailkeep.guard.evaluate import (
    FULL_AWS_ACCESS,
    Decision,
    Layers,
    Principal,
    PrincipalKind,
    Request,
    evaluate,
)
from trailkeep.guard.findings import Finding, FindingKind
from trailkeep.guard.matching import action_matches
from trailkeep.guard.preflight import unknown_keys
from trailkeep.guard.s3_actions import LEVELS, WRITES, Level
from trailkeep.guard.statement import Effect, Policy, Statement

__all__ = ["is_about_s3", "lint_scp"]

_ANY_ARCHIVE = "222222222222"
_ANY_MANAGEMENT = "111111111111"
_KNOWN = frozenset({"aws:principalarn", "aws:principaltype", "aws:principalisawsservice", "aws:username"})


def lint_scp(policy: Policy, delivery: Delivery, *, beside: tuple[Policy, ...] = ()) -> Iterator[Finding]:
    """Yield what an SCP leaves possible where it means to protect a bucket.

    What a policy ``beside`` it denies is not left possible.
    """
    if not is_about_s3(policy):
        return
    if possible := _left_to_root((policy, *beside), delivery):
        yield Finding(
            kind=FindingKind.SCP_ROOT,
            statement="",
            message=f"root of the archive account may still do {len(possible)} of {len(WRITES)} actions "
            f"that change {delivery.bucket} or its objects: {', '.join(possible)}",
            remedy="deny by NotAction s3:Get*, s3:List* and s3:RestoreObject on the bucket and its objects, "
            "as 'trailkeep export policies' does",
        )


def is_about_s3(policy: Policy) -> bool:
    """Say whether a policy denies something that changes a bucket or its objects."""
    return any(
        statement.effect is Effect.DENY
        and (_names_resources(statement) or any(_denies_s3(each) for each in statement.actions))
        for statement in policy.statements
    )


def _denies_s3(pattern: str) -> bool:
    return any(action_matches(pattern, action) for action in WRITES)


def _names_resources(statement: Statement) -> bool:
    """Say whether a NotAction is about resources of S3, and no fence around regions or services."""
    listed = statement.resources
    return bool(statement.not_actions) and "*" not in listed and (not listed or any(map(_may_be_s3, listed)))


def _may_be_s3(resource: str) -> bool:
    service = [*resource.split(":"), "", "", ""][2]
    return service == "s3" or bool(set("*?$") & set(service or resource))


def _left_to_root(policies: tuple[Policy, ...], delivery: Delivery) -> list[str]:
    certain = tuple(map(_certain, policies))
    account = delivery.archive_account or _ANY_ARCHIVE
    layers = Layers(scps=((FULL_AWS_ACCESS, *certain),), management_account_id=_ANY_MANAGEMENT)
    root = Principal(
        kind=PrincipalKind.ROOT, account_id=account, arn=f"arn:{delivery.partition}:iam::{account}:root"
    )
    return [
        action
        for action in WRITES
        if evaluate(
            Request(
                principal=root,
                action=action,
                resource=_resource(action, delivery),
                resource_account_id=account,
            ),
            layers,
        ).decision
        is Decision.ALLOW
    ]


def _certain(policy: Policy) -> Policy:
    """Return a policy without what it denies under a condition that root may fall outside of."""
    kept = (
        each for each in policy.statements if each.effect is Effect.ALLOW or not unknown_keys(each, _KNOWN)
    )
    return replace(policy, statements=tuple(kept))


def _resource(action: str, delivery: Delivery) -> str:
    is_object = LEVELS[action] is Level.OBJECT
    return f"{delivery.root}/any/log.json.gz" if is_object else delivery.bucket_arn
