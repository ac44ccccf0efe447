"""The WSGI middleware in front of moto: what AWS would refuse never reaches it.

::

    request -> whose key is it? -> may they?             -> would the service?  -> moto
    calls      callers             authority, s3_actions    *_rules

Authorized here: all of S3, KMS, CloudTrail and Organizations, and ``sts:AssumeRole``. The rest is moto's.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from werkzeug.wrappers import Response

from trailkeep.core.arn import Arn
from trailkeep.guard.evaluate import Decision, Layer, PrincipalKind
from trailkeep.sandbox.authority import bucket_document, call_context, judge, sentence
from trailkeep.sandbox.callers import Caller, find_caller
from trailkeep.sandbox.calls import Call, Protocol, read_call
from trailkeep.sandbox.chains import TrailDigests
from trailkeep.sandbox.cloudtrail_rules import is_read, refuse_cloudtrail, trail_resource
from trailkeep.sandbox.delegation import register_delegated_administrator
from trailkeep.sandbox.deletes import delete_objects
from trailkeep.sandbox.faults import Fault, json_answer
from trailkeep.sandbox.history_rules import EventHistory
from trailkeep.sandbox.iam_rules import answer_iam
from trailkeep.sandbox.injected import Injected
from trailkeep.sandbox.kms_rules import refuse_kms
from trailkeep.sandbox.organizations_rules import AccountRequests, leave_organization, refuse_organizations
from trailkeep.sandbox.s3_actions import Need, s3_needs
from trailkeep.sandbox.s3_rules import refuse_s3
from trailkeep.sandbox.state import find_bucket
from trailkeep.sandbox.sts_rules import answer_sts

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

__all__ = ["Gate"]

Answer = Fault | Response | None


class Gate:
    """Moto's application behind the rules of AWS.

    Args:
        aws: moto's WSGI application.
        root_keys: access keys of account root users, to account ids.
        account_requests: the accounts in the making.
        history: what LookupEvents answers from.
        digests: the chains that StopLogging ends, and the keys that ListPublicKeys tells.
        injected: errors that come before everything else.
    """

    def __init__(
        self,
        aws: WSGIApplication,
        *,
        root_keys: dict[str, str],
        account_requests: AccountRequests,
        history: EventHistory,
        digests: TrailDigests,
        injected: Injected,
    ) -> None:
        self._aws = aws
        self._root_keys = root_keys
        self._account_requests = account_requests
        self._history = history
        self._digests = digests
        self._injected = injected

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request, or let moto answer."""
        environ.pop("HTTP_X_MOTO_ACCOUNT_ID", None)
        call = read_call(environ)
        caller = find_caller(call.access_key, root_keys=self._root_keys)
        answer = self._answer(call, caller, environ) if caller else _unknown_key(call)
        if answer is None:
            return self._aws(environ, start_response)
        response = answer.answer(call) if isinstance(answer, Fault) else answer
        return response(environ, start_response)

    def _answer(self, call: Call, caller: Caller, environ: WSGIEnvironment) -> Answer:
        if fault := self._injected.take(call):
            return fault
        if call.protocol is Protocol.JSON and caller.principal.kind is PrincipalKind.ANONYMOUS:
            return Fault(code="MissingAuthenticationTokenException", message="Missing Authentication Token")
        match call.protocol, call.service:
            case Protocol.S3, _ if "delete" in call.query and call.method == "POST":
                return delete_objects(call, lambda need: _refuse_need(call, caller, need), self._aws, environ)
            case Protocol.S3, _:
                return _answer_s3(call, caller)
            case Protocol.JSON, "cloudtrail":
                return _answer_cloudtrail(call, caller, self._history, self._digests)
            case Protocol.JSON, "kms":
                return refuse_kms(call, caller)
            case Protocol.JSON, "organizations":
                return self._answer_organizations(call, caller)
            case Protocol.QUERY, "sts":
                return answer_sts(call, caller)
            case Protocol.QUERY, "iam":
                return answer_iam(call, caller)
            case _:
                return None

    def _answer_organizations(self, call: Call, caller: Caller) -> Answer:
        account_id = caller.principal.account_id
        refused = _refuse_action(
            call, caller, f"organizations:{call.operation}", "*", account_id
        ) or refuse_organizations(call, account_id=account_id)
        if refused:
            return refused
        if call.operation == "LeaveOrganization":
            leave_organization(account_id)
            return json_answer({})
        return self._account_requests.answer(call.operation, call.parameters)


def _unknown_key(call: Call) -> Fault:
    message = "The AWS Access Key Id you provided does not exist in our records."
    match call.protocol:
        case Protocol.S3:
            return Fault(code="InvalidAccessKeyId", message=message, status=403)
        case Protocol.QUERY:
            message = "The security token included in the request is invalid."
            return Fault(code="InvalidClientTokenId", message=message, status=403)
        case Protocol.JSON:
            message = "The security token included in the request is invalid."
            return Fault(code="UnrecognizedClientException", message=message)


def _answer_s3(call: Call, caller: Caller) -> Answer:
    if ".s3-accesspoint." in call.headers.get("Host", ""):
        return Fault(code="NotImplemented", message="Access points are not part of the sandbox.", status=501)
    for need in s3_needs(call):
        if refused := _refuse_need(call, caller, need):
            return refused
    bucket = find_bucket(call.bucket)
    return refuse_s3(call, bucket) if bucket else None


def _refuse_need(call: Call, caller: Caller, need: Need) -> Fault | None:
    """Judge one S3 action; a bucket that does not exist is moto's to refuse."""
    own = caller.principal.account_id
    bucket = None if need.action == "s3:CreateBucket" else find_bucket(need.bucket)
    if need.bucket and bucket is None and need.action != "s3:CreateBucket":
        return None
    owner = bucket.account_id if bucket else own
    if not owner:
        return Fault(code="AccessDenied", message="Access Denied", status=403)
    evaluation = judge(
        caller,
        action=need.action,
        resource=need.resource,
        owner=owner,
        context=call_context(call, caller, owner=owner) | need.context,
        resource_policy=bucket_document(bucket) if bucket else None,
    )
    if evaluation.decision is Decision.ALLOW:
        return None
    if evaluation.layer is Layer.SERVICE:
        message = "The specified method is not allowed against this resource."
        return Fault(code="MethodNotAllowed", message=message, status=405)
    message = sentence(caller, evaluation, action=need.action, resource=f'"{need.resource}"')
    if caller.principal.kind is PrincipalKind.ANONYMOUS:
        message = "Access Denied"
    return Fault(code="AccessDenied", message=message, status=403)


def _answer_cloudtrail(call: Call, caller: Caller, history: EventHistory, digests: TrailDigests) -> Answer:
    account_id = caller.principal.account_id
    resource = trail_resource(account_id, call.region, call.parameters)
    owner = account_id if is_read(call.operation) or resource == "*" else Arn.parse(resource).account_id
    refused = _refuse_action(call, caller, f"cloudtrail:{call.operation}", resource, owner)
    if not refused and call.operation == "RegisterOrganizationDelegatedAdmin":
        return register_delegated_administrator(call.parameters, account_id=account_id)
    refused = refused or refuse_cloudtrail(
        call.operation, call.parameters, account_id=account_id, region=call.region
    )
    if refused:
        return refused
    if call.operation == "ListPublicKeys":
        return digests.keys.answer(call.parameters, region=call.region)
    if call.operation == "LookupEvents":
        return history.answer(call.parameters, account_id=account_id, region=call.region)
    digests.before(call.operation, call.parameters, account_id=account_id, region=call.region)
    return None


def _refuse_action(call: Call, caller: Caller, action: str, resource: str, owner: str) -> Fault | None:
    context = call_context(call, caller, owner=owner)
    evaluation = judge(caller, action=action, resource=resource, owner=owner, context=context)
    if evaluation.decision is Decision.ALLOW:
        return None
    message = sentence(caller, evaluation, action=action, resource=resource)
    return Fault(code="AccessDeniedException", message=message)
