"""Measures what a full proof costs, with guards in force and without: CPU seconds beside its limits.

python bench/run_prove.py                    prints one line for each organization
python bench/run_prove.py --json FILE        also writes the figures
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from time import process_time
from typing import Any

from msgspec.structs import replace

from trailkeep.core.config import build_config
from trailkeep.guard.blueprint import blueprint_for
from trailkeep.guard.estate import Absent, Account, Bucket, Caller, Estate, Organization, Policy, Root, Unit
from trailkeep.guard.guard_documents import SCP
from trailkeep.guard.model import apply_all
from trailkeep.guard.plan import plan
from trailkeep.guard.prove_model import Outcome
from trailkeep.workflows.prove import prove_estate

__all__ = ["CONFIG", "SIZES", "Size", "estate_of", "line", "measured"]

_FULL = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}'
CONFIG = {
    "organization.id": "o-exampleorgid",
    "organization.management_account": "111111111111",
    "archive.account": "222222222222",
    "archive.region": "eu-central-1",
    "archive.bucket": "acme-trail-archive",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """An organization and the CPU seconds that its proof may take.

    ``guarded``: the guards are attached and the bucket policy is armed. Otherwise there are the trail and
    the bucket alone, most threats are open, and a fix is looked for and proved for each of them.
    """

    accounts: int
    policies: int
    limit_s: float
    guarded: bool = True


SIZES = (
    Size(accounts=20, policies=10, limit_s=1.0),
    Size(accounts=20, policies=10, limit_s=1.0, guarded=False),
    Size(accounts=5_000, policies=500, limit_s=10.0),
    Size(accounts=5_000, policies=500, limit_s=10.0, guarded=False),
)


def estate_of(size: Size) -> Estate:
    """Return an organization: a unit for each policy, and accounts spread over them."""
    units = tuple(
        Unit(id=f"ou-{number}", name=f"unit {number}", parent="r-root") for number in range(size.policies)
    )
    members = tuple(
        _account(f"{400_000_000_000 + number}", units[number % len(units)].id)
        for number in range(size.accounts - 2)
    )
    start = Estate(
        caller=Caller(account="111111111111", arn="arn:aws:iam::111111111111:user/admin", partition="aws"),
        organization=Organization(id="o-exampleorgid", management_account="111111111111", feature_set="ALL"),
        roots=(Root(id="r-root", policy_types=(SCP,)),),
        units=units,
        accounts=(_account("111111111111", "r-root"), _account("222222222222", "r-root"), *members),
        trusted_services=(),
        service_control_policies=(
            Policy(
                id="p-FullAWSAccess",
                name="FullAWSAccess",
                aws_managed=True,
                content=_FULL,
                targets=(
                    "r-root",
                    "222222222222",
                    *(unit.id for unit in units),
                    *(one.id for one in members),
                ),
            ),
            *(_policy(number, units[number].id) for number in range(size.policies)),
        ),
        resource_control_policies=(),
        trails=(),
        archive_account="222222222222",
        bucket=Absent(),
    )
    wanted = plan(blueprint_for(build_config(CONFIG), start), start, allow=frozenset(), arm=True)
    built = apply_all(start, wanted.actions)
    return built if size.guarded else _unguarded(built, start)


def _unguarded(built: Estate, start: Estate) -> Estate:
    """Return what was built without the policies that guard it: only grants are left of the bucket's."""
    if not (isinstance(built.bucket, Bucket) and isinstance(built.bucket.policy, str)):
        raise TypeError(f"bucket: expected one with a policy after the plan, got {built.bucket}")
    policy = json.loads(built.bucket.policy)
    grants = [one for one in policy["Statement"] if one["Effect"] == "Allow"]
    return replace(
        built,
        bucket=replace(
            built.bucket, policy=json.dumps({**policy, "Statement": grants}), object_lock=Absent()
        ),
        service_control_policies=start.service_control_policies,
        resource_control_policies=start.resource_control_policies,
    )


def _account(identity: str, parent: str) -> Account:
    return Account(
        id=identity, name=identity, email=f"{identity}@example.com", status="ACTIVE", parent=parent
    )


def _policy(number: int, unit: str) -> Policy:
    """Return a policy as they are found: some services, some regions, some roles spared."""
    statements: list[dict[str, Any]] = [
        {
            "Sid": "Regions",
            "Effect": "Deny",
            "NotAction": ["iam:*", "organizations:*", "support:*", "sts:*", "cloudtrail:*"],
            "Resource": "*",
            "Condition": {
                "StringNotEquals": {"aws:RequestedRegion": ["eu-central-1", f"eu-west-{number % 3 + 1}"]},
                "ArnNotLike": {"aws:PrincipalArn": f"arn:aws:iam::*:role/Platform{number}"},
            },
        },
        {
            "Sid": "Leave",
            "Effect": "Deny",
            "Action": ["organizations:LeaveOrganization", f"ec2:Run{number}*"],
            "Resource": "*",
            "Condition": {"StringNotLike": {"aws:PrincipalTag/team": f"team-{number}"}},
        },
    ]
    document = {"Version": "2012-10-17", "Statement": statements}
    return Policy(
        id=f"p-{number}",
        name=f"unit-{number}",
        aws_managed=False,
        content=json.dumps(document),
        targets=(unit,),
    )


def measured(size: Size) -> dict[str, float]:
    """Return what a proof took in this process, which proved nothing before."""
    estate = estate_of(size)
    before = process_time()
    proof = prove_estate(estate, trail="trailkeep")
    taken = process_time() - before
    return {
        "accounts": size.accounts,
        "policies": size.policies,
        "guarded": size.guarded,
        "threats": len(proof.threats),
        "counterexamples": proof.count(Outcome.COUNTEREXAMPLE),
        "cpu_s": round(taken, 3),
        "limit_s": size.limit_s,
        "of_limit": round(taken / size.limit_s, 3),
    }


def line(figures: dict[str, float]) -> str:
    """Return the figures of one organization as text."""
    guards = "with guards" if figures["guarded"] else "without guards"
    verdict = "within" if figures["of_limit"] <= 1 else "BEYOND"
    return (
        f"{figures['accounts']:>6,} accounts, {figures['policies']:>4} policies, {guards}: "
        f"{figures['cpu_s']:.2f} s of CPU, {verdict} the {figures['limit_s']:g} s that it may take "
        f"({figures['of_limit']:.2f} of it)"
    )


def main() -> int:
    """Measure each organization in a process of its own; 1 when one took longer than it may."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--json", type=Path)
    options.add_argument("--only", type=int, help="the index of one size, measured in this process")
    given = options.parse_args()
    if given.only is not None:
        print(json.dumps(measured(SIZES[given.only])))
        return 0
    figures = [
        json.loads(
            subprocess.run(
                [sys.executable, __file__, "--only", str(index)], check=True, capture_output=True, text=True
            ).stdout
        )
        for index in range(len(SIZES))
    ]
    for one in figures:
        print(line(one))
    if given.json:
        given.json.write_text(json.dumps(figures, indent=2) + "\n")
    return int(any(one["of_limit"] > 1 for one in figures))


if __name__ == "__main__":
    sys.exit(main())
