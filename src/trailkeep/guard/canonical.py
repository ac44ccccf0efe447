"""What a policy text says, in one form for all wordings; nothing that is ambiguous equals what is clear.

Two texts are equal when they say the same: the order of statements, keys and lists, ``"x"`` against
``["x"]``, the case of actions and condition keys, and Sids do not count. Two things make a text ambiguous,
because readers of JSON and of conditions differ in what they make of them:

* a member twice in one object: such a text is no policy document;
* a condition key twice under one operator, in two spellings: such a statement equals only itself.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
"""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from trailkeep.guard.policy import PolicyError, read_document

__all__ = [
    "Document",
    "canonical",
    "canonical_statement",
    "doubled_keys",
    "fault",
    "sids",
    "statements_of",
]

Document = dict[str, Any]
_LISTS = ("Action", "NotAction", "Resource", "NotResource")
_PRINCIPALS = ("Principal", "NotPrincipal")
_MEMBERS = {"Version", "Id", "Statement"}


def canonical(text: str) -> frozenset[str] | None:
    """Return what a policy text says as a set of canonical statements, or None where it is no policy."""
    statements = statements_of(text)
    return None if statements is None else frozenset(map(canonical_statement, statements))


def statements_of(text: str) -> list[Document] | None:
    """Return the statements of a policy text, None where it is no policy document."""
    try:
        document = read_document(text, name="policy")
    except PolicyError:
        return None
    found = document.get("Statement")
    statements = [found] if isinstance(found, dict) else found
    if not isinstance(statements, list) or not all(isinstance(item, dict) for item in statements):
        return None
    return statements if set(document) <= _MEMBERS else None


def fault(text: str) -> str:
    """Return why a text is no policy document, empty where it is one."""
    try:
        document = read_document(text, name="policy")
    except PolicyError as error:
        return error.got
    if further := sorted(set(document) - _MEMBERS):
        return f"{further[0]!r} is no member of a policy"
    return "it has no statements" if statements_of(text) is None else ""


def sids(text: str) -> frozenset[str]:
    """Return every Sid in a text, also in one that says a member twice; none where it is no JSON."""
    found: list[str] = []

    def note(pairs: list[tuple[str, Any]]) -> Document:
        found.extend(str(value) for key, value in pairs if key == "Sid")
        return dict(pairs)

    try:
        json.loads(text, object_pairs_hook=note)
    except (ValueError, RecursionError):
        return frozenset()
    return frozenset(found)


def doubled_keys(statement: Document) -> tuple[str, ...]:
    """Return the spellings of each condition key that a statement names twice under one operator.

    >>> doubled_keys({"Condition": {"Bool": {"aws:SecureTransport": "true", "aws:securetransport": "false"}}})
    ('aws:SecureTransport and aws:securetransport under Bool',)
    """
    condition = statement.get("Condition")
    found: list[str] = []
    for operator, tests in condition.items() if isinstance(condition, dict) else ():
        if isinstance(tests, dict):
            counted = Counter(map(_folded, tests))
            found.extend(
                f"{' and '.join(one for one in tests if _folded(one) == key)} under {operator}"
                for key, times in counted.items()
                if times > 1
            )
    return tuple(found)


def canonical_statement(statement: Document) -> str:
    """Return one statement in its canonical form, without its Sid."""
    parts: Document = {}
    for key, value in statement.items():
        if key in _LISTS:
            texts = map(str, _listed(value))
            parts[key] = sorted({_folded(text) if key.endswith("Action") else text for text in texts})
        elif key in _PRINCIPALS:
            named = {"AWS": value} if isinstance(value, str) else value
            parts[key] = _principals(named) if isinstance(named, dict) else named
        elif key == "Condition":
            parts[key] = _condition(value)
        elif key != "Sid":
            parts[key] = value
    if doubled := doubled_keys(statement):
        parts["Condition"] = {"doubled": doubled, "says": statement["Condition"]}
    return json.dumps(parts, sort_keys=True)


def _principals(named: Document) -> Document:
    return {kind: sorted(set(map(str, _listed(who)))) for kind, who in named.items()}


def _condition(value: Any) -> Any:
    if not isinstance(value, dict) or not all(isinstance(tests, dict) for tests in value.values()):
        return value
    return {
        operator: {
            _folded(key): sorted({_text(one) for one in _listed(wanted)}) for key, wanted in tests.items()
        }
        for operator, tests in value.items()
    }


def _folded(name: str) -> str:
    """Return a name in lower case; letters that only look like ASCII stay what they are."""
    return name.lower() if name.isascii() else name


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _text(value: Any) -> str:
    """Return a condition value as IAM compares it: ``false`` and ``"false"`` are the same."""
    return json.dumps(value) if isinstance(value, bool) else str(value)
