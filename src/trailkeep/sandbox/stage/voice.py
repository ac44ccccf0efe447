"""A caller with one set of credentials in one account, and what it says to AWS.

Whoever speaks (person, pipeline, machine, service, intruder) speaks through a ``Voice``; it turns a call into
the record that CloudTrail files in the account.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

from trailkeep.sandbox.stage.dice import Dice
from trailkeep.sandbox.stage.identities import Identity
from trailkeep.sandbox.stage.premises import Premises
from trailkeep.sandbox.stage.shape import Activity
from trailkeep.sandbox.stage.templates import Call, Style

__all__ = ["Voice", "moment_of", "stamp_of"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NOTHING: Mapping[str, str] = MappingProxyType({})
_EXCHANGES = ("", "", ',"keyExchange":"x25519"', ',"keyExchange":"X25519MLKEM768"')


def moment_of(at: int) -> datetime:
    """Return epoch second ``at`` as an aware UTC datetime."""
    return _EPOCH + timedelta(seconds=at)


def stamp_of(at: int) -> str:
    """Return epoch second ``at`` as ``eventTime`` is written."""
    return moment_of(at).isoformat()[:19] + "Z"


class Voice:
    """One caller in one account and region.

    ``region`` is where its regional calls go; a call that AWS records globally keeps its own. ``ends_at`` is
    the epoch second at which its credentials expire (0: never).
    """

    __slots__ = ("_dice", "_facts", "_mints", "_style", "ends_at", "identity", "premises", "region")

    def __init__(
        self,
        *,
        premises: Premises,
        region: str,
        identity: Identity,
        ip: str,
        agent: str,
        dice: Dice,
        style: Style = Style.DIRECT,
        ends_at: int = 0,
        facts: Mapping[str, str] = _NOTHING,
    ) -> None:
        self.premises = premises
        self.region = region
        self.identity = identity
        self.ends_at = ends_at
        self._style = style
        self._dice = dice
        self._mints = style is Style.CONSOLE and bool(identity.access_key)
        self._facts = {
            "account": premises.account_id,
            "agent": agent,
            "arn": identity.arn,
            "endpoint": "vpce-0" + dice.hex(16),
            "exchange": dice.pick(_EXCHANGES),
            "identity": identity.json,
            "ip": ip,
            "shared": "",
            **facts,
        }

    @property
    def ip(self) -> str:
        """The address it calls from."""
        return self._facts["ip"]

    @property
    def agent(self) -> str:
        """The user agent it names."""
        return self._facts["agent"]

    def say(self, call: Call, at: int, more: Mapping[str, str] = _NOTHING) -> Activity:
        """Return the record of ``call`` made at epoch second ``at``; ``more`` overrides chance."""
        dice = self._dice
        region = call.region or self.region
        moment = _EPOCH + timedelta(seconds=at)
        facts = self._facts.copy()
        facts["region"] = region
        facts["time"] = moment.isoformat()[:19] + "Z"
        facts["event"] = dice.uuid()
        facts["request"] = dice.s3_request_id() if call.is_s3 else dice.uuid()
        if call.invoked_by:
            facts["ip"] = facts["agent"] = call.invoked_by
            facts["identity"] = self.identity.through(call.invoked_by)
        elif self._mints:
            facts["identity"] = self._minted()
        facts.update(more)
        for place in call.needs:
            if place not in facts:
                facts[place] = self.premises.draw(place, region, dice, at)
        record = (call.texts[self._style] % facts).encode()
        return Activity(account_id=self.premises.account_id, region=region, occurred_at=moment, record=record)

    def _minted(self) -> str:
        """Return the identity with a new key: the console draws one for each request of a session."""
        key = self._dice.access_key("ASIA", self.identity.account_id)
        return self.identity.json.replace(self.identity.access_key, key, 1)
