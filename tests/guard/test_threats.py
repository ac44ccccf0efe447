"""The catalogue of threats: what it holds, and that it is whole."""

from __future__ import annotations

import re
from dataclasses import replace

import botocore.session
import pytest

from trailkeep.core.errors import UsageError
from trailkeep.guard.actions import find
from trailkeep.guard.threat import Attacker, Call, Control, Effect, Fact, Names, Source, Target, Threat
from trailkeep.guard.threats import BY_ID, HARMLESS, THREATS, changing_actions, threat, unclassified

NAMES = Names(
    partition="aws",
    region="eu-central-1",
    organization="o-exampleorgid",
    management_account="111111111111",
    archive_account="222222222222",
    member_account="333333333333",
    bucket="acme-trail-archive",
    log="AWSLogs/o-exampleorgid/222222222222/CloudTrail/eu-central-1/2026/11/24/a.json.gz",
    key="11112222-3333-4444-5555-666677778888",
    key_region="eu-central-1",
    key_account="222222222222",
    trail="org-trail",
    trail_region="eu-central-1",
    topic="org-trail",
    log_group="/aws/cloudtrail/org-trail",
    feed_role="service/trail-feed",
    name="any",
)
CALLS = sorted(
    {(each.id, call.action, call.target) for each in THREATS for way in each.ways for call in way},
)


def test_the_catalogue_has_every_entry_once() -> None:
    """There are 52 threats, each with an id of its own in kebab-case and a title of its own."""
    assert len(THREATS) == len(BY_ID) == len({each.title for each in THREATS}) == 52
    assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", each.id) for each in THREATS)


@pytest.mark.parametrize("each", THREATS, ids=lambda one: one.id)
def test_a_threat_says_what_a_reader_needs(each: Threat) -> None:
    """A threat has callers, sources, remedies, what stops it, and MITRE ids of the known form."""
    assert each.attackers
    assert each.remedies
    assert each.sources
    assert all(source.url.startswith("https://") and source.title for source in each.sources)
    assert all(re.fullmatch(r"T\d{4}(\.\d{3})?", number) for number in each.mitre)
    assert each.mitre
    for sentence in (each.technique, each.stops, each.remains):
        assert not sentence or sentence.endswith(".")
        assert "  " not in sentence
    assert not each.title.endswith(".")


@pytest.mark.parametrize("each", THREATS, ids=lambda one: one.id)
def test_both_numbers_of_disabling_cloud_logs_stand_side_by_side(each: Threat) -> None:
    """MITRE renumbered the technique: whoever searches for either number finds the threat."""
    assert ("T1562.008" in each.mitre) == ("T1685.002" in each.mitre)


@pytest.mark.parametrize(("name", "action", "target"), CALLS)
def test_a_call_acts_on_its_target(name: str, action: str, target: Target) -> None:
    """The action of every call is in the table, and its target is a resource that the action acts on."""
    found = find(action)
    assert found is not None, name
    assert found.name == action
    arn = target.resource(NAMES)
    if target is Target.EVERYTHING:
        assert not found.types or not found.required
    else:
        assert any(kind.matches(arn) for kind in found.types)


@pytest.mark.parametrize("each", THREATS, ids=lambda one: one.id)
def test_a_residual_is_what_no_policy_decides(each: Threat) -> None:
    """A threat that policies decide names layers; one that none decides says what remains."""
    assert each.unbound <= each.attackers
    if each.is_decidable:
        assert each.controls
    else:
        assert each.remains
        assert not each.controls


@pytest.mark.parametrize("each", THREATS, ids=lambda one: one.id)
def test_only_policies_of_resources_bind_service_linked_roles(each: Threat) -> None:
    """Where no policy of the bucket or key can refuse, service-linked roles are unbound, and so is management."""
    binding = {Control.BUCKET_POLICY, Control.KEY_POLICY} & {*each.controls}
    if each.ways and Attacker.SERVICE_LINKED_ROLE in each.attackers and not binding:
        assert Attacker.SERVICE_LINKED_ROLE in each.unbound
    if each.ways and Attacker.MANAGEMENT_ROOT in each.attackers and not binding:
        assert {Attacker.MANAGEMENT_ROOT, Attacker.MANAGEMENT_IAM} <= each.unbound


def test_every_effect_and_most_facts_have_a_threat() -> None:
    """The catalogue knows all effects, and names each state of the archive that its reasoning uses."""
    assert {each.effect for each in THREATS} == {*Effect}
    used = {fact for each in THREATS for fact in (*each.given, *each.refused_when)}
    assert {
        Fact.COMPLIANCE,
        Fact.GOVERNANCE,
        Fact.OBJECT_LOCK,
        Fact.CUSTOMER_KEY,
        Fact.DEFAULT_REGION,
    } <= used


def test_no_changing_action_is_overlooked() -> None:
    """Every action that changes something is in a threat or is harmless for a reason, and never both."""
    assert unclassified(changing_actions()) == ()
    named = {action for each in THREATS for action in each.actions}
    assert named & {*HARMLESS} == set()
    assert all(HARMLESS.values())


def test_nothing_is_called_harmless_that_is_not_there() -> None:
    """The harmless actions are actions of the table that change something: none is misspelt or a pattern."""
    assert {*HARMLESS} <= {each.name for each in changing_actions()}


def test_an_action_that_aws_adds_is_noticed() -> None:
    """An action that a later table adds is in neither list, and the check names it."""
    known = find("s3:PutObject")
    assert known is not None
    added = replace(known, name="s3:PutObjectFuture")
    assert unclassified([known, added]) == ("s3:PutObjectFuture",)


def test_a_target_without_names_is_a_pattern() -> None:
    """Names that nobody knows become stars; a bucket's owner is the archive account all the same."""
    assert Target.TRAIL.resource(Names()) == "arn:*:cloudtrail:*:*:trail/*"
    assert Target.BUCKET.owner(NAMES) == "222222222222"
    assert Target.KEY.owner(NAMES) == "222222222222"
    assert Target.TRAIL.owner(NAMES) == "111111111111"
    assert Target.EVERYTHING.owner(NAMES) == Target.HANDSHAKE.owner(NAMES) == ""


def test_a_way_needs_all_of_its_calls() -> None:
    """Bypassing governance takes two permissions; the name of a deleted bucket is registered elsewhere."""
    first = BY_ID["bypass-governance"].ways[0]
    assert [call.action for call in first] == ["s3:BypassGovernanceRetention", "s3:DeleteObjectVersion"]
    (way,) = BY_ID["delete-bucket"].ways
    assert way[1] == Call(action="s3:CreateBucket", target=Target.BUCKET, elsewhere=True)


def test_an_unknown_threat_is_refused() -> None:
    """Asking for a threat that is not there says where they are listed."""
    assert threat("stop-trail").effect is Effect.STOP
    with pytest.raises(UsageError) as raised:
        threat("stop-everything")
    assert str(raised.value) == (
        "threat: expected the id of a threat such as delete-version, got 'stop-everything'; "
        "docs/reference/threats.md lists them"
    )


def _operations() -> list[tuple[str, str]]:
    pattern = re.compile(r"(?P<service>[a-z]+):(?P<operation>[A-Z]\w+)")
    titles: set[Source] = {source for each in THREATS for source in each.sources if "/API_" in source.url}
    found = (pattern.fullmatch(source.title) for source in titles)
    return sorted((one["service"], one["operation"]) for one in found if one)


@pytest.mark.parametrize(("service", "operation"), _operations())
def test_a_cited_operation_is_one_of_the_sdk(service: str, operation: str) -> None:
    """Every operation that is cited as a source exists under that name."""
    model = botocore.session.get_session().get_service_model(service)
    assert operation in model.operation_names
