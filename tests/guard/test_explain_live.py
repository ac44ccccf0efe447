"""Policies in force, explained from an estate: nothing that could not be read is taken for anything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from estates import config, in_force, nothing, with_facts
from trailkeep.core.errors import UsageError
from trailkeep.core.verdict import VerdictKind
from trailkeep.guard.delivery import Kind, Values
from trailkeep.guard.estate import Absent, Estate, Unreadable
from trailkeep.guard.explain import Explained
from trailkeep.guard.explain_live import explain_estate, named_keys, named_topics
from trailkeep.guard.live import Live, Read, judged_by

KEY = "arn:aws:kms:eu-central-1:222222222222:key/0123abcd-0000-4000-8000-000000000000"
TOPIC = "arn:aws:sns:eu-central-1:111111111111:trail-news"
REFUSED = Unreadable(call="service:Call", error="AccessDenied: no")
DENIES_ALL = (
    '{"Statement":{"Sid":"Pasted","Effect":"Deny","Action":"s3:DeleteBucket",'
    '"Resource":"arn:aws:s3:::acme-trail-archive"}}'
)


def _live(estate: Estate, read: Mapping[str, Read] | None = None, **settings: Any) -> Live:
    judged = judged_by(config(settings), estate, given=Values())
    return explain_estate(judged, read or {})


def _raw(fact: Any) -> Any:
    return msgspec.to_builtins(fact)


def _unknown(live: Live) -> list[str]:
    return [each.kind for each in live.explained if each.verdict.kind is VerdictKind.UNKNOWN]


def test_an_archive_in_force_passes() -> None:
    """The bucket policy and our three guards of an armed archive are explained, and nothing is found."""
    live = _live(in_force())
    assert [each.kind for each in live.explained] == ["bucket-policy", "scp", "scp", "rcp"]
    assert {each.verdict.kind for each in live.explained} == {VerdictKind.PASS}
    assert [each.kind for each in live.absences] == ["key-policy", "topic-policy"]


@given(
    facts=st.sets(
        st.sampled_from(
            ["bucket.policy", "trails", "service_control_policies", "resource_control_policies", "accounts"]
        )
    )
)
def test_unread_facts_are_unknown_and_the_rest_as_before(facts: set[str]) -> None:
    """Whatever could not be read, nothing fails for it, each is UNKNOWN, and what was read passes as it did."""
    live = _live(with_facts(in_force(), dict.fromkeys(facts, _raw(REFUSED))))
    assert {each.verdict.kind for each in live.explained} <= {VerdictKind.PASS, VerdictKind.UNKNOWN}
    wanted: set[str] = set()
    for fact in facts:
        wanted |= {
            "bucket.policy": {Kind.BUCKET},
            "trails": {Kind.KEY, Kind.TOPIC},
            "service_control_policies": {Kind.SCP},
            "resource_control_policies": {Kind.RCP},
            "accounts": {Kind.SCP, Kind.RCP},
        }[fact]
    assert set(_unknown(live)) == wanted
    for each in live.explained:
        if each.unread:
            assert (
                "service:Call: AccessDenied: no; allow the call and run 'trailkeep explain --live' again"
                in each.unread
            )


def test_keys_and_topics_that_are_named() -> None:
    """The keys of trail and archive and the topics of trail and configuration are named, each once."""
    estate = with_facts(in_force(), {"trails.0.kms_key": KEY, "trails.0.sns_topic": TOPIC})
    judged = judged_by(config({"trail.sns_topic": TOPIC}), estate, given=Values())
    assert (named_keys(judged), named_topics(judged)) == ((KEY,), (TOPIC,))
    other = f"{TOPIC}-more"
    judged = judged_by(config({"trail.sns_topic": other}), estate, given=Values())
    assert named_topics(judged) == (TOPIC, other)
    assert (named_keys(judged_by(config(), in_force(), given=Values())),) == ((),)


@pytest.mark.parametrize("fact", [Absent(), REFUSED])
def test_a_key_and_a_topic_without_a_policy(fact: Absent | Unreadable) -> None:
    """A named key or topic that is not there fails; one whose policy is refused is UNKNOWN."""
    estate = with_facts(in_force(), {"trails.0.kms_key": KEY, "trails.0.sns_topic": TOPIC})
    found = {each.file: each for each in _live(estate, {KEY: fact, TOPIC: fact}).explained}
    wanted = VerdictKind.FAIL if isinstance(fact, Absent) else VerdictKind.UNKNOWN
    assert [found[arn].verdict.kind for arn in (KEY, TOPIC)] == [wanted, wanted]


@pytest.mark.parametrize(("bucket_key", "asked"), [(True, 3), (False, 2)])
def test_decrypt_is_asked_for_a_bucket_key(bucket_key: bool, asked: int) -> None:  # noqa: FBT001 - a case
    """Whether CloudTrail must decrypt is taken from the bucket's own default encryption."""
    encryption = {"fact": "Encryption", "algorithm": "aws:kms", "kms_key": KEY, "bucket_key": bucket_key}
    estate = with_facts(in_force(), {"trails.0.kms_key": KEY, "bucket.encryption": encryption})
    (key,) = [each for each in _live(estate, {KEY: DENIES_ALL}).explained if each.file == KEY]
    assert len(key.requests) == asked


def test_what_an_scp_leaves_is_judged_with_the_others() -> None:
    """The same pasted SCP is a finding alone, and none beside a guard on the path that refuses the rest."""

    def found(estate: Estate) -> list[tuple[str, str]]:
        listed: tuple[Explained, ...] = _live(estate).explained
        return [(each.file, found.kind) for each in listed for found in each.findings]

    pasted = {
        "fact": "Policy",
        "id": "p-pasted",
        "name": "pasted",
        "aws_managed": False,
        "content": DENIES_ALL,
        "targets": ["ou-root-security"],
    }
    policies = "service_control_policies"
    alone = with_facts(nothing(), {policies: [pasted], "bucket": _raw(in_force().bucket)})
    assert found(alone) == [("pasted (p-pasted) on ou-root-security", "scp.root_may")]
    guarded = [*_raw(in_force().service_control_policies), pasted]
    assert found(with_facts(in_force(), {policies: guarded})) == []
    elsewhere = {**pasted, "targets": ["333333333333"]}
    assert found(with_facts(alone, {policies: [elsewhere]})) == []


@pytest.mark.parametrize(
    ("organization", "got"),
    [
        (_raw(Absent()), "one in no organization"),
        ({**_raw(in_force().organization), "id": "o-somebodyelse"}, "one of o-somebodyelse"),
    ],
)
def test_credentials_of_somebody_else(organization: dict[str, Any], got: str) -> None:
    """Credentials of another organization, or of none, are wrong usage: nothing is taken for missing."""
    with pytest.raises(UsageError, match=f"expected an account of organization o-exampleorgid, got {got}"):
        _live(with_facts(nothing(), {"organization": organization}))


def test_the_trail_of_one_account() -> None:
    """Where no organization is meant, only the account's own folder is asked for, and no SCP is looked for."""
    estate = with_facts(in_force(), {"organization": _raw(REFUSED)})
    judged = replace(judged_by(config(), estate, given=Values()), organization_id="")
    live = explain_estate(judged, {})
    (bucket,) = live.explained
    folders = [each.resource for each in bucket.requests if each.action == "s3:PutObject"]
    assert folders == ["arn:aws:s3:::acme-trail-archive/AWSLogs/111111111111/CloudTrail/"]
    assert {each.reason for each in live.absences[2:]} == {
        "one account is meant, so its organization was not looked at"
    }
