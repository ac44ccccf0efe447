"""A Merkle tree over the rows of a verification: one hash for all, and a short proof for any one.

Source: RFC 6962, section 2.1. Leaves are hashed with a zero byte before them and nodes with a one byte, so
that no node can be passed off as a row.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import msgspec

__all__ = ["Inclusion", "Tree", "leaf", "prove", "root_of"]


def leaf(name: str, version: str, stored_sha256: str, content_sha256: str) -> bytes:
    """Return the hash of a row: of the JSON list of its four texts, without spaces, in UTF-8."""
    row = msgspec.json.encode([name, version, stored_sha256, content_sha256])
    return hashlib.sha256(b"\x00" + row).digest()


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


@dataclass(slots=True, kw_only=True)
class Tree:
    """The roots of the full subtrees of the leaves so far, the largest first: O(log n) of them."""

    size: int = 0
    _roots: list[bytes] = field(default_factory=list)

    def add(self, one: bytes) -> None:
        """Add the next leaf."""
        self._roots.append(one)
        self.size += 1
        rest = self.size
        while not rest & 1:
            right = self._roots.pop()
            self._roots[-1] = _node(self._roots[-1], right)
            rest >>= 1

    @property
    def root(self) -> bytes:
        """The root over all leaves so far; of none, the hash of nothing."""
        if not self._roots:
            return hashlib.sha256().digest()
        found = self._roots[-1]
        for left in reversed(self._roots[:-1]):
            found = _node(left, found)
        return found


class Inclusion(msgspec.Struct, frozen=True, kw_only=True):
    """What shows that leaf ``index`` of ``size`` is in a tree: the hashes beside its path, from below."""

    index: int
    size: int
    path: tuple[str, ...]

    def holds(self, one: bytes, root: bytes) -> bool:
        """Say whether this leaf is at this place in the tree of this root.

        Source: RFC 9162, section 2.1.3.2.
        """
        if not 0 <= self.index < self.size:
            return False
        at, last, found = self.index, self.size - 1, one
        for text in self.path:
            if not last:
                return False
            beside = bytes.fromhex(text)
            if at & 1 or at == last:
                found = _node(beside, found)
                while not at & 1 and at:
                    at, last = at >> 1, last >> 1
            else:
                found = _node(found, beside)
            at, last = at >> 1, last >> 1
        return not last and found == root


def root_of(leaves: Iterable[bytes]) -> bytes:
    """Return the root over some leaves, in their order."""
    tree = Tree()
    for one in leaves:
        tree.add(one)
    return tree.root


def prove(leaves: Sequence[bytes], index: int) -> Inclusion:
    """Return what shows that the leaf at ``index`` is in the tree of all.

    Raises:
        IndexError: there is no such leaf.
    """
    if not 0 <= index < len(leaves):
        raise IndexError(f"index: expected 0 to {len(leaves) - 1}, got {index}")
    path = tuple(beside.hex() for beside in _path(leaves, index))
    return Inclusion(index=index, size=len(leaves), path=path)


def _path(leaves: Sequence[bytes], index: int) -> Iterator[bytes]:
    if len(leaves) == 1:
        return
    half = 1 << (len(leaves) - 1).bit_length() - 1
    left, right = leaves[:half], leaves[half:]
    if index < half:
        yield from _path(left, index)
        yield root_of(right)
    else:
        yield from _path(right, index - half)
        yield root_of(left)
