"""A plan is shown completely, in words, and nothing in it can drive a terminal."""

from __future__ import annotations

from estates import config, in_force, nothing, planned, with_facts
from trailkeep.cli.plan_view import body, lines, summary
from trailkeep.guard.decisions import Allowance

_REFUSED = {"fact": "Unreadable", "call": "cloudtrail:GetTrailStatus", "error": "AccessDenied: no"}


def test_nothing_to_change() -> None:
    """A plan without anything shows no line."""
    plan = planned(config(), in_force())
    assert list(lines(plan)) == []
    assert summary(plan) == "nothing to change: everything asked for is in force"


def test_every_kind_of_line() -> None:
    """Actions, blocked ones, unknowns and kept differences each have their mark and their reason."""
    drift = {
        "bucket.object_lock.days": 3650,
        "bucket.versioning": "Suspended",
        "trails.0.bucket": "elsewhere",
        "trails.0.status": _REFUSED,
        "trails.0.has_custom_event_selectors": True,
    }
    plan = planned(config(), with_facts(in_force(), drift), Allowance.REDIRECT_TRAIL)
    assert "\n".join(lines(plan)) == (
        "~ trail.update  arn:aws:cloudtrail:eu-central-1:111111111111:trail/trailkeep  in 111111111111  DESTRUCTIVE\n"
        "    because it delivers to elsewhere, not acme-trail-archive\n"
        "    bucket: elsewhere -> acme-trail-archive\n"
        "! bucket.versioning  acme-trail-archive  blocked\n"
        "    because SERVICE_CONTROL_POLICY trailkeep-archive and "
        "RESOURCE_CONTROL_POLICY trailkeep-archive-resources are attached and refuse it\n"
        "    add --allow lift-guards to do it: versioning is Suspended\n"
        "? cloudtrail:GetTrailStatus  unknown\n"
        "    AccessDenied: no\n"
        "    undecided: whether the trail trailkeep is logging\n"
        "= acme-trail-archive  left as it is\n"
        "    the lock (GOVERNANCE 3650 days) holds more than is asked for (GOVERNANCE 400 days); "
        "--allow shorten-retention changes it\n"
        "* trail trailkeep  concern\n"
        "    observed: it has event selectors of its own, and what they select was not observed\n"
        "    events that no selector selects are not recorded\n"
        "    remedy: see 'aws cloudtrail get-event-selectors'; 'aws cloudtrail put-event-selectors' sets them\n"
        "differences: 1 keep, 1 fix, 2 danger, 1 unknown\n"
        f"fingerprint {plan.fingerprint}"
    )
    assert summary(plan) == (
        "1 to do (1 destructive), 1 blocked, 1 unknown, 1 left as it is; 1 concern "
        "(trail trailkeep: it has event selectors of its own, and what they select was not observed)"
    )


def test_concerns_are_never_nothing_to_change() -> None:
    """Where nothing is to be done and nothing is delivered, the summary names what is wrong."""
    failing = {"trails.0.status.latest_delivery_error": "AccessDenied"}
    assert summary(planned(config(), with_facts(in_force(), failing))) == (
        "nothing to change; 1 concern "
        "(trail trailkeep: the last delivery of a log to acme-trail-archive failed: AccessDenied)"
    )


def test_blocked_for_good() -> None:
    """What no allowance does is shown without one."""
    inherited = {"service_control_policies.1.targets": ["r-root"], "bucket.versioning": ""}
    shown = list(lines(planned(config(), with_facts(in_force(), inherited), Allowance.LIFT_GUARDS)))
    assert "    it is needed: versioning is off" in shown


def test_lifted_guard() -> None:
    """A guard that is lifted is shown as a removal that is destructive."""
    plan = planned(config(), with_facts(in_force(), {"bucket.versioning": ""}), Allowance.LIFT_GUARDS)
    assert next(iter(lines(plan))) == "- scp.detach  222222222222  in 111111111111  DESTRUCTIVE"


def test_policy_is_shown_by_statement() -> None:
    """A changed policy is shown statement by statement, kept ones without a mark."""
    extended = (
        '{"Version":"2012-10-17","Statement":[{"Sid":"Mine","Effect":"Deny","Action":"x:*","Resource":"*"}]}'
    )
    plan = planned(config(), with_facts(in_force(), {"service_control_policies.1.content": extended}))
    shown = list(lines(plan))
    assert '        {"Sid": "Mine", "Effect": "Deny", "Action": "x:*", "Resource": "*"}' in shown
    assert sum(line.startswith("      + {") for line in shown) == 3


def test_control_characters_are_visible() -> None:
    """What was observed cannot drive the terminal."""
    drift = {"trails.0.bucket": "\x1b[2Jgone"}
    text = "\n".join(lines(planned(config(), with_facts(in_force(), drift))))
    assert "\x1b" not in text
    assert "\\x1b[2Jgone" in text


def test_json_contract() -> None:
    """The JSON form has id, kind, target, account, reason and destructive for every action."""
    document = body(planned(config(), nothing()))
    assert set(document) == {
        "actions",
        "waiting",
        "blocked",
        "unknown",
        "kept",
        "concerns",
        "differences",
        "fingerprint",
        "unguarded",
    }
    for action in document["actions"]:
        assert {"id", "kind", "target", "account", "reason", "destructive", "changes"} <= set(action)
    assert document["actions"][0]["kind"] == "EnableTrustedAccess"


def test_what_waits_is_shown_with_the_way_on() -> None:
    """What waits for --arm has its own mark, reason and count."""
    plan = planned(
        config({"guards.scp": False, "guards.member_scp": False, "guards.rcp": False}), nothing(), arm=False
    )
    shown = list(lines(plan))
    at = shown.index("> bucket.object_lock  acme-trail-archive  waits")
    assert shown[at + 1 : at + 3] == [
        "    add --arm once a member account's log has arrived",
        "    it is needed: a log must not be deleted before its time, whoever asks",
    ]
    assert summary(plan) == "11 to do, 2 waiting for --arm"
