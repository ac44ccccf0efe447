"""Threats from the organization: leaving it, undoing its guards, closing its accounts.

Source: https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_accounts_leave-as-member.html,
https://docs.aws.amazon.com/IAM/latest/UserGuide/id_root-user-privileged-task.html
"""

from __future__ import annotations

from trailkeep.guard.threat import (
    Attacker,
    Control,
    Effect,
    Fact,
    Family,
    Source,
    Target,
    Threat,
    api,
    each,
    guide,
)

__all__ = ["ORGANIZATION_THREATS"]

_MANAGEMENT = frozenset({Attacker.MANAGEMENT_ROOT, Attacker.MANAGEMENT_IAM, Attacker.SERVICE_LINKED_ROLE})
_ARCHIVE = frozenset({Attacker.ARCHIVE_ROOT, Attacker.ARCHIVE_IAM, Attacker.SERVICE_LINKED_ROLE})
_MEMBERS = _ARCHIVE | {Attacker.MEMBER_ROOT, Attacker.MEMBER_IAM}
_SLR = frozenset({Attacker.SERVICE_LINKED_ROLE})
_REMAINS = "Nothing binds the management account."
_KEEP_OUT = "keep people and workloads out of the management account, and its root user behind hardware"
_SECOND_COPY = "keep a second copy in an account of another organization with another payer"

ORGANIZATION_THREATS = (
    Threat(
        id="leave-organization",
        title="Leave the organization",
        technique="The organization trail ends for the account, and SCPs and RCPs stop to apply at once.",
        effect=Effect.STOP,
        family=Family.ORGANIZATION,
        attackers=_MEMBERS,
        ways=each(Target.EVERYTHING, "organizations:LeaveOrganization"),
        controls=(Control.ARCHIVE_SCP, Control.ORGANIZATION_SCP),
        unbound=_SLR,
        stops="An SCP on the root. AWS also refuses it to an account that is a delegated administrator.",
        remedies=("deny organizations:LeaveOrganization in an SCP on the root",),
        mitre=("T1666", "T1562.008", "T1685.002"),
        sources=(
            api("organizations", "LeaveOrganization"),
            Source(
                title="Stratus Red Team",
                url="https://stratus-red-team.cloud/attack-techniques/AWS/"
                "aws.defense-evasion.organizations-leave/",
            ),
        ),
    ),
    Threat(
        id="accept-invitation",
        title="Accept the invitation of another organization",
        technique="Accepting moves a member directly, without leaving first: an SCP that only denies leaving "
        "does not name this call.",
        effect=Effect.STOP,
        family=Family.ORGANIZATION,
        attackers=_MEMBERS,
        ways=each(Target.HANDSHAKE, "organizations:AcceptHandshake"),
        controls=(Control.ARCHIVE_SCP, Control.ORGANIZATION_SCP),
        unbound=_SLR,
        stops="An SCP on the root that denies both calls.",
        remains="Whether denying LeaveOrganization alone would stop it was not tried. The Deny also keeps "
        "members from approving all features.",
        remedies=("deny organizations:AcceptHandshake in the same statement as LeaveOrganization",),
        mitre=("T1666", "T1562.008", "T1685.002"),
        sources=(api("organizations", "AcceptHandshake"),),
    ),
    Threat(
        id="remove-account",
        title="Remove or move the archive account from above",
        technique="Outside of the organization, or under another unit, no guard that hangs there applies.",
        effect=Effect.STOP,
        family=Family.ORGANIZATION,
        attackers=_MANAGEMENT,
        ways=(
            *each(
                Target.ARCHIVE_MEMBERSHIP,
                "organizations:RemoveAccountFromOrganization organizations:MoveAccount "
                "organizations:CloseAccount",
            ),
            *each(Target.EVERYTHING, "organizations:DeleteOrganization"),
        ),
        unbound=_MANAGEMENT,
        stops="Nothing in AWS. A delegated administrator of some service must be deregistered first.",
        remains=_REMAINS,
        remedies=(_KEEP_OUT, "attach the guards to the account itself, not to a unit"),
        mitre=("T1666",),
        sources=(api("organizations", "RemoveAccountFromOrganization"), api("organizations", "MoveAccount")),
    ),
    Threat(
        id="detach-guards",
        title="Detach, change or switch off the guards",
        technique="Detaching takes one call; disabling the policy type detaches all at once and forgets "
        "where they were. Attaching an RCP that refuses CloudTrail stops delivery.",
        effect=Effect.STOP,
        family=Family.ORGANIZATION,
        attackers=_MANAGEMENT | {Attacker.DELEGATE},
        ways=(
            *each(
                Target.POLICY,
                "organizations:DetachPolicy organizations:UpdatePolicy organizations:DeletePolicy "
                "organizations:AttachPolicy",
            ),
            *each(Target.ROOT, "organizations:DisablePolicyType"),
            *each(Target.DELEGATION, "organizations:PutResourcePolicy"),
        ),
        controls=(Control.ORGANIZATION_SCP,),
        unbound=_MANAGEMENT,
        stops="An SCP on the root binds members to whom policies were delegated.",
        remains=_REMAINS,
        remedies=(
            "deny changing policies to members in an SCP on the root",
            _KEEP_OUT,
            "compare what is attached with what must be, regularly and from elsewhere",
        ),
        mitre=("T1666", "T1562.001", "T1685"),
        sources=(
            api("organizations", "DetachPolicy"),
            api("organizations", "DisablePolicyType"),
            guide(
                "Delegated administrator for Organizations",
                "organizations/latest/userguide/orgs_delegate_policies.html",
            ),
        ),
    ),
    Threat(
        id="withdraw-trusted-access",
        title="Withdraw CloudTrail's trusted access, or delegate it",
        technique="Without trusted access member accounts are no longer recorded, and no log says "
        "StopLogging. Registering a delegated administrator hands the trail to a member.",
        effect=Effect.STOP,
        family=Family.ORGANIZATION,
        attackers=_MANAGEMENT,
        ways=(
            *each(
                Target.EVERYTHING,
                "organizations:DisableAWSServiceAccess cloudtrail:RegisterOrganizationDelegatedAdmin "
                "cloudtrail:DeregisterOrganizationDelegatedAdmin",
            ),
            *each(
                Target.ARCHIVE_MEMBERSHIP,
                "organizations:RegisterDelegatedAdministrator organizations:DeregisterDelegatedAdministrator",
            ),
        ),
        unbound=_MANAGEMENT,
        stops="Nothing: these calls are the management account's own.",
        remains=_REMAINS,
        remedies=(_KEEP_OUT, "watch that every account still delivers"),
        mitre=("T1562.008", "T1685.002", "T1098"),
        sources=(
            api("organizations", "DisableAWSServiceAccess"),
            api("cloudtrail", "RegisterOrganizationDelegatedAdmin"),
        ),
    ),
    Threat(
        id="close-account",
        title="Close the archive account",
        technique="What is in a closed account is deleted after 90 days, Object Lock or not.",
        effect=Effect.DELETE,
        family=Family.ORGANIZATION,
        attackers=_ARCHIVE | _MANAGEMENT,
        ways=(
            *each(Target.ARCHIVE_ACCOUNT, "account:CloseAccount"),
            *each(Target.ARCHIVE_MEMBERSHIP, "organizations:CloseAccount"),
        ),
        controls=(Control.ARCHIVE_SCP,),
        unbound=_MANAGEMENT,
        stops="The SCP of the archive account keeps it from closing itself.",
        remains=f"{_REMAINS} Within 90 days AWS Support can reopen the account.",
        remedies=(_SECOND_COPY, _KEEP_OUT),
        mitre=("T1485", "T1531"),
        sources=(api("organizations", "CloseAccount"), api("organizations", "LeaveOrganization")),
    ),
    Threat(
        id="disable-region",
        title="Disable the region that holds the bucket",
        technique="An opt-in region can be switched off for an account, and its buckets with it.",
        effect=Effect.BLIND,
        family=Family.ORGANIZATION,
        attackers=_ARCHIVE | _MANAGEMENT,
        ways=(
            *each(Target.ARCHIVE_ACCOUNT, "account:DisableRegion"),
            *each(Target.ARCHIVE_ACCOUNT_FROM_ABOVE, "account:DisableRegion"),
        ),
        refused_when=(Fact.DEFAULT_REGION,),
        controls=(Control.ARCHIVE_SCP, Control.SERVICE),
        unbound=_MANAGEMENT,
        stops="A region that is enabled by default cannot be disabled; otherwise the SCP of the account.",
        remains="In an opt-in region the management account can. That deliveries then fail was not tried.",
        remedies=("keep the archive in a region that is enabled by default",),
        mitre=("T1562.008", "T1685.002"),
        sources=(api("account", "DisableRegion"),),
    ),
    Threat(
        id="central-root-access",
        title="Become root of the archive account from above",
        technique="Central root access gives a short root session of a member for a task, such as deleting a "
        "bucket policy; changing the root user's e-mail takes the user over for good.",
        effect=Effect.DELETE,
        family=Family.ORGANIZATION,
        attackers=_MANAGEMENT,
        ways=(
            *each(Target.ARCHIVE_ROOT_USER, "sts:AssumeRoot"),
            *each(Target.EVERYTHING, "iam:EnableOrganizationsRootSessions"),
            *each(
                Target.ARCHIVE_ACCOUNT_FROM_ABOVE,
                "account:StartPrimaryEmailUpdate account:AcceptPrimaryEmailUpdate",
            ),
        ),
        unbound=_MANAGEMENT,
        stops="SCP and RCP bind the root session that results.",
        remains=f"{_REMAINS} It must detach the guards first, so this is one step of several. A delegated "
        "administrator of IAM or of Account Management can do the same.",
        remedies=(_KEEP_OUT, "attach both an SCP and an RCP to the archive account"),
        mitre=("T1548.005", "T1098"),
        sources=(
            api("sts", "AssumeRoot"),
            api("account", "StartPrimaryEmailUpdate"),
            guide("Privileged tasks on members", "IAM/latest/UserGuide/id_root-user-privileged-task.html"),
        ),
    ),
)
"""The organization."""
