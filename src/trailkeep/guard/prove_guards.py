"""What guards an archive, in the shape that proofs ask it: documents by control, and paths of accounts.

A *control* is what can fail as a whole: the SCPs of the archive account and its units, the SCPs of the
members and the root, the RCPs, the bucket policy, the key policy, Object Lock. A guard that could not be read
is kept as a reason, and never taken for one that refuses nothing or everything.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cached_property, lru_cache

from trailkeep.guard.applicable import RCP_SERVICES
from trailkeep.guard.evaluate import Layers
from trailkeep.guard.facts import ArchiveFacts
from trailkeep.guard.matching import action_matches
from trailkeep.guard.statement import Effect, Policy, Statement
from trailkeep.guard.threat import Control, Names, Target

__all__ = ["Guard", "Guards", "Levels", "MemberPath", "about", "reduced"]

_CACHED = 65_536
_ANYWHERE = ("AWSLogs/?*", "?*/AWSLogs/?*")
_ON_BUCKET = frozenset({Target.BUCKET, Target.LOG})


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """One policy document that is in force.

    Attributes:
        name: its file or its name in AWS.
        control: the control that it is part of.
        policy: what it says.
        text: the document as JSON, for a diff; empty for one that AWS manages.
    """

    name: str
    control: Control
    policy: Policy
    text: str = ""


Levels = tuple[tuple[Guard, ...], ...]
"""The levels of a path from the root down, each with what is attached to it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberPath:
    """Member accounts that no policy can tell apart: one stands for all of them."""

    account: str
    count: int
    scps: Levels = ()


@dataclass(frozen=True, kw_only=True)
class Guards:
    """Everything that can refuse a request to the archive.

    Attributes:
        facts: names and state of the archive; names that nobody knows are filled in with ones that no
            policy mentions.
        scps: the SCPs on the path of the archive account.
        rcps: the RCPs on that path.
        bucket_policy: the policy of the bucket; None: there is none.
        key_policy: the policy of the key.
        members: the other member accounts.
        unread: controls of which a document could not be read, with the reason.
        without: controls that are taken to have failed.
        has_organization: whether the account is known, or taken, to be in one.
        notes: what was assumed of names and documents that are not there, one sentence each.
        problems: what could not be used or read beside the documents, one sentence each.
    """

    facts: ArchiveFacts
    scps: Levels = ()
    rcps: Levels = ()
    bucket_policy: Guard | None = None
    key_policy: Guard | None = None
    members: tuple[MemberPath, ...] = ()
    unread: Mapping[Control, str] = field(default_factory=dict)
    without: frozenset[Control] = frozenset()
    has_organization: bool = True
    notes: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()

    @cached_property
    def controls(self) -> tuple[Control, ...]:
        """The controls that have a document which denies something, in their usual order."""
        present = {guard.control for guard in self.guards if _denies(guard.policy)}
        return tuple(control for control in Control if control in present - set(self.unread))

    @cached_property
    def names(self) -> Names:
        """What fills in the templates of the threats; a name that is not known is any that is not empty."""
        known = self.facts.names
        some = {one.name: getattr(known, one.name).replace("*", "?*") for one in fields(Names)}
        return replace(known, **some)

    @property
    def guards(self) -> Iterator[Guard]:
        """Every document, each once."""
        members = (guard for path in self.members for level in path.scps for guard in level)
        own = (guard for level in (*self.scps, *self.rcps) for guard in level)
        resources = (guard for guard in (self.bucket_policy, self.key_policy) if guard)
        yield from dict.fromkeys((*own, *resources, *members))

    def resources(self, target: Target, names: Names) -> tuple[str, ...]:
        """Return what a template stands for; a log may be below any prefix, where that is not known."""
        if self.facts.prefix is None and "log" in target.placeholders:
            return tuple(target.resource(replace(names, log=log)) for log in _ANYWHERE)
        return (target.resource(names),)

    def failing(self, controls: Iterable[Control]) -> Guards:
        """Return the guards with some controls failed as well."""
        return replace(self, without=self.without | frozenset(controls))

    def layers(self, action: str, target: Target, scps: Levels, *, owner: str) -> Layers:
        """Return the policies around one action, those statements alone that are about it."""
        management = self.facts.management_account
        rcps = self.rcps if owner == self.facts.archive_account else ()
        if action.partition(":")[0] not in RCP_SERVICES:
            rcps = ()
        return Layers(
            scps=tuple(self._level(level, action) for level in scps),
            rcps=tuple(self._level(level, action) for level in rcps),
            resource_policy=self._resource_policy(action, target),
            management_account_id=management,
        )

    def _level(self, level: tuple[Guard, ...], action: str) -> tuple[Policy, ...]:
        if any(guard.control in self.without for guard in level):
            return ()
        return _level_about(tuple(guard.policy for guard in level), action)

    def _resource_policy(self, action: str, target: Target) -> Policy | None:
        guard = self.bucket_policy if target in _ON_BUCKET else None
        guard = self.key_policy if target is Target.KEY else guard
        if guard is None:
            return None
        found = reduced(guard.policy, action)
        if guard.control in self.without:
            kept = tuple(one for one in found.statements if one.effect is Effect.ALLOW)
            return replace(found, statements=kept)
        return found


@lru_cache(maxsize=_CACHED)
def _denies(policy: Policy) -> bool:
    return any(statement.effect is Effect.DENY for statement in policy.statements)


@lru_cache(maxsize=_CACHED)
def about(statement: Statement, action: str) -> bool:
    """Say whether a statement speaks of an action."""
    listed = statement.actions or statement.not_actions
    return any(action_matches(each, action) for each in listed) is bool(statement.actions)


@lru_cache(maxsize=_CACHED)
def reduced(policy: Policy, action: str) -> Policy:
    """Return the policy with only the statements about an action."""
    kept = tuple(statement for statement in policy.statements if about(statement, action))
    return policy if len(kept) == len(policy.statements) else replace(policy, statements=kept)


@lru_cache(maxsize=_CACHED)
def _level_about(policies: tuple[Policy, ...], action: str) -> tuple[Policy, ...]:
    """Return what a level says of an action; nothing where it allows it without more ado."""
    kept = tuple(found for policy in policies if (found := reduced(policy, action)).statements)
    if kept and all(_allows_everything(statement) for policy in kept for statement in policy.statements):
        return ()
    return kept or policies[:1]


def _allows_everything(statement: Statement) -> bool:
    return statement.effect is Effect.ALLOW and statement.resources == ("*",) and not statement.conditions
