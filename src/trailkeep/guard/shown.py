"""Which of the policies that guard an archive the probes of ``apply --arm`` have shown to refuse.

Several refuse the same call and AWS names the type of one of them. So a probe shows that one, and not the
others: what no probe shows is said.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from trailkeep.guard.blueprint import Blueprint
from trailkeep.guard.guard_documents import ARCHIVE_RCP, ARCHIVE_SCP, MEMBER_SCP

__all__ = ["ACCEPT_HANDSHAKE", "BUCKET_SAID", "DEREGISTER", "RCP_SAID", "SCP_SAID", "is_wanted", "not_shown"]

SCP_SAID = "service control policy"
RCP_SAID = "resource control policy"
BUCKET_SAID = "resource-based policy"
"""How AWS names the types of policies in an answer."""
ACCEPT_HANDSHAKE = "organizations:AcceptHandshake"
"""Only service control policies can refuse it: those of the archive and of the members both do."""
DEREGISTER = "cloudtrail:DeregisterOrganizationDelegatedAdmin"
"""Only the service control policy of the members refuses it."""


def is_wanted(blueprint: Blueprint, name: str) -> bool:
    """Return whether a guard is asked for."""
    return any(guard.name == name and guard.document for guard in blueprint.guards)


def not_shown(blueprint: Blueprint, refusals: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """Return which policies of an organization's archive no probe has shown.

    ``refusals`` are calls that were refused, each with the type of policy that AWS named, or with nothing.
    """
    if not blueprint.is_of_organization:
        return ()
    shown = {*_shown(blueprint, refusals)}
    return tuple(
        f"{what}: no answer names it, because others refuse the same calls and AWS names one; "
        "'trailkeep plan' compares what it says with what it must say"
        for what in _asked(blueprint)
        if what not in shown
    )


def _asked(blueprint: Blueprint) -> Iterator[str]:
    yield from (name for name in (ARCHIVE_SCP, MEMBER_SCP, ARCHIVE_RCP) if is_wanted(blueprint, name))
    yield _BUCKET


def _shown(blueprint: Blueprint, refusals: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Yield what each answer can only come from; the members' policy says nothing of S3."""
    for call, named in refusals:
        if named == SCP_SAID:
            if call == DEREGISTER:
                yield MEMBER_SCP
            elif call != ACCEPT_HANDSHAKE or not is_wanted(blueprint, MEMBER_SCP):
                yield ARCHIVE_SCP
        elif named == RCP_SAID:
            yield ARCHIVE_RCP
        elif named == BUCKET_SAID:
            yield _BUCKET


_BUCKET = "the bucket policy"
