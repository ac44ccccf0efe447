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
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from trailkeep.core.errors import UsageError
from trailkeep.guard.acceptance import QUOTAS, refusals
from trailkeep.guard.delivery import Kind
from trailkeep.guard.evaluate import FULL_AWS_ACCESS
from trailkeep.guard.facts import ArchiveFacts, together
from trailkeep.guard.policy import parse_policy
from trailkeep.guard.prove_accounts import completed, fresh_account, mentions
from trailkeep.guard.prove_callers import DELEGATION
from trailkeep.guard.prove_guards import Guard, Guards, Levels, MemberPath
from trailkeep.guard.revealed import decode_params, revealed
from trailkeep.guard.threat import Control

__all__ = ["control_of", "document_guards", "possible_archives"]

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


def possible_archives(files: Mapping[str, bytes | str]) -> tuple[str, ...]:
    """Return the accounts that may be the archive's; an empty text is the one that is told, or stands for it.

    Where nothing tells it, each account that a policy names may be the one.
    """
    reader = _Reader(files=files)
    listed = [guard for name in sorted(files) for guard in reader.guard(name)]
    facts = together(reader.params(), revealed(reader.documents))
    if facts.archive_account or not listed:
        return ("",)
    known, _ = completed(facts, reader.texts)
    named = {one for one in mentions(reader.texts) if one.isdecimal()}
    return ("", *sorted(named - {known.management_account}))


def document_guards(files: Mapping[str, bytes | str], *, archive: str = "") -> Guards:
    """Return the guards of a folder.

    Args:
        files: the names of its files and what is in them; as text why a file could not be read.
        archive: the archive account, where nothing in the folder tells it.

    Raises:
        UsageError: no file is a policy of an archive.
    """
    if not any(map(control_of, files)):
        got = ", ".join(sorted(files)[:5]) or "none"
        raise UsageError(
            "--policies: expected bucket-policy.json, key-policy.json, scp*.json or rcp*.json, "
            f"got {got}; name your files like that"
        )
    return _Reader(files=files).guards(archive)


@dataclass(slots=True, kw_only=True)
class _Reader:
    """Reads one folder; what cannot be read is noted on the way."""

    files: Mapping[str, bytes | str]
    unread: dict[Control, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    documents: list[tuple[Kind, object]] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)

    def guards(self, archive: str) -> Guards:
        found = [guard for name in sorted(self.files) for guard in self.guard(name)]
        told = together(self.params(), revealed(self.documents), ArchiveFacts(archive_account=archive))
        facts, notes = completed(told, self.texts)
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
            notes=(*notes, *key_notes, *self.absent(found), *map(_written, filter(_is_long, found))),
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
        if any(":s3:::" in text.replace(":s3:::*", "") for text in self.texts):
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
        """Yield a member account that no policy names, and each that one names: it may be a member."""
        named = mentions(self.texts)
        known = {facts.archive_account, facts.management_account}
        scps = ((_FULL[Control.ORGANIZATION_SCP], *on_root),)
        literals = sorted(one for one in named - known if one.isdecimal())
        for account in (fresh_account({*named, *known}, _MEMBER), *literals):
            yield MemberPath(account=account, count=1, scps=scps)

    def absent(self, found: Iterable[Guard]) -> Iterator[str]:
        """Say what is taken for not being there."""
        present = {guard.control for guard in found} | set(self.unread)
        for control, words in (
            (Control.BUCKET_POLICY, "no bucket-policy.json: the bucket is taken to have no policy"),
            (Control.ARCHIVE_SCP, "no scp*.json: the archive account is taken to have no SCP of its own"),
            (Control.ORGANIZATION_SCP, "no scp*-organization.json: the root is taken to have no SCP"),
            (Control.RCP, "no rcp*.json: the archive account is taken to have no RCP"),
        ):
            if control not in present:
                yield words


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
