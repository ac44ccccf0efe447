"""The Merkle tree over the rows of a verification."""

from __future__ import annotations

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from trailkeep.keep.merkle import Tree, leaf, prove, root_of

LEAVES = st.lists(st.binary(min_size=32, max_size=32), min_size=1, max_size=70)


def simple(leaves: list[bytes]) -> bytes:
    """Return the root as RFC 6962 defines it, by recursion."""
    if len(leaves) == 1:
        return leaves[0]
    half = 1
    while half * 2 < len(leaves):
        half *= 2
    return hashlib.sha256(b"\x01" + simple(leaves[:half]) + simple(leaves[half:])).digest()


@given(LEAVES)
def test_the_streamed_root_is_the_one_of_the_rfc(leaves: list[bytes]) -> None:
    """The root that is computed as rows come is the one of RFC 6962, for any number of rows."""
    assert root_of(leaves) == simple(leaves)


@given(LEAVES, st.data())
def test_every_row_can_be_proven_and_no_other(leaves: list[bytes], data: st.DataObject) -> None:
    """A proof holds for its row at its place, and neither for another row nor for another root."""
    index = data.draw(st.integers(0, len(leaves) - 1))
    proof, root = prove(leaves, index), root_of(leaves)
    assert proof.holds(leaves[index], root)
    other = hashlib.sha256(leaves[index]).digest()
    assert not proof.holds(other, root)
    assert not proof.holds(leaves[index], other)


@given(LEAVES, st.data())
def test_no_row_can_be_swapped_or_dropped(leaves: list[bytes], data: st.DataObject) -> None:
    """A tree without one of its rows has another root."""
    index = data.draw(st.integers(0, len(leaves) - 1))
    assert root_of(leaves[:index] + leaves[index + 1 :]) != root_of(leaves)


def test_memory_grows_with_the_logarithm() -> None:
    """Of a hundred thousand rows at most 17 hashes are kept."""
    tree = Tree()
    for number in range(100_000):
        tree.add(number.to_bytes(32, "big"))
        assert len(tree._roots) <= 17


def test_a_row_is_no_node_and_fields_cannot_move() -> None:
    """Texts that join to the same characters are different rows."""
    assert leaf("a", "b", "c", "d") != leaf("ab", "", "c", "d")
    assert leaf('a","b', "", "", "") != leaf("a", "b", "", "")
    assert root_of([]) == hashlib.sha256().digest()
