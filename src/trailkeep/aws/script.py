"""The plan as a shell script of AWS CLI commands, for an organization in which nothing was done yet."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator

from trailkeep.aws.describe import command
from trailkeep.guard.blueprint import Blueprint
from trailkeep.guard.changes import Action, AttachPolicy, CreatePolicy, CreateTrail
from trailkeep.guard.iac import ROOT, recursive_logging_step

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
    if not blueprint.is_of_organization:
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


def _variable(name: str) -> str:
    return "policy_" + re.sub(r"[^a-z0-9]", "_", name.lower())
