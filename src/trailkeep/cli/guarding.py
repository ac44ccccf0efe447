"""What ``plan`` and ``apply`` share: their files, their adapters and their allowances."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from trailkeep.core.errors import StoppedError, UsageError

if TYPE_CHECKING:
    from trailkeep.aws.session import Accounts
    from trailkeep.core.config import Config
    from trailkeep.guard.decisions import Allowance
    from trailkeep.guard.estate import Estate

__all__ = ["reach_accounts", "read_allowances", "read_estate", "write_estate"]


def reach_accounts(config: Config) -> Accounts:
    """Return the clients for the accounts that the configuration means; nothing is called yet."""
    from trailkeep.aws.session import Accounts

    return Accounts(region=config.trail_region, role=config.archive.access_role)


def read_estate(path: Path) -> Estate:
    """Return the estate that ``plan --save-estate`` wrote.

    Raises:
        UsageError: there is no such file or it is no estate.
    """
    from trailkeep.guard.estate import decode_estate

    try:
        return decode_estate(path.read_bytes())
    except OSError as error:
        raise UsageError(
            f"{path}: expected an estate, got {error.strerror}; save one with 'trailkeep plan --save-estate'"
        ) from error


def write_estate(path: Path, estate: Estate) -> None:
    """Write what was observed to a file.

    Raises:
        StoppedError: the file cannot be written.
    """
    from trailkeep.guard.estate import encode_estate

    try:
        path.write_bytes(encode_estate(estate))
    except OSError as error:
        raise StoppedError(
            f"{path}: expected to save the estate, got {error.strerror}; name another file"
        ) from error


def read_allowances(names: list[str]) -> frozenset[Allowance]:
    """Return the allowances that were named.

    Raises:
        UsageError: one is unknown.
    """
    from trailkeep.guard.decisions import Allowance

    known = [allowance.value for allowance in Allowance]
    for name in names:
        if name not in known:
            raise UsageError(
                f"--allow: expected one of {', '.join(known)}, got {name!r}; see 'trailkeep plan --help'"
            )
    return frozenset(Allowance(name) for name in names)
