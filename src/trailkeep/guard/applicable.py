"""Which policies bear on a request at all: who is exempt from SCPs and RCPs, and what root escapes.

Source: https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps.html,
https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_rcps.html,
https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketPolicy.html
"""

from __future__ import annotations

from collections.abc import Iterator

from trailkeep.guard.principals import Principal, PrincipalKind
from trailkeep.guard.request import ADMINISTRATOR_ACCESS, Layer, Layers, Request
from trailkeep.guard.statement import Policy

__all__ = ["BUCKET_POLICY_ACTIONS", "RCP_SERVICES", "Groups", "applicable"]

Groups = tuple[tuple[Policy, ...], ...]
"""The policies of one layer; each group must allow on its own (the levels of SCPs)."""

RCP_SERVICES = frozenset(
    {
        "aoss",
        "cloudtrail-data",
        "cognito-identity",
        "cognito-idp",
        "dynamodb",
        "ecr",
        "events",
        "firehose",
        "kms",
        "logs",
        "s3",
        "secretsmanager",
        "sqs",
        "sts",
        "transfer",
    }
)
"""Services whose resources RCPs protect (2026-09); of any other an RCP is taken to say nothing."""

BUCKET_POLICY_ACTIONS = frozenset({"s3:getbucketpolicy", "s3:putbucketpolicy", "s3:deletebucketpolicy"})
"""The actions on a bucket's policy, in lower case."""


def applicable(request: Request, layers: Layers) -> Iterator[tuple[Layer, Groups]]:
    """Yield the layers that apply, in the order in which a deny is named."""
    principal = request.principal
    if _scps_apply(principal, layers):
        yield Layer.SCP, layers.scps
    if _rcps_apply(request, layers):
        yield Layer.RCP, layers.rcps
    yield Layer.ENDPOINT, _group(layers.endpoint)
    if not _is_owner_root_on_bucket_policy(request):
        yield Layer.RESOURCE, _group(layers.resource_policy)
    if not principal.has_credentials:
        return
    if principal.kind is not PrincipalKind.ROOT:
        yield Layer.IDENTITY, ((ADMINISTRATOR_ACCESS,) if layers.identity is None else layers.identity,)
        yield Layer.BOUNDARY, _group(layers.boundary)
    yield Layer.SESSION, _group(layers.session)


def _group(policy: Policy | None) -> Groups:
    return ((policy,),) if policy else ()


def _scps_apply(principal: Principal, layers: Layers) -> bool:
    bound = principal.kind in {PrincipalKind.IAM, PrincipalKind.ROOT}
    return bound and principal.account != layers.management_account_id


def _rcps_apply(request: Request, layers: Layers) -> bool:
    """Say whether RCPs are effective; a grant may always be retired, whatever they say."""
    action = request.action.lower()
    return (
        request.resource_account_id != layers.management_account_id
        and request.principal.kind is not PrincipalKind.SERVICE_LINKED_ROLE
        and action.partition(":")[0] in RCP_SERVICES
        and action != "kms:retiregrant"
    )


def _is_owner_root_on_bucket_policy(request: Request) -> bool:
    is_owner_root = (
        request.principal.kind is PrincipalKind.ROOT
        and request.principal.account == request.resource_account_id
    )
    return is_owner_root and request.action.lower() in BUCKET_POLICY_ACTIONS
