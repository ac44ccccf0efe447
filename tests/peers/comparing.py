"""Our evaluator beside iam-simulate: ``PYTHONPATH=src:tests python tests/peers/comparing.py [COUNT] [SEED]``."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from peers.differences import DIFFERENCES
from peers.requests import case
from peers.simulator import judge, missing
from trailkeep.guard.evaluate import (
    FULL_AWS_ACCESS,
    Decision,
    Layers,
    Principal,
    PrincipalKind,
    Request,
    evaluate,
)
from trailkeep.guard.policy import Policy, parse_policy

Case = dict[str, Any]


@dataclass(slots=True, kw_only=True)
class Tally:
    """What came out.

    Attributes:
        agreed: decisions on which both agree, and how often.
        explained: contradictions by the differences that explain them.
        refused: cases that the peer did not take, by its message.
        contradictions: what nothing explains: the case, our decision and the peer's.
    """

    agreed: Counter[Decision] = field(default_factory=Counter)
    explained: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    contradictions: list[tuple[Case, Decision, Decision]] = field(default_factory=list)


def random_cases(count: int, seed: int) -> list[Case]:
    """Return the cases of a seed."""
    random = Random(seed)  # noqa: S311 - no secret
    return [case(random) for _ in range(count)]


def compare(cases: Sequence[Case], ours: Callable[[Case], Decision] | None = None) -> Tally:
    """Put all cases to both, and every contradiction once more without what is known to differ.

    Args:
        cases: the cases.
        ours: gives our decision; the evaluator's unless another is to be judged.
    """
    decide = ours or ours_of
    tally = Tally()
    open_cases: list[tuple[Case, Decision, Decision]] = []
    for each, judgement in zip(cases, judge(cases), strict=True):
        decision = decide(each)
        if judgement.decision is None or judgement.ignored:
            tally.refused[judgement.error or f"ignored {judgement.ignored}"] += 1
        elif judgement.decision is decision:
            tally.agreed[decision] += 1
        else:
            open_cases.append((each, decision, judgement.decision))
    _explain(open_cases, tally, decide)
    return tally


def _explain(
    open_cases: Sequence[tuple[Case, Decision, Decision]], tally: Tally, decide: Callable[[Case], Decision]
) -> None:
    """Take the known differences out of each case one by one, then in turn all of them."""
    single = [_without(each, (index,)) for each, _, _ in open_cases for index in range(len(DIFFERENCES))]
    every = [_without(each, range(len(DIFFERENCES))) for each, _, _ in open_cases]
    variants = [variant for _, variant in (*single, *every)]
    agree = [
        decide(variant) is found.decision for variant, found in zip(variants, judge(variants), strict=True)
    ]
    width = len(DIFFERENCES)
    for position, contradiction in enumerate(open_cases):
        own = range(position * width, (position + 1) * width)
        explained = [single[index][0] for index in own if single[index][0] and agree[index]]
        if explained:
            tally.explained[explained[0]] += 1
        elif every[position][0] and agree[len(single) + position]:
            tally.explained[every[position][0]] += 1
        else:
            tally.contradictions.append(contradiction)


def _without(case_: Case, indexes: Sequence[int]) -> tuple[str, Case]:
    names = []
    for index in indexes:
        if (changed := DIFFERENCES[index].rewritten(case_)) is not None:
            case_ = changed
            names.append(DIFFERENCES[index].name)
    return ", ".join(names), case_


def ours_of(case_: Case) -> Decision:
    """Return our decision of a case."""
    principal = case_["principal"]
    request = Request(
        principal=Principal(**{**principal, "kind": PrincipalKind(principal["kind"])}),
        action=case_["action"],
        resource=case_["resource"],
        resource_account_id=case_["owner"],
        context={key: tuple(values) for key, values in case_["context"].items()},
    )
    return evaluate(request, _layers(case_["layers"])).decision


def _layers(facts: dict[str, Any]) -> Layers:
    def read(document: Any) -> Policy:
        return FULL_AWS_ACCESS if document == "FullAWSAccess" else parse_policy(document, name="p")

    def one(name: str) -> Policy | None:
        return read(facts[name]) if name in facts else None

    return Layers(
        scps=tuple(tuple(read(each) for each in level) for level in facts.get("scps", ())),
        rcps=tuple(tuple(read(each) for each in level) for level in facts.get("rcps", ())),
        resource_policy=one("resource_policy"),
        identity=tuple(read(each) for each in facts["identity"]) if "identity" in facts else None,
        boundary=one("boundary"),
        session=one("session"),
        endpoint=one("endpoint"),
        management_account_id=facts["management_account_id"],
    )


def main() -> int:
    """Print the figures; 1 when something is not explained, 3 when the peer is missing."""
    if reason := missing():
        sys.stderr.write(f"{reason}\n")
        return 3
    count, seed = (int(text) for text in (*sys.argv[1:], "5000", "1")[:2])
    tally = compare(random_cases(count, seed))
    sys.stdout.write(f"agreed: {dict(tally.agreed)}\nexplained: {dict(tally.explained)}\n")
    sys.stdout.write(f"not taken by the peer: {dict(tally.refused)}\n")
    for contradiction in tally.contradictions:
        sys.stdout.write(f"{json.dumps(contradiction)}\n")
    sys.stdout.write(f"contradictions: {len(tally.contradictions)}\n")
    return 1 if tally.contradictions else 0


if __name__ == "__main__":
    sys.exit(main())
