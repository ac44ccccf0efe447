"""Which lifecycle rules of the bucket end a log before its time, put it out of reach, or cost more than it.

Tags and sizes of a filter are not looked at: a rule that may be about logs is taken to be.

Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/intro-lifecycle-rules.html,
https://docs.aws.amazon.com/AmazonS3/latest/userguide/lifecycle-transition-general-considerations.html
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from trailkeep.core.outside import read_json

__all__ = ["VARIES", "Rule", "archivings", "costly_moves", "early_expirations", "read_rules"]

Rule = dict[str, Any]
VARIES = "varies_by_storage_class"
"""S3's word for moving the smallest objects into archives, too."""
_LOGS = "AWSLogs/"
_ARCHIVES = {"GLACIER": "S3 Glacier Flexible Retrieval", "DEEP_ARCHIVE": "S3 Glacier Deep Archive"}
_SIZES = ("ObjectSizeGreaterThan", "ObjectSizeLessThan")
_OBJECTS = ("Filter", "Expiration", "NoncurrentVersionExpiration", "AbortIncompleteMultipartUpload")
_LISTS = ("Transitions", "NoncurrentVersionTransitions")


def read_rules(text: str) -> list[Rule] | None:
    """Return the rules of a JSON list, None where it is none or a rule is not as S3 writes it."""
    try:
        found = read_json(text)
    except ValueError:
        return None
    if not isinstance(found, list) or not all(isinstance(rule, dict) and _is_rule(rule) for rule in found):
        return None
    return found


def early_expirations(text: str, retention_days: int) -> Iterator[str]:
    """Yield each rule that expires logs too early, in words; ``text`` is the JSON list of S3's rules."""
    rules = read_rules(text)
    if rules is None:
        yield "it has lifecycle rules that are no JSON list of S3's rules"
    for rule, name in _about_logs(rules or []):
        current = rule.get("Expiration", {})
        if "Date" in current:
            yield f"{name} expires every log from {current['Date']} on"
        if _is_early(current.get("Days"), retention_days):
            yield f"{name} expires logs after {current['Days']} days"
        old = rule.get("NoncurrentVersionExpiration", {}).get("NoncurrentDays")
        if _is_early(old, retention_days):
            yield f"{name} expires versions {old} days after they were overwritten or deleted"


def archivings(text: str, retention_days: int) -> Iterator[str]:
    """Yield each rule that moves logs too early to where they have to be restored to be read."""
    for rule, name in _about_logs(read_rules(text) or []):
        for move in rule.get("Transitions", []):
            tier = _ARCHIVES.get(str(move.get("StorageClass")))
            if tier and "Date" in move:
                yield f"{name} moves every log to {tier} from {move['Date']} on"
            elif tier and _is_early(move.get("Days", 0), retention_days):
                yield f"{name} moves logs to {tier} after {move.get('Days', 0)} days"


def costly_moves(text: str, smallest: str) -> Iterator[str]:
    """Yield each rule that moves logs of a few KB; ``smallest`` is S3's word for what rules move by default.

    A filter by size takes the place of the default, which otherwise is that nothing below 128 KB moves.
    """
    for rule, name in _about_logs(read_rules(text) or []):
        tiers = [str(move.get("StorageClass")) for kind in _LISTS for move in rule.get(kind, [])]
        small = [tier for tier in tiers if _moves_small(rule, tier, smallest)]
        if small:
            yield f"{name} moves logs of a few KB to {', '.join(dict.fromkeys(small))}"


def _about_logs(rules: Iterable[Rule]) -> Iterator[tuple[Rule, str]]:
    """Yield the rules that are on and may match a log, each with what it is called."""
    for rule in rules:
        if rule.get("Status") == "Enabled" and _may_match_logs(rule):
            yield rule, f"lifecycle rule {rule.get('ID', 'without a name')}"


def _is_rule(rule: Rule) -> bool:
    chosen = rule.get("Filter", {})
    return (
        all(isinstance(rule.get(key, {}), dict) for key in _OBJECTS)
        and isinstance(chosen.get("And", {}), dict)
        and all(
            isinstance(rule.get(key, []), list) and all(isinstance(move, dict) for move in rule.get(key, []))
            for key in _LISTS
        )
    )


def _moves_small(rule: Rule, tier: str, smallest: str) -> bool:
    chosen = rule.get("Filter", {})
    sizes = {**chosen, **chosen.get("And", {})}
    return any(size in sizes for size in _SIZES) or (smallest == VARIES and tier in _ARCHIVES)


def _is_early(days: object, retention_days: int) -> bool:
    return isinstance(days, int) and days < retention_days


def _may_match_logs(rule: Rule) -> bool:
    chosen = rule.get("Filter", {})
    prefix = str(chosen.get("Prefix") or chosen.get("And", {}).get("Prefix") or rule.get("Prefix") or "")
    return prefix.startswith(_LOGS) or _LOGS.startswith(prefix)
