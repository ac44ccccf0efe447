"""An audit as one HTML file that a person hands to an auditor: nothing outside of it, no script.

Every text is escaped where it is put into the page, also what comes from AWS: others choose names there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from html import escape

from trailkeep import __version__
from trailkeep.cli.prove_html import sections
from trailkeep.cli.report_html import head
from trailkeep.core.times import format_moment
from trailkeep.guard.control import Area, Outcome
from trailkeep.guard.control_mappings import FRAMEWORKS
from trailkeep.guard.controls import Audit, Result
from trailkeep.guard.prove_model import Proof

__all__ = ["report"]

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
    "hold is decided by proof from the policies that are attached, not by their names. "
    "No organization policy binds the management account: whoever administers it can undo every guard."
)


def report(audit: Audit, proof: Proof | None = None) -> str:
    """Return the page, with the proof of every threat where there is one."""
    asked = audit.framework.name if audit.framework else "every control"
    moment = escape(format_moment(audit.as_of.replace(microsecond=0)))
    return "\n".join(
        (
            head("CloudTrail archive: audit"),
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
            *(sections(proof) if proof else ()),
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
