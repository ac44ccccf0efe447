"""Threats to what the records say: forged, missing or misleading ones.

Source: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html,
https://github.com/aws-samples/data-perimeter-policy-examples, https://www.cloudvulndb.org/
"""

from __future__ import annotations

from trailkeep.guard.threat import Attacker, Control, Effect, Family, Source, Target, Threat, api, each, guide
from trailkeep.guard.threats_logs import BUCKET_ATTACKERS

__all__ = ["RECORD_THREATS"]

_ANYBODY = frozenset(Attacker)
_POLICIES = (Control.RCP, Control.BUCKET_POLICY)
_ONE_TRAIL = "allow writing for aws:SourceArn of the one trail only, and deny it otherwise"
_CLOUD_LOGS = ("T1562.008", "T1685.002")
_VALIDATION = guide(
    "Log file integrity validation",
    "awscloudtrail/latest/userguide/cloudtrail-log-file-validation-intro.html",
)
_CONTENTS = guide(
    "Record contents",
    "awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html",
)

RECORD_THREATS = (
    Threat(
        id="foreign-trail-writes",
        title="Let a foreign trail write into our prefix",
        technique="A trail of any account may have a key prefix that begins like ours, and its files come "
        "from CloudTrail itself. A bucket policy that allows the service, and not one trail, lets it in.",
        effect=Effect.INJECT,
        family=Family.RECORDS,
        attackers=frozenset({Attacker.OTHER_TRAIL}),
        ways=each(Target.LOG, "s3:PutObject"),
        controls=_POLICIES,
        stops="aws:SourceArn of our trail on the Allow, and a Deny for every other.",
        remains="Such a key has a second AWSLogs in it. That CloudTrail takes such a prefix was not tried.",
        remedies=(_ONE_TRAIL,),
        mitre=("T1565.001",),
        sources=(
            guide(
                "Bucket policy for CloudTrail",
                "awscloudtrail/latest/userguide/create-s3-bucket-policy-for-cloudtrail.html",
            ),
            guide("The confused deputy", "IAM/latest/UserGuide/confused-deputy.html"),
            Source(
                title="Data perimeter policy examples",
                url="https://github.com/aws-samples/data-perimeter-policy-examples",
            ),
        ),
    ),
    Threat(
        id="forge-log",
        title="Add a forged log under a plausible key",
        technique="Whoever may write can add a file that never came from CloudTrail. No true log is touched, "
        "so no hash is wrong.",
        effect=Effect.INJECT,
        family=Family.RECORDS,
        attackers=BUCKET_ATTACKERS | {Attacker.OTHER_TRAIL},
        ways=each(Target.LOG, "s3:PutObject"),
        controls=(Control.ARCHIVE_SCP, *_POLICIES),
        stops="What stops overwriting. A log that no digest lists is no evidence.",
        remains="Up to an hour passes before a digest tells which logs are true.",
        remedies=(_ONE_TRAIL, "take only logs that a digest lists for evidence"),
        mitre=("T1565.001",),
        sources=(api("s3", "PutObject"), _VALIDATION),
    ),
    Threat(
        id="oversized-parameters",
        title="Pad a call until its parameters are left out",
        technique="CloudTrail omits request parameters of more than 100 KB and says so. White space in a "
        "policy document is enough to get there.",
        effect=Effect.BLIND,
        family=Family.RECORDS,
        attackers=_ANYBODY,
        stops="Nothing. The record stays and says that something was omitted.",
        remains="What the parameters were is not in any log.",
        remedies=("search for records with omitted parameters, and look at the resource itself",),
        mitre=_CLOUD_LOGS,
        sources=(
            _CONTENTS,
            Source(
                title="elastic/detection-rules#4788",
                url="https://github.com/elastic/detection-rules/issues/4788",
            ),
        ),
    ),
    Threat(
        id="unrecorded-endpoints",
        title="Call what CloudTrail does not record",
        technique="Undocumented and internal endpoints, and services without CloudTrail, leave no record.",
        effect=Effect.BLIND,
        family=Family.RECORDS,
        attackers=_ANYBODY,
        stops="Nothing on the customer's side; AWS closes such gaps one by one.",
        remains="What was never recorded cannot be kept.",
        remedies=("follow the list of known gaps",),
        mitre=_CLOUD_LOGS,
        sources=(Source(title="Open Cloud Vulnerability Database", url="https://www.cloudvulndb.org/"),),
    ),
    Threat(
        id="unselected-events",
        title="Act where only data or network events would tell",
        technique="Reading and writing objects, invoking functions and calls through endpoints are not "
        "recorded unless the trail's selectors ask for them.",
        effect=Effect.BLIND,
        family=Family.RECORDS,
        attackers=_ANYBODY,
        stops="Selectors that ask for these events.",
        remains="They cost money, so most organizations select some.",
        remedies=("choose data events for what matters: see what is recorded",),
        mitre=_CLOUD_LOGS,
        sources=(
            api("cloudtrail", "PutEventSelectors"),
            guide("Data events", "awscloudtrail/latest/userguide/logging-data-events-with-cloudtrail.html"),
        ),
    ),
    Threat(
        id="flood",
        title="Flood the log",
        technique="Millions of cheap calls bury one record, or raise the bill until somebody switches the "
        "recording off.",
        effect=Effect.BLIND,
        family=Family.RECORDS,
        attackers=_ANYBODY,
        stops="Nothing. A budget alarm shows it, and a table that scales still finds the one record.",
        remains="That cost moves people to switch it off is an inference.",
        remedies=("set a budget alarm", "never shorten a retention for its cost"),
        mitre=("T1499",),
        sources=(Source(title="CloudTrail pricing", url="https://aws.amazon.com/cloudtrail/pricing/"),),
    ),
    Threat(
        id="log-injection",
        title="Write into fields that readers trust",
        technique="User agents, names and parameters are the caller's text: formulas in CSV files, escapes "
        "in terminals, markup in reports.",
        effect=Effect.BLIND,
        family=Family.RECORDS,
        attackers=_ANYBODY,
        stops="Escaping where records are shown.",
        remains="Other readers of the same logs may not escape.",
        remedies=("never open exported records as formulas",),
        mitre=("T1203",),
        sources=(
            _CONTENTS,
            Source(title="Pacu cloudtrail__csv_injection", url="https://github.com/RhinoSecurityLabs/pacu"),
        ),
    ),
)
"""The records."""
