"""A guard inside somebody else's policy: how it is recognized there, and what that policy must become.

Our statements carry Sids that begin with ``TrailkeepScp``, ``TrailkeepMembers`` or ``TrailkeepRcp``. Whatever
has no such Sid is somebody else's and stays word for word, in its order; ours stand behind it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import count

from trailkeep.guard.documents import Document, Merged, canonical, compact
from trailkeep.guard.estate import Policy
from trailkeep.guard.guard_documents import GuardPolicy
from trailkeep.guard.plan_statements import covered, superseded

__all__ = ["carriers", "extended", "lifted", "refuses_changes", "says_all", "sids_in"]

_REFUSES_NO_CHANGE = ("StayInOrganization", "NoServiceForOthers")
_UNDERSTOOD = {"Sid", "Effect", "Principal", "Action", "NotAction", "Resource", "Condition"}


def carriers(guard: GuardPolicy, policies: Iterable[Policy]) -> tuple[Policy, ...]:
    """Return the policies of others that have statements of a guard, those first that have all of it."""
    found = [
        policy
        for policy in policies
        if not policy.aws_managed
        and policy.name != guard.name
        and isinstance(policy.content, str)
        and sids_in(guard, policy.content)
    ]
    return tuple(sorted(found, key=lambda policy: (not says_all(guard, policy), policy.name, policy.id)))


def says_all(guard: GuardPolicy, policy: Policy) -> bool:
    """Return whether a policy denies all that a guard must, under whatever Sids."""
    document = _read(policy.content) if isinstance(policy.content, str) else None
    if document is None or not guard.document:
        return False
    return not _missing(_wanted(guard), document["Statement"])


def sids_in(guard: GuardPolicy, text: str) -> tuple[str, ...]:
    """Return the Sids by which a guard is recognized in the text of a policy."""
    document = _read(text)
    statements = document["Statement"] if document else []
    return tuple(str(statement["Sid"]) for statement in statements if _is_ours(guard, statement))


def extended(guard: GuardPolicy, text: str, *, weaken: bool = False) -> Merged:
    """Return a policy of somebody else with all of a guard in it; ``kept`` and ``dropped`` are of ours alone.

    An older statement of ours is replaced; one that denies more stays, unless it is allowed to ``weaken``.
    A text that is no policy is not changed.
    """
    document = _read(text)
    if document is None:
        return Merged(document={}, kept=(), dropped=(), changed=False)
    wanted = [*_wanted(guard)]
    staying: list[Document] = []
    kept: list[Document] = []
    dropped: list[Document] = []
    for statement in document["Statement"]:
        if not _is_ours(guard, statement) or statement.get("Effect") != "Deny" or _said(statement, wanted):
            staying.append(statement)
        elif superseded(statement, wanted):
            continue
        elif weaken:
            dropped.append(statement)
        else:
            staying.append(statement)
            kept.append(statement)
    missing = [*_named(_missing(wanted, staying), staying)]
    return Merged(
        document={**document, "Statement": [*staying, *missing]},
        kept=tuple(map(compact, kept)),
        dropped=tuple(map(compact, dropped)),
        changed=bool(missing) or len(staying) != len(document["Statement"]),
    )


def refuses_changes(guard: GuardPolicy, text: str) -> bool:
    """Return whether what a policy carries of a guard refuses changes of the bucket."""
    document, wanted = _read(text), [*_wanted(guard)]
    return document is not None and any(_is_lifted(guard, one, wanted) for one in document["Statement"])


def lifted(guard: GuardPolicy, text: str) -> str:
    """Return a policy without what of a guard refuses changes of the bucket, and with a trace of the guard.

    Only what the next plan would put back leaves it. A text that is no policy is not changed.
    """
    document = _read(text)
    if document is None:
        return text
    wanted = [*_wanted(guard)]
    staying = [one for one in document["Statement"] if not _is_lifted(guard, one, wanted)]
    if not any(_is_ours(guard, one) for one in staying):
        staying += _named((one for one in wanted if not _is_lifted(guard, one, wanted)), staying)
    return compact({**document, "Statement": staying})


def _is_lifted(guard: GuardPolicy, statement: Document, wanted: Sequence[Document]) -> bool:
    name = str(statement.get("Sid")).removeprefix(_prefix(guard)).rstrip("0123456789")
    return (
        _is_ours(guard, statement)
        and name not in _REFUSES_NO_CHANGE
        and statement.get("Effect") == "Deny"
        and (_said(statement, wanted) or superseded(statement, wanted))
    )


def _is_ours(guard: GuardPolicy, statement: Document) -> bool:
    return str(statement.get("Sid")).startswith(_prefix(guard))


def _prefix(guard: GuardPolicy) -> str:
    return f"Trailkeep{guard.key.capitalize()}"


def _wanted(guard: GuardPolicy) -> Iterator[Document]:
    """Yield the statements of a guard under the Sids by which they are recognized elsewhere."""
    for statement in json.loads(guard.document)["Statement"]:
        yield {**statement, "Sid": f"{_prefix(guard)}{statement['Sid']}"}


def _missing(wanted: Iterable[Document], statements: Sequence[Document]) -> list[Document]:
    """Return what is not denied already, word for word or by one statement that denies more."""
    denies = [one for one in statements if one.get("Effect") == "Deny" and set(one) <= _UNDERSTOOD]
    return [one for one in wanted if not (_said(one, denies) or covered(one, denies))]


def _said(statement: Document, statements: Sequence[Document]) -> bool:
    return _canonical(statement) <= _canonical(*statements)


def _canonical(*statements: Document) -> frozenset[str]:
    return canonical(compact({"Statement": list(statements)})) or frozenset()


def _named(ours: Iterable[Document], others: Sequence[Document]) -> Iterator[Document]:
    """Yield our statements, with a number behind a Sid that is taken."""
    taken = {str(other.get("Sid")) for other in others}
    for statement in ours:
        sid = str(statement["Sid"])
        if sid in taken:
            sid = next(f"{sid}{number}" for number in count(2) if f"{sid}{number}" not in taken)
        yield {**statement, "Sid": sid}


def _read(text: str) -> Document | None:
    """Return a policy document with its statements as a list, None where the text is none."""
    if canonical(text) is None:
        return None
    document: Document = json.loads(text)
    found = document["Statement"]
    return {**document, "Statement": [found] if isinstance(found, dict) else found}
