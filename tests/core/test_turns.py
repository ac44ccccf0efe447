"""Whoever is looked at in part is looked at in whole after a few turns."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trailkeep.core.turns import turned

BEGIN = datetime(2026, 1, 2, tzinfo=UTC)


@given(count=st.integers(0, 2000), seconds=st.integers(0, 10**9))
def test_all_stay_in_their_circular_order(count: int, seconds: int) -> None:
    """A turn begins elsewhere and leaves nothing out."""
    listed = list(range(count))
    found = turned(listed, BEGIN + timedelta(seconds=seconds))
    assert sorted(found) == listed
    assert all((after - before) % count == 1 % count for before, after in pairwise(found))


@pytest.mark.parametrize("apart_s", [1, 30, 60, 300, 600, 900, 3600, 86400])
@given(seconds=st.integers(0, 10**9))
def test_equal_distances_see_all(apart_s: int, seconds: int) -> None:
    """Runs at equal distances that see 249 of 600 have seen all after a dozen, whatever they began with."""
    listed = range(600)
    moments = (BEGIN + timedelta(seconds=seconds + apart_s * number) for number in range(12))
    assert {one for now in moments for one in turned(listed, now)[:249]} == {*listed}
