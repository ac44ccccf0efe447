"""What CloudTrail asks of a bucket, a key or a topic when a trail is made, and what a policy answers.

CreateTrail and UpdateTrail say only that a policy is insufficient. Here every request is decided alone, and a
refusal names the statement that is missing or the one that denies. A request is *undecided* where its answer
hangs on a condition key whose value nobody outside of AWS knows: it is decided twice, with such conditions at
their best and at their worst for the request.

Source: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/create-s3-bucket-policy-for-cloudtrail.html,
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/create-kms-key-policy-for-cloudtrail.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import assert_never

import msgspec

from trailkeep.guard.conditions import condition_holds, single_value
from trailkeep.guard.delivery import Delivery, Kind
from trailkeep.guard.documents import Document
from trailkeep.guard.evaluate import Decision, Evaluation, Layers, Principal, PrincipalKind, Request, evaluate
from trailkeep.guard.matching import action_matches, resource_matches
from trailkeep.guard.policy import parse_policy
from trailkeep.guard.principals import named_by
from trailkeep.guard.service_grants import CLOUDTRAIL, bucket_grants, key_grants, topic_grants
from trailkeep.guard.statement import Effect, Policy, Statement

__all__ = ["Answer", "Asked", "names_cloudtrail", "preflight", "unknown_keys"]

RCP_FULL_AWS_ACCESS = parse_policy(
    '{"Statement":{"Sid":"RCPFullAWSAccess","Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}}',
    name="RCPFullAWSAccess",
)
SERVICE = Principal(kind=PrincipalKind.SERVICE, service=CLOUDTRAIL)
_ENCRYPTION_CONTEXT = "kms:EncryptionContext:aws:cloudtrail:arn"
_ABSENT = ("aws:principalarn", "aws:principalaccount", "aws:principalorgid", "aws:principalorgpaths")
_ABSENT_LOCKS = (
    "s3:object-lock-mode",
    "s3:object-lock-legal-hold",
    "s3:object-lock-retain-until-date",
    "s3:object-lock-remaining-retention-days",
)
_ABSENT_USERS = ("aws:userid", "aws:username", "aws:principaltype", "aws:multifactorauthpresent")
_NEVER_SENT = (*_ABSENT, *_ABSENT_USERS, *_ABSENT_LOCKS)
_VARIABLE = re.compile(r"\$\{([^{}*?$',]+)[^{}]*\}")
_NO_OWNER = "000000000000"


class Answer(StrEnum):
    """What a policy answers to one request."""

    ALLOWED = "allowed"
    REFUSED = "refused"
    UNDECIDED = "undecided"


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """One request of CloudTrail and the answer.

    ``statement`` is the label of the statement that decides, empty where none does; ``missing`` the statement
    to add, None where none is missing; ``reason`` why, in one sentence.
    """

    action: str
    resource: str
    decision: Answer
    statement: str
    missing: Document | None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Question:
    action: str
    resource: str
    context: Mapping[str, tuple[str, ...]]
    grant: Document
    absent: tuple[str, ...] = ()


def preflight(kind: Kind, policy: Policy, delivery: Delivery) -> tuple[Asked, ...]:
    """Return what a policy answers to each request of CloudTrail; an SCP binds no service: no request.

    An RCP only denies: the bucket policy is taken to allow.
    """
    if kind is Kind.RCP:
        denies = (each for each in policy.statements if each.effect is Effect.DENY)
        policy = replace(policy, statements=(*denies, *RCP_FULL_AWS_ACCESS.statements))
    return tuple(_answer(question, policy, delivery) for question in _questions(kind, delivery))


def names_cloudtrail(statement: Statement) -> bool:
    """Say whether a statement is about CloudTrail's own requests, by its principal alone."""
    return bool(named_by(statement, SERVICE, {}, has_boundary=False))


def unknown_keys(statement: Statement, known: frozenset[str]) -> tuple[str, ...]:
    """Return the condition keys and variables of a statement beyond those ``known`` (in lower case)."""
    texts = [*statement.resources, *statement.not_resources]
    texts += [value for condition in statement.conditions for value in condition.values]
    variables = [name.strip() for text in texts for name in _VARIABLE.findall(text)]
    keys = [condition.key for condition in statement.conditions]
    unknown = (key for key in [*keys, *variables] if not _is_known(key.lower(), known))
    return tuple(dict.fromkeys(unknown))


def _is_known(key: str, known: frozenset[str]) -> bool:
    return key in known or key.startswith("aws:principaltag/")


def _questions(kind: Kind, delivery: Delivery) -> Iterator[_Question]:
    match kind:
        case Kind.RCP if not delivery.bucket:
            return
        case Kind.BUCKET | Kind.RCP:
            acl, *writes = bucket_grants(delivery)
            context = _context(delivery)
            yield _Question(
                action="s3:GetBucketAcl", resource=delivery.bucket_arn, context=context, grant=acl
            )
            owned = context | {"s3:x-amz-acl": ("bucket-owner-full-control",)}
            for grant in writes:
                place = f"{grant['Resource'].removesuffix('*')}CloudTrail/"
                yield _Question(action="s3:PutObject", resource=place, context=owned, grant=grant)
        case Kind.KEY:
            yield from _key_questions(delivery)
        case Kind.TOPIC:
            (grant,) = topic_grants(delivery)
            yield _Question(
                action="SNS:Publish", resource=delivery.resource, context=_context(delivery), grant=grant
            )
        case Kind.SCP:
            return
        case _:
            assert_never(kind)


def _key_questions(delivery: Delivery) -> Iterator[_Question]:
    """Ask for a data key, whose encryption context names the trail; DescribeKey has no such context."""
    grants = key_grants(delivery)
    context = _context(delivery)
    data_key = context | {_ENCRYPTION_CONTEXT: (delivery.trail,)}
    absent = (_ENCRYPTION_CONTEXT.lower(),)
    for action, grant in zip(("kms:GenerateDataKey", "kms:DescribeKey", "kms:Decrypt"), grants, strict=False):
        yield _Question(
            action=action,
            resource=delivery.resource or "*",
            context=data_key if action == "kms:GenerateDataKey" else context,
            grant=grant,
            absent=absent if action == "kms:DescribeKey" else (),
        )


def _context(delivery: Delivery) -> dict[str, tuple[str, ...]]:
    context: dict[str, tuple[str, ...]] = {
        "aws:PrincipalIsAWSService": ("true",),
        "aws:PrincipalServiceName": (CLOUDTRAIL,),
        "aws:PrincipalServiceNamesList": (CLOUDTRAIL,),
        "aws:SourceArn": (delivery.trail,),
        "aws:SourceAccount": (delivery.trail.split(":")[4],),
        "aws:SecureTransport": ("true",),
        "aws:ViaAWSService": ("false",),
    }
    if delivery.archive_account:
        context |= dict.fromkeys(("aws:ResourceAccount", "s3:ResourceAccount"), (delivery.archive_account,))
    return context


def _answer(question: _Question, policy: Policy, delivery: Delivery) -> Asked:
    known = frozenset(key.lower() for key in question.context) | {*_NEVER_SENT, *question.absent}
    best = _decide(question, _assuming(policy, known, in_favour=True), delivery)
    worst = _decide(question, _assuming(policy, known, in_favour=False), delivery)
    allowed = [each.decision is Decision.ALLOW for each in (best, worst)]
    label = best.statement
    if all(allowed):
        return _asked(question, Answer.ALLOWED, worst.statement, reason=f"by statement {worst.statement!r}")
    if best.decision is Decision.EXPLICIT_DENY:
        return _asked(question, Answer.REFUSED, label, reason=f"statement {label!r} denies it")
    if not any(allowed):
        reason = f"no statement allows it{_nearest(question, policy)}"
        return _asked(question, Answer.REFUSED, label, reason=reason, missing=question.grant)
    return _undecided(question, policy, known, best=best, worst=worst)


def _undecided(
    question: _Question, policy: Policy, known: frozenset[str], *, best: Evaluation, worst: Evaluation
) -> Asked:
    decisive = worst.statement or best.statement
    statements = [each for each in policy.statements if each.label == decisive]
    keys = ", ".join(dict.fromkeys(key for each in statements for key in unknown_keys(each, known)))
    reason = f"statement {decisive!r} decides by {keys}, and what CloudTrail sends for it is not known here"
    return _asked(question, Answer.UNDECIDED, decisive, reason=reason)


def _asked(
    question: _Question, decision: Answer, statement: str, *, reason: str, missing: Document | None = None
) -> Asked:
    return Asked(
        action=question.action,
        resource=question.resource,
        decision=decision,
        statement=statement,
        missing=missing,
        reason=reason,
    )


def _decide(question: _Question, policy: Policy, delivery: Delivery) -> Evaluation:
    request = Request(
        principal=SERVICE,
        action=question.action,
        resource=question.resource,
        resource_account_id=delivery.archive_account or _NO_OWNER,
        context={"aws:ResourceAccount": (), **question.context},
    )
    return evaluate(request, Layers(resource_policy=policy))


def _assuming(policy: Policy, known: frozenset[str], *, in_favour: bool) -> Policy:
    """Return the policy with each statement that hangs on an unknown key in or out, as it helps or harms."""
    statements = []
    for statement in policy.statements:
        if not unknown_keys(statement, known):
            statements.append(statement)
        elif (statement.effect is Effect.ALLOW) is in_favour:
            statements.append(_unconditional(statement, known))
    return replace(policy, statements=tuple(statements))


def _unconditional(statement: Statement, known: frozenset[str]) -> Statement:
    conditions = tuple(
        each
        for each in statement.conditions
        if not unknown_keys(replace(statement, conditions=(each,), resources=(), not_resources=()), known)
    )
    return replace(
        statement,
        conditions=conditions,
        resources=tuple(_VARIABLE.sub("*", text) for text in statement.resources),
        not_resources=tuple(text for text in statement.not_resources if not _VARIABLE.search(text)),
    )


def _nearest(question: _Question, policy: Policy) -> str:
    """Say why the statements that come near do not allow: those about this action and about CloudTrail."""
    near = [
        f"statement {statement.label!r} does not, because {why}"
        for statement in policy.statements
        if statement.effect is Effect.ALLOW
        and any(action_matches(each, question.action) for each in statement.actions)
        and (why := _obstacle(question, policy, statement))
    ]
    return "".join(f"; {text}" for text in near)


def _obstacle(question: _Question, policy: Policy, statement: Statement) -> str:
    context = {key.lower(): values for key, values in question.context.items()}
    variables = policy.knows_variables
    if not names_cloudtrail(statement):
        return f"its principal is not {CLOUDTRAIL}"
    lookup = single_value(context)
    listed = statement.resources
    if listed and not any(
        resource_matches(each, question.resource, lookup, variables=variables) for each in listed
    ):
        return f"its Resource is {', '.join(listed)}"
    for condition in statement.conditions:
        if not condition_holds(condition, context, variables=variables):
            wanted = " or ".join(condition.values)
            sent = ", ".join(context.get(condition.key.lower(), ())) or "nothing"
            wants = f"{condition.key} {condition.operator} {wanted}"
            return f"its condition wants {wants}, and CloudTrail sends {sent}"
    return ""
