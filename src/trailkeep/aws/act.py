"""The executor that acts: one AWS call per action, and patience with AWS's eventual consistency.

Actions are performed so that performing one again does no harm: what is already so counts as done.
"""

from __future__ import annotations

from typing import Protocol, assert_never

from trailkeep.aws.act_bucket import perform_on_bucket
from trailkeep.aws.act_key import KeyAction, perform_on_key
from trailkeep.aws.act_organization import OrganizationActor
from trailkeep.aws.act_storage import put_account_block, put_lifecycle, put_tags
from trailkeep.aws.act_trail import TrailActor
from trailkeep.aws.calls import Calls
from trailkeep.aws.create_account import create_account
from trailkeep.aws.patience import Patience
from trailkeep.aws.session import Accounts
from trailkeep.guard.blueprint import NEW_ACCOUNT
from trailkeep.guard.changes import (
    Action,
    AttachPolicy,
    CreateAccount,
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
    bind,
)
from trailkeep.guard.key_policy import NEW_KEY

__all__ = ["Actor", "Performer"]


class Performer(Protocol):
    """Takes the actions of one plan, one by one and in order."""

    def perform(self, action: Action) -> str:
        """Do one action and return what it acted on: the id of a created account, else its target."""
        ...


class Actor:
    """Performs actions on AWS, remembering what the earlier ones of the same plan returned."""

    def __init__(self, accounts: Accounts, patience: Patience) -> None:
        self._accounts = accounts
        self._patience = patience
        self._created_account = NEW_ACCOUNT
        self._created_key = NEW_KEY
        self._calls = Calls(patience)
        self._trail = TrailActor(accounts, self._calls)
        self._organization = OrganizationActor(accounts, self._calls)

    def perform(self, action: Action) -> str:
        """Perform one action and return the target it had in the end.

        Raises:
            AwsCallError: AWS refused it, or did not become consistent in time.
        """
        action = bind(action, self._created_account, self._created_key)
        match action:
            case CreateAccount():
                self._created_account = create_account(self._accounts, self._patience, action)
                return self._created_account
            case (
                CreateBucket()
                | PutPublicAccessBlock()
                | PutOwnership()
                | PutVersioning()
                | PutRequestPayment()
                | PutObjectLock()
                | PutBucketPolicy()
                | PutBucketEncryption()
            ):
                client = self._accounts.s3(action.account, action.region)
                perform_on_bucket(client, action, self._calls)
                if isinstance(action, PutBucketPolicy) and action.destructive:
                    self._calls.expect_refusals()
            case (
                CreateTrail()
                | UpdateTrail()
                | StartLogging()
                | SetTrailKey()
                | PutEventSelectors()
                | PutInsightSelectors()
                | RegisterDelegatedAdmin()
            ):
                self._trail.perform(action)
            case (
                EnableTrustedAccess()
                | EnablePolicyType()
                | CreatePolicy()
                | UpdatePolicy()
                | AttachPolicy()
                | DetachPolicy()
            ):
                self._organization.perform(action)
                if isinstance(action, DetachPolicy) or action.id.endswith(".lift"):
                    self._calls.expect_refusals()
            case CreateKey() | EnableKeyRotation() | PutKeyPolicy():
                return self._key(action)
            case PutAccountPublicAccessBlock() | PutLifecycle() | PutTags():
                self._storage(action)
            case _:
                assert_never(action)
        return action.target

    def _key(self, action: KeyAction) -> str:
        client = self._accounts.kms(action.account, action.region)
        once = self._accounts.kms(action.account, action.region, attempts=1)
        key = perform_on_key(client, once, action, self._calls.kms)
        if isinstance(action, CreateKey):
            self._created_key = key
        return key

    def _storage(self, action: PutAccountPublicAccessBlock | PutLifecycle | PutTags) -> None:
        if isinstance(action, PutAccountPublicAccessBlock):
            control = self._accounts.s3control(action.account, action.region)
            self._calls.s3("PutAccountPublicAccessBlock", lambda: put_account_block(control, action))
            return
        client = self._accounts.s3(action.account, action.region)
        if isinstance(action, PutLifecycle):
            self._calls.s3("PutLifecycleConfiguration", lambda: put_lifecycle(client, action))
        else:
            self._calls.s3("PutBucketTagging", lambda: put_tags(client, action))
