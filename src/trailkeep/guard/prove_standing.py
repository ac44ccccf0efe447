"""What the state of an archive says about a threat before any policy is asked, in words."""

from __future__ import annotations

from trailkeep.guard.facts import ArchiveFacts, Standing, Stands
from trailkeep.guard.threat import Fact, Threat

__all__ = ["done_already", "why_absent", "why_refused"]

_USABLE = frozenset({"", "Enabled"})
_LOST_KEY = frozenset({"disable-key", "destroy-key"})


def why_absent(stand: Standing) -> str:
    """Return why a threat is none to this archive."""
    words = {
        Fact.GOVERNANCE: "new logs are not locked in governance mode",
        Fact.OBJECT_LOCK: "the bucket has no Object Lock, so no legal hold",
        Fact.CUSTOMER_KEY: "the logs are encrypted with S3's own keys; there is no key of a customer",
        Fact.FEED: "the trail feeds no topic and no log group",
        Fact.DELEGATED_TRAIL: "no account is delegated administrator of CloudTrail",
        Fact.REGIONAL_NAME: "the name of the bucket cannot be registered by others",
        Fact.DEFAULT_REGION: "the region cannot be disabled",
    }
    return "; ".join(words.get(fact, f"not so: {fact.value}") for fact in stand.facts)


def why_refused(stand: Standing) -> str:
    """Return why AWS refuses it, whatever the policies say; empty where it does not."""
    if stand.stands is not Stands.REFUSED:
        return ""
    if stand.facts == (Fact.GOVERNANCE,):
        return "the lock in governance mode asks for s3:BypassGovernanceRetention as well"
    words = {
        Fact.COMPLIANCE: "Object Lock in compliance mode refuses it to everybody until the retention ends",
        Fact.OBJECT_LOCK: "Object Lock refuses it",
        Fact.DEFAULT_REGION: "AWS refuses it in a region that is enabled by default",
        Fact.REGIONAL_NAME: "a name in the account's regional namespace cannot be registered by others",
    }
    return "; ".join(words.get(fact, fact.value) for fact in stand.facts if fact is not Fact.GOVERNANCE)


def done_already(threat: Threat, facts: ArchiveFacts) -> str:
    """Return what already happened or happens by itself, where no request is needed any more."""
    if threat.id == "expire-by-lifecycle" and facts.expirations:
        return f"no request is needed: {'; '.join(facts.expirations)}"
    if threat.id in _LOST_KEY and facts.key_state not in _USABLE:
        return f"the key is {facts.key_state} already"
    if threat.id == "suspend-versioning" and facts.versioning == "Suspended":
        return "versioning is suspended already"
    return ""
