"""What in a pasted policy is dangerous or does nothing, whatever CloudTrail's check says of it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from trailkeep.guard.conditions import Condition, Operator, Qualifier
from trailkeep.guard.delivery import Kind
from trailkeep.guard.findings import Finding, FindingKind, found
from trailkeep.guard.lint_s3 import lint_s3
from trailkeep.guard.matching import action_matches, split_arn
from trailkeep.guard.preflight import names_cloudtrail
from trailkeep.guard.statement import Effect, Policy, PrincipalType, Statement

__all__ = ["lint"]


_SERVICES = {Kind.BUCKET: "s3", Kind.KEY: "kms", Kind.TOPIC: "sns"}
_FOLDER = re.compile(r"(?:^|/)AWSLogs/(?P<folder>[^/*?]+)(?:/|$)")
_ORGANIZATION = re.compile(r"o-[a-z0-9]{10,32}")
_ENCRYPTION_KEYS = ("s3:x-amz-server-side-encryption", "s3:x-amz-server-side-encryption-aws-kms-key-id")
_LIMITING = (
    "aws:principalorgid",
    "aws:principalorgpaths",
    "aws:principalaccount",
    "aws:principalarn",
    "aws:sourcearn",
    "aws:sourceaccount",
    "aws:sourceowner",
    "aws:sourceorgid",
    "kms:calleraccount",
)
_EQUALS = (Operator.STRING_EQUALS, Operator.STRING_NOT_EQUALS)


def lint(kind: Kind, policy: Policy) -> Iterator[Finding]:
    """Yield what to change in a document, statement by statement."""
    yield from _duplicates(policy)
    for statement in policy.statements:
        yield from _identifiers(statement)
        yield from _literal_wildcards(statement)
        if kind is not Kind.SCP and (kind is not Kind.RCP or statement.effect is Effect.DENY):
            yield from _grants(statement)
        if kind in {Kind.BUCKET, Kind.SCP, Kind.RCP}:
            yield from lint_s3(statement)
        if kind in _SERVICES:
            yield from _services(kind, statement)


def _duplicates(policy: Policy) -> Iterator[Finding]:
    counts = Counter(statement.sid for statement in policy.statements if statement.sid)
    for sid, count in counts.items():
        if count > 1:
            yield Finding(
                kind=FindingKind.DUPLICATE_SID,
                statement=sid,
                message=f"{count} statements have this Sid; S3 accepts it, the grammar of policies does not",
                remedy="give each statement a Sid of its own",
            )


def _identifiers(statement: Statement) -> Iterator[Finding]:
    """Find ids that cannot exist: a folder, an ARN or a condition with a placeholder in it."""
    texts = [*statement.resources, *statement.not_resources]
    texts += [value for each in statement.conditions for value in each.values]
    for text in dict.fromkeys(texts):
        folder = _FOLDER.search(text)
        name = folder["folder"] if folder else ""
        segments = split_arn(text)
        account = segments[4] if segments else ""
        if name.startswith("o-") and not _ORGANIZATION.fullmatch(name):
            yield found(
                FindingKind.ORGANIZATION_ID,
                statement,
                f"{name} in {text} is no organization id: o- and 10 to 32 lower-case letters or digits",
                "write the id that 'aws organizations describe-organization' shows",
            )
        elif name and not name.startswith(("o-", "$")):
            account = name
        if account and account != "aws" and not re.fullmatch(r"\d{12}|.*[*?$].*", account):
            yield found(
                FindingKind.ACCOUNT_DIGITS,
                statement,
                f"{account} in {text} has {len(account)} characters; an account id has 12 digits",
                "write the account id that 'aws sts get-caller-identity' shows, with its leading zeros",
            )


def _literal_wildcards(statement: Statement) -> Iterator[Finding]:
    for condition in statement.conditions:
        values = [value for value in condition.values if re.search(r"(?<!\{)[*?]", value)]
        if condition.operator in _EQUALS and values:
            yield found(
                FindingKind.WILDCARD_IN_EQUALS,
                statement,
                f"{condition.operator} compares {condition.key} with {values[0]} letter by letter, "
                "and no value has a star in it",
                "use ArnLike or StringLike, or write the value out",
            )


def _grants(statement: Statement) -> Iterator[Finding]:
    if statement.effect is Effect.DENY:
        yield from _denies(statement)
        return
    everybody = any(each.type is PrincipalType.AWS and each.value == "*" for each in statement.principals)
    limits = {each.key.lower() for each in statement.conditions if _limits(each)}
    if everybody or statement.not_principals:
        if not limits & {*_LIMITING}:
            yield found(
                FindingKind.EVERYBODY,
                statement,
                "everybody in the world is allowed: no condition says whose principals are meant",
                "name the principals, or add a condition on aws:PrincipalOrgID or aws:PrincipalArn",
            )
    elif names_cloudtrail(statement) and (statement.not_actions or any(map(_matters, statement.actions))):
        yield from _source(statement)


def _matters(action: str) -> bool:
    """Say whether a grant of an action to any trail is dangerous; a key's description is not."""
    return not action_matches(action, "kms:DescribeKey") or "*" in action


def _limits(condition: Condition) -> bool:
    """Say whether a condition lets only requests through that have its key with one of its values."""
    positive = not condition.operator.negated and condition.operator is not Operator.NULL
    needs_the_key = positive and not condition.if_exists and condition.qualifier is not Qualifier.ALL
    return needs_the_key and "*" not in condition.values


def _source(statement: Statement) -> Iterator[Finding]:
    arns = [each for each in statement.conditions if each.key.lower() == "aws:sourcearn" and _limits(each)]
    accounts = [each for each in statement.conditions if each.key.lower() == "aws:sourceaccount"]
    owners = {split[4] for each in arns for value in each.values if (split := split_arn(value))}
    if any(re.search(r"[*?]", owner) for owner in owners) or not (arns or accounts):
        yield found(
            FindingKind.SOURCE_ARN_MISSING,
            statement,
            "no aws:SourceArn names the trail, so CloudTrail may use this for a trail of any AWS account "
            "(confused deputy)",
            'add "aws:SourceArn": the ARN of the trail, to the condition StringEquals',
        )
    elif not arns or any(re.search(r"[*?]", value) for each in arns for value in each.values):
        yield found(
            FindingKind.SOURCE_ARN_WIDE,
            statement,
            "every trail of the account may use this, not only the one that is meant",
            'write "aws:SourceArn": the ARN of the one trail, with StringEquals',
        )


def _denies(statement: Statement) -> Iterator[Finding]:
    keys = {condition.key.lower() for condition in statement.conditions}
    meant = statement.principals or statement.not_principals
    puts = any(action_matches(each, "s3:PutObject") for each in statement.actions)
    if keys & {*_ENCRYPTION_KEYS} and puts and meant and names_cloudtrail(statement):
        yield found(
            FindingKind.DENY_ENCRYPTION,
            statement,
            "it denies deliveries by their encryption header, which CloudTrail sets as the trail says or not "
            "at all; such a statement keeps trails from being made and digests from being delivered",
            "remove it; default encryption of the bucket and the key of the trail do the work",
        )


def _services(kind: Kind, statement: Statement) -> Iterator[Finding]:
    service = _SERVICES[kind]
    foreign = [each for each in statement.actions if each != "*" and each.split(":")[0].lower() != service]
    if foreign:
        yield found(
            FindingKind.OTHER_SERVICE,
            statement,
            f"{', '.join(foreign)} is no action of {service}, and a {kind} decides only about those",
            "remove it from here; it belongs into a policy of its own service",
        )
