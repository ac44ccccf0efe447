"""What a trail records: selectors that replace each other and are told, and recursive logging.

Source: https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_PutEventSelectors.html,
https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_PutInsightSelectors.html
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from moto.cloudtrail.exceptions import InsufficientSnsTopicPolicyException
from moto.cloudtrail.models import Trail
from moto.cloudtrail.responses import CloudTrailResponse
from moto.sns.models import sns_backends

from trailkeep.core.arn import Arn
from trailkeep.sandbox.faults import Fault

__all__ = ["refuse_event_selectors", "trail_seams"]

_MAX_BASIC = 5
_MAX_VALUES = 500
_DEFAULT = {
    "ReadWriteType": "All",
    "IncludeManagementEvents": True,
    "DataResources": [],
    "ExcludeManagementEventSources": [],
}


def trail_seams() -> list[tuple[Any, str, Any]]:
    """Return where moto's trails are changed: the place, the name and what is there instead."""
    return [
        (Trail, "put_event_selectors", _put_event_selectors),
        (Trail, "get_event_selectors", _get_event_selectors),
        (Trail, "put_insight_selectors", _put_insight_selectors),
        (Trail, "description", _describing(Trail.description)),
        (Trail, "topic_arn", property(_topic_arn)),
        (Trail, "check_topic_exists", _check_topic_exists),
        (CloudTrailResponse, "create_trail", _keeping(CloudTrailResponse.create_trail)),
        (CloudTrailResponse, "update_trail", _keeping(CloudTrailResponse.update_trail)),
    ]


def refuse_event_selectors(parameters: dict[str, Any]) -> Fault | None:
    """Return CloudTrail's refusal of selectors that are too many, or of two kinds at once."""
    basic = parameters.get("EventSelectors") or []
    advanced = parameters.get("AdvancedEventSelectors") or []
    values = sum(
        len(listed)
        for selector in advanced
        for field in selector.get("FieldSelectors", [])
        for name, listed in field.items()
        if name != "Field"
    )
    if bool(basic) != bool(advanced) and len(basic) <= _MAX_BASIC and values <= _MAX_VALUES:
        return None
    message = "The event selectors of the request are not valid: too many, none, or of two kinds."
    return Fault(code="InvalidEventSelectorsException", message=message)


def _put_event_selectors(
    trail: Trail,
    event_selectors: list[dict[str, Any]] | None,
    advanced_event_selectors: list[dict[str, Any]] | None,
) -> None:
    trail.event_selectors = event_selectors or []
    trail.advanced_event_selectors = advanced_event_selectors or []


def _get_event_selectors(trail: Trail) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    if not _has_custom(trail):
        return [_DEFAULT], []
    return trail.event_selectors, trail.advanced_event_selectors


def _put_insight_selectors(trail: Trail, insight_selectors: list[dict[str, Any]]) -> None:
    trail.insight_selectors = insight_selectors


def _topic_arn(trail: Trail) -> str | None:
    """Return the ARN of the topic, which may be named by its ARN and be of another account."""
    name = trail.sns_topic_name
    if not name or name.startswith("arn:"):
        return name or None
    return f"arn:{trail.partition}:sns:{trail.region_name}:{trail.account_id}:{name}"


def _check_topic_exists(trail: Trail) -> None:
    if arn := _topic_arn(trail):
        topic = Arn.parse(arn)
        if arn not in sns_backends[topic.account_id][topic.region].topics:
            raise InsufficientSnsTopicPolicyException(
                "SNS Topic does not exist or the topic policy is incorrect!"
            )


def _has_custom(trail: Trail) -> bool:
    return bool(trail.event_selectors or trail.advanced_event_selectors)


def _describing(describe: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    def description(trail: Trail, *arguments: Any, **named: Any) -> dict[str, Any]:
        return {
            **describe(trail, *arguments, **named),
            "HasCustomEventSelectors": _has_custom(trail),
            "HasInsightSelectors": bool(trail.insight_selectors),
            "RecursiveLogging": getattr(trail, "recursive_logging", True),
        }

    return description


def _keeping(respond: Callable[[CloudTrailResponse], str]) -> Callable[[CloudTrailResponse], str]:
    """Keep RecursiveLogging, which moto does not read."""

    def response(asked: CloudTrailResponse) -> str:
        answer: dict[str, Any] = json.loads(respond(asked))
        wanted = json.loads(asked.body).get("RecursiveLogging")
        trail: Any = asked.cloudtrail_backend.get_trail(answer["TrailARN"])
        if wanted is not None:
            trail.recursive_logging = wanted
        answer["RecursiveLogging"] = getattr(trail, "recursive_logging", True)
        return json.dumps(answer)

    return response
