"""Which S3 actions of a statement do nothing: an action matches only the kind of resource that it acts on.

Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from trailkeep.guard.findings import Finding, FindingKind, found
from trailkeep.guard.matching import split_arn
from trailkeep.guard.s3_actions import LEVELS, TABLE, Level, matched_actions
from trailkeep.guard.statement import Statement

__all__ = ["lint_s3"]


def lint_s3(statement: Statement) -> Iterator[Finding]:
    """Yield which actions of a statement never match its resources."""
    actions = [each for each in statement.actions if each.lower().startswith("s3:")]
    useless: dict[FindingKind, list[str]] = {}
    for action in actions:
        if problem := _useless(action, statement):
            useless.setdefault(problem, []).append(action)
    for problem, listed in useless.items():
        message, remedy = _USELESS[problem]
        text = (
            f"{len(listed)} of {len(statement.actions)} actions never match, {message}: {', '.join(listed)}"
        )
        yield found(problem, statement, text, remedy)
    if statement.actions and sum(map(len, useless.values())) == len(statement.actions):
        yield found(
            FindingKind.NEVER,
            statement,
            "no request ever matches this statement",
            "correct its actions and resources, or remove it",
        )


_USELESS = {
    FindingKind.NEEDS_OBJECT: (
        "as they act on objects and Resource names only the bucket",
        "add the objects to Resource: the ARN of the bucket and /*",
    ),
    FindingKind.NEEDS_BUCKET: (
        "as they act on the bucket and Resource names only objects",
        "add the ARN of the bucket itself, without /*, to Resource",
    ),
    FindingKind.NEEDS_OTHER: (
        "as they act on neither a bucket nor its objects",
        'move them to a statement with "Resource": "*"',
    ),
    FindingKind.ACTION_UNKNOWN: (
        f"as IAM does not know them ({TABLE})",
        "look the name up in the service authorization reference",
    ),
}


def _useless(action: str, statement: Statement) -> FindingKind | None:
    """Return why no request for an action matches any resource of a statement, if that is so."""
    meant = {LEVELS[each] for each in matched_actions(action)}
    if not meant:
        return FindingKind.ACTION_UNKNOWN
    covered = _covered(statement.resources)
    if not statement.resources or meant & covered:
        return None
    if Level.OBJECT in meant:
        return FindingKind.NEEDS_OBJECT
    return FindingKind.NEEDS_BUCKET if Level.BUCKET in meant else FindingKind.NEEDS_OTHER


def _covered(resources: Iterable[str]) -> set[Level]:
    """Return what the resources may name; an ARN of another form may name all but accounts."""
    covered: set[Level] = set()
    for resource in resources:
        segments = split_arn(resource)
        if resource == "*":
            covered |= {*Level}
        elif segments is None or segments[2:5] != ("s3", "", ""):
            covered |= {Level.BUCKET, Level.OBJECT, Level.OTHER}
        else:
            covered |= {Level.OBJECT} if re.search(r"[/*]", segments[5]) else set()
            covered |= set() if "/" in segments[5] else {Level.BUCKET}
    return covered
