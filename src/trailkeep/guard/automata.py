"""Which strings can be told apart by a set of patterns: one shortest string for every way to match them.

A ``Pattern`` is a sequence of characters to read, each given as the set it may be from, with repetitions of a
set between them; every glob, exact text and ARN pattern of the policy language is one. All patterns run side
by side over the same text: the state is one integer, with a bit for every position reached in every pattern,
and a step reads one character. Characters that no pattern tells apart are tried once. The walk visits every
reachable state, shortest texts first, so it finds each combination of matching patterns that any text has,
and nothing else.

    >>> representatives((literal("ab"), (*literal("a"), Many(ANY))), (ONE_OR_MORE,))
    ('x', 'a', 'ab')

Pure; the number of states is bounded, and None says that the bound was reached.
"""

from __future__ import annotations

import string
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

__all__ = [
    "ANY",
    "ANYTHING",
    "DIGIT",
    "NO_COLON",
    "ONE_OR_MORE",
    "Chars",
    "Many",
    "Pattern",
    "accepts",
    "literal",
    "literal_char",
    "representatives",
    "within",
]

MAX_STATES = 20_000
"""How many states one walk may visit."""

_CACHED = 4096
_PREFERRED = "x9" + string.ascii_lowercase + string.digits + string.ascii_uppercase


@dataclass(frozen=True, slots=True)
class Chars:
    """A set of characters: those of ``only`` (None: all there are) except those of ``but``."""

    only: frozenset[str] | None = None
    but: frozenset[str] = frozenset()

    def __contains__(self, char: object) -> bool:
        return char not in self.but and (self.only is None or char in self.only)

    def __and__(self, other: Chars) -> Chars:
        if self.only is None or other.only is None:
            only = other.only if self.only is None else self.only
        else:
            only = self.only & other.only
        return Chars(only, self.but | other.but)

    def covers(self, other: Chars) -> bool:
        """Say whether every character of ``other`` is in this set."""
        if other.only is not None:
            return all(char in self for char in other.only - other.but)
        return self.only is None and self.but <= other.but


@dataclass(frozen=True, slots=True)
class Many:
    """Any number of characters of one set, none included."""

    chars: Chars


Pattern = tuple[Chars | Many, ...]

ANY = Chars()
NO_COLON = Chars(but=frozenset(":"))
DIGIT = Chars(frozenset(string.digits))
ANYTHING: Pattern = (Many(ANY),)
ONE_OR_MORE: Pattern = (ANY, Many(ANY))


@lru_cache(maxsize=_CACHED)
def literal_char(char: str) -> Chars:
    """Return the set of one character."""
    return Chars(frozenset(char))


def literal(text: str) -> Pattern:
    """Return the pattern of exactly this text."""
    return tuple(literal_char(char) for char in text)


def within(pattern: Pattern, chars: Chars) -> Pattern:
    """Return the pattern whose characters are all from ``chars`` as well."""
    return tuple(Many(piece.chars & chars) if isinstance(piece, Many) else piece & chars for piece in pattern)


def accepts(pattern: Pattern, text: str) -> bool:
    """Say whether the whole text matches.

    >>> accepts((*literal("a"), Many(ANY), *literal("c")), "abbc")
    True
    """
    machine = _machine((pattern,))
    state = machine.start
    for char in text:
        state = machine.step(state, *machine.masks(char))
    return bool(state & machine.ends[0])


@lru_cache(maxsize=_CACHED)
def representatives(
    separators: tuple[Pattern, ...], language: tuple[Pattern, ...], excluded: tuple[Pattern, ...] = ()
) -> tuple[str, ...] | None:
    """Return one text for every combination of separators that a text of the language can match.

    Args:
        separators: the patterns to tell texts apart by.
        language: the texts there are: those that match at least one of these.
        excluded: the texts there are not: those that match one of these.

    Returns:
        Texts, shortest first: every text of the language matches exactly the separators that one of them
        matches. None when there are more than ``MAX_STATES`` states.
    """
    machine = _machine((*separators, *language, *excluded))
    ends = [machine.ends[: len(separators)], machine.ends[len(separators) :][: len(language)]]
    telling, accepting = (sum(each) for each in ends)
    rejecting = sum(machine.ends) - telling - accepting
    alive = machine.span(len(separators), len(separators) + len(language))
    found: dict[int, str] = {}
    for count, (state, text) in enumerate(machine.walk(alive)):
        if count >= MAX_STATES:
            return None
        if state & accepting and not state & rejecting:
            found.setdefault(state & telling, text)
    return tuple(found.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class _Machine:
    """Patterns side by side: bit *i* of a state says that position *i* of its pattern was reached.

    Attributes:
        start: the state before the first character.
        starts: the lowest bit of each pattern, and one beyond the last.
        ends: the accepting bit of each pattern.
        reads: each set of characters that is read to reach the next position, with the positions it reads at.
        stays: each set of characters that is repeated, with the positions it is repeated at.
    """

    start: int
    starts: tuple[int, ...]
    ends: tuple[int, ...]
    reads: tuple[tuple[Chars, int], ...]
    stays: tuple[tuple[Chars, int], ...]

    def masks(self, char: str) -> tuple[int, int]:
        """Return the positions at which a character is read, and at which it is repeated."""
        return _union(self.reads, char), _union(self.stays, char)

    def step(self, state: int, read: int, stay: int) -> int:
        return ((state & read) << 1) | (state & stay)

    def span(self, first: int, end: int) -> int:
        """Return all positions of the patterns from ``first`` to before ``end``."""
        return (1 << self.starts[end]) - (1 << self.starts[first])

    def walk(self, alive: int) -> Iterator[tuple[int, str]]:
        """Yield every state that a text leads to, with a shortest text; none without a bit of ``alive``."""
        alphabet = [(char, *self.masks(char)) for char in self.alphabet()]
        seen = {self.start}
        queue = deque([(self.start, "")])
        while queue:
            state, text = queue.popleft()
            yield state, text
            for char, read, stay in alphabet:
                following = ((state & read) << 1) | (state & stay)
                if following not in seen and following & alive:
                    seen.add(following)
                    queue.append((following, text + char))

    def alphabet(self) -> Iterable[str]:
        """Return one character for each kind that the patterns tell apart."""
        sets = {chars for chars, _ in (*self.reads, *self.stays)}
        written = {char for chars in sets for char in (*(chars.only or ()), *chars.but)}
        kinds: dict[tuple[int, int], str] = {}
        outsider = next(char for char in map(chr, range(ord("é"), 0xD800)) if char not in written)
        for char in (*_PREFERRED, *string.punctuation, " ", outsider, *sorted(written)):
            kinds.setdefault(self.masks(char), char)
        return kinds.values()


def _union(masks: Iterable[tuple[Chars, int]], char: str) -> int:
    found = 0
    for chars, mask in masks:
        if char in chars:
            found |= mask
    return found


@lru_cache(maxsize=_CACHED)
def _machine(patterns: tuple[Pattern, ...]) -> _Machine:
    reads: dict[Chars, int] = {}
    stays: dict[Chars, int] = {}
    starts = [0]
    for pattern in patterns:
        position = starts[-1]
        for piece in _merged(pattern):
            masks = stays if isinstance(piece, Many) else reads
            chars = piece.chars if isinstance(piece, Many) else piece
            masks[chars] = masks.get(chars, 0) | (1 << position)
            position += not isinstance(piece, Many)
        starts.append(position + 1)
    return _Machine(
        start=sum(1 << first for first in starts[:-1]),
        starts=tuple(starts),
        ends=tuple(1 << (after - 1) for after in starts[1:]),
        reads=tuple(reads.items()),
        stays=tuple(stays.items()),
    )


def _merged(pattern: Pattern) -> Iterator[Chars | Many]:
    """Yield the pieces with one repetition where several follow each other.

    Raises:
        ValueError: two repetitions in a row of which neither set covers the other: not one of ours.
    """
    pending: Many | None = None
    for piece in pattern:
        if isinstance(piece, Many):
            pending = piece if pending is None else _wider(pending, piece)
            continue
        if pending:
            yield pending
        pending = None
        yield piece
    if pending:
        yield pending


def _wider(one: Many, other: Many) -> Many:
    if one.chars.covers(other.chars):
        return one
    if other.chars.covers(one.chars):
        return other
    raise ValueError(
        f"pattern: expected repetitions of nested sets in a row, got {one} and {other}; split them"
    )
