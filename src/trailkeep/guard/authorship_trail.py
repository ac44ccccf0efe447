"""For each line of a plan about the trail: the events that can have made it, as CloudTrail writes them.

Source: https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_UpdateTrail.html
Source: https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_PutEventSelectors.html
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from trailkeep.guard.authorship import Event, Question
from trailkeep.guard.authorship_matches import Test, has_each, never, sets
from trailkeep.guard.changes import (
    Change,
    CreateTrail,
    PutEventSelectors,
    PutInsightSelectors,
    SetTrailKey,
    StartLogging,
    UpdateTrail,
)
from trailkeep.guard.selectors import ALL_MANAGEMENT, write

__all__ = ["TrailAction", "ask_about_trail", "ask_trail"]

TrailAction = CreateTrail | UpdateTrail | StartLogging | SetTrailKey | PutEventSelectors | PutInsightSelectors

_CLOUDTRAIL = "cloudtrail.amazonaws.com"
_MEMBERS = {
    "organization trail": "isOrganizationTrail",
    "multi-region": "isMultiRegionTrail",
    "global service events": "includeGlobalServiceEvents",
    "log file validation": "enableLogFileValidation",
    "bucket": "s3BucketName",
    "key prefix": "s3KeyPrefix",
    "recursive logging": "recursiveLogging",
    "SNS topic": "snsTopicName",
    "CloudWatch Logs group": "cloudWatchLogsLogGroupArn",
    "CloudWatch Logs role": "cloudWatchLogsRoleArn",
    "encryption": "kmsKeyId",
}
_CHANGED = ("UpdateTrail", "CreateTrail")


def ask_trail(action: TrailAction) -> Question:
    """Return the question for one action about the trail."""
    names: tuple[str, ...]
    match action:
        case CreateTrail():
            names, restores = ("DeleteTrail", "CreateTrail"), _is_named("CreateTrail")
        case StartLogging():
            names, restores = ("StopLogging", "StartLogging"), _is_named("StartLogging")
        case PutEventSelectors():
            names, restores = ("PutEventSelectors",), _selecting(action)
        case PutInsightSelectors():
            names, restores = ("PutInsightSelectors",), _analyzing(action)
        case UpdateTrail() | SetTrailKey():
            return ask_about_trail(
                action.id,
                action.target,
                action.account,
                action.region,
                _CHANGED,
                restores=lambda event: not _sets_wrong(event, action.changes),
                only=lambda event: _sets_any(event, action.changes),
            )
    return ask_about_trail(action.id, action.target, action.account, action.region, names, restores=restores)


def ask_about_trail(
    line: str,
    arn: str,
    account: str,
    region: str,
    names: tuple[str, ...],
    *,
    observed: str = "",
    restores: Test = never,
    only: Test = lambda _: True,
) -> Question:
    """Return a question about a trail; events name it by its ARN, or by its name where it is at home."""
    name = arn.rpartition("/")[2]

    def is_about(event: Event) -> bool:
        named = event.asked.get("name") or event.asked.get("trailName")
        return named == arn or (named == name and (event.account, event.region) == (account, region))

    return Question(
        action=line,
        observed=observed,
        source=_CLOUDTRAIL,
        names=names,
        texts=(arn, name),
        touches=lambda event: is_about(event) and only(event),
        restores=restores,
    )


def _is_named(name: str) -> Test:
    return lambda event: event.name == name


def _selecting(action: PutEventSelectors) -> Test:
    """Return whether an event selects what the action would; basic selectors can say all of management."""
    advanced = has_each(json.loads(action.document))
    if action.document != write(ALL_MANAGEMENT):
        return advanced
    basic = sets({"readWriteType": "All", "includeManagementEvents": True})
    return lambda event: advanced(event) or basic(event)


def _analyzing(action: PutInsightSelectors) -> Test:
    """Return whether an event sets the action's Insights; without a category it is management events."""
    wanted = json.loads(action.document)
    whole, short = has_each(wanted), has_each([{"InsightType": one["InsightType"]} for one in wanted])
    may_be_short = all(one["EventCategories"] == ["Management"] for one in wanted)
    return lambda event: whole(event) or (may_be_short and short(event))


def _sets_any(event: Event, changes: Iterable[Change]) -> bool:
    return any(event.asked.get(_MEMBERS[change.field]) is not None for change in changes)


def _sets_wrong(event: Event, changes: Iterable[Change]) -> bool:
    """Whether an event set something to another value than the one that is asked for."""
    return any(
        not _is_same(given, change)
        for change in changes
        if (given := event.asked.get(_MEMBERS[change.field])) is not None
    )


def _is_same(given: object, change: Change) -> bool:
    if change.field == "SNS topic":  # by its ARN, or by its name
        return f":{change.after}".endswith(f":{given}")
    nothing = "sse-s3" if change.field == "encryption" else "none"
    return {"true": "yes", "false": "no", "": nothing}.get(str(given).lower(), str(given)) == change.after
