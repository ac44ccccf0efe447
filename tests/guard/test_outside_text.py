"""Text that somebody else wrote never ends a plan with anything but a plan, and never with one that passes."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from estates import config, in_force, planned, with_facts
from trailkeep.core.errors import UsageError
from trailkeep.core.verdict import ExitCode
from trailkeep.guard.authorship_questions import questions
from trailkeep.guard.blueprint import blueprint_for
from trailkeep.guard.decisions import Allowance
from trailkeep.guard.estate import decode_estate
from trailkeep.guard.plan_lifecycle import archivings, costly_moves, early_expirations, read_rules
from trailkeep.guard.selectors import read
from trailkeep.workflows.authorship import find_authors

_ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["Enabled", "AWSLogs/", "GLACIER", "x"]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(["Prefix", "And", "Days", "Date", "StorageClass"]), inner, max_size=3
        )
    ),
    max_leaves=6,
)
_RULES = st.lists(
    st.dictionaries(
        st.sampled_from(
            [
                "ID",
                "Status",
                "Filter",
                "Prefix",
                "Expiration",
                "NoncurrentVersionExpiration",
                "Transitions",
                "NoncurrentVersionTransitions",
            ]
        ),
        _ODD,
        max_size=6,
    )
    | _ODD,
    max_size=3,
)
_DEEP = "[" * 100_000
_JUST_READ = "[" * 600 + "]" * 600


@given(_RULES)
def test_lifecycle_of_any_shape(rules: list[Any]) -> None:
    """Whatever is in the place of the lifecycle rules, it is planned, and what is not S3's is a concern."""
    text = json.dumps(rules)
    plan = planned(config(), with_facts(in_force(), {"bucket.lifecycle": text}), *Allowance)
    if read_rules(text) is None:
        assert plan.exit_code == ExitCode.FOUND
        assert [one.observed for one in plan.concerns] == [
            "it has lifecycle rules that are no JSON list of S3's rules"
        ]
    assert all(isinstance(one, str) for one in [*archivings(text, 400), *costly_moves(text, "")])


@pytest.mark.parametrize("text", [_DEEP, _JUST_READ, "[{}, 1]", "{}", "", "[NaN]"])
@pytest.mark.parametrize(
    "fact",
    [
        "bucket.lifecycle",
        "bucket.policy",
        "trails.0.event_selectors",
        "trails.0.insight_selectors",
        "service_control_policies.1.content",
        "resource_control_policies.0.content",
    ],
)
def test_text_that_cannot_be_read(fact: str, text: str) -> None:
    """A text that nobody can read, too deep or not of its kind, never passes."""
    facts: dict[str, Any] = {fact: text}
    if fact == "trails.0.event_selectors":
        facts["trails.0.has_custom_event_selectors"] = True
    if (fact, text) == ("trails.0.event_selectors", "{}"):
        return  # an answer without selectors, which is none of ours
    assert planned(config(), with_facts(in_force(), facts)).exit_code == ExitCode.FOUND


def test_lifecycle_without_end() -> None:
    """Lifecycle rules that nest without end are a concern, not the end."""
    assert [*early_expirations(_DEEP, 400)] == ["it has lifecycle rules that are no JSON list of S3's rules"]
    assert read(_DEEP) is None


def test_estate_without_end() -> None:
    """An estate file that nests without end is refused in one line."""
    with pytest.raises(UsageError, match="estate file: expected a document of"):
        decode_estate(b'{"trailkeep":{"schema":"estate/1","more":' + _DEEP.encode())


@pytest.mark.parametrize("text", [_DEEP, "[1]", "NaN", "{", None])
def test_event_without_end(text: str | None) -> None:
    """An event with parameters that nobody can read names nobody, and changes no outcome."""
    estate = with_facts(in_force(), {"trails.0.status.is_logging": False})
    row = {
        "event_time": datetime(2026, 1, 2, tzinfo=UTC),
        "event_id": "event",
        "event_source": "cloudtrail.amazonaws.com",
        "event_name": "StopLogging",
        "recipient_account_id": "111111111111",
        "aws_region": "eu-central-1",
        "source_ip_address": "198.51.100.7",
        "user_identity_arn": "arn:aws:iam::111111111111:user/mallory",
        "user_identity_principal_id": None,
        "user_identity_invoked_by": None,
        "user_identity_access_key_id": None,
        "request_parameters": text,
        "response_elements": text,
    }
    asked = [*questions(planned(config(), estate), blueprint_for(config(), estate))]
    found = find_authors(asked, lambda _search, _columns: [row])
    assert (found.authors, found.unnamed) == ((), (("trail.start", ""),))
