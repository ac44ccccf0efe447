"""The evaluator against golden cases, published policies and properties."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trailkeep.core.errors import UsageError
from trailkeep.guard.evaluate import (
    ADMINISTRATOR_ACCESS,
    FULL_AWS_ACCESS,
    Decision,
    Evaluation,
    Layer,
    Layers,
    Principal,
    PrincipalKind,
    Request,
    evaluate,
)
from trailkeep.guard.policy import Policy, Statement, parse_policy

_CASES = Path(__file__).parent.parent / "cases" / "evaluate"
_MANAGEMENT = "111111111111"
_ARCHIVE = "222222222222"
_ROOT = Principal(kind=PrincipalKind.ROOT, account_id=_ARCHIVE)
_CLOUDTRAIL = Principal(kind=PrincipalKind.SERVICE, service="cloudtrail.amazonaws.com")


def _cases() -> list[Any]:
    return [
        pytest.param(case, id=f"{path.stem}: {case['name']}")
        for path in sorted(_CASES.glob("*.json"))
        for case in json.loads(path.read_text())
    ]


def _policy(document: Any, name: str) -> Policy:
    return FULL_AWS_ACCESS if document == "FullAWSAccess" else parse_policy(document, name=name)


def _layers(facts: dict[str, Any]) -> Layers:
    def one(name: str) -> Policy | None:
        return _policy(facts[name], name) if name in facts else None

    def levels(name: str) -> tuple[tuple[Policy, ...], ...]:
        return tuple(tuple(_policy(each, name) for each in level) for level in facts.get(name, []))

    identity = [_policy(each, "identity") for each in facts["identity"]] if "identity" in facts else None
    return Layers(
        scps=levels("scps"),
        rcps=levels("rcps"),
        resource_policy=one("resource_policy"),
        identity=None if identity is None else tuple(identity),
        boundary=one("boundary"),
        session=one("session"),
        endpoint=one("endpoint"),
        management_account_id=facts.get("management_account_id", ""),
    )


def _request(case: dict[str, Any]) -> Request:
    kind = PrincipalKind(case["principal"]["kind"])
    return Request(
        principal=Principal(**{**case["principal"], "kind": kind}),
        action=case["action"],
        resource=case["resource"],
        resource_account_id=case["owner"],
        context={key: tuple(values) for key, values in case.get("context", {}).items()},
    )


@pytest.mark.parametrize("case", _cases())
def test_golden_case(case: dict[str, Any]) -> None:
    """Every rule of AWS's evaluation logic that a case names is kept, and the deciding statement is named."""
    found = evaluate(_request(case), _layers(case.get("layers", {})))
    decided = {"decision": found.decision, "layer": found.layer, "statement": found.statement}
    assert decided == case["expect"], found.reason


def test_golden_cases_are_sourced() -> None:
    """There are at least 120 golden cases and each says where its rule comes from."""
    cases = [parameters.values[0] for parameters in _cases()]
    assert len(cases) >= 120
    assert all(isinstance(case, dict) and "https://" in case["source"] for case in cases)


def _ask(
    layers: Layers, principal: Principal, action: str, resource: str, **context: tuple[str, ...]
) -> Evaluation:
    request = Request(
        principal=principal,
        action=action,
        resource=resource,
        resource_account_id=_ARCHIVE,
        context={key.replace("__", ":").replace("_", "-"): value for key, value in context.items()},
    )
    return evaluate(request, layers)


def _read(folder: Path, name: str) -> Policy:
    return parse_policy((folder / f"{name}.json").read_bytes(), name=name)


@pytest.fixture
def recipe(shared_data: Path) -> Layers:
    """The policies that guides hand out, attached as they say."""
    folder = shared_data / "common-recipe"
    return Layers(
        scps=((FULL_AWS_ACCESS,), (FULL_AWS_ACCESS, _read(folder, "scp"))),
        resource_policy=_read(folder, "bucket-policy"),
        management_account_id=_MANAGEMENT,
    )


@pytest.fixture
def guard_set(shared_data: Path) -> Layers:
    """The proposed guard set, attached as it says."""
    folder = shared_data / "guard-set"
    return Layers(
        scps=(
            (FULL_AWS_ACCESS, _read(folder, "scp-organization")),
            (FULL_AWS_ACCESS, _read(folder, "scp-archive")),
        ),
        rcps=((_read(folder, "rcp-archive"),),),
        resource_policy=_read(folder, "bucket-policy"),
        management_account_id=_MANAGEMENT,
    )


_RECIPE_BUCKET = "arn:aws:s3:::gov-my-cloudtrail"
_RECIPE_LOG = f"{_RECIPE_BUCKET}/AWSLogs/o-YOUR-ORGANIZATIONS-ID/222222222222/x.json.gz"
_BUCKET = "arn:aws:s3:::acme-ct-archive-222222222222-eu-central-1-an"
_LOG = f"{_BUCKET}/AWSLogs/o-abcdef1234/222222222222/x.json.gz"
_TRAIL = ("arn:aws:cloudtrail:eu-central-1:111111111111:trail/org-trail",)
_FOREIGN_TRAIL = ("arn:aws:cloudtrail:eu-central-1:999999999999:trail/other",)
_ACL = ("bucket-owner-full-control",)


def test_recipe_leaves_log_versions_to_root(recipe: Layers) -> None:
    """Under the common recipe the archive's root user may delete a log version: its SCP names the bucket only."""
    assert _ask(recipe, _ROOT, "s3:DeleteObjectVersion", _RECIPE_LOG).decision is Decision.ALLOW
    found = _ask(recipe, _ROOT, "s3:DeleteBucketPolicy", _RECIPE_BUCKET)
    assert (found.decision, found.policy, found.statement) == (Decision.EXPLICIT_DENY, "scp", "Statement1")


def test_recipe_lets_foreign_trails_write(recipe: Layers) -> None:
    """Under the common recipe CloudTrail writes below our prefix for anybody's trail."""
    for trail in (_TRAIL, _FOREIGN_TRAIL):
        found = _ask(
            recipe, _CLOUDTRAIL, "s3:PutObject", _RECIPE_LOG, aws__SourceArn=trail, s3__x_amz_acl=_ACL
        )
        assert (found.decision, found.layer) == (Decision.ALLOW, Layer.RESOURCE)


@pytest.mark.parametrize(
    "action", ["s3:DeleteObjectVersion", "s3:DeleteObject", "s3:BypassGovernanceRetention"]
)
@pytest.mark.parametrize("missing", ["none", "scps", "rcps", "resource_policy"])
def test_guard_set_protects_log_versions(guard_set: Layers, action: str, missing: str) -> None:
    """Under the guard set root may not delete a log version, and may not when any one layer is taken away."""
    without = {
        "none": guard_set,
        "scps": replace(guard_set, scps=()),
        "rcps": replace(guard_set, rcps=()),
        "resource_policy": replace(guard_set, resource_policy=None),
    }[missing]
    assert _ask(without, _ROOT, action, _LOG).decision is Decision.EXPLICIT_DENY


@pytest.mark.parametrize("action", ["s3:PutBucketPolicy", "s3:DeleteBucketPolicy"])
def test_bucket_policy_alone_does_not_hold_root(guard_set: Layers, action: str) -> None:
    """Of the guard set the bucket policy alone leaves root exactly the way to replace it."""
    alone = replace(guard_set, scps=(), rcps=())
    assert _ask(alone, _ROOT, action, _BUCKET).decision is Decision.ALLOW
    assert _ask(alone, _ROOT, "s3:PutLifecycleConfiguration", _BUCKET).decision is Decision.EXPLICIT_DENY
    assert _ask(guard_set, _ROOT, action, _BUCKET).decision is Decision.EXPLICIT_DENY


def test_guard_set_lets_only_the_trail_write(guard_set: Layers) -> None:
    """Under the guard set CloudTrail may write for our trail and for no other."""
    ours = _ask(guard_set, _CLOUDTRAIL, "s3:PutObject", _LOG, aws__SourceArn=_TRAIL, s3__x_amz_acl=_ACL)
    assert (ours.decision, ours.statement) == (Decision.ALLOW, "CloudTrailWrite")
    foreign = _ask(
        guard_set, _CLOUDTRAIL, "s3:PutObject", _LOG, aws__SourceArn=_FOREIGN_TRAIL, s3__x_amz_acl=_ACL
    )
    assert (foreign.decision, foreign.layer) == (Decision.EXPLICIT_DENY, Layer.RCP)


def test_guard_set_lets_the_auditor_read_only(guard_set: Layers) -> None:
    """Under the guard set the reader role of another account may read a log and may not delete it."""
    reader = Principal(
        kind=PrincipalKind.IAM, arn="arn:aws:sts::333333333333:assumed-role/ArchiveReader/audit"
    )
    secure = ("true",)
    read = _ask(guard_set, reader, "s3:GetObject", _LOG, aws__SecureTransport=secure)
    assert (read.decision, read.statement) == (Decision.ALLOW, "AuditRead")
    assert _ask(guard_set, reader, "s3:DeleteObject", _LOG).decision is Decision.EXPLICIT_DENY


def test_guard_set_does_not_bind_the_management_account(guard_set: Layers) -> None:
    """The management account's root user may detach the guard set: SCPs do not bind it."""
    root = Principal(kind=PrincipalKind.ROOT, account_id=_MANAGEMENT)
    request = Request(
        principal=root,
        action="organizations:DetachPolicy",
        resource="*",
        resource_account_id=_MANAGEMENT,
        context={},
    )
    assert evaluate(request, replace(guard_set, resource_policy=None)).decision is Decision.ALLOW


def test_reason_is_one_sentence_that_names_everything() -> None:
    """A reason names statement, policy, action, resource and caller."""
    policy = parse_policy(
        {"Statement": {"Sid": "No", "Effect": "Deny", "Action": "s3:*", "Resource": "*"}}, name="scp-archive"
    )
    layers = Layers(scps=((policy,),), management_account_id=_MANAGEMENT)
    assert _ask(layers, _ROOT, "s3:GetObject", "arn:aws:s3:::logs/x").reason == (
        "statement 'No' of the service control policy 'scp-archive' denies s3:GetObject on "
        "arn:aws:s3:::logs/x to the root user of 222222222222"
    )
    assert _ask(Layers(), _CLOUDTRAIL, "s3:PutObject", "arn:aws:s3:::logs/x").reason == (
        "no resource policy statement allows s3:PutObject on arn:aws:s3:::logs/x to cloudtrail.amazonaws.com"
    )


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("action", "s3:Get*", "request action: expected service:Action without wildcards, got 's3:Get*'"),
        ("action", "PutObject", "request action: expected service:Action"),
        ("resource", "logs/x", "request resource: expected an ARN"),
        ("resource_account_id", "", "request resource_account_id: expected the account"),
        ("context", {"aws:A": ("1",), "AWS:a": ("2",)}, "request context: expected each key once"),
    ],
)
def test_request_that_is_no_request_is_refused(field: str, value: Any, message: str) -> None:
    """What is not exactly one request is refused, not guessed."""
    fields: dict[str, Any] = {
        "principal": _ROOT,
        "action": "s3:GetObject",
        "resource": "*",
        "resource_account_id": _ARCHIVE,
    }
    with pytest.raises(UsageError) as refused:
        Request(**{**fields, field: value})
    assert str(refused.value).startswith(message)


@pytest.mark.parametrize(
    "fields",
    [
        {"kind": PrincipalKind.IAM},
        {"kind": PrincipalKind.IAM, "arn": "arn:aws:s3:::logs"},
        {"kind": PrincipalKind.ROOT},
        {"kind": PrincipalKind.SERVICE},
        {"kind": PrincipalKind.IAM, "arn": "arn:aws:iam::222222222222:user/a", "account_id": _MANAGEMENT},
    ],
)
def test_principal_that_names_nobody_is_refused(fields: dict[str, Any]) -> None:
    """A caller that is not named exactly is refused, not guessed."""
    with pytest.raises(UsageError, match="name one caller exactly"):
        Principal(**fields)


def test_organization_policies_need_the_management_account() -> None:
    """SCPs and RCPs are not evaluated without knowing which account they do not bind."""
    with pytest.raises(UsageError, match="management_account_id"):
        Layers(scps=((FULL_AWS_ACCESS,),))


_ACTIONS = ("s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:PutBucketPolicy")
_USER = "arn:aws:iam::222222222222:user/alice"
_PRINCIPALS = (
    _ROOT,
    Principal(kind=PrincipalKind.ROOT, account_id=_MANAGEMENT),
    Principal(kind=PrincipalKind.IAM, arn=_USER),
    Principal(kind=PrincipalKind.IAM, arn="arn:aws:sts::222222222222:assumed-role/Admin/s"),
    Principal(kind=PrincipalKind.IAM, arn="arn:aws:iam::999999999999:user/mallory"),
    Principal(
        kind=PrincipalKind.SERVICE_LINKED_ROLE, arn="arn:aws:iam::222222222222:role/aws-service-role/x/y"
    ),
    _CLOUDTRAIL,
    Principal(kind=PrincipalKind.ANONYMOUS),
)
_ELEMENTS = st.fixed_dictionaries(
    {},
    optional={
        "Condition": st.sampled_from(
            [
                {"StringEquals": {"s3:k": "a"}},
                {"StringNotEquals": {"s3:k": ["a", "b"]}},
                {"ForAllValues:StringLike": {"s3:k": "a*"}},
                {"Null": {"s3:k": "true"}},
                {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:user/${s3:k}"}},
            ]
        )
    },
)
_WHO = st.sampled_from(
    [
        {"Principal": "*"},
        {"Principal": {"AWS": _ARCHIVE}},
        {"Principal": {"AWS": [_USER, "999999999999"]}},
        {"Principal": {"Service": "cloudtrail.amazonaws.com"}},
        {"NotPrincipal": {"AWS": [_USER, _ARCHIVE]}},
    ]
)
_WHAT = st.sampled_from(
    [{"Action": "s3:*"}, {"Action": ["s3:Get*", "s3:Put*"]}, {"NotAction": "s3:Get*"}, {"Action": "*"}]
)
_WHERE = st.sampled_from(
    [
        {"Resource": "*"},
        {"Resource": "arn:aws:s3:::logs"},
        {"Resource": ["arn:aws:s3:::logs", "arn:aws:s3:::logs/*"]},
        {"NotResource": "arn:aws:s3:::logs/a*"},
    ]
)
_STATEMENTS = st.builds(
    lambda effect, *elements: {
        key: value for each in ({"Effect": effect}, *elements) for key, value in each.items()
    },
    st.sampled_from(["Allow", "Deny"]),
    _WHO,
    _WHAT,
    _WHERE,
    _ELEMENTS,
)


def _parsed(statements: list[dict[str, Any]]) -> Policy:
    return parse_policy({"Version": "2012-10-17", "Statement": statements}, name="p")


_DOCUMENTS = st.lists(_STATEMENTS, min_size=1, max_size=4).map(_parsed)
_OPTIONAL = st.none() | _DOCUMENTS
_LEVELS = st.lists(_DOCUMENTS.map(lambda policy: (FULL_AWS_ACCESS, policy)), max_size=2).map(tuple)
_LAYERS = st.builds(
    Layers,
    scps=_LEVELS,
    rcps=_LEVELS,
    resource_policy=_OPTIONAL,
    identity=st.none() | _DOCUMENTS.map(lambda policy: (policy,)) | st.just((ADMINISTRATOR_ACCESS,)),
    boundary=_OPTIONAL,
    session=_OPTIONAL,
    endpoint=_OPTIONAL,
    management_account_id=st.just(_MANAGEMENT),
)
_REQUESTS = st.builds(
    Request,
    principal=st.sampled_from(_PRINCIPALS),
    action=st.sampled_from(_ACTIONS),
    resource=st.sampled_from(["arn:aws:s3:::logs", "arn:aws:s3:::logs/a", "arn:aws:s3:::logs/b", "*"]),
    resource_account_id=st.sampled_from([_ARCHIVE, _MANAGEMENT]),
    context=st.dictionaries(
        st.just("s3:k"), st.lists(st.sampled_from(["a", "b", "alice"]), max_size=2).map(tuple), max_size=1
    ),
)


def _plus(policy: Policy | None, deny: Statement) -> Policy | None:
    return policy and replace(policy, statements=(*policy.statements, deny))


def _with_deny(layers: Layers, deny: Statement, where: Layer) -> Layers:
    level = (FULL_AWS_ACCESS, Policy(name="p", statements=(deny,)))
    match where:
        case Layer.SCP:
            return replace(layers, scps=(*layers.scps, level))
        case Layer.RCP:
            return replace(layers, rcps=(*layers.rcps, level))
        case Layer.IDENTITY:
            identity = (ADMINISTRATOR_ACCESS,) if layers.identity is None else layers.identity
            return replace(layers, identity=(*identity, level[1]))
        case Layer.RESOURCE:
            resource_policy = _plus(layers.resource_policy, deny) or level[1]
            return replace(layers, resource_policy=resource_policy)
        case Layer.BOUNDARY:
            return replace(layers, boundary=_plus(layers.boundary, deny))
        case Layer.SESSION:
            return replace(layers, session=_plus(layers.session, deny))
        case _:
            return replace(layers, endpoint=_plus(layers.endpoint, deny))


@given(
    request=_REQUESTS,
    layers=_LAYERS,
    deny=_STATEMENTS.map(lambda body: _parsed([{**body, "Effect": "Deny"}]).statements[0]),
    where=st.sampled_from(
        [
            Layer.SCP,
            Layer.RCP,
            Layer.ENDPOINT,
            Layer.RESOURCE,
            Layer.IDENTITY,
            Layer.BOUNDARY,
            Layer.SESSION,
        ]
    ),
)
def test_one_more_deny_never_allows_more(
    request: Request, layers: Layers, deny: Statement, where: Layer
) -> None:
    """A Deny statement added to any layer never turns a refusal into an allow."""
    before = evaluate(request, layers)
    after = evaluate(request, _with_deny(layers, deny, where))
    assert before.decision is Decision.ALLOW or after.decision is not Decision.ALLOW
    assert before.decision is not Decision.EXPLICIT_DENY or after.decision is Decision.EXPLICIT_DENY


@given(request=_REQUESTS, layers=_LAYERS, order=st.randoms(use_true_random=False))
def test_order_of_statements_decides_nothing(request: Request, layers: Layers, order: Any) -> None:
    """Statements in another order give the same decision in the same layer."""

    def shuffled(policy: Policy | None) -> Policy | None:
        return policy and replace(
            policy, statements=tuple(order.sample(policy.statements, len(policy.statements)))
        )

    other = replace(
        layers,
        resource_policy=shuffled(layers.resource_policy),
        boundary=shuffled(layers.boundary),
        session=shuffled(layers.session),
        endpoint=shuffled(layers.endpoint),
        scps=tuple(tuple(filter(None, map(shuffled, level))) for level in layers.scps),
        rcps=tuple(tuple(filter(None, map(shuffled, level))) for level in layers.rcps),
    )
    before, after = evaluate(request, layers), evaluate(request, other)
    assert (before.decision, before.layer) == (after.decision, after.layer)


@given(request=_REQUESTS, layers=_LAYERS)
def test_every_answer_is_explained(request: Request, layers: Layers) -> None:
    """An answer names its statement whenever a statement decided, and gives one sentence."""
    found = evaluate(request, layers)
    named = bool(found.policy) and bool(found.statement)
    by_default = found.layer is Layer.ROOT or found.decision is Decision.IMPLICIT_DENY
    assert named is not by_default
    assert found.reason
    assert "\n" not in found.reason
