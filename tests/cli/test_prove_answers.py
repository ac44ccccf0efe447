"""What ``prove`` and the audit's report say of proofs: redundant denies, what is undecided, the whole page."""

from __future__ import annotations

import json
from html import escape
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from audits import subject
from proofs import PARAMS, RECIPE, folder
from trailkeep.cli import prove
from trailkeep.cli.audit_html import report
from trailkeep.core.config import Mute
from trailkeep.guard.control import Outcome as Answered
from trailkeep.guard.controls import audit
from trailkeep.guard.prove_estate import estate_guards
from trailkeep.guard.prove_model import Outcome, Proof
from trailkeep.workflows.prove import prove_documents

_TLS = {
    "Sid": "Tls",
    "Effect": "Deny",
    "Action": "s3:*",
    "Resource": "*",
    "Condition": {"Bool": {"aws:SecureTransport": "false"}},
}
_LONE_STAR = {"ArnLike": {"aws:PrincipalArn": "*"}}


def _documents(*more: dict[str, Any]) -> dict[str, Any]:
    scp = RECIPE["scp.json"]
    return {**RECIPE, "scp.json": {**scp, "Statement": [*scp["Statement"], *more]}, "params.json": PARAMS}


def _run(path: Path, documents: dict[str, Any], *arguments: str) -> tuple[int, str]:
    for name, content in folder(documents).items():
        assert isinstance(content, bytes)
        (path / name).write_bytes(content)
    application = typer.Typer(pretty_exceptions_enable=False)
    application.command("prove")(prove.command)
    ran = CliRunner().invoke(application, ["--policies", str(path), *arguments])
    return ran.exit_code, ran.stdout


def test_redundant_in_every_form(tmp_path: Path) -> None:
    """With --redundant the denies that no verdict rests on are in the text, the document and the page."""
    page = tmp_path / "proof.html"
    _, text = _run(tmp_path, _documents(_TLS), "--redundant", "--html", str(page))
    assert "Redundant\n  scp.json: Tls (scp-archive)\n" in text
    assert "<li>scp.json: Tls (scp-archive)</li>" in page.read_text()
    _, document = _run(tmp_path, _documents(_TLS), "--redundant", "--json")
    assert json.loads(document)["redundant"] == [
        {"document": "scp.json", "control": "scp-archive", "statement": "Tls"}
    ]


def test_redundant_only_where_it_was_asked(tmp_path: Path) -> None:
    """Without --redundant nothing is said of it; where there is none, that is said."""
    _, text = _run(tmp_path, _documents(_TLS))
    assert "Redundant" not in text
    _, document = _run(tmp_path, _documents(_TLS), "--json", "--threat", "delete-version")
    assert json.loads(document)["redundant"] is None
    _, text = _run(tmp_path, _documents(), "--redundant")
    assert "Redundant\n  none: each deny, taken away, changes a verdict" in text


def test_a_deny_that_is_not_understood_is_no_proof(tmp_path: Path) -> None:
    """A deny on a lone star as an ARN proves nothing: the threat is UNDECIDED and the exit code 3."""
    deny = {"Sid": "D", "Effect": "Deny", "Action": "s3:*", "Resource": "*", "Condition": _LONE_STAR}
    root = {**deny, "Sid": "R", "Condition": {"StringLike": {"aws:PrincipalArn": "*:root"}}}
    arguments = ("--threat", "requester-pays", "--json")
    code, out = _run(tmp_path, _documents(deny, root), *arguments)
    (found,) = json.loads(out)["threats"]
    assert (code, found["verdict"]) == (3, "UNDECIDED")
    assert "ArnLike on aws:PrincipalArn compares with * in a way that is not decided" in found["reason"]
    whole = {**deny, "Condition": {"ArnLike": {"aws:PrincipalArn": "arn:*:*:*:*:*"}}}
    _, out = _run(tmp_path, _documents(whole, root), *arguments)
    assert json.loads(out)["threats"][0]["verdict"] == "PROVED"


def test_undecided_is_unknown_to_the_audit() -> None:
    """Where a proof is undecided the control that rests on it is UNKNOWN, and the exit code is 3."""
    policy = {
        "Version": "2012-10-17",
        "Statement": {"Effect": "Deny", "Action": "s3:*", "Resource": "*", "Condition": _LONE_STAR},
    }
    case: dict[str, Any] = {
        "unarmed": True,
        "estate": {
            "resource_control_policies": [],
            "service_control_policies.1.content": json.dumps(policy),
        },
    }
    whole = audit(subject(case))
    fails = [one.control.id for one in whole.results if one.answer.outcome is Answered.FAIL]
    mutes = [Mute(control=name, reason="not asked here", expires="2099-01-01") for name in fails]
    found = audit(subject(case), mutes=mutes)
    (control,) = [one for one in found.results if one.control.id == "guards.destroy"]
    assert control.answer.outcome is Answered.UNKNOWN
    assert "in a way that is not decided" in control.answer.reason
    assert found.verdict.exit_code == 3


def _proof() -> Proof:
    return prove_documents(folder(RECIPE, params=PARAMS))


def test_the_audit_report_holds_the_proofs() -> None:
    """The report of an audit has each threat with verdict, witness and fix, the plans and what is assumed."""
    found, proof = audit(subject({})), _proof()
    page = report(found, proof)
    assert proof.count(Outcome.COUNTEREXAMPLE) > 20
    for threat in proof.threats:
        assert f'<details id="{threat.id}"' in page
        assert f'<span class="{threat.verdict}">{threat.verdict}</span> {escape(threat.title)}' in page
        assert threat.witness is None or escape(threat.witness.resource) in page
        assert all(escape(fix.diff) in page for fix in threat.fix)
    assert all(escape(call) in page for plan in proof.plans for call in plan.calls or ())
    assert all(escape(text) in page for text in proof.assumptions)
    assert "<h2>Threats</h2>" not in report(found)


@pytest.mark.parametrize("bucket", ["acme-trail-archive", "elsewhere"])
def test_the_proof_of_a_report_is_about_the_trail_that_was_audited(bucket: str) -> None:
    """The trail that an audit was about is the one its proofs are about, whatever it is called."""
    arn = "arn:aws:cloudtrail:eu-central-1:111111111111:trail/ours"
    changes = {"trails.0.name": "ours", "trails.0.arn": arn, "trails.0.bucket": bucket}
    found = audit(subject({"estate": changes, "config": {"trail.name": "ours"}}))
    assert found.trail == "ours"
    assert estate_guards(found.estate, trail=found.trail).facts.trail == arn
