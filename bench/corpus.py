"""Generates the archives that everything is measured on, and counts what they hold.

The same seeded activity is written as big files (a busy account) and as tiny files (what most archives
consist of). Files are cut by number of events, not by CloudTrail's five minutes, so that both sizes are what
they are said to be; keys, gzip and JSON are CloudTrail's.

Run as a process of its own: ``corpus.py FOLDER EVENTS SEED`` prints the facts as JSON.
"""

from __future__ import annotations

import gzip
import sys
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from string import ascii_letters, digits

import msgspec

from facts import Archive, Facts, Kind, Question
from trailkeep.core.layout import Family, LogKey, format_key
from trailkeep.sandbox.events import Activity, Beat, OrganizationShape, activity, story

BIG_EVENTS = 500
TINY_EVENTS = 5
TINY_SHARE_EVENTS = 50_000
EVENTS_PER_DAY = 10_000
_STARTS_AT = datetime(2026, 1, 5, tzinfo=UTC)
_DELIVERY = timedelta(minutes=5)


class _Issuer(msgspec.Struct):
    arn: str = ""


class _Context(msgspec.Struct, rename="camel"):
    session_issuer: _Issuer | None = None


class _Identity(msgspec.Struct, rename="camel"):
    access_key_id: str = ""
    session_context: _Context | None = None

    @property
    def role(self) -> str:
        issuer = self.session_context and self.session_context.session_issuer
        return issuer.arn if issuer else ""


class _Event(msgspec.Struct):
    name: str = msgspec.field(name="eventName")
    id: str = msgspec.field(name="eventID")
    identity: _Identity | None = msgspec.field(name="userIdentity", default=None)


_decoder = msgspec.json.Decoder(_Event)


@dataclass(slots=True, kw_only=True)
class _Cutter:
    """Writes one layout: a file for every ``per_file`` events of an account and Region."""

    folder: Path
    per_file: int
    patterns: dict[Kind, bytes]
    random: Random
    files: int = 0
    events: int = 0
    stored_bytes: int = 0
    inflated_bytes: int = 0
    files_with: Counter[Kind] = field(default_factory=Counter)
    _open: dict[tuple[str, str], list[Activity]] = field(default_factory=dict)

    def add(self, one: Activity) -> None:
        place = (one.account_id, one.region)
        waiting = self._open.setdefault(place, [])
        waiting.append(one)
        self.events += 1
        if len(waiting) == self.per_file:
            self._write(self._open.pop(place))

    def close(self) -> Archive:
        for waiting in self._open.values():
            self._write(waiting)
        return Archive(
            folder=str(self.folder),
            files=self.files,
            events=self.events,
            stored_bytes=self.stored_bytes,
            inflated_bytes=self.inflated_bytes,
            files_with={kind: self.files_with[kind] for kind in self.patterns},
        )

    def _write(self, activities: list[Activity]) -> None:
        body = b'{"Records":[' + b",".join(one.record for one in activities) + b"]}"
        path = self.folder / self._key(activities[-1])
        path.parent.mkdir(parents=True, exist_ok=True)
        self.stored_bytes += path.write_bytes(gzip.compress(body, 6, mtime=0))
        self.inflated_bytes += len(body)
        self.files += 1
        self.files_with.update(kind for kind, pattern in self.patterns.items() if pattern in body)

    def _key(self, last: Activity) -> str:
        return format_key(
            LogKey(
                prefix="",
                organization_id=OrganizationShape().organization_id,
                account_id=last.account_id,
                family=Family.EVENTS,
                region=last.region,
                delivered_at=last.occurred_at + _DELIVERY,
                unique="".join(self.random.choices(ascii_letters + digits, k=16)),
            )
        )


@dataclass(slots=True, kw_only=True)
class _Counting:
    """Counts, without any engine, what each question must find."""

    values: dict[Kind, str]
    found: Counter[Kind] = field(default_factory=Counter)
    names: set[str] = field(default_factory=set)

    def add(self, record: bytes) -> None:
        event = _decoder.decode(record)
        identity = event.identity or _Identity()
        here = {
            Kind.EVENT_ID: event.id,
            Kind.ACCESS_KEY: identity.access_key_id,
            Kind.EVENT_NAME: event.name,
            Kind.ROLE: identity.role,
        }
        self.names.add(event.name)
        self.found.update(kind for kind, value in here.items() if value == self.values[kind])
        self.found[Kind.TEXT] += self.values[Kind.TEXT].encode() in record

    def questions(self) -> dict[Kind, Question]:
        asked = {
            kind: Question(kind=kind, value=value, found=self.found[kind])
            for kind, value in self.values.items()
        }
        return asked | {Kind.NAMES: Question(kind=Kind.NAMES, value="", found=len(self.names))}


def _values(seed: int, days: int) -> dict[Kind, str]:
    """Return what the investigator of the story looks for."""
    plot = story(OrganizationShape(), seed, _STARTS_AT, days)
    return {
        Kind.EVENT_ID: plot.moment(Beat.LEGACY_TRAIL_STOPPED).event_id,
        Kind.ACCESS_KEY: plot.stolen_key,
        Kind.EVENT_NAME: "StopLogging",
        Kind.ROLE: plot.hops[0].role_arn,
        Kind.TEXT: plot.attacker_account_id,
    }


def generate(folder: Path, *, events: int, seed: int) -> Facts:
    """Write both layouts below ``folder`` and return what they hold.

    There are ``events`` events, a burst more or less; the tiny files hold the first 50,000 of them.
    """
    days = max(3, events // EVENTS_PER_DAY)
    values = _values(seed, days)
    patterns = {kind: value.encode() for kind, value in values.items()}
    big, tiny = (
        _Cutter(folder=folder / name, per_file=per_file, patterns=patterns, random=Random(seed))  # noqa: S311 - no secret
        for name, per_file in (("big", BIG_EVENTS), ("tiny", TINY_EVENTS))
    )
    counting = _Counting(values=values)
    stream = activity(
        OrganizationShape(), seed=seed, starts_at=_STARTS_AT, days=days, events_per_day=max(1, events // days)
    )
    for one in stream:
        counting.add(one.record)
        big.add(one)
        if tiny.events < TINY_SHARE_EVENTS:
            tiny.add(one)
    return Facts(
        big=big.close(),
        tiny=tiny.close(),
        questions=counting.questions(),
        first_day=f"{_STARTS_AT:%Y-%m-%d}",
        last_day=f"{_STARTS_AT + timedelta(days=days):%Y-%m-%d}",
    )


if __name__ == "__main__":
    made = generate(Path(sys.argv[1]), events=int(sys.argv[2]), seed=int(sys.argv[3]))
    print(msgspec.json.encode(made).decode())
