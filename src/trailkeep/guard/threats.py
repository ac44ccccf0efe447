"""The catalogue: every known threat to the archive, and the changing actions that are none.

``THREATS`` and ``HARMLESS`` together name every action of S3, KMS, CloudTrail, Organizations, Account and
STS that changes something, and those of IAM, SNS and CloudWatch Logs that act on what a trail uses. So an
action that a later table adds is noticed: a test finds it in neither.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from types import MappingProxyType

from trailkeep.core.errors import UsageError
from trailkeep.guard.actions import Action, mutating
from trailkeep.guard.harmless import HARMLESS
from trailkeep.guard.threat import Threat
from trailkeep.guard.threats_bucket import BUCKET_THREATS
from trailkeep.guard.threats_key import KEY_THREATS
from trailkeep.guard.threats_logs import LOG_THREATS
from trailkeep.guard.threats_organization import ORGANIZATION_THREATS
from trailkeep.guard.threats_records import RECORD_THREATS
from trailkeep.guard.threats_trail import TRAIL_THREATS

__all__ = ["BY_ID", "HARMLESS", "THREATS", "changing_actions", "threat", "unclassified"]

THREATS: tuple[Threat, ...] = (
    *LOG_THREATS,
    *BUCKET_THREATS,
    *KEY_THREATS,
    *TRAIL_THREATS,
    *ORGANIZATION_THREATS,
    *RECORD_THREATS,
)
BY_ID = MappingProxyType({each.id: each for each in THREATS})
"""The threats by their ids."""

_WHOLE = ("account", "cloudtrail", "kms", "organizations", "s3", "sts")
_PARTS = MappingProxyType({"iam": {"role"}, "logs": {"log-group", "log-stream"}, "sns": {"topic"}})
"""The services of which only the actions on some resources can touch a trail."""


def threat(name: str) -> Threat:
    """Return a threat by its id.

    Raises:
        UsageError: there is none of that id.
    """
    try:
        return BY_ID[name]
    except KeyError:
        raise UsageError(
            f"threat: expected the id of a threat such as {THREATS[0].id}, got {name!r}; "
            "docs/reference/threats.md lists them"
        ) from None


def changing_actions() -> Iterator[Action]:
    """Yield every action that changes something and can touch the archive, its key, trail or account."""
    for service in _WHOLE:
        yield from mutating(service)
    for service, kinds in _PARTS.items():
        yield from (each for each in mutating(service) if any(map(each.acts_on, kinds)))


def unclassified(actions: Iterable[Action]) -> tuple[str, ...]:
    """Return those of the actions that are in no threat and not known to be harmless."""
    known = {action for each in THREATS for action in each.actions} | {*HARMLESS}
    return tuple(each.name for each in actions if each.name not in known)
