"""IAM policy documents as values: identity, resource, service control and resource control policies.

Reading is strict where AWS is: an unknown element, operator or principal form, a duplicate key or an empty
list is a ``PolicyError`` that names the policy, the statement and what was expected. It is lenient where AWS
is: one value may stand for a list, ``Statement`` may be one object, ``Version`` may be missing (then it is
2008-10-17, which knows no variables), Sids may be missing or repeat.

Which elements a *kind* of policy may hold (no NotAction in a resource control policy, ...) is not decided
here.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from trailkeep.core.errors import UsageError
from trailkeep.core.outside import read_json
from trailkeep.guard.conditions import Condition, Operator, parse_operator
from trailkeep.guard.statement import (
    VERSION_WITH_VARIABLES,
    Effect,
    Policy,
    PrincipalPattern,
    PrincipalType,
    Statement,
)

__all__ = [
    "Effect",
    "Policy",
    "PolicyError",
    "PrincipalPattern",
    "PrincipalType",
    "Statement",
    "minified",
    "parse_policy",
    "read_document",
]

Document = str | bytes | Mapping[str, object]

_VERSIONS = ("2008-10-17", VERSION_WITH_VARIABLES)
_POLICY_KEYS = ("Version", "Id", "Statement")
_STATEMENT_KEYS = (
    "Sid",
    "Effect",
    "Principal",
    "NotPrincipal",
    "Action",
    "NotAction",
    "Resource",
    "NotResource",
    "Condition",
)
_ACTION = re.compile(r"\*|[A-Za-z0-9-]+:[A-Za-z0-9_*?-]+")
_AWS_PRINCIPAL = re.compile(r"\*|\d{12}|arn:[^:*?]+:(iam|sts)::[^:*?]+:[^*?]+|A[A-Z0-9]{15,127}")


class PolicyError(UsageError):
    """A policy document is wrong at ``path``; nothing was decided about it."""

    def __init__(self, policy: str, path: str, *, expected: str, got: str, advice: str = "") -> None:
        self.policy = policy
        self.path = path
        self.expected = expected
        self.got = got
        where = f"policy {policy!r}: {path}" if path else f"policy {policy!r}"
        message = f"{where}: expected {expected}, got {got}"
        super().__init__(f"{message}; {advice}" if advice else message)


def parse_policy(document: Document, *, name: str) -> Policy:
    """Read a policy document.

    >>> parse_policy('{"Statement": {"Effect": "Deny", "Action": "s3:*", "Resource": "*"}}', name="p").version
    '2008-10-17'

    Args:
        document: JSON text, or the JSON object.
        name: what messages and evaluations call this policy.

    Raises:
        PolicyError: the document is not one that AWS would accept; the message says where.
    """
    body = _load(document, name)
    place = _Place(policy=name)
    _only(place, body, _POLICY_KEYS)
    version = body.get("Version", _VERSIONS[0])
    if version not in _VERSIONS:
        raise place.at("Version").error(" or ".join(_VERSIONS), version)
    statements = body.get("Statement")
    listed = statements if isinstance(statements, list) else [statements]
    if not listed:
        raise place.at("Statement").error("at least one statement", statements)
    return Policy(
        name=name,
        version=str(version),
        statements=tuple(_statement(place, index, item) for index, item in enumerate(listed)),
    )


def read_document(document: Document, *, name: str) -> dict[str, object]:
    """Return the JSON object of a policy document; what its elements say is not looked at.

    Raises:
        PolicyError: the document is not a JSON object, or says a member twice.
    """
    return _load(document, name)


def minified(document: Document) -> str:
    """Return the document as compact JSON with sorted keys: what counts against a policy quota.

    >>> minified('{"Version": "2012-10-17", "Id": "x"}')
    '{"Id":"x","Version":"2012-10-17"}'

    Raises:
        PolicyError: the document is not a JSON object.
    """
    return _compact(_load(document, "document"), "document")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """Where in a document the reader is."""

    policy: str
    path: str = ""

    def at(self, element: str) -> _Place:
        return _Place(policy=self.policy, path=f"{self.path}.{element}" if self.path else element)

    def error(self, expected: str, got: object, advice: str = "") -> PolicyError:
        return PolicyError(self.policy, self.path, expected=expected, got=_shown(got), advice=advice)


def _shown(value: object) -> str:
    text = "nothing" if value is None else repr(value)
    return text if len(text) <= 120 else f"{text[:117]}..."


def _load(document: Document, name: str) -> dict[str, object]:
    place = _Place(policy=name)
    text = _compact(document, name) if isinstance(document, Mapping) else document
    try:
        body = read_json(text, pairs=_unique)
    except ValueError as error:
        raise place.error("a JSON object", str(error), "correct the document") from error
    if not isinstance(body, dict):
        raise place.error("a JSON object", body)
    return body


def _compact(document: Mapping[str, object], name: str) -> str:
    try:
        return json.dumps(
            document,
            separators=(",", ":"),
            sort_keys=True,
            ensure_ascii=False,
            allow_nan=False,
            default=_plain_mapping,
        )
    except (TypeError, ValueError, RecursionError) as error:
        raise _Place(policy=name).error("JSON values only", str(error)) from error


def _plain_mapping(value: object) -> dict[object, object]:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} is no JSON value")


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [key for key, _ in pairs]
        twice = next(key for key in names if names.count(key) > 1)
        raise ValueError(f"key {twice!r} twice in one object")
    return found


def _only(place: _Place, body: Mapping[str, object], allowed: tuple[str, ...]) -> None:
    for key in body:
        if key not in allowed:
            raise place.at(key).error(f"one of {', '.join(allowed)}", key, "names are case-sensitive")


def _statement(place: _Place, index: int, body: object) -> Statement:
    here = place.at(f"Statement[{index}]")
    if not isinstance(body, dict):
        raise here.error("an object with Effect and Action", body)
    sid = body.get("Sid", "")
    if not isinstance(sid, str):
        raise here.at("Sid").error("a string", sid)
    if sid:
        here = _Place(policy=here.policy, path=f"{here.path} (Sid {sid!r})")
    _only(here, body, _STATEMENT_KEYS)
    _alternatives(here, body, "Action", "NotAction", required=True)
    _alternatives(here, body, "Resource", "NotResource", required=False)
    _alternatives(here, body, "Principal", "NotPrincipal", required=False)
    return Statement(
        index=index,
        sid=sid,
        effect=_effect(here.at("Effect"), body.get("Effect")),
        principals=_principals(here, body, "Principal"),
        not_principals=_principals(here, body, "NotPrincipal"),
        actions=_actions(here, body, "Action"),
        not_actions=_actions(here, body, "NotAction"),
        resources=_resources(here, body, "Resource"),
        not_resources=_resources(here, body, "NotResource"),
        conditions=tuple(_conditions(here.at("Condition"), body.get("Condition", {}))),
    )


def _alternatives(place: _Place, body: Mapping[str, object], one: str, other: str, *, required: bool) -> None:
    given = [key for key in (one, other) if key in body]
    if len(given) > 1:
        raise place.error(f"either {one} or {other}", "both", "remove one of them")
    if required and not given:
        raise place.error(f"{one} or {other}", None)


def _effect(place: _Place, value: object) -> Effect:
    for effect in Effect:
        if value == effect.value:
            return effect
    raise place.error("Allow or Deny", value)


def _strings(place: _Place, value: object) -> tuple[str, ...]:
    """Read a string or a list of strings; an empty list says nothing and AWS refuses it."""
    listed = value if isinstance(value, list) else [value]
    texts = tuple(item for item in listed if isinstance(item, str) and item)
    if not texts or len(texts) != len(listed):
        raise place.error("a string or a list of strings, none of them empty", value)
    return texts


def _actions(place: _Place, body: Mapping[str, object], key: str) -> tuple[str, ...]:
    if key not in body:
        return ()
    actions = _strings(place.at(key), body[key])
    for action in actions:
        if not _ACTION.fullmatch(action):
            raise place.at(key).error(
                "'*' or service:Action, wildcards only in the action", action, "write for example s3:Get*"
            )
    return actions


def _resources(place: _Place, body: Mapping[str, object], key: str) -> tuple[str, ...]:
    if key not in body:
        return ()
    resources = _strings(place.at(key), body[key])
    for resource in resources:
        if resource != "*" and not resource.startswith("arn:"):
            raise place.at(key).error("'*' or an ARN", resource, "write for example arn:aws:s3:::bucket/*")
    return resources


def _principals(place: _Place, body: Mapping[str, object], key: str) -> tuple[PrincipalPattern, ...]:
    if key not in body:
        return ()
    here, value = place.at(key), body[key]
    if value == "*":
        return (PrincipalPattern(type=PrincipalType.AWS, value="*"),)
    if not isinstance(value, dict) or not value:
        raise here.error("'*' or an object such as {'AWS': '111111111111'}", value)
    _only(here, value, tuple(PrincipalType))
    return tuple(
        PrincipalPattern(type=PrincipalType(kind), value=_principal(here.at(kind), PrincipalType(kind), text))
        for kind, texts in value.items()
        for text in _strings(here.at(kind), texts)
    )


def _principal(place: _Place, kind: PrincipalType, text: str) -> str:
    if kind is PrincipalType.AWS and not _AWS_PRINCIPAL.fullmatch(text):
        raise place.error(
            "'*', a 12-digit account id, or the ARN of an account, user, role or session without wildcards",
            text,
            "to name principals by pattern use 'Principal': '*' and a condition on aws:PrincipalArn",
        )
    return text


def _conditions(place: _Place, value: object) -> Iterator[Condition]:
    if not isinstance(value, dict):
        raise place.error("an object of operators", value)
    for operator_text, keys in value.items():
        here = place.at(operator_text)
        parsed = parse_operator(operator_text)
        if parsed is None:
            raise place.error(
                "a condition operator such as StringEquals, ForAnyValue:StringLike or ArnLikeIfExists",
                operator_text,
            )
        operator, qualifier, if_exists = parsed
        if not isinstance(keys, dict) or not keys:
            raise here.error("an object of condition keys and values", keys)
        for key, values in keys.items():
            yield Condition(
                operator=operator,
                qualifier=qualifier,
                if_exists=if_exists,
                key=_condition_key(here, key),
                values=_condition_values(here.at(key), operator, values),
            )


def _condition_key(place: _Place, key: str) -> str:
    if ":" not in key:
        raise place.error("a condition key with its service, such as aws:SourceArn", key)
    return key


def _condition_values(place: _Place, operator: Operator, value: object) -> tuple[str, ...]:
    listed = value if isinstance(value, list) else [value]
    if not listed or not all(isinstance(item, str | int | float) for item in listed):
        raise place.error("a string, number or boolean, or a list of them", value)
    texts = tuple(str(item).lower() if isinstance(item, bool) else str(item) for item in listed)
    if operator is Operator.NULL and not {text.lower() for text in texts} <= {"true", "false"}:
        raise place.error("true (the key is absent) or false", value)
    return texts
