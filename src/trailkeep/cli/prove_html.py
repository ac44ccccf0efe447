"""One self-contained HTML page of a proof: no scripts, nothing from elsewhere, every text escaped."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from trailkeep import __version__
from trailkeep.cli.prove_view import opened, redundant_lines, summary, why
from trailkeep.cli.report_html import head
from trailkeep.guard.prove_model import Fix, Outcome, Proof, ThreatVerdict, Witness

__all__ = ["page", "sections"]


def page(proof: Proof) -> str:
    """Return the page."""
    return "\n".join(_page(proof)) + "\n"


def _page(proof: Proof) -> Iterator[str]:
    yield head("CloudTrail archive: proof")
    yield f"<body><h1>CloudTrail archive: proof</h1><p>{escape(summary(proof))}.</p>"
    yield from sections(proof)
    yield f'<footer><p class="soft">trailkeep {escape(__version__)}</p></footer></body></html>'


def sections(proof: Proof) -> Iterator[str]:
    """Yield what a report says of a proof."""
    yield from _list("Not read", proof.unread)
    yield "<h2>Threats</h2><table><thead><tr><th>verdict</th><th>threat</th><th>effect</th>"
    yield "<th>must fail</th><th>each of these suffices, or who gets through</th></tr></thead><tbody>"
    for threat in proof.threats:
        yield from _row(threat)
    yield "</tbody></table><h2>Details</h2>"
    for threat in proof.threats:
        yield from _details(threat)
    yield from _plans(proof)
    yield from _list("Denies that no verdict rests on", redundant_lines(proof))
    yield from _list("Assumed", proof.assumptions)


def _row(threat: ThreatVerdict) -> Iterator[str]:
    depth = "" if threat.depth is None else str(threat.depth)
    yield (
        f'<tr><td class="{threat.verdict.value}">{threat.verdict.value}</td>'
        f'<td><a href="#{escape(threat.id)}">{escape(threat.title)}</a></td>'
        f"<td>{escape(threat.effect)}</td><td>{depth}</td><td>{escape(why(threat))}</td></tr>"
    )


def _details(threat: ThreatVerdict) -> Iterator[str]:
    is_open = " open" if threat.verdict in {Outcome.COUNTEREXAMPLE, Outcome.UNDECIDED} else ""
    yield (
        f'<details id="{escape(threat.id)}"{is_open}><summary><span class="{threat.verdict.value}">'
        f"{threat.verdict.value}</span> {escape(threat.title)}</summary><dl>"
    )
    for name, text in (
        ("Why", threat.reason),
        ("Who gets through", "; ".join(threat.who)),
        ("Let through by", threat.allowed_by),
        ("Missing", threat.missing),
        ("Not bound", "; ".join(threat.remaining)),
        ("What remains", threat.remains),
    ):
        if text:
            yield f"<dt>{name}</dt><dd>{escape(text)}</dd>"
    yield "</dl>"
    for witness in (*threat.before, *((threat.witness,) if threat.witness else ())):
        yield from _request(witness)
    for fix in threat.fix:
        yield from _fix(fix)
    yield "</details>"


def _request(witness: Witness) -> Iterator[str]:
    lines = [f"{witness.principal}", f"{witness.action}", f"{witness.resource}"]
    lines += [f"{key} = {', '.join(values)}" for key, values in witness.context.items()]
    yield f"<pre>{escape(chr(10).join(lines))}</pre>"


def _fix(fix: Fix) -> Iterator[str]:
    yield f"<p>Proved to close it: {escape(fix.document)}</p><pre>{escape(fix.diff)}</pre>"


def _plans(proof: Proof) -> Iterator[str]:
    if not proof.plans:
        return
    yield "<h2>Shortest plans</h2><table><thead><tr><th>threat</th><th>who</th><th>calls</th></tr></thead>"
    yield "<tbody>"
    for plan in proof.plans:
        calls = (
            "<br>".join(f"<code>{escape(call)}</code>" for call in plan.calls)
            if plan.calls
            else escape(f"none: {plan.reason}")
        )
        calls += escape(opened(plan))
        yield f"<tr><td>{escape(plan.threat)}</td><td>{escape(plan.actor)}</td><td>{calls}</td></tr>"
    yield "</tbody></table>"


def _list(title: str, texts: tuple[str, ...]) -> Iterator[str]:
    if texts:
        items = "".join(f"<li>{escape(text)}</li>" for text in texts)
        yield f"<h2>{title}</h2><ul>{items}</ul>"
