"""AWS's actions: what each acts on, whether it changes anything, and which condition keys it knows.

A dated table of the services that matter to an archive. What AWS added since is not in it, and what may such
an action do? So an action that is not found counts as one that changes things, and only a statement that
denies whatever its name covers it (``covers_unlisted``): a ``NotAction`` that spares reading, or everything.

The table is text in a module, so reading it touches no file; it is parsed when first asked for.

Source: https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import cache

from trailkeep.guard.matching import action_matches
from trailkeep.guard.statement import Effect, Statement

__all__ = [
    "READING",
    "Access",
    "Action",
    "ResourceType",
    "covers_unlisted",
    "expand",
    "find",
    "mutating",
    "resource_forms",
    "resource_types",
    "services",
    "table_date",
]

READING = ("BatchGet", "Describe", "Get", "Head", "List", "Lookup")
"""How the names of actions that only read begin."""

_PLACEHOLDER = re.compile(r"\$\{\w+\}")
_WITH_SLASHES = {"${Alias}", "${LogGroupName}", "${LogStreamName}", "${OidcProviderName}"}


class Access(StrEnum):
    """What AWS says that an action does; all but READ and LIST change something."""

    READ = "read"
    LIST = "list"
    WRITE = "write"
    PERMISSIONS = "permissions"
    TAGGING = "tagging"


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceType:
    """A kind of resource; ``arn`` has placeholders such as ``${BucketName}``."""

    service: str
    name: str
    arn: str
    condition_keys: tuple[str, ...]

    @property
    def glob(self) -> str:
        """The form with ``*`` for every placeholder.

        >>> find("s3:PutObject").types[1].glob
        'arn:*:s3:::*/*'
        """
        return _PLACEHOLDER.sub("*", self.arn)

    def matches(self, arn: str) -> bool:
        """Say whether an ARN is of this type.

        >>> [each.name for each in resource_types("s3") if each.matches("arn:aws:s3:::logs/a/b")]
        ['object']
        """
        return _form(self.arn).fullmatch(arn) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """An action, as ``service:Name``.

    Attributes:
        name: with AWS's own capitals.
        access: what it does.
        types: the resource types that a Resource element may name; empty: only ``*`` means it.
        required: those of them that every request has; the others are alternatives.
        condition_keys: the keys that a request may have beside the global ones, those of its resources among
            them.
    """

    name: str
    access: Access
    types: tuple[ResourceType, ...]
    required: frozenset[str]
    condition_keys: tuple[str, ...]

    @property
    def service(self) -> str:
        """The prefix."""
        return self.name.partition(":")[0]

    @property
    def is_mutating(self) -> bool:
        """Whether it may change something; AWS counts using a KMS key among it."""
        return self.access not in {Access.READ, Access.LIST}

    def acts_on(self, kind: str) -> bool:
        """Say whether resources of a type, such as ``object``, are what it acts on."""
        return any(each.name == kind for each in self.types)


def table_date() -> date:
    """Return the day that the table stands for.

    >>> table_date() >= date(2026, 9, 26)
    True
    """
    from trailkeep.guard.action_table import DATE  # noqa: PLC0415 - 60 KB that most commands never need

    return date.fromisoformat(DATE)


def services() -> tuple[str, ...]:
    """Return the services of the table, by prefix."""
    return tuple(_table())


def find(action: str) -> Action | None:
    """Return an action by its name in any case, or None when the table does not know it.

    >>> find("S3:deleteobject").name
    's3:DeleteObject'
    """
    service, _, name = action.lower().partition(":")
    found = _table().get(service)
    return found.actions.get(name) if found else None


def expand(pattern: str) -> tuple[Action, ...]:
    """Return the actions of the table that an Action value means.

    >>> [each.name for each in expand("s3:*BucketPolicy")]
    ['s3:DeleteBucketPolicy', 's3:GetBucketPolicy', 's3:PutBucketPolicy']
    """
    return tuple(
        action
        for service in _table().values()
        for action in service.actions.values()
        if action_matches(pattern, action.name)
    )


def mutating(service: str) -> tuple[Action, ...]:
    """Return the actions of a service that change something."""
    return tuple(each for each in expand(f"{service}:*") if each.is_mutating)


def resource_types(service: str) -> tuple[ResourceType, ...]:
    """Return the resource types of a service; none for one that is not in the table."""
    found = _table().get(service)
    return tuple(found.types.values()) if found else ()


def resource_forms(action: str) -> tuple[str, ...]:
    """Return the ARN forms that an action acts on; only ``*`` where it knows none or is not known.

    >>> resource_forms("s3:DeleteBucketPolicy"), resource_forms("s3:CreateJob")
    (('arn:${Partition}:s3:::${BucketName}',), ('*',))
    """
    found = find(action)
    forms = tuple(each.arn for each in found.types) if found else ()
    return forms or ("*",)


def covers_unlisted(statement: Statement, service: str) -> bool:
    """Say whether a statement denies every changing action of a service that the table does not know.

    A list of names cannot, however long: nobody knows how the next will begin. A ``NotAction`` can, where it
    spares only names that are known or begin like reading (``READING``).
    """
    if statement.effect is not Effect.DENY:
        return False
    if statement.actions:
        return any(each in {"*", f"{service}:*"} for each in map(str.lower, statement.actions))
    return all(_spares_no_writing(each, service) for each in statement.not_actions)


def _spares_no_writing(pattern: str, service: str) -> bool:
    prefix, _, name = pattern.partition(":")
    if pattern == "*" or prefix.lower() != service:
        return pattern != "*"
    is_exact = not set("*?") & set(name)
    return name.lower().startswith(tuple(map(str.lower, READING))) or (is_exact and find(pattern) is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Service:
    types: dict[str, ResourceType]
    actions: dict[str, Action]


@cache
def _table() -> dict[str, _Service]:
    from trailkeep.guard.action_table import TABLE  # noqa: PLC0415 - see table_date

    table: dict[str, _Service] = {}
    keys: dict[str, tuple[str, ...]] = {}
    prefix = ""
    for kind, *words in _rows(TABLE):
        match kind:
            case "service":
                (prefix,) = words
                keys = {}
                table[prefix] = _Service(types={}, actions={})
            case "keys":
                keys[words[0]] = tuple(key for word in words[1:] for key in _keys(word, keys))
            case "resource":
                name, numbered, arn = words
                table[prefix].types[name] = ResourceType(
                    service=prefix, name=name, arn=arn, condition_keys=keys[numbered]
                )
            case _:
                action = _action(prefix, words, keys, table[prefix].types)
                table[prefix].actions[words[0].lower()] = action
    return table


def _rows(text: str) -> Iterator[list[str]]:
    """Yield the words of every row; what is indented belongs to the row before."""
    return (row.split() for row in text.replace("\n  ", " ").splitlines())


def _keys(word: str, keys: dict[str, tuple[str, ...]]) -> tuple[str, ...]:
    return keys[word[1:]] if word.startswith("@") else (word,)


def _action(
    prefix: str, words: list[str], keys: dict[str, tuple[str, ...]], types: dict[str, ResourceType]
) -> Action:
    name, access, numbered, *names = words
    acted_on = tuple(types[each.rstrip("*")] for each in names)
    own = keys[numbered]
    return Action(
        name=f"{prefix}:{name}",
        access=Access(access),
        types=acted_on,
        required=frozenset(each.rstrip("*") for each in names if each.endswith("*")),
        condition_keys=tuple(
            dict.fromkeys((*own, *(key for each in acted_on for key in each.condition_keys)))
        ),
    )


@cache
def _form(arn: str) -> re.Pattern[str]:
    """Return what ARNs of a form look like."""
    fixed = map(re.escape, _PLACEHOLDER.split(arn))
    names = (*map(_name, _PLACEHOLDER.findall(arn)), "")
    return re.compile("".join(text + name for text, name in zip(fixed, names, strict=True)))


def _name(placeholder: str) -> str:
    """Return what may stand for a placeholder: keys may hold anything, and some names have a path."""
    if placeholder == "${ObjectName}":
        return ".+"
    return "[^:]+" if placeholder in _WITH_SLASHES or placeholder.endswith("Path}") else "[^:/]+"
