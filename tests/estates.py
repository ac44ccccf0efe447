"""Small organizations to plan on: one where nothing was done yet, one where everything is in force."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from trailkeep.core.config import Config, build_config
from trailkeep.core.fields import Value
from trailkeep.guard.blueprint import blueprint_for
from trailkeep.guard.decisions import Allowance
from trailkeep.guard.estate import Absent, Account, Caller, Estate, Organization, Policy, Root, Unit
from trailkeep.guard.model import apply_all
from trailkeep.guard.plan import Plan, plan

__all__ = ["config", "in_force", "nothing", "planned", "with_facts"]

_CONFIG: dict[str, Value] = {
    "organization.id": "o-exampleorgid",
    "organization.management_account": "111111111111",
    "archive.account": "222222222222",
    "archive.region": "eu-central-1",
    "archive.bucket": "acme-trail-archive",
}
_CREATED: dict[str, Value] = {
    "archive.account": "",
    "archive.account_name": "log-archive",
    "archive.account_email": "logs@example.com",
}


def config(changes: Mapping[str, Value] | None = None) -> Config:
    """Return the configuration for the example organization, with some keys changed."""
    return build_config({**_CONFIG, **(changes or {})})


def created_archive() -> Config:
    """Return the configuration that asks for the archive account to be created."""
    return config(_CREATED)


def nothing() -> Estate:
    """Return an organization with a log archive account, in which Trailkeep never ran."""
    return Estate(
        caller=Caller(account="111111111111", arn="arn:aws:iam::111111111111:user/admin", partition="aws"),
        organization=Organization(id="o-exampleorgid", management_account="111111111111", feature_set="ALL"),
        roots=(Root(id="r-root", policy_types=()),),
        units=(Unit(id="ou-root-security", name="Security", parent="r-root"),),
        accounts=(
            _account("111111111111", "management", "r-root"),
            _account("222222222222", "log-archive", "ou-root-security"),
            _account("333333333333", "prod", "r-root"),
        ),
        trusted_services=(),
        service_control_policies=(
            Policy(
                id="p-FullAWSAccess",
                name="FullAWSAccess",
                aws_managed=True,
                content='{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}',
                targets=("r-root", "222222222222"),
            ),
        ),
        resource_control_policies=(),
        trails=(),
        archive_account="222222222222",
        bucket=Absent(),
    )


def in_force() -> Estate:
    """Return the same organization after the plan for ``config()``."""
    start = nothing()
    return apply_all(start, planned(config(), start).actions)


def planned(settings: Config, estate: Estate, *allow: Allowance, arm: bool = True) -> Plan:
    """Return the plan for an estate, by default the one that arms it as well."""
    return plan(blueprint_for(settings, estate), estate, allow=frozenset(allow), arm=arm)


def with_facts(estate: Estate, facts: Mapping[str, Any]) -> Estate:
    """Return the estate with facts replaced by path, as in ``{"trails.0.bucket": "other"}``."""
    tree: Any = msgspec.json.decode(msgspec.json.encode(estate))
    for path, value in facts.items():
        *parents, last = (int(step) if step.isdecimal() else step for step in path.split("."))
        place = tree
        for step in parents:
            place = place[step]
        place[last] = value
    changed: Estate = msgspec.json.decode(msgspec.json.encode(tree), type=Estate)
    return changed


def _account(identity: str, name: str, parent: str) -> Account:
    return Account(id=identity, name=name, email=f"{name}@example.com", status="ACTIVE", parent=parent)
