"""What the trail records is set by ``apply``, kept, and repaired when somebody changes it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from applying import Clock, apply_at
from guard_verbs import Verbs
from refusals import proxied
from trailkeep.core.errors import ConfigError
from trailkeep.sandbox.organization import LOG_ARCHIVE_ACCOUNT_ID, Sandbox

pytestmark = pytest.mark.sandbox
_TRAIL = """
data_events = ["AWS::S3::Object=arn:aws:s3:::important/", "AWS::Lambda::Function"]
network_events = ["ec2.amazonaws.com"]
insights = ["ApiCallRateInsight", "ApiErrorRateInsight"]
"""
_TRUST = (
    '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole",'
    '"Principal":{"Service":"cloudtrail.amazonaws.com"}}]}'
)


@pytest.fixture
def verbs(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Verbs:
    """A folder whose configuration asks for more than management events."""
    made = Verbs(sandbox, monkeypatch, tmp_path)
    made.write(trail=_TRAIL)
    return made


def test_all_that_is_asked_for(verbs: Verbs, sandbox: Sandbox) -> None:
    """Selectors and Insights are set before the trail starts, and a second plan finds nothing to change."""
    applied = verbs.armed("--json")
    assert applied.exit_code == 0
    assert _trail_ids(verbs) == ["trail.create", "trail.event_selectors", "trail.insights", "trail.start"]
    planned = verbs.run("plan", "--json")
    assert (planned.exit_code, planned.ids, planned.document["kept"]) == (0, [], [])
    cloudtrail = sandbox.client("cloudtrail")
    (trail,) = cloudtrail.describe_trails()["trailList"]
    told = ("HasCustomEventSelectors", "HasInsightSelectors", "RecursiveLogging")
    assert [trail[name] for name in told] == [True, True, False]
    selected = cloudtrail.get_event_selectors(TrailName="trailkeep")["AdvancedEventSelectors"]
    assert [_values(selector) for selector in selected] == [
        [["Management"]],
        [["Data"], ["AWS::Lambda::Function"]],
        [["Data"], ["AWS::S3::Object"], ["arn:aws:s3:::important/"]],
        [["NetworkActivity"], ["ec2.amazonaws.com"]],
    ]
    insights = cloudtrail.get_insight_selectors(TrailName="trailkeep")["InsightSelectors"]
    assert [one["InsightType"] for one in insights] == ["ApiCallRateInsight", "ApiErrorRateInsight"]


def test_drift_is_repaired(verbs: Verbs, sandbox: Sandbox) -> None:
    """Selectors that somebody narrowed, and Insights that somebody switched off, are found and put back."""
    assert verbs.armed().exit_code == 0
    cloudtrail = sandbox.client("cloudtrail")
    basic = [{"ReadWriteType": "WriteOnly", "IncludeManagementEvents": True, "DataResources": []}]
    cloudtrail.put_event_selectors(TrailName="trailkeep", EventSelectors=basic)
    cloudtrail.put_insight_selectors(TrailName="trailkeep", InsightSelectors=[])
    cloudtrail.update_trail(Name="trailkeep", RecursiveLogging=True)
    planned = verbs.run("plan", "--json")
    assert (planned.exit_code, planned.ids) == (
        1,
        ["trail.update", "trail.event_selectors", "trail.insights"],
    )
    assert verbs.run("apply", "--yes").exit_code == 0
    assert verbs.run("plan", "--json").ids == []


def test_what_is_no_longer_asked_for_stays_until_allowed(verbs: Verbs, sandbox: Sandbox) -> None:
    """Less in the configuration drops nothing, until dropping events is allowed; then the default is left."""
    assert verbs.armed().exit_code == 0
    verbs.write()
    planned = verbs.run("plan", "--json")
    assert (planned.exit_code, planned.ids) == (0, [])
    assert {kept["allow"] for kept in planned.document["kept"]} == {"drop-events"}
    assert verbs.run("apply", "--yes", "--allow", "drop-events").exit_code == 0
    (trail,) = sandbox.client("cloudtrail").describe_trails()["trailList"]
    assert not trail["HasInsightSelectors"]
    planned = verbs.run("plan", "--json")
    assert (planned.exit_code, planned.ids, planned.document["kept"]) == (0, [], [])


def test_feeds(verbs: Verbs, sandbox: Sandbox) -> None:
    """What does not exist is named one by one before anything is done; what exists is given to the trail."""
    topic = "arn:aws:sns:eu-central-1:222222222222:logs"
    group, role = (
        "arn:aws:logs:eu-central-1:111111111111:log-group:g:*",
        "arn:aws:iam::111111111111:role/r",
    )
    trail = f'sns_topic = "{topic}"\ncloudwatch_log_group = "{group}"\ncloudwatch_role = "{role}"'
    verbs.write(trail=trail)
    sandbox.client("logs").create_log_group(logGroupName="group")
    missing: tuple[tuple[str, Callable[[], Any]], ...] = (
        ("trail.cloudwatch_log_group", lambda: sandbox.client("logs").create_log_group(logGroupName="g")),
        (
            "trail.cloudwatch_role",
            lambda: sandbox.client("iam").create_role(RoleName="r", AssumeRolePolicyDocument=_TRUST),
        ),
        (
            "trail.sns_topic",
            lambda: sandbox.client("sns", LOG_ARCHIVE_ACCOUNT_ID).create_topic(Name="logs"),
        ),
    )
    for setting, make in missing:
        with pytest.raises(ConfigError, match=f"{setting}: expected a .* that exists, got"):
            apply_at(verbs.folder, Clock(), changes={"trail": trail})
        make()
    assert sandbox.injected.calls["CreateBucket"] == 0
    assert verbs.armed().exit_code == 0
    (made,) = sandbox.client("cloudtrail").describe_trails()["trailList"]
    told = ("SnsTopicARN", "CloudWatchLogsLogGroupArn", "CloudWatchLogsRoleArn")
    assert [made[name] for name in told] == [topic, group, role]
    assert verbs.run("plan", "--json").ids == []


def test_delegated_administrator(verbs: Verbs, sandbox: Sandbox) -> None:
    """A member account is registered for CloudTrail once, and a further one is told of."""
    verbs.write(trail='delegated_administrator = "333333333333"')
    assert verbs.armed().exit_code == 0
    organizations = sandbox.client("organizations")
    listed = organizations.list_delegated_administrators(ServicePrincipal="cloudtrail.amazonaws.com")
    assert [one["Id"] for one in listed["DelegatedAdministrators"]] == ["333333333333"]
    assert verbs.run("plan", "--json").ids == []
    verbs.write()
    planned = verbs.run("plan", "--json")
    assert [kept["target"] for kept in planned.document["kept"]] == ["333333333333"]


@pytest.mark.parametrize("operation", ["GetEventSelectors", "GetInsightSelectors"])
def test_refused_selectors_are_unknown(verbs: Verbs, sandbox: Sandbox, operation: str) -> None:
    """Selectors that cannot be read make the plan UNKNOWN."""
    assert verbs.armed().exit_code == 0
    with proxied(sandbox.endpoint_url) as proxy:
        proxy.refused.add(operation)
        verbs.behind(proxy.url)
        planned = verbs.run("plan", "--json")
    assert planned.exit_code == 3
    assert [one["call"] for one in planned.document["unknown"]] == [f"cloudtrail:{operation}"]


def _trail_ids(verbs: Verbs) -> list[str]:
    """Return the ids of the actions on the trail that were performed, in order."""
    lines = (verbs.folder / ".trailkeep" / "journal.jsonl").read_text().splitlines()
    entries = [json.loads(line) for line in lines]
    done = [entry["action"] for entry in entries if entry["outcome"] == "done"]
    return [identity for identity in done if identity.startswith("trail.")]


def _values(selector: dict[str, Any]) -> list[list[str]]:
    return [field.get("Equals") or field["StartsWith"] for field in selector["FieldSelectors"]]
