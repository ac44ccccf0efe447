"""Keeps what ``verify`` finds of each object in a temporary file, because there may be millions."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from types import TracebackType
from typing import Self

import msgspec

from trailkeep.keep.verification import DigestProof, ObjectVerdict

__all__ = ["Spool"]

_BATCH = 10_000
_LENGTH = 4


class Spool:
    """Rows and proofs in the order in which they came; gone with the process."""

    def __init__(self) -> None:
        self._rows = tempfile.TemporaryFile()  # noqa: SIM115 - closed with this object
        self.proofs: list[DigestProof] = []
        self.count = 0
        self._encoder = msgspec.msgpack.Encoder()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._rows.close()

    def add(self, rows: Sequence[ObjectVerdict]) -> None:
        """Keep the rows of one place."""
        for row in rows:
            data = self._encoder.encode(row)
            self._rows.write(len(data).to_bytes(_LENGTH, "big") + data)
        self.count += len(rows)

    def rows(self) -> Iterator[ObjectVerdict]:
        """Yield the rows as they came."""
        decoder = msgspec.msgpack.Decoder(ObjectVerdict)
        self._rows.seek(0)
        while head := self._rows.read(_LENGTH):
            yield decoder.decode(self._rows.read(int.from_bytes(head, "big")))

    def batches(self) -> Iterator[list[ObjectVerdict]]:
        """Yield the rows in lists of bounded length."""
        batch: list[ObjectVerdict] = []
        for row in self.rows():
            batch.append(row)
            if len(batch) >= _BATCH:
                yield batch
                batch = []
        if batch:
            yield batch

    def sorted(self) -> Iterable[ObjectVerdict]:
        """Return all rows in the order of object and version; they are in memory then."""
        return sorted(self.rows(), key=lambda row: (row.object, row.version))
