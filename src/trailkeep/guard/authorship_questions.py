"""For each line of a plan: the events that can have made it, as CloudTrail writes them.

S3's events are named after the permission or an older call where those differ from the API's name
(``PutBucketPublicAccessBlock``, ``PutBucketLifecycle``, ``PutBucketObjectLockConfiguration``); where the
documentation and recorded events differ, both names are looked for.

Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/cloudtrail-logging-s3-info.html
Source: https://docs.aws.amazon.com/organizations/latest/userguide/orgs_cloudtrail-integration.html
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator

from trailkeep.guard.authorship import Gone, Question, holds
from trailkeep.guard.authorship_keys import ask_key, ask_key_policy, ask_key_state
from trailkeep.guard.authorship_matches import Test, has_each, never, says, sets
from trailkeep.guard.authorship_trail import ask_about_trail, ask_trail
from trailkeep.guard.blueprint import Blueprint
from trailkeep.guard.changes import (
    Action,
    AttachPolicy,
    CreateBucket,
    CreateKey,
    CreatePolicy,
    CreateTrail,
    DetachPolicy,
    EnableKeyRotation,
    EnablePolicyType,
    EnableTrustedAccess,
    PutAccountPublicAccessBlock,
    PutBucketEncryption,
    PutBucketPolicy,
    PutEventSelectors,
    PutInsightSelectors,
    PutKeyPolicy,
    PutLifecycle,
    PutObjectLock,
    PutOwnership,
    PutPublicAccessBlock,
    PutRequestPayment,
    PutTags,
    PutVersioning,
    RegisterDelegatedAdmin,
    SetTrailKey,
    StartLogging,
    UpdatePolicy,
    UpdateTrail,
)
from trailkeep.guard.decisions import Concern
from trailkeep.guard.guard_documents import RCP, SCP
from trailkeep.guard.key_policy import NEW_KEY
from trailkeep.guard.plan import Plan

__all__ = ["questions"]

_S3 = "s3.amazonaws.com"
_CLOUDTRAIL = "cloudtrail.amazonaws.com"
_ORGANIZATIONS = "organizations.amazonaws.com"
_POLICY = ("PutBucketPolicy", "DeleteBucketPolicy")
_LIFECYCLE = ("PutBucketLifecycle", "PutBucketLifecycleConfiguration", "DeleteBucketLifecycle")
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
    PutBucketEncryption: ("PutBucketEncryption", "DeleteBucketEncryption"),
    PutLifecycle: _LIFECYCLE,
    PutTags: ("PutBucketTagging", "DeleteBucketTagging"),
}
_ACCOUNT = (
    "PutAccountPublicAccessBlock",
    "DeleteAccountPublicAccessBlock",
    "PutPublicAccessBlock",
    "DeletePublicAccessBlock",
)
_BLOCKED = dict.fromkeys(
    ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True
)
_ASKED: dict[type, dict[str, object]] = {
    PutVersioning: {"Status": "Enabled"},
    PutPublicAccessBlock: {**_BLOCKED},
    PutOwnership: {"ObjectOwnership": "BucketOwnerEnforced"},
    PutRequestPayment: {"Payer": "BucketOwner"},
}


def questions(plan: Plan, blueprint: Blueprint) -> Iterator[Question]:
    """Yield a question for each action, waiting or blocked ones too, and concern that an event can have made.

    What follows from another line is not asked for: the settings of a bucket or trail that is gone, the use
    of a key that is gone, the attachment of a policy that is gone or that the plan itself lifts.
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
            case CreateBucket() | CreateTrail():
                return False
            case AttachPolicy():
                return not action.policy_id or (action.policy_id, action.target_id) in lifted
            case EnableKeyRotation():
                return action.key == NEW_KEY
            case SetTrailKey() | PutBucketEncryption() if action.kms_key == NEW_KEY:
                return True
            case StartLogging() | SetTrailKey() | PutEventSelectors() | PutInsightSelectors():
                return no_trail
            case _:
                return no_bucket and type(action) in _SETTINGS

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
            | PutBucketEncryption()
            | PutLifecycle()
            | PutTags()
        ):
            return _bucket(action.id, action.bucket, _SETTINGS[type(action)], restores=_restoring(action))
        case PutAccountPublicAccessBlock():
            return _account(action)
        case (
            CreateTrail()
            | UpdateTrail()
            | StartLogging()
            | SetTrailKey()
            | PutEventSelectors()
            | PutInsightSelectors()
        ):
            return ask_trail(action)
        case CreateKey() | PutKeyPolicy() | EnableKeyRotation():
            return ask_key(action)
        case RegisterDelegatedAdmin():
            return _delegation(action)
        case _:
            return _of_organization(action)


def _bucket(
    line: str,
    bucket: str,
    names: tuple[str, ...],
    *,
    observed: str = "",
    restores: Test = never,
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


def _restoring(action: Action) -> Test:
    """Return whether an event set what the action would set."""
    match action:
        case PutVersioning() | PutPublicAccessBlock() | PutOwnership() | PutRequestPayment():
            return sets(_ASKED[type(action)])
        case PutObjectLock():
            return sets({"Mode": action.mode, "Days": action.days})
        case PutBucketPolicy():
            return says("bucketPolicy", action.document)
        case PutBucketEncryption():
            return sets({"KMSMasterKeyID": action.kms_key} if action.kms_key else {"SSEAlgorithm": "AES256"})
        case PutLifecycle():
            return has_each(json.loads(action.document))
        case PutTags():
            return has_each({"Key": tag.key, "Value": tag.value} for tag in action.tags)
        case CreateBucket():
            return lambda event: event.name == "CreateBucket"
        case _:
            return never


def _account(action: PutAccountPublicAccessBlock) -> Question:
    """Return the question about the block of the whole account, whose events name no bucket."""
    return Question(
        action=action.id,
        source=_S3,
        names=_ACCOUNT,
        touches=lambda event: event.account == action.account and "bucketName" not in event.asked,
        restores=sets(_BLOCKED),
    )


def _delegation(action: RegisterDelegatedAdmin) -> Question:
    return Question(
        action=action.id,
        source=_CLOUDTRAIL,
        names=("DeregisterOrganizationDelegatedAdmin", "RegisterOrganizationDelegatedAdmin"),
        texts=(action.member,),
        touches=lambda event: action.member in event.asked.values(),
        restores=lambda event: event.name.startswith("Register"),
    )


def _of_organization(action: Action) -> Question | None:
    def ask(
        names: tuple[str, ...],
        touches: Test,
        restores: Test = lambda event: event.name.startswith(("Enable", "Attach")),
    ) -> Question:
        return Question(
            action=action.id, source=_ORGANIZATIONS, names=names, touches=touches, restores=restores
        )

    match action:
        case EnableTrustedAccess():
            names = ("DisableAWSServiceAccess", "EnableAWSServiceAccess")
            return ask(names, sets({"servicePrincipal": action.service}))
        case EnablePolicyType():
            return ask(("DisablePolicyType", "EnablePolicyType"), sets({"policyType": action.policy_type}))
        case AttachPolicy():
            kind = RCP if action.id.startswith("rcp.") else SCP
            return ask(
                ("DetachPolicy", "AttachPolicy", "DisablePolicyType"),
                lambda event: (
                    event.asked.get("policyType") == kind
                    or holds(event.asked, {"policyId": action.policy_id, "targetId": action.target_id})
                ),
            )
        case UpdatePolicy():
            same = sets({"policyId": action.policy_id})
            return ask(("UpdatePolicy",), same, says("content", action.document))
        case CreatePolicy():
            gone = Gone(maker="CreatePolicy", asked={"name": action.name}, parameter="policyId")
            return Question(action=action.id, source=_ORGANIZATIONS, names=("DeletePolicy",), gone=gone)
        case _:
            return None


def _of_concern(concern: Concern, blueprint: Blueprint) -> Question | None:
    observed = concern.observed
    if concern.subject == f"bucket {blueprint.bucket}":
        names = _POLICY if observed.startswith("the bucket policy") else _LIFECYCLE
        return _bucket(concern.subject, blueprint.bucket, names, observed=observed)
    if "event selectors" in observed:
        return ask_about_trail(
            concern.subject,
            blueprint.trail_arn,
            blueprint.management_account,
            blueprint.trail_region,
            ("PutEventSelectors",),
            observed=observed,
        )
    if concern.subject.startswith("key "):
        ask = ask_key_policy if observed.startswith("the key policy") else ask_key_state
        return ask(concern.subject, concern.subject.removeprefix("key "), observed=observed)
    return None
