"""The actions on the organization: trusted access and the guards."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, assert_never

from trailkeep.aws.calls import Calls
from trailkeep.aws.session import Accounts
from trailkeep.guard.changes import (
    AttachPolicy,
    CreatePolicy,
    DetachPolicy,
    EnablePolicyType,
    EnableTrustedAccess,
    UpdatePolicy,
)

if TYPE_CHECKING:
    from mypy_boto3_organizations import OrganizationsClient

__all__ = ["OrganizationAction", "OrganizationActor"]

OrganizationAction = (
    EnableTrustedAccess | EnablePolicyType | CreatePolicy | UpdatePolicy | AttachPolicy | DetachPolicy
)


class OrganizationActor:
    """Performs actions on the organization, remembering the ids of the policies it created."""

    def __init__(self, accounts: Accounts, calls: Calls) -> None:
        self._accounts = accounts
        self._calls = calls
        self._policies: dict[str, str] = {}

    def perform(self, action: OrganizationAction) -> None:
        """Perform one action on the organization and its policies."""
        client = self._accounts.organizations()
        match action:
            case EnableTrustedAccess(service=service):
                self._calls.organizations(
                    "EnableAWSServiceAccess",
                    lambda: client.enable_aws_service_access(ServicePrincipal=service),
                )
            case EnablePolicyType(root=root):
                enabled: Any = action.policy_type
                self._calls.organizations(
                    "EnablePolicyType",
                    lambda: client.enable_policy_type(RootId=root, PolicyType=enabled),
                    done=("PolicyTypeAlreadyEnabledException",),
                )
            case CreatePolicy():
                self._create_policy(client, action)
            case UpdatePolicy(policy_id=policy, document=document):
                self._calls.organizations(
                    "UpdatePolicy", lambda: client.update_policy(PolicyId=policy, Content=document)
                )
            case AttachPolicy(target_id=target):
                found = action.policy_id or self._policies[action.name]
                self._calls.organizations(
                    "AttachPolicy",
                    lambda: client.attach_policy(PolicyId=found, TargetId=target),
                    done=("DuplicatePolicyAttachmentException",),
                )
            case DetachPolicy(policy_id=policy, target_id=target):
                self._calls.organizations(
                    "DetachPolicy",
                    lambda: client.detach_policy(PolicyId=policy, TargetId=target),
                    done=("PolicyNotAttachedException",),
                )
            case _:
                assert_never(action)

    def _create_policy(self, client: OrganizationsClient, action: CreatePolicy) -> None:
        kind: Any = action.policy_type
        made = self._calls.organizations(
            "CreatePolicy",
            lambda: client.create_policy(
                Name=action.name,
                Type=kind,
                Description=action.description,
                Content=action.document,
            ),
        )
        if made:
            self._policies[action.name] = made["Policy"]["PolicySummary"]["Id"]
