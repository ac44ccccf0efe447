"""The plan as a shell script of AWS CLI commands, for an organization in which nothing was done yet."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator

from trailkeep.aws.describe import command
from trailkeep.aws.describe_key import alias_arguments, encryption_arguments
from trailkeep.guard.blueprint import Blueprint
from trailkeep.guard.changes import (
    Action,
    AttachPolicy,
    CreateKey,
    CreatePolicy,
    CreateTrail,
    EnableKeyRotation,
)
from trailkeep.guard.iac import ROOT, recursive_logging_step
from trailkeep.guard.key_policy import NEW_KEY

__all__ = ["LIST_ROOT", "script"]

LIST_ROOT = "aws organizations list-roots --query 'Roots[0].Id' --output text"
"""Prints the id of the organization's root."""

_POLICY_ID = "<policy id>"
_HEAD = """\
#!/usr/bin/env bash
# Sets the archive up, once, from nothing; run it with the credentials of {whose}.
# What exists already makes it stop: then use 'trailkeep apply', which goes on from there.
set -euo pipefail

# AWS is eventually consistent: what was just made is not visible everywhere at once.
again() {{
  for seconds in 2 4 8 16 32; do
    "$@" && return
    echo "again in $seconds s: $1 $2 $3" >&2
    sleep "$seconds"
  done
  "$@"
}}
"""
_ROLE = """\
role=$(aws sts assume-role --role-arn {role} --role-session-name trailkeep \\
  --query 'Credentials.[AccessKeyId,SecretAccessKey,SessionToken]' --output text)
read -r role_key role_secret role_token <<<"$role"
in_archive() {{
  AWS_ACCESS_KEY_ID=$role_key AWS_SECRET_ACCESS_KEY=$role_secret AWS_SESSION_TOKEN=$role_token "$@"
}}
"""


def script(blueprint: Blueprint, actions: Iterable[Action]) -> str:
    """Return a bash script that does what ``apply`` would; it needs bash and the AWS CLI."""
    actions = tuple(actions)
    role = f"arn:{blueprint.partition}:iam::{blueprint.archive_account}:role/{blueprint.access_role}"
    if blueprint.is_of_organization:
        parts = [_HEAD.format(whose="the management account"), _ROLE.format(role=shlex.quote(role))]
    else:
        parts = [_HEAD.format(whose=f"account {blueprint.archive_account}")]
    if any(shlex.quote(ROOT) in command(action) for action in actions):
        parts.append(f"root=$({LIST_ROOT})\n")
    parts += [
        f"# {action.id} in {action.account}: {' '.join(action.reason.split())}\n{line}\n"
        for action in actions
        for line in _commands(action, blueprint)
    ]
    return "\n".join(parts)


def _commands(action: Action, blueprint: Blueprint) -> Iterator[str]:
    """Yield the command with shell variables in place of what earlier commands returned."""
    said = command(action).replace(shlex.quote(ROOT), '"$root"')
    if isinstance(action, CreateTrail):
        said = said.replace(" --no-recursive-logging", "")
    if isinstance(action, AttachPolicy):
        said = said.replace(shlex.quote(_POLICY_ID), f'"${_variable(action.name)}"')
    said = _with_key(said)
    if isinstance(action, CreateKey):
        yield _key(action, "in_archive " if blueprint.is_of_organization else "")
    elif isinstance(action, EnableKeyRotation):
        yield f"again {'in_archive ' if blueprint.is_of_organization else ''}{said}"
    elif not blueprint.is_of_organization:
        yield f"again {said}" if said.startswith("aws cloudtrail ") else said
    elif action.account == blueprint.archive_account:
        yield f"in_archive {said}"
    elif isinstance(action, CreatePolicy):
        yield f"{_variable(action.name)}=$({said} --query Policy.PolicySummary.Id --output text)"
    else:
        yield f"again {said}"
    if isinstance(action, CreateTrail):
        for later in recursive_logging_step(action):
            yield f"{later.command} || echo 'update the AWS CLI, then: {later.command}' >&2"


def _with_key(said: str) -> str:
    """Return a command with the shell variable in place of the key's ARN, alone or inside a quoted word."""
    return said.replace(shlex.quote(NEW_KEY), '"$key"').replace(NEW_KEY, "'\"$key\"'")


def _key(action: CreateKey, where: str) -> str:
    """Return what makes the key, keeps its ARN and names it; a key of this name is looked for first.

    Nothing else keeps a second run from leaving a key behind that nobody uses: KMS takes any number of them.
    """
    named = shlex.quote(f"Aliases[?AliasName=='{action.alias}'].AliasArn")
    made = shlex.join(["aws", *encryption_arguments(action)])
    alias = _with_key(shlex.join(["aws", *alias_arguments(action)]))
    return "\n".join(
        [
            f"named=$({where}aws kms list-aliases --region {action.region} --query {named} --output text)",
            '[ -z "$named" ] || { echo "$named is there: use \'trailkeep apply\'" >&2; exit 1; }',
            f"key=$({where}{made} --query KeyMetadata.Arn --output text)",
            f"again {where}{alias}",
        ]
    )


def _variable(name: str) -> str:
    return "policy_" + re.sub(r"[^a-z0-9]", "_", name.lower())
