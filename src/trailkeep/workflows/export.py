"""``export``: the blueprint for other tools and for the console; nothing is asked of AWS."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

from trailkeep.aws.describe import command
from trailkeep.aws.script import LIST_ROOT, script
from trailkeep.core.config import Config
from trailkeep.core.errors import ConfigError
from trailkeep.core.partitions import partition_of
from trailkeep.guard.blueprint import Blueprint, draw_blueprint
from trailkeep.guard.changes import Action, PutBucketPolicy
from trailkeep.guard.cloudformation import cloudformation
from trailkeep.guard.delivery import Kind
from trailkeep.guard.explain import QUOTAS
from trailkeep.guard.guard_documents import RCP, SCP
from trailkeep.guard.iac import ROOT, Export, File, blank_estate
from trailkeep.guard.plan import plan
from trailkeep.guard.terraform import terraform

__all__ = ["Exported", "Target", "export_policies", "export_setup"]


class Target(StrEnum):
    """For which tool the whole setup is exported."""

    TERRAFORM = "terraform"
    CLOUDFORMATION = "cloudformation"
    CLI = "cli"


_FILES = {"scp": "scp-archive", "members": "scp-members", "rcp": "rcp-archive"}
_KINDS = {SCP: Kind.SCP, RCP: Kind.RCP}


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """One document: the file it belongs into, and its text; ``size`` and ``quota`` count bytes of it."""

    name: str
    kind: Kind
    text: str

    @property
    def size(self) -> int:
        """Bytes of the text as it is; white space counts against the quota."""
        return len(self.text.encode())

    @property
    def quota(self) -> int:
        """The most that AWS takes."""
        return QUOTAS[self.kind]


def export_policies(config: Config, *, minified: bool) -> tuple[Exported, ...]:
    """Return the documents that the configuration asks for.

    Raises:
        ConfigError: the account of the archive is not known yet, and a guard names it.
    """
    return tuple(_documents(config, minified=minified))


def export_setup(config: Config, target: Target) -> Export:
    """Return all that ``apply`` would do from nothing, in the language of another tool.

    Raises:
        ConfigError: the account of the archive is not known yet.
    """
    if not config.archive.account:
        raise _no_account("every target names the account")
    blueprint = _blueprint(config)
    actions = plan(blueprint, blank_estate(blueprint), arm=True).actions
    match target:
        case Target.TERRAFORM:
            return terraform(blueprint, _armed_at_once(actions), _described)
        case Target.CLOUDFORMATION:
            organized = blueprint.is_of_organization
            return cloudformation(_armed_at_once(actions), _described, of_organization=organized)
        case Target.CLI:
            return Export(files=(File(name="setup.sh", text=script(blueprint, actions)),), steps=())
        case _:
            assert_never(target)


def _armed_at_once(actions: tuple[Action, ...]) -> tuple[Action, ...]:
    """Return the actions for a target in which a bucket has one policy: the armed one, which says all."""
    return tuple(one for one in actions if not isinstance(one, PutBucketPolicy) or one.arms)


def _described(action: Action) -> str:
    """Return the AWS CLI command of an action; it finds the organization's root itself."""
    return command(action).replace(shlex.quote(ROOT), f'"$({LIST_ROOT})"')


def _blueprint(config: Config) -> Blueprint:
    partition = partition_of(config.archive.region)
    return draw_blueprint(config, partition=partition, archive_account=config.archive.account)


def _no_account(because: str) -> ConfigError:
    return ConfigError(
        "archive.account",
        f"expected 12 digits, because {because}, got ''; "
        "run 'trailkeep apply' to create the account, then write its id",
    )


def _documents(config: Config, *, minified: bool) -> Iterator[Exported]:
    naming = {
        "SCP": config.guards.scp,
        "RCP": config.guards.rcp,
        "key policy": config.archive.encryption == "sse-kms",
    }
    if not config.archive.account and any(naming.values()):
        first = next(what for what, is_wanted in naming.items() if is_wanted)
        raise _no_account(f"the {first} names the account")
    blueprint = _blueprint(config)
    yield _exported("bucket-policy.json", Kind.BUCKET, blueprint.armed_bucket_policy, minified=minified)
    if blueprint.key_policy:
        yield _exported("key-policy.json", Kind.KEY, blueprint.key_policy, minified=minified)
    for guard in blueprint.guards:
        if guard.document:
            yield _exported(
                f"{_FILES[guard.key]}.json", _KINDS[guard.policy_type], guard.document, minified=minified
            )


def _exported(name: str, kind: Kind, text: str, *, minified: bool) -> Exported:
    pretty = text if minified else json.dumps(json.loads(text), indent=2)
    return Exported(name=name, kind=kind, text=pretty)
