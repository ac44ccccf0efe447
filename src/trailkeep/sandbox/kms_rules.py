"""Which KMS calls AWS would refuse: each is authorized against the key's own policy, SCPs and RCPs.

Source: https://docs.aws.amazon.com/service-authorization/latest/reference/list_awskeymanagementservice.html,
https://docs.aws.amazon.com/kms/latest/developerguide/key-policies.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from moto.kms.models import Key, kms_backends

from trailkeep.guard.evaluate import Decision
from trailkeep.guard.matching import split_arn
from trailkeep.sandbox.authority import Context, call_context, judge, sentence
from trailkeep.sandbox.callers import Caller
from trailkeep.sandbox.calls import Call
from trailkeep.sandbox.faults import Fault
from trailkeep.sandbox.state import read_policy

__all__ = ["refuse_kms"]

_KEY_MEMBERS = ("KeyId", "TargetKeyId", "SourceKeyId", "DestinationKeyId")
_ALIASES = frozenset({"CreateAlias", "DeleteAlias", "UpdateAlias"})
_REENCRYPT = {"SourceKeyId": "ReEncryptFrom", "DestinationKeyId": "ReEncryptTo"}


def refuse_kms(call: Call, caller: Caller) -> Fault | None:
    """Return the refusal of a KMS call; a key that does not exist is moto's to refuse."""
    members = call.parameters
    account = caller.principal.account_id
    if call.operation in _ALIASES:
        alias = f"arn:aws:kms:{call.region}:{account}:{members.get('AliasName', '')}"
        if refused := _refuse(call, caller, call.operation, alias, None):
            return refused
        members = {**members, "TargetKeyId": members.get("TargetKeyId") or members.get("AliasName")}
    keys = _keys(members, account, call.region)
    if not keys and not any(members.get(name) for name in _KEY_MEMBERS):
        return _refuse(call, caller, call.operation, "*", None)
    for member, key in keys:
        action = _REENCRYPT.get(member, call.operation)
        if refused := _refuse(call, caller, action, str(key.arn), key):
            return refused
    return None


def _keys(members: Mapping[str, Any], account: str, region: str) -> list[tuple[str, Key]]:
    """Return the keys that a call names, with the member that names each."""
    named = [(name, str(members.get(name) or "")) for name in _KEY_MEMBERS]
    found = [(name, _find(text, account, region)) for name, text in named if text]
    return [(name, key) for name, key in found if key]


def _find(named: str, account: str, region: str) -> Key | None:
    segments = split_arn(named)
    if segments and segments[2] == "kms":
        account, region, named = segments[4], segments[3], segments[5].removeprefix("key/")
    if account not in kms_backends or region not in kms_backends[account]:
        return None
    backend = kms_backends[account][region]
    if named.startswith("alias/"):
        named = backend.get_key_id_from_alias(named) or ""
    found: Key | None = backend.keys.get(named)
    return found


def _refuse(call: Call, caller: Caller, operation: str, resource: str, key: Key | None) -> Fault | None:
    owner = str(key.account_id) if key else caller.principal.account_id
    evaluation = judge(
        caller,
        action=f"kms:{operation}",
        resource=resource,
        owner=owner,
        context=call_context(call, caller, owner=owner) | _own_keys(call, caller),
        resource_policy=read_policy(key.policy, "key policy") if key else None,
    )
    if evaluation.decision is Decision.ALLOW:
        return None
    message = sentence(caller, evaluation, action=f"kms:{operation}", resource=resource)
    return Fault(code="AccessDeniedException", message=message)


def _own_keys(call: Call, caller: Caller) -> Context:
    """Return the condition keys of KMS that a call carries."""
    members = call.parameters
    context: Context = {"kms:CallerAccount": (caller.principal.account_id,)}
    if call.operation in {"CreateKey", "PutKeyPolicy"}:
        bypass = str(bool(members.get("BypassPolicyLockoutSafetyCheck"))).lower()
        context["kms:BypassPolicyLockoutSafetyCheck"] = (bypass,)
    if call.operation == "ScheduleKeyDeletion":
        days = str(members.get("PendingWindowInDays", 30))
        context["kms:ScheduleKeyDeletionPendingWindowInDays"] = (days,)
    return context
