"""An audit as other tools read it: SARIF 2.1.0 and OCSF compliance findings.

Source: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html (3.27.9 kind: ``open`` is what could
not be decided; a level other than none only with kind ``fail``), https://schema.ocsf.io/1.3.0/classes/compliance_finding
"""

from __future__ import annotations

import hashlib
from typing import Any

from trailkeep import __version__
from trailkeep.guard.control import Control, Outcome, Severity
from trailkeep.guard.control_mappings import FRAMEWORKS, mappings_of
from trailkeep.guard.controls import Audit, Result

__all__ = ["ocsf", "sarif"]

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVELS = {
    Severity.CRITICAL: "error",
    Severity.HIGH: "error",
    Severity.MEDIUM: "warning",
    Severity.LOW: "note",
}
_KINDS = {
    Outcome.PASS: "pass",
    Outcome.FAIL: "fail",
    Outcome.UNKNOWN: "open",
    Outcome.NOT_APPLICABLE: "notApplicable",
}
_OCSF = "1.3.0"
_SEVERITY_IDS = {Severity.CRITICAL: 5, Severity.HIGH: 4, Severity.MEDIUM: 3, Severity.LOW: 2}
_STATUSES = {
    Outcome.PASS: (1, "Pass"),
    Outcome.FAIL: (3, "Fail"),
    Outcome.UNKNOWN: (2, "Warning"),
    Outcome.NOT_APPLICABLE: (99, "Not Applicable"),
}
_NAMES = {framework.key: framework.name for framework in FRAMEWORKS}


def sarif(audit: Audit) -> dict[str, Any]:
    """Return the audit as one SARIF log: a rule for each control, a result for each answer."""
    rules = [_rule(result.control) for result in audit.results]
    driver = {"name": "trailkeep", "semanticVersion": __version__, "rules": rules}
    results = [_result(number, result) for number, result in enumerate(audit.results)]
    return {
        "$schema": _SCHEMA,
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}],
    }


def _rule(control: Control) -> dict[str, Any]:
    return {
        "id": control.id,
        "shortDescription": {"text": control.question},
        "help": {"text": control.remedy},
        "defaultConfiguration": {"level": _LEVELS[control.severity]},
        "properties": {
            "severity": control.severity.value,
            "tags": [f"{one.framework}/{one.requirement}" for one in mappings_of(control.id)],
        },
    }


def _result(number: int, result: Result) -> dict[str, Any]:
    outcome, control = result.answer.outcome, result.control
    found: dict[str, Any] = {
        "ruleId": control.id,
        "ruleIndex": number,
        "kind": _KINDS[outcome],
        "level": _LEVELS[control.severity] if outcome is Outcome.FAIL else "none",
        "message": {"text": result.message},
        "locations": [
            {"logicalLocations": [{"fullyQualifiedName": result.answer.resource, "kind": "resource"}]}
        ],
        "partialFingerprints": {"controlAndResource/v1": _fingerprint(result)},
    }
    if result.muted:
        reason = f"{result.muted.reason} (until {result.muted.expires})"
        found["suppressions"] = [{"kind": "external", "status": "accepted", "justification": reason}]
    return found


def ocsf(audit: Audit) -> list[dict[str, Any]]:
    """Return one Compliance Finding (class 2003) for each answer."""
    return [_finding(audit, result) for result in audit.results]


def _finding(audit: Audit, result: Result) -> dict[str, Any]:
    control, answer = result.control, result.answer
    status_id, status = _STATUSES[answer.outcome]
    moment = int(audit.as_of.timestamp() * 1000)
    return {
        "activity_id": 1,
        "activity_name": "Create",
        "category_uid": 2,
        "category_name": "Findings",
        "class_uid": 2003,
        "class_name": "Compliance Finding",
        "type_uid": 200301,
        "time": moment,
        "severity_id": _SEVERITY_IDS[control.severity],
        "severity": control.severity.value.capitalize(),
        "status_id": 3 if result.muted else 1,
        "status": "Suppressed" if result.muted else "New",
        "message": result.message,
        "metadata": {
            "version": _OCSF,
            "product": {"name": "Trailkeep", "vendor_name": "Trailkeep", "version": __version__},
        },
        "finding_info": {
            "uid": _fingerprint(result),
            "title": control.question,
            "desc": result.message,
            "created_time": moment,
        },
        "compliance": {
            "control": control.id,
            "standards": sorted({_NAMES[one.framework] for one in result.mappings}) or ["Trailkeep"],
            "requirements": [f"{one.framework}/{one.requirement}" for one in result.mappings],
            "status_id": status_id,
            "status": status,
            "status_detail": answer.reason,
        },
        "resources": [{"uid": answer.resource, "name": answer.resource}],
        "remediation": {"desc": result.remedy},
        **({"comment": f"{result.muted.reason} (until {result.muted.expires})"} if result.muted else {}),
    }


def _fingerprint(result: Result) -> str:
    """Return what names a finding again in the next audit."""
    return hashlib.sha256(f"{result.control.id}\n{result.answer.resource}".encode()).hexdigest()[:32]
