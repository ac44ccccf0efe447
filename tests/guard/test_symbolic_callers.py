"""Tables of callers, sources and resources: whoever calls agrees with one of the rows."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from random_policies import ARCHIVE, CALLERS, PRINCIPALS, callers, conditions, sources
from trailkeep.guard.conditions import condition_holds
from trailkeep.guard.evaluate import PrincipalKind
from trailkeep.guard.policy import Statement, parse_policy
from trailkeep.guard.principals import Grant, implied_context, named_by
from trailkeep.guard.symbolic_callers import CallerRow, caller_table
from trailkeep.guard.symbolic_classes import CALLER_KEYS, Caller, every_caller, shapes
from trailkeep.guard.symbolic_keys import Asked, Form, KeyFact
from trailkeep.guard.symbolic_source import source_table


@st.composite
def _statements(draw: st.DrawFn, about: str) -> Statement:
    body = {
        "Effect": draw(st.sampled_from(["Allow", "Deny"])),
        draw(st.sampled_from(["Principal", "NotPrincipal"])): draw(PRINCIPALS),
        "Action": "*",
        "Condition": draw(conditions(least=1, most=2, about=about)),
    }
    return parse_policy({"Version": "2012-10-17", "Statement": body}, name="p").statements[0]


def _asked(statements: list[Statement], keys: frozenset[str] | set[str]) -> tuple[Asked, ...]:
    return tuple(
        (condition, True)
        for statement in statements
        for condition in statement.conditions
        if condition.key.lower() in keys
    )


def _agrees(row: CallerRow, grants: list[Grant], truths: list[bool]) -> bool:
    within = all(least <= grant <= most for (least, most), grant in zip(row.grants, grants, strict=True))
    return within and all(
        known is None or known is truth for known, truth in zip(row.truths, truths, strict=True)
    )


_more = settings(max_examples=max(400, settings().max_examples))  # rare combinations count


@_more
@given(
    data=st.data(),
    caller=st.sampled_from(CALLERS),
    statements=st.lists(
        st.one_of(
            *(
                _statements(about)
                for about in ("principalarn", "principalarn", "principal", "user", "federated")
            )
        ),
        max_size=4,
    ),
    has_boundary=st.booleans(),
)
def test_every_caller_agrees_with_a_row(
    data: st.DataObject, caller: Caller, statements: list[Statement], *, has_boundary: bool
) -> None:
    """Whoever of a class calls, a row of the table is named and answers conditions as they do."""
    principal, given_keys = data.draw(callers(caller))
    context = {**implied_context(principal), **{key.lower(): value for key, value in given_keys.items()}}
    decided = {key for key in CALLER_KEYS for shape in shapes(caller) if shape.decides(key)}
    questions = _asked(statements, decided)
    grants = [named_by(each, principal, context, has_boundary=has_boundary) for each in statements]
    truths = [condition_holds(condition, context, variables=True) for condition, _ in questions]
    rows = [
        row
        for shape in shapes(caller)
        for row in caller_table(shape, tuple(statements), questions, (), has_boundary=has_boundary) or ()
    ]
    assert any(_agrees(row, grants, truths) for row in rows)


@given(st.sampled_from(CALLERS), st.lists(_statements("principal"), max_size=3))
def test_every_row_is_a_caller_of_the_class(caller: Caller, statements: list[Statement]) -> None:
    """The callers of a table are of the class: their kind, their account, or none that is apart from it."""
    for shape in shapes(caller):
        for row in caller_table(shape, tuple(statements), (), (), has_boundary=False) or ():
            principal = row.principal
            assert principal.kind is caller.kind
            assert principal.account == caller.account_id or not caller.account_id
            assert principal.account not in caller.apart_from
            assert principal.service == caller.service or not caller.service
            assert principal.service not in caller.apart_from
            context = dict(row.context)
            is_linked = "/aws-service-role/" in context.get("aws:principalarn", ("",))[0]
            assert is_linked is (caller.kind is PrincipalKind.SERVICE_LINKED_ROLE)


@given(sources(), st.lists(_statements("source"), max_size=3))
def test_every_source_agrees_with_a_row(
    source: dict[str, tuple[str, ...]], statements: list[Statement]
) -> None:
    """For whatever resource a service calls, a row answers the conditions on its ARN and account."""
    context = {key.lower(): values for key, values in source.items()}
    asked = tuple(
        (replace(condition, key=condition.key.lower()), variables)
        for condition, variables in _asked(statements, {"aws:sourcearn", "aws:sourceaccount"})
    )
    rows = source_table(KeyFact(form=Form.ARN), KeyFact(form=Form.ACCOUNT), asked, ())
    assert rows is not None
    truths = [condition_holds(condition, context, variables=True) for condition, _ in asked]
    assert any(
        all(known is None or known is truth for known, truth in zip(row, truths, strict=True))
        for _, row in rows
    )


def test_a_role_below_the_path_of_services_is_theirs() -> None:
    """No role of a customer is below /aws-service-role/, even if a policy asks for one."""
    body = {
        "Effect": "Deny",
        "Action": "*",
        "Condition": {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/aws-service-role/*"}},
    }
    statement = parse_policy({"Statement": body}, name="p").statements[0]
    asked = ((statement.conditions[0], True),)
    for kind, expected in ((PrincipalKind.IAM, False), (PrincipalKind.SERVICE_LINKED_ROLE, True)):
        for shape in shapes(Caller(kind=kind, account_id=ARCHIVE)):
            table = caller_table(shape, (), asked, (), has_boundary=False)
            assert table is not None
            assert {row.truths for row in table} == {(expected,)}


@given(st.data())
def test_every_caller_is_of_one_class(data: st.DataObject) -> None:
    """The classes of all callers overlap nowhere: a caller of one is in no table of another."""
    classes = every_caller(accounts=[ARCHIVE], services=["cloudtrail.amazonaws.com"], organization_id="o-a")
    assert len(classes) == 9
    caller = data.draw(st.sampled_from(classes))
    principal, _ = data.draw(callers(caller))
    same = [
        each
        for each in classes
        if each.kind is principal.kind
        and principal.account not in each.apart_from
        and principal.service not in each.apart_from
        and each.account_id in {"", principal.account}
        and each.service in {"", principal.service}
    ]
    assert same == [caller]
