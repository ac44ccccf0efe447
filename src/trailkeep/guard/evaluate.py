"""What AWS would answer to one request, and which statement decides.

::

    1  an explicit deny in any policy that applies decides      (layers in the order below)
    2  every SCP level on the caller's path must allow          where SCPs apply to the caller
    3  the VPC endpoint policy must allow                       where one is on the path
    4  same account   the resource policy names the caller directly, or identity, boundary and session
                      policies allow; KMS keys and role trust: the resource policy must name the caller too,
                      or at least its account
       other account  the resource policy allows, and identity, boundary and session policies allow
       service, anonymous   the resource policy allows

* SCPs bind users, roles and root of member accounts; not the management account, service-linked roles or
  AWS services. RCPs bind whoever calls, but not resources of the management account, nor service-linked
  roles, nor services that do not know them (``RCP_SERVICES``); they can only deny.
* The root user has full access by default; identity policies and boundaries do not apply to it.
* A grant to a role's ARN is limited by boundary and session policy; one to a user, a session or everybody
  is not.
* S3: no bucket policy keeps the owner's root user from the bucket policy itself, and nobody but the owner's
  account reaches it.

Not decided here: Object Lock, ACLs, Block Public Access, lifecycle expiration (it is no request), grants of
KMS, calls across accounts that need no resource policy (for those the resource account is the caller's).

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html,
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic-cross-account.html,
https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps.html,
https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_rcps.html,
https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketPolicy.html
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from trailkeep.guard.applicable import BUCKET_POLICY_ACTIONS, RCP_SERVICES, applicable
from trailkeep.guard.conditions import condition_holds, single_value
from trailkeep.guard.matching import action_matches, resource_matches, split_arn
from trailkeep.guard.principals import Grant, Principal, PrincipalKind, implied_context, named_by
from trailkeep.guard.request import (
    ADMINISTRATOR_ACCESS,
    FULL_AWS_ACCESS,
    Decision,
    Evaluation,
    Layer,
    Layers,
    Request,
    tells_owner,
)
from trailkeep.guard.statement import Effect, Policy, Statement

__all__ = [
    "ADMINISTRATOR_ACCESS",
    "FULL_AWS_ACCESS",
    "RCP_SERVICES",
    "TRUST_ACTIONS",
    "Decision",
    "Evaluation",
    "Layer",
    "Layers",
    "Principal",
    "PrincipalKind",
    "Request",
    "evaluate",
]

TRUST_ACTIONS = frozenset(
    {
        "sts:assumerole",
        "sts:assumerolewithsaml",
        "sts:assumerolewithwebidentity",
        "sts:setcontext",
        "sts:setsourceidentity",
        "sts:tagsession",
    }
)
"""The actions that a role trust policy must allow, in lower case."""
_LAYER_WORDS = {
    Layer.SCP: "service control policy",
    Layer.RCP: "resource control policy",
    Layer.ENDPOINT: "VPC endpoint policy",
    Layer.RESOURCE: "resource policy",
    Layer.IDENTITY: "identity policy",
    Layer.BOUNDARY: "permissions boundary",
    Layer.SESSION: "session policy",
}
_NAMES_CALLERS = frozenset({Layer.RCP, Layer.ENDPOINT, Layer.RESOURCE})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Hit:
    """A statement that matches the request."""

    layer: Layer
    policy: Policy
    statement: Statement
    grant: Grant


def evaluate(request: Request, layers: Layers) -> Evaluation:
    """Decide one request; the same input always names the same deciding statement.

    Of several explicit denies the first is named, in the order SCP, RCP, endpoint, resource policy, identity,
    boundary, session and then as listed.
    """
    case = _Case.of(request, layers)
    if deny := next(case.hits(Effect.DENY), None):
        return case.decided(Decision.EXPLICIT_DENY, deny)
    return case.guardrails() or case.service_rule() or case.grants()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """One request and the policies that apply to it: by layer, in one or more groups."""

    request: Request
    context: Mapping[str, tuple[str, ...]]
    groups: Mapping[Layer, tuple[tuple[Policy, ...], ...]]
    has_boundary: bool

    @classmethod
    def of(cls, request: Request, layers: Layers) -> _Case:
        given = {key.lower(): values for key, values in request.context.items() if values}
        implied = implied_context(request.principal)
        owner = request.resource_account_id
        if tells_owner(request.resource, owner):
            implied["aws:resourceaccount"] = (owner,)
        return cls(
            request=request,
            context={**implied, **given},
            groups=dict(applicable(request, layers)),
            has_boundary=layers.boundary is not None,
        )

    def hits(self, effect: Effect, *only: Layer) -> Iterator[_Hit]:
        """Yield the statements of an effect that match, in order."""
        for layer in only or tuple(self.groups):
            for group in self.groups.get(layer, ()):
                yield from self.group_hits(effect, layer, group)

    def group_hits(self, effect: Effect, layer: Layer, group: Iterable[Policy]) -> Iterator[_Hit]:
        for policy in group:
            for statement in policy.statements:
                grant = self.matches(layer, policy, statement) if statement.effect is effect else Grant.NONE
                if grant:
                    yield _Hit(layer=layer, policy=policy, statement=statement, grant=grant)

    def matches(self, layer: Layer, policy: Policy, statement: Statement) -> Grant:
        """Return how the statement names the caller, or NONE when any of its elements does not match."""
        variables = policy.knows_variables
        if not self.matches_action(statement) or not self.matches_resource(statement, variables=variables):
            return Grant.NONE
        grant = Grant.DIRECT
        if layer in _NAMES_CALLERS:
            grant = named_by(statement, self.request.principal, self.context, has_boundary=self.has_boundary)
        conditions = statement.conditions if grant else ()
        holds = all(condition_holds(each, self.context, variables=variables) for each in conditions)
        return grant if holds else Grant.NONE

    def matches_action(self, statement: Statement) -> bool:
        listed = statement.actions or statement.not_actions
        return any(action_matches(each, self.request.action) for each in listed) is bool(statement.actions)

    def matches_resource(self, statement: Statement, *, variables: bool) -> bool:
        """Without a Resource (role trust policies) a statement is about what it is attached to."""
        lookup = single_value(self.context)
        listed = statement.resources or statement.not_resources
        found = [
            resource_matches(each, self.request.resource, lookup, variables=variables) for each in listed
        ]
        if statement.not_resources:
            return all(same is False for same in found)
        return any(found) or not listed

    def guardrails(self) -> Evaluation | None:
        """Return the refusal of an SCP level or the endpoint policy that allows nothing, if there is one."""
        for layer in (Layer.SCP, Layer.ENDPOINT):
            for group in self.groups.get(layer, ()):
                if group and next(self.group_hits(Effect.ALLOW, layer, group), None) is None:
                    return self.missing(layer, group)
        return None

    def service_rule(self) -> Evaluation | None:
        request = self.request
        foreign = request.principal.account != request.resource_account_id
        if foreign and request.action.lower() in BUCKET_POLICY_ACTIONS:
            reason = (
                f"only the bucket owner's account may call {request.action}, whatever the bucket policy says"
            )
            return Evaluation(
                decision=Decision.IMPLICIT_DENY, layer=Layer.SERVICE, policy="", statement="", reason=reason
            )
        return None

    def grants(self) -> Evaluation:
        """Decide what no policy denies: does enough of them allow it."""
        resource = self.hits(Effect.ALLOW, Layer.RESOURCE)
        granted = max(resource, key=lambda hit: hit.grant, default=None)
        principal = self.request.principal
        same_account = principal.account == self.request.resource_account_id
        if not principal.has_credentials or not same_account:
            return self.across(granted)
        if granted and granted.grant is Grant.DIRECT:
            return self.decided(Decision.ALLOW, granted)
        if granted is None and self.resource_policy_is_needed():
            return self.missing(Layer.RESOURCE, self.resource_policies())
        if granted and granted.grant is Grant.ROLE and (self.limit(Layer.BOUNDARY, Layer.SESSION) is None):
            return self.decided(Decision.ALLOW, granted)
        return self.limit(Layer.IDENTITY, Layer.BOUNDARY, Layer.SESSION) or self.own_permission()

    def across(self, granted: _Hit | None) -> Evaluation:
        """Decide for a caller of another account, a service or anonymous: the resource policy must allow."""
        if granted is None:
            return self.missing(Layer.RESOURCE, self.resource_policies())
        limit = self.limit(Layer.IDENTITY, Layer.BOUNDARY, Layer.SESSION)
        return limit or self.decided(Decision.ALLOW, granted)

    def limit(self, *needed: Layer) -> Evaluation | None:
        """Return the refusal of the first of these layers that is there and does not allow."""
        for layer in needed:
            for group in self.groups.get(layer, ()):
                if next(self.group_hits(Effect.ALLOW, layer, group), None) is None:
                    return self.missing(layer, group)
        return None

    def own_permission(self) -> Evaluation:
        """Return the allow of the caller's own permissions, after every limit was passed."""
        if hit := next(self.hits(Effect.ALLOW, Layer.IDENTITY), None):
            return self.decided(Decision.ALLOW, hit)
        reason = f"{self.request.principal} has full access by default and no policy denies {self.asked()}"
        return Evaluation(decision=Decision.ALLOW, layer=Layer.ROOT, policy="", statement="", reason=reason)

    def resource_policies(self) -> tuple[Policy, ...]:
        return tuple(policy for group in self.groups.get(Layer.RESOURCE, ()) for policy in group)

    def resource_policy_is_needed(self) -> bool:
        """Say whether identity policies alone are not enough: KMS keys and role trust."""
        segments = split_arn(self.request.resource)
        if segments is None:
            return False
        is_key = segments[2] == "kms" and segments[5].startswith("key/")
        is_role = segments[2] == "iam" and segments[5].startswith("role/")
        return is_key or (is_role and self.request.action.lower() in TRUST_ACTIONS)

    def asked(self) -> str:
        return f"{self.request.action} on {self.request.resource}"

    def decided(self, decision: Decision, hit: _Hit) -> Evaluation:
        verb = "allows" if decision is Decision.ALLOW else "denies"
        where = f"statement {hit.statement.label!r} of the {_LAYER_WORDS[hit.layer]} {hit.policy.name!r}"
        return Evaluation(
            decision=decision,
            layer=hit.layer,
            policy=hit.policy.name,
            statement=hit.statement.label,
            reason=f"{where} {verb} {self.asked()} to {self.request.principal}",
        )

    def missing(self, layer: Layer, group: Iterable[Policy]) -> Evaluation:
        words = _LAYER_WORDS[layer]
        names = ", ".join(repr(policy.name) for policy in group)
        where = f" in {names}" if names else ""
        return Evaluation(
            decision=Decision.IMPLICIT_DENY,
            layer=layer,
            policy="",
            statement="",
            reason=f"no {words} statement{where} allows {self.asked()} to {self.request.principal}",
        )
