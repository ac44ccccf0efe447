"""The guards that ``apply`` attaches, proved: for every caller, every name, every condition key at once."""

from __future__ import annotations

from dataclasses import replace

from estates import config, nothing
from trailkeep.guard.blueprint import blueprint_for
from trailkeep.guard.evaluate import FULL_AWS_ACCESS, Layer, Layers, PrincipalKind
from trailkeep.guard.policy import parse_policy
from trailkeep.guard.s3_actions import LEVELS, WRITES, Level
from trailkeep.guard.statement import Policy
from trailkeep.guard.symbolic import (
    Caller,
    Form,
    KeyFact,
    Outcome,
    Presence,
    Question,
    depth,
    every_caller,
    prove,
    sufficient_layers,
)

_BLUEPRINT = blueprint_for(config(), nothing())
_GUARDS = {guard.key: parse_policy(guard.document, name=guard.name) for guard in _BLUEPRINT.guards}
_BUCKET_POLICY = parse_policy(_BLUEPRINT.bucket_policy, name="bucket policy")
_OPEN = parse_policy(
    '{"Statement":{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}}', name="bucket policy"
)
_BUCKET = "arn:aws:s3:::acme-trail-archive"
_MANAGEMENT, _ARCHIVE, _MEMBER = "111111111111", "222222222222", "333333333333"
_TRAIL = f"arn:aws:cloudtrail:eu-central-1:{_MANAGEMENT}:trail/trailkeep"
_CALLERS = every_caller(
    accounts=[_MANAGEMENT, _ARCHIVE, _MEMBER],
    services=["cloudtrail.amazonaws.com"],
    organization_id="o-exampleorgid",
)
_ROOT, _ADMIN = (
    Caller(kind=kind, account_id=_ARCHIVE, organization_id="o-exampleorgid")
    for kind in (PrincipalKind.ROOT, PrincipalKind.IAM)
)
_ACTIONS = {action: LEVELS[action] for action in WRITES if LEVELS[action] in {Level.BUCKET, Level.OBJECT}}


def _scps(account_id: str) -> tuple[tuple[Policy, ...], ...]:
    root, own = (FULL_AWS_ACCESS, _GUARDS["members"]), (FULL_AWS_ACCESS, _GUARDS["scp"])
    return {_ARCHIVE: (root, own), _MEMBER: (root,)}.get(account_id, ())


def _question(caller: Caller, action: str, bucket_policy: Policy = _BUCKET_POLICY) -> Question:
    return Question(
        caller=caller,
        action=action,
        resources=(f"{_BUCKET}/*" if _ACTIONS[action] is Level.OBJECT else _BUCKET,),
        resource_account_id=_ARCHIVE,
        layers=Layers(
            scps=_scps(caller.account_id),
            rcps=((_GUARDS["rcp"],),),
            resource_policy=bucket_policy,
            management_account_id=_MANAGEMENT,
        ),
    )


def test_nobody_but_the_trail_and_aws_itself_changes_the_archive() -> None:
    """No user, role or root user of any account changes bucket or objects; only CloudTrail writes."""
    found = {
        (action, caller): prove(_question(caller, action)).outcome
        for action in _ACTIONS
        for caller in _CALLERS
    }
    open_ = {
        (action, str(caller))
        for (action, caller), outcome in found.items()
        if outcome is not Outcome.NONE and caller.kind is not PrincipalKind.SERVICE_LINKED_ROLE
    }
    assert len(found) == len(_ACTIONS) * len(_CALLERS) >= 800
    assert open_ == {("s3:PutObject", "cloudtrail.amazonaws.com")}


def test_an_opened_bucket_policy_opens_the_archive_to_no_account() -> None:
    """Even where the bucket policy lets everybody do everything, the guards leave no account anything."""
    for action in _ACTIONS:
        for caller in _CALLERS:
            if caller.kind in {PrincipalKind.ROOT, PrincipalKind.IAM, PrincipalKind.ANONYMOUS}:
                answer = prove(_question(caller, action, _OPEN))
                assert answer.outcome is Outcome.NONE, (action, str(caller), answer.witness)


def test_no_other_trail_writes() -> None:
    """CloudTrail itself writes for no trail but ours, even where the bucket policy lets it."""
    cloudtrail = Caller(kind=PrincipalKind.SERVICE, service="cloudtrail.amazonaws.com")
    trails = KeyFact(form=Form.ARN, patterns=("arn:aws:cloudtrail:*:*:trail/*",), excluded=(_TRAIL,))
    ours = KeyFact(presence=Presence.ALWAYS, values=(_TRAIL,))
    question = _question(cloudtrail, "s3:PutObject", _OPEN)
    assert prove(replace(question, facts={"aws:SourceArn": trails})).outcome is Outcome.NONE
    assert prove(replace(question, facts={"aws:SourceArn": ours})).outcome is Outcome.ALLOWED


def test_two_guards_must_fail_before_the_archive_account_reaches_a_log() -> None:
    """Each of the two guards of the archive is enough against its root user and its administrators."""
    for caller in (_ROOT, _ADMIN):
        for action in ("s3:DeleteObjectVersion", "s3:PutBucketPolicy", "s3:BypassGovernanceRetention"):
            question = _question(caller, action)
            assert sufficient_layers(question) == {Layer.SCP, Layer.RCP}
            assert depth(question) == 2


def test_service_linked_roles_are_bound_by_no_guard() -> None:
    """A service-linked role of the archive account may do what its own policy, which is AWS's, allows."""
    linked = Caller(kind=PrincipalKind.SERVICE_LINKED_ROLE, account_id=_ARCHIVE)
    assert prove(_question(linked, "s3:DeleteObjectVersion")).outcome is Outcome.ALLOWED
