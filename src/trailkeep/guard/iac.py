"""What other tools are given of a blueprint: their files, and what they cannot say.

An export is made of the plan for an organization in which nothing was done yet (``blank_estate``), so that it
holds exactly the actions of ``apply``. What a target cannot express becomes a step with its AWS CLI command,
to be done before or after; it is never left out silently.
"""

from __future__ import annotations

import re

import msgspec

from trailkeep.guard.blueprint import Blueprint
from trailkeep.guard.changes import (
    Action,
    CreateAccount,
    CreateTrail,
    EnablePolicyType,
    EnableTrustedAccess,
    PutAccountPublicAccessBlock,
)
from trailkeep.guard.estate import (
    Absent,
    Account,
    Caller,
    Estate,
    Organization,
    Root,
    Unasked,
    estate_of_one_account,
)

__all__ = ["ROOT", "Export", "File", "Step", "blank_estate", "logical_id", "recursive_logging_step", "step"]

ROOT = "<organization root>"
"""Stands for the id of the organization's root, which no configuration names."""

_FIRST = (CreateAccount, EnableTrustedAccess, EnablePolicyType, PutAccountPublicAccessBlock)
"""What the target needs, and what the guards would refuse once they are attached."""


class File(msgspec.Struct, frozen=True, kw_only=True):
    """One file of an export."""

    name: str
    text: str


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """What the target cannot express; ``first`` says that it comes before the target is deployed."""

    action: str
    account: str
    reason: str
    command: str
    first: bool


class Export(msgspec.Struct, frozen=True, kw_only=True):
    """The files for one target and the steps beside them, in the order of the plan."""

    files: tuple[File, ...]
    steps: tuple[Step, ...]


def blank_estate(blueprint: Blueprint) -> Estate:
    """Return the organization or the account of the blueprint before anything was set up."""
    if not blueprint.is_of_organization:
        return account_estate(blueprint)
    accounts = [
        Account(id=account, name="", email="", status="ACTIVE", parent=ROOT)
        for account in (blueprint.management_account, blueprint.archive_account)
    ]
    return Estate(
        caller=Caller(account=blueprint.management_account, arn="", partition=blueprint.partition),
        organization=Organization(
            id=blueprint.organization_id,
            management_account=blueprint.management_account,
            feature_set="ALL",
        ),
        roots=(Root(id=ROOT, policy_types=()),),
        units=(),
        accounts=tuple(accounts),
        trusted_services=(),
        service_control_policies=(),
        resource_control_policies=(),
        trails=(),
        archive_account=blueprint.archive_account,
        bucket=Absent(),
    )


def account_estate(blueprint: Blueprint) -> Estate:
    """Return one account before anything was set up, seen by its root user."""
    arn = f"arn:{blueprint.partition}:iam::{blueprint.archive_account}:root"
    caller = Caller(account=blueprint.archive_account, arn=arn, partition=blueprint.partition)
    return estate_of_one_account(caller, organization=Unasked(), archive_account=blueprint.archive_account)


def step(action: Action, command: str) -> Step:
    """Return an action as a step for a human."""
    return Step(
        action=action.id,
        account=action.account,
        reason=action.reason,
        command=command,
        first=isinstance(action, _FIRST),
    )


def recursive_logging_step(action: CreateTrail) -> tuple[Step, ...]:
    """Return the step that keeps CloudTrail from recording its own deliveries; only the API can say it.

    Source: https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_UpdateTrail.html
    """
    if action.recursive_logging:
        return ()
    command = f"aws cloudtrail update-trail --name {action.target} --no-recursive-logging"
    return (
        Step(
            action="trail.recursive_logging",
            account=action.account,
            reason="CloudTrail would record its own deliveries as data events",
            command=f"{command} --region {action.region}",
            first=False,
        ),
    )


def logical_id(name: str) -> str:
    """Return a name in the letters that every target takes: ``trailkeep-archive`` is ``TrailkeepArchive``."""
    return "".join(part.capitalize() for part in re.findall(r"[A-Za-z0-9]+", name))
