"""Controls of the key that logs are encrypted with: where it is, how long it lives, who may end it.

Without the key every log is lost, locked or not.

Source: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/create-kms-key-policy-for-cloudtrail.html
"""

from __future__ import annotations

from collections.abc import Callable

from trailkeep.core.times import format_moment
from trailkeep.guard.control import (
    Answer,
    Control,
    Severity,
    Subject,
    failed,
    not_applicable,
    passed,
    unknown,
)
from trailkeep.guard.effective import Threat, effective
from trailkeep.guard.estate import Absent, Key, Organization, Trail, Unreadable
from trailkeep.guard.probe_callers import owner_of
from trailkeep.guard.trail_access import deliveries, stranger_trail

__all__ = ["KEY_CONTROLS"]


def _of_key(check: Callable[[Subject, Key], Answer]) -> Callable[[Subject], Answer]:
    """Return a check that needs a key of one's own."""

    def answer(subject: Subject) -> Answer:
        key = subject.estate.key
        if isinstance(key, Unreadable):
            return unknown("archive key", key)
        if isinstance(key, Absent):
            return not_applicable("archive key", "logs are encrypted with keys of S3's own")
        return check(subject, key)

    return answer


def _is_apart(subject: Subject, key: Key) -> Answer:
    organization = subject.estate.organization
    if isinstance(organization, Unreadable):
        return unknown(key.arn, organization)
    owner = owner_of(key.arn)
    if isinstance(organization, Organization) and owner == organization.management_account:
        return failed(key.arn, "a key in the management account, which no policy binds")
    return passed(key.arn, f"it is in member account {owner}")


def _is_alive(_: Subject, key: Key) -> Answer:
    if key.deletion_at:
        return failed(key.arn, f"a key that is deleted on {format_moment(key.deletion_at)}")
    if key.state == "Enabled":
        return passed(key.arn, "it is enabled")
    return failed(key.arn, f"a key in state {key.state or 'that AWS does not say'}")


def _is_customer_managed(_: Subject, key: Key) -> Answer:
    if key.manager == "CUSTOMER":
        return passed(key.arn, "its policy is yours")
    return failed(key.arn, f"a key managed by {key.manager or 'nobody knows whom'}")


def _rotates(_: Subject, key: Key) -> Answer:
    if isinstance(key.rotates, Unreadable):
        return unknown(key.arn, key.rotates)
    if isinstance(key.rotates, Absent):
        return unknown(key.arn, "whether it rotates was not read")
    return passed(key.arn, "its material is renewed") if key.rotates else failed(key.arn, "no rotation")


def _accepts_trail(subject: Subject, key: Key) -> Answer:
    trail = subject.trail
    if isinstance(trail, Unreadable):
        return unknown(key.arn, trail)
    if isinstance(trail, Absent):
        return not_applicable(key.arn, "there is no organization trail; see trail.organization")
    return _deliver(subject, key, trail.arn, is_wanted=True)


def _refuses_other_trails(subject: Subject, key: Key) -> Answer:
    return _deliver(subject, key, stranger_trail(subject.estate.caller.partition), is_wanted=False)


def _deliver(subject: Subject, key: Key, trail: str, *, is_wanted: bool) -> Answer:
    if isinstance(key.policy, Absent):
        return unknown(key.arn, "its policy was not read")
    prefix = subject.trail.prefix if isinstance(subject.trail, Trail) else ""
    found = deliveries(subject.attached, "kms", trail=trail, prefix=prefix)
    if isinstance(found, Unreadable):
        return unknown(key.arn, found)
    [made] = found
    words = "may" if made.is_allowed else "may not"
    whose = "our trail" if is_wanted else "a stranger's trail"
    answer = f"CloudTrail {words} make data keys for {whose}: {made.reason}"
    return passed(key.arn, answer) if made.is_allowed is is_wanted else failed(key.arn, answer)


def _without(threat: Threat, *, well: str) -> Callable[[Subject], Answer]:
    def check(subject: Subject, key: Key) -> Answer:
        if isinstance(key.policy, Absent):
            return unknown(key.arn, "its policy was not read")
        gaps = effective(subject.attached, threat)
        if isinstance(gaps, Unreadable):
            return unknown(key.arn, gaps)
        if gaps:
            return failed(key.arn, f"{gaps[0].caller} may call {gaps[0].action}: {gaps[0].reason}")
        return passed(key.arn, well)

    return _of_key(check)


KEY_CONTROLS = (
    Control(
        id="key.location",
        severity=Severity.HIGH,
        question="Is the key in a member account, where organization policies bind?",
        expected="a key in the archive account",
        check=_of_key(_is_apart),
        remedy="encrypt new logs with a key in the archive account, and keep the old key as long as its logs",
        action="trail.encryption",
    ),
    Control(
        id="key.state",
        severity=Severity.CRITICAL,
        question="Is the key enabled, with no deletion ahead?",
        expected="a key that is enabled",
        check=_of_key(_is_alive),
        remedy="cancel the deletion and enable the key: without it every log is lost",
    ),
    Control(
        id="key.customer_managed",
        severity=Severity.LOW,
        question="Is the key's policy yours?",
        expected="a customer managed key",
        check=_of_key(_is_customer_managed),
        remedy="set archive.encryption to sse-kms for a key of your own",
        action="key.create",
    ),
    Control(
        id="key.rotation",
        severity=Severity.MEDIUM,
        question="Does KMS renew the key material?",
        expected="rotation",
        check=_of_key(_rotates),
        remedy="switch rotation on",
        action="key.rotation",
    ),
    Control(
        id="key.accepts_trail",
        severity=Severity.CRITICAL,
        question="Does the key policy let CloudTrail encrypt for this trail?",
        expected="a policy that lets CloudTrail make data keys",
        check=_of_key(_accepts_trail),
        remedy="see 'trailkeep explain' for the statement",
        action="key.policy",
    ),
    Control(
        id="key.source_arn",
        severity=Severity.MEDIUM,
        question="Is CloudTrail refused the key for somebody else's trail?",
        expected="a condition on aws:SourceArn in the key policy",
        check=_of_key(_refuses_other_trails),
        remedy="add the condition",
        action="key.policy",
    ),
    Control(
        id="key.not_public",
        severity=Severity.CRITICAL,
        question="Can no stranger decrypt with the key?",
        expected="a key policy that lets no stranger in",
        check=_without(Threat.DECRYPT, well="no stranger may decrypt"),
        remedy="name accounts and roles of the organization alone",
        action="key.policy",
    ),
    Control(
        id="key.guarded",
        severity=Severity.HIGH,
        question="Is it proved that no caller asked about can delete, disable or take over the key?",
        expected="guards that refuse it",
        check=_without(Threat.KEY, well="proved: no caller asked about may end it"),
        remedy="arm the guards, or use S3's keys, which nobody can delete",
        action="scp.attach",
    ),
)
