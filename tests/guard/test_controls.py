"""The controls: a golden case for each outcome of each, and properties of the audit."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from account_estates import account_config, account_in_force
from audits import NOW, facts, observation, subject
from estates import config
from trailkeep.core.config import Mute
from trailkeep.core.errors import UsageError
from trailkeep.core.verdict import VerdictKind
from trailkeep.guard.audit_facts import unread
from trailkeep.guard.control import Outcome, Severity
from trailkeep.guard.control_mappings import FRAMEWORKS, Framework, find_framework, mappings_of
from trailkeep.guard.controls import CONTROLS, audit, subject_of
from trailkeep.guard.estate import Unreadable
from trailkeep.guard.judge_status import judge

FOLDER = Path(__file__).parent.parent / "cases" / "audit"
PLANS = sorted((Path(__file__).parents[2] / "src" / "trailkeep" / "guard").glob("plan*.py"))
BY_ID = {control.id: control for control in CONTROLS}
CASES = [
    (path.name.removesuffix(".json"), outcome, case)
    for path in sorted(FOLDER.glob("*.json"))
    for outcome, case in msgspec.json.decode(path.read_bytes()).items()
]


@pytest.mark.parametrize(("control", "outcome", "case"), CASES, ids=[f"{one[0]}-{one[1]}" for one in CASES])
def test_case(control: str, outcome: str, case: dict[str, Any]) -> None:
    """Each change in tests/cases/audit makes its control answer as the case says."""
    answer = BY_ID[control].check(subject(case))
    assert answer.outcome.value == outcome.upper(), answer
    assert case.get("says", "") in answer.reason
    assert answer.reason
    assert answer.resource


def test_every_control_has_cases() -> None:
    """Each control has a case in which it passes, one in which it fails, and one in which nobody knows."""
    found = {(control, outcome) for control, outcome, _ in CASES}
    wanted = {(control, outcome) for control in BY_ID for outcome in ("pass", "fail", "unknown")}
    assert wanted <= found
    assert {control for control, _ in found} == BY_ID.keys()


def test_ids_are_unique_and_in_the_order_of_areas() -> None:
    """Every control has an id of its own that begins with its area, and every action is one of the plan's."""
    assert len(BY_ID) == len(CONTROLS)
    assert all(control.id.startswith(f"{control.area.value}.") for control in CONTROLS)
    sources = "".join(path.read_text() for path in PLANS)
    for action in {control.action for control in CONTROLS if control.action}:
        key, _, verb = action.rpartition(".")
        assert f'"{action}"' in sources or (key in {"scp", "members", "rcp"} and verb in {"attach", "enable"})


def test_nothing_that_is_not_known_passes_for_known() -> None:
    """Where every fact was refused, no control says PASS or FAIL."""
    why = Unreadable(call="x:Y", error="AccessDenied: no")
    estate = {
        name: msgspec.to_builtins(why)
        for name in [
            "organization",
            "roots",
            "units",
            "accounts",
            "trusted_services",
            "service_control_policies",
            "resource_control_policies",
            "trails",
            "archive_account",
            "bucket",
            "key",
            "account_public_access_block",
            "delegated_administrators",
        ]
    }
    nothing_read = {"key": msgspec.to_builtins(why)}
    blind = subject({"estate": estate, "facts": nothing_read, "status_refused": True})
    blind = dataclasses.replace(blind, facts=unread(why))
    answers = {result.control.id: result.answer.outcome for result in audit(blind).results}
    assert set(answers.values()) == {Outcome.UNKNOWN}, answers


WRONG: dict[str, Any] = {
    "estate": {
        "service_control_policies": [],
        "resource_control_policies": [],
        "delegated_administrators": ["333333333333"],
        "account_public_access_block": {"fact": "Absent"},
        "bucket.public_access_block": {"fact": "Absent"},
        "bucket.policy": '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":"*",'
        '"Action":"s3:*","Resource":["arn:aws:s3:::acme-trail-archive","arn:aws:s3:::acme-trail-archive/*"]}}',
        "trusted_services": [],
        "trails.0.is_multi_region": False,
    },
    "facts": {"root_features": ["RootSessions"], "access_log_bucket": {"fact": "Absent"}},
}
"""An estate in which most things are wrong."""


@given(
    st.sets(st.sampled_from(sorted(msgspec.structs.asdict(facts())))),
    st.sets(st.sampled_from(sorted(set(msgspec.structs.asdict(subject({}).estate)) - {"caller"}))),
)
def test_a_refused_fact_never_makes_an_answer_better(of_facts: set[str], of_estate: set[str]) -> None:
    """Whatever could not be read, no control that failed or was unknown passes because of it."""
    whole = subject(WRONG)
    why = Unreadable(call="x:Y", error="no")
    part = subject_of(
        msgspec.structs.replace(whole.estate, **dict.fromkeys(of_estate, why)),
        msgspec.structs.replace(whole.facts, **dict.fromkeys(of_facts, why)),
        whole.status,
        config=config(),
        framework=None,
        now=NOW,
    )
    for before, after in zip(audit(whole).results, audit(part).results, strict=True):
        if before.answer.outcome in {Outcome.FAIL, Outcome.UNKNOWN}:
            assert after.answer.outcome is not Outcome.PASS, before.control.id


def test_the_outcome_is_the_worst_that_counts() -> None:
    """An audit fails where one control fails, is unknown where one is, and a mute takes its control out."""
    whole = audit(subject({}))
    assert whole.verdict.kind is VerdictKind.FAIL
    failing = whole.verdict.reason.split(", ")
    mutes = [Mute(control=control, reason="accepted", expires="2026-11-24") for control in failing]
    assert audit(subject({}), mutes=mutes).verdict.kind is VerdictKind.PASS
    unknown = subject(
        {"facts": {"versions": {"fact": "Unreadable", "call": "s3:ListBucketVersions", "error": "no"}}}
    )
    assert audit(unknown, mutes=mutes).verdict.reason == "archive.delete_markers"
    assert audit(unknown, mutes=mutes).verdict.kind is VerdictKind.UNKNOWN


def test_a_mute_that_ended_mutes_nothing() -> None:
    """From the day after its last one a mute has no effect, and the finding says that it had one."""
    over = Mute(control="trail.insights", reason="too dear", expires="2026-11-23")
    found = audit(subject({}), mutes=[over])
    [result] = [one for one in found.results if one.control.id == "trail.insights"]
    assert result.counts
    assert result.message.endswith("; the mute of it ended on 2026-11-23")
    assert "trail.insights" in found.verdict.reason


def test_a_mute_of_what_passes_says_nothing() -> None:
    """A mute touches neither a control that passes nor one that is unknown."""
    mutes = [Mute(control=control.id, reason="all", expires="2027-01-01") for control in CONTROLS]
    for result in audit(subject({"status_refused": True}), mutes=mutes).results:
        assert (result.muted is not None) == (result.answer.outcome is Outcome.FAIL)


def test_a_mute_of_no_control() -> None:
    """A mute that names no control is an error, not silence."""
    with pytest.raises(UsageError, match=r"audit\.mute: expected the id of a control, got trail\.insigths"):
        audit(subject({}), mutes=[Mute(control="trail.insigths", reason="typo", expires="2027-01-01")])


def test_severities_cut_off() -> None:
    """Down to a severity only controls at least that severe are asked."""
    found = audit(subject({}), min_severity=Severity.HIGH)
    assert {result.control.severity for result in found.results} == {Severity.CRITICAL, Severity.HIGH}
    assert found.verdict.kind is VerdictKind.PASS


@pytest.mark.parametrize("framework", FRAMEWORKS, ids=lambda framework: framework.key)
def test_a_framework_asks_its_own_controls(framework: Framework) -> None:
    """With a framework only what it asks is asked, and always whether there are a trail and a bucket."""
    asked = audit(subject({}, framework=framework), framework=framework)
    ids = {result.control.id for result in asked.results}
    mapped = {one.id for one in CONTROLS if any(m.framework == framework.key for m in mappings_of(one.id))}
    assert ids == mapped | {"trail.organization", "archive.bucket"}
    assert mapped


@pytest.mark.parametrize(
    ("name", "days", "outcome"),
    [("hipaa", 2190, Outcome.FAIL), ("pci", 400, Outcome.PASS), ("fedramp", 400, Outcome.PASS)],
)
def test_retention_is_what_the_stricter_asks(name: str, days: int, outcome: Outcome) -> None:
    """A lock is held against the framework or the configuration, whichever asks for more days."""
    framework = find_framework(name)
    asked = subject({}, framework=framework)
    assert asked.retention_days == days
    [result] = [
        one for one in audit(asked, framework=framework).results if one.control.id == "archive.retention"
    ]
    assert result.answer.outcome is outcome


def test_no_such_framework() -> None:
    """A framework that is not known is refused with the names of those that are."""
    with pytest.raises(UsageError, match=r"--framework: expected one of cis, pci, .*, got 'gdpr'"):
        find_framework("gdpr")


def test_guards_are_judged_by_what_they_refuse() -> None:
    """A policy with our name and without effect fails, and one with another name and the same effect passes."""
    start = subject({"unarmed": True})
    policies = start.estate.service_control_policies
    assert not isinstance(policies, Unreadable)
    renamed = {
        f"service_control_policies.{number}.name": f"other-{number}" for number in range(len(policies))
    }
    everything = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}'
    emptied = {
        f"service_control_policies.{number}.content": everything for number in range(len(policies))
    } | {"resource_control_policies.0.content": everything}
    guards = ("guards.destroy", "guards.reconfigure", "guards.trail", "guards.membership")
    for change, wanted in ((renamed, Outcome.PASS), (emptied, Outcome.FAIL)):
        for guard in guards:
            assert BY_ID[guard].check(subject({"unarmed": True, "estate": change})).outcome is wanted


def test_what_is_switched_off_guards_nothing() -> None:
    """Policies that are attached while their type is off refuse nothing."""
    off = subject({"unarmed": True, "estate": {"roots.0.policy_types": []}})
    assert BY_ID["guards.trail"].check(off).outcome is Outcome.FAIL
    assert BY_ID["guards.destroy"].check(off).outcome is Outcome.FAIL


def test_one_account_is_not_asked_about_an_organization() -> None:
    """Where one account is meant, what asks about its organization does not apply, and says so."""
    alone = subject_of(
        account_in_force(),
        facts(),
        judge(observation(), now=NOW),
        config=account_config(),
        framework=None,
        now=NOW,
    )
    answers = {result.control.id: result.answer for result in audit(alone).results}
    for control, answer in answers.items():
        if control.startswith("organization.") or control in {"trail.organization", "guards.membership"}:
            assert answer.outcome is Outcome.NOT_APPLICABLE
            assert "one account is meant" in answer.reason
    assert answers["trail.exists"].outcome is Outcome.PASS
    assert answers["archive.accepts_trail"].outcome is Outcome.PASS
    assert answers["guards.destroy"].outcome is Outcome.PASS


def test_security_hub_controls_of_cloudtrail() -> None:
    """Each of Security Hub's controls of CloudTrail from 1 to 10 that is about trails is asked for."""
    asked = {
        one.requirement
        for control in CONTROLS
        for one in mappings_of(control.id)
        if one.framework == "fsbp" and one.requirement.startswith("CloudTrail.")
    }
    assert asked == {f"CloudTrail.{number}" for number in (1, 2, 3, 4, 5, 6, 7, 9)}
