"""May this call happen? The answers come from the evaluator that checks the product's proofs.

A caller's own policies are taken to be Administrator: what stops anybody here is the organization, the bucket
policy or Object Lock, exactly the layers that Trailkeep guards with.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from moto.s3.models import FakeBucket

from trailkeep.guard.evaluate import (
    Decision,
    Evaluation,
    Layer,
    Layers,
    Principal,
    PrincipalKind,
    Request,
    evaluate,
)
from trailkeep.guard.statement import Policy
from trailkeep.sandbox.callers import Caller
from trailkeep.sandbox.calls import Call
from trailkeep.sandbox.state import (
    CLOUDTRAIL,
    MANAGEMENT_ACCOUNT_ID,
    find_account,
    organization,
    organization_path,
    read_policy,
)

__all__ = ["Context", "bucket_document", "call_context", "judge", "judge_cloudtrail", "sentence"]

Context = dict[str, tuple[str, ...]]


def judge(
    caller: Caller,
    *,
    action: str,
    resource: str,
    owner: str,
    context: Mapping[str, tuple[str, ...]],
    resource_policy: Policy | None = None,
) -> Evaluation:
    """Evaluate one action of a caller on a resource that the account ``owner`` holds."""
    request = Request(
        principal=caller.principal,
        action=action,
        resource=resource,
        resource_account_id=owner,
        context=dict(context),
    )
    session = read_policy(caller.session_policy, "session policy") if caller.session_policy else None
    return evaluate(request, _layers(caller.principal.account_id, owner, resource_policy, session))


def judge_cloudtrail(*, action: str, resource: str, bucket: FakeBucket, trail_arn: str) -> Evaluation:
    """Evaluate CloudTrail itself, delivering for a trail into a bucket."""
    source_account = trail_arn.split(":")[4]
    principal = Principal(kind=PrincipalKind.SERVICE, arn="", account_id="", service=CLOUDTRAIL)
    context: Context = {
        "aws:PrincipalIsAWSService": ("true",),
        "aws:PrincipalServiceName": (CLOUDTRAIL,),
        "aws:PrincipalServiceNamesList": (CLOUDTRAIL,),
        "aws:SourceArn": (trail_arn,),
        "aws:SourceAccount": (source_account,),
        "s3:x-amz-acl": ("bucket-owner-full-control",),
        **_always(),
        **_resource_keys(bucket.account_id),
    }
    if find_account(source_account):
        context["aws:SourceOrgID"] = (_organization_id(),)
    request = Request(
        principal=principal,
        action=action,
        resource=resource,
        resource_account_id=bucket.account_id,
        context=context,
    )
    return evaluate(request, _layers("", bucket.account_id, bucket_document(bucket), None))


def bucket_document(bucket: FakeBucket) -> Policy | None:
    """Return a bucket's policy, or ``None``."""
    return read_policy(bucket.policy.decode(), "bucket policy") if bucket.policy else None


def call_context(call: Call, caller: Caller, *, owner: str) -> Context:
    """Return the global condition keys of a call, as AWS sets them.

    The loopback connection stands for TLS: ``aws:SecureTransport`` is true.
    """
    principal = caller.principal
    context: Context = {
        "aws:PrincipalIsAWSService": ("false",),
        "aws:ViaAWSService": ("false",),
        "aws:RequestedRegion": (call.region,),
        "aws:SourceIp": ("127.0.0.1",),
        "aws:UserAgent": (call.headers.get("User-Agent", ""),),
        **_always(),
        **_resource_keys(owner),
    }
    if principal.kind is not PrincipalKind.ANONYMOUS:
        context["aws:PrincipalArn"] = (caller.principal_arn,)
        context["aws:PrincipalAccount"] = (principal.account_id,)
    if path := organization_path(principal.account_id).nodes:
        context["aws:PrincipalOrgID"] = (_organization_id(),)
        context["aws:PrincipalOrgPaths"] = ("/".join((_organization_id(), *path[:-1], "")),)
    return context


def sentence(caller: Caller, evaluation: Evaluation, *, action: str, resource: str) -> str:
    """Return AWS's sentence for a call that was not allowed.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
    """
    who = f"User: {caller.display_arn} is not authorized to perform: {action} on resource: {resource}"
    kind = _KINDS.get(evaluation.layer, "identity-based policy")
    if evaluation.decision is Decision.EXPLICIT_DENY:
        article = "an" if kind[0] in "aeiou" else "a"
        return f"{who} with an explicit deny in {article} {kind}"
    return f"{who} because no {kind} allows the {action} action"


_KINDS = {
    Layer.SCP: "service control policy",
    Layer.RCP: "resource control policy",
    Layer.ENDPOINT: "VPC endpoint policy",
    Layer.RESOURCE: "resource-based policy",
    Layer.IDENTITY: "identity-based policy",
    Layer.BOUNDARY: "permissions boundary",
    Layer.SESSION: "session policy",
}


def _always() -> Context:
    now = datetime.now(UTC)
    return {
        "aws:SecureTransport": ("true",),
        "s3:TlsVersion": ("1.3",),
        "aws:CurrentTime": (now.strftime("%Y-%m-%dT%H:%M:%SZ"),),
        "aws:EpochTime": (str(int(now.timestamp())),),
    }


def _resource_keys(owner: str) -> Context:
    keys: Context = {"aws:ResourceAccount": (owner,), "s3:ResourceAccount": (owner,)}
    if find_account(owner):
        keys["aws:ResourceOrgID"] = (_organization_id(),)
    return keys


def _organization_id() -> str:
    found = organization().org
    return found.id if found else ""


def _layers(
    caller_account: str, owner: str, resource_policy: Policy | None, session: Policy | None
) -> Layers:
    return Layers(
        scps=organization_path(caller_account).scps,
        rcps=organization_path(owner).rcps if owner != MANAGEMENT_ACCOUNT_ID else (),
        resource_policy=resource_policy,
        identity=None,
        boundary=None,
        session=session,
        endpoint=None,
        management_account_id=MANAGEMENT_ACCOUNT_ID,
    )
