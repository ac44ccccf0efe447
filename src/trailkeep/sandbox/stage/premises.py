"""What an account owns in a region: the names that calls speak of, drawn again and again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from trailkeep.sandbox.stage.dice import Dice

__all__ = ["Premises", "spoken_time"]

_SYSTEMS = ("orders", "billing", "catalogue", "search", "identity", "shipping", "reports", "gateway")
_STAGES = ("api", "worker", "loader")
_MONTHS = "JanFebMarAprMayJunJulAugSepOctNovDec"  # strftime would ask the locale


def spoken_time(at: int) -> str:
    """Return epoch second ``at`` as AWS writes times inside responses: ``Nov 24, 2026, 5:37:22 AM``."""
    moment = datetime.fromtimestamp(at, UTC)
    month = _MONTHS[3 * moment.month - 3 : 3 * moment.month]
    half = "AM" if moment.hour < 12 else "PM"
    return f"{month} {moment.day}, {moment.year}, {moment.hour % 12 or 12}:{moment:%M:%S} {half}"


class Premises:
    """Resources of one account, a set for each region.

    ``draw`` fills a place of a call: with something the account owns, or with something that is new each
    time.
    """

    __slots__ = ("_dice", "_owned", "account_id", "archive_bucket", "purpose")

    def __init__(
        self, account_id: str, purpose: str, regions: tuple[str, ...], seed: int, bucket: str
    ) -> None:
        self.account_id = account_id
        self.purpose = purpose
        self.archive_bucket = bucket
        self._dice = Dice(seed, "premises", account_id)
        self._owned = {region: self._furnish(region) for region in dict.fromkeys((*regions, "us-east-1"))}

    def draw(self, place: str, region: str, dice: Dice, at: int) -> str:
        """Return what stands in ``place`` of a call made in ``region`` at epoch second ``at``."""
        owned = self._owned[region].get(place)
        return dice.pick(owned) if owned else _NEW[place](dice, at)

    def owned(self, place: str, region: str) -> tuple[str, ...]:
        """Return everything of the kind ``place`` that the account owns in ``region``."""
        return self._owned[region][place]

    def _furnish(self, region: str) -> dict[str, tuple[str, ...]]:
        dice, stem = self._dice, self.purpose
        systems = tuple(f"{stem}-{system}" for system in _SYSTEMS)
        functions = tuple(f"{system}-{stage}" for system in systems for stage in _STAGES)
        buckets = tuple(f"{system}-data-{self.account_id}-{region}" for system in systems)
        stacks = f"arn:aws:cloudformation:{region}:{self.account_id}:stack"
        return {
            "bucket": (self.archive_bucket,) if self.purpose == "archive" else buckets,
            "database": tuple(f"{system}-db" for system in systems[:4]),
            "function": functions,
            "group": _several(dice, "sg", 12),
            "instance": _several(dice, "i", 24),
            "key": tuple(dice.uuid() for _ in range(5)),
            "log_group": tuple(f"/aws/lambda/{function}" for function in functions),
            "parameter": tuple(f"/{stem}/{system}/config" for system in _SYSTEMS),
            "role": tuple(f"{system}-role" for system in systems),
            "secret": tuple(f"{stem}/{system}/db-{dice.hex(6)}" for system in _SYSTEMS),
            "snapshot": _several(dice, "snap", 12),
            "stack": tuple(f"{system}-stack" for system in systems),
            "stack_arn": tuple(f"{stacks}/{system}-stack/{dice.uuid()}" for system in systems),
            "subnet": _several(dice, "subnet", 6),
            "table": tuple(f"{system}-table" for system in systems),
            "volume": _several(dice, "vol", 24),
            "vpc": _several(dice, "vpc", 2),
        }


def _several(dice: Dice, kind: str, count: int) -> tuple[str, ...]:
    return tuple(f"{kind}-0{dice.hex(16)}" for _ in range(count))


def _stream(dice: Dice, at: int) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y/%m/%d}/[$LATEST]{dice.hex(32)}"


_NEW: dict[str, Callable[[Dice, int], str]] = {
    "bytes_in": lambda dice, _: str(dice.between(0, 2000)),
    "bytes_out": lambda dice, _: str(dice.between(100, 6000)),
    "earlier": lambda _, at: str(at * 1000 - 3_600_000),
    "fresh": lambda dice, _: dice.uuid(),
    "id2": lambda dice, _: dice.base64(57),
    "millis": lambda _, at: str(at * 1000),
    "new_instance": lambda dice, _: f"i-0{dice.hex(16)}",
    "new_snapshot": lambda dice, _: f"snap-0{dice.hex(16)}",
    "now": lambda _, at: spoken_time(at),
    "object": lambda dice, at: f"{datetime.fromtimestamp(at, UTC):%Y/%m}/{dice.uuid()}.parquet",
    "package": lambda dice, _: f"packages/{dice.hex(40)}.zip",
    "stream": _stream,
    "suffix": lambda dice, _: "0" + dice.hex(16),
    "template": lambda dice, _: f"templates/{dice.hex(40)}.json",
}
