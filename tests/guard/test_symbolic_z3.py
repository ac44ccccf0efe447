"""The proofs beside z3, which decides the same questions by a theory of strings; skipped where it is missing."""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import Any

import pytest

from trailkeep.guard.evaluate import Layers, PrincipalKind
from trailkeep.guard.policy import parse_policy
from trailkeep.guard.symbolic import Caller, Form, KeyFact, Outcome, Question, prove

_ACCOUNT, _TIMEOUT_MS, _COUNT = "222222222222", 1_000, 60
_TEXTS = ("StringEquals", "StringNotEquals", "StringLike", "StringNotLike")
_NUMBERS = ("NumericEquals", "NumericNotEquals", "NumericLessThan", "NumericGreaterThanEquals")
_KEYS = {
    "s3:x-amz-acl": (_TEXTS, ("private", "public-*", "p?ivate", "*-read", "*")),
    "my:text": (_TEXTS, ("a", "a*", "*b", "?", "ab", "*a*b*")),
    "s3:max-keys": (_NUMBERS, ("5", "10", "7", "-3")),
    "aws:SecureTransport": (("Bool",), ("true", "false")),
}
_RESOURCES = (
    "*",
    "arn:aws:s3:::b/*",
    "arn:aws:s3:::b/a*",
    "arn:aws:s3:::b/?",
    "arn:aws:s3:::?/*b",
    "arn:aws:s3:::b/a",
)


@pytest.fixture(scope="module")
def z3() -> Any:
    """The solver."""
    return pytest.importorskip("z3", reason="z3-solver is not installed: pip install z3-solver")


def _statement(random: Random, effect: str) -> dict[str, Any]:
    block: dict[str, dict[str, list[str]]] = {}
    for key in random.sample(list(_KEYS), random.randint(0 if effect == "Allow" else 1, 2)):
        operators, values = _KEYS[key]
        if random.random() < 0.15:
            block.setdefault("Null", {})[key] = [random.choice(("true", "false"))]
            continue
        operator = random.choice(operators) + random.choice(("", "", "IfExists"))
        block.setdefault(operator, {})[key] = random.sample(values, random.randint(1, min(2, len(values))))
    resource = random.choice(("Resource", "Resource", "NotResource"))
    return {
        "Effect": effect,
        "Action": "*",
        resource: random.sample(_RESOURCES, random.randint(1, 2)),
        "Condition": block,
    }


def _glob(z3: Any, pattern: str) -> Any:
    any_char = z3.AllChar(z3.ReSort(z3.StringSort()))
    parts = [
        z3.Star(any_char) if char == "*" else any_char if char == "?" else z3.Re(char) for char in pattern
    ]
    return parts[0] if len(parts) == 1 else z3.Concat(*parts)


def _matches(z3: Any, operator: str, key: str, values: list[str]) -> Any:
    """Return whether the key, which is there, equals one of the values as a positive operator says."""
    if operator == "Bool":
        return z3.Or(*(z3.Bool(key) == (value == "true") for value in values))
    if operator.startswith("Numeric"):
        number = z3.Real(key)
        compare = {"LessThan": number.__lt__, "GreaterThanEquals": number.__ge__}
        return z3.Or(
            *(compare.get(operator.removeprefix("Numeric"), number.__eq__)(int(value)) for value in values)
        )
    text = z3.String(key)
    likes = "Like" in operator
    return z3.Or(
        *(z3.InRe(text, _glob(z3, value)) if likes else text == z3.StringVal(value) for value in values)
    )


def _holds(z3: Any, operator: str, key: str, values: list[str]) -> Any:
    is_there = z3.BoolVal(val=True) if key == "aws:SecureTransport" else z3.Bool(f"has {key}")
    if operator == "Null":
        return z3.Not(is_there) if values == ["true"] else is_there
    base = operator.removesuffix("IfExists")
    positive = base.replace("Not", "")
    found = _matches(z3, positive, key, values)
    if positive != base or operator != base:
        return z3.Implies(is_there, z3.Not(found) if positive != base else found)
    return z3.And(is_there, found)


def _applies(z3: Any, statement: dict[str, Any]) -> Any:
    resource = z3.String("resource")
    listed = statement.get("Resource") or statement["NotResource"]
    covered = z3.Or(*(z3.InRe(resource, _glob(z3, pattern)) for pattern in listed))
    conditions = [
        _holds(z3, operator, key, values)
        for operator, keys in statement["Condition"].items()
        for key, values in keys.items()
    ]
    return z3.And(covered if "Resource" in statement else z3.Not(covered), *conditions)


def _solved(z3: Any, statements: list[dict[str, Any]]) -> str:
    """Ask z3 for an object of the bucket and keys that one allow covers and no deny."""
    solver = z3.Solver()
    solver.set("timeout", _TIMEOUT_MS)
    any_char = z3.AllChar(z3.ReSort(z3.StringSort()))
    solver.add(z3.InRe(z3.String("resource"), z3.Concat(z3.Re("arn:aws:s3:::b/"), z3.Plus(any_char))))
    solver.add(z3.Or(*(_applies(z3, each) for each in statements if each["Effect"] == "Allow")))
    solver.add(*(z3.Not(_applies(z3, each)) for each in statements if each["Effect"] == "Deny"))
    return str(solver.check())


def _proved(statements: list[dict[str, Any]]) -> Outcome:
    policy = parse_policy({"Version": "2012-10-17", "Statement": statements}, name="identity")
    question = Question(
        caller=Caller(kind=PrincipalKind.IAM, account_id=_ACCOUNT),
        action="s3:PutObject",
        resources=("arn:aws:s3:::b/*",),
        resource_account_id=_ACCOUNT,
        layers=Layers(identity=(policy,)),
        facts={"my:text": KeyFact(), "s3:x-amz-acl": KeyFact(), "s3:max-keys": KeyFact(form=Form.NUMBER)},
    )
    return prove(question).outcome


@pytest.mark.slow
def test_z3_never_contradicts(z3: Any) -> None:
    """What we prove z3 refutes nowhere, and where we find a request z3 finds that there is one."""
    random, seen = Random(4), Counter[str]()  # noqa: S311 - no secret
    for _ in range(_COUNT):
        effects = ["Allow", *random.choices(("Allow", "Deny", "Deny"), k=random.randint(1, 4))]
        statements = [_statement(random, effect) for effect in effects]
        solved, proved = _solved(z3, statements), _proved(statements)
        seen[f"{solved}, {proved.value}"] += 1
        assert (solved, proved) not in {("sat", Outcome.NONE), ("unsat", Outcome.ALLOWED)}, statements
    print(dict(seen))  # noqa: T201 - what was decided is part of the result
    decided = sum(
        count for words, count in seen.items() if not words.startswith("unknown") and "undecided" not in words
    )
    assert decided > _COUNT // 2, seen
    assert min(seen["sat, allowed"], seen["unsat, none"]) >= 3, seen


def test_z3_would_be_heard(z3: Any) -> None:
    """The encoding refutes a claim that is false: it tells an object that is left out from one that is not."""
    grant = {"Effect": "Allow", "Action": "*", "Resource": ["*"], "Condition": {}}
    deny = {"Effect": "Deny", "Action": "*", "NotResource": ["arn:aws:s3:::b/a*"], "Condition": {}}
    assert _solved(z3, [grant, deny]) == "sat"
    assert _solved(z3, [grant, {**deny, "NotResource": ["arn:aws:s3:::c/*"]}]) == "unsat"
