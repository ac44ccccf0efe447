"""Proofs and counterexamples: golden cases, the common recipe, layers left out."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from trailkeep.core.errors import UsageError
from trailkeep.guard.evaluate import FULL_AWS_ACCESS, Decision, Layer, Layers, PrincipalKind, evaluate
from trailkeep.guard.policy import Policy, parse_policy
from trailkeep.guard.principals import Principal, implied_context
from trailkeep.guard.symbolic import (
    Answer,
    Caller,
    Form,
    KeyFact,
    Outcome,
    Presence,
    Question,
    depth,
    every_caller,
    prove,
    sufficient_layers,
)

_CASES = Path(__file__).parent.parent / "cases" / "symbolic"
_ARCHIVE, _MANAGEMENT = "222222222222", "111111111111"


def _cases() -> list[Any]:
    return [
        pytest.param(case, id=f"{path.stem}: {case['name']}")
        for path in sorted(_CASES.glob("*.json"))
        for case in json.loads(path.read_text())
    ]


def _policy(document: Any, name: str) -> Policy:
    return FULL_AWS_ACCESS if document == "FullAWSAccess" else parse_policy(document, name=name)


def _layers(facts: dict[str, Any]) -> Layers:
    def one(name: str) -> Policy | None:
        return _policy(facts[name], name) if name in facts else None

    def levels(name: str) -> tuple[tuple[Policy, ...], ...]:
        return tuple(tuple(_policy(each, name) for each in level) for level in facts.get(name, []))

    identity = tuple(_policy(each, "identity") for each in facts.get("identity", []))
    return Layers(
        scps=levels("scps"),
        rcps=levels("rcps"),
        resource_policy=one("resource_policy"),
        identity=identity if "identity" in facts else None,
        boundary=one("boundary"),
        session=one("session"),
        endpoint=one("endpoint"),
        management_account_id=facts.get("management_account_id", ""),
    )


def _caller(facts: dict[str, Any]) -> Caller:
    apart_from = frozenset(facts.get("apart_from", ()))
    return Caller(**{**facts, "kind": PrincipalKind(facts["kind"]), "apart_from": apart_from})


def _fact(facts: dict[str, Any]) -> KeyFact:
    return KeyFact(
        presence=Presence(facts["presence"]),
        form=Form(facts["form"]),
        patterns=tuple(facts.get("patterns", ())),
        excluded=tuple(facts.get("excluded", ())),
    )


def _question(case: dict[str, Any]) -> Question:
    return Question(
        caller=_caller(case["caller"]),
        action=case["action"],
        resources=tuple(case["resources"]),
        resource_account_id=case["owner"],
        layers=_layers(case["layers"]),
        facts={key: _fact(fact) for key, fact in case.get("facts", {}).items()},
    )


def _agrees(answer: Answer, expected: dict[str, Any]) -> None:
    request = answer.witness
    assert request is not None
    assert expected.get("resource", request.resource) == request.resource
    assert expected.get("principal", request.principal.arn) == request.principal.arn
    given = {key.lower(): values for key, values in request.context.items()}
    context = {**implied_context(request.principal), **given}
    for key, values in expected.get("context", {}).items():
        assert context[key.lower()] == tuple(values)
    assert not {key.lower() for key in expected.get("absent", ())} & set(given)


@pytest.mark.parametrize("case", _cases())
def test_golden_case(case: dict[str, Any]) -> None:
    """What a class of callers can do is what the case says, and a witness gets through."""
    question, expected = _question(case), case["expect"]
    answer = prove(question)
    assert answer.outcome == expected["outcome"], answer
    if answer.outcome is Outcome.ALLOWED:
        assert answer.witness
        assert evaluate(answer.witness, question.layers).decision is Decision.ALLOW
        _agrees(answer, expected.get("witness", {}))
    if "refusals" in expected:
        assert [f"{each.layer}/{each.statement}" for each in answer.refusals] == expected["refusals"]
    assert expected.get("reason", "") in answer.reason


def test_golden_cases_are_sourced_and_distinct() -> None:
    """There are at least 100 cases, each with its source and a name of its own, of all three outcomes."""
    cases = [parameter.values[0] for parameter in _cases()]
    assert len({case["name"] for case in cases}) == len(cases) >= 100
    assert all("https://docs.aws.amazon.com/" in case["source"] for case in cases)
    assert {case["expect"]["outcome"] for case in cases} == set(Outcome)


_NEVER_SENT = {  # aws:SourceArn with a call that no AWS service makes
    "ArnEquals knows wildcards like ArnLike",
    "ArnLike lets the last segment swallow colons",
    "a variable in an ARN operator",
}


def _single_requests() -> list[Any]:
    folder = _CASES.parent / "evaluate"
    return [
        pytest.param(case, id=f"{path.stem}: {case['name']}")
        for path in sorted(folder.glob("*.json"))
        for case in json.loads(path.read_text())
        if case["expect"]["decision"] == "allow"
    ]


@pytest.mark.parametrize("case", _single_requests())
def test_a_request_that_gets_through_is_no_proof(case: dict[str, Any]) -> None:
    """Where the evaluator's golden cases allow a request, nothing is proved of its class."""
    principal = Principal(**{**case["principal"], "kind": PrincipalKind(case["principal"]["kind"])})
    account = principal.account if principal.has_credentials else ""
    question = Question(
        caller=Caller(kind=principal.kind, account_id=account, service=principal.service),
        action=case["action"],
        resources=(case["resource"],),
        resource_account_id=case["owner"],
        layers=_layers(case.get("layers", {})),
    )
    assert (prove(question).outcome is Outcome.NONE) is (case["name"] in _NEVER_SENT)


_ROOT = Caller(kind=PrincipalKind.ROOT, account_id=_ARCHIVE)
_DENY = {"Effect": "Deny", "Action": "s3:*", "Resource": "arn:aws:s3:::logs/*"}


def _guarded(*, scp: bool = False, rcp: bool = False, bucket: bool = False) -> Question:
    """Ask whether root can delete a log that these layers protect."""
    deny = parse_policy({"Version": "2012-10-17", "Statement": {**_DENY, "Sid": "D"}}, name="guard")
    for_all = parse_policy({"Version": "2012-10-17", "Statement": {**_DENY, "Principal": "*"}}, name="guard")
    layers = Layers(
        scps=((FULL_AWS_ACCESS, deny),) if scp else (),
        rcps=((for_all,),) if rcp else (),
        resource_policy=for_all if bucket else None,
        management_account_id=_MANAGEMENT,
    )
    return Question(
        caller=_ROOT,
        action="s3:DeleteObject",
        resources=("arn:aws:s3:::logs/*",),
        resource_account_id=_ARCHIVE,
        layers=layers,
    )


def test_depth_counts_layers_that_must_fail() -> None:
    """One guard must fail where there is one, three where there are three, and none where there is none."""
    assert depth(_guarded()) == 0
    assert depth(_guarded(scp=True)) == 1
    assert depth(_guarded(scp=True, rcp=True)) == 2
    assert depth(_guarded(scp=True, rcp=True, bucket=True)) == 3


def test_depth_without_need_of_any_layer() -> None:
    """What no layer is needed to refuse has no depth: a stranger without a grant."""
    stranger = Caller(kind=PrincipalKind.IAM, account_id="999999999999")
    assert depth(replace(_guarded(rcp=True), caller=stranger)) is None


def test_layers_that_suffice_alone() -> None:
    """A layer suffices when it refuses everything with all others left out."""
    assert sufficient_layers(_guarded(scp=True, bucket=True)) == {Layer.SCP, Layer.RESOURCE}
    bucket_policy = replace(
        _guarded(rcp=True, bucket=True), action="s3:DeleteBucketPolicy", resources=("arn:aws:s3:::logs",)
    )
    assert sufficient_layers(bucket_policy) == frozenset()


def test_a_layer_left_out_neither_denies_nor_withholds() -> None:
    """Without its SCPs a level that allows nothing refuses nothing; a bucket policy keeps its grants."""
    read = parse_policy(
        {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:Get*", "Resource": "*"}},
        name="read",
    )
    question = replace(_guarded(), layers=Layers(scps=((read,),), management_account_id=_MANAGEMENT))
    assert prove(question).outcome is Outcome.NONE
    assert prove(question, without=frozenset({Layer.SCP})).outcome is Outcome.ALLOWED
    grant = {"Effect": "Allow", "Action": "*", "Resource": "*", "Principal": "*"}
    granting = parse_policy(
        {"Version": "2012-10-17", "Statement": [grant, {**_DENY, "Principal": "*"}]}, name="bucket"
    )
    stranger = replace(
        _guarded(),
        caller=Caller(kind=PrincipalKind.IAM, account_id="999999999999"),
        layers=Layers(resource_policy=granting),
    )
    assert prove(stranger).outcome is Outcome.NONE
    assert prove(stranger, without=frozenset({Layer.RESOURCE})).outcome is Outcome.ALLOWED


def test_only_layers_of_policies_can_be_left_out() -> None:
    """The root user's own access is no layer to leave out."""
    with pytest.raises(UsageError, match="expected a layer of policies, got root"):
        prove(_guarded(), without=frozenset({Layer.ROOT}))


def test_scps_are_never_taken_to_bind_strangers() -> None:
    """SCPs in a question about accounts outside the organization are refused, not believed."""
    with pytest.raises(UsageError, match="expected no SCPs, got some"):
        replace(_guarded(scp=True), caller=Caller(kind=PrincipalKind.IAM))
    inside = Caller(kind=PrincipalKind.IAM, organization_id="o-a")
    assert prove(replace(_guarded(scp=True), caller=inside)).outcome is Outcome.NONE


def test_the_class_of_all_others_has_neither_owner_nor_management() -> None:
    """Any other account is never the account of the resource, whose callers need no grant."""
    question = replace(_guarded(), caller=Caller(kind=PrincipalKind.IAM))
    assert prove(question).outcome is Outcome.NONE


def test_facts_about_callers_are_refused() -> None:
    """What a caller is follows from its class, so no fact may say otherwise."""
    with pytest.raises(UsageError, match="got aws:PrincipalArn"):
        replace(_guarded(), facts={"aws:PrincipalArn": KeyFact()})
    with pytest.raises(UsageError, match="got aws:ViaAWSService"):
        replace(_guarded(), facts={"aws:ViaAWSService": KeyFact(presence=Presence.NEVER)})


def test_resources_are_whole_arns() -> None:
    """A question about half an ARN or about nothing is refused."""
    with pytest.raises(UsageError, match="at least one resource pattern"):
        replace(_guarded(), resources=())
    with pytest.raises(UsageError, match="an ARN with six segments, got 'arn:aws:s3'"):
        prove(replace(_guarded(), resources=("arn:aws:s3",)))


def test_accounts_have_twelve_digits() -> None:
    """A class of callers with a short account id is refused."""
    with pytest.raises(UsageError, match="expected account_id of 12 digits, got '1111111111'"):
        Caller(kind=PrincipalKind.ROOT, account_id="1111111111")


def test_facts_narrow_a_question() -> None:
    """A key that is known to be absent, or to have one value, is taken at its word."""
    deny = {**_DENY, "Condition": {"StringNotEqualsIfExists": {"my:key": "a"}}}
    layers = Layers(
        scps=((FULL_AWS_ACCESS, parse_policy({"Statement": deny}, name="guard")),),
        management_account_id=_MANAGEMENT,
    )
    question = replace(_guarded(), layers=layers)
    always_b = KeyFact(presence=Presence.ALWAYS, values=("b",))
    assert prove(question).outcome is Outcome.ALLOWED
    assert prove(replace(question, facts={"My:Key": always_b})).outcome is Outcome.NONE
    assert (
        prove(replace(question, facts={"my:key": KeyFact(presence=Presence.NEVER)})).outcome is Outcome.NONE
    )


def test_nothing_is_proved_of_nothing() -> None:
    """Facts that leave no request at all prove nothing."""
    deny = {**_DENY, "Condition": {"StringEquals": {"my:key": "a"}}}
    layers = Layers(
        scps=((FULL_AWS_ACCESS, parse_policy({"Statement": deny}, name="guard")),),
        management_account_id=_MANAGEMENT,
    )
    contradictory = KeyFact(presence=Presence.ALWAYS, patterns=("a*",), excluded=("*",))
    answer = prove(replace(_guarded(), layers=layers, facts={"my:key": contradictory}))
    assert answer.outcome is Outcome.UNDECIDED
    assert answer.reason == "no request has a my:key as the question describes it"


def _many(count: int, key: str) -> Layers:
    globs = [
        {**_DENY, "Condition": {"StringLike": {key: f"*{'?' * index}x*{index}*"}}} for index in range(count)
    ]
    policy = parse_policy({"Version": "2012-10-17", "Statement": globs}, name="many")
    return Layers(scps=((FULL_AWS_ACCESS, policy),), management_account_id=_MANAGEMENT)


def test_too_much_is_undecided_in_bounded_time() -> None:
    """Patterns that can be told apart in more ways than are looked at make a question undecided."""
    present = {"aws:RequestTag/x": KeyFact(presence=Presence.ALWAYS, patterns=("x*0*",))}
    answer = prove(replace(_guarded(), layers=_many(24, "aws:RequestTag/x"), facts=present))
    assert answer.outcome is Outcome.UNDECIDED
    assert answer.reason == (
        "statement '0' of 'many': there are too many ways to tell the values of aws:RequestTag/x apart"
    )


@pytest.mark.parametrize("key", ["aws:RequestTag/x", "aws:PrincipalArn", "aws:username"])
def test_too_much_of_one_thing_hinders_no_proof_by_another(key: str) -> None:
    """What cannot be told apart stays open; a deny that does not need it is still a proof."""
    layers = _many(24, key)
    deny = parse_policy({"Version": "2012-10-17", "Statement": {**_DENY, "Sid": "All"}}, name="guard")
    question = replace(_guarded(), caller=Caller(kind=PrincipalKind.IAM, account_id=_ARCHIVE), layers=layers)
    assert prove(question).outcome is not Outcome.NONE
    answer = prove(replace(question, layers=replace(layers, scps=(*layers.scps, (FULL_AWS_ACCESS, deny)))))
    assert [refusal.statement for refusal in answer.refusals] == ["All"]


def test_too_many_resources_hinder_no_proof() -> None:
    """Resources that cannot be told apart stay open; a deny by another layer is still a proof."""
    patterns = [f"arn:aws:s3:::logs/*{'?' * index}x*{index}*" for index in range(24)]
    open_ = parse_policy(
        {"Version": "2012-10-17", "Statement": [{**_DENY, "Resource": pattern} for pattern in patterns]},
        name="many",
    )
    level = (FULL_AWS_ACCESS, open_)
    question = replace(_guarded(), layers=Layers(scps=(level,), management_account_id=_MANAGEMENT))
    assert prove(question).outcome is not Outcome.NONE
    nothing = replace(question.layers, scps=(level, (parse_policy({"Statement": _DENY}, name="none"),)))
    assert prove(replace(question, layers=nothing)).outcome is Outcome.NONE


def test_too_many_combinations_are_undecided() -> None:
    """Conditions that combine in more ways than are looked at make a question undecided.

    Pigeons and holes: every pigeon must be in one of eight holes, no two in the same. There are nine.
    """
    pigeons = [f"my:pigeon{index}" for index in range(9)]
    holes = [f"hole{index}" for index in range(8)]
    nowhere: list[dict[str, object]] = [
        {"Condition": {"StringNotEquals": {pigeon: holes}}} for pigeon in pigeons
    ]
    both: list[dict[str, object]] = [
        {"Condition": {"StringEquals": {one: hole, other: hole}}}
        for one, other in combinations(pigeons, 2)
        for hole in holes
    ]
    document = {"Version": "2012-10-17", "Statement": [{**_DENY, **each} for each in (*nowhere, *both)]}
    policy = parse_policy(document, name="pigeons")
    question = replace(
        _guarded(),
        layers=Layers(scps=((FULL_AWS_ACCESS, policy),), management_account_id=_MANAGEMENT),
        facts={pigeon: KeyFact(several=False) for pigeon in pigeons},
    )
    answer = prove(question)
    assert answer.outcome is Outcome.UNDECIDED
    assert answer.reason.endswith("the conditions of these policies combine in too many ways")


_CALLERS = every_caller(
    accounts=[_ARCHIVE, "333333333333", _MANAGEMENT],
    services=["cloudtrail.amazonaws.com"],
    organization_id="o-abcdef1234",
)
_MUTATING = (
    *("s3:PutBucketPolicy", "s3:DeleteBucketPolicy", "s3:PutLifecycleConfiguration", "s3:DeleteBucket"),
    *(
        "s3:DeleteObject",
        "s3:DeleteObjectVersion",
        "s3:PutObject",
        "s3:PutObjectRetention",
        "s3:ReplicateDelete",
    ),
)


def _ask_all(layers: Layers, bucket: str) -> dict[tuple[str, str], Outcome]:
    found = {}
    for action in _MUTATING:
        resource = f"arn:aws:s3:::{bucket}{'' if 'Bucket' in action or 'Lifecycle' in action else '/*'}"
        for caller in _CALLERS:
            is_member = caller.organization_id and caller.account_id != _MANAGEMENT
            question = Question(
                caller=caller,
                action=action,
                resources=(resource,),
                resource_account_id=_ARCHIVE,
                layers=layers if is_member else replace(layers, scps=()),
            )
            found[action, str(caller)] = prove(question).outcome
    return found


def _read(folder: Path, name: str) -> Policy:
    return parse_policy((folder / f"{name}.json").read_bytes(), name=name)


def test_published_recipe_leaves_the_objects_to_the_archive_account(shared_data: Path) -> None:
    """Under the recipe that guides hand out, root and administrators of the archive can do all to objects."""
    folder = shared_data / "common-recipe"
    layers = Layers(
        scps=((FULL_AWS_ACCESS,), (FULL_AWS_ACCESS, _read(folder, "scp"))),
        resource_policy=_read(folder, "bucket-policy"),
        management_account_id=_MANAGEMENT,
    )
    found = _ask_all(layers, "gov-my-cloudtrail")
    root = {
        action
        for (action, caller), outcome in found.items()
        if outcome is Outcome.ALLOWED and "root" in caller
    }
    assert root == {action for action in _MUTATING if "Object" in action or "Replicate" in action}


def test_guard_set_leaves_only_the_trail(shared_data: Path) -> None:
    """Under the guard set nobody changes anything, except CloudTrail, which writes."""
    folder = shared_data / "guard-set"
    layers = Layers(
        scps=(
            (FULL_AWS_ACCESS, _read(folder, "scp-organization")),
            (FULL_AWS_ACCESS, _read(folder, "scp-archive")),
        ),
        rcps=((_read(folder, "rcp-archive"),),),
        resource_policy=_read(folder, "bucket-policy"),
        management_account_id=_MANAGEMENT,
    )
    found = _ask_all(layers, "acme-ct-archive-222222222222-eu-central-1-an")
    open_ = {question for question, outcome in found.items() if outcome is not Outcome.NONE}
    assert open_ == {("s3:PutObject", "cloudtrail.amazonaws.com")}
