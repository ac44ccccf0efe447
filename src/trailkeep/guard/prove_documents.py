"""The guards in a folder of policies: what each file is, and what cannot be taken from it.

::

    bucket-policy.json          of the archive's bucket
    key-policy.json             of the key that the logs are encrypted with
    scp*.json, rcp*.json        attached to the archive account
    *-organization.json         of these, attached to the root
    params.json                 names that the policies do not tell

A document that AWS refuses to attach guards nothing: it is left out as one that cannot be read is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from itertools import product

from trailkeep.core.errors import UsageError
from trailkeep.guard.acceptance import QUOTAS, refusals
from trailkeep.guard.delivery import Kind, strings
from trailkeep.guard.evaluate import FULL_AWS_ACCESS
from trailkeep.guard.facts import ArchiveFacts, together
from trailkeep.guard.matching import split_arn
from trailkeep.guard.policy import parse_policy
from trailkeep.guard.prove_accounts import completed, fresh_account, mentions, told_apart
from trailkeep.guard.prove_callers import DELEGATION
from trailkeep.guard.prove_guards import Guard, Guards, Levels, MemberPath
from trailkeep.guard.prove_notes import absent, tried, unsure
from trailkeep.guard.prove_organizations import are_told_apart, fresh_organization, named_organizations
from trailkeep.guard.prove_prefix import written_prefix
from trailkeep.guard.revealed import decode_params, revealed
from trailkeep.guard.threat import Control

__all__ = ["control_of", "document_guards", "possible_names"]

_ON_ROOT = "-organization.json"
_KINDS = {
    Control.ARCHIVE_SCP: Kind.SCP,
    Control.ORGANIZATION_SCP: Kind.SCP,
    Control.RCP: Kind.RCP,
    Control.BUCKET_POLICY: Kind.BUCKET,
    Control.KEY_POLICY: Kind.KEY,
}
_ATTACHED = frozenset({Control.ARCHIVE_SCP, Control.ORGANIZATION_SCP, Control.RCP})
_BUCKET = "archive-bucket"
_MEMBER = "333333333333"
_NOTHING = ArchiveFacts()
_BUCKET_POLICY = Control.BUCKET_POLICY
_OF_ORGANIZATION = frozenset({Control.ARCHIVE_SCP, Control.ORGANIZATION_SCP, Control.RCP})
_PARTITION = re.compile(r"arn:([a-z-]+):")
_FULL = {
    control: Guard(name="FullAWSAccess", control=control, policy=FULL_AWS_ACCESS)
    for control in (Control.ARCHIVE_SCP, Control.ORGANIZATION_SCP)
}


def control_of(name: str) -> Control | None:
    """Return what a file of that name holds; None for one that is no policy of an archive.

    >>> control_of("scp-organization.json").value
    'scp-organization'
    """
    if name == "bucket-policy.json":
        return Control.BUCKET_POLICY
    if name == "key-policy.json":
        return Control.KEY_POLICY
    if name.startswith("scp") and name.endswith(".json"):
        return Control.ORGANIZATION_SCP if name.endswith(_ON_ROOT) else Control.ARCHIVE_SCP
    return Control.RCP if name.startswith("rcp") and name.endswith(".json") else None


def possible_names(files: Mapping[str, bytes | str]) -> tuple[ArchiveFacts, ...]:
    """Return what the names may be that nothing tells: accounts, organization, partition.

    Each is one choice for ``document_guards``; together they are all that the policies can tell apart. A name
    that is left empty is known, or one that no policy names stands for it.
    """
    return tuple(_Reader(files=files).possible())


def document_guards(files: Mapping[str, bytes | str], *, taken: ArchiveFacts = _NOTHING) -> Guards:
    """Return the guards of a folder.

    Args:
        files: the names of its files and what is in them; as text why a file could not be read.
        taken: names to take where nothing in the folder tells them (``possible_names``).

    Raises:
        UsageError: no file is a policy of an archive.
    """
    if not any(map(control_of, files)):
        got = ", ".join(sorted(files)[:5]) or "none"
        raise UsageError(
            "--policies: expected bucket-policy.json, key-policy.json, scp*.json or rcp*.json, "
            f"got {got}; name your files like that"
        )
    return _Reader(files=files).guards(taken)


@dataclass(slots=True, kw_only=True)
class _Reader:
    """Reads one folder; what cannot be read is noted on the way."""

    files: Mapping[str, bytes | str]
    unread: dict[Control, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    documents: list[tuple[Kind, object]] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)

    def possible(self) -> Iterator[ArchiveFacts]:
        found = self.read()
        told = self.told(found)
        named = told_apart(mentions(self.texts))
        is_managed = bool(told.management_account or told.trail)
        known = {told.management_account, (split_arn(told.trail) or ("",) * 6)[4], told.archive_account}
        accounts = ("", *(one for one in named if one not in known))
        for archive, management, organization, partition in product(
            ("",) if told.archive_account or not found else accounts,
            ("",) if is_managed or not found else accounts,
            self.organizations(found, told),
            self.partitions(told),
        ):
            if not archive or archive != management:
                yield ArchiveFacts(
                    archive_account=archive,
                    management_account=management,
                    organization=organization,
                    partition=partition,
                )

    def organizations(self, found: list[Guard], told: ArchiveFacts) -> tuple[str, ...]:
        """Return the ids to try where policies tell organizations apart by their ids alone."""
        named = named_organizations(self.texts)
        is_one_of_them = self.has_organization(found) and not any(set(one) & {"*", "?"} for one in named)
        if told.organization or not named or not is_one_of_them:
            return ("",)
        return (*sorted(named), fresh_organization(self.texts))

    def partitions(self, told: ArchiveFacts) -> tuple[str, ...]:
        named = {found for text in self.texts for found in _PARTITION.findall(text)}
        return ("",) if told.partition or len(named) < 2 else tuple(sorted(named))

    def has_organization(self, found: list[Guard]) -> bool:
        """Say whether there is an organization for sure: SCPs and RCPs are attached in one."""
        return any(guard.control in _OF_ORGANIZATION for guard in found)

    def read(self) -> list[Guard]:
        return [guard for name in sorted(self.files) for guard in self.guard(name)]

    def told(self, found: list[Guard]) -> ArchiveFacts:
        """Return what ``params.json`` and the policies tell."""
        written = next((written_prefix(one.policy) for one in found if one.control is _BUCKET_POLICY), None)
        return together(self.params(), ArchiveFacts(prefix=written), revealed(self.documents))

    def guards(self, taken: ArchiveFacts) -> Guards:
        found = self.read()
        told = self.told(found)
        tells = are_told_apart(
            self.texts, (one.policy for one in found), may_be_none=not self.has_organization(found)
        )
        facts, notes = completed(together(told, taken), self.texts, knows_organization=not tells)
        notes = (
            *tried(told, taken, self.texts),
            *unsure(self.params(), told, [guard.policy for guard in found]),
            *notes,
        )
        facts, notes = self.with_bucket(facts, notes)
        found = [guard for guard in found if self.is_accepted(guard, bucket=facts.bucket)]
        by_control = {control: tuple(one for one in found if one.control is control) for control in Control}
        facts, key_notes = self.with_key(facts, by_control[Control.KEY_POLICY])
        return Guards(
            facts=facts,
            scps=_path(by_control[Control.ORGANIZATION_SCP], by_control[Control.ARCHIVE_SCP]),
            rcps=(by_control[Control.RCP],) if by_control[Control.RCP] else (),
            bucket_policy=self.resource_policy(Control.BUCKET_POLICY, by_control[Control.BUCKET_POLICY]),
            key_policy=self.resource_policy(Control.KEY_POLICY, by_control[Control.KEY_POLICY]),
            members=tuple(self.members(facts, by_control[Control.ORGANIZATION_SCP])),
            unread=self.unread,
            notes=(
                *notes,
                *key_notes,
                *absent({guard.control for guard in found} | set(self.unread)),
                *map(_written, filter(_is_long, found)),
            ),
            problems=tuple(self.problems),
        )

    def guard(self, name: str) -> Iterator[Guard]:
        control, content = control_of(name), self.files[name]
        if control is None:
            return
        if isinstance(content, str):
            self.refuse(control, f"{name}: expected a policy, got {content}; correct the file")
            return
        try:
            text = content.decode("utf-8-sig")
            policy = parse_policy(text, name=name)
        except UnicodeDecodeError as error:
            self.refuse(control, f"{name}: expected UTF-8, got {error}; save it as UTF-8")
        except UsageError as error:
            self.refuse(control, str(error))
        else:
            self.documents.append((_KINDS[control], json.loads(text)))
            self.texts.append(text)
            yield Guard(name=name, control=control, policy=policy, text=text)

    def is_accepted(self, guard: Guard, *, bucket: str) -> bool:
        """Say whether AWS would take a document; one that it refuses is noted."""
        kind = _KINDS[guard.control]
        found = tuple(refusals(kind, guard.policy, json.loads(guard.text), bucket=bucket))
        for finding in reversed(found):
            place = f"statement {finding.statement!r}: " if finding.statement else ""
            advice = f"{finding.remedy}; until then this document guards nothing"
            self.refuse(guard.control, f"{guard.name}: {place}{finding.message}; {advice}")
        return not found

    def refuse(self, control: Control, reason: str) -> None:
        self.unread[control] = reason
        self.problems.append(reason)

    def params(self) -> ArchiveFacts:
        content = self.files.get("params.json")
        if content is None:
            return ArchiveFacts()
        if isinstance(content, str):
            self.problems.append(f"params.json: expected a JSON object, got {content}; correct the file")
            return ArchiveFacts()
        try:
            return decode_params(content)
        except (UsageError, RecursionError) as error:
            self.problems.append(str(error) or "params.json: expected a JSON object")
            return ArchiveFacts()

    def with_bucket(
        self, facts: ArchiveFacts, notes: tuple[str, ...]
    ) -> tuple[ArchiveFacts, tuple[str, ...]]:
        if facts.bucket:
            return facts, notes
        if any(map(_names_bucket, (text for _, each in self.documents for text in strings(each)))):
            reason = (
                "the policies name several buckets or patterns of them; say which is meant in params.json"
            )
            self.unread.setdefault(Control.BUCKET_POLICY, reason)
            return facts, notes
        note = f"no policy names a bucket; {_BUCKET} stands for it"
        return replace(facts, bucket=_BUCKET), (*notes, note)

    def with_key(
        self, facts: ArchiveFacts, policies: tuple[Guard, ...]
    ) -> tuple[ArchiveFacts, tuple[str, ...]]:
        if policies or Control.KEY_POLICY in self.unread:
            return replace(facts, has_key=True), ()
        if facts.key:
            reason = f"no key-policy.json, although {facts.key} is named; add the policy of the key"
            self.unread[Control.KEY_POLICY] = reason
            return replace(facts, has_key=True), ()
        note = "no key-policy.json: the logs are taken to be encrypted with S3's own keys"
        return replace(facts, has_key=False), (note,)

    def resource_policy(self, control: Control, found: tuple[Guard, ...]) -> Guard | None:
        if control in self.unread:
            return Guard(name=control.value, control=control, policy=DELEGATION)
        return next(iter(found), None)

    def members(self, facts: ArchiveFacts, on_root: tuple[Guard, ...]) -> Iterator[MemberPath]:
        """Yield a member account that no policy names, and one for each way in which policies name some."""
        named = mentions(self.texts)
        known = {facts.archive_account, facts.management_account}
        scps = ((_FULL[Control.ORGANIZATION_SCP], *on_root),)
        for account in (fresh_account({*named, *known}, _MEMBER), *told_apart(named)):
            if account not in known:
                yield MemberPath(account=account, count=1, scps=scps)


def _is_long(guard: Guard) -> bool:
    """Say whether a document is within its quota only without white space, which Organizations may count."""
    return guard.control in _ATTACHED and len(guard.text) > QUOTAS[_KINDS[guard.control]]


def _written(guard: Guard) -> str:
    return (
        f"{guard.name} has {len(guard.text)} characters with white space, more than "
        f"{QUOTAS[_KINDS[guard.control]]}: it is taken to be attached without, as the console does"
    )


def _path(on_root: tuple[Guard, ...], on_account: tuple[Guard, ...]) -> Levels:
    """Return two levels, each with FullAWSAccess beside its policies, as AWS attaches it."""
    return (
        (_FULL[Control.ORGANIZATION_SCP], *on_root),
        (_FULL[Control.ARCHIVE_SCP], *on_account),
    )


def _names_bucket(text: str) -> bool:
    """Say whether a text is the ARN of a bucket, or a pattern that some buckets match and others do not."""
    segments = split_arn(text)
    if segments is None or not fnmatchcase("s3", segments[2]):
        return False
    has_no_place = fnmatchcase("", segments[3]) and fnmatchcase("", segments[4])
    return has_no_place and segments[5].partition("/")[0] != "*"
