"""Statements of the bucket policy about trails that nobody names, and denies that have a Sid of a grant.

Nobody can see here who delivers by a grant for an account, for a pattern or for everybody: a trail of a
member account is homed there. So no plan replaces such a grant unasked, under whatever Sid. Nor does it a
deny under one of AWS's Sids, whose purpose only its author knows.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from trailkeep.guard.blueprint import Blueprint
from trailkeep.guard.canonical import Document, canonical, canonical_statement, statements_of
from trailkeep.guard.decisions import Allowance, Concern
from trailkeep.guard.delivery import strings
from trailkeep.guard.documents import compact
from trailkeep.guard.estate import Bucket, Estate
from trailkeep.guard.older_grants import OURS
from trailkeep.guard.other_trails import beside
from trailkeep.guard.plan_bucket_policy import is_armed

__all__ = ["concerns", "delivering", "way_out"]

_ACCOUNT = re.compile(r"(?<![0-9])[0-9]{12}(?![0-9])")


def concerns(blueprint: Blueprint, estate: Estate, text: str, *, is_replaced: bool) -> Iterator[Concern]:
    """Yield the statements that no plan replaces unasked; where it may, only who loses a place to write."""
    subject = f"bucket {blueprint.bucket}"
    for statement in _unnamed(blueprint, estate, text):
        yield Concern(
            subject=subject,
            observed=f"the bucket policy lets {_whose(blueprint, statement)} deliver without naming them: "
            f"{compact(statement)}",
            consequence="nobody can see from here whether they do, and what they deliver no longer arrives "
            "once the policy lets one trail deliver",
            remedy="name each trail that delivers in aws:SourceArn, so that it stays beside ours until "
            "--arm, or give it a bucket of its own; then take the statement out" + way_out(blueprint),
        )
    for statement in [] if is_replaced else _denies(blueprint, text):
        yield Concern(
            subject=subject,
            observed=f"a deny has the Sid of a grant for CloudTrail: {compact(statement)}",
            consequence="it is not Trailkeep's, so it holds the bucket policy back, and once it is taken out "
            "nobody is denied what it denies",
            remedy="take the statement out if nobody needs it" + way_out(blueprint),
        )


def delivering(blueprint: Blueprint, estate: Estate) -> tuple[str, ...]:
    """Return whose trails may deliver without being named, unless the bucket policy itself undoes that."""
    bucket = estate.bucket
    if not isinstance(bucket, Bucket) or not isinstance(bucket.policy, str):
        return ()
    found = (_whose(blueprint, statement) for statement in _unnamed(blueprint, estate, bucket.policy))
    return tuple(dict.fromkeys(found))


def _unnamed(blueprint: Blueprint, estate: Estate, text: str) -> Iterator[Document]:
    """Yield the grants for trails that they do not name; an armed policy refuses every such trail."""
    if not is_armed(blueprint, estate):
        yield from filter(beside(blueprint, estate).lets_unnamed_deliver, statements_of(text) or ())


def _denies(blueprint: Blueprint, text: str) -> Iterator[Document]:
    armed = blueprint.armed_bucket_policy
    wanted = {str(one["Sid"]) for one in json.loads(armed)["Statement"]}
    said = canonical(armed) or frozenset()
    for statement in statements_of(text) or ():
        sid = str(statement.get("Sid"))
        if (
            statement.get("Effect") == "Deny"
            and sid in wanted
            and not sid.startswith(OURS)
            and canonical_statement(statement) not in said
        ):
            yield statement


def _whose(blueprint: Blueprint, statement: Document) -> str:
    """Return whose trails a statement is about, by the accounts that its resources and conditions name."""
    bucket = f"arn:{blueprint.partition}:s3:::{blueprint.bucket}"
    about = [statement.get("Resource"), statement.get("Condition")]
    named = [name for text in strings(about) for name in _ACCOUNT.findall(text.removeprefix(bucket))]
    others = [name for name in dict.fromkeys(named) if name != blueprint.management_account]
    if not others:
        return "trails of any account"
    return f"trails of account{'s' if len(others) > 1 else ''} {', '.join(others)}"


def way_out(blueprint: Blueprint) -> str:
    """Return in words which options take a statement out of the bucket policy."""
    guarded = (
        "; the guard refuses that while it is attached (--allow lift-guards)" if blueprint.guards else ""
    )
    return f" (--allow {Allowance.REPLACE_POLICY}){guarded}"
