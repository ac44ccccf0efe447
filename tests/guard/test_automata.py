"""The walk over all patterns: it misses no combination that a text has, and invents none."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from trailkeep.guard.automata import (
    ANY,
    ANYTHING,
    NO_COLON,
    ONE_OR_MORE,
    Chars,
    Many,
    Pattern,
    accepts,
    literal,
    representatives,
    within,
)
from trailkeep.guard.matching import arn_matches, glob_matches, parts
from trailkeep.guard.symbolic_patterns import arn_pattern, glob

_globs = st.text("ab:*?", max_size=6)
_texts = st.text("abcé:", max_size=6)


def _glob(text: str) -> Pattern:
    return glob(part for part in parts(text, variables=False) if not hasattr(part, "default"))


def _signature(patterns: tuple[Pattern, ...], text: str) -> tuple[bool, ...]:
    return tuple(accepts(pattern, text) for pattern in patterns)


@given(_globs, _texts)
def test_a_glob_means_the_same_here_as_in_the_evaluator(pattern: str, text: str) -> None:
    """The automaton of a glob accepts what the evaluator's glob matches."""
    symbols = tuple(part for part in parts(pattern, variables=False) if not hasattr(part, "default"))
    assert accepts(_glob(pattern), text) is glob_matches(symbols, text)


@given(st.lists(st.text("ab*?", max_size=2), min_size=6, max_size=6), st.text("abc:", max_size=14))
def test_an_arn_pattern_means_the_same_here_as_in_the_evaluator(segments: list[str], rest: str) -> None:
    """The automaton of an ARN pattern accepts the ARNs that the evaluator's pattern matches."""
    pattern, name = ":".join(segments), f"arn:{rest}"
    found = arn_pattern(pattern, lambda _: None, variables=False)
    assert found is not None
    is_arn = arn_matches("*:*:*:*:*:*", name, lambda _: None, variables=False) is True
    matches = arn_matches(pattern, name, lambda _: None, variables=False) is True
    assert (accepts(found, name) and is_arn) is matches


@given(st.lists(_globs, max_size=4), _globs, _texts)
def test_no_combination_is_missing(globs: list[str], language: str, text: str) -> None:
    """Whatever a text of the language matches, one of the found texts matches the same."""
    patterns = tuple(_glob(each) for each in globs)
    found = representatives(patterns, (_glob(language),))
    assert found is not None
    if accepts(_glob(language), text):
        assert _signature(patterns, text) in {_signature(patterns, each) for each in found}


@given(st.lists(_globs, max_size=4), _globs, _globs)
def test_no_combination_is_invented(globs: list[str], language: str, excluded: str) -> None:
    """Every found text is of the language and not excluded, and no two match the same."""
    patterns = tuple(_glob(each) for each in globs)
    found = representatives(patterns, (_glob(language),), (_glob(excluded),))
    assert found is not None
    assert all(accepts(_glob(language), each) and not accepts(_glob(excluded), each) for each in found)
    assert len({_signature(patterns, each) for each in found}) == len(found)


def test_the_shortest_text_comes_first() -> None:
    """A witness is as short as it can be."""
    assert representatives((literal("a"),), (ANYTHING,)) == ("", "a")
    assert representatives(((*literal("ab"), Many(ANY)),), (ONE_OR_MORE,)) == ("x", "ab")


def test_characters_beyond_ascii_are_tried() -> None:
    """Where every ASCII character is taken, one beyond ASCII is found."""
    ascii_only: Pattern = (Chars(frozenset(map(chr, range(128)))),)
    found = representatives((ascii_only,), ((ANY,),))
    assert found is not None
    assert [each.isascii() for each in found] == [True, False]


def test_a_set_without_colons_stays_without() -> None:
    """Narrowing a pattern narrows its wildcards."""
    assert not accepts(within(ANYTHING, NO_COLON), "a:b")
    assert accepts(within(ANYTHING, NO_COLON), "ab")


def test_the_walk_is_bounded() -> None:
    """Patterns with too many states are given up, not walked for ever."""
    patterns = tuple(_glob(f"*a{'?' * index}b*{'?' * index}a*") for index in range(1, 14))
    assert representatives(patterns, (ANYTHING,)) is None
