"""``plan``: what would have to change, decided on what was observed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from trailkeep.core.config import Config
from trailkeep.guard.blueprint import blueprint_for
from trailkeep.guard.decisions import Allowance
from trailkeep.guard.estate import Estate
from trailkeep.guard.irreversible import Sheet, irreversibility_sheet
from trailkeep.guard.plan import Plan
from trailkeep.guard.plan import plan as decide

__all__ = ["Observe", "plan", "sheet_of"]

Observe = Callable[[], Estate]


def plan(
    config: Config, estate: Estate, *, allow: frozenset[Allowance] = frozenset(), arm: bool = False
) -> Plan:
    """Return the plan that makes the estate what the configuration asks for; what arms it waits for ``arm``.

    Raises:
        UsageError: the credentials or the organization are not those of the configuration.
        ConfigError: the configuration asks for what no action can bring about.
    """
    return decide(blueprint_for(config, estate), estate, allow=allow, arm=arm)


def sheet_of(config: Config, estate: Estate, proposed: Plan, *, now: datetime, price: float) -> Sheet:
    """Return what is final after a plan that arms; nothing is measured, so its cost is not known."""
    return irreversibility_sheet(
        blueprint_for(config, estate), estate, proposed.actions, now=now, gb_month_usd=price
    )
