"""A pasted policy, explained: what CloudTrail would be answered, what is dangerous, what does nothing."""

from __future__ import annotations

import json

import msgspec

from trailkeep.core.errors import UsageError
from trailkeep.core.verdict import Verdict, VerdictKind
from trailkeep.guard.acceptance import QUOTAS, refusals
from trailkeep.guard.delivery import Kind, Values, resolve, revealed
from trailkeep.guard.findings import Finding, FindingKind
from trailkeep.guard.lint import lint
from trailkeep.guard.lint_rcp import decides_s3, lint_rcp
from trailkeep.guard.lint_scp import is_about_s3, lint_scp
from trailkeep.guard.policy import PolicyError, parse_policy
from trailkeep.guard.preflight import Answer, Asked, preflight
from trailkeep.guard.statement import Policy

__all__ = ["QUOTAS", "Explained", "explain", "explain_absent"]


class Explained(msgspec.Struct, frozen=True, kw_only=True):
    """One document, explained; ``file`` is where it came from, ``kind`` one of ``Kind``.

    Of a policy in force, ``unread`` says why it could not be read, and ``missing`` that what it would belong
    to is not there; each is empty otherwise.
    """

    file: str
    kind: str
    requests: tuple[Asked, ...]
    findings: tuple[Finding, ...]
    unread: str = ""
    missing: str = ""

    @property
    def verdict(self) -> Verdict:
        """FAIL where CloudTrail is refused or something was found, UNKNOWN where a request is undecided."""
        if self.missing:
            return Verdict(kind=VerdictKind.FAIL, reason=self.missing)
        if self.unread:
            return Verdict(kind=VerdictKind.UNKNOWN, reason=self.unread)
        refused = sum(each.decision is Answer.REFUSED for each in self.requests)
        undecided = [each for each in self.requests if each.decision is Answer.UNDECIDED]
        if refused or self.findings:
            parts = [f"{refused} of {len(self.requests)} requests refused"] if refused else []
            parts += [f"{len(self.findings)} finding{'s'[: len(self.findings) - 1]}"] if self.findings else []
            return Verdict(kind=VerdictKind.FAIL, reason=", ".join(parts))
        if undecided:
            return Verdict(kind=VerdictKind.UNKNOWN, reason=f"{undecided[0].action}: {undecided[0].reason}")
        return Verdict(kind=VerdictKind.PASS)


def explain(
    file: str,
    text: str,
    *,
    values: tuple[Values, ...],
    kind: Kind | None = None,
    for_account: bool = False,
    has_bucket_key: bool = True,
    beside: tuple[Policy, ...] = (),
    reveals: bool = True,
) -> Explained:
    """Explain one document; ``values`` are the sources before the document itself.

    ``beside`` are the SCPs that bind together with an SCP. Without ``reveals`` the document is no source: of
    a policy in force it is known what it must let through.

    Raises:
        UsageError: a value that is needed is nowhere, or the kind cannot be told from the document.
    """
    try:
        policy = parse_policy(text, name=file)
    except PolicyError as error:
        return _malformed(file, error, kind)
    document = json.loads(text)
    known = kind or _kind(file, policy)
    delivery = resolve(
        file,
        known,
        *values,
        revealed(document, known) if reveals else Values(),
        needs_bucket=known is Kind.BUCKET
        or (known is Kind.SCP and is_about_s3(policy))
        or (known is Kind.RCP and decides_s3(policy)),
        for_account=for_account,
        has_bucket_key=has_bucket_key,
    )
    findings = [
        *refusals(known, policy, document, bucket=delivery.bucket),
        *lint(known, policy),
    ]
    if known is Kind.SCP:
        findings += lint_scp(policy, delivery, beside=beside)
    if known is Kind.RCP:
        findings += lint_rcp(policy)
    return Explained(
        file=file,
        kind=known,
        requests=preflight(known, policy, delivery),
        findings=tuple(findings),
    )


def explain_absent(file: str, *, values: tuple[Values, ...], for_account: bool = False) -> Explained:
    """Explain a bucket that has no policy: nothing is allowed."""
    delivery = resolve(file, Kind.BUCKET, *values, needs_bucket=True, for_account=for_account)
    empty = Policy(name=file, statements=())
    return Explained(
        file=file, kind=Kind.BUCKET, requests=preflight(Kind.BUCKET, empty, delivery), findings=()
    )


def _malformed(file: str, error: PolicyError, kind: Kind | None) -> Explained:
    found = Finding(
        kind=FindingKind.MALFORMED,
        statement=error.path,
        message=str(error),
        remedy="correct the document; AWS refuses it as it is, so nothing else was decided",
    )
    return Explained(file=file, kind=kind or "", requests=(), findings=(found,))


def _kind(file: str, policy: Policy) -> Kind:
    """Tell the kind: only an SCP names no principal; of the others the service of most actions decides.

    An RCP looks like a bucket policy that only denies, so its file says what it is: ``rcp-*.json``.
    """
    if file.rpartition("/")[2].startswith("rcp-"):
        return Kind.RCP
    if not any(each.principals or each.not_principals for each in policy.statements):
        return Kind.SCP
    services = {"s3": Kind.BUCKET, "kms": Kind.KEY, "sns": Kind.TOPIC}
    actions = [action for each in policy.statements for action in (*each.actions, *each.not_actions)]
    found = {services[name] for action in actions if (name := action.split(":")[0].lower()) in services}
    if len(found) != 1:
        seen = ", ".join(sorted(found)) or "none"
        raise UsageError(
            f"{file}: expected actions of one of s3, kms and sns, got kinds {seen}; name the kind with --kind"
        )
    return found.pop()
