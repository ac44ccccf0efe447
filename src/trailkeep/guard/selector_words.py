"""Event selectors in words, short enough for a line of a plan."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from trailkeep.guard.selectors import Selector

__all__ = ["category", "words"]

_SHOWN = 3
_CATEGORIES = {"Management": "management", "Data": "data", "NetworkActivity": "network activity"}
_OPERATORS = {
    "Equals": "is",
    "StartsWith": "begins with",
    "EndsWith": "ends with",
    "NotEquals": "is not",
    "NotStartsWith": "does not begin with",
    "NotEndsWith": "does not end with",
}
_SIDES = {"true": "that read", "false": "that write"}


def words(selectors: Iterable[Selector]) -> str:
    """Return what selectors record.

    >>> words([{"FieldSelectors": [{"Field": "eventCategory", "Equals": ["Management"]}]}])
    'all management events'
    """
    return "; ".join(_selector(selector) for selector in selectors) or "nothing"


def category(selector: Selector) -> str:
    """Return the event category of a selector, empty where it names none."""
    return _only(selector, "eventCategory")


def _selector(selector: Selector) -> str:
    kind = _only(selector, "resources.type")
    named = f"{_CATEGORIES.get(category(selector), category(selector))} events"
    parts = [f"{kind} {named}" if kind else named, *_conditions(selector)]
    return f"all {named}" if len(parts) == 1 and not kind else " ".join(parts)


def _conditions(selector: Selector) -> Iterator[str]:
    joint = "where"
    for field in selector["FieldSelectors"]:
        name = field["Field"]
        for operator, listed in field.items():
            if operator == "Field" or (operator == "Equals" and name in {"eventCategory", "resources.type"}):
                continue
            if (name, operator) == ("readOnly", "Equals") and listed[0] in _SIDES:
                yield _SIDES[listed[0]]
            elif (name, operator) == ("resources.ARN", "StartsWith"):
                yield f"below {_listed(listed)}"
            elif (name, operator) == ("eventSource", "Equals"):
                yield f"of {_listed(listed)}"
            else:
                yield f"{joint} {name} {_operator(operator)} {_listed(listed)}"
                joint = "and"


def _operator(name: str) -> str:
    return _OPERATORS.get(name, name)


def _listed(values: list[str]) -> str:
    more = len(values) - _SHOWN
    return ", ".join(values[:_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _only(selector: Selector, name: str) -> str:
    """Return the first value that a field must equal, empty where there is none."""
    found = [field for field in selector["FieldSelectors"] if field["Field"] == name]
    return str((found[0].get("Equals") or [""])[0]) if found else ""
