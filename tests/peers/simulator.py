"""iam-simulate as a process of its own, and our cases in its words."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from peers.install import PACKAGES, folder, installed
from trailkeep.guard.evaluate import Decision

_EVERYTHING = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
_DECISIONS = {
    "Allowed": Decision.ALLOW,
    "ExplicitlyDenied": Decision.EXPLICIT_DENY,
    "ImplicitlyDenied": Decision.IMPLICIT_DENY,
}
_RUNNER = Path(__file__).parent / "simulate.cjs"
_BUCKET_POLICY = {"s3:PutBucketPolicy", "s3:GetBucketPolicy", "s3:DeleteBucketPolicy"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What the peer says of one case: a decision, or why it gives none."""

    decision: Decision | None
    error: str = ""
    ignored: tuple[str, ...] = ()


def missing() -> str:
    """Return what is missing before the peer can run, or nothing."""
    if shutil.which("node") is None:
        return "node is not installed"
    if installed(folder()) != PACKAGES:
        return f"iam-simulate is not in {folder()}; run: python tests/peers/install.py"
    return ""


def judge(cases: Sequence[dict[str, Any]]) -> list[Judgement]:
    """Put all cases to one process of the peer, in order."""
    node = shutil.which("node") or "node"
    asked = "".join(json.dumps(simulation(case)) + "\n" for case in cases)
    found = subprocess.run(
        [node, str(_RUNNER), str(folder())], input=asked, capture_output=True, text=True, check=True
    )
    return [_judgement(json.loads(line)) for line in found.stdout.splitlines()]


def _judgement(answer: dict[str, Any]) -> Judgement:
    if "error" in answer:
        return Judgement(decision=None, error=json.dumps(answer["error"], sort_keys=True))
    return Judgement(decision=_DECISIONS[answer["decision"]], ignored=tuple(answer["ignored"]))


def simulation(case: dict[str, Any]) -> dict[str, Any]:
    """Return a case in the peer's words.

    The peer leaves to its caller who is exempt from what, so the exempted policies are left out here, by the
    rules as AWS documents them. It derives no condition keys from the caller, so these are given.
    """
    layers, principal = case["layers"], case["principal"]
    account, has_credentials = account_of(principal), principal["kind"] not in {"service", "anonymous"}
    is_bound = principal["kind"] in {"iam", "root"} and account != layers["management_account_id"]
    rcps = layers.get("rcps", []) if _rcps_apply(case) else []
    has_policy = "resource_policy" in layers and not _is_spared_root(case, account)
    return {
        "request": {
            "principal": _name(principal, account),
            "action": case["action"],
            "resource": {"resource": case["resource"], "accountId": case["owner"]},
            "contextVariables": {**implied(case), **case["context"]},
        },
        "identityPolicies": _named(_identity(case)) if has_credentials else [],
        "serviceControlPolicies": _levels(layers.get("scps", []) if is_bound else []),
        "resourceControlPolicies": _levels(rcps),
        **({"resourcePolicy": layers["resource_policy"]} if has_policy else {}),
        **({"sessionPolicy": layers["session"]} if "session" in layers else {}),
        **({"permissionBoundaryPolicies": _named([layers["boundary"]])} if _has_boundary(case) else {}),
        **({"vpcEndpointPolicies": _named([layers["endpoint"]])} if "endpoint" in layers else {}),
    }


def account_of(principal: dict[str, str]) -> str:
    """Return the caller's account; a service or anonymous has none."""
    return principal.get("account_id") or principal.get("arn", "::::").split(":")[4]


def _name(principal: dict[str, str], account: str) -> Any:
    match principal["kind"]:
        case "anonymous":
            return {"type": "Anonymous"}
        case "service":
            return principal["service"]
        case "root":
            return f"arn:aws:iam::{account}:root"
        case _:
            return principal["arn"]


def _identity(case: dict[str, Any]) -> list[Any]:
    """Root has full access by default; identity policies do not apply to it."""
    if case["principal"]["kind"] == "root":
        return [_EVERYTHING]
    return list(case["layers"].get("identity", [_EVERYTHING]))


def _has_boundary(case: dict[str, Any]) -> bool:
    return "boundary" in case["layers"] and case["principal"]["kind"] != "root"


def _rcps_apply(case: dict[str, Any]) -> bool:
    """Organizations User Guide, "Resources and entities not restricted by RCPs"."""
    service = case["action"].partition(":")[0]
    return (
        case["owner"] != case["layers"]["management_account_id"]
        and case["principal"]["kind"] != "service-linked-role"
        and service in {"s3", "kms", "sqs"}
    )


def _is_spared_root(case: dict[str, Any], account: str) -> bool:
    """S3 API reference, PutBucketPolicy: no bucket policy keeps the owner's root user from it."""
    is_root = case["principal"]["kind"] == "root" and account == case["owner"]
    return is_root and case["action"] in _BUCKET_POLICY


def _named(policies: Sequence[Any]) -> list[dict[str, Any]]:
    return [{"name": f"p{index}", "policy": policy} for index, policy in enumerate(policies)]


def _levels(levels: Sequence[Sequence[Any]]) -> list[dict[str, Any]]:
    return [
        {
            "orgIdentifier": f"level-{index}",
            "policies": _named([_EVERYTHING if each == "FullAWSAccess" else each for each in level]),
        }
        for index, level in enumerate(levels)
        if level
    ]


def implied(case: dict[str, Any]) -> dict[str, list[str]]:
    """IAM User Guide, "Request information that you can use for policy variables", the table by principal."""
    principal, account = case["principal"], account_of(case["principal"])
    is_service = principal["kind"] == "service"
    keys = {
        "aws:PrincipalIsAWSService": str(is_service).lower(),
        "aws:ViaAWSService": "false",
        "aws:ResourceAccount": case["owner"],
    }
    arn = principal.get("arn", "")
    match principal["kind"]:
        case "service":
            keys |= {"aws:PrincipalServiceName": principal["service"]}
        case "anonymous":
            keys |= {"aws:PrincipalAccount": "anonymous", "aws:PrincipalType": "Anonymous"}
        case "root":
            keys |= {"aws:PrincipalArn": f"arn:aws:iam::{account}:root", "aws:PrincipalType": "Account"}
        case _ if ":user/" in arn:
            keys |= {
                "aws:PrincipalArn": arn,
                "aws:PrincipalType": "User",
                "aws:username": arn.rpartition("/")[2],
            }
        case _ if ":federated-user/" in arn:
            keys |= {"aws:PrincipalArn": arn, "aws:PrincipalType": "FederatedUser"}
        case _:
            keys |= {"aws:PrincipalType": "AssumedRole"}
    if account:
        keys["aws:PrincipalAccount"] = account
    return {key: [value] for key, value in keys.items()}
