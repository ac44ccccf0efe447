"""How far runs have proven an archive: the heads of each account and Region, one line of a file each time.

A line says of one account in one Region which digests were the newest proven ones, and whether everything
up to them, digests and logs, was read and proven too. A head that was there once must still be there: the
newest line says which. A run may go on from the newest line of which everything was read, as long as nothing
was found there since.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import msgspec

from trailkeep.core.errors import UncheckedError
from trailkeep.core.verdict import VerdictKind
from trailkeep.keep.chain_parts import ChainId, Head
from trailkeep.keep.verification import DayCell

__all__ = ["Reached", "bases", "decode_heads", "encode_heads", "newest"]

SCHEMA = "heads/1"


class Reached(msgspec.Struct, frozen=True, kw_only=True):
    """Up to where one account in one Region is proven; ``heads`` are of its chains, one for each trail.

    ``verdict`` is of what was read: all digests and logs up to the heads where ``is_whole`` says so,
    ``digests`` and ``logs`` of them, of which the oldest was read at ``checked_at``. ``last_day`` is the day
    that the heads end in, without the hours that waited for a digest.
    """

    schema: str = SCHEMA
    bucket: str
    account: str
    region: str
    heads: tuple[Head, ...]
    proven_at: datetime
    checked_at: datetime
    verdict: VerdictKind = VerdictKind.UNKNOWN
    is_whole: bool = False
    digests: int = 0
    logs: int = 0
    last_day: DayCell | None = None

    def head_of(self, chain: ChainId) -> Head | None:
        """Return the head of one chain; one that names no home region is of any."""
        return next(
            (
                head
                for head in self.heads
                if head.trail_name == chain.trail_name and head.home_region in ("", chain.home_region)
            ),
            None,
        )


def encode_heads(lines: Iterable[Reached]) -> bytes:
    """Return the lines that a file gets."""
    return b"".join(msgspec.json.encode(line) + b"\n" for line in lines)


def decode_heads(data: bytes, *, name: str) -> list[Reached]:
    """Return the lines of a file called ``name``; what follows the last line feed was never finished.

    Raises:
        UncheckedError: a line is none of ours.
    """
    decoder = msgspec.json.Decoder(Reached)
    found: list[Reached] = []
    for number, line in enumerate(data.split(b"\n")[:-1], start=1):
        try:
            one = decoder.decode(line)
        except msgspec.MsgspecError as error:
            raise UncheckedError(
                f"{name} line {number}: expected heads of an earlier run, got {error}; restore the file"
            ) from error
        if one.schema != SCHEMA or any(
            (head.account, head.region) != (one.account, one.region) for head in one.heads
        ):
            raise UncheckedError(
                f"{name} line {number}: expected heads of one account and Region in {SCHEMA}, got "
                f"{one.schema:.20} of {one.account:.20}/{one.region:.20}; restore the file"
            )
        found.append(one)
    return found


def newest(lines: Iterable[Reached], *, bucket: str) -> dict[tuple[str, str], Reached]:
    """Return the last line of each account and Region of a bucket; of any bucket where it is empty."""
    return {(line.account, line.region): line for line in lines if not bucket or line.bucket in ("", bucket)}


def bases(lines: Iterable[Reached], *, bucket: str) -> dict[tuple[str, str], Reached]:
    """Return the lines of a bucket that a run may go on from, by account and Region."""
    found: dict[tuple[str, str], Reached] = {}
    for line in lines:
        if line.bucket == bucket:
            if line.verdict is not VerdictKind.PASS:
                found.pop((line.account, line.region), None)
            elif line.is_whole and line.heads:
                found[line.account, line.region] = line
    return found
