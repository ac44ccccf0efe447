"""How the plan of one account looks."""

from __future__ import annotations

from account_estates import ALONE, account_config, account_in_force, account_nothing
from estates import planned
from trailkeep.cli.plan_view import lines


def test_what_nothing_guards_is_shown_while_something_is_to_be_decided() -> None:
    """One account is told in full what stays possible as long as there is something to do, else in a line."""
    shown = list(lines(planned(account_config(), account_nothing())))
    title = "only Object Lock and the bucket policy guard the archive of one account, no organization policy"
    assert shown[shown.index(title) + 1].startswith(
        f"  - administrators and the root user of {ALONE} can stop"
    )
    assert list(lines(planned(account_config(), account_in_force()))) == [title]
