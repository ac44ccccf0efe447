"""How the source objects of events stand: what was verified, joined to what was collected.

The lake names a source by ``source_object`` and ``source_sha256``, the hash of the inflated log that the rows
were made of. That hash is also what a digest signs, so it and not ``source_version`` (an ETag, or the time of
a file) decides whether the rows are what was verified:

1. Where the newest run that looked at this object proved exactly these bytes, in any version: verified.
2. Else the worst of what that run says of the object. Where it proved *other* bytes than those that were
   collected, the rows are of a content that CloudTrail did not sign: altered.
3. Where no run looked at an object of that name, but these bytes were proven under another name (a copy of
   the archive was collected, or was verified): verified.
4. Else it is not verified; what was saved from Event history never can be.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import duckdb
import pyarrow as pa

from trailkeep.core.errors import LakeError
from trailkeep.core.globs import literal
from trailkeep.keep.history import PREFIX
from trailkeep.keep.proven import Sources, SourceStanding
from trailkeep.keep.verdict_rows import COVERAGE, HOURS, OBJECTS
from trailkeep.lake.ledger import LEDGER
from trailkeep.lake.state import State
from trailkeep.lake.table import Lake
from trailkeep.lake.verdicts import VerdictState

__all__ = ["LATE", "RangeFound", "Standings"]

LATE = timedelta(hours=1)
"""How long after an event its log is looked for; CloudTrail typically delivers within minutes."""

_Source = tuple[str, str]
_RESOLVE = """
create table resolved as
with named as (
    select w.object, w.sha256, o.checked_at,
        o.run, max(o.run) over (partition by w.object, w.sha256) as newest,
        o.standing = 'verified' and o.content_sha256 = w.sha256 as same,
        case when o.standing = 'verified' and o.content_sha256 <> w.sha256 then 'altered'
            else o.standing end as says
    from wanted w join objects o on o.object = w.object where o.kind = 'log'
), settled as (
    select object, sha256, bool_or(same) as same, arg_min(says, list_position($worst, says)) as says,
        min(checked_at) as checked_at
    from named where run = newest group by all
)
select w.object, w.sha256, s.checked_at, case when s.same then 'verified' else s.says end as standing
from wanted w left join settled s using (object, sha256)
"""
_ELSEWHERE = """
update resolved set standing = 'verified', checked_at = proven.checked_at
from (
    select o.content_sha256 as sha256, min(o.checked_at) as checked_at
    from objects o
    semi join (select sha256 from resolved where standing is null) r on r.sha256 = o.content_sha256
    where o.standing = 'verified' and o.kind = 'log' group by all
) proven
where resolved.standing is null and resolved.sha256 = proven.sha256
"""
_REST = """
update resolved
set standing = case when contains(object, $history) then 'event history' else 'not verified' end
where standing is null
"""
_BY_STANDING = """
select standing, count(*) as logs, min(object) as example, min(checked_at) as checked_at
from resolved group by standing
"""
_LOGS_WITHIN = """
with delivered as (
    select o.standing, o.content_sha256 from objects o semi join places using (account, region)
    where o.kind = 'log' and o.delivered_at >= date_trunc('minute', $since) and o.delivered_at < $late
), collected as (
    select sha256 from ledger
    where delivered_at is null or (delivered_at >= date_trunc('minute', $since) and delivered_at < $late)
)
select standing, count(*) as logs,
    count(*) filter (
        standing = 'verified' and content_sha256 not in (select sha256 from collected)
    ) as uncollected
from delivered group by standing
"""
_HOURS_WITHIN = f"""
select {", ".join(f"coalesce(sum({name}), 0) as {name}" for name in HOURS)}
from coverage semi join places using (account, region)
where day between $since::date and ($until - interval 1 microsecond)::date
"""  # noqa: S608 - names of our own


@dataclass(frozen=True, slots=True, kw_only=True)
class RangeFound:
    """What is known of a time range; ``uncollected`` counts proven logs that are not in the lake."""

    logs: dict[SourceStanding, int]
    hours: dict[str, int]
    uncollected: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Standings:
    """The standings of a lake at one moment; ``verdicts`` is None while nothing was verified."""

    lake: Lake
    state: State
    verdicts: VerdictState | None

    def of(self, sources: Iterable[_Source]) -> dict[_Source, tuple[SourceStanding, datetime | None]]:
        """Return the standing of each ``(source_object, source_sha256)`` and when it was checked.

        Raises:
            LakeError: what was verified cannot be read.
        """
        if self.verdicts is None:
            return {source: (_unverified(source[0]), None) for source in sources}
        wanted = _pairs(sources, "object", "sha256")
        if not wanted.num_rows:
            return {}
        with self._open() as connection:
            connection.register("wanted", wanted)
            _resolve(connection)
            rows = _rows(connection, "from resolved")
        return {
            (row["object"], row["sha256"]): (SourceStanding(row["standing"]), row["checked_at"])
            for row in rows
        }

    def all(self) -> Sources:
        """Return how all logs stand that any event of the lake came from.

        Raises:
            LakeError: as for ``of``.
        """
        with self._open() as connection:
            connection.execute(
                "create view wanted as select distinct object, sha256 from ledger where added > 0"
            )
            _resolve(connection)
            rows = _rows(connection, _BY_STANDING)
        return Sources(
            counts={SourceStanding(row["standing"]): row["logs"] for row in rows},
            examples={SourceStanding(row["standing"]): row["example"] for row in rows},
            checked_from=min((row["checked_at"] for row in rows if row["checked_at"]), default=None),
        )

    def within(self, places: Iterable[tuple[str, str]], since: datetime, until: datetime) -> RangeFound:
        """Return what is known of the time from ``since`` to ``until`` in some accounts and regions.

        Raises:
            LakeError: as for ``of``.
        """
        with self._open() as connection:
            connection.register("places", _pairs(places, "account", "region"))
            logs = _rows(connection, _LOGS_WITHIN, {"since": since, "late": until + LATE})
            hours = _rows(connection, _HOURS_WITHIN, {"since": since, "until": until})[0]
        return RangeFound(
            logs={
                SourceStanding(one["standing"]): one["logs"] for one in logs if one["standing"] != "verified"
            },
            hours={name.replace("_", "-"): int(count) for name, count in hours.items() if count},
            uncollected=sum(one["uncollected"] for one in logs),
        )

    @contextmanager
    def _open(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Open a session with the views ``objects``, ``coverage`` and ``ledger``."""
        try:
            with duckdb.connect(":memory:") as connection:
                connection.execute("set TimeZone = 'UTC'")
                known = self.verdicts
                _view(connection, "objects", [known.objects.path] if known else [], OBJECTS, self.lake)
                _view(connection, "coverage", [known.coverage.path] if known else [], COVERAGE, self.lake)
                _view(connection, "ledger", [part.path for part in self.state.ledger], LEDGER, self.lake)
                yield connection
        except duckdb.Error as error:
            raise LakeError(
                f"{self.lake.path}: expected to read what was verified, got {error}; verify again"
            ) from error


def _unverified(name: str) -> SourceStanding:
    is_history = f"{PREFIX}AWSLogs/" in name
    return SourceStanding.EVENT_HISTORY if is_history else SourceStanding.NOT_VERIFIED


def _view(
    connection: duckdb.DuckDBPyConnection, name: str, paths: Sequence[str], schema: pa.Schema, lake: Lake
) -> None:
    if paths:
        connection.read_parquet([literal(lake.root / path) for path in paths]).create_view(name)
    else:
        connection.from_arrow(schema.empty_table()).create(name)


def _resolve(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute(_RESOLVE, {"worst": [str(one) for one in SourceStanding]})
    connection.execute(_ELSEWHERE)
    connection.execute(_REST, {"history": f"{PREFIX}AWSLogs/"})


def _rows(
    connection: duckdb.DuckDBPyConnection, sql: str, values: dict[str, object] | None = None
) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = connection.sql(sql, params=values).to_arrow_table().to_pylist()
    return rows


def _pairs(pairs: Iterable[tuple[str, str]], first: str, second: str) -> pa.Table:
    listed = list(pairs)
    columns = {first: [one for one, _ in listed], second: [one for _, one in listed]}
    return pa.table(columns, schema=pa.schema([(first, pa.string()), (second, pa.string())]))
