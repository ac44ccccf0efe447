"""Trails beside ours that deliver into the same bucket: which those are, and what would cut them off.

Two trails overlap until the new one has delivered for a day; until then nothing may cut the other one off.

::

    seen     AWS lists it, in any region, it is logging (or nobody knows), and it delivers into this bucket
    unseen   a statement names it, and it is homed where Trailkeep does not look, in another account of the
             organization, or where it could not look: in a region whose trails AWS refused to list
    gone     AWS lists it stopped or with another bucket, or does not list it where it would be
    outside  a statement names it, and its account is none of the organization's

Only what is seen or unseen, and is let in by the bucket policy and the resource control policies in force,
is delivering.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from trailkeep.guard.blueprint import Blueprint
from trailkeep.guard.canonical import doubled_keys, statements_of
from trailkeep.guard.delivery import Delivery, Kind, revealed
from trailkeep.guard.documents import Document, compact
from trailkeep.guard.estate import Bucket, Estate, Trail, Unreadable
from trailkeep.guard.older_grants import (
    OURS,
    POSITIVE,
    is_confined,
    is_delivery,
    is_of_cloudtrail,
    is_older_grant,
)
from trailkeep.guard.paths import levels_of, path_of
from trailkeep.guard.policy import PolicyError, parse_policy
from trailkeep.guard.preflight import Answer, preflight
from trailkeep.guard.service_grants import bucket_grants
from trailkeep.guard.statement import Policy

__all__ = ["Beside", "OtherTrail", "beside", "cut_by", "grants_for", "named", "refused_by"]

_TRAIL = re.compile(r"arn:[^:*?]+:cloudtrail:(?P<region>[^:*?]+):(?P<account>\d{12}):trail/[^*?]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherTrail:
    """A trail that delivers into the bucket beside ours.

    ``writes`` are the folders it is let into, and the bucket where it may read its ACL, which it needs.
    """

    arn: str
    is_seen: bool
    delivery: Delivery
    writes: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """What a bucket policy says of other trails; ``gone`` and ``outside`` are ARNs that it names."""

    blueprint: Blueprint
    delivering: tuple[OtherTrail, ...] = ()
    gone: frozenset[str] = frozenset()
    outside: frozenset[str] = frozenset()

    @property
    def ours(self) -> str:
        """The ARN of our trail."""
        return self.blueprint.trail_arn

    def is_ours_to_replace(self, statement: Document) -> bool:
        """Return whether a statement with a Sid of ours is an older version of ours.

        Under the Sids that AWS gives to the grants, it is for our trail alone, and for such as are gone.
        """
        if str(statement.get("Sid")).startswith(OURS):
            return all(arn == self.ours or arn in self.gone for arn in named(statement))
        return is_older_grant(self.blueprint, statement, self.gone)

    def lets_unnamed_deliver(self, statement: Document) -> bool:
        """Return whether a grant for CloudTrail lets trails of other accounts write that it does not name."""
        return (
            statement.get("Effect") == "Allow"
            and is_of_cloudtrail(statement)
            and not named(statement)
            and not is_confined(self.blueprint, statement, self.gone)
        )

    def lets_others_deliver(self, statement: Document) -> bool:
        """Return whether a statement does no more than let other trails deliver, none from outside."""
        trails = named(statement)
        return (
            any(arn != self.ours for arn in trails)
            and not any(arn in self.outside for arn in trails)
            and is_delivery(statement)
        )


def beside(blueprint: Blueprint, estate: Estate) -> Beside:
    """Return what the observed bucket policy has to do with trails other than ours."""
    bucket = estate.bucket
    if not isinstance(bucket, Bucket) or not isinstance(bucket.policy, str):
        return Beside(blueprint=blueprint)
    text = bucket.policy
    seen = {trail.arn: trail for trail in (*_listed(estate.trails), *_listed(estate.trails_elsewhere))}
    statements = statements_of(text) or []
    mentioned = {arn for one in statements for arn in named(one)} - {blueprint.trail_arn}
    gone = frozenset(arn for arn in mentioned if _is_gone(blueprint, estate, seen.get(arn), arn))
    outside = frozenset(
        arn for arn in mentioned - gone if arn not in seen and not _is_inside(blueprint, estate, arn)
    )
    here = {
        arn: _delivery_of(blueprint, trail)
        for arn, trail in seen.items()
        if arn != blueprint.trail_arn and trail.bucket == blueprint.bucket and _may_log(trail)
    }
    here |= {
        arn: _revealed(blueprint, arn, [one for one in statements if arn in named(one)])
        for arn in sorted(mentioned - gone - outside)
        if arn not in here
    }
    found = (
        OtherTrail(
            arn=arn, is_seen=arn in seen, delivery=delivery, writes=_let_in(blueprint, estate, text, delivery)
        )
        for arn, delivery in here.items()
    )
    return Beside(
        blueprint=blueprint,
        delivering=tuple(other for other in found if other.writes),
        gone=gone,
        outside=outside,
    )


def cut_by(text: str, others: Iterable[OtherTrail]) -> tuple[OtherTrail, ...]:
    """Return the trails that a bucket policy refuses, for certain, in a folder that they write to."""
    return tuple(other for other in others if other.writes - _writes(Kind.BUCKET, text, other.delivery))


def refused_by(text: str, others: Iterable[OtherTrail]) -> tuple[OtherTrail, ...]:
    """Return the trails that a resource control policy refuses, for certain, in a folder they write to."""
    return tuple(other for other in others if other.writes - _writes(Kind.RCP, text, other.delivery))


def grants_for(document: Document, others: Iterable[OtherTrail]) -> list[Document]:
    """Return the grants that a bucket policy lacks to let other trails go on delivering.

    Of one that AWS does not list only the bucket's ACL can be granted: nobody can see where it writes to.
    """
    allows = [one for one in document["Statement"] if one.get("Effect") == "Allow"]
    text = compact({**document, "Statement": allows})
    return [grant for other in others for grant in _lacking(text, other)]


def _lacking(text: str, other: OtherTrail) -> list[Document]:
    lost = other.writes - _writes(Kind.BUCKET, text, other.delivery)
    acl, *writes = bucket_grants(other.delivery)
    if other.is_seen and lost - {other.delivery.bucket_arn}:
        return [acl, *writes]
    return [acl] if other.delivery.bucket_arn in lost else []


def named(statement: Document) -> tuple[str, ...]:
    """Return the trails that an Allow is for by name; none where a pattern, or nothing, says so."""
    condition = statement.get("Condition")
    if statement.get("Effect") != "Allow" or not isinstance(condition, dict) or doubled_keys(statement):
        return ()
    values = [
        str(value)
        for operator, tests in condition.items()
        if operator.lower().removesuffix("ifexists") in POSITIVE and isinstance(tests, dict)
        for key, wanted in tests.items()
        if key.lower() == "aws:sourcearn"
        for value in (wanted if isinstance(wanted, list) else [wanted])
    ]
    return tuple(values) if all(map(_TRAIL.fullmatch, values)) else ()


def _may_log(trail: Trail) -> bool:
    return isinstance(trail.status, Unreadable) or trail.status.is_logging


def _listed(trails: tuple[Trail, ...] | Unreadable) -> tuple[Trail, ...]:
    return () if isinstance(trails, Unreadable) else trails


def _is_gone(blueprint: Blueprint, estate: Estate, trail: Trail | None, arn: str) -> bool:
    if trail is not None:
        return trail.bucket != blueprint.bucket or not _may_log(trail)
    region, account = arn.split(":")[3:5]
    asked = (estate.trails,) if region == blueprint.trail_region else (estate.trails, estate.trails_elsewhere)
    return account == blueprint.management_account and not any(isinstance(one, Unreadable) for one in asked)


def _is_inside(blueprint: Blueprint, estate: Estate, arn: str) -> bool:
    account = arn.split(":")[4]
    if account == blueprint.management_account:
        return True
    if not blueprint.is_of_organization:
        return False
    return isinstance(estate.accounts, Unreadable) or any(one.id == account for one in estate.accounts)


def _delivery_of(blueprint: Blueprint, trail: Trail) -> Delivery:
    organization = blueprint.organization_id if trail.is_organization_trail else ""
    return _delivery(blueprint, trail.arn, prefix=trail.prefix, organization=organization)


def _revealed(blueprint: Blueprint, arn: str, statements: list[Document]) -> Delivery:
    """Return how a trail that nobody can see delivers, as far as the statements that let it in tell."""
    said = revealed({"Statement": statements}, Kind.BUCKET)
    organization = blueprint.organization_id
    is_known = said.organization_id == organization
    return _delivery(blueprint, arn, prefix=said.prefix, organization=organization if is_known else "")


def _delivery(blueprint: Blueprint, arn: str, *, prefix: str, organization: str) -> Delivery:
    return Delivery(
        partition=blueprint.partition,
        bucket=blueprint.bucket,
        prefix=prefix,
        management_account=arn.split(":")[4],
        organization_id=organization,
        archive_account=blueprint.archive_account,
        trail=arn,
        resource="",
    )


def _let_in(blueprint: Blueprint, estate: Estate, text: str, delivery: Delivery) -> frozenset[str]:
    """Return the folders that a trail may write to, and the bucket, with the policies that are in force."""
    path = path_of(estate, blueprint.archive_account)
    controls = {
        policy.content
        for level in levels_of(estate.resource_control_policies, path)
        for policy in level
        if isinstance(policy.content, str)
    }
    folders = _writes(Kind.BUCKET, text, delivery)
    for control in controls:
        folders &= _writes(Kind.RCP, control, delivery)
    return folders if folders - {delivery.bucket_arn} else frozenset()


def _writes(kind: Kind, text: str, delivery: Delivery) -> frozenset[str]:
    """Return what a policy does not refuse to a trail: folders, and with any of these the bucket's ACL.

    A text that is no policy refuses nothing.
    """
    policy = _policy(text)
    asked = preflight(kind, policy, delivery) if policy else preflight(Kind.RCP, _NOTHING, delivery)
    free = [one for one in asked if one.decision is not Answer.REFUSED]
    is_let_in = any(one.action == "s3:PutObject" for one in free)
    return frozenset(one.resource for one in free if is_let_in)


_NOTHING = Policy(name="nothing", version="2012-10-17", statements=())


def _policy(text: str) -> Policy | None:
    """Return what can be read of a policy text, None where it is none."""
    statements = statements_of(text)
    if statements is None:
        return None
    readable = []
    for one in statements:
        try:
            parse_policy({"Version": "2012-10-17", "Statement": one}, name="policy")
        except PolicyError:
            continue
        readable.append(one)
    if not readable:
        return _NOTHING
    return parse_policy({"Version": "2012-10-17", "Statement": readable}, name="policy")
