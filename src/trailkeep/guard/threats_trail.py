"""Threats to the recording: what the trail writes, where to, and who hears of it.

Source: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/creating-trail-organization.html,
https://stratus-red-team.cloud/attack-techniques/AWS/, https://github.com/RhinoSecurityLabs/pacu,
https://traildiscover.cloud/
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

__all__ = ["TRAIL_THREATS"]

_MANAGEMENT = frozenset({Attacker.MANAGEMENT_ROOT, Attacker.MANAGEMENT_IAM, Attacker.SERVICE_LINKED_ROLE})
_ATTACKERS = _MANAGEMENT | {Attacker.DELEGATE}
_STOPS = (
    "Members cannot touch an organization trail; the SCP on the root binds a delegated administrator as well."
)
_REMAINS = "Nothing binds the management account."
_DENY = "deny all but reading the trail's ARN by NotAction in an SCP on the root"
_WATCH = "watch from outside: a missing hourly digest shows a stop"
_KEEP_OUT = "keep people and workloads out of the management account"
_CLOUD_LOGS = ("T1562.008", "T1685.002")
_PACU = Source(title="Pacu detection__disruption", url="https://github.com/RhinoSecurityLabs/pacu")
_DISCOVER = Source(title="TrailDiscover", url="https://traildiscover.cloud/")
_ORGANIZATION = guide(
    "Organization trails", "awscloudtrail/latest/userguide/creating-trail-organization.html"
)


def _stratus(name: str) -> Source:
    return Source(
        title="Stratus Red Team",
        url=f"https://stratus-red-team.cloud/attack-techniques/AWS/aws.defense-evasion.{name}/",
    )


TRAIL_THREATS = (
    Threat(
        id="stop-trail",
        title="Stop or delete the trail",
        technique="What happens while it is off is never recorded.",
        effect=Effect.STOP,
        family=Family.TRAIL,
        attackers=_ATTACKERS,
        ways=each(Target.TRAIL, "cloudtrail:StopLogging cloudtrail:DeleteTrail"),
        controls=(Control.ORGANIZATION_SCP,),
        unbound=_MANAGEMENT,
        stops=_STOPS,
        remains=_REMAINS,
        remedies=(_DENY, _KEEP_OUT, _WATCH),
        mitre=_CLOUD_LOGS,
        sources=(
            api("cloudtrail", "StopLogging"),
            api("cloudtrail", "DeleteTrail"),
            _ORGANIZATION,
            _stratus("cloudtrail-stop"),
            _stratus("cloudtrail-delete"),
            _PACU,
            _DISCOVER,
        ),
    ),
    Threat(
        id="narrow-selectors",
        title="Narrow what the trail records",
        technique="Selectors can leave out management events, all but reading, or single resources. The "
        "trail still logs and looks healthy.",
        effect=Effect.BLIND,
        family=Family.TRAIL,
        attackers=_ATTACKERS,
        ways=each(Target.TRAIL, "cloudtrail:PutEventSelectors"),
        controls=(Control.ORGANIZATION_SCP,),
        unbound=_MANAGEMENT,
        stops=_STOPS,
        remains=_REMAINS,
        remedies=(_DENY, _KEEP_OUT, "compare the selectors with what they must be, regularly"),
        mitre=_CLOUD_LOGS,
        sources=(
            api("cloudtrail", "PutEventSelectors"),
            _stratus("cloudtrail-event-selectors"),
            _DISCOVER,
        ),
    ),
    Threat(
        id="redirect-trail",
        title="Redirect or shrink the trail",
        technique="UpdateTrail changes bucket and prefix, drops other regions, global events, the members or "
        "the digests, and so leaves a trail of that name that says little.",
        effect=Effect.BLIND,
        family=Family.TRAIL,
        attackers=_ATTACKERS,
        ways=each(Target.TRAIL, "cloudtrail:UpdateTrail"),
        controls=(Control.ORGANIZATION_SCP,),
        unbound=_MANAGEMENT,
        stops=_STOPS,
        remains=f"{_REMAINS} Without validation the chain of digests ends within the hour.",
        remedies=(_DENY, _KEEP_OUT, _WATCH),
        mitre=_CLOUD_LOGS,
        sources=(api("cloudtrail", "UpdateTrail"), _PACU, _DISCOVER),
    ),
    Threat(
        id="change-trail-events",
        title="Change the trail's event configuration or Insights",
        technique="Aggregation and Insights selectors change what the trail makes of events; the calls are "
        "newer than most lists of actions.",
        effect=Effect.BLIND,
        family=Family.TRAIL,
        attackers=_ATTACKERS,
        ways=each(Target.TRAIL, "cloudtrail:PutEventConfiguration cloudtrail:PutInsightSelectors"),
        controls=(Control.ORGANIZATION_SCP,),
        unbound=_MANAGEMENT,
        stops=_STOPS,
        remains=_REMAINS,
        remedies=(_DENY, _KEEP_OUT),
        mitre=_CLOUD_LOGS,
        sources=(api("cloudtrail", "PutEventConfiguration"), api("cloudtrail", "PutInsightSelectors")),
    ),
    Threat(
        id="delegated-trail-administrator",
        title="Abuse the rights of CloudTrail's delegated administrator",
        technique="A member account that is registered as delegated administrator may change and delete the "
        "organization trail like the management account.",
        effect=Effect.STOP,
        family=Family.TRAIL,
        attackers=frozenset({Attacker.DELEGATE}),
        ways=each(
            Target.TRAIL,
            "cloudtrail:StopLogging cloudtrail:DeleteTrail cloudtrail:UpdateTrail "
            "cloudtrail:PutEventSelectors cloudtrail:PutInsightSelectors cloudtrail:PutEventConfiguration",
        ),
        given=(Fact.DELEGATED_TRAIL,),
        controls=(Control.ORGANIZATION_SCP,),
        stops="Having none, or the SCP on the root: unlike the management account a member is bound by it.",
        remedies=("register no delegated administrator for CloudTrail", _DENY),
        mitre=_CLOUD_LOGS,
        sources=(
            guide(
                "Delegated administrator",
                "awscloudtrail/latest/userguide/cloudtrail-delegated-administrator.html",
            ),
            _ORGANIZATION,
        ),
    ),
    Threat(
        id="delete-trail-role",
        title="Delete CloudTrail's service-linked role in a member account",
        technique="CloudTrail records a member account through this role.",
        effect=Effect.BLIND,
        family=Family.TRAIL,
        attackers=frozenset(
            {
                Attacker.ARCHIVE_ROOT,
                Attacker.ARCHIVE_IAM,
                Attacker.MEMBER_ROOT,
                Attacker.MEMBER_IAM,
                Attacker.SERVICE_LINKED_ROLE,
            }
        ),
        ways=each(Target.TRAIL_ROLE, "iam:DeleteServiceLinkedRole"),
        controls=(Control.ORGANIZATION_SCP, Control.SERVICE),
        unbound=frozenset({Attacker.SERVICE_LINKED_ROLE}),
        stops="AWS refuses it while the role is in use; an SCP on the root beside it.",
        remedies=("deny iam:DeleteServiceLinkedRole on the role in an SCP on the root",),
        mitre=_CLOUD_LOGS,
        sources=(
            api("iam", "DeleteServiceLinkedRole"),
            guide(
                "Service-linked roles of CloudTrail",
                "awscloudtrail/latest/userguide/using-service-linked-roles.html",
            ),
        ),
    ),
    Threat(
        id="exclude-sources",
        title="Exclude KMS or the RDS Data API from the trail",
        technique="A selector leaves out whole event sources, and with them every use of a key.",
        effect=Effect.BLIND,
        family=Family.TRAIL,
        attackers=_ATTACKERS,
        ways=each(Target.TRAIL, "cloudtrail:PutEventSelectors"),
        controls=(Control.ORGANIZATION_SCP,),
        unbound=_MANAGEMENT,
        stops=_STOPS,
        remains=_REMAINS,
        remedies=(_DENY, "compare the selectors with what they must be, regularly"),
        mitre=_CLOUD_LOGS,
        sources=(api("cloudtrail", "PutEventSelectors"),),
    ),
    Threat(
        id="cut-notifications",
        title="Cut the fast path: topic, log group, alarms",
        technique="The logs still arrive, but nobody is told: the topic or the group is gone, kept for a "
        "day, masked, or the role that writes to it has no rights.",
        effect=Effect.BLIND,
        family=Family.TRAIL,
        attackers=_MANAGEMENT,
        ways=(
            *each(
                Target.TOPIC,
                "sns:DeleteTopic sns:SetTopicAttributes sns:RemovePermission sns:Unsubscribe "
                "sns:SetSubscriptionAttributes sns:PutDataProtectionPolicy",
            ),
            *each(
                Target.LOG_GROUP,
                """
                logs:DeleteLogGroup logs:PutRetentionPolicy logs:DisassociateKmsKey logs:AssociateKmsKey
                logs:DeleteMetricFilter logs:PutMetricFilter logs:DeleteSubscriptionFilter
                logs:PutSubscriptionFilter logs:PutDataProtectionPolicy logs:PutTransformer
                logs:PutLogGroupDeletionProtection
                """,
            ),
            *each(Target.LOG_STREAM, "logs:DeleteLogStream"),
            *each(
                Target.FEED_ROLE,
                "iam:DeleteRolePolicy iam:DetachRolePolicy iam:DeleteRole iam:UpdateAssumeRolePolicy "
                "iam:PutRolePermissionsBoundary",
            ),
        ),
        given=(Fact.FEED,),
        unbound=_MANAGEMENT,
        stops="Delivery to the bucket does not depend on any of it.",
        remains="Topic, group and role belong to the management account, which nothing binds.",
        remedies=("keep alarms elsewhere, and fed from the bucket",),
        mitre=("T1562.008", "T1685.002", "T1562.001", "T1685"),
        sources=(
            api("sns", "DeleteTopic"),
            api("logs", "DeleteLogGroup"),
            api("logs", "PutRetentionPolicy"),
            _DISCOVER,
        ),
    ),
)
"""The recording."""
