"""An audit as one HTML file that a person hands to an auditor: nothing outside of it, no script.

Every text is escaped where it is put into the page, also what comes from AWS: others choose names there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from html import escape

from trailkeep import __version__
from trailkeep.core.times import format_moment
from trailkeep.guard.control import Area, Outcome
from trailkeep.guard.control_mappings import FRAMEWORKS
from trailkeep.guard.controls import Audit, Result

__all__ = ["report"]

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
_STYLE = """
:root { color-scheme: light dark; --line: #c8ccd2; --soft: #6a7380; --bad: #b3261e; --ask: #8a5a00;
  --good: #1b6e3c; --none: #6a7380; --back: #f4f5f7 }
@media (prefers-color-scheme: dark) { :root { --line: #444b55; --soft: #a4adba; --bad: #ff8a80;
  --ask: #ffcf7a; --good: #7fd8a0; --none: #a4adba; --back: #1d2127 } }
* { box-sizing: border-box }
body { font: 15px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 72rem; padding: 2rem 1.25rem 4rem }
h1 { font-size: 1.7rem; margin: 0 0 .25rem } h2 { font-size: 1.2rem; margin: 2.25rem 0 .5rem }
p { margin: .25rem 0 } .soft { color: var(--soft) }
.sum { display: flex; flex-wrap: wrap; gap: .75rem; margin: 1.25rem 0; padding: 0; list-style: none }
.sum li { background: var(--back); border-left: 4px solid var(--line); padding: .5rem .9rem }
.sum b { display: block; font-size: 1.4rem; line-height: 1.2 }
table { border-collapse: collapse; width: 100% }
th, td { border-bottom: 1px solid var(--line); padding: .45rem .6rem .45rem 0; text-align: left;
  vertical-align: top }
th { font-weight: 600; white-space: nowrap }
td:first-child { white-space: nowrap } code { font-size: .9em; overflow-wrap: anywhere }
.FAIL { color: var(--bad); font-weight: 600 } .UNKNOWN { color: var(--ask); font-weight: 600 }
.PASS { color: var(--good) } .NOT, .MUTED { color: var(--none) }
article { border: 1px solid var(--line); border-left: 4px solid var(--line); margin: .75rem 0;
  padding: .6rem 1rem; break-inside: avoid }
article h3 { font-size: 1rem; margin: 0 0 .25rem } article p { overflow-wrap: anywhere }
article.FAIL { border-left-color: var(--bad); font-weight: 400; color: inherit }
article.UNKNOWN { border-left-color: var(--ask); font-weight: 400; color: inherit }
@media print { body { max-width: none; padding: 0 } }
"""
_TITLES = {
    Area.TRAIL: "The trail",
    Area.DELIVERY: "What arrives",
    Area.ARCHIVE: "The archive",
    Area.KEY: "The key",
    Area.GUARDS: "The guards",
    Area.ORGANIZATION: "The organization",
    Area.WATCH: "Who is told",
}
_WORDS = {
    "FAIL": "fail",
    "UNKNOWN": "could not be answered",
    "PASS": "pass",
    "NOT APPLICABLE": "do not apply",
    "MUTED": "fail and are muted",
}
_ABOUT = (
    "Each control asks one question. PASS: it is so. FAIL: it is not. UNKNOWN: what the answer needs could "
    "not be read, which is never success. NOT APPLICABLE: the question does not arise. Whether the guards "
    "hold is decided by evaluating concrete requests against the policies that are attached, not by "
    "their names. "
    "No organization policy binds the management account: whoever administers it can undo every guard."
)


def report(audit: Audit) -> str:
    """Return the page."""
    asked = audit.framework.name if audit.framework else "every control"
    moment = escape(format_moment(audit.as_of.replace(microsecond=0)))
    return "\n".join(
        (
            "<!doctype html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            "<title>CloudTrail archive: audit</title>",
            f"<style>{_STYLE}</style>",
            "</head>",
            "<body>",
            "<h1>CloudTrail archive: audit</h1>",
            f'<p class="soft">{escape(asked)}, as of {moment}, by trailkeep {escape(__version__)}</p>',
            f'<p>Outcome: <span class="{audit.verdict.kind}">{audit.verdict.kind}</span></p>',
            *_summary(audit),
            f'<p class="soft">{escape(_ABOUT)}</p>',
            *_findings(audit, Outcome.FAIL, "What fails"),
            *_findings(audit, Outcome.UNKNOWN, "What could not be answered"),
            *_muted(audit),
            *_areas(audit),
            *_frameworks(audit),
            "</body>",
            "</html>",
            "",
        )
    )


def _verdict(result: Result) -> str:
    return "MUTED" if result.muted else result.answer.outcome.value


def _label(result: Result) -> str:
    verdict = _verdict(result)
    return f'<span class="{verdict.split()[0]}">{escape(verdict)}</span>'


def _summary(audit: Audit) -> Iterator[str]:
    counts = Counter(_verdict(result) for result in audit.results)
    yield '<ul class="sum">'
    for verdict, words in _WORDS.items():
        yield f'<li><b class="{verdict.split()[0]}">{counts[verdict]}</b> {words}</li>'
    yield "</ul>"


def _findings(audit: Audit, outcome: Outcome, title: str) -> Iterator[str]:
    found = [one for one in audit.results if one.answer.outcome is outcome and one.counts]
    if not found:
        return
    yield f"<h2>{escape(title)}</h2>"
    for result in sorted(found, key=lambda one: -one.control.severity.rank):
        control, answer = result.control, result.answer
        yield f'<article class="{outcome.value}" id="{escape(control.id)}">'
        yield (
            f"<h3>{escape(control.question)}</h3>"
            f'<p class="soft"><code>{escape(control.id)}</code>, {escape(control.severity.value)}, '
            f"<code>{escape(answer.resource)}</code></p>"
        )
        if outcome is Outcome.FAIL:
            yield f"<p>Expected {escape(control.expected)}; got {escape(answer.reason)}.</p>"
            yield f"<p>What to do: {escape(result.remedy)}.</p>"
        else:
            yield f"<p>{escape(answer.reason)}</p>"
        if result.expired:
            mute = result.expired
            yield f"<p>It was muted until {escape(mute.expires)}: {escape(mute.reason)}</p>"
        if result.mappings:
            yield f'<p class="soft">{escape(_asked_by(result))}</p>'
        yield "</article>"


def _asked_by(result: Result) -> str:
    grouped: dict[str, list[str]] = {}
    for one in result.mappings:
        grouped.setdefault(one.framework, []).append(one.requirement)
    return "; ".join(f"{framework} {', '.join(numbers)}" for framework, numbers in grouped.items())


def _muted(audit: Audit) -> Iterator[str]:
    muted = [(result, result.muted) for result in audit.results if result.muted]
    if not muted:
        return
    yield "<h2>What is muted</h2>"
    yield from _table(
        ("control", "until", "reason", "what was found"),
        (
            (
                f"<code>{escape(result.control.id)}</code>",
                escape(mute.expires),
                escape(mute.reason),
                escape(result.answer.reason),
            )
            for result, mute in muted
        ),
    )


def _areas(audit: Audit) -> Iterator[str]:
    yield "<h2>Every question</h2>"
    for area, title in _TITLES.items():
        found = [result for result in audit.results if result.control.area is area]
        if not found:
            continue
        yield f"<h3>{escape(title)}</h3>"
        yield from _table(
            ("verdict", "severity", "question", "answer"),
            (
                (
                    _label(result),
                    escape(result.control.severity.value),
                    f"{escape(result.control.question)}<br><code>{escape(result.control.id)}</code>",
                    escape(result.answer.reason),
                )
                for result in found
            ),
        )


def _frameworks(audit: Audit) -> Iterator[str]:
    yield "<h2>By framework</h2>"
    wanted = [audit.framework] if audit.framework else FRAMEWORKS
    for framework in wanted:
        rows = sorted(
            (one.requirement, result.control.id, _label(result))
            for result in audit.results
            for one in result.mappings
            if one.framework == framework.key
        )
        if not rows:
            continue
        yield f"<h3>{escape(framework.name)}</h3>"
        yield from _table(
            ("requirement", "control", "verdict"),
            ((escape(number), f"<code>{escape(control)}</code>", label) for number, control, label in rows),
        )


def _table(head: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> Iterator[str]:
    """Yield a table; the cells of ``rows`` are HTML already."""
    yield f"<table><thead><tr>{''.join(f'<th>{escape(name)}</th>' for name in head)}</tr></thead><tbody>"
    for row in rows:
        yield f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>"
    yield "</tbody></table>"
