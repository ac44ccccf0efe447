"""Who is asked about for each attacker of a threat: classes of callers with the SCPs on their path."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import assert_never

from trailkeep.guard.policy import parse_policy
from trailkeep.guard.principals import PrincipalKind
from trailkeep.guard.prove_guards import Guards, Levels, MemberPath, about
from trailkeep.guard.statement import Policy
from trailkeep.guard.symbolic_classes import Caller
from trailkeep.guard.symbolic_keys import Form, KeyFact, Presence
from trailkeep.guard.threat import Attacker, Call, Target

__all__ = ["BELOW_MANAGEMENT", "CLOUDTRAIL", "DELEGATION", "Asker", "askers"]

CLOUDTRAIL = "cloudtrail.amazonaws.com"
_MEMBERS = {Attacker.MEMBER_ROOT: PrincipalKind.ROOT, Attacker.MEMBER_IAM: PrincipalKind.IAM}
_ARCHIVE = {Attacker.ARCHIVE_ROOT: PrincipalKind.ROOT, Attacker.ARCHIVE_IAM: PrincipalKind.IAM}
_MANAGEMENT = {Attacker.MANAGEMENT_ROOT: PrincipalKind.ROOT, Attacker.MANAGEMENT_IAM: PrincipalKind.IAM}
_FEW = 4
_OWN = frozenset({Target.EVERYTHING, Target.HANDSHAKE, Target.TRAIL_ROLE})
"""What a member acts on in its own account."""

BELOW_MANAGEMENT = frozenset(Attacker) - {*_MANAGEMENT, Attacker.SERVICE_LINKED_ROLE}
"""Those whom a customer controls without the management account."""

DELEGATION: Policy = parse_policy(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}],
    },
    name="delegation",
)
"""Stands for what the management account delegated: for a member it works like a grant on its resources."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """A class of callers, and what is known of their requests.

    Attributes:
        attacker: whom of the catalogue they are.
        caller: the class.
        scps: on their path.
        is_delegate: they act on the management account's resources by delegation.
        facts: about condition keys.
        count: for how many accounts the one of the class stands.
    """

    attacker: Attacker
    caller: Caller
    scps: Levels = ()
    is_delegate: bool = False
    facts: Mapping[str, KeyFact] = field(default_factory=dict)
    count: int = 1

    def __str__(self) -> str:
        """Who they are, without ids where there is one such account."""
        who = "root" if self.caller.kind is PrincipalKind.ROOT else "users and roles"
        match self.attacker:
            case Attacker.ARCHIVE_ROOT | Attacker.ARCHIVE_IAM:
                return f"archive {who}"
            case Attacker.MANAGEMENT_ROOT | Attacker.MANAGEMENT_IAM:
                return f"management {who}"
            case Attacker.MEMBER_ROOT | Attacker.MEMBER_IAM:
                return f"member {who} ({self._accounts()})"
            case Attacker.DELEGATE:
                return f"{who} of a delegated administrator ({self._accounts()})"
            case Attacker.SERVICE_LINKED_ROLE:
                return "service-linked roles"
            case Attacker.OTHER_TRAIL:
                return "CloudTrail for another trail"
            case Attacker.OUTSIDER:
                return self._outsider(who)
            case _:
                assert_never(self.attacker)

    def _accounts(self) -> str:
        if not self.caller.account_id:
            return "any account"
        alike = f" and {self.count - 1:,} like it" if self.count > 1 else ""
        return f"{self.caller.account_id}{alike}"

    def _outsider(self, who: str) -> str:
        match self.caller.kind:
            case PrincipalKind.ANONYMOUS:
                return "anonymous callers"
            case PrincipalKind.SERVICE:
                return "another AWS service"
            case _:
                return f"{who} of an account outside"


def askers(guards: Guards, attacker: Attacker, call: Call) -> Iterator[tuple[Asker, ...]]:
    """Yield the classes of an attacker for a call.

    Each item is a tuple of classes: the first stands for all the others where it is refused, because fewer
    policies are taken to bind it; the others are asked where it is not.
    """
    facts = guards.facts
    match attacker:
        case Attacker.ARCHIVE_ROOT | Attacker.ARCHIVE_IAM:
            account = facts.archive_account
            if call.target is Target.KEY and guards.names.key_account not in {"?*", account}:
                account = guards.names.key_account
            yield (_of_account(guards, attacker, _ARCHIVE[attacker], account),)
        case Attacker.MANAGEMENT_ROOT | Attacker.MANAGEMENT_IAM:
            yield (_of_account(guards, attacker, _MANAGEMENT[attacker], facts.management_account),)
        case Attacker.MEMBER_ROOT | Attacker.MEMBER_IAM:
            yield from _members(guards, attacker, call)
        case Attacker.DELEGATE:
            yield from _delegates(guards, call)
        case Attacker.OUTSIDER:
            yield from _outsiders(guards)
        case Attacker.SERVICE_LINKED_ROLE:
            account = facts.archive_account
            yield (_of_account(guards, attacker, PrincipalKind.SERVICE_LINKED_ROLE, account),)
        case Attacker.OTHER_TRAIL:
            yield (_other_trail(guards),)
        case _:
            assert_never(attacker)


def _partition(guards: Guards) -> str:
    return guards.facts.partition or "aws"


def _of_account(guards: Guards, attacker: Attacker, kind: PrincipalKind, account: str) -> Asker:
    caller = Caller(kind=kind, account_id=account, partition=_partition(guards))
    if account == guards.facts.archive_account:
        return Asker(attacker=attacker, caller=caller, scps=guards.scps)
    scps = next((path.scps for path in guards.members if path.account == account), ())
    return Asker(attacker=attacker, caller=caller, scps=scps)


def _of_path(guards: Guards, attacker: Attacker, kind: PrincipalKind, path: MemberPath) -> Asker:
    caller = Caller(kind=kind, account_id=path.account, partition=_partition(guards))
    is_delegate = attacker is Attacker.DELEGATE
    return Asker(attacker=attacker, caller=caller, scps=path.scps, is_delegate=is_delegate, count=path.count)


def _members(guards: Guards, attacker: Attacker, call: Call) -> Iterator[tuple[Asker, ...]]:
    kind = _MEMBERS[attacker]
    if call.target in _OWN:
        yield from _with_whole(guards, attacker, kind, call)
    else:
        each = (_of_path(guards, attacker, kind, path) for path in guards.members)
        yield (Asker(attacker=attacker, caller=_anyone(guards, kind)), *each)


def _delegates(guards: Guards, call: Call) -> Iterator[tuple[Asker, ...]]:
    """Yield whoever acts for the management account: CloudTrail's delegates are known, others are not."""
    attacker, facts = Attacker.DELEGATE, guards.facts
    archive = MemberPath(account=facts.archive_account, count=1, scps=guards.scps)
    known = facts.delegates if call.action.startswith("cloudtrail:") else None
    paths = {path.account: path for path in (archive, *guards.members)}
    for kind in (PrincipalKind.ROOT, PrincipalKind.IAM):
        if known is not None:
            listed = (paths.get(one, MemberPath(account=one, count=1)) for one in known)
            yield from ((_of_path(guards, attacker, kind, path),) for path in listed)
            continue
        yield (_of_path(guards, attacker, kind, archive),)
        yield from _with_whole(guards, attacker, kind, call)


def _anyone(guards: Guards, kind: PrincipalKind) -> Caller:
    facts = guards.facts
    return Caller(
        kind=kind,
        organization_id=facts.organization,
        apart_from=frozenset({facts.archive_account, facts.management_account}),
        partition=_partition(guards),
    )


def _with_whole(
    guards: Guards, attacker: Attacker, kind: PrincipalKind, call: Call
) -> Iterator[tuple[Asker, ...]]:
    """Yield the members each on its own, or behind one class that stands for all of them."""
    each = tuple(_of_path(guards, attacker, kind, path) for path in guards.members)
    whole = _whole(guards, attacker, kind, call)
    if whole:
        yield (whole, *each)
    else:
        yield from ((one,) for one in each)


def _whole(guards: Guards, attacker: Attacker, kind: PrincipalKind, call: Call) -> Asker | None:
    """Return all members at once, bound by the SCPs of the root alone, where that may spare asking each.

    What they act on is taken for something that the management account delegates, which grants no less than
    their own account does; so a policy that asks whose the resource is must be asked for each.
    """
    is_one = bool(guards.facts.organization) and len(guards.members) >= _FEW
    shared = guards.members[0].scps[:1] if is_one else ()
    if not shared or any(path.scps[:1] != shared for path in guards.members):
        return None
    statements = (one for level in shared for guard in level for one in guard.policy.statements)
    conditions = (condition for one in statements if about(one, call.action) for condition in one.conditions)
    if any(condition.key.lower().startswith("aws:resource") for condition in conditions):
        return None
    return Asker(attacker=attacker, caller=_anyone(guards, kind), scps=shared, is_delegate=True)


def _outsiders(guards: Guards) -> Iterator[tuple[Asker, ...]]:
    facts = guards.facts
    for kind in (PrincipalKind.IAM, PrincipalKind.ROOT):
        caller = Caller(
            kind=kind,
            not_organization_id=facts.organization,
            apart_from=frozenset({facts.archive_account, facts.management_account}),
            partition=_partition(guards),
        )
        yield (Asker(attacker=Attacker.OUTSIDER, caller=caller),)
    yield (Asker(attacker=Attacker.OUTSIDER, caller=Caller(kind=PrincipalKind.ANONYMOUS)),)
    others = Caller(kind=PrincipalKind.SERVICE, apart_from=frozenset({CLOUDTRAIL}))
    yield (Asker(attacker=Attacker.OUTSIDER, caller=others),)


def _other_trail(guards: Guards) -> Asker:
    ours = (guards.facts.trail,) if guards.facts.trail else ()
    fact = KeyFact(presence=Presence.ALWAYS, form=Form.ARN, excluded=ours)
    caller = Caller(kind=PrincipalKind.SERVICE, service=CLOUDTRAIL)
    return Asker(attacker=Attacker.OTHER_TRAIL, caller=caller, facts={"aws:SourceArn": fact})
