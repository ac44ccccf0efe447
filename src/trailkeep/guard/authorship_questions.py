"""For each line of a plan: the events that can have made it, as CloudTrail writes them.

S3's events are named after the permission or an older call where those differ from the API's name
(``PutBucketPublicAccessBlock``, ``PutBucketLifecycle``, ``PutBucketObjectLockConfiguration``); where the
documentation and recorded events differ, both names are looked for.

Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/cloudtrail-logging-s3-info.html
Source: https://docs.aws.amazon.com/organizations/latest/userguide/orgs_cloudtrail-integration.html
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping

from trailkeep.guard.authorship import Event, Gone, Question, holds
from trailkeep.guard.blueprint import Blueprint
from trailkeep.guard.changes import (
    Action,
    AttachPolicy,
    Change,
    CreateBucket,
    CreatePolicy,
    CreateTrail,
    DetachPolicy,
    EnablePolicyType,
    EnableTrustedAccess,
    PutBucketPolicy,
    PutObjectLock,
    PutOwnership,
    PutPublicAccessBlock,
    PutRequestPayment,
    PutVersioning,
    StartLogging,
    UpdatePolicy,
    UpdateTrail,
)
from trailkeep.guard.decisions import Concern
from trailkeep.guard.documents import canonical
from trailkeep.guard.plan import Plan

__all__ = ["questions"]

_S3 = "s3.amazonaws.com"
_CLOUDTRAIL = "cloudtrail.amazonaws.com"
_ORGANIZATIONS = "organizations.amazonaws.com"
_POLICY = ("PutBucketPolicy", "DeleteBucketPolicy")
_LIFECYCLE = ("PutBucketLifecycle", "PutBucketLifecycleConfiguration")
_SETTINGS: dict[type, tuple[str, ...]] = {
    CreateBucket: ("DeleteBucket", "CreateBucket"),
    PutVersioning: ("PutBucketVersioning",),
    PutPublicAccessBlock: (
        "PutBucketPublicAccessBlock",
        "DeleteBucketPublicAccessBlock",
        "PutPublicAccessBlock",
        "DeletePublicAccessBlock",
    ),
    PutOwnership: ("PutBucketOwnershipControls", "DeleteBucketOwnershipControls"),
    PutRequestPayment: ("PutBucketRequestPayment",),
    PutObjectLock: ("PutBucketObjectLockConfiguration", "PutObjectLockConfiguration"),
    PutBucketPolicy: _POLICY,
}
_BINDING = ("SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY")
_SWITCHES = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
_MEMBERS = {
    "organization trail": "isOrganizationTrail",
    "multi-region": "isMultiRegionTrail",
    "global service events": "includeGlobalServiceEvents",
    "log file validation": "enableLogFileValidation",
    "bucket": "s3BucketName",
    "key prefix": "s3KeyPrefix",
}


def questions(plan: Plan, blueprint: Blueprint) -> Iterator[Question]:
    """Yield a question for each action, waiting or blocked ones too, and concern that an event can have made.

    What follows from another line is not asked for: the settings of a bucket that is gone, the start of a
    trail that is gone, the attachment of a policy that is gone or that the plan itself lifts.
    """
    waiting = [one.action for one in plan.waiting]
    actions = [*plan.actions, *waiting, *(blocked.action for blocked in plan.blocked)]
    follows = _followers(actions)
    for action in actions:
        if not follows(action) and (question := _of_action(action)):
            yield question
    for concern in plan.concerns:
        if question := _of_concern(concern, blueprint):
            yield question


def _followers(actions: Iterable[Action]) -> Callable[[Action], bool]:
    no_bucket = any(isinstance(action, CreateBucket) for action in actions)
    no_trail = any(isinstance(action, CreateTrail) for action in actions)
    lifted = {(one.policy_id, one.target_id) for one in actions if isinstance(one, DetachPolicy)}

    def follows(action: Action) -> bool:
        match action:
            case AttachPolicy():
                return not action.policy_id or (action.policy_id, action.target_id) in lifted
            case StartLogging():
                return no_trail
            case _:
                return no_bucket and type(action) in _SETTINGS and not isinstance(action, CreateBucket)

    return follows


def _of_action(action: Action) -> Question | None:
    match action:
        case (
            CreateBucket()
            | PutVersioning()
            | PutPublicAccessBlock()
            | PutOwnership()
            | PutRequestPayment()
            | PutObjectLock()
            | PutBucketPolicy()
        ):
            return _bucket(action.id, action.bucket, _SETTINGS[type(action)], restores=_restoring(action))
        case CreateTrail() | UpdateTrail() | StartLogging():
            return _of_trail(action)
        case _:
            return _of_organization(action)


def _bucket(
    line: str,
    bucket: str,
    names: tuple[str, ...],
    *,
    observed: str = "",
    restores: Callable[[Event], bool] = lambda _: False,
) -> Question:
    return Question(
        action=line,
        observed=observed,
        source=_S3,
        names=names,
        texts=(bucket,),
        touches=lambda event: event.asked.get("bucketName") == bucket,
        restores=restores,
    )


def _restoring(action: Action) -> Callable[[Event], bool]:
    """Return whether an event set what the action would set."""
    match action:
        case PutVersioning():
            return _sets({"Status": "Enabled"})
        case PutPublicAccessBlock():
            return _sets(dict.fromkeys(_SWITCHES, True))
        case PutOwnership():
            return _sets({"ObjectOwnership": "BucketOwnerEnforced"})
        case PutRequestPayment():
            return _sets({"Payer": "BucketOwner"})
        case PutObjectLock():
            return _sets({"Mode": action.mode, "Days": action.days})
        case PutBucketPolicy():
            return _says("bucketPolicy", action.document)
        case CreateBucket():
            return lambda event: event.name == "CreateBucket"
        case _:
            return lambda _: False


def _sets(wanted: Mapping[str, object]) -> Callable[[Event], bool]:
    return lambda event: holds(event.asked, wanted)


def _says(parameter: str, document: str) -> Callable[[Event], bool]:
    """Return whether a policy that an event set says the same as ``document``."""

    def says(event: Event) -> bool:
        given = event.asked.get(parameter)
        text = given if isinstance(given, str) else json.dumps(given)
        return canonical(text) is not None and canonical(text) == canonical(document)

    return says


def _of_trail(action: CreateTrail | UpdateTrail | StartLogging) -> Question:
    arn = action.target
    touches = _trail(arn, action.account, action.region)
    match action:
        case CreateTrail():
            names, ends = ("DeleteTrail", "CreateTrail"), "CreateTrail"
        case StartLogging():
            names, ends = ("StopLogging", "StartLogging"), "StartLogging"
        case UpdateTrail():
            return Question(
                action=action.id,
                source=_CLOUDTRAIL,
                names=("UpdateTrail", "CreateTrail"),
                texts=(arn, _name(arn)),
                touches=lambda event: touches(event) and _sets_any(event, action.changes),
                restores=lambda event: not _sets_wrong(event, action.changes),
            )
    return Question(
        action=action.id,
        source=_CLOUDTRAIL,
        names=names,
        texts=(arn, _name(arn)),
        touches=touches,
        restores=lambda event: event.name == ends,
    )


def _name(arn: str) -> str:
    return arn.rpartition("/")[2]


def _trail(arn: str, account: str, region: str) -> Callable[[Event], bool]:
    """Return whether an event is about a trail: by its ARN, or by its name in its account and home region."""

    def is_about(event: Event) -> bool:
        named = event.asked.get("name") or event.asked.get("trailName")
        return named == arn or (named == _name(arn) and (event.account, event.region) == (account, region))

    return is_about


def _sets_any(event: Event, changes: Iterable[Change]) -> bool:
    return any(event.asked.get(_MEMBERS[change.field]) is not None for change in changes)


def _sets_wrong(event: Event, changes: Iterable[Change]) -> bool:
    """Whether an event set something to another value than the one that is asked for."""
    return any(
        _word(given) != change.after
        for change in changes
        if (given := event.asked.get(_MEMBERS[change.field])) is not None
    )


def _word(value: object) -> str:
    return {"true": "yes", "false": "no", "": "none"}.get(str(value).lower(), str(value))


def _of_organization(action: Action) -> Question | None:
    def ask(
        names: tuple[str, ...],
        touches: Callable[[Event], bool],
        restores: Callable[[Event], bool] = lambda event: event.name.startswith(("Enable", "Attach")),
    ) -> Question:
        return Question(
            action=action.id, source=_ORGANIZATIONS, names=names, touches=touches, restores=restores
        )

    match action:
        case EnableTrustedAccess():
            names = ("DisableAWSServiceAccess", "EnableAWSServiceAccess")
            return ask(names, _sets({"servicePrincipal": action.service}))
        case EnablePolicyType():
            return ask(("DisablePolicyType", "EnablePolicyType"), _sets({"policyType": action.policy_type}))
        case AttachPolicy():
            return ask(
                ("DetachPolicy", "AttachPolicy", "DisablePolicyType"),
                lambda event: (
                    event.asked.get("policyType") in _BINDING
                    or holds(event.asked, {"policyId": action.policy_id, "targetId": action.target_id})
                ),
            )
        case UpdatePolicy():
            same = _sets({"policyId": action.policy_id})
            return ask(("UpdatePolicy",), same, _says("content", action.document))
        case CreatePolicy():
            gone = Gone(maker="CreatePolicy", asked={"name": action.name}, parameter="policyId")
            return Question(action=action.id, source=_ORGANIZATIONS, names=("DeletePolicy",), gone=gone)
        case _:
            return None


def _of_concern(concern: Concern, blueprint: Blueprint) -> Question | None:
    observed = concern.observed
    if concern.subject == f"bucket {blueprint.bucket}":
        names = _LIFECYCLE if "lifecycle" in observed else _POLICY
        return _bucket(concern.subject, blueprint.bucket, names, observed=observed)
    if "event selectors" in observed:
        arn = blueprint.trail_arn
        return Question(
            action=concern.subject,
            observed=observed,
            source=_CLOUDTRAIL,
            names=("PutEventSelectors",),
            texts=(arn, _name(arn)),
            touches=_trail(arn, blueprint.management_account, blueprint.trail_region),
        )
    return None
