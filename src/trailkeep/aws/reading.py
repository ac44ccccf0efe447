"""How one fact is read: the value, ``Absent`` where AWS says so, ``Unreadable`` where it refuses."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from trailkeep.aws.session import aws_errors
from trailkeep.core.errors import AwsCallError
from trailkeep.guard.estate import Absent, Unreadable

__all__ = ["read", "read_or_absent"]

T = TypeVar("T")


def read(call: str, get: Callable[[], T]) -> T | Unreadable:
    """Return what ``get`` returns, or that the call was refused; ``call`` is ``service:Operation``."""
    try:
        with aws_errors(call):
            return get()
    except AwsCallError as error:
        return _unreadable(error)
    except KeyError as error:
        return _incomplete(call, error)


def read_or_absent(call: str, get: Callable[[], T], *absent: str) -> T | Absent | Unreadable:
    """Return as ``read`` does, and ``Absent`` where AWS answers with one of the codes ``absent``."""
    try:
        with aws_errors(call):
            return get()
    except AwsCallError as error:
        return Absent() if error.code in absent else _unreadable(error)
    except KeyError as error:
        return _incomplete(call, error)


def _unreadable(error: AwsCallError) -> Unreadable:
    return Unreadable(call=error.call, error=str(error).removeprefix(f"{error.call}: "))


def _incomplete(call: str, error: KeyError) -> Unreadable:
    return Unreadable(call=call, error=f"expected {error} in the answer, got none")
