"""Which lifecycle rules of the bucket end a log before its time.

Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/intro-lifecycle-rules.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

__all__ = ["early_expirations"]

_LOGS = "AWSLogs/"


def early_expirations(text: str, retention_days: int) -> Iterator[str]:
    """Yield each rule that expires logs too early, in words; ``text`` is the JSON list of S3's rules.

    Tags and sizes are not looked at: a rule that may be about logs is taken to be.
    """
    rules = _rules(text)
    if rules is None:
        yield "it has lifecycle rules that are no JSON list"
    for rule in rules or []:
        if rule.get("Status") != "Enabled" or not _may_match_logs(rule):
            continue
        name = f"lifecycle rule {rule.get('ID', 'without a name')}"
        current = rule.get("Expiration", {})
        if "Date" in current:
            yield f"{name} expires every log from {current['Date']} on"
        if _is_early(current.get("Days"), retention_days):
            yield f"{name} expires logs after {current['Days']} days"
        old = rule.get("NoncurrentVersionExpiration", {}).get("NoncurrentDays")
        if _is_early(old, retention_days):
            yield f"{name} expires versions {old} days after they were overwritten or deleted"


def _rules(text: str) -> list[dict[str, Any]] | None:
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, list) and all(isinstance(rule, dict) for rule in found) else None


def _is_early(days: object, retention_days: int) -> bool:
    return isinstance(days, int) and days < retention_days


def _may_match_logs(rule: dict[str, Any]) -> bool:
    chosen = rule.get("Filter", {})
    prefix = str(chosen.get("Prefix") or chosen.get("And", {}).get("Prefix") or rule.get("Prefix") or "")
    return prefix.startswith(_LOGS) or _LOGS.startswith(prefix)
