"""Small policies at random, and requests at random that may or may not meet them.

The words are few on purpose: what a policy names is often what a request has, or nearly so.
"""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from trailkeep.guard.evaluate import FULL_AWS_ACCESS, Layers, Principal, PrincipalKind, Request
from trailkeep.guard.policy import Policy, parse_policy
from trailkeep.guard.symbolic import Caller, Question

MANAGEMENT, ARCHIVE, MEMBER, STRANGER = "111111111111", "222222222222", "333333333333", "444455556666"
_ACCOUNTS = (MANAGEMENT, ARCHIVE, MEMBER, STRANGER)
_ORGANIZATION = "o-abcdef1234"
_SERVICES = ("cloudtrail.amazonaws.com", "config.amazonaws.com")
_NAMES = ("a", "ab", "Admin", "b")
_KEYS_OF_OBJECTS = ("a", "ab", "b/a", "A", "a/b", "logs/x")
_TRAILS = (
    f"arn:aws:cloudtrail:eu-central-1:{MANAGEMENT}:trail/t",
    f"arn:aws:cloudtrail:us-east-1:{STRANGER}:trail/t",
    "arn:aws:s3:::other",
)
_TEXTS = ("a", "ab", "A", "b", "", "team", "a:b")
_TEXT_PATTERNS = (
    "a",
    "a*",
    "?",
    "A",
    "*b",
    "",
    "${aws:username}",
    "${aws:PrincipalTag/team}",
    "*",
    "${aws:PrincipalAccount}",
)
_ARN_PATTERNS = (
    *_TRAILS,
    f"arn:aws:cloudtrail:*:{MANAGEMENT}:trail/*",
    "arn:aws:cloudtrail:*:*:trail/t",
    "arn:aws:*",
    "*",
    "trail",
)
_CALLER_PATTERNS = (
    f"arn:aws:iam::{ARCHIVE}:role/a",
    f"arn:aws:iam::{ARCHIVE}:role/p/a",
    f"arn:aws:iam::{ARCHIVE}:user/a",
    f"arn:aws:iam::{STRANGER}:role/a",
    f"arn:aws:iam::{ARCHIVE}:root",
    "arn:aws:iam::*:role/a*",
    "arn:aws:iam::*:role/*/a",
    "arn:aws:iam::*:root",
    "arn:aws:iam::*:user/?",
    "arn:aws:iam::*:user/p/*",
    "*/aws-service-role/*",
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
_ARN_OPERATORS = (
    "ArnLike",
    "ArnNotLike",
    "ArnEquals",
    "ArnNotEquals",
    "StringLike",
    "StringNotLike",
    "StringEquals",
    "StringNotEquals",
)
_NUMBER_OPERATORS = (
    "NumericEquals",
    "NumericNotEquals",
    "NumericLessThan",
    "NumericLessThanEquals",
    "NumericGreaterThan",
    "NumericGreaterThanEquals",
)
_DATE_OPERATORS = tuple(each.replace("Numeric", "Date") for each in _NUMBER_OPERATORS)
_NUMBERS = ("5", "10", "10.5", "-3", "7")
_DATES = ("2026-01-01T00:00:00Z", "2026-06-01T12:00:00+02:00", "1700000000", "2025-01-01")
_NETWORKS = ("10.0.0.0/8", "10.1.0.0/16", "203.0.113.7", "2001:db8::/32", "0.0.0.0/0", "x")
_ADDRESSES = ("10.0.0.1", "10.1.2.3", "203.0.113.7", "2001:db8::1", "192.0.2.1")

_CONDITIONS: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...] = (
    ("aws:PrincipalArn", _ARN_OPERATORS, _CALLER_PATTERNS),
    ("aws:PrincipalAccount", _TEXT_OPERATORS, (*_ACCOUNTS, "2*", "${aws:ResourceAccount}")),
    ("aws:PrincipalType", _TEXT_OPERATORS, ("Account", "User", "AssumedRole", "A*", "account")),
    ("aws:PrincipalIsAWSService", ("Bool",), ("true", "false")),
    ("aws:PrincipalServiceName", _TEXT_OPERATORS, (*_SERVICES, "*.amazonaws.com")),
    ("aws:username", _TEXT_OPERATORS, _TEXT_PATTERNS),
    ("aws:userid", _TEXT_OPERATORS, ("AROAX:*", "*:a", "AIDAX", ARCHIVE, "anonymous")),
    ("aws:SecureTransport", ("Bool", "StringEquals"), ("true", "false")),
    ("aws:ViaAWSService", ("Bool",), ("true", "false")),
    ("aws:SourceArn", _ARN_OPERATORS, _ARN_PATTERNS),
    ("aws:SourceAccount", _TEXT_OPERATORS, (*_ACCOUNTS, "1*", "9*")),
    ("aws:PrincipalOrgID", _TEXT_OPERATORS, (_ORGANIZATION, "o-*")),
    ("aws:PrincipalOrgPaths", _TEXT_OPERATORS, (f"{_ORGANIZATION}/*", "o-x/r/ou/", f"{_ORGANIZATION}/r/ou/")),
    ("aws:ResourceAccount", _TEXT_OPERATORS, (*_ACCOUNTS, "${aws:PrincipalAccount}")),
    ("aws:PrincipalTag/team", _TEXT_OPERATORS, _TEXT_PATTERNS),
    ("aws:RequestTag/team", _TEXT_OPERATORS, _TEXT_PATTERNS),
    ("aws:TagKeys", _TEXT_OPERATORS, _TEXT_PATTERNS),
    ("AWS:FederatedProvider", _TEXT_OPERATORS, ("accounts.google.com", "x")),
    ("s3:x-amz-acl", _TEXT_OPERATORS, ("private", "public-*", "bucket-owner-full-control")),
    ("s3:max-keys", _NUMBER_OPERATORS, _NUMBERS),
    ("aws:CurrentTime", _DATE_OPERATORS, _DATES),
    ("aws:SourceIp", ("IpAddress", "NotIpAddress"), _NETWORKS),
    (
        "my:any",
        (*_TEXT_OPERATORS, *_ARN_OPERATORS, "Bool", "BinaryEquals"),
        (*_TEXT_PATTERNS, *_ARN_PATTERNS, "true", "YQ=="),
    ),
    (
        "my:number",
        (*_NUMBER_OPERATORS, *_DATE_OPERATORS, "IpAddress", "StringLike"),
        (*_NUMBERS, *_DATES, "1*"),
    ),
)
_VALUES_OF_KEYS = {
    "aws:SecureTransport": ("true", "false"),
    "aws:ViaAWSService": ("true", "false"),
    "aws:PrincipalTag/team": _TEXTS,
    "aws:RequestTag/team": _TEXTS,
    "aws:TagKeys": _TEXTS,
    "s3:x-amz-acl": ("private", "public-read", "bucket-owner-full-control", "x"),
    "s3:max-keys": ("5", "10", "6", "8", "1000", "-3", "-4", "11"),
    "aws:CurrentTime": (
        "2026-01-01T00:00:00Z",
        "2026-06-01T10:00:00Z",
        "2026-03-01T00:00:00Z",
        "2024-01-01",
        "2030-01-01",
        "1700000000",
    ),
    "aws:SourceIp": _ADDRESSES,
    "my:any": (*_TEXTS, *_TRAILS, "true", "FALSE", "YQ=="),
    "my:number": (*_NUMBERS, *_DATES, "x", "10.2", "10.0.0.1", ""),
}
_SEVERAL = {"aws:TagKeys", "my:any", "my:number", "aws:PrincipalOrgPaths"}
ALWAYS = {"aws:SecureTransport", "aws:ViaAWSService", "aws:CurrentTime"}

PATTERNS = (
    "*",
    "arn:aws:s3:::b/*",
    "arn:aws:s3:::b",
    "arn:aws:s3:::b/a*",
    f"arn:aws:kms:eu-central-1:{ARCHIVE}:key/k",
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
    "arn:aws:s3",
)
ACTIONS = ("s3:PutObject", "s3:DeleteObject", "s3:PutBucketPolicy", "kms:DisableKey", "kms:RetireGrant")
_ACTION_PATTERNS = ("*", "s3:*", "s3:Put*", "s3:PutObject", "S3:deleteobject", "kms:*", "s3:Get*")


@st.composite
def conditions(draw: st.DrawFn, *, least: int, most: int, about: str = "") -> dict[str, Any]:
    """Draw a Condition block; of keys that hold ``about`` only."""
    block: dict[str, Any] = {}
    for _ in range(draw(st.integers(least, most))):
        key, operators, values = draw(
            st.sampled_from([each for each in _CONDITIONS if about in each[0].lower()])
        )
        if draw(st.integers(0, 9)) == 0:
            block.setdefault("Null", {})[key] = draw(st.sampled_from(["true", "false"]))
            continue
        operator = draw(st.sampled_from(operators))
        qualifier = draw(st.sampled_from(["", "", "", "ForAllValues:", "ForAnyValue:"]))
        suffix = draw(st.sampled_from(["", "", "IfExists"]))
        chosen = draw(st.lists(st.sampled_from(values), min_size=1, max_size=2, unique=True))
        block.setdefault(f"{qualifier}{operator}{suffix}", {})[key] = chosen
    return block


PRINCIPALS = st.one_of(
    st.just("*"),
    st.lists(
        st.sampled_from(
            [
                *_ACCOUNTS,
                f"arn:aws:iam::{ARCHIVE}:root",
                f"arn:aws:iam::{STRANGER}:root",
                f"arn:aws:iam::{ARCHIVE}:role/a",
                f"arn:aws:iam::{ARCHIVE}:role/p/a",
                f"arn:aws:sts::{ARCHIVE}:assumed-role/a/b",
                f"arn:aws:iam::{ARCHIVE}:user/a",
                f"arn:aws:iam::{STRANGER}:user/a",
                f"arn:aws:sts::{ARCHIVE}:federated-user/a",
            ]
        ),
        min_size=1,
        max_size=3,
        unique=True,
    ).map(lambda names: {"AWS": names}),
    st.sampled_from([{"Service": name} for name in (*_SERVICES, "*")]),
    st.sampled_from([{"Federated": "accounts.google.com"}, {"Federated": "*"}, {"CanonicalUser": "f" * 8}]),
)


@st.composite
def statements(draw: st.DrawFn, *, effect: str | None = None, with_principal: bool = False) -> dict[str, Any]:
    """Draw one statement."""
    action = draw(st.sampled_from(["Action", "Action", "Action", "NotAction"]))
    resource = draw(st.sampled_from(["Resource", "Resource", "Resource", "NotResource"]))
    effect = effect or draw(st.sampled_from(["Allow", "Deny"]))
    least, most = (1, 3) if effect == "Deny" else (0, 1)  # a bare deny refuses all there is
    body: dict[str, Any] = {
        "Effect": effect,
        action: draw(st.lists(st.sampled_from(_ACTION_PATTERNS), min_size=1, max_size=2, unique=True)),
        resource: draw(st.lists(st.sampled_from(_RESOURCES), min_size=1, max_size=2, unique=True)),
        "Condition": draw(conditions(least=least, most=most)),
    }
    if with_principal:
        name = draw(st.sampled_from(["Principal", "Principal", "Principal", "NotPrincipal"]))
        body[name] = draw(PRINCIPALS)
    return body


def _policy(statements_: list[dict[str, Any]], name: str, version: str = "2012-10-17") -> Policy:
    return parse_policy({"Version": version, "Statement": statements_}, name=name)


@st.composite
def policies(
    draw: st.DrawFn, name: str, *, effect: str | None = None, with_principal: bool = False
) -> Policy:
    """Draw a policy of one to three statements."""
    each = statements(effect=effect, with_principal=with_principal)
    version = draw(st.sampled_from(["2012-10-17", "2012-10-17", "2012-10-17", "2008-10-17"]))
    granted = [_grant(with_principal=with_principal)] if effect is None and draw(st.booleans()) else []
    return _policy([*granted, *draw(st.lists(each, min_size=1, max_size=3))], name, version)


def _grant(*, with_principal: bool) -> dict[str, Any]:
    grant = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    return {**grant, "Principal": "*"} if with_principal else grant


def _maybe(policy: st.SearchStrategy[Policy]) -> st.SearchStrategy[Policy | None]:
    return st.one_of(st.none(), policy)


@st.composite
def layers(draw: st.DrawFn, *, is_member: bool) -> Layers:
    """Draw the policies around a request."""
    scps = draw(st.lists(policies("scp", effect="Deny"), max_size=2)) if is_member else []
    rcps = draw(st.lists(policies("rcp", effect="Deny", with_principal=True), max_size=1))
    identity = draw(st.one_of(st.none(), st.none(), policies("identity")))
    return Layers(
        scps=tuple((FULL_AWS_ACCESS, each) for each in scps),
        rcps=tuple((each,) for each in rcps),
        resource_policy=draw(_maybe(policies("resource", with_principal=True))),
        identity=None if identity is None else (identity,),
        boundary=draw(st.one_of(st.none(), st.none(), policies("boundary"))),
        session=draw(st.one_of(st.none(), st.none(), st.none(), policies("session"))),
        endpoint=draw(st.one_of(st.none(), st.none(), st.none(), policies("endpoint", with_principal=True))),
        management_account_id=MANAGEMENT,
    )


CALLERS = (
    *(
        Caller(kind=kind, account_id=account, organization_id=_ORGANIZATION)
        for kind in (PrincipalKind.ROOT, PrincipalKind.IAM, PrincipalKind.SERVICE_LINKED_ROLE)
        for account in (MANAGEMENT, ARCHIVE, MEMBER)
    ),
    *(
        Caller(
            kind=kind, apart_from=frozenset({MANAGEMENT, ARCHIVE, MEMBER}), not_organization_id=_ORGANIZATION
        )
        for kind in (PrincipalKind.ROOT, PrincipalKind.IAM, PrincipalKind.SERVICE_LINKED_ROLE)
    ),
    Caller(kind=PrincipalKind.SERVICE, service=_SERVICES[0]),
    Caller(kind=PrincipalKind.SERVICE, apart_from=frozenset({_SERVICES[0]})),
    Caller(kind=PrincipalKind.ANONYMOUS),
)


@st.composite
def questions(draw: st.DrawFn) -> Question:
    """Draw a question about the resources of the archive account."""
    caller = draw(st.sampled_from([*CALLERS, *[each for each in CALLERS if each.account_id == ARCHIVE] * 2]))
    return Question(
        caller=caller,
        action=draw(st.sampled_from(ACTIONS)),
        resources=(draw(st.sampled_from(PATTERNS)),),
        resource_account_id=ARCHIVE,
        layers=draw(layers(is_member=bool(caller.organization_id))),
    )


@st.composite
def members(draw: st.DrawFn, question: Question) -> Request:
    """Draw a request of the question's class: its caller, one of its resources, keys as AWS would send them."""
    principal, context = draw(callers(question.caller))
    pattern = question.resources[0]
    resource = "*"
    if pattern == "*":  # no resource: whose AWS takes it to be is not documented
        context["aws:ResourceAccount"] = draw(st.sampled_from([(), *((each,) for each in _ACCOUNTS)]))
    else:
        resource = pattern.replace("*", draw(st.sampled_from(_KEYS_OF_OBJECTS)))
    for key, values in _VALUES_OF_KEYS.items():
        if key == "aws:PrincipalTag/team" and not _has_tags(principal):
            continue
        most = 3 if key in _SEVERAL else 1
        least = 1 if key in ALWAYS else 0
        found = draw(st.lists(st.sampled_from(values), min_size=least, max_size=most))
        context[key] = tuple(found)
    return Request(
        principal=principal,
        action=question.action,
        resource=resource,
        resource_account_id=question.resource_account_id,
        context=context,
    )


def _has_tags(principal: Principal) -> bool:
    return principal.has_credentials and principal.kind is not PrincipalKind.ROOT


@st.composite
def callers(draw: st.DrawFn, caller: Caller) -> tuple[Principal, dict[str, tuple[str, ...]]]:
    """Draw a caller of a class and the keys that go with it."""
    account = caller.account_id or STRANGER
    name, other = draw(st.sampled_from(_NAMES)), draw(st.sampled_from(_NAMES))
    context = draw(_organizations(caller))
    match caller.kind:
        case PrincipalKind.ANONYMOUS:
            user_id = draw(st.sampled_from([(), ("anonymous",)]))
            return Principal(kind=caller.kind), {"aws:userid": user_id}
        case PrincipalKind.SERVICE:
            service = caller.service or draw(st.sampled_from([_SERVICES[1], "x"]))
            keys = {**draw(sources()), **draw(_undocumented())}
            return Principal(kind=caller.kind, service=service), keys
        case PrincipalKind.ROOT:
            return Principal(kind=caller.kind, account_id=account), context
        case PrincipalKind.SERVICE_LINKED_ROLE:
            context["aws:PrincipalArn"] = (
                f"arn:aws:iam::{account}:role/aws-service-role/x.amazonaws.com/{name}",
            )
            context["aws:userid"] = (f"AROAX:{other}",)
            return Principal(
                kind=caller.kind, arn=f"arn:aws:sts::{account}:assumed-role/{name}/{other}"
            ), context
        case PrincipalKind.IAM:
            return draw(_iam(account, name, other, context))


@st.composite
def _iam(
    draw: st.DrawFn, account: str, name: str, other: str, context: dict[str, tuple[str, ...]]
) -> tuple[Principal, dict[str, tuple[str, ...]]]:
    path = draw(st.sampled_from(["", "", "p/", "p/q/", "a/"]))
    kind = draw(st.sampled_from(["user", "session", "federated"]))
    if kind == "user":
        arn = f"arn:aws:iam::{account}:user/{path}{name}"
        return Principal(kind=PrincipalKind.IAM, arn=arn), {**context, "aws:userid": ("AIDAX",)}
    if kind == "federated":
        arn = f"arn:aws:sts::{account}:federated-user/{name}"
        return Principal(kind=PrincipalKind.IAM, arn=arn), {**context, "aws:userid": (f"{account}:{name}",)}
    keys = {
        **context,
        "aws:PrincipalArn": (f"arn:aws:iam::{account}:role/{path}{name}",),
        "aws:userid": (f"AROAX:{other}",),
        "aws:FederatedProvider": draw(st.sampled_from([(), ("accounts.google.com",), ("y",)])),
    }
    return Principal(kind=PrincipalKind.IAM, arn=f"arn:aws:sts::{account}:assumed-role/{name}/{other}"), keys


@st.composite
def _organizations(draw: st.DrawFn, caller: Caller) -> dict[str, tuple[str, ...]]:
    if caller.organization_id:
        paths = draw(st.lists(st.sampled_from(["r/ou/", "r/"]), min_size=1, max_size=2))
        return {
            "aws:PrincipalOrgID": (caller.organization_id,),
            "aws:PrincipalOrgPaths": tuple(f"{caller.organization_id}/{path}" for path in paths),
        }
    return draw(
        st.sampled_from([{}, {"aws:PrincipalOrgID": ("o-x",), "aws:PrincipalOrgPaths": ("o-x/r/ou/",)}])
    )


@st.composite
def _undocumented(draw: st.DrawFn) -> dict[str, tuple[str, ...]]:
    """Draw the keys of which AWS does not say whether a service principal has them."""
    values = {
        "aws:PrincipalAccount": _ACCOUNTS,
        "aws:PrincipalArn": ("arn:aws:s3:::x",),
        "aws:PrincipalType": ("AWSService", "a"),
        "aws:userid": ("AROAX:a", "a"),
        "aws:username": _NAMES,
    }
    return {key: draw(st.sampled_from([(), (), *((each,) for each in some)])) for key, some in values.items()}


@st.composite
def sources(draw: st.DrawFn) -> dict[str, tuple[str, ...]]:
    """Draw the resource for which a service calls."""
    arn = draw(st.sampled_from(["", *_TRAILS]))
    account = arn.split(":")[4] if arn else ""
    accounts = [(), (account,)] if account else [(), *((each,) for each in _ACCOUNTS)]
    return {"aws:SourceArn": (arn,) if arn else (), "aws:SourceAccount": draw(st.sampled_from(accounts))}
