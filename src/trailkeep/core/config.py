"""``trailkeep.toml``: one table of fields reads it, writes it with its comments, and documents it.

``render(parse_config(text))`` says the same as ``text``; every bad key is reported at once.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from trailkeep.core.arn import Arn
from trailkeep.core.errors import ConfigError
from trailkeep.core.fields import ACCOUNT, FIELDS, ORGANIZATION, ORGANIZATION_ONLY, Field, Value
from trailkeep.core.mutes import MUTE_FIELDS, Mute, read_mutes, render_mutes
from trailkeep.core.outside import read_toml

__all__ = [
    "ArchiveConfig",
    "Config",
    "GuardsConfig",
    "LakeConfig",
    "Mute",
    "OrganizationConfig",
    "RetentionConfig",
    "TrailConfig",
    "build_config",
    "parse_config",
    "reference",
    "render",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganizationConfig:
    """Whose history is kept; ``management_account`` owns the trail."""

    id: str
    management_account: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveConfig:
    """Where the logs are kept; an empty ``account`` is created as ``account_name``, ``account_email``."""

    account: str
    account_name: str
    account_email: str
    region: str
    bucket: str
    access_role: str
    encryption: str
    readers: tuple[str, ...]
    lifecycle_expire_days: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionConfig:
    """How long a log version cannot be deleted; ``lock_mode`` as S3 Object Lock writes it."""

    days: int
    lock_mode: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TrailConfig:
    """The trail; an empty ``region`` means the archive's."""

    name: str
    region: str
    management_events: str
    data_events: tuple[str, ...]
    network_events: tuple[str, ...]
    insights: tuple[str, ...]
    recursive_logging: bool
    sns_topic: str
    cloudwatch_log_group: str
    cloudwatch_role: str
    delegated_administrator: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardsConfig:
    """Which organization policies protect the archive."""

    scp: bool
    member_scp: bool
    rcp: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LakeConfig:
    """Where the queryable table is, a folder relative to ``trailkeep.toml``."""

    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """All that ``trailkeep.toml`` says, checked and with its defaults.

    ``organization`` is None with ``mode = "account"``: then ``archive.account`` keeps its own history, and
    whatever names or guards an organization is empty or off.
    """

    organization: OrganizationConfig | None
    archive: ArchiveConfig
    retention: RetentionConfig
    trail: TrailConfig
    guards: GuardsConfig
    lake: LakeConfig
    mutes: tuple[Mute, ...] = ()

    @property
    def trail_region(self) -> str:
        """The home region of the trail."""
        return self.trail.region or self.archive.region

    @property
    def trail_account(self) -> str:
        """The account that owns the trail, and with whose credentials Trailkeep runs."""
        return self.organization.management_account if self.organization else self.archive.account

    @property
    def organization_id(self) -> str:
        """The organization whose logs are kept, empty where it is one account's."""
        return self.organization.id if self.organization else ""


_SECTIONS: dict[str, type] = {
    "organization": OrganizationConfig,
    "archive": ArchiveConfig,
    "retention": RetentionConfig,
    "trail": TrailConfig,
    "guards": GuardsConfig,
    "lake": LakeConfig,
}
_TOP = {field.name for field in FIELDS if not field.section}
_BY_KEY = {field.key: field for field in FIELDS}
_NONE: dict[type, Value] = {str: "", bool: False}


def parse_config(text: str) -> Config:
    """Read the text of a ``trailkeep.toml``.

    Raises:
        ConfigError: the text is not TOML or says something impossible; the message names every bad key.
    """
    try:
        tables = read_toml(text)
    except ValueError as error:
        raise ConfigError("trailkeep.toml", f"expected TOML, got {error}; correct that line") from error
    values: dict[str, Any] = {}
    errors: list[ConfigError] = []
    mutes, problems = read_mutes(tables.pop("audit")) if "audit" in tables else ((), ())
    errors += problems
    for section, content in tables.items():
        if section in _SECTIONS and isinstance(content, dict):
            values |= {f"{section}.{name}": value for name, value in content.items()}
        elif section in _TOP:
            values[section] = content
        else:
            errors.append(_unknown(section, [*_SECTIONS, *_TOP], "a section"))
    return replace(_checked(values, errors), mutes=mutes)


def build_config(values: Mapping[str, Value]) -> Config:
    """Return the configuration of some ``section.name`` values; the rest are the defaults.

    Raises:
        ConfigError: a value is impossible or a required one is missing; the message names every bad key.
    """
    return _checked(dict(values), [])


def render(config: Config) -> str:
    """Write ``config`` as a ``trailkeep.toml`` in which a comment explains every key."""
    lines = [
        "# Trailkeep: what must exist. 'trailkeep plan' shows what is missing, 'trailkeep apply' builds it."
    ]
    mode = _BY_KEY["mode"]
    lines += ["", f"# {mode.comment}", f"mode = {_toml(ORGANIZATION if config.organization else ACCOUNT)}"]
    for section in _SECTIONS:
        said = [
            line
            for field in FIELDS
            if field.section == section and (config.organization or field.key not in ORGANIZATION_ONLY)
            for value in [_toml(getattr(getattr(config, section), field.name))]
            for line in (f"# {field.comment}", f"{field.name} = {value}")
        ]
        lines += ["", f"[{section}]", *said] if said else []
    lines += render_mutes(config.mutes)
    return "\n".join(lines) + "\n"


def reference() -> Iterator[tuple[str, str, str, str, str]]:
    """Yield the reference's rows: key, type, default (empty where required), what is allowed, meaning."""
    for field in FIELDS:
        default = "" if field.default is None else _toml(field.default)
        yield field.key, field.type_name, default, field.expected, field.comment
    for name, expected, comment in MUTE_FIELDS:
        yield f"audit.mute[].{name}", "str", "", expected, comment


def _checked(values: dict[str, Any], errors: list[ConfigError]) -> Config:
    errors = [*errors, *(_unknown(key, list(_BY_KEY), "a key") for key in values if key not in _BY_KEY)]
    full: dict[str, Any] = {}
    of_account = values.get("mode") == ACCOUNT
    for field in FIELDS:
        value = _hashable(field, values.get(field.key, field.default))
        if of_account and field.key in ORGANIZATION_ONLY:
            value = _NONE[field.kind]
            problem = _misplaced(field, values.get(field.key, value))
        else:
            problem = _problem(field, value, given=field.key in values)
        full[field.key] = value
        if problem:
            errors.append(problem)
    if not errors:
        errors = list(_account_contradictions(full) if of_account else _contradictions(full))
        full["archive.bucket"] = full["archive.bucket"] or _regional_bucket(full)
    if errors:
        first, *others = errors
        message = str(first).removeprefix(f"{first.key_path}: ")
        raise ConfigError(first.key_path, "\n".join([message, *map(str, others)]))
    sections = {
        section: kind(**{f.name: full[f.key] for f in FIELDS if f.section == section})
        for section, kind in _SECTIONS.items()
    }
    return Config(**{**sections, "organization": None} if of_account else sections)


def _misplaced(field: Field, value: Any) -> ConfigError | None:
    """Return what is wrong with a value that one account has no use for."""
    if value == _NONE[field.kind]:
        return None
    shown = value if isinstance(value, str | int | float) else type(value).__name__
    return ConfigError(
        field.key,
        f'expected nothing with mode = "account", got {shown!r}; '
        'take the key out, or set mode = "organization"',
    )


def _problem(field: Field, value: Any, *, given: bool) -> ConfigError | None:
    if value is None and not given:
        return ConfigError(field.key, f"expected {field.expected}, got nothing; {field.advice}")
    bad = _bad_items(field, value) if isinstance(value, tuple) else ()
    if bad:
        return ConfigError(
            field.key, f"expected {field.expected}, got {', '.join(map(repr, bad))}; {field.advice}"
        )
    if type(value) is not field.kind or (field.kind is not tuple and not field.allows(value)):
        shown = value if isinstance(value, str | int | float) else type(value).__name__
        return ConfigError(field.key, f"expected {field.expected}, got {shown!r}; {field.advice}")
    return None


def _hashable(field: Field, value: Any) -> Any:
    """Return an array of TOML as a tuple where the field is one."""
    return tuple(value) if field.kind is tuple and isinstance(value, list) else value


def _bad_items(field: Field, values: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(item for item in values if not isinstance(item, str) or not field.allows(item))


def _shared_contradictions(full: Mapping[str, Any]) -> Iterator[ConfigError]:
    """Yield what is wrong in either mode."""
    expires, days = full["archive.lifecycle_expire_days"], full["retention.days"]
    if 0 < expires < days:
        yield ConfigError(
            "archive.lifecycle_expire_days",
            f"expected at least the {days} days of retention.days, got {expires}; "
            "a rule that comes before the lock ends hides the logs and deletes none",
        )
    readers = full["archive.readers"]
    if twice := sorted({arn for arn in readers if readers.count(arn) > 1}):
        field = _BY_KEY["archive.readers"]
        yield ConfigError(
            field.key, f"expected {field.expected}, got {', '.join(twice)} more than once; {field.advice}"
        )


def _account_contradictions(full: Mapping[str, Any]) -> Iterator[ConfigError]:
    """Yield what is wrong with the configuration of one account."""
    yield from _shared_contradictions(full)
    account = full["archive.account"]
    if not account:
        yield ConfigError(
            "archive.account",
            "expected 12 digits in quotes with mode = \"account\", got ''; "
            "see Account in 'aws sts get-caller-identity'",
        )
        return
    yield from _feed_contradictions(full, account, whose="account")


def _contradictions(full: Mapping[str, Any]) -> Iterator[ConfigError]:
    yield from _shared_contradictions(full)
    if not full["archive.bucket"] and not full["archive.account"]:
        yield ConfigError(
            "archive.bucket",
            "expected a bucket name because archive.account is empty, got ''; "
            "the name of a bucket that belongs to one account has the account in it",
        )
    account, management = full["archive.account"], full["organization.management_account"]
    if account == management:
        yield ConfigError(
            "archive.account",
            f"expected another account than the management account, got {account!r}; "
            "no organization policy protects a bucket in the management account",
        )
    yield from _feed_contradictions(full, management, whose="the management account")
    if full["trail.delegated_administrator"] == management:
        yield ConfigError(
            "trail.delegated_administrator",
            f"expected another account than the management account, got {management!r}; "
            "that account manages the trail anyway",
        )
    if not account:
        for key in ("archive.account_name", "archive.account_email"):
            if not full[key]:
                yield ConfigError(
                    key,
                    "expected a value because archive.account is empty, got ''; "
                    "set archive.account, or name and e-mail of the account to create",
                )


def _regional_bucket(full: Mapping[str, Any]) -> str:
    """Return a name in the namespace that only the archive account can create buckets in.

    Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/gpbucketnamespaces.html
    """
    return f"trailkeep-{full['archive.account']}-{full['archive.region']}-an"


def _feed_contradictions(full: Mapping[str, Any], owner: str, *, whose: str) -> Iterator[ConfigError]:
    """Yield what is wrong with the CloudWatch Logs feed, which is always in the account of the trail.

    Source: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/send-cloudtrail-events-to-cloudwatch-logs.html
    """
    keys = ("trail.cloudwatch_log_group", "trail.cloudwatch_role")
    for key in keys:
        arn = full[key]
        if not arn and any(full[other] for other in keys):
            yield ConfigError(key, "expected a value, got ''; a feed needs both the log group and the role")
        elif arn and Arn.parse(arn).account_id != owner:
            yield ConfigError(
                key,
                f"expected an ARN of {whose} {owner}, got {arn}; "
                "CloudTrail writes only to a log group of the account that owns the trail",
            )


def _unknown(key: str, allowed: list[str], what: str) -> ConfigError:
    near = difflib.get_close_matches(key, allowed, n=1, cutoff=0.0)
    return ConfigError(key, f"expected {what} that exists, got an unknown name; did you mean {near[0]}?")


def _toml(value: Value) -> str:
    """Write a value; a printable JSON string is also a TOML string."""
    return json.dumps(value, ensure_ascii=False)
