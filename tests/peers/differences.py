"""Where iam-simulate and our evaluator differ, and why: each difference can be taken out of a case.

A contradiction is explained only if it is gone once the one disputed thing is rewritten into something that
means the same to both.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from peers.simulator import account_of, implied

_IAM = "https://docs.aws.amazon.com/IAM/latest/UserGuide"
Case = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One known difference.

    Attributes:
        name: what it is called in docs/explanation/how-proofs-work.md.
        page: where AWS says who is right.
        rewritten: the case without the disputed thing, or None where there is none in it.
    """

    name: str
    page: str
    rewritten: Callable[[Case], Case | None]


def _statements(layers: dict[str, Any]) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Yield each statement with its policy."""
    levels = [policy for name in ("scps", "rcps") for level in layers.get(name, ()) for policy in level]
    one = [layers[name] for name in ("resource_policy", "boundary", "session", "endpoint") if name in layers]
    for policy in [*levels, *layers.get("identity", ()), *one]:
        for statement in policy["Statement"] if isinstance(policy, dict) else ():
            yield policy, statement


def _changed(case: Case, change: Callable[[Case], None]) -> Case | None:
    found = copy.deepcopy(case)
    change(found)
    return None if found == case else found


def _bucket_policy(case: Case) -> Case | None:
    foreign = account_of(case["principal"]) != case["owner"]
    if foreign and case["action"] == "s3:PutBucketPolicy":
        return {**case, "action": "s3:PutBucketVersioning"}
    return None


def _not_principal(case: Case) -> Case | None:
    """List the session, its role and its account wherever a deny lists one of them."""
    arn, account = case["principal"].get("arn", ""), account_of(case["principal"])
    session = ":assumed-role/" in arn
    role = f"arn:aws:iam::{account}:role/{arn.split('/')[1]}" if session else ""
    own = [account, *([role] if role else []), *([arn] if arn else [])]

    def change(found: Case) -> None:
        for _, statement in _statements(found["layers"]):
            listed = statement.get("NotPrincipal")
            names = listed.get("AWS", []) if isinstance(listed, dict) else []
            if statement["Effect"] == "Deny" and any(_is_of(name, own, role) for name in names):
                statement["NotPrincipal"] = {"AWS": own}

    return _changed(case, change) if account else None


def _is_of(name: str, own: list[str], role: str) -> bool:
    same_role = (
        bool(role)
        and name.startswith(role.rpartition("/")[0])
        and name.endswith(f"/{role.rpartition('/')[2]}")
    )
    return name in own or name == f"arn:aws:iam::{own[0]}:root" or same_role


def _federated_name(case: Case) -> Case | None:
    """Call every IAM user otherwise who has the name that a federated session was given."""
    _, federated, name = case["principal"].get("arn", "").partition(":federated-user/")

    def change(found: Case) -> None:
        user = f":user/{name}"
        for _, statement in _statements(found["layers"]):
            for element in ("Principal", "NotPrincipal"):
                listed = statement.get(element)
                if isinstance(listed, dict) and isinstance(listed.get("AWS"), list):
                    listed["AWS"] = [f"{one}-too" if one.endswith(user) else one for one in listed["AWS"]]

    return _changed(case, change) if federated else None


def _old_variables(case: Case) -> Case | None:
    def change(found: Case) -> None:
        for policy, statement in _statements(found["layers"]):
            if policy["Version"] == "2008-10-17":
                plain = _replaced(statement, lambda text: text.replace("${", "plain-{"))
                statement.clear()
                statement.update(plain)

    return _changed(case, change)


def _replaced(value: Any, replace: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return replace(value)
    if isinstance(value, list):
        return [_replaced(each, replace) for each in value]
    return {key: _replaced(each, replace) for key, each in value.items()}


def _no_value(case: Case) -> Case | None:
    """Take out the statements whose NotResource has a variable without value."""
    known = {key.lower() for key in {**implied(case), **case["context"]}}

    def is_open(text: str) -> bool:
        _, variable, rest = text.partition("${")
        return bool(variable) and "," not in rest and rest.partition("}")[0].lower() not in known

    def change(found: Case) -> None:
        for policy, statement in list(_statements(found["layers"])):
            if policy["Version"] != "2008-10-17" and any(map(is_open, statement.get("NotResource", ()))):
                statement.pop("NotResource")
                statement["Resource"] = "arn:aws:none:::none"

    return _changed(case, change)


def _session_policy(case: Case) -> Case | None:
    """Let the session policy allow where the resource policy names everybody."""
    layers = case["layers"]
    if (
        "session" not in layers
        or "resource_policy" not in layers
        or account_of(case["principal"]) != case["owner"]
    ):
        return None

    def change(found: Case) -> None:
        everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
        found["layers"]["session"]["Statement"].insert(0, everything)

    return _changed(case, change)


def _lone_star(case: Case) -> Case | None:
    def change(found: Case) -> None:
        for _, statement in _statements(found["layers"]):
            for operator, keys in statement.get("Condition", {}).items():
                for key, values in keys.items() if "Arn" in operator else ():
                    keys[key] = ["arn:*:*:*:*:*" if value == "*" else value for value in values]

    return _changed(case, change)


def _families(case: Case) -> Case | None:
    """Turn the addresses of IPv6 into some of IPv4."""

    def plain(text: str) -> str:
        return text.replace("2001:db8::/32", "198.51.100.0/24").replace("2001:db8::1", "198.51.100.1")

    def change(found: Case) -> None:
        found.update(_replaced(found, plain))

    return _changed(case, change)


def _arn_variables(case: Case) -> Case | None:
    """Write the caller's account where an ARN operator has the variable of it."""
    account = account_of(case["principal"])

    def change(found: Case) -> None:
        for policy, statement in _statements(found["layers"]):
            for operator, keys in statement.get("Condition", {}).items():
                for key, values in (
                    keys.items() if "Arn" in operator and policy["Version"] != "2008-10-17" else ()
                ):
                    keys[key] = [each.replace("${aws:PrincipalAccount}", account) for each in values]

    return _changed(case, change) if account else None


DIFFERENCES = (
    Difference(
        name="owner of the bucket policy",
        page="https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketPolicy.html",
        rewritten=_bucket_policy,
    ),
    Difference(
        name="NotPrincipal names all",
        page=f"{_IAM}/reference_policies_elements_notprincipal.html",
        rewritten=_not_principal,
    ),
    Difference(
        name="federated user and user of its name",
        page=f"{_IAM}/id_credentials_temp_control-access_getfederationtoken.html",
        rewritten=_federated_name,
    ),
    Difference(
        name="variables of 2008",
        page=f"{_IAM}/reference_policies_elements_version.html",
        rewritten=_old_variables,
    ),
    Difference(
        name="variable without value",
        page=f"{_IAM}/reference_policies_variables.html",
        rewritten=_no_value,
    ),
    Difference(
        name="session policy and everybody",
        page=f"{_IAM}/reference_policies_elements_principal.html",
        rewritten=_session_policy,
    ),
    Difference(
        name="lone star as an ARN",
        page=f"{_IAM}/reference_policies_elements_condition_operators.html#Conditions_ARN",
        rewritten=_lone_star,
    ),
    Difference(
        name="addresses of both families",
        page="https://docs.aws.amazon.com/AmazonS3/latest/userguide/ipv6-access.html",
        rewritten=_families,
    ),
    Difference(
        name="variable in an ARN operator",
        page=f"{_IAM}/reference_policies_variables.html",
        rewritten=_arn_variables,
    ),
)
