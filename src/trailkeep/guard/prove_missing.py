"""What is not there that would have refused a request: Deny statements that nearly do, or none at all."""

from __future__ import annotations

from collections.abc import Iterator

from trailkeep.guard.conditions import condition_holds, single_value
from trailkeep.guard.evaluate import Request
from trailkeep.guard.matching import Variable, Wild, arn_parts, glob_matches, resource_matches
from trailkeep.guard.principals import Grant, implied_context, named_by
from trailkeep.guard.prove_callers import Asker
from trailkeep.guard.prove_closure import Prover
from trailkeep.guard.prove_guards import Guard, about
from trailkeep.guard.statement import Effect, Statement
from trailkeep.guard.threat import Call, Control, Threat

__all__ = ["applying", "is_near", "missing", "names_service", "near_misses"]

_SERVICE = 2
"""The place of the service among the segments of an ARN."""


def missing(prover: Prover, asker: Asker, request: Request, call: Call, threat: Threat) -> str:
    """Return in words what would refuse a request that gets through."""
    near = [words for _, _, words in near_misses(prover, asker, request, call)]
    if near:
        return "; ".join(near)
    controls = [control for control in threat.controls if _could(control, prover, asker, call)]
    listed = ", ".join(control.value for control in controls) or "any policy"
    return f"no statement that denies {request.action} on {request.resource} in {listed}"


def near_misses(
    prover: Prover, asker: Asker, request: Request, call: Call
) -> Iterator[tuple[Guard, Statement, str]]:
    """Yield the Deny statements that name the action, and why they do not refuse this request."""
    for guard in applying(prover, asker, call):
        for statement in guard.policy.statements:
            if statement.effect is Effect.DENY and is_near(statement, request.action):
                why = _why(guard, statement, request)
                yield (
                    guard,
                    statement,
                    f"{statement.label!r} of {guard.name} names {request.action}, but {why}",
                )


def is_near(statement: Statement, action: str) -> bool:
    """Say whether a statement means an action: by name, or by NotAction on resources of its service."""
    if not about(statement, action) or not statement.resources:
        return False
    return bool(statement.actions) or names_service(statement, action.partition(":")[0])


def names_service(statement: Statement, service: str) -> bool:
    """Say whether a statement is about resources of a service, by more than a lone ``*``."""
    return any(_may_name(text, service) for text in statement.resources if text != "*")


def _may_name(text: str, service: str) -> bool:
    """Say whether an ARN pattern, which may stop early as ``arn:*`` does, covers something of a service."""
    segments = arn_parts(text, variables=True)
    segment = segments[_SERVICE] if len(segments) > _SERVICE else (Wild.ANY,)
    return glob_matches(tuple(Wild.ANY if isinstance(part, Variable) else part for part in segment), service)


def applying(prover: Prover, asker: Asker, call: Call) -> Iterator[Guard]:
    """Yield the documents that have a say."""
    guards = prover.guards
    scps = (guard for level in asker.scps for guard in level)
    rcps = (guard for level in guards.rcps for guard in level)
    resources = (guard for guard in (guards.bucket_policy, guards.key_policy) if guard)
    for guard in (*scps, *rcps, *resources):
        if prover.applies(guard.control, asker, call):
            yield guard


def _could(control: Control, prover: Prover, asker: Asker, call: Call) -> bool:
    if control in {Control.ARCHIVE_SCP, Control.ORGANIZATION_SCP}:
        return bool(asker.scps) or asker.caller.account_id != prover.guards.facts.management_account
    return prover.applies(control, asker, call)


def _why(guard: Guard, statement: Statement, request: Request) -> str:
    context = {key.lower(): values for key, values in request.context.items()}
    context = {**implied_context(request.principal), **context}
    lookup = single_value(context)
    variables = guard.policy.knows_variables
    listed = statement.resources or statement.not_resources
    matches = any(resource_matches(text, request.resource, lookup, variables=variables) for text in listed)
    if listed and matches is not bool(statement.resources):
        word = "Resource" if statement.resources else "NotResource"
        return f"its {word} ({', '.join(listed[:2])}) does not cover {request.resource}"
    is_named = bool(statement.principals or statement.not_principals)
    if is_named and named_by(statement, request.principal, context, has_boundary=False) is Grant.NONE:
        return "its Principal does not name this caller"
    for condition in statement.conditions:
        if not condition_holds(condition, context, variables=variables):
            return f"its condition {condition.operator} on {condition.key} does not hold"
    return "it does not bind this caller"
