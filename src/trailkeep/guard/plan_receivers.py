"""What the trail is to tell of its logs must be there, or AWS refuses the whole trail."""

from __future__ import annotations

from collections.abc import Iterable

from trailkeep.core.errors import ConfigError
from trailkeep.guard.changes import CreateTrail, UpdateTrail
from trailkeep.guard.decisions import Blocked, Decision
from trailkeep.guard.estate import Estate

__all__ = ["check"]

_WHAT = {
    "trail.cloudwatch_log_group": ("log group", "'aws logs create-log-group'"),
    "trail.cloudwatch_role": ("role", "'aws iam create-role'"),
    "trail.sns_topic": ("topic", "'aws sns create-topic'"),
}


def check(estate: Estate, decisions: Iterable[Decision]) -> None:
    """Refuse to name to the trail what is not there; Trailkeep makes none of it.

    Raises:
        ConfigError: a log group, a role or a topic that an action would name does not exist.

    Source: https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_CreateTrail.html
    """
    for decision in decisions:
        action = decision.action if isinstance(decision, Blocked) else decision
        if not isinstance(action, CreateTrail | UpdateTrail):
            continue
        named = {
            "trail.cloudwatch_log_group": action.log_group,
            "trail.cloudwatch_role": action.log_role,
            "trail.sns_topic": action.sns_topic,
        }
        for setting, arn in named.items():
            if arn and setting in estate.missing_receivers:
                what, how = _WHAT[setting]
                raise ConfigError(
                    setting,
                    f"expected a {what} that exists, got {arn}, which is not there; "
                    f"create it with {how}, or leave {setting} empty",
                )
