"""Filters become one SQL query, built as a tree so that no value is ever read as SQL.

A filter's value may hold the wildcards ``*`` and ``?``; a leading ``!`` negates it. Values of one field are
alternatives, fields are combined, negated values exclude; a row without the field never matches a value and
is never excluded by one.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from sqlglot import exp

from trailkeep.core.errors import UsageError
from trailkeep.core.times import format_moment

__all__ = ["Field", "Filter", "Search", "parse_filter", "to_query", "uncovered"]


class Field(StrEnum):
    """What can be filtered; the names of the options of ``trailkeep search``."""

    EVENT_NAME = "event-name"
    EVENT_SOURCE = "event-source"
    USER = "user"
    PRINCIPAL = "principal"
    ACCESS_KEY = "access-key"
    SOURCE_IP = "source-ip"
    ACCOUNT = "account"
    REGION = "region"
    RESOURCE = "resource"
    ERROR = "error"
    EVENT_ID = "event-id"
    TEXT = "text"


_COLUMNS = {
    Field.EVENT_NAME: ("event_name",),
    Field.USER: ("user_name", "user_identity_user_name", "session_issuer_user_name"),
    Field.PRINCIPAL: ("user_identity_arn", "user_identity_principal_id", "session_issuer_arn"),
    Field.ACCESS_KEY: ("user_identity_access_key_id",),
    Field.SOURCE_IP: ("source_ip_address",),
    Field.ACCOUNT: ("recipient_account_id", "source_account_id"),
    Field.REGION: ("aws_region",),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """One condition on one field."""

    field: Field
    value: str
    negated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What was asked: ``since <= event_time < until``; ``limit`` counts rows."""

    filters: tuple[Filter, ...] = ()
    since: datetime | None = None
    until: datetime | None = None
    read_only: bool | None = None
    limit: int | None = None


def parse_filter(field: Field, text: str) -> Filter:
    """Read one option value.

    >>> parse_filter(Field.USER, "!alice").negated
    True

    Raises:
        UsageError: the value is empty.
    """
    negated = text.startswith("!")
    value = text.removeprefix("!") if negated else text
    if not value:
        raise UsageError(
            f"--{field}: expected a value, got {text!r}; leave the option out to match everything"
        )
    return Filter(field=field, value=value, negated=negated)


def to_query(search: Search, columns: Sequence[str]) -> exp.Select:
    """Return the query over the table ``events``, newest events first."""
    query = exp.select(*(exp.column(name) for name in columns)).from_("events")
    for condition in _conditions(search):
        query = query.where(condition)
    newest = exp.Ordered(this=exp.column("event_time"), desc=True, nulls_first=False)
    place = (exp.Ordered(this=exp.column(name)) for name in ("source_object", "source_position"))
    query = query.order_by(newest, *place)
    return query.limit(search.limit) if search.limit is not None else query


def uncovered(search: Search, covered: tuple[datetime, datetime] | None) -> list[tuple[datetime, datetime]]:
    """Return the parts of the asked time range before the oldest and after the newest event of the lake."""
    if covered is None or (search.since is None and search.until is None):
        return []
    oldest, newest = covered
    parts = []
    if search.since is not None and search.since < oldest:
        parts.append((search.since, min(oldest, search.until or oldest)))
    if search.until is not None and search.until > newest:
        parts.append((max(newest, search.since or newest), search.until))
    return parts


def _conditions(search: Search) -> list[exp.Condition]:
    conditions: list[exp.Condition] = []
    time = exp.column("event_time")
    if search.since is not None:
        conditions.append(exp.GTE(this=time, expression=_moment(search.since)))
    if search.until is not None:
        conditions.append(exp.LT(this=time, expression=_moment(search.until)))
    if search.read_only is not None:
        is_read_only = exp.Is(this=exp.column("read_only"), expression=exp.true())
        conditions.append(is_read_only if search.read_only else exp.not_(is_read_only))
    for field in Field:
        conditions += _field_conditions([one for one in search.filters if one.field is field])
    return conditions


def _field_conditions(filters: Sequence[Filter]) -> list[exp.Condition]:
    wanted = [_matches(one) for one in filters if not one.negated]
    unwanted = [
        exp.not_(exp.Coalesce(this=_matches(one), expressions=[exp.false()]))
        for one in filters
        if one.negated
    ]
    return ([_any(wanted)] if wanted else []) + unwanted


def _matches(one: Filter) -> exp.Condition:
    value = one.value
    match one.field:
        case Field.EVENT_SOURCE:
            return _like("event_source", value if set(value) & set(".*?") else f"{value}.amazonaws.com")
        case Field.RESOURCE:
            return _resource(value)
        case Field.ERROR:
            return _error(value)
        case Field.EVENT_ID:
            return _any(
                [_like("event_id", text) for text in dict.fromkeys((value, value.lower(), value.upper()))]
            )
        case Field.TEXT:
            return _any([_has(exp.column("record"), text) for text in _written(value)])
        case _:
            return _any([_like(column, value) for column in _COLUMNS[one.field]])


def _resource(value: str) -> exp.Condition:
    """Match text in the ARNs of ``resources`` or among the parameters, whatever the case of its letters."""
    resources = exp.Cast(this=exp.column("resources"), to=exp.DataType.build("text"))
    parameters = [exp.column(name) for name in ("request_parameters", "response_elements")]
    return _any([_has(text, one) for text in (resources, *parameters) for one in _written(value)])


def _written(value: str) -> list[str]:
    """Return the ways in which JSON may write a text: as it is, or with escapes for what is not ASCII."""
    escaped = json.dumps(value)[1:-1]
    return list(dict.fromkeys((value, escaped, json.dumps(value, ensure_ascii=False)[1:-1])))


def _error(value: str) -> exp.Condition:
    """Match an error code; ``any`` and ``none`` ask whether there was an error, failed sign-ins included."""
    login = exp.column("response_elements")
    failures = [_has(login, f'"ConsoleLogin":{blank}"Failure"') for blank in ("", " ")]
    coded = exp.not_(exp.column("error_code").is_(exp.null()))
    failed = _any([coded, exp.Coalesce(this=_any(failures), expressions=[exp.false()])])
    match value:
        case "any":
            return failed
        case "none":
            return exp.not_(failed)
        case _:
            return _like("error_code", value)


def _like(column: str, value: str) -> exp.Condition:
    if _is_glob(value):
        return _glob(exp.column(column), value)
    return exp.EQ(this=exp.column(column), expression=exp.Literal.string(value))


def _glob(text: exp.Expression, value: str) -> exp.Condition:
    escaped = value.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    pattern = exp.Literal.string(escaped.replace("*", "%").replace("?", "_"))
    like = exp.Escape(this=exp.Like(this=text, expression=pattern), expression=exp.Literal.string("\\"))
    return exp.paren(like)


def _is_glob(value: str) -> bool:
    return "*" in value or "?" in value


def _has(text: exp.Expression, value: str) -> exp.Condition:
    """Whether ``text`` holds ``value`` (which may have wildcards), whatever the case of its letters."""
    if _is_glob(value):
        return _glob(exp.Lower(this=text), f"*{value.lower()}*")
    return exp.Contains(this=exp.Lower(this=text), expression=exp.Literal.string(value.lower()))


def _any(conditions: Sequence[exp.Condition]) -> exp.Condition:
    return exp.paren(exp.or_(*conditions))


def _moment(moment: datetime) -> exp.Condition:
    text = exp.Literal.string(format_moment(moment.astimezone(UTC)))
    return exp.Cast(this=text, to=exp.DataType.build("timestamptz"))
