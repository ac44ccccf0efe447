"""Threats to the key of the archive: without it every log is lost, locked or not.

Source: https://docs.aws.amazon.com/kms/latest/developerguide/deleting-keys.html,
https://docs.aws.amazon.com/kms/latest/developerguide/key-policies.html, https://cloud.hacktricks.wiki/
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

__all__ = ["KEY_THREATS"]

_OWNERS = frozenset({Attacker.ARCHIVE_ROOT, Attacker.ARCHIVE_IAM, Attacker.SERVICE_LINKED_ROLE})
_POLICIES = (Control.ARCHIVE_SCP, Control.RCP, Control.KEY_POLICY)
_DENY = "deny all but the use of the key by NotAction in the SCP, and by name in the RCP"
_NO_KEY = "encrypt with S3's own keys (sse-s3): there is no key to destroy"
_HACKTRICKS = Source(title="HackTricks Cloud", url="https://cloud.hacktricks.wiki/")
_STAYS = "A key in the management account is out of reach of SCPs and RCPs."

KEY_THREATS = (
    Threat(
        id="disable-key",
        title="Disable the key",
        technique="From that moment deliveries fail and no log can be read, until somebody enables it again.",
        effect=Effect.BLIND,
        family=Family.KEY,
        attackers=_OWNERS,
        ways=each(Target.KEY, "kms:DisableKey"),
        given=(Fact.CUSTOMER_KEY,),
        controls=_POLICIES,
        stops="A Deny on the key in the SCP or the RCP; with S3's own keys there is nothing to disable.",
        remains=_STAYS,
        remedies=(_NO_KEY, _DENY),
        mitre=("T1562.008", "T1685.002", "T1486"),
        sources=(api("kms", "DisableKey"), _HACKTRICKS),
    ),
    Threat(
        id="destroy-key",
        title="Destroy the key and with it every log",
        technique="Deletion takes 7 to 30 days; imported material goes at once, or on the date that an "
        "import gives it. Object Lock keeps bytes that nobody can read.",
        effect=Effect.DELETE,
        family=Family.KEY,
        attackers=_OWNERS,
        ways=each(Target.KEY, "kms:ScheduleKeyDeletion kms:DeleteImportedKeyMaterial kms:ImportKeyMaterial"),
        given=(Fact.CUSTOMER_KEY,),
        controls=_POLICIES,
        stops="A Deny on the key in the SCP or the RCP; with S3's own keys there is nothing to destroy.",
        remains=f"{_STAYS} Object Lock does not help.",
        remedies=(_NO_KEY, _DENY, "alarm on ScheduleKeyDeletion while it can still be cancelled"),
        mitre=("T1485", "T1486"),
        sources=(
            api("kms", "ScheduleKeyDeletion"),
            api("kms", "DeleteImportedKeyMaterial"),
            guide("Deleting KMS keys", "kms/latest/developerguide/deleting-keys.html"),
        ),
    ),
    Threat(
        id="lock-out-by-key-policy",
        title="Lock everybody out by the key policy",
        technique="A key policy that names nobody any more cannot be changed by anybody; a flag skips the "
        "check that would prevent it.",
        effect=Effect.BLIND,
        family=Family.KEY,
        attackers=_OWNERS,
        ways=each(Target.KEY, "kms:PutKeyPolicy"),
        given=(Fact.CUSTOMER_KEY,),
        controls=_POLICIES,
        stops="A Deny on the key in the SCP or the RCP.",
        remains=f"Once done only AWS Support can undo it. {_STAYS}",
        remedies=(_NO_KEY, _DENY),
        mitre=("T1486", "T1531"),
        sources=(api("kms", "PutKeyPolicy"), _HACKTRICKS),
    ),
    Threat(
        id="tamper-with-grants",
        title="Tamper with the grants of the key",
        technique="A grant lets somebody use the key beside its policy, and revoking one takes the use away "
        "from whoever relies on it. CloudTrail relies on none.",
        effect=Effect.BLIND,
        family=Family.KEY,
        attackers=_OWNERS,
        ways=each(Target.KEY, "kms:RevokeGrant kms:RetireGrant kms:CreateGrant"),
        given=(Fact.CUSTOMER_KEY,),
        controls=_POLICIES,
        stops="A Deny on the key in the SCP; an RCP does not reach kms:RetireGrant.",
        remains=f"Whoever a grant names may retire it without any permission. {_STAYS}",
        remedies=(_NO_KEY, _DENY),
        mitre=("T1562.008", "T1685.002", "T1098"),
        sources=(
            api("kms", "CreateGrant"),
            guide("Retiring and revoking grants", "kms/latest/developerguide/grant-delete.html"),
            guide(
                "RCPs in AWS KMS",
                "kms/latest/developerguide/resource-control-policies.html",
            ),
        ),
    ),
    Threat(
        id="foreign-trail-key",
        title="Point the trail at a key of the attacker's",
        technique="UpdateTrail takes the key of any account whose policy lets CloudTrail encrypt; its owner "
        "then decides who reads the logs from now on.",
        effect=Effect.BLIND,
        family=Family.KEY,
        attackers=frozenset(
            {
                Attacker.MANAGEMENT_ROOT,
                Attacker.MANAGEMENT_IAM,
                Attacker.DELEGATE,
                Attacker.SERVICE_LINKED_ROLE,
            }
        ),
        ways=each(Target.TRAIL, "cloudtrail:UpdateTrail"),
        controls=(Control.ORGANIZATION_SCP,),
        unbound=frozenset({Attacker.MANAGEMENT_ROOT, Attacker.MANAGEMENT_IAM, Attacker.SERVICE_LINKED_ROLE}),
        stops="The SCP on the root for a delegated administrator.",
        remains="Nothing binds the management account, and CloudTrail's own call is not held to resources of "
        "the organization.",
        remedies=("keep people and workloads out of the management account", "watch the trail's settings"),
        mitre=("T1486", "T1562.008", "T1685.002"),
        sources=(
            api("cloudtrail", "UpdateTrail"),
            Source(
                title="Data perimeter policy examples",
                url="https://github.com/aws-samples/data-perimeter-policy-examples",
            ),
        ),
    ),
    Threat(
        id="move-key",
        title="Move the key, its alias or its key store",
        technique="A multi-Region key can be copied and its primary moved, an alias pointed elsewhere, and a "
        "custom key store disconnected from under the key.",
        effect=Effect.BLIND,
        family=Family.KEY,
        attackers=_OWNERS,
        ways=each(Target.KEY, "kms:ReplicateKey kms:UpdatePrimaryRegion kms:UpdateAlias kms:DeleteAlias"),
        given=(Fact.CUSTOMER_KEY,),
        controls=_POLICIES,
        stops="A Deny on the key. A single-Region key of KMS's own origin has no store and no replica.",
        remains=f"Key stores know no resource: a Deny on the key's ARN does not reach them. {_STAYS}",
        remedies=("use a single-Region key of KMS's own origin", _DENY),
        mitre=("T1562.008", "T1685.002", "T1486"),
        sources=(api("kms", "ReplicateKey"), api("kms", "UpdatePrimaryRegion"), api("kms", "UpdateAlias")),
    ),
)
"""The key."""
