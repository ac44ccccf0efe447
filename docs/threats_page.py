"""The page of the threats, written from the catalogue by docs/generate.py."""

from __future__ import annotations

from collections.abc import Iterator

from trailkeep.guard.actions import table_date
from trailkeep.guard.threat import Attacker, Control, Effect, Fact, Family, Threat
from trailkeep.guard.threats import HARMLESS, THREATS

__all__ = ["threats"]

_FAMILIES = {
    Family.LOGS: "The logs",
    Family.BUCKET: "The bucket",
    Family.PATHS: "Other paths to the logs",
    Family.KEY: "The key",
    Family.TRAIL: "The trail",
    Family.ORGANIZATION: "The organization",
    Family.RECORDS: "What the records say",
}
_EFFECTS = {
    Effect.DELETE: "evidence is destroyed",
    Effect.ALTER: "evidence is changed",
    Effect.BLIND: "evidence is there or is made, and nobody sees it",
    Effect.STOP: "no more evidence arrives",
    Effect.INJECT: "false evidence appears among the true",
    Effect.EXPOSE: "others read it",
}
_ATTACKERS = {
    frozenset({Attacker.ARCHIVE_ROOT, Attacker.ARCHIVE_IAM}): "the archive account",
    frozenset({Attacker.MEMBER_ROOT, Attacker.MEMBER_IAM}): "other member accounts",
    frozenset({Attacker.MANAGEMENT_ROOT, Attacker.MANAGEMENT_IAM}): "the management account",
    frozenset({Attacker.DELEGATE}): "delegated administrators",
    frozenset({Attacker.OUTSIDER}): "other organizations and anonymous callers",
    frozenset({Attacker.SERVICE_LINKED_ROLE}): "service-linked roles",
    frozenset({Attacker.OTHER_TRAIL}): "CloudTrail for another trail",
}
"""No threat has only root, or only users and roles, of an account."""
_CONTROLS = {
    Control.ARCHIVE_SCP: "SCP on the archive account",
    Control.ORGANIZATION_SCP: "SCP on the root",
    Control.RCP: "RCP on the archive account",
    Control.BUCKET_POLICY: "bucket policy",
    Control.KEY_POLICY: "key policy",
    Control.OBJECT_LOCK: "Object Lock",
    Control.SERVICE: "AWS's own rule",
}
_FACTS = {
    Fact.OBJECT_LOCK: "the bucket has Object Lock",
    Fact.COMPLIANCE: "the default retention is in compliance mode",
    Fact.GOVERNANCE: "the default retention is in governance mode",
    Fact.VERSIONING: "the bucket has versioning",
    Fact.NO_EXPIRATION: "no lifecycle rule expires logs",
    Fact.CUSTOMER_KEY: "the archive has a KMS key of its own",
    Fact.REGIONAL_NAME: "the bucket's name is in the account's regional namespace",
    Fact.DEFAULT_REGION: "the bucket's region is enabled by default",
    Fact.FEED: "the trail has a topic or a log group",
    Fact.DELEGATED_TRAIL: "CloudTrail has a delegated administrator",
}


def threats(notice: str) -> Iterator[str]:
    """Yield the lines of the page."""
    yield from ("# Threats to the archive", "", notice)
    yield from _introduction()
    yield from ("| effect | what it means |", "| --- | --- |")
    yield from (f"| {effect.value} | {meaning} |" for effect, meaning in _EFFECTS.items())
    yield from ("", "| threat | what | effect | policies decide |", "| --- | --- | --- | --- |")
    for each in THREATS:
        yield f"| [`{each.id}`](#{each.id}) | {each.title} | {each.effect.value} | {_decided(each)} |"
    yield ""
    for family, title in _FAMILIES.items():
        yield from (f"## {title}", "")
        for each in THREATS:
            if each.family is family:
                yield from _threat(each)
    yield from _harmless()


def _introduction() -> Iterator[str]:
    yield f"{len(THREATS)} known ways to destroy, change, blind, stop or forge the logs of an archive: the"
    yield "calls that each needs, who could make them, what stops them and what remains. Where a threat has"
    yield "several calls, each suffices; calls that are joined by *and* are all needed. An account is its"
    yield "root user, its users and its roles; accounts other than the archive's get at the bucket only where"
    yield "its policy lets them."
    yield ""
    yield "*Bound by no policy* are callers whom neither an SCP, an RCP nor the policy of the resource can"
    yield "refuse: see [What is not protected](../explanation/what-is-not-protected.md). Service-linked roles"
    yield "are AWS's own; nobody can assume them."
    yield ""


def _decided(threat: Threat) -> str:
    if not threat.is_decidable:
        return "no"
    return "for some callers" if threat.unbound - {Attacker.SERVICE_LINKED_ROLE} else "yes"


def _threat(threat: Threat) -> Iterator[str]:
    yield from (f"### {threat.id}", "", f"**{threat.title}** ({threat.effect.value}).", threat.technique, "")
    rows = {
        "who could": _named(threat.attackers),
        "calls": "<br>".join(_calls(threat)),
        "only where": "; ".join(_FACTS[fact] for fact in threat.given),
        "refused where": "; ".join(_FACTS[fact] for fact in threat.refused_when),
        "layers": ", ".join(_CONTROLS[control] for control in threat.controls),
        "what stops it": threat.stops,
        "bound by no policy": _named(threat.unbound),
        "what remains": threat.remains,
        "what to do": "; ".join(threat.remedies),
        "MITRE ATT&CK": ", ".join(map(_technique, threat.mitre)),
        "sources": ", ".join(f"[{source.title}]({source.url})" for source in threat.sources),
    }
    yield from ("| | |", "| --- | --- |")
    yield from (f"| {name} | {text} |" for name, text in rows.items() if text)
    yield ""


def _named(attackers: frozenset[Attacker]) -> str:
    if attackers == {*Attacker}:
        return "anybody"
    return ", ".join(name for each, name in _ATTACKERS.items() if each <= attackers)


def _calls(threat: Threat) -> Iterator[str]:
    """Yield the ways: those of one call by what they act on, the others one by one."""
    singles: dict[str, list[str]] = {}
    for way in threat.ways:
        if len(way) == 1:
            singles.setdefault(way[0].target.value, []).append(f"`{way[0].action}`")
        else:
            yield " and ".join(
                f"`{call.action}` on `{call.target}`{' in an account of their own' * call.elsewhere}"
                for call in way
            )
    yield from (f"{', '.join(actions)} on `{target}`" for target, actions in singles.items())


def _technique(number: str) -> str:
    return f"[{number}](https://attack.mitre.org/techniques/{number.replace('.', '/')}/)"


def _harmless() -> Iterator[str]:
    yield from ("## Actions that are no threat", "")
    yield "Every other action of S3, KMS, CloudTrail, Organizations, Account and STS that changes something,"
    yield "and of IAM, SNS and CloudWatch Logs where it acts on what a trail uses, with the reason. The table"
    yield f"is AWS's reference of {table_date()}. What AWS adds later is unknown: only a Deny by `NotAction`"
    yield "covers it."
    yield from ("", "| why | actions |", "| --- | --- |")
    for reason in dict.fromkeys(HARMLESS.values()):
        listed = (f"`{action}`" for action, why in HARMLESS.items() if why == reason)
        yield f"| {reason} | {', '.join(listed)} |"
    yield ""
