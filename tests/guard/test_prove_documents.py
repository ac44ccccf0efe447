"""Folders of policies: what each file is, what is unknown, and files that are wrong."""

from __future__ import annotations

import json
from typing import Any

import pytest

from proofs import BUCKET, PARAMS, RECIPE, TRAIL, Folder, folder
from trailkeep.core.errors import UsageError
from trailkeep.guard.facts import ArchiveFacts
from trailkeep.guard.prove_accounts import completed, fresh_account, grouped, mentions
from trailkeep.guard.prove_archive import prove_archive
from trailkeep.guard.prove_documents import control_of, document_guards, possible_names
from trailkeep.guard.prove_model import Outcome, Proof
from trailkeep.guard.threat import Control
from trailkeep.guard.threats import BY_ID
from trailkeep.workflows.prove import prove_documents

_KEY = "arn:aws:kms:eu-central-1:222222222222:key/11112222-3333-4444-5555-666677778888"


def _proof(files: Folder, *threats: str) -> Proof:
    return prove_archive(document_guards(files), [BY_ID[name] for name in threats])


def _recipe(**files: bytes | str) -> Folder:
    return {
        **folder(RECIPE, params=PARAMS),
        **{f"{name.replace('_', '-')}.json": one for name, one in files.items()},
    }


@pytest.mark.parametrize(
    ("name", "control"),
    [
        ("bucket-policy.json", Control.BUCKET_POLICY),
        ("key-policy.json", Control.KEY_POLICY),
        ("scp.json", Control.ARCHIVE_SCP),
        ("scp-archive.json", Control.ARCHIVE_SCP),
        ("scp-organization.json", Control.ORGANIZATION_SCP),
        ("rcp-archive.json", Control.RCP),
        ("rcp-organization.json", Control.RCP),
        ("params.json", None),
        ("notes.json", None),
        ("scp.txt", None),
    ],
)
def test_names_of_files(name: str, control: Control | None) -> None:
    """The name of a file says what it holds and where it is attached."""
    assert control_of(name) is control


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"{", "policy 'scp.json': expected a JSON object, got 'Expecting property name"),
        (b'{"Version": "2012-10-17"}', "policy 'scp.json': Statement[0]: expected an object with Effect"),
        (
            b'{"Statement": {"Effect": "Deny", "Action": "s3 :*", "Resource": "*"}}',
            "policy 'scp.json': Statement[0].Action: expected '*' or service:Action",
        ),
        (b'{"Statement": [], "Statement": []}', "key 'Statement' twice in one object"),
        (b"[" * 100_000, "policy 'scp.json': expected a JSON object"),
        (b"\xff\xfe{}", "scp.json: expected UTF-8"),
        ("Permission denied", "scp.json: expected a policy, got Permission denied"),
    ],
)
def test_a_wrong_file(content: bytes | str, said: str) -> None:
    """A file that is no policy is named, nothing that it could refuse is proved, and the other files count."""
    proof = _proof(_recipe(scp=content), "delete-version", "foreign-trail-writes", "expire-by-lifecycle")
    assert any(said in one for one in proof.unread), proof.unread
    version, foreign, lifecycle = proof.threats
    assert version.verdict is Outcome.UNDECIDED
    assert said in version.reason
    assert foreign.verdict is Outcome.COUNTEREXAMPLE
    assert lifecycle.verdict is Outcome.UNDECIDED
    assert proof.plans == ()
    assert proof.exit_code == 1
    assert _proof(_recipe(scp=content), "expire-by-lifecycle").exit_code == 3


def test_a_wrong_bucket_policy() -> None:
    """What was not read of a bucket policy may grant anything, so nothing rests on its silence."""
    proof = _proof(_recipe(bucket_policy=b"{}"), "foreign-trail-writes", "leave-organization")
    assert [one.verdict for one in proof.threats] == [Outcome.UNDECIDED, Outcome.COUNTEREXAMPLE]


@pytest.mark.parametrize("content", [b'{"buckets": "x"}', b"[" * 100_000, b"\xff", "Permission denied"])
def test_wrong_params(content: bytes | str) -> None:
    """Names that are not known are a problem that keeps the exit code from being 0."""
    stay = _denies("organizations:*", Principal=None, Resource="*")
    files = _recipe(params=content, scp_organization=json.dumps(_document(stay)).encode())
    proof = _proof(files, "expire-by-lifecycle")
    assert proof.threats[0].verdict is Outcome.PROVED
    assert proof.unread
    assert proof.exit_code == 3


def test_no_policy_at_all() -> None:
    """A folder without any policy of an archive is no archive without policies."""
    with pytest.raises(UsageError, match=r"expected bucket-policy\.json, .* got notes\.json"):
        document_guards({"notes.json": b"{}"})


def test_several_buckets() -> None:
    """Where policies name several buckets nobody knows which is meant, and nothing is proved about it."""
    document = json.loads(json.dumps(RECIPE["scp.json"]))
    document["Statement"][0]["Resource"].append("arn:aws:s3:::another-bucket")
    files = folder({"scp.json": document})
    (found,) = _proof(files, "expire-by-lifecycle").threats
    assert found.verdict is Outcome.UNDECIDED
    assert "several buckets" in found.reason
    (named,) = _proof(folder({"scp.json": document}, params=PARAMS), "expire-by-lifecycle").threats
    assert named.verdict is Outcome.PROVED


def test_key_without_its_policy() -> None:
    """A key that policies name and whose own policy is not there may let anybody at it."""
    statement = {"Effect": "Deny", "Action": "kms:DisableKey", "Resource": _KEY}
    files = folder({"scp.json": {"Version": "2012-10-17", "Statement": statement}})
    closed, left = _proof(files, "disable-key", "destroy-key").threats
    assert closed.verdict is Outcome.PROVED
    assert left.verdict is Outcome.UNDECIDED
    assert left.reason.startswith("no key-policy.json, although")


def test_what_is_assumed_is_said() -> None:
    """Names that nobody knows and files that are not there are assumptions of the answer."""
    proof = _proof(folder(RECIPE), "delete-version")
    assert "the archive account is not known; 222222222222 stands for it, which no policy names" in (
        proof.assumptions
    )
    assert "no rcp*.json: the archive account is taken to have no RCP" in proof.assumptions
    known = _proof(folder(RECIPE, params=PARAMS), "delete-version")
    assert not any("stands for it" in one for one in known.assumptions)


def test_a_member_that_a_policy_names() -> None:
    """An account that a policy spares is asked about on its own."""
    document = {
        "Version": "2012-10-17",
        "Statement": {
            "Effect": "Deny",
            "Action": "organizations:LeaveOrganization",
            "Resource": "*",
            "Condition": {"StringNotEquals": {"aws:PrincipalAccount": "444444444444"}},
        },
    }
    files = folder({**RECIPE, "scp-organization.json": document}, params=PARAMS)
    (found,) = _proof(files, "leave-organization").threats
    assert found.verdict is Outcome.COUNTEREXAMPLE
    assert found.who == ("member root (444444444444)", "member users and roles (444444444444)")


def test_fresh_ids() -> None:
    """An id that stands for one nobody knows matches none that a policy mentions."""
    texts = (f'"{TRAIL}", "arn:aws:iam::2*:role/x"',)
    assert mentions(texts) == {"111111111111", "2*"}
    assert fresh_account(mentions(texts), "222222222222") == "333333333333"
    facts, notes = completed(ArchiveFacts(), texts)
    assert {facts.management_account, facts.archive_account} == {"333333333333", "444444444444"}
    assert len(notes) == 3


def test_accounts_that_are_alike() -> None:
    """Accounts with the same policies fall into one kind, unless an id or a pattern tells them apart."""
    paths = {f"{number}{'0' * 11}": () for number in range(3, 9)}
    kinds = grouped(paths, frozenset({"400000000000", "7*"}))
    assert [(one.account, one.count) for one in kinds] == [
        ("300000000000", 4),
        ("400000000000", 1),
        ("700000000000", 1),
    ]


def test_an_archive_account_that_nobody_tells() -> None:
    """An account that a policy spares may be the archive's while nothing says which that is."""
    statement = {
        "Effect": "Deny",
        "Action": "s3:*",
        "Resource": "*",
        "Condition": {"StringNotEquals": {"aws:PrincipalAccount": "444444444444"}},
    }
    documents = {**RECIPE, "scp.json": {"Version": "2012-10-17", "Statement": statement}}
    files = folder(documents)
    assert [one.archive_account for one in possible_names(files)] == ["", "", "444444444444"]
    (found,) = prove_documents(files, only="delete-version").threats
    assert found.verdict is Outcome.COUNTEREXAMPLE
    assert found.witness is not None
    assert found.witness.account == "444444444444"
    told = folder(documents, params=PARAMS)
    assert possible_names(told) == (ArchiveFacts(),)
    (proved,) = prove_documents(told, only="delete-version").threats
    assert proved.verdict is Outcome.PROVED


def test_too_many_accounts() -> None:
    """With many accounts named and none told to be the archive's the answer asks for it."""
    principals = [f"{number}" * 12 for number in range(1, 10)] + ["012345678901"]
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": principals},
        "Action": "s3:GetObject",
        "Resource": "*",
    }
    files = folder({"bucket-policy.json": {"Version": "2012-10-17", "Statement": statement}})
    with pytest.raises(UsageError, match="name archive_account in params"):
        prove_documents(files)


def test_a_key_of_another_member() -> None:
    """A key in another member account is bound by the SCPs of the root, and by none of the archive account."""
    key = _KEY.replace("222222222222", "444444444444")
    owner = {"AWS": "arn:aws:iam::444444444444:root"}
    policy = {"Effect": "Allow", "Principal": owner, "Action": "kms:*", "Resource": "*"}
    deny = {"Effect": "Deny", "Action": "kms:*", "Resource": key}
    version = {"Version": "2012-10-17"}
    documents = {
        "key-policy.json": {**version, "Statement": policy},
        "scp.json": {**version, "Statement": deny},
    }
    (found,) = _proof(folder(documents, params=PARAMS), "destroy-key").threats
    assert found.verdict is Outcome.COUNTEREXAMPLE
    documents["scp-organization.json"] = documents.pop("scp.json")
    (bound,) = _proof(folder(documents, params=PARAMS), "destroy-key").threats
    assert (bound.verdict, bound.layers) == (Outcome.PROVED, ("scp-organization",))


def _denies(action: str, **elements: Any) -> dict[str, Any]:
    return {
        "Sid": "Keep",
        "Effect": "Deny",
        "Principal": "*",
        "Action": action,
        "Resource": [f"arn:aws:s3:::{BUCKET}", f"arn:aws:s3:::{BUCKET}/*"],
        **elements,
    }


def _document(*statements: dict[str, Any]) -> dict[str, Any]:
    kept = [{key: value for key, value in one.items() if value is not None} for one in statements]
    return {"Version": "2012-10-17", "Statement": kept}


_REFUSED = {
    "rcp not action": ("rcp.json", _denies("x:y", Action=None, NotAction="s3:Get*"), "neither NotAction nor"),
    "rcp every action": ("rcp.json", _denies("*"), "neither NotAction nor"),
    "rcp principal": (
        "rcp.json",
        _denies("s3:*", Principal={"AWS": "222222222222"}),
        'the Principal of an RCP is "*" and nothing else',
    ),
    "rcp allow": ("rcp.json", _denies("s3:Get*", Effect="Allow"), "an RCP of yours allows nothing"),
    "scp principal": ("scp.json", _denies("s3:*"), "an SCP has no Principal"),
    "scp not principal": (
        "scp.json",
        _denies("s3:*", Principal=None, NotPrincipal={"AWS": "222222222222"}),
        "an SCP has no Principal",
    ),
    "bucket": (
        "bucket-policy.json",
        _denies("s3:*", Resource="arn:aws:s3:::another-bucket/*"),
        "arn:aws:s3:::another-bucket/* is not in the bucket",
    ),
    "bucket principal": ("bucket-policy.json", _denies("s3:*", Principal=None), "names no Principal"),
    "scp size": (
        "scp.json",
        _denies("s3:*", Principal=None, Resource=[f"arn:aws:s3:::{'b' * 60}{n}" for n in range(200)]),
        "a scp may have 10240",
    ),
    "rcp size": (
        "rcp.json",
        _denies("s3:*", Resource=[f"arn:aws:s3:::{'b' * 60}{n}" for n in range(100)]),
        "a rcp may have 5120",
    ),
}


@pytest.mark.parametrize("name", _REFUSED)
def test_a_document_that_aws_refuses(name: str) -> None:
    """A document that AWS would not attach guards nothing: file, statement and remedy are named, and no 0."""
    file, statement, said = _REFUSED[name]
    guarding = _document(_denies("s3:*", Principal=None, Sid="Guard"))
    files = folder({"scp-organization.json": guarding, file: _document(statement)}, params=PARAMS)
    whole = _proof(files, "expire-by-lifecycle")
    (found,) = whole.threats
    (reason,) = whole.unread
    assert reason.startswith(f"{file}: ")
    assert said in reason
    assert ("statement 'Keep'" in reason) is ("size" not in name)
    assert reason.endswith("; until then this document guards nothing")
    what_it_grants_counts = file == "bucket-policy.json"
    assert found.verdict is (Outcome.UNDECIDED if what_it_grants_counts else Outcome.PROVED)
    assert whole.exit_code == 3
    assert whole.plans == ()


def test_a_refused_guard_closes_nothing() -> None:
    """Where only a document that AWS refuses would close a threat, the threat is not proved."""
    strong = _document(_denies("x:y", Action=None, NotAction="s3:Get*"))
    proof = _proof(_recipe(rcp=json.dumps(strong).encode()), "delete-version")
    (found,) = proof.threats
    assert found.verdict is Outcome.UNDECIDED
    assert "'Keep'" in found.reason
    assert "list the actions" in found.reason
    assert proof.exit_code == 3


def test_the_allow_that_aws_attaches() -> None:
    """RCPFullAWSAccess, which AWS attaches itself, is refused to nobody and guards nothing."""
    allow = {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}
    proof = _proof(_recipe(rcp_full=json.dumps(_document(allow)).encode()), "delete-version")
    assert proof.unread == ()
    assert proof.threats[0].verdict is Outcome.COUNTEREXAMPLE


def test_white_space_beyond_the_quota() -> None:
    """A document that is too long only as it is written counts, and the answer says how it was counted."""
    text = json.dumps(_document(_denies("s3:*", Principal=None))) + " " * 10_240
    proof = _proof({**folder({}, params=PARAMS), "scp.json": text.encode()}, "expire-by-lifecycle")
    assert proof.threats[0].verdict is Outcome.PROVED
    assert proof.unread == ()
    assert any(
        "scp.json has 10" in one and "taken to be attached without" in one for one in proof.assumptions
    )


@pytest.mark.parametrize(
    ("left", "opened_by", "code"),
    [
        (("LeaveOrganization", "AcceptHandshake"), "", 0),
        (("LeaveOrganization",), "accept-invitation", 1),
        (("AcceptHandshake",), "leave-organization", 1),
    ],
)
def test_a_plan_through_another_threat(left: tuple[str, ...], opened_by: str, code: int) -> None:
    """A threat that is proved and that two calls reach all the same ends with 1, and says through what."""
    denied = [f"organizations:{action}" for action in left]
    documents = {
        **RECIPE,
        "scp.json": _document(
            _denies("s3:*", Principal=None),
            _denies("x:y", Sid="Stay", Principal=None, Resource="*", Action=denied),
        ),
    }
    proof = prove_documents(folder(documents, params=PARAMS), only="delete-version")
    assert proof.threats[0].verdict is Outcome.PROVED
    assert {plan.opened_by for plan in proof.plans if plan.actor == "archive administrator"} == {opened_by}
    assert proof.exit_code == code
    if opened_by:
        whole = prove_documents(folder(documents, params=PARAMS))
        opening = next(one for one in whole.threats if one.id == opened_by)
        assert opening.verdict is Outcome.COUNTEREXAMPLE
        assert whole.exit_code == code
