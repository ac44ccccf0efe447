"""Which statements under our Sids are ours to replace, and that nothing of somebody else's goes unasked."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from estates import config, in_force, nothing, planned, with_facts
from trailkeep.guard.blueprint import blueprint_for
from trailkeep.guard.decisions import Allowance
from trailkeep.guard.estate import Bucket, Estate, Key, Unreadable
from trailkeep.guard.evaluate import Decision, Layers, Principal, PrincipalKind, Request, evaluate
from trailkeep.guard.model import apply_all
from trailkeep.guard.older_grants import is_older_grant, is_older_key_statement
from trailkeep.guard.policy import parse_policy

BUCKET = "arn:aws:s3:::acme-trail-archive"
CLOUDTRAIL = {"Service": "cloudtrail.amazonaws.com"}
OURS = "arn:aws:cloudtrail:eu-central-1:111111111111:trail/trailkeep"
OLDER = "arn:aws:cloudtrail:eu-central-1:111111111111:trail/older"
GONE = "arn:aws:cloudtrail:eu-central-1:111111111111:trail/gone"
PROD = "arn:aws:cloudtrail:us-east-1:333333333333:trail/prod"
ALL_OURS = "arn:aws:cloudtrail:*:111111111111:trail/*"
ALL_THEIRS = "arn:aws:cloudtrail:*:333333333333:trail/*"
BLUEPRINT = blueprint_for(config(), nothing())
KMS = config({"archive.encryption": "sse-kms"})
KEY = "arn:aws:kms:eu-central-1:222222222222:key/00000000-0000-4000-8000-000000000000"


def _grant(folder: str = "111111111111", **changes: Any) -> dict[str, Any]:
    """Return a grant under one of AWS's Sids as the recipes write it; an element that is None is left out."""
    statement = {
        "Sid": "AWSCloudTrailWrite20150319",
        "Effect": "Allow",
        "Principal": CLOUDTRAIL,
        "Action": "s3:PutObject",
        "Resource": f"{BUCKET}/AWSLogs/{folder}/*",
        "Condition": {"StringEquals": {"s3:x-amz-acl": "bucket-owner-full-control"}},
        **changes,
    }
    return {key: value for key, value in statement.items() if value is not None}


def _by(operator: str, key: str, value: Any) -> dict[str, Any]:
    return {"Condition": {operator: {key: value}}}


_BOTH_SPELLINGS = {"StringEquals": {"aws:SourceArn": OURS, "AWS:sourcearn": PROD}}


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        (_grant(), True),
        (_grant("o-exampleorgid"), True),
        (_grant("111111111111", Principal={"Service": ["cloudtrail.amazonaws.com"]}), True),
        (_grant(Resource=f"{BUCKET}/team/AWSLogs/111111111111/CloudTrail/*"), True),
        (_grant(Action="s3:GetBucketAcl", Resource=BUCKET, Condition=None), True),
        (_grant(Action=["S3:PutObject", "s3:getbucketacl"]), True),
        (_grant("1111111111"), True),
        (_grant("o-YOUR-ORGANIZATIONS-ID"), True),
        (_grant(**_by("StringEquals", "aws:SourceArn", OURS)), True),
        (_grant(**_by("ArnEqualsIfExists", "AWS:SourceARN", [OURS, GONE])), True),
        (_grant("*", **_by("StringLike", "aws:SourceArn", ALL_OURS)), True),
        (_grant("*", **_by("ArnLike", "aws:SourceArn", "arn:aws:cloudtrail:*:111111111111:*")), True),
        (_grant("*", **_by("StringEquals", "aws:SourceAccount", "111111111111")), True),
        (_grant("o-exampleorgid", **_by("StringEquals", "aws:SourceOrgID", "o-exampleorgid")), True),
        (_grant(**_by("StringEquals", "aws:SourceArn", OLDER)), False),
        (_grant(**_by("StringEquals", "aws:SourceArn", [OURS, PROD])), False),
        (_grant(**_by("ArnLike", "aws:SourceArn", ALL_THEIRS)), False),
        (_grant(**_by("ArnLike", "aws:SourceArn", "arn:aws:cloudtrail:*:*:trail/*")), False),
        (_grant(**_by("ArnLike", "aws:SourceArn", "arn:aws:cloudtrail:*:11111111111?:trail/*")), False),
        (_grant(**_by("ArnLike", "aws:SourceArn", [])), False),
        (_grant("*", **_by("ArnNotLike", "aws:SourceArn", ALL_OURS)), False),
        (_grant("333333333333", **_by("StringEquals", "aws:SourceAccount", "333333333333")), False),
        (_grant(**_by("StringEquals", "aws:SourceAccount", ["111111111111", "333333333333"])), False),
        (_grant(**_by("StringEquals", "aws:SourceOrgID", "o-another0000")), False),
        (_grant(**_by("StringEquals", "aws:RequestedRegion", "eu-central-1")), False),
        (_grant(**_by("ForAllValues:StringEquals", "aws:SourceArn", OURS)), False),
        (_grant(**_by("Null", "aws:SourceArn", "false")), False),
        (_grant(Condition=_BOTH_SPELLINGS), False),
        (_grant(Condition="none"), False),
        (_grant(Condition={"StringEquals": OURS}), False),
        (_grant("333333333333"), False),
        (_grant(Resource=[f"{BUCKET}/AWSLogs/{one}/*" for one in ("111111111111", "333333333333")]), False),
        (_grant("*"), False),
        (_grant("o-another0000"), False),
        (_grant(Resource=f"{BUCKET}/*"), False),
        (_grant(Resource=f"{BUCKET}/AWSLogs/*"), False),
        (_grant(Resource=f"{BUCKET}/*/AWSLogs/111111111111/*"), False),
        (_grant(Resource=f"{BUCKET}/AWSLogs/${{aws:SourceAccount}}/*"), False),
        (_grant(Resource="arn:aws:s3:::acme-trail-archive-2/AWSLogs/111111111111/*"), False),
        (_grant(Resource=None, NotResource=f"{BUCKET}/private/*"), False),
        (_grant(Action="s3:*"), False),
        (_grant(Action=["s3:PutObject", "s3:GetObject"]), False),
        (_grant(Action=None, NotAction="s3:DeleteObject"), False),
        (_grant(Action=[]), False),
        (_grant(Effect="Deny"), False),
        (_grant(Principal="*"), False),
        (_grant(Principal={"AWS": "arn:aws:iam::333333333333:role/Shipper"}), False),
        (_grant(Principal={"Service": "config.amazonaws.com"}), False),
        (_grant(Principal={"Service": ["cloudtrail.amazonaws.com", "config.amazonaws.com"]}), False),
        (_grant(Principal={**CLOUDTRAIL, "AWS": "333333333333"}), False),
        (_grant(Principal=None, NotPrincipal={"AWS": "333333333333"}), False),
    ],
)
def test_older_grant(statement: dict[str, Any], *, expected: bool) -> None:
    """A grant is an older version of ours only where no trail, caller or folder of others loses by it."""
    assert is_older_grant(BLUEPRINT, statement, frozenset([GONE])) is expected


def test_grant_in_the_archive_of_one_account() -> None:
    """In the archive of one account a grant on an organization's folder is not taken for ours."""
    alone = msgspec.structs.replace(BLUEPRINT, organization_id="")
    assert not is_older_grant(alone, _grant("o-exampleorgid"), frozenset())


def _keyed(*statements: dict[str, Any], **changes: Any) -> Estate:
    """Return the organization with everything in force and a key, whose policy says more."""
    estate = apply_all(nothing(), planned(KMS, nothing()).actions)
    assert isinstance(estate.key, Key)
    policy = json.loads(str(estate.key.policy))
    policy["Statement"] += statements
    return with_facts(estate, {"key.policy": json.dumps(policy), **changes})


def _encrypt(**changes: Any) -> dict[str, Any]:
    statement = {
        "Sid": "CloudTrailEncrypt",
        "Effect": "Allow",
        "Principal": CLOUDTRAIL,
        "Action": "kms:GenerateDataKey*",
        "Resource": "*",
        **_by("StringLike", "kms:EncryptionContext:aws:cloudtrail:arn", ALL_OURS),
        **changes,
    }
    return {key: value for key, value in statement.items() if value is not None}


_ROOT = {"AWS": "arn:aws:iam::222222222222:root"}


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        (_encrypt(), True),
        (_encrypt(**_by("StringEquals", "aws:SourceArn", OURS)), True),
        (_encrypt(**_by("StringEquals", "aws:SourceAccount", "111111111111")), True),
        (_encrypt(Sid="ArchiveAccountManages", Principal=_ROOT, Action="kms:*", Condition=None), True),
        (_encrypt(Sid="TrailkeepReaders", Principal={"AWS": "333333333333"}), True),
        (_encrypt(Condition=None), False),
        (_encrypt(**_by("StringEquals", "aws:SourceArn", PROD)), False),
        (_encrypt(**_by("StringEquals", "aws:SourceAccount", "333333333333")), False),
        (_encrypt(**_by("StringEquals", "kms:CallerAccount", "111111111111")), False),
        (_encrypt(Action="kms:*"), False),
        (_encrypt(Action=None, NotAction="kms:Decrypt"), False),
        (_encrypt(Effect="Deny"), False),
        (_encrypt(Principal={"AWS": "arn:aws:iam::333333333333:root"}), False),
        (_encrypt(Sid="ArchiveAccountManages", Principal=_ROOT, Effect="Deny"), False),
    ],
)
def test_older_key_statement(statement: dict[str, Any], *, expected: bool) -> None:
    """A statement of the key policy is an older version of ours only where nobody else loses by it."""
    estate = _keyed()
    assert isinstance(estate.key, Key)
    assert is_older_key_statement(blueprint_for(KMS, estate), estate, estate.key, statement) is expected


def _other_trail(key: str) -> dict[str, Any]:
    (trail,) = msgspec.to_builtins(in_force())["trails"]
    return {**trail, "name": "older", "arn": OLDER, "bucket": "another", "kms_key": key}


@pytest.mark.parametrize(("key", "waits"), [(KEY, True), ("", False)])
def test_key_that_another_trail_encrypts_with(key: str, *, waits: bool) -> None:
    """A grant for all trails of our account is narrowed only where no other trail encrypts with the key."""
    estate = _keyed(_encrypt(), trails_elsewhere=[_other_trail(key)])
    plan = planned(KMS, estate, Allowance.LIFT_GUARDS)
    blocked = {one.action.id: one.allow for one in plan.blocked}
    assert blocked == ({"key.policy": Allowance.REPLACE_POLICY} if waits else {})
    assert ("key.policy" in {action.id for action in plan.actions}) is not waits


def test_a_trail_of_a_member_account_keeps_the_key() -> None:
    """A grant under a Sid of the key policy for another account's trail goes only once that is allowed."""
    estate = _keyed(_encrypt(**_by("StringEquals", "aws:SourceArn", PROD)))
    (blocked,) = planned(KMS, estate).blocked
    assert (blocked.action.id, blocked.allow) == ("key.policy", Allowance.REPLACE_POLICY)
    assert PROD in blocked.reason
    plan = planned(KMS, estate, Allowance.REPLACE_POLICY, Allowance.LIFT_GUARDS)
    assert ("key.policy", True) in [(action.id, action.destructive) for action in plan.actions]


def test_a_role_that_decrypts_under_a_sid_of_ours_is_told() -> None:
    """Whom a statement under a Sid of the key policy lets decrypt is a concern, and stays."""
    role = "arn:aws:iam::333333333333:role/Reader"
    plan = planned(KMS, _keyed(_encrypt(Principal={"AWS": role}, Action="kms:Decrypt", Condition=None)))
    (concern,) = plan.concerns
    assert f"the key policy lets in {role}" in concern.observed
    assert [one.allow for one in plan.kept] == [Allowance.REPLACE_POLICY]


_ROLE = Principal(kind=PrincipalKind.IAM, arn="arn:aws:iam::333333333333:role/Shipper")
_TRAILS = (PROD, PROD.replace("us-east-1", "eu-west-1"), PROD.replace("333333333333", "444444444444"))
_ANY_SID = st.sampled_from(
    [
        "AWSCloudTrailAclCheck20150319",
        "AWSCloudTrailWrite20150319",
        "AWSCloudTrailOrganizationWrite20150319",
        "Theirs",
    ]
)
_PLACES = [
    BUCKET,
    f"{BUCKET}/*",
    f"{BUCKET}/AWSLogs/*",
    *(
        f"{BUCKET}/AWSLogs/{one}/*"
        for one in ("111111111111", "333333333333", "o-exampleorgid", "1111111111")
    ),
    f"{BUCKET}/team/AWSLogs/333333333333/*",
]
_CONDITIONS = [
    None,
    *(
        {operator: {key: value}}
        for operator, key, value in (
            ("StringEquals", "s3:x-amz-acl", "bucket-owner-full-control"),
            ("StringEquals", "aws:SourceAccount", "333333333333"),
            ("StringEquals", "aws:SourceAccount", ["111111111111", "333333333333"]),
            ("StringEquals", "aws:SourceAccount", "111111111111"),
            ("StringEquals", "aws:SourceArn", OURS),
            ("StringEquals", "aws:SourceArn", PROD),
            ("ArnEquals", "aws:SourceArn", [OURS, PROD]),
            ("ArnLike", "aws:SourceArn", ALL_THEIRS),
            ("ArnLike", "aws:SourceArn", ALL_OURS),
            ("StringLike", "aws:SourceArn", ["arn:aws:cloudtrail:*:*:trail/*"]),
            ("ArnNotLike", "aws:SourceArn", ALL_OURS),
            ("StringNotEquals", "aws:SourceAccount", "222222222222"),
            ("Null", "aws:SourceArn", "false"),
        )
    ),
]
_STATEMENTS = st.builds(
    lambda sid, effect, principal, action, place, condition: _grant(
        Sid=sid, Effect=effect, Principal=principal, **action, **place, Condition=condition
    ),
    _ANY_SID,
    st.sampled_from(["Allow", "Allow", "Allow", "Deny"]),
    st.sampled_from(
        [
            CLOUDTRAIL,
            CLOUDTRAIL,
            {"Service": ["cloudtrail.amazonaws.com"]},
            {"Service": ["cloudtrail.amazonaws.com", "config.amazonaws.com"]},
            {"Service": "config.amazonaws.com"},
            {"AWS": "arn:aws:iam::333333333333:role/Shipper"},
            "*",
        ]
    ),
    st.sampled_from(
        [
            {"Action": "s3:PutObject"},
            {"Action": ["s3:PutObject", "s3:GetBucketAcl"]},
            {"Action": "s3:GetBucketAcl"},
            {"Action": "s3:GetObject"},
            {"Action": "s3:*"},
            {"Action": None, "NotAction": "s3:DeleteObject"},
        ]
    ),
    st.one_of(
        st.lists(st.sampled_from(_PLACES), min_size=1, max_size=2, unique=True).map(
            lambda one: {"Resource": one}
        ),
        st.just({"Resource": None, "NotResource": f"{BUCKET}/private/*"}),
    ),
    st.sampled_from(_CONDITIONS),
)
_ACL = _grant(Sid="AWSCloudTrailAclCheck20150319", Action="s3:GetBucketAcl", Resource=BUCKET, Condition=None)
_BY_ACCOUNT = _grant("333333333333", **_by("StringEquals", "aws:SourceAccount", "333333333333"))
_BY_NAME = _grant("333333333333", **_by("StringEquals", "aws:SourceArn", PROD))


@given(statements=st.lists(_STATEMENTS, min_size=1, max_size=3), has_ours=st.booleans())
@example(statements=[_ACL, _BY_ACCOUNT], has_ours=False)
@example(statements=[_ACL, _BY_NAME], has_ours=False)
def test_nobody_loses_what_a_policy_lets_do_unasked(
    statements: list[dict[str, Any]], *, has_ours: bool
) -> None:
    """Whatever Sid a statement has: whom it lets in, no plan shuts out unasked, nor lets in whom it denies."""
    said = [*(json.loads(BLUEPRINT.bucket_policy)["Statement"] if has_ours else []), *statements]
    before = with_facts(
        in_force(),
        {
            "bucket.policy": json.dumps({"Version": "2012-10-17", "Statement": said}),
            "service_control_policies.1.targets": [],
            "resource_control_policies.0.targets": [],
        },
    )
    after = apply_all(before, planned(config(), before).actions)
    could, can = _decided(before), _decided(after)
    for request, decision in could.items():
        if decision is Decision.ALLOW:
            assert can[request] is Decision.ALLOW, request
        elif decision is Decision.EXPLICIT_DENY:
            assert can[request] is not Decision.ALLOW, request


def _decided(estate: Estate) -> dict[str, Decision]:
    """Return what bucket policy and resource control policies answer to callers that are not ours.

    What a trail needs beside writing counts only where it may write; of reading the bucket policy decides.
    """
    assert isinstance(estate.bucket, Bucket)
    assert not isinstance(estate.resource_control_policies, Unreadable)
    controls = tuple(
        parse_policy(str(one.content), name=one.name)
        for one in estate.resource_control_policies
        if one.targets
    )
    layers = Layers(
        resource_policy=parse_policy(str(estate.bucket.policy), name="bucket policy"),
        rcps=(controls,) if controls else (),
        management_account_id="111111111111",
    )
    config_service = Principal(kind=PrincipalKind.SERVICE, service="config.amazonaws.com")
    policy = Layers(resource_policy=layers.resource_policy)
    found = {
        f"{name} {action} {place}": _answer(which, caller, action, place)
        for name, caller in (("role", _ROLE), ("config", config_service))
        for action, which in (("s3:PutObject", layers), ("s3:GetObject", policy))
        for place in ("AWSLogs/111111111111/x", "team/AWSLogs/333333333333/x")
    }
    for arn in _TRAILS:
        account = arn.split(":")[4]
        places = [f"{prefix}AWSLogs/{account}/CloudTrail/x" for prefix in ("", "team/")]
        answers = {place: _deliver(layers, arn, "s3:PutObject", f"/{place}") for place in places}
        found |= {f"{arn} PutObject {place}": answer for place, answer in answers.items()}
        if Decision.ALLOW in answers.values():
            found[f"{arn} GetBucketAcl"] = _deliver(layers, arn, "s3:GetBucketAcl", "")
    return found


def _deliver(layers: Layers, arn: str, action: str, place: str) -> Decision:
    return evaluate(
        Request(
            principal=Principal(kind=PrincipalKind.SERVICE, service="cloudtrail.amazonaws.com"),
            action=action,
            resource=f"{BUCKET}{place}",
            resource_account_id="222222222222",
            context={
                "aws:SourceArn": (arn,),
                "aws:SourceAccount": (arn.split(":")[4],),
                "aws:SecureTransport": ("true",),
                "s3:x-amz-acl": ("bucket-owner-full-control",),
            },
        ),
        layers,
    ).decision


def _answer(layers: Layers, caller: Principal, action: str, place: str) -> Decision:
    return evaluate(
        Request(
            principal=caller,
            action=action,
            resource=f"{BUCKET}/{place}",
            resource_account_id="222222222222",
            context={"aws:SecureTransport": ("true",), "s3:x-amz-acl": ("bucket-owner-full-control",)},
        ),
        layers,
    ).decision
