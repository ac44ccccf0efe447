"""One account to plan on: where nothing was done yet, and where its own archive is in force."""

from __future__ import annotations

from collections.abc import Mapping

from estates import planned
from trailkeep.core.config import Config, build_config
from trailkeep.core.fields import Value
from trailkeep.guard.estate import Caller, Estate, Unasked, estate_of_one_account
from trailkeep.guard.model import apply_all

__all__ = ["ALONE", "account_config", "account_in_force", "account_nothing"]

ALONE = "333333333333"
_CONFIG: dict[str, Value] = {
    "mode": "account",
    "archive.account": ALONE,
    "archive.region": "eu-central-1",
    "archive.bucket": "prod-trail-archive",
}


def account_config(changes: Mapping[str, Value] | None = None) -> Config:
    """Return the configuration of one account that keeps its own history, with some keys changed."""
    return build_config({**_CONFIG, **(changes or {})})


def account_nothing() -> Estate:
    """Return an account in which Trailkeep never ran, seen by its administrator."""
    caller = Caller(account=ALONE, arn=f"arn:aws:sts::{ALONE}:assumed-role/admin/eve", partition="aws")
    return estate_of_one_account(caller, organization=Unasked(), archive_account=ALONE)


def account_in_force() -> Estate:
    """Return the same account after the plan for ``account_config()``."""
    start = account_nothing()
    return apply_all(start, planned(account_config(), start).actions)
