"""Whom statements of others let read or write the archive: each is a concern until it is asked for or gone.

Only the roles of ``archive.readers`` shall read, and only the trail shall write. Grants for other trails that
are named are not looked at here; those for trails that are not named are in ``plan_unnamed``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

from trailkeep.guard import plan_unnamed
from trailkeep.guard.blueprint import Blueprint
from trailkeep.guard.changes import Action
from trailkeep.guard.decisions import Allowance, Blocked, Concern, Decision
from trailkeep.guard.documents import Document, compact, merge
from trailkeep.guard.estate import Bucket, Estate, Key, Unreadable
from trailkeep.guard.key_policy import only_lets_decrypt
from trailkeep.guard.older_grants import is_of_cloudtrail, is_older_key_statement
from trailkeep.guard.other_trails import beside
from trailkeep.guard.own_writers import is_service_linked, own_writers, reaches_bound
from trailkeep.guard.plan_bucket_policy import is_armed
from trailkeep.guard.plan_guard_merge import begins_to_guard
from trailkeep.guard.plan_readers import is_of_organization, outsiders
from trailkeep.guard.plan_unnamed import way_out
from trailkeep.guard.reader_grants import readers_in
from trailkeep.guard.service_grants import CLOUDTRAIL

__all__ = ["decide", "spare_writers"]

_EVERYBODY = "everybody"
_READS = ("s3:get", "s3:list")
_RESTORE = "s3:restoreobject"
"""What whoever reads an archived log needs as well: neither the armed policy nor a guard refuses it."""
_WHOLE = re.compile(r"(?:arn:[^:]+:iam::)?([0-9]{12})(?::root)?")


def decide(blueprint: Blueprint, estate: Estate, allow: frozenset[Allowance]) -> Iterator[Concern]:
    """Yield the statements of bucket policy and key policy that let in whom nobody asked for.

    Where the policies may be replaced an action takes them out, so that only who loses a place to write is
    told of. Nobody loses one where the bucket policy is armed, because it refuses them already.
    """
    is_replaced = Allowance.REPLACE_POLICY in allow
    if isinstance(estate.bucket, Bucket) and isinstance(estate.bucket.policy, str):
        subject = f"bucket {estate.bucket.name}"
        for statement in _of_bucket(blueprint, estate, estate.bucket.policy):
            if not is_replaced:
                yield from _letting_in(blueprint, estate, subject, statement)
            if not is_armed(blueprint, estate):
                yield from _letting_write(blueprint, subject, statement)
        yield from plan_unnamed.concerns(blueprint, estate, estate.bucket.policy, is_replaced=is_replaced)
    key = estate.key
    if isinstance(key, Key) and isinstance(key.policy, str) and blueprint.key_policy and not is_replaced:
        older = partial(is_older_key_statement, blueprint, estate, key)
        for statement in _further(key.policy, blueprint.key_policy, older):
            yield from _of_key(blueprint, estate, f"key {key.arn}", statement)


def spare_writers(
    blueprint: Blueprint, estate: Estate, guards: Iterable[Decision], allow: frozenset[Allowance]
) -> Iterator[Decision]:
    """Yield the guards' decisions; unless allowed, none begins to refuse whom the policy lets write.

    An armed policy refuses every object of theirs already. The resource control policy refuses whoever calls
    but service-linked roles, the service control policy those of the archive account.
    """
    writing = [] if Allowance.REPLACE_POLICY in allow else [*_writing(blueprint, estate)]
    refused = {
        "rcp.": [
            *(name for statement in writing if reaches_bound(statement) for name in _bound(statement)),
            *([] if Allowance.REPLACE_POLICY in allow else plan_unnamed.delivering(blueprint, estate)),
        ],
        "scp.": [_said(name) for statement in writing for name in own_writers(blueprint, statement)],
    }
    for decision in guards:
        is_new = isinstance(decision, Action) and begins_to_guard(decision)
        if isinstance(decision, Action) and is_new and (whom := refused.get(decision.id[:4], [])):
            reason = (
                f"it would refuse what the bucket policy lets {', '.join(dict.fromkeys(whom))} write; "
                "give them a bucket of their own first"
            )
            yield Blocked(action=decision, allow=Allowance.REPLACE_POLICY, reason=reason)
        else:
            yield decision


def _writing(blueprint: Blueprint, estate: Estate) -> Iterator[Document]:
    """Yield the statements that let others write, and that the bucket policy itself does not undo."""
    bucket = estate.bucket
    if isinstance(bucket, Bucket) and isinstance(bucket.policy, str) and not is_armed(blueprint, estate):
        for statement in _of_bucket(blueprint, estate, bucket.policy):
            if _may_write(statement):
                yield statement


def _letting_in(blueprint: Blueprint, estate: Estate, subject: str, statement: Document) -> Iterator[Concern]:
    if strangers := _strangers(blueprint, estate, statement):
        yield Concern(
            subject=subject,
            observed=f"the bucket policy lets in {', '.join(strangers)}: {compact(statement)}",
            consequence=_open(blueprint),
            remedy="take the statement out" + way_out(blueprint),
        )
    elif not _may_write(statement) and (named := _unasked(blueprint, statement)):
        yield Concern(
            subject=subject,
            observed=f"the bucket policy lets in {', '.join(named)}: {compact(statement)}",
            consequence="whom nobody named in archive.readers reads the logs, and what they tell",
            remedy="name the role in archive.readers, or take the statement out" + way_out(blueprint),
        )


def _letting_write(blueprint: Blueprint, subject: str, statement: Document) -> Iterator[Concern]:
    whom = _whom(statement)
    if whom and _may_write(statement):
        yield Concern(
            subject=subject,
            observed=f"the bucket policy lets {', '.join(whom)} write: {compact(statement)}",
            consequence="once the archive is armed it refuses everybody but the trail, so what they deliver "
            "here no longer arrives",
            remedy="give them a bucket of their own before --arm, then take the statement out"
            + way_out(blueprint),
        )


def _of_key(blueprint: Blueprint, estate: Estate, subject: str, statement: Document) -> Iterator[Concern]:
    strangers = _strangers(blueprint, estate, statement)
    named = _unasked(blueprint, statement) if only_lets_decrypt(statement) else ()
    if who := strangers or named:
        yield Concern(
            subject=subject,
            observed=f"the key policy lets in {', '.join(who)}: {compact(statement)}",
            consequence="whom nobody named in archive.readers decrypts what it gets hold of",
            remedy=("" if strangers else "name the role in archive.readers, or ")
            + "take the statement out"
            + way_out(blueprint),
        )


def _of_bucket(blueprint: Blueprint, estate: Estate, text: str) -> Iterator[Document]:
    older = beside(blueprint, estate).is_ours_to_replace
    yield from _further(text, blueprint.armed_bucket_policy, older)


def _further(text: str, wanted: str, older: Callable[[Document], bool]) -> Iterator[Document]:
    """Yield the Allows of a policy that are not ours, nor about trails."""
    merged = merge(text, json.loads(wanted), may_stay=lambda _: True, is_older=older)
    for statement in map(json.loads, merged.kept):
        if statement.get("Effect") == "Allow" and not is_of_cloudtrail(statement):
            yield statement


def _strangers(blueprint: Blueprint, estate: Estate, statement: Document) -> tuple[str, ...]:
    """Return whom a statement lets in that the organization, or the account, does not know."""
    if not blueprint.is_of_organization:
        return outsiders(statement, frozenset([blueprint.archive_account]))
    if isinstance(estate.accounts, Unreadable) or is_of_organization(statement, blueprint.organization_id):
        return ()
    return outsiders(statement, frozenset(account.id for account in estate.accounts))


def _unasked(blueprint: Blueprint, statement: Document) -> tuple[str, ...]:
    """Return whom a statement lets in that is not among ``archive.readers``."""
    asked = readers_in(json.loads(blueprint.bucket_policy))
    found = tuple(who for who in _whom(statement) if who not in asked)
    if blueprint.is_of_organization and is_of_organization(statement, blueprint.organization_id):
        return tuple(who.replace(_EVERYBODY, f"{_EVERYBODY} in {blueprint.organization_id}") for who in found)
    return found


def _whom(statement: Document) -> tuple[str, ...]:
    """Return whom a statement lets in, each as it is written, or a whole account in words."""
    principal = statement.get("Principal")
    if not isinstance(principal, dict):
        return (_EVERYBODY,)
    names = [str(name) for who in principal.values() for name in _listed(who)]
    return tuple(dict.fromkeys(_said(name) for name in names if name != CLOUDTRAIL))


def _bound(statement: Document) -> tuple[str, ...]:
    """Return whom a statement lets in that a resource control policy binds."""
    return tuple(name for name in _whom(statement) if not is_service_linked(name))


def _said(name: str) -> str:
    if name == "*":
        return _EVERYBODY
    whole = _WHOLE.fullmatch(name)
    return f"all of account {whole[1]}" if whole else name


def _may_write(statement: Document) -> bool:
    actions = [str(action).lower() for action in _listed(statement.get("Action", []))]
    return not actions or not all(action.startswith(_READS) or action == _RESTORE for action in actions)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _open(blueprint: Blueprint) -> str:
    if blueprint.is_of_organization:
        return "logs, and what they tell of every account, are open outside of the organization"
    return "logs, and what they tell of the account, are open outside of it"
