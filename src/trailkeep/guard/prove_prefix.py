"""Below which prefix the logs are, where nobody says so: only where CloudTrail may write tells it.

Source: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/create-s3-bucket-policy-for-cloudtrail.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from trailkeep.guard.prove_guards import about
from trailkeep.guard.statement import Effect, Policy, PrincipalPattern, PrincipalType, Statement

__all__ = ["any_prefix", "named_prefixes", "written_prefix"]

_FOLDER = re.compile(r"arn:[^:]*:s3:::[^/]+/(?:(?P<prefix>[^*?]+?)/)??AWSLogs/.+")
_CLOUDTRAIL = "cloudtrail.amazonaws.com"


def written_prefix(policy: Policy) -> str | None:
    """Return the one prefix below which a bucket policy lets CloudTrail write; None where it tells none.

    It tells none where CloudTrail may write below several, or anywhere.
    """
    found = set[str | None]()
    for statement in policy.statements:
        if _lets_cloudtrail_write(statement):
            found |= {_prefix(text) for text in statement.resources} or {None}
    return found.pop() if len(found) == 1 else None


def named_prefixes(policies: Iterable[Policy]) -> tuple[str, ...]:
    """Return the prefixes that policies name; an empty text is none."""
    return tuple(sorted(set(_named(policies))))


def any_prefix(named: Iterable[str]) -> str:
    """Return the sentence that says that the prefix is not known.

    >>> any_prefix(["", "team"])
    'the prefix of the logs is not known; it may be none, team, which policies name, or any other'
    """
    prefixes = ", ".join(prefix or "none" for prefix in named)
    possible = f"{prefixes}, which policies name, or any other" if prefixes else "any or none"
    return f"the prefix of the logs is not known; it may be {possible}"


def _named(policies: Iterable[Policy]) -> Iterator[str]:
    for policy in policies:
        for statement in policy.statements:
            for text in (*statement.resources, *statement.not_resources):
                if (prefix := _prefix(text)) is not None:
                    yield prefix


def _prefix(text: str) -> str | None:
    found = _FOLDER.fullmatch(text)
    return (found["prefix"] or "") if found else None


def _lets_cloudtrail_write(statement: Statement) -> bool:
    return (
        statement.effect is Effect.ALLOW
        and any(map(_is_cloudtrail, statement.principals))
        and about(statement, "s3:PutObject")
    )


def _is_cloudtrail(pattern: PrincipalPattern) -> bool:
    if pattern.type is PrincipalType.SERVICE:
        return pattern.value in {"*", _CLOUDTRAIL}
    return pattern.type is PrincipalType.AWS and pattern.value == "*"
