"""How the steps beside an export look."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from trailkeep.guard.iac import Step

__all__ = ["steps_page"]


def steps_page(target: str, steps: Sequence[Step]) -> str:
    """Return the page that says what the target cannot express, in Markdown."""
    return "\n".join(_lines(target, steps)) + "\n"


def _lines(target: str, steps: Iterable[Step]) -> Iterator[str]:
    yield f"# What {target} does not do"
    yield ""
    yield "These steps belong to the setup and have no safe counterpart here."
    yield "'trailkeep plan' tells whether they are done."
    yield ""
    yield f"{target} has no second phase: lock, armed bucket policy and guards come with all the rest."
    yield "The armed bucket policy lets CloudTrail deliver and can be replaced. While the guards are attached"
    yield "nobody changes the bucket: leave them out until a log of a member account has arrived."
    for heading, first in ((f"Before {target}", True), (f"After {target}", False)):
        chosen = [step for step in steps if step.first == first]
        if chosen:
            yield from ("", f"## {heading}")
        for step in chosen:
            yield from ("", f"{step.action}, in account {step.account}: {step.reason}", "")
            yield from ("```sh", step.command, "```")
