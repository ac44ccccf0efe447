"""How a proof looks: a table of threats, the details of what is open, and the JSON body."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from trailkeep.cli.output import plain
from trailkeep.guard.prove_model import Outcome, Plan, Proof, ThreatVerdict, Witness

__all__ = ["body", "opened", "redundant_lines", "show", "summary", "why"]

_STYLES = {
    Outcome.PROVED: "green",
    Outcome.COUNTEREXAMPLE: "bold red",
    Outcome.RESIDUAL: "yellow",
    Outcome.UNDECIDED: "bold magenta",
}
_WIDTH = 120


def body(proof: Proof) -> dict[str, Any]:
    """Return the JSON body of ``prove``."""
    builtins: dict[str, Any] = msgspec.to_builtins(proof)
    return {
        "verdict": {outcome.value: proof.count(outcome) for outcome in Outcome},
        **builtins,
    }


def summary(proof: Proof) -> str:
    """Return one line: how many threats have which verdict."""
    counts = ", ".join(f"{proof.count(outcome)} {outcome}" for outcome in Outcome)
    unread = f"; {len(proof.unread)} not read" if proof.unread else ""
    ways = sum(bool(plan.opened_by) for plan in proof.plans)
    unread += f"; {ways} with a plan through another threat" if ways else ""
    threats = "1 threat" if len(proof.threats) == 1 else f"{len(proof.threats)} threats"
    return f"{threats}: {counts}{unread}"


def show(proof: Proof, *, details: bool) -> None:
    """Print the table, then what is open; with ``details`` everything."""
    width = None if sys.stdout.isatty() else _WIDTH
    console = Console(file=sys.stdout, width=width, highlight=False, soft_wrap=False)
    console.print(_table(proof))
    for threat in proof.threats:
        if details or threat.verdict in {Outcome.COUNTEREXAMPLE, Outcome.UNDECIDED}:
            for line in _details(threat):
                console.print(Text(plain(line)), soft_wrap=True)
    for line in _rest(proof):
        console.print(Text(plain(line)), soft_wrap=True)


def _table(proof: Proof) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("verdict", no_wrap=True)
    table.add_column("threat", no_wrap=True)
    table.add_column("effect", no_wrap=True)
    table.add_column("depth", justify="right", no_wrap=True)
    table.add_column("each of these suffices, or who gets through")
    for threat in proof.threats:
        style = _STYLES[threat.verdict]
        table.add_row(
            Text(threat.verdict.value, style=style),
            Text(threat.id),
            Text(threat.effect),
            Text("-" if threat.depth is None else str(threat.depth)),
            Text(plain(why(threat))),
        )
    return table


def why(threat: ThreatVerdict) -> str:
    """Return what a verdict rests on in a few words: controls, or who gets through."""
    match threat.verdict:
        case Outcome.COUNTEREXAMPLE:
            return "; ".join(threat.who) or threat.reason
        case Outcome.UNDECIDED:
            return threat.reason
        case Outcome.RESIDUAL:
            return "; ".join(threat.remaining) or threat.reason
        case Outcome.PROVED:
            return ", ".join(threat.layers) or threat.reason or "nothing lets anybody do it"


def _details(threat: ThreatVerdict) -> Iterator[str]:
    yield ""
    yield f"{threat.id}: {threat.title} ({threat.verdict})"
    if threat.reason:
        yield f"  why         {threat.reason}"
    for witness in (*threat.before, *((threat.witness,) if threat.witness else ())):
        yield from _request(witness)
    for name, text in (
        ("let through", threat.allowed_by),
        ("missing", threat.missing),
        ("not bound", "; ".join(threat.remaining)),
        ("remains", threat.remains),
    ):
        if text:
            yield f"  {name:<11} {text}"
    for fix in threat.fix:
        yield f"  fix         {fix.document}; proved to close it:"
        yield from (f"    {line}" for line in fix.diff.splitlines())


def _request(witness: Witness) -> Iterator[str]:
    yield f"  request     {witness.action} on {witness.resource}"
    yield f"  by          {witness.principal}"
    for key, values in witness.context.items():
        yield f"  with        {key} = {', '.join(values)}"


def opened(plan: Plan) -> str:
    """Return in brackets which other threat opens a plan, where one does."""
    return f" ({plan.opened_by} is a counterexample: see it)" if plan.opened_by else ""


def redundant_lines(proof: Proof) -> tuple[str, ...]:
    """Return a line for each deny that no verdict rests on, or one that there is none."""
    if proof.redundant is None:
        return ()
    found = tuple(f"{one.document}: {one.statement} ({one.control})" for one in proof.redundant)
    return found or ("none: each deny, taken away, changes a verdict or what it rests on",)


def _rest(proof: Proof) -> Iterator[str]:
    if proof.plans:
        yield ""
        yield "Shortest plans"
    for plan in proof.plans:
        calls = " -> ".join(plan.calls) if plan.calls else f"none: {plan.reason}"
        yield f"  {plan.threat}, {plan.actor}: {calls}{opened(plan)}"
    if redundant := redundant_lines(proof):
        yield ""
        yield "Redundant"
        yield from (f"  {line}" for line in redundant)
    if proof.unread:
        yield ""
        yield "Not read"
        yield from (f"  {line}" for line in proof.unread)
    yield ""
    yield "Assumed"
    yield from (f"  {line}" for line in proof.assumptions)
