"""Tables of resources: every resource of a question agrees with one of the rows."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trailkeep.core.errors import UsageError
from trailkeep.guard.matching import Lookup, resource_matches
from trailkeep.guard.symbolic_resources import Covers, NeedsPolicy, resource_table

_PATTERNS = (
    "*",
    "arn:aws:s3:::b",
    "arn:aws:s3:::b/*",
    "arn:aws:s3:::b/a?",
    "arn:aws:s3:::*/a*b",
    "arn:*:s3:*:*:?/*",
    "arn:aws:s3",
    "arn:aws:s3:::b/${aws:username}",
    "arn:aws:s3:::b/${aws:username}/*",
    "arn:aws:s3:::b/${my:key}a",
    "arn:aws:s3:::b/${my:key, 'a'}",
    "arn:aws:s3:::b/${*}",
    "arn:aws:kms:*:*:key/*",
)
_QUESTIONS = (
    "arn:aws:s3:::b/*",
    "arn:aws:s3:::b",
    "arn:aws:s3:::?/*",
    "arn:aws:kms:eu-central-1:222222222222:*",
    "*",
)
_BOUND: dict[str, tuple[tuple[str, str | None], ...]] = {
    "all": (("aws:username", "a"), ("my:key", "b")),
    "absent": (("aws:username", None),),
    "none": (),
}

_listed = st.lists(st.sampled_from(_PATTERNS), min_size=1, max_size=3).map(tuple)
_names = st.text("ab/*:", min_size=1, max_size=4)
_atoms = st.one_of(
    st.builds(Covers, _listed, st.just(()), st.booleans()),
    st.builds(Covers, st.just(()), _listed, st.booleans()),
)


def _truth(atom: Covers, resource: str, lookup: Lookup) -> bool:
    """Decide as ``evaluate`` does."""
    listed = atom.resources or atom.not_resources
    found = [resource_matches(each, resource, lookup, variables=atom.variables) for each in listed]
    return all(same is False for same in found) if atom.not_resources else any(found)


@given(
    question=st.sampled_from(_QUESTIONS),
    atoms=st.lists(_atoms, max_size=4),
    name=_names,
    bound=st.sampled_from(sorted(_BOUND)),
    values=st.dictionaries(
        st.sampled_from(["aws:username", "my:key"]), st.sampled_from(["a", "b", "", "a/b", "*"])
    ),
)
def test_every_resource_agrees_with_a_row(
    question: str, atoms: list[Covers], name: str, bound: str, values: dict[str, str]
) -> None:
    """Whatever resource is asked about, a row says the same of it, or leaves it open."""
    bindings = _BOUND[bound]
    known = {**values, **{key: value for key, value in bindings if value is not None}}
    for key in [key for key, value in bindings if value is None]:
        known.pop(key, None)
    resource = question if question == "*" else question.replace("*", name).replace("?", "c")
    table = resource_table((question,), tuple(atoms), bindings)
    assert table is not None
    truths = [_truth(atom, resource, known.get) for atom in atoms]
    assert any(
        all(given_truth in {None, truth} for given_truth, truth in zip(row, truths, strict=True))
        for _, row in table
    )


def test_resources_of_a_table_are_of_the_question() -> None:
    """A name after a slash is never empty, and an action without resource is asked about a star."""
    asked = (Covers(("arn:aws:s3:::b/a*",), (), variables=False),)
    table = resource_table(("arn:aws:s3:::b/*", "*"), asked, ())
    assert table == (("arn:aws:s3:::b/x", (False,)), ("arn:aws:s3:::b/a", (True,)))
    assert resource_table(("*",), asked, ()) == (("*", (False,)),)


def test_keys_and_roles_need_their_policy() -> None:
    """Only keys, and roles where they are assumed, need a policy that names the caller."""
    key, role = "arn:aws:kms:eu-central-1:222222222222:key/k", "arn:aws:iam::222222222222:role/r"
    asked = (NeedsPolicy(is_trust=False), NeedsPolicy(is_trust=True))
    assert resource_table((key,), asked, ()) == ((key, (True, True)),)
    assert resource_table((role,), asked, ()) == ((role, (False, True)),)
    assert resource_table((f"{key[:-5]}alias/k",), asked, ()) == ((f"{key[:-5]}alias/k", (False, False)),)


def test_a_question_is_about_whole_arns() -> None:
    """Half an ARN is no pattern of a question."""
    with pytest.raises(UsageError, match="an ARN with six segments, got 'arn:aws:s3'; write all six"):
        resource_table(("arn:aws:s3",), (), ())
