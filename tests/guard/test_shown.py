"""Which policies the answers to probes can only have come from."""

from __future__ import annotations

import pytest

from account_estates import account_config
from estates import config
from trailkeep.guard.blueprint import draw_blueprint
from trailkeep.guard.shown import ACCEPT_HANDSHAKE, BUCKET_SAID, DEREGISTER, RCP_SAID, SCP_SAID, not_shown

ALL = ["trailkeep-archive", "trailkeep-organization", "trailkeep-archive-resources", "the bucket policy"]


@pytest.mark.parametrize(
    ("call", "named", "shown"),
    [
        ("s3:PutObject", SCP_SAID, 0),
        (DEREGISTER, SCP_SAID, 1),
        ("s3:PutObject", RCP_SAID, 2),
        ("s3:PutObject", BUCKET_SAID, 3),
        (ACCEPT_HANDSHAKE, SCP_SAID, None),
        ("s3:PutObject", "", None),
        ("s3:PutObject", "identity-based policy", None),
    ],
)
def test_an_answer_shows_one_policy_at_most(call: str, named: str, shown: int | None) -> None:
    """A handshake is refused by both service control policies, so it shows neither of them."""
    blueprint = draw_blueprint(config(), partition="aws", archive_account="222222222222")
    left = [line.split(":")[0] for line in not_shown(blueprint, [(call, named)])]
    assert left == [name for number, name in enumerate(ALL) if number != shown]


def test_the_only_service_control_policy() -> None:
    """Where the members have none, a refused handshake shows the archive's; what is not asked for is not said."""
    asked = config({"guards.member_scp": False, "guards.rcp": False})
    blueprint = draw_blueprint(asked, partition="aws", archive_account="222222222222")
    [left] = not_shown(blueprint, [(ACCEPT_HANDSHAKE, SCP_SAID)])
    assert left.startswith("the bucket policy: no answer names it")


def test_one_account_has_no_guards() -> None:
    """In the archive of one account the bucket policy alone refuses, and nothing hides it."""
    blueprint = draw_blueprint(account_config(), partition="aws", archive_account="333333333333")
    assert not_shown(blueprint, []) == ()
