"""``explain --live``: what is wrong with the policies that are in force."""

from __future__ import annotations

from collections.abc import Callable

from trailkeep.core.config import Config
from trailkeep.guard.delivery import Values
from trailkeep.guard.estate import Absent, Key
from trailkeep.guard.explain_live import explain_estate, named_keys, named_topics
from trailkeep.guard.live import Live, Read, judged_by
from trailkeep.workflows.plan import Observe

__all__ = ["explain_live"]


def explain_live(
    config: Config,
    *,
    observe: Observe,
    read_key: Callable[[str], Read],
    read_topic: Callable[[str], Read],
    given: Values,
) -> Live:
    """Explain every policy that decides about the deliveries or protects the archive, as it is now.

    Raises:
        UsageError: the credentials are those of another organization, or of an account in none.
    """
    estate = observe()
    judged = judged_by(config, estate, given=given)
    known: dict[str, Read] = {}
    if isinstance(estate.key, Key) and not isinstance(estate.key.policy, Absent):
        known[estate.key.arn] = estate.key.policy
    keys = {arn: known[arn] if arn in known else read_key(arn) for arn in named_keys(judged)}
    topics = {arn: read_topic(arn) for arn in named_topics(judged)}
    return explain_estate(judged, keys | topics)
