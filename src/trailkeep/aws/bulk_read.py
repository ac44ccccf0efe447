"""Reads many objects at once in a thread of its own, bounded in requests and in bytes.

::

    caller: take from many -> submit -> yield (stored, result)
                                |                 ^
    loop:                     fetch -> work -> done queue     work on a large body: in one of two threads

A body is dropped as soon as its work is done. Work on less than 16 KB costs less than handing it over.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import Thread
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from trailkeep.aws.stored import Got, Stored

__all__ = ["INLINE_BYTES", "IN_FLIGHT", "WORKERS", "bulk_read"]

T = TypeVar("T")

IN_FLIGHT = 128
INLINE_BYTES = 16 * 1024
WORKERS = 2
_BYTES_IN_FLIGHT = 256 << 20


def bulk_read(
    many: Iterable[Stored],
    fetch: Callable[[Stored], Coroutine[Any, Any, Got]],
    work: Callable[[Got], T],
    *,
    in_flight: int = IN_FLIGHT,
    bytes_in_flight: int = _BYTES_IN_FLIGHT,
) -> Iterator[tuple[Stored, T]]:
    """Yield what ``work`` makes of each object, in the order in which they are ready.

    Args:
        many: what to read; taken in the caller's thread, no faster than it is read.
        fetch: reads one object.
        work: turns what was read into what the caller keeps.
        in_flight: how many are read at once at the most.
        bytes_in_flight: how many bytes of bodies, as listed, are held at the most; one object always goes.
    """
    with _Reading(fetch, work) as reading:
        waiting = _Lookahead(many)
        out, held = 0, 0
        while True:
            batch: list[Stored] = []
            while out < in_flight and (one := waiting.peek()) is not None:
                if out and held + one.size_bytes > bytes_in_flight:
                    break
                waiting.drop()
                batch.append(one)
                out, held = out + 1, held + one.size_bytes
            reading.submit(batch)
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

    def drop(self) -> None:
        self._next = None


class _Reading(Generic[T]):
    """The thread of an event loop, and what it has finished."""

    def __init__(self, fetch: Callable[[Stored], Coroutine[Any, Any, Got]], work: Callable[[Got], T]) -> None:
        self._fetch = fetch
        self._work = work
        self._done: SimpleQueue[tuple[Stored, T] | BaseException] = SimpleQueue()
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._workers = ThreadPoolExecutor(max_workers=WORKERS)
        self._thread = Thread(target=self._loop.run_forever, name="trailkeep-read", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._cancel(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._workers.shutdown(cancel_futures=True)
        self._loop.close()

    def submit(self, batch: list[Stored]) -> None:
        """Begin to read some objects."""
        if batch:
            self._loop.call_soon_threadsafe(self._begin, batch)

    def finished(self) -> list[tuple[Stored, T]]:
        """Return what is ready, waiting for at least one.

        Raises:
            BaseException: what reading or working on an object raised.
        """
        results = [_value(self._done.get())]
        with suppress(Empty):
            while True:
                results.append(_value(self._done.get_nowait()))
        return results

    def _begin(self, batch: list[Stored]) -> None:
        for stored in batch:
            task = self._loop.create_task(self._one(stored))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _one(self, stored: Stored) -> None:
        try:
            got = await self._fetch(stored)
            if len(got.body) < INLINE_BYTES:
                result = self._work(got)
            else:
                result = await self._loop.run_in_executor(self._workers, self._work, got)
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # noqa: BLE001 - raised in the caller's thread
            self._done.put(error)
        else:
            self._done.put((stored, result))

    async def _cancel(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._loop.shutdown_default_executor()


def _value(outcome: tuple[Stored, T] | BaseException) -> tuple[Stored, T]:
    if isinstance(outcome, BaseException):
        raise outcome
    return outcome
