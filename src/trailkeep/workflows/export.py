"""``export``: the documents of the blueprint alone, for other tools and for the console."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

from trailkeep.core.config import Config
from trailkeep.core.errors import ConfigError
from trailkeep.guard.blueprint import draw_blueprint
from trailkeep.guard.delivery import Kind, partition_of
from trailkeep.guard.explain import QUOTAS

__all__ = ["Exported", "export_policies"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """One document: the file it belongs into, and its text; ``size`` and ``quota`` count bytes of it."""

    name: str
    kind: Kind
    text: str

    @property
    def size(self) -> int:
        """Bytes of the text as it is; white space counts against the quota."""
        return len(self.text.encode())

    @property
    def quota(self) -> int:
        """The most that AWS takes."""
        return QUOTAS[self.kind]


def export_policies(config: Config, *, minified: bool) -> tuple[Exported, ...]:
    """Return the documents that the configuration asks for.

    Raises:
        ConfigError: the account of the archive is not known yet, and the SCP names it.
    """
    return tuple(_documents(config, minified=minified))


def _documents(config: Config, *, minified: bool) -> Iterator[Exported]:
    account = config.archive.account
    names_account = config.guards.scp or config.archive.encryption == "sse-kms"
    if names_account and not account:
        raise ConfigError(
            "archive.account",
            f"expected 12 digits, because the {'SCP' if config.guards.scp else 'key policy'} "
            "names the account, got ''; "
            "run 'trailkeep apply' to create the account, then write its id",
        )
    partition = partition_of(config.archive.region)
    blueprint = draw_blueprint(config, partition=partition, archive_account=account)
    yield _exported("bucket-policy.json", Kind.BUCKET, blueprint.bucket_policy, minified=minified)
    if blueprint.key_policy:
        yield _exported("key-policy.json", Kind.KEY, blueprint.key_policy, minified=minified)
    if blueprint.scp:
        yield _exported("scp-archive.json", Kind.SCP, blueprint.scp, minified=minified)


def _exported(name: str, kind: Kind, text: str, *, minified: bool) -> Exported:
    pretty = text if minified else json.dumps(json.loads(text), indent=2)
    return Exported(name=name, kind=kind, text=pretty)
