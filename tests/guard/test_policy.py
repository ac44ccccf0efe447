"""Policy documents: what is read, what is refused and how the refusal reads."""

from __future__ import annotations

import json
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trailkeep.core.errors import UsageError
from trailkeep.guard.conditions import Condition, Operator, Qualifier, parse_operator
from trailkeep.guard.matching import expand, glob_matches, parts
from trailkeep.guard.policy import (
    Effect,
    PolicyError,
    PrincipalPattern,
    PrincipalType,
    Statement,
    minified,
    parse_policy,
)

_STATEMENT: dict[str, Any] = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}


def _with(**elements: Any) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [{**_STATEMENT, **elements}]}


def test_document_is_read_whole() -> None:
    """Every element of a statement is read as written."""
    policy = parse_policy(
        {
            "Version": "2012-10-17",
            "Id": "x",
            "Statement": [
                {
                    "Sid": "A",
                    "Effect": "Deny",
                    "NotPrincipal": {"AWS": ["111111111111"], "Service": "ec2.amazonaws.com"},
                    "NotAction": ["s3:Get*"],
                    "NotResource": "arn:aws:s3:::logs/*",
                    "Condition": {"ForAnyValue:StringLikeIfExists": {"aws:TagKeys": ["a", "b"]}},
                },
                _STATEMENT,
            ],
        },
        name="p",
    )
    assert policy.statements[0] == Statement(
        index=0,
        sid="A",
        effect=Effect.DENY,
        not_principals=(
            PrincipalPattern(type=PrincipalType.AWS, value="111111111111"),
            PrincipalPattern(type=PrincipalType.SERVICE, value="ec2.amazonaws.com"),
        ),
        not_actions=("s3:Get*",),
        not_resources=("arn:aws:s3:::logs/*",),
        conditions=(
            Condition(
                operator=Operator.STRING_LIKE,
                qualifier=Qualifier.ANY,
                if_exists=True,
                key="aws:TagKeys",
                values=("a", "b"),
            ),
        ),
    )
    assert [statement.label for statement in policy.statements] == ["A", "1"]


def test_single_values_stand_for_lists() -> None:
    """One statement, action, resource, principal or condition value reads as a list of one."""
    single = parse_policy(
        {"Statement": {**_STATEMENT, "Principal": {"AWS": "*"}, "Condition": {"Bool": {"aws:x": True}}}},
        name="p",
    )
    listed = parse_policy(
        {
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": "*",
                    "Action": ["s3:GetObject"],
                    "Resource": ["*"],
                    "Condition": {"Bool": {"aws:x": ["true"]}},
                }
            ]
        },
        name="p",
    )
    assert single == listed


def test_missing_version_is_the_old_one() -> None:
    """A policy without Version is of 2008-10-17 and knows no variables."""
    assert not parse_policy({"Statement": _STATEMENT}, name="p").knows_variables
    assert parse_policy(_with(), name="p").knows_variables


def test_repeated_sids_are_read() -> None:
    """Two statements may share a Sid, as in the policies that guides hand out."""
    policy = parse_policy({"Statement": [{**_STATEMENT, "Sid": "A"}, {**_STATEMENT, "Sid": "A"}]}, name="p")
    assert [statement.index for statement in policy.statements] == [0, 1]


def test_text_bytes_and_mappings_read_the_same() -> None:
    """A document may be text, bytes or any mapping."""
    document = _with(Sid="A")
    text = json.dumps(document)
    read = [
        parse_policy(each, name="p") for each in (text, text.encode(), document, MappingProxyType(document))
    ]
    assert read[1:] == read[:-1]


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ("[]", "policy 'p': expected a JSON object, got []"),
        ("{", "policy 'p': expected a JSON object, got 'Expecting property name"),
        ("[" * 100_000, "policy 'p': expected a JSON object, got 'it nests deeper than 100 levels'"),
        (b"\xff\xfe", "policy 'p': expected a JSON object, got"),
        (
            '{"Statement": [], "Statement": []}',
            "policy 'p': expected a JSON object, got \"key 'Statement' twice in one object\"; correct the document",
        ),
        (
            '{"Statement": {"Effect": "Allow", "Action": "*", "Condition": {"Bool": {"aws:x": NaN}}}}',
            "policy 'p': expected a JSON object, got 'NaN is no number of JSON'",
        ),
        (
            '{"Statement": {"Effect": "Allow", "Action": "*", "Condition": {"NumericLessThan": {"aws:x": 1e999}}}}',
            "policy 'p': expected a JSON object, got '1e999 is a number that is too large'",
        ),
        ({"Statement": {1, 2}}, "policy 'p': expected JSON values only, got 'set is no JSON value'"),
        (
            {"Version": "2012-10-17"},
            "policy 'p': Statement[0]: expected an object with Effect and Action, got",
        ),
        ({"Statement": []}, "policy 'p': Statement: expected at least one statement, got []"),
        (
            {"Statement": ["x"]},
            "policy 'p': Statement[0]: expected an object with Effect and Action, got 'x'",
        ),
        (
            {**_with(), "Version": "2012-10-18"},
            "policy 'p': Version: expected 2008-10-17 or 2012-10-17, got '2012-10-18'",
        ),
        (
            {**_with(), "statement": []},
            "policy 'p': statement: expected one of Version, Id, Statement, got 'statement'; names are case-",
        ),
        (_with(Sid=1), "policy 'p': Statement[0].Sid: expected a string, got 1"),
        (_with(effect="Deny"), "policy 'p': Statement[0].effect: expected one of Sid, Effect, Principal"),
        (
            _with(Sid="A", Effect="allow"),
            "policy 'p': Statement[0] (Sid 'A').Effect: expected Allow or Deny, got 'allow'",
        ),
        (
            {"Statement": {"Action": "*"}},
            "policy 'p': Statement[0].Effect: expected Allow or Deny, got nothing",
        ),
        (
            {"Statement": {"Effect": "Deny", "Resource": "*"}},
            "policy 'p': Statement[0]: expected Action or NotAction, got nothing",
        ),
        (
            _with(NotAction="*"),
            "policy 'p': Statement[0]: expected either Action or NotAction, got 'both'; remove one of them",
        ),
        (
            _with(NotResource="*"),
            "policy 'p': Statement[0]: expected either Resource or NotResource, got 'both'",
        ),
        (_with(Action=[]), "policy 'p': Statement[0].Action: expected a string or a list of strings"),
        (
            _with(Action=["s3:*", 1]),
            "policy 'p': Statement[0].Action: expected a string or a list of strings, none of them empty, got",
        ),
        (_with(Action=[1]), "policy 'p': Statement[0].Action: expected a string or a list of strings"),
        (_with(Action=""), "policy 'p': Statement[0].Action: expected a string or a list of strings"),
        (
            _with(Action="GetObject"),
            "policy 'p': Statement[0].Action: expected '*' or service:Action, wildcards only in the action, got",
        ),
        (_with(Action="s*:GetObject"), "policy 'p': Statement[0].Action: expected '*' or service:Action"),
        (_with(Resource="logs/*"), "policy 'p': Statement[0].Resource: expected '*' or an ARN, got 'logs/*'"),
        (_with(Resource=[]), "policy 'p': Statement[0].Resource: expected a string or a list of strings"),
        (
            _with(Principal={"AWS": "arn:aws:iam::111111111111:role/*"}),
            "policy 'p': Statement[0].Principal.AWS: expected '*', a 12-digit account id, or the ARN",
        ),
        (_with(Principal={"AWS": "1111111111"}), "policy 'p': Statement[0].Principal.AWS: expected '*'"),
        (
            _with(Principal="111111111111"),
            "policy 'p': Statement[0].Principal: expected '*' or an object such as",
        ),
        (_with(Principal={}), "policy 'p': Statement[0].Principal: expected '*' or an object such as"),
        (
            _with(Principal={"Aws": "*"}),
            "policy 'p': Statement[0].Principal.Aws: expected one of AWS, Service",
        ),
        (_with(Condition=[]), "policy 'p': Statement[0].Condition: expected an object of operators, got []"),
        (
            _with(Condition={"StringIs": {"aws:x": "y"}}),
            "policy 'p': Statement[0].Condition: expected a condition operator such as",
        ),
        (
            _with(Condition={"ForSomeValue:StringEquals": {"aws:x": "y"}}),
            "policy 'p': Statement[0].Condition: expected a condition operator",
        ),
        (
            _with(Condition={"NullIfExists": {"aws:x": "true"}}),
            "policy 'p': Statement[0].Condition: expected a condition operator",
        ),
        (
            _with(Condition={"Null": {"aws:x": "yes"}}),
            "policy 'p': Statement[0].Condition.Null.aws:x: expected true (the key is absent) or false",
        ),
        (
            _with(Condition={"StringEquals": {"SourceArn": "y"}}),
            "policy 'p': Statement[0].Condition.StringEquals: expected a condition key with its service",
        ),
        (
            _with(Condition={"StringEquals": {"aws:x": []}}),
            "policy 'p': Statement[0].Condition.StringEquals.aws:x: expected a string, number or boolean",
        ),
        (
            _with(Condition={"StringEquals": {"aws:x": {"a": 1}}}),
            "policy 'p': Statement[0].Condition.StringEquals.aws:x: expected a string, number or boolean",
        ),
        (
            _with(Condition={"StringEquals": {}}),
            "policy 'p': Statement[0].Condition.StringEquals: expected an object of condition keys",
        ),
    ],
)
def test_wrong_document_is_refused(document: Any, message: str) -> None:
    """A document that AWS would not accept is refused; the message names policy, statement and what to write."""
    with pytest.raises(PolicyError) as refused:
        parse_policy(document, name="p")
    assert str(refused.value).startswith(message)
    assert isinstance(refused.value, UsageError)


def test_error_carries_its_values() -> None:
    """A PolicyError tells programs the policy, the place, what was expected and what was found."""
    with pytest.raises(PolicyError) as refused:
        parse_policy(_with(Sid="A", Effect="allow"), name="scp-archive")
    error = refused.value
    assert (error.policy, error.path) == ("scp-archive", "Statement[0] (Sid 'A').Effect")
    assert (error.expected, error.got) == ("Allow or Deny", "'allow'")


@pytest.mark.parametrize(
    "principal",
    [
        "*",
        {"AWS": "*"},
        {"AWS": "111111111111"},
        {"AWS": "arn:aws:iam::111111111111:root"},
        {"AWS": "arn:aws-us-gov:iam::111111111111:role/a/b"},
        {"AWS": "arn:aws:sts::111111111111:assumed-role/a/b@example.com"},
        {"AWS": "arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity E1"},
        {"AWS": "AIDAEXAMPLEUSERID1234"},
        {"Service": ["cloudtrail.amazonaws.com", "config.amazonaws.com"]},
        {"Federated": "accounts.google.com"},
        {"CanonicalUser": "79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be"},
    ],
)
def test_principal_forms_are_read(principal: Any) -> None:
    """Every form of principal that AWS documents is read."""
    assert parse_policy(_with(Principal=principal), name="p").statements[0].principals


@pytest.mark.parametrize("operator", list(Operator))
def test_every_operator_is_read_with_its_affixes(operator: Operator) -> None:
    """Every operator is read, alone and (but for Null) with set qualifier and IfExists."""
    assert parse_operator(operator.value) == (operator, None, False)
    full = parse_operator(f"ForAllValues:{operator.value}IfExists")
    assert full == (None if operator is Operator.NULL else (operator, Qualifier.ALL, True))


def test_minified_is_what_counts() -> None:
    """Minified text has no white space between tokens, keeps non-ASCII as it is and sorts keys."""
    assert minified('{ "Statement" : [ { "Sid": "\\u00e4 b" } ],\n "Id": "x" }') == (
        '{"Id":"x","Statement":[{"Sid":"ä b"}]}'
    )
    with pytest.raises(PolicyError, match="expected a JSON object"):
        minified("{")


_TEXT = st.text(st.characters(codec="utf-8"), min_size=1, max_size=8)
_STATEMENTS = st.fixed_dictionaries(
    {
        "Effect": st.sampled_from(["Allow", "Deny"]),
        "Action": st.lists(st.sampled_from(["s3:Get*", "kms:Decrypt", "*"]), min_size=1, max_size=3)
        | st.just("s3:PutObject"),
        "Resource": _TEXT.map(lambda text: f"arn:aws:s3:::{text}") | st.just("*"),
    },
    optional={
        "Sid": _TEXT,
        "Principal": st.sampled_from(["*", {"AWS": ["111111111111"]}, {"Service": "ec2.amazonaws.com"}]),
        "Condition": st.dictionaries(
            st.sampled_from([operator.value for operator in Operator if operator is not Operator.NULL]),
            st.dictionaries(
                _TEXT.map(lambda text: f"aws:{text}"),
                st.booleans() | st.integers() | _TEXT | st.lists(_TEXT, min_size=1, max_size=2),
                min_size=1,
                max_size=2,
            ),
            max_size=2,
        ),
    },
)
_DOCUMENTS = st.fixed_dictionaries(
    {"Statement": st.lists(_STATEMENTS, min_size=1, max_size=3)},
    optional={"Version": st.sampled_from(["2008-10-17", "2012-10-17"]), "Id": _TEXT},
)


@given(document=_DOCUMENTS)
def test_minifying_changes_no_meaning(document: dict[str, Any]) -> None:
    """A minified document reads the same as the original, minifies to itself and is never longer."""
    short = minified(document)
    assert parse_policy(short, name="p") == parse_policy(document, name="p")
    assert minified(short) == short
    assert len(short) <= len(json.dumps(document, ensure_ascii=False))


@given(text=st.text("ab*?", max_size=12), pattern=st.text("ab*?", max_size=8))
def test_globs_agree_with_their_definition(text: str, pattern: str) -> None:
    """A pattern matches exactly the names that its definition, read letter by letter, produces."""

    def by_definition(glob: str, name: str) -> bool:
        if not glob:
            return not name
        if glob[0] == "*":
            return any(by_definition(glob[1:], name[start:]) for start in range(len(name) + 1))
        return bool(name) and glob[0] in {"?", name[0]} and by_definition(glob[1:], name[1:])

    symbols = expand(parts(pattern, variables=False), lambda _: None)
    assert symbols is not None
    assert glob_matches(symbols, text) == by_definition(pattern, text)


def test_hostile_glob_is_decided_at_once() -> None:
    """A pattern of many stars against a long name that almost matches costs no exponential time."""
    symbols = expand(parts("*a" * 40 + "*b", variables=False), lambda _: None)
    assert symbols is not None
    assert not glob_matches(symbols, "a" * 20_000)
