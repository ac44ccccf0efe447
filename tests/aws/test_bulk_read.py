"""Reading many objects at once, with a fetch that only counts."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Barrier, Event, Lock

import pytest

from trailkeep.aws.bulk_read import bulk_read
from trailkeep.aws.stored import Got, Stored


class Counting:
    """Fetches objects and counts how many bytes are held at the same time."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._held = 0
        self.most = 0

    def fetch(self, stored: Stored, _: Event) -> Got:
        """Return an object of the size that was listed."""
        with self._lock:
            self._held += stored.size_bytes
            self.most = max(self.most, self._held)
        return Got(stored=stored)

    def work(self, got: Got) -> str:
        """Let go of an object."""
        with self._lock:
            self._held -= got.stored.size_bytes
        return got.stored.key


@pytest.mark.parametrize(("size_bytes", "most"), [(100, 200), (300, 300)])
def test_bytes_in_flight_are_bounded(size_bytes: int, most: int) -> None:
    """No more bytes are held than allowed, but an object that is larger is still read, alone."""
    many = [Stored(key=f"{number:03}", size_bytes=size_bytes) for number in range(200)]
    counting = Counting()
    results = bulk_read(many, counting.fetch, counting.work, bytes_in_flight=250)
    assert sorted(key for _, key in results) == [one.key for one in many]
    assert counting.most <= most


def test_as_many_are_read_at_once_as_allowed() -> None:
    """Where every request waits, there are soon as many at once as there may be."""
    together = Barrier(40, timeout=60)

    def fetch(stored: Stored, _: Event) -> Got:
        together.wait()
        return Got(stored=stored)

    many = [Stored(key=str(number)) for number in range(80)]
    assert len(list(bulk_read(many, fetch, lambda got: got.stored.key, in_flight=40))) == 80


def test_nothing_is_read_of_nothing() -> None:
    """No objects give no results."""
    counting = Counting()
    assert list(bulk_read([], counting.fetch, counting.work)) == []


def test_an_error_of_the_listing_reaches_the_caller() -> None:
    """What ends the listing ends the reading, with the same error."""

    def listing() -> Iterator[Stored]:
        yield Stored(key="a")
        raise ZeroDivisionError

    counting = Counting()
    with pytest.raises(ZeroDivisionError):
        list(bulk_read(listing(), counting.fetch, counting.work))
