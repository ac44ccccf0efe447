"""Reads many objects at once in threads, bounded in requests and in bytes.

::

    caller:   take from many -> todo ------------------------> yield (stored, result)
    threads:                    todo -> fetch -> work -> done -^

A body is dropped as soon as its work is done. Threads that wait for S3, inflate or hash hold no lock of
Python's, so the work runs on every core: that was faster than an event loop, near S3 and far from it. Near it
few threads are faster than many, so there are more only where S3 keeps them waiting.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import Event, Lock, Thread
from time import perf_counter
from types import TracebackType
from typing import Generic, Self, TypeVar

from trailkeep.aws.stored import Got, Stored

__all__ = ["IN_FLIGHT", "bulk_read"]

T = TypeVar("T")

IN_FLIGHT = 128
_BYTES_IN_FLIGHT = 256 << 20
_FEW = 16
_LONG_S = 0.008


def bulk_read(
    many: Iterable[Stored],
    fetch: Callable[[Stored, Event], Got],
    work: Callable[[Got], T],
    *,
    in_flight: int = IN_FLIGHT,
    bytes_in_flight: int = _BYTES_IN_FLIGHT,
) -> Iterator[tuple[Stored, T]]:
    """Yield what ``work`` makes of each object, in the order in which they are ready.

    Args:
        many: what to read; taken in the caller's thread, no faster than it is read.
        fetch: reads one object, and gives up soon after the event is set.
        work: turns what was read into what the caller keeps.
        in_flight: how many are read at once at the most.
        bytes_in_flight: how many bytes of bodies, as listed, are held at the most; one object always goes.
    """
    with _Reading(fetch, work, in_flight) as reading:
        waiting = _Lookahead(many)
        out, held = 0, 0
        while True:
            while out < in_flight and (one := waiting.peek()) is not None:
                if out and held + one.size_bytes > bytes_in_flight:
                    break
                reading.submit(waiting.take())
                out, held = out + 1, held + one.size_bytes
            if not out:
                return
            results = reading.finished()
            out, held = out - len(results), held - sum(stored.size_bytes for stored, _ in results)
            yield from results


class _Lookahead:
    """An iterator whose next value can be looked at."""

    def __init__(self, many: Iterable[Stored]) -> None:
        self._rest = iter(many)
        self._next: Stored | None = None

    def peek(self) -> Stored | None:
        if self._next is None:
            self._next = next(self._rest, None)
        return self._next

    def take(self) -> Stored:
        one = self._next
        assert one is not None  # noqa: S101 - it was looked at
        self._next = None
        return one


class _Reading(Generic[T]):
    """The threads, what they are to read, and what they have finished."""

    def __init__(self, fetch: Callable[[Stored, Event], Got], work: Callable[[Got], T], most: int) -> None:
        self._fetch = fetch
        self._work = work
        self._most = most
        self._todo: SimpleQueue[Stored | None] = SimpleQueue()
        self._done: SimpleQueue[tuple[Stored, T] | BaseException] = SimpleQueue()
        self._stop = Event()
        self._growing = Lock()
        self._threads: list[Thread] = []
        self._failed: BaseException | None = None

    def __enter__(self) -> Self:
        for _ in range(min(_FEW, self._most)):
            self._grow()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._growing:
            self._stop.set()
        for _ in self._threads:
            self._todo.put(None)
        for thread in self._threads:
            thread.join()

    def submit(self, stored: Stored) -> None:
        """Have an object read."""
        self._todo.put(stored)

    def finished(self) -> list[tuple[Stored, T]]:
        """Return what is ready, waiting for at least one.

        Raises:
            BaseException: what reading or working on an object raised, once all that was ready before it is
                returned.
        """
        if self._failed:
            raise self._failed
        results = [_value(self._next())]
        with suppress(Empty):
            while self._failed is None:
                outcome = self._done.get_nowait()
                if isinstance(outcome, BaseException):
                    self._failed = outcome
                else:
                    results.append(outcome)
        return results

    def _next(self) -> tuple[Stored, T] | BaseException:
        """Return what is ready next; a thread more reads while all others are kept waiting."""
        while len(self._threads) < self._most:
            with suppress(Empty):
                return self._done.get(timeout=_LONG_S)
            self._grow()
        return self._done.get()

    def _grow(self) -> None:
        with self._growing:
            if len(self._threads) < self._most and not self._stop.is_set():
                thread = Thread(target=self._run, name="trailkeep-read", daemon=True)
                self._threads.append(thread)
                thread.start()

    def _run(self) -> None:
        while (stored := self._todo.get()) is not None and not self._stop.is_set():
            try:
                began = perf_counter()
                got = self._fetch(stored, self._stop)
                if perf_counter() - began > _LONG_S and len(self._threads) < self._most:
                    self._grow()
                result = self._work(got)
                del got
            except BaseException as error:  # noqa: BLE001 - raised in the caller's thread
                self._done.put(error)
            else:
                self._done.put((stored, result))


def _value(outcome: tuple[Stored, T] | BaseException) -> tuple[Stored, T]:
    if isinstance(outcome, BaseException):
        raise outcome
    return outcome
