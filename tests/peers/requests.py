"""Requests and policies at random, of the kind that our evaluator and iam-simulate both know.

A case is JSON as in the golden cases of ``tests/cases/evaluate``: a contradiction can be kept as one. The words
are few on purpose: what a policy names is often what a request has, or nearly so.
"""

from __future__ import annotations

from random import Random
from typing import Any

MANAGEMENT, ARCHIVE, MEMBER, STRANGER = "111111111111", "222222222222", "333333333333", "444455556666"
ORGANIZATION = "o-abcdef1234"
_TRAIL = f"arn:aws:cloudtrail:eu-central-1:{MANAGEMENT}:trail/t"
_VPC = f"arn:aws:cloudtrail:us-east-1:{STRANGER}:trail/t"
_SERVICES = ("cloudtrail.amazonaws.com", "config.amazonaws.com")
_TEXTS = ("a", "ab", "A", "b", "team")
_TEXT_PATTERNS = (
    "a",
    "a*",
    "?",
    "A",
    "*b",
    "${aws:username}",
    "${aws:PrincipalTag/team}",
    "*",
    "${aws:PrincipalAccount}",
)

ACTIONS = {
    "s3:PutObject": "arn:aws:s3:::b/{key}",
    "s3:GetObject": "arn:aws:s3:::b/{key}",
    "s3:DeleteObject": "arn:aws:s3:::b/{key}",
    "s3:ListBucket": "arn:aws:s3:::b",
    "s3:PutBucketVersioning": "arn:aws:s3:::b",
    "s3:PutBucketPolicy": "arn:aws:s3:::b",
    "kms:Decrypt": "arn:aws:kms:eu-central-1:{owner}:key/{key}",
    "kms:DisableKey": "arn:aws:kms:eu-central-1:{owner}:key/{key}",
    "sqs:SendMessage": "arn:aws:sqs:eu-central-1:{owner}:{key}",
    "sns:Publish": "arn:aws:sns:eu-central-1:{owner}:{key}",
    "cloudtrail:StopLogging": "arn:aws:cloudtrail:eu-central-1:{owner}:trail/{key}",
    "organizations:LeaveOrganization": "*",
}
_ACTION_PATTERNS = (
    "*",
    "s3:*",
    "s3:Put*",
    "s3:PutObject",
    "S3:deleteobject",
    "kms:*",
    "s3:Get*",
    "s3:?etObject",
    "cloudtrail:*",
    "sqs:SendMessage",
    "sns:*",
)
_RESOURCES = (
    "*",
    "arn:aws:s3:::b",
    "arn:aws:s3:::b/*",
    "arn:aws:s3:::b/a*",
    "arn:aws:s3:::?/*b",
    "arn:aws:s3:::b/${aws:username}/*",
    "arn:aws:s3:::b/${aws:PrincipalTag/team}",
    "arn:aws:s3:::b/${aws:PrincipalTag/team, 'a'}",
    "arn:aws:kms:*:*:key/*",
    f"arn:aws:kms:eu-central-1:{ARCHIVE}:key/a*",
    "arn:aws:sqs:*:*:a",
    "arn:aws:*:eu-*:*:*",
)
_CALLERS = (
    f"arn:aws:iam::{ARCHIVE}:role/a",
    f"arn:aws:iam::{ARCHIVE}:role/p/a",
    f"arn:aws:iam::{ARCHIVE}:user/a",
    f"arn:aws:iam::{STRANGER}:role/a",
    f"arn:aws:iam::{ARCHIVE}:root",
    "arn:aws:iam::*:role/a*",
    "arn:aws:iam::*:role/*/a",
    "arn:aws:iam::*:root",
    "arn:aws:iam::*:user/?",
    "arn:aws:iam::*:role/aws-service-role/*",
    "arn:aws:iam::${aws:PrincipalAccount}:role/b",
    "*",
)
_TEXT_OPERATORS = (
    "StringEquals",
    "StringNotEquals",
    "StringEqualsIgnoreCase",
    "StringNotEqualsIgnoreCase",
    "StringLike",
    "StringNotLike",
)
_ARN_OPERATORS = ("ArnLike", "ArnNotLike", "ArnEquals", "ArnNotEquals", "StringLike", "StringNotLike")
_NUMBERS = (
    "NumericEquals",
    "NumericNotEquals",
    "NumericLessThan",
    "NumericLessThanEquals",
    "NumericGreaterThan",
    "NumericGreaterThanEquals",
)
_DATES = tuple(each.replace("Numeric", "Date") for each in _NUMBERS)
_MOMENTS = ("2026-01-01T00:00:00Z", "2026-06-01T12:00:00Z", "2025-01-01T00:00:00Z")

_CONDITIONS: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...] = (
    ("aws:PrincipalArn", _ARN_OPERATORS, _CALLERS),
    (
        "aws:PrincipalAccount",
        _TEXT_OPERATORS,
        (MANAGEMENT, ARCHIVE, STRANGER, "2*", "${aws:ResourceAccount}"),
    ),
    ("aws:PrincipalType", _TEXT_OPERATORS, ("Account", "User", "AssumedRole", "A*", "account")),
    ("aws:PrincipalIsAWSService", ("Bool",), ("true", "false")),
    ("aws:PrincipalServiceName", _TEXT_OPERATORS, (*_SERVICES, "*.amazonaws.com")),
    ("aws:username", _TEXT_OPERATORS, _TEXT_PATTERNS),
    ("aws:SecureTransport", ("Bool",), ("true", "false")),
    ("aws:ViaAWSService", ("Bool",), ("true", "false")),
    (
        "aws:SourceArn",
        _ARN_OPERATORS,
        (_TRAIL, _VPC, f"arn:aws:cloudtrail:*:{MANAGEMENT}:trail/*", "arn:aws:*:*:*:*", "*"),
    ),
    ("aws:SourceAccount", _TEXT_OPERATORS, (MANAGEMENT, STRANGER, "1*", "9*")),
    ("aws:PrincipalOrgID", _TEXT_OPERATORS, (ORGANIZATION, "o-*", "o-x")),
    ("aws:PrincipalOrgPaths", _TEXT_OPERATORS, (f"{ORGANIZATION}/*", "o-x/r/ou/", f"{ORGANIZATION}/r/ou/")),
    ("aws:ResourceAccount", _TEXT_OPERATORS, (MANAGEMENT, ARCHIVE, "${aws:PrincipalAccount}")),
    ("aws:PrincipalTag/team", _TEXT_OPERATORS, _TEXT_PATTERNS),
    ("AWS:principaltag/Team", _TEXT_OPERATORS, _TEXT_PATTERNS),
    ("aws:CurrentTime", _DATES, _MOMENTS),
    ("aws:MultiFactorAuthAge", _NUMBERS, ("5", "10", "10.5", "7")),
    (
        "aws:SourceIp",
        ("IpAddress", "NotIpAddress"),
        ("10.0.0.0/8", "10.1.0.0/16", "203.0.113.7", "203.0.113.0/24", "2001:db8::/32"),
    ),
)
_VALUES: dict[str, tuple[str, ...]] = {
    "aws:SecureTransport": ("true", "false"),
    "aws:PrincipalTag/team": _TEXTS,
    "aws:CurrentTime": (
        "2026-01-01T00:00:00Z",
        "2026-03-01T00:00:00Z",
        "2024-01-01T00:00:00Z",
        "2030-01-01T00:00:00Z",
    ),
    "aws:MultiFactorAuthAge": ("5", "10", "6", "8", "1000", "11"),
    "aws:SourceIp": ("10.0.0.1", "10.1.2.3", "203.0.113.7", "2001:db8::1", "192.0.2.1"),
}
_ALWAYS = {"aws:SecureTransport", "aws:CurrentTime"}
_SEVERAL = {"aws:PrincipalOrgPaths"}


def case(random: Random) -> dict[str, Any]:
    """Return one request with the policies around it."""
    action = random.choice(list(ACTIONS))
    principal, context = _caller(random)
    account = _account(principal)
    owner = (
        account
        if ACTIONS[action] == "*" or "cloudtrail" in action
        else random.choice((ARCHIVE, ARCHIVE, MANAGEMENT))
    )
    owner = owner or ARCHIVE
    for key, values in _VALUES.items():
        if key == "aws:PrincipalTag/team" and principal["kind"] not in {"iam", "service-linked-role"}:
            continue
        if key in _ALWAYS or random.random() < 0.6:
            context[key] = [random.choice(values)]
    return {
        "principal": principal,
        "action": action,
        "resource": ACTIONS[action].format(key=random.choice(("a", "ab", "b", "A")), owner=owner),
        "owner": owner,
        "context": context,
        "layers": _layers(random, principal, account),
    }


def _account(principal: dict[str, str]) -> str:
    return principal.get("account_id") or principal.get("arn", "::::").split(":")[4]


def _caller(random: Random) -> tuple[dict[str, str], dict[str, list[str]]]:
    kind = random.choice(
        (
            "user",
            "user",
            "session",
            "session",
            "session",
            "federated",
            "root",
            "linked",
            "service",
            "anonymous",
        )
    )
    account = random.choice((ARCHIVE, ARCHIVE, ARCHIVE, MEMBER, MANAGEMENT, STRANGER))
    name = random.choice(("a", "ab", "b", "Admin"))
    if kind == "anonymous":
        return {"kind": "anonymous"}, {}
    if kind == "service":
        source = random.choice((_TRAIL, _VPC))
        return {"kind": "service", "service": random.choice(_SERVICES)}, {
            "aws:SourceArn": [source],
            "aws:SourceAccount": [source.split(":")[4]],
        }
    context = _organization(random, account)
    match kind:
        case "root":
            return {"kind": "root", "account_id": account}, context
        case "user":
            return {
                "kind": "iam",
                "arn": f"arn:aws:iam::{account}:user/{random.choice(('', 'p/'))}{name}",
            }, context
        case "federated":
            return {"kind": "iam", "arn": f"arn:aws:sts::{account}:federated-user/{name}"}, context
        case _:
            pass
    path = "aws-service-role/x.amazonaws.com/" if kind == "linked" else random.choice(("", "", "p/", "p/q/"))
    context["aws:PrincipalArn"] = [f"arn:aws:iam::{account}:role/{path}{name}"]
    session = f"arn:aws:sts::{account}:assumed-role/{name}/{random.choice(('a', 'b'))}"
    return {"kind": "service-linked-role" if kind == "linked" else "iam", "arn": session}, context


def _organization(random: Random, account: str) -> dict[str, list[str]]:
    if account == STRANGER:
        outside: dict[str, list[str]] = {
            "aws:PrincipalOrgID": ["o-x"],
            "aws:PrincipalOrgPaths": ["o-x/r/ou/"],
        }
        return random.choice(({}, outside))
    path = random.choice(("r/ou/", "r/"))
    return {"aws:PrincipalOrgID": [ORGANIZATION], "aws:PrincipalOrgPaths": [f"{ORGANIZATION}/{path}"]}


def _layers(random: Random, principal: dict[str, str], account: str) -> dict[str, Any]:
    layers: dict[str, Any] = {"management_account_id": MANAGEMENT}
    has_credentials = principal["kind"] not in {"service", "anonymous"}
    if has_credentials and account != STRANGER:
        layers["scps"] = [_level(random) for _ in range(random.choice((0, 1, 1, 2)))]
    layers["rcps"] = [[_policy([_rcp(random)])] for _ in range(random.choice((0, 0, 1)))]
    if random.random() < 0.7:
        layers["resource_policy"] = _mixed(random, with_principal=True)
    if has_credentials and random.random() < 0.5:
        layers["identity"] = [_mixed(random) for _ in range(random.choice((0, 1, 2)))]
    if principal["kind"] in {"iam", "root"} and random.random() < 0.2:  # service-linked roles have none
        layers["boundary"] = _mixed(random)
    if "sts" in principal.get("arn", "") and random.random() < 0.2:
        layers["session"] = _mixed(random)
    if random.random() < 0.15:
        layers["endpoint"] = _for_everybody(_mixed(random))
    return layers


def _level(random: Random) -> list[Any]:
    """Return an SCP level: everything and some denies, or a list of what is allowed."""
    if random.random() < 0.25:
        return [
            _policy(
                [statement(random, "Allow"), *([statement(random, "Deny")] if random.random() < 0.3 else [])]
            )
        ]
    return ["FullAWSAccess", *(_policy([statement(random, "Deny")]) for _ in range(random.choice((0, 1, 2))))]


def _rcp(random: Random) -> dict[str, Any]:
    body = statement(
        random,
        "Deny",
        actions=[each for each in _ACTION_PATTERNS if each.split(":")[0].lower() in {"s3", "kms", "sqs"}],
    )
    return {
        **{key: value for key, value in body.items() if key != "NotAction"},
        "Action": body.get("Action") or body["NotAction"],
        "Principal": "*",
    }


def _mixed(random: Random, *, with_principal: bool = False) -> dict[str, Any]:
    statements = [
        statement(random, with_principal=with_principal) for _ in range(random.choice((1, 1, 2, 3)))
    ]
    if random.random() < 0.4:
        everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
        statements.insert(0, {**everything, "Principal": "*"} if with_principal else everything)
    return _policy(statements, random.choice(("2012-10-17", "2012-10-17", "2012-10-17", "2008-10-17")))


def _for_everybody(policy: dict[str, Any]) -> dict[str, Any]:
    """Return an endpoint policy of the form that the peer accepts."""
    return {**policy, "Statement": [{**each, "Principal": "*"} for each in policy["Statement"]]}


def _policy(statements: list[dict[str, Any]], version: str = "2012-10-17") -> dict[str, Any]:
    return {"Version": version, "Statement": statements}


def statement(
    random: Random, effect: str = "", *, with_principal: bool = False, actions: list[str] | None = None
) -> dict[str, Any]:
    """Return one statement; a Deny always has a condition, or all would be denied."""
    effect = effect or random.choice(("Allow", "Allow", "Deny"))
    least, most = (1, 3) if effect == "Deny" else (0, 1)
    body: dict[str, Any] = {
        "Effect": effect,
        random.choice(("Action", "Action", "Action", "NotAction")): random.sample(
            actions or list(_ACTION_PATTERNS), random.choice((1, 2))
        ),
        random.choice(("Resource", "Resource", "Resource", "NotResource")): random.sample(
            _RESOURCES, random.choice((1, 2))
        ),
    }
    if random.random() < 0.5:
        body["Resource"] = "*"
        body.pop("NotResource", None)
    if block := conditions(random, random.randint(least, most)):
        body["Condition"] = block
    if with_principal:
        body[random.choice((*("Principal",) * 5, "NotPrincipal"))] = _principal(random)
    return body


def conditions(random: Random, count: int) -> dict[str, Any]:
    """Return a Condition block."""
    block: dict[str, Any] = {}
    for _ in range(count):
        key, operators, values = random.choice(_CONDITIONS)
        if random.random() < 0.1:
            block.setdefault("Null", {})[key] = random.choice(("true", "false"))
            continue
        qualifier = random.choice(("ForAllValues:", "ForAnyValue:")) if key in _SEVERAL else ""
        operator = f"{qualifier}{random.choice(operators)}{random.choice(('', '', 'IfExists'))}"
        block.setdefault(operator, {})[key] = random.sample(
            values, min(len(values), random.choice((1, 1, 2)))
        )
    return block


def _principal(random: Random) -> Any:
    if random.random() < 0.35:
        return random.choice(("*", {"AWS": "*"}))
    if random.random() < 0.2:
        return {"Service": random.sample(_SERVICES, random.choice((1, 2)))}
    names = (
        MANAGEMENT,
        ARCHIVE,
        STRANGER,
        f"arn:aws:iam::{ARCHIVE}:root",
        f"arn:aws:iam::{STRANGER}:root",
        f"arn:aws:iam::{ARCHIVE}:role/a",
        f"arn:aws:iam::{ARCHIVE}:role/p/a",
        f"arn:aws:sts::{ARCHIVE}:assumed-role/a/b",
        f"arn:aws:iam::{ARCHIVE}:user/a",
        f"arn:aws:iam::{STRANGER}:user/a",
        f"arn:aws:sts::{ARCHIVE}:federated-user/a",
    )
    return {"AWS": random.sample(names, random.choice((1, 2, 3)))}
