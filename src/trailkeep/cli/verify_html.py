"""A verification as one HTML page for an auditor: nothing outside of it, no script, every text escaped."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from html import escape

from trailkeep.cli.report_html import head
from trailkeep.core.times import format_moment
from trailkeep.keep.integrity import Finding
from trailkeep.keep.verification import ChainVerdict, DayCell, DayState, Verification

__all__ = ["page"]

_MOST_FINDINGS = 1000
_MARKS = {
    DayState.ALTERED: ("!", "a log or digest was changed"),
    DayState.UNCOVERED: ("0", "no digest proves an hour"),
    DayState.UNREADABLE: ("?", "something could not be read"),
    DayState.PENDING: ("~", "its digest is not due yet"),
    DayState.EXPLAINED: ("s", "recording was stopped, which the logs themselves tell"),
    DayState.PROVEN_EMPTY: ("e", "proven that nothing was delivered"),
    DayState.PROVEN: ("\N{CHECK MARK}", "every log is the one that CloudTrail delivered"),
}
_RANK = {state: rank for rank, state in enumerate(DayState)}
_STYLE = """<style>
.days { border-collapse: separate; border-spacing: 2px; display: table; table-layout: fixed }
.days th { border: 0; font: .75rem ui-monospace, monospace; padding: 0 .2rem; text-align: center;
  vertical-align: middle }
.days tbody th { padding-right: .6rem; text-align: left; width: 8rem }
.days thead th:first-child { text-align: left; width: 8rem }
.days td, .key b { border: 1px solid transparent; font: .75rem/1.4rem ui-monospace, monospace; height: 1.5rem;
  min-width: 0; padding: 0; print-color-adjust: exact; -webkit-print-color-adjust: exact; text-align: center;
  white-space: nowrap }
.days .none { border: 1px dotted var(--line) }
.key { display: flex; flex-wrap: wrap; gap: .3rem 1.2rem; list-style: none; padding: 0 }
.key b { display: inline-block; margin-right: .4rem; width: 1.6rem }
.proven { background: #1b6e3c; color: #fff } .proven-empty { background: #b7dfc5; color: #0b3a1e }
.explained { background: #c9d6ea; color: #14305c } .pending { background: #e3e5e8; color: #333a44 }
.unreadable { background: #f4c95d; color: #3d2a00 } .uncovered { background: #e8743b; color: #2b0d00 }
.altered { background: #8f1710; color: #fff }
.wide { overflow-x: auto } .days { width: 64rem }
.chains td { min-width: 4rem } .chains td:first-child, .at { white-space: nowrap }
@media print { .wide { overflow: visible } .days { width: 100% }
  .days tbody th, .days thead th:first-child { width: 6.5rem }
  .days th { padding: 0 } table { font-size: .8rem } h2, h3 { break-after: avoid }
  tr { break-inside: avoid } }
</style>"""
_ABOUT = (
    "CloudTrail signs, once an hour for each account and region, the SHA-256 of every log it delivered. "
    "A log is called verified when it has the hash that a digest lists, and the digest's signature is by "
    "a public key of CloudTrail or its hash is vouched for by a digest that is. "
    "verify.sh checks this report, and a copy of the archive, with openssl and sha256sum alone."
)


def page(found: Verification) -> str:
    """Return the page."""
    return "\n".join(_page(found)) + "\n"


def _page(found: Verification) -> Iterator[str]:
    yield head("CloudTrail archive: integrity").replace("</head>", f"{_STYLE}\n</head>")
    yield "<body><h1>CloudTrail archive: integrity</h1>"
    yield f'<p class="soft"><code>{escape(found.scope.archive)}</code>, as of {_at(found.scope.as_of)}</p>'
    reason = f": {escape(found.reason)}" if found.reason else ""
    yield f'<p>Outcome: <span class="{found.verdict}">{found.verdict}</span>{reason}</p>'
    yield from _summary(found)
    yield f'<p class="soft">{escape(_ABOUT)}</p>'
    yield "<h2>What is not claimed</h2><ul>"
    yield from (f"<li>{escape(text)}</li>" for text in found.not_claimed)
    yield "</ul>"
    yield from _findings(found.findings)
    yield from _calendar(found.cells)
    yield from _chains(found.chains)
    yield from _keys(found)
    yield from _scope(found)
    yield f'<footer><p class="soft">{escape(found.tool.name)} {escape(found.tool.version)}</p></footer>'
    yield "</body></html>"


def _summary(found: Verification) -> Iterator[str]:
    counts = found.summary
    digests, logs, hours = counts["digests"], counts["logs"], counts["hours"]
    yield '<ul class="sum">'
    for number, of, words in (
        (digests["verified"], digests["expected"], "digests verified"),
        (logs["verified"], logs["listed"], "logs verified"),
        (hours["covered"] + hours["explained"], sum(hours.values()), "hours covered or explained"),
    ):
        mark = "PASS" if number == of and of else "FAIL"
        yield f'<li><b class="{mark}">{number:,} of {of:,}</b> {words}</li>'
    for number, words in (
        (digests["failed"] + logs["failed"], "digests and logs failed"),
        (logs["unlisted"], "logs that no digest lists"),
    ):
        yield f'<li><b class="{"FAIL" if number else "PASS"}">{number:,}</b> {words}</li>'
    yield f"<li><b>{counts['chains']:,}</b> chains</li></ul>"


def _findings(findings: tuple[Finding, ...]) -> Iterator[str]:
    yield "<h2>Findings</h2>"
    if not findings:
        yield "<p>None.</p>"
    for one in findings[:_MOST_FINDINGS]:
        mark = "" if one.severity == "info" else ' class="FAIL"'
        yield f"<article{mark}><h3>{escape(one.message)}</h3>"
        version = f" (version {escape(one.version)})" if one.version else ""
        yield (
            f'<p class="soft"><code>{escape(one.kind)}</code>, {escape(one.severity)}, '
            f"<code>{escape(one.object)}</code>{version}</p>"
        )
        if one.expected or one.actual:
            yield (
                f"<p>Expected <code>{escape(one.expected or 'nothing')}</code>; "
                f"got <code>{escape(one.actual or 'nothing')}</code>.</p>"
            )
        yield f"<p>What to do: {escape(one.remedy)}.</p></article>"
    if len(findings) > _MOST_FINDINGS:
        yield f"<p>{len(findings) - _MOST_FINDINGS:,} more are in findings.csv.</p>"


def _calendar(cells: tuple[DayCell, ...]) -> Iterator[str]:
    """Yield a table per month: a row per account, a cell per day, which shows the worst of its regions."""
    yield '<h2>Coverage</h2><p class="soft">Each day shows its worst hour in any region.</p><ul class="key">'
    for state, (mark, words) in reversed(_MARKS.items()):
        yield f'<li><b class="{state}">{mark}</b>{words}</li>'
    yield "</ul>"
    months: dict[date, dict[str, dict[int, list[DayCell]]]] = defaultdict(
        lambda: defaultdict(lambda: defaultdict(list))
    )
    for cell in cells:
        months[cell.day.replace(day=1)][cell.account][cell.day.day].append(cell)
    for month in sorted(months):
        yield from _month(month, months[month])


def _month(month: date, accounts: dict[str, dict[int, list[DayCell]]]) -> Iterator[str]:
    following = (month + timedelta(days=31)).replace(day=1)
    days = range(1, (following - month).days + 1)
    heads = "".join(f'<th scope="col">{day}</th>' for day in days)
    yield f'<h3>{month:%Y-%m}</h3><div class="wide" tabindex="0"><table class="days"><thead><tr>'
    yield f'<th scope="col">account</th>{heads}</tr></thead><tbody>'
    for account in sorted(accounts):
        row = "".join(_day(accounts[account].get(day, [])) for day in days)
        yield f'<tr><th scope="row">{escape(account)}</th>{row}</tr>'
    yield "</tbody></table></div>"


def _day(cells: list[DayCell]) -> str:
    if not cells:
        return '<td class="none"></td>'
    worst = min((cell.state for cell in cells), key=_RANK.__getitem__)
    told = "; ".join(
        f"{cell.region}: " + ", ".join(f"{count} {state}" for state, count in cell.hours.items() if count)
        for cell in cells
    )
    return f'<td class="{worst}" title="{escape(told)}">{_MARKS[worst][0]}</td>'


def _chains(chains: tuple[ChainVerdict, ...]) -> Iterator[str]:
    yield '<h2>Chains</h2><p class="soft">The head is the newest proven digest. Whoever keeps its hash in '
    yield "another place can prove the whole chain by hashes alone, also without CloudTrail's keys.</p>"
    yield from _table(
        ("account, region", "trail", "digests", "logs", "hours", "head"),
        (
            (
                f"{escape(one.account)}<br>{escape(one.region)}",
                escape(one.trail_name),
                f"{one.digests_verified:,} of {one.digests_expected:,}",
                f"{one.logs_verified:,} of {one.logs_listed:,}",
                _hours(one),
                "none"
                if one.head is None
                else f"{_at(one.head.ends_at)}<br><code>{escape(one.head.sha256)}</code>",
            )
            for one in chains
        ),
    )


def _keys(found: Verification) -> Iterator[str]:
    yield "<h2>Keys and trust anchors</h2>"
    yield '<p class="soft">Everything above rests on these public keys of CloudTrail being genuine.</p>'
    yield from _table(
        ("region", "fingerprint (MD5)", "SHA-256 of the key", "valid", "from", "digests"),
        (
            (
                escape(one.region),
                f"<code>{escape(one.fingerprint)}</code>",
                f"<code>{escape(one.sha256)}</code>",
                f"{_nowrap(_at(one.valid_from))} to {_nowrap(_at(one.valid_until))}",
                escape(one.source),
                f"{one.digests:,}",
            )
            for one in found.keys
        ),
    )


def _scope(found: Verification) -> Iterator[str]:
    scope, reused = found.scope, found.reused
    old = f"{reused.count:,}"
    if reused.count and reused.oldest_checked_at:
        old += f", the oldest of {_at(reused.oldest_checked_at)}"
    yield "<h2>Scope</h2><dl>"
    for name, text in (
        ("Trail", escape(scope.trail_arn)),
        ("Accounts", escape(", ".join(scope.accounts))),
        ("Regions", escape(", ".join(scope.regions))),
        ("Time", f"{_at(scope.since)} to {_at(scope.until)}"),
        ("What had to be there is known from", escape(scope.expected_from)),
        ("Mode", escape(scope.mode)),
        ("Options", escape(", ".join(f"{name} {value}" for name, value in scope.options.items()))),
        ("Results of earlier runs", old),
        ("Run", f"{_at(found.started_at)} to {_at(found.ended_at)}"),
        ("Objects", f"{found.objects:,}"),
        ("Merkle root over objects.csv", f"<code>{escape(found.merkle_root)}</code>"),
        ("Previous report", f"<code>{escape(found.previous_report_sha256)}</code>"),
    ):
        if text and text != "<code></code>":
            yield f"<dt>{name}</dt><dd>{text}</dd>"
    yield "</dl>"


def _hours(one: ChainVerdict) -> str:
    counts = {
        "covered": one.hours_covered,
        "explained": one.hours_explained,
        "uncovered": one.hours_uncovered,
    }
    return "<br>".join(_nowrap(f"{count:,} {state}") for state, count in counts.items())


def _nowrap(text: str) -> str:
    return f'<span class="at">{text}</span>'


def _at(moment: datetime) -> str:
    return format_moment(moment.replace(microsecond=0))


def _table(names: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    """Yield a table; the cells of ``rows`` are HTML already."""
    heads = "".join(f'<th scope="col">{name}</th>' for name in names)
    yield f'<table class="chains"><thead><tr>{heads}</tr></thead><tbody>'
    for row in rows:
        yield f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>"
    yield "</tbody></table>"
