"""The lake: an Apache Iceberg table of events and its ledger, in one folder.

::

    LAKE/catalog.db                          SQLite catalog (pyiceberg)
    LAKE/trailkeep/events/metadata/          Iceberg metadata
    LAKE/trailkeep/events/data/event_day=D/  Parquet files, sorted by time
    LAKE/ledger/  LAKE/state/                ledger segments, and one state file per commit
    LAKE/lock                                held by the one writer

Opening and reading needs neither pyiceberg nor SQLAlchemy, whose import costs more than most questions.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from trailkeep.core.errors import LakeError, StoppedError
from trailkeep.lake.state import PROPERTY, DataFile, State

if TYPE_CHECKING:
    from pyiceberg.catalog.sql import SqlCatalog
    from pyiceberg.table import Table

__all__ = ["Lake", "LakeLockedError"]

_TABLE = ("trailkeep", "events")
_POINTER = "select metadata_location from iceberg_tables where table_namespace = ? and table_name = ?"
_EMPTY = State(name="", snapshot_state="", files=(), ledger=())


class LakeLockedError(StoppedError):
    """Another process writes to the lake."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lake:
    """A lake folder; it need not exist before the first commit."""

    path: Path

    @property
    def exists(self) -> bool:
        """Whether something was ever committed here."""
        return (self.path / "catalog.db").is_file()

    @property
    def root(self) -> Path:
        """The folder's absolute path, with links followed; Iceberg's metadata names files by it."""
        return self.path.resolve()

    @property
    def data(self) -> Path:
        """The folder of the Parquet files."""
        return self.root.joinpath(*_TABLE, "data")

    def current(self) -> State:
        """Return the current state; an empty one when nothing was ever committed.

        Raises:
            LakeError: the folder holds something else than a lake, or its files are damaged.
        """
        if not self.exists:
            return _EMPTY
        try:
            metadata = self._metadata()
            state = self._state(metadata)
        except (OSError, sqlite3.Error, msgspec.MsgspecError, KeyError) as error:
            raise LakeError(
                f"{self.path}: expected a lake, got {error}; give --lake another folder, "
                "or move this one away and collect again"
            ) from error
        return state if _names(metadata, state) else self._replanned(state)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the lake's one writer lock.

        Raises:
            LakeLockedError: another process holds it.
            LakeError: the folder cannot be written.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            handle = (self.path / "lock").open("w")
        except OSError as error:
            raise LakeError(f"{self.path}: expected a writable folder, got {error}") from error
        with handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise LakeLockedError(
                    f"{self.path}: expected to be its only writer, got another at work; wait for it to end"
                ) from error
            yield

    def commit(self, state: State, added: tuple[DataFile, ...]) -> None:
        """Make ``state`` current; data and ledger become visible in one Iceberg commit.

        Raises:
            LakeError: the disk is full or read-only, or somebody else committed in between.
        """
        try:
            self._commit(state, added)
        except (OSError, ValueError, sqlite3.Error) as error:
            raise LakeError(f"{self.path}: expected to commit, got {error}; run the command again") from error

    def _commit(self, state: State, added: tuple[DataFile, ...]) -> None:
        write_durably(self.path / "state" / f"{state.name}.json", msgspec.json.encode(state))
        table = self.iceberg()
        with table.transaction() as transaction:
            if added:
                transaction.add_files(
                    [str(self.root / file.path) for file in added],
                    snapshot_properties={PROPERTY: state.name},
                    check_duplicate_files=False,
                )
            transaction.set_properties({PROPERTY: state.name})

    def iceberg(self) -> Table:
        """Return the Iceberg table, made on first use."""
        from pyiceberg.exceptions import NoSuchTableError  # noqa: PLC0415 - slow to import
        from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415

        try:
            catalog = self._catalog()
            try:
                return catalog.load_table(_TABLE)
            except NoSuchTableError:
                return _create(catalog)
        except SQLAlchemyError as error:
            raise LakeError(f"{self.path}: expected a usable catalog.db, got {error}") from error

    def _catalog(self) -> SqlCatalog:
        """Return the catalog; no URL names its database or the warehouse, because odd paths break in URLs."""
        from pyiceberg.catalog.sql import SqlCatalog  # noqa: PLC0415 - slow to import
        from sqlalchemy import create_engine  # noqa: PLC0415
        from sqlalchemy.pool import NullPool  # noqa: PLC0415

        self._check_unmoved()
        database = self.root / "catalog.db"
        catalog = SqlCatalog("lake", uri="sqlite://", warehouse=str(self.root), init_catalog_tables="false")
        catalog.engine = create_engine(
            "sqlite://", creator=lambda: sqlite3.connect(database), poolclass=NullPool
        )
        catalog.create_tables()
        catalog.create_namespace_if_not_exists(_TABLE[0])
        return catalog

    def _check_unmoved(self) -> None:
        """Refuse to write where Iceberg's metadata, which holds absolute locations, names another folder."""
        location = self._location()
        if location and not location.startswith(f"{self.root}/"):
            raise LakeError(
                f"{self.path}: expected the folder that the lake was made in, got a copy of "
                f"{location.partition('/trailkeep/events/')[0]}; it can be searched here, "
                "but to collect move it back or begin a new lake"
            )

    def _location(self) -> str:
        """Return where the catalog says that the table's metadata is; empty before the first commit."""
        if not self.exists:
            return ""
        address = f"{(self.root / 'catalog.db').as_uri()}?mode=ro"
        with closing(sqlite3.connect(address, uri=True)) as catalog:
            made = catalog.execute("select 1 from sqlite_master where name = 'iceberg_tables'").fetchall()
            rows = catalog.execute(_POINTER, _TABLE).fetchall() if made else []
        return str(rows[0][0]) if rows else ""

    def _metadata(self) -> dict[str, Any]:
        location = self._location()
        if not location:
            return {}
        name = location.rpartition("/")[2]
        text = self.path.joinpath(*_TABLE, "metadata", name).read_bytes()
        return msgspec.json.decode(text, type=dict[str, Any])

    def _state(self, metadata: dict[str, Any]) -> State:
        name = metadata.get("properties", {}).get(PROPERTY)
        if name is None:
            return _EMPTY
        return msgspec.json.decode((self.path / "state" / f"{name}.json").read_bytes(), type=State)

    def _replanned(self, state: State) -> State:
        """Return the state with the files that the table holds now that another engine committed."""
        table = self.iceberg()
        field = table.schema().find_field("event_time")
        root = self.root
        files = tuple(
            _data_file(task.file, field.field_id, field.field_type, root)
            for task in table.scan().plan_files()
        )
        return msgspec.structs.replace(state, files=files)


def _create(catalog: SqlCatalog) -> Table:
    from pyiceberg.transforms import DayTransform  # noqa: PLC0415 - slow to import

    from trailkeep.keep.schema import EVENTS  # noqa: PLC0415

    with (
        catalog.create_table_transaction(_TABLE, schema=EVENTS) as transaction,
        transaction.update_spec() as spec,
    ):
        spec.add_field("event_time", DayTransform(), "event_day")
    return catalog.load_table(_TABLE)


def _names(metadata: dict[str, Any], state: State) -> bool:
    current = metadata.get("current-snapshot-id")
    if current in {None, -1}:
        return not state.files
    snapshots = {snapshot["snapshot-id"]: snapshot for snapshot in metadata["snapshots"]}
    return bool(snapshots[current]["summary"].get(PROPERTY) == state.snapshot_state)


def _data_file(file: Any, field_id: int, kind: Any, root: Path) -> DataFile:
    from pyiceberg.conversions import from_bytes  # noqa: PLC0415 - slow to import
    from pyiceberg.utils.datetime import micros_to_timestamptz  # noqa: PLC0415

    lower, upper = (bounds.get(field_id) for bounds in (file.lower_bounds or {}, file.upper_bounds or {}))
    path = Path(file.file_path.removeprefix("file://"))
    return DataFile(
        path=str(path.relative_to(root)) if path.is_relative_to(root) else str(path),
        rows=file.record_count,
        size_bytes=file.file_size_in_bytes,
        oldest_event_at=micros_to_timestamptz(int(from_bytes(kind, lower))) if lower else None,
        newest_event_at=micros_to_timestamptz(int(from_bytes(kind, upper))) if upper else None,
    )


def write_durably(path: Path, content: bytes) -> None:
    """Write a new file and have the disk confirm it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    confirm(path)


def confirm(path: Path) -> None:
    """Have the disk confirm a file that was written, and its name in its folder."""
    for place in (path, path.parent):
        handle = os.open(place, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
