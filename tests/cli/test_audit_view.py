"""An audit as other tools and people read it: SARIF, OCSF, CSV and HTML."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audits import NOW, subject
from trailkeep.cli.audit_exchange import ocsf, sarif
from trailkeep.cli.audit_html import report
from trailkeep.cli.audit_view import COLUMNS, body, rows
from trailkeep.core.config import Mute
from trailkeep.guard.control import Outcome
from trailkeep.guard.control_mappings import find_framework
from trailkeep.guard.controls import CONTROLS, Audit, audit

_MUTES = (
    Mute(control="trail.insights", reason="too dear", expires="2027-01-01"),
    Mute(control="trail.s3_reads", reason="it was accepted once", expires="2026-01-01"),
)
_UNKNOWN = {"facts": {"versions": {"fact": "Unreadable", "call": "s3:ListBucketVersions", "error": "no"}}}
_HOSTILE = '"><img src=x onerror=alert(1)><script>alert(2)</script>'
_VOID = {"meta", "br"}


@pytest.fixture
def found() -> Audit:
    """An audit with each outcome, a mute in force and one that ended."""
    made = audit(subject(_UNKNOWN), mutes=_MUTES)
    assert {result.answer.outcome for result in made.results} == set(Outcome)
    return made


class _Reader(HTMLParser):
    """Collects tags and attributes, and holds that every tag is closed in order."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[tuple[str, str | None]] = set()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= set(attrs)
        self.ids += [value or "" for name, value in attrs if name == "id"]
        if tag not in _VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def _read(page: str) -> _Reader:
    reader = _Reader()
    reader.feed(page)
    reader.close()
    assert reader.open == []
    return reader


def test_sarif(found: Audit) -> None:
    """SARIF has a rule and a result for each control; only a failure has a level, and a mute suppresses."""
    log = sarif(found)
    assert log["version"] == "2.1.0"
    [run] = log["runs"]
    rules, results = run["tool"]["driver"]["rules"], run["results"]
    assert [rule["id"] for rule in rules] == [control.id for control in CONTROLS]
    kinds = {"PASS": "pass", "FAIL": "fail", "UNKNOWN": "open", "NOT APPLICABLE": "notApplicable"}
    for result, made in zip(found.results, results, strict=True):
        assert rules[made["ruleIndex"]]["id"] == made["ruleId"] == result.control.id
        assert made["kind"] == kinds[result.answer.outcome.value]
        assert (made["level"] == "none") == (result.answer.outcome is not Outcome.FAIL)
        assert made["message"]["text"]
    assert [made["ruleId"] for made in results if "suppressions" in made] == ["trail.insights"]


def test_ocsf(found: Audit) -> None:
    """Each control is a Compliance Finding with every attribute that OCSF 1.3.0 requires."""
    for result, made in zip(found.results, ocsf(found), strict=True):
        assert (made["class_uid"], made["category_uid"], made["type_uid"]) == (2003, 2, 200301)
        assert made["time"] == int(NOW.timestamp() * 1000)
        assert made["metadata"]["product"]["name"]
        assert made["metadata"]["version"] == "1.3.0"
        assert made["finding_info"]["uid"]
        assert made["finding_info"]["title"]
        assert made["compliance"]["standards"]
        ids = {Outcome.PASS: 1, Outcome.UNKNOWN: 2, Outcome.FAIL: 3, Outcome.NOT_APPLICABLE: 99}
        assert made["compliance"]["status_id"] == ids[result.answer.outcome]
        assert made["status"] == ("Suppressed" if result.muted else "New")


def test_a_finding_keeps_its_name(found: Audit) -> None:
    """The same control of the same resource has the same fingerprint in the next audit, and no other has."""
    names = [made["finding_info"]["uid"] for made in ocsf(found)]
    assert len(set(names)) == len(names)
    again = ocsf(audit(subject(_UNKNOWN)))
    assert [made["finding_info"]["uid"] for made in again] == names


def test_json_body(found: Audit) -> None:
    """The body counts each outcome, a mute on its own, and says whether a mute is in force."""
    made = body(found)
    assert sum(made["counts"].values()) == len(CONTROLS)
    assert made["counts"]["MUTED"] == 1
    by_id: dict[str, Any] = {one["id"]: one for one in made["controls"]}
    assert by_id["trail.insights"]["mute"]["in_force"]
    assert not by_id["trail.s3_reads"]["mute"]["in_force"]
    assert by_id["trail.tags"]["mute"] is None


def test_csv_rows(found: Audit) -> None:
    """A row of CSV has every column, and a remedy only where something fails."""
    for row in rows(found):
        assert tuple(row) == COLUMNS
        assert bool(row["remedy"]) == (row["verdict"] in {"FAIL", "MUTED"})


def test_report(found: Audit) -> None:
    """The report is whole HTML that loads nothing and runs nothing, and shows every control."""
    page = report(found)
    reader = _read(page)
    assert not reader.tags & {"script", "link", "img", "iframe", "object", "form", "a"}
    assert "http" not in {value for name, value in reader.attributes if name in {"src", "href"}}
    assert ("http-equiv", "Content-Security-Policy") in reader.attributes
    assert len(reader.ids) == len(set(reader.ids))
    text = " ".join(reader.text)
    assert all(control.id in text for control in CONTROLS)
    assert "too dear" in text
    assert "It was muted until 2026-01-01: it was accepted once" in text


def test_report_of_a_framework() -> None:
    """The report of one framework lists the requirements of that one alone."""
    pci = find_framework("pci")
    page = report(audit(subject({}, framework=pci), framework=pci))
    assert "PCI DSS 4.0, as of 2026-11-24T12:00:00Z" in page
    assert "SOC 2" not in page


@given(st.text(min_size=1, max_size=60) | st.just(_HOSTILE))
def test_hostile_names_stay_text(text: str) -> None:
    """Whatever a bucket, a trail, an error or a reason is called, the report has the same elements."""
    case: dict[str, Any] = {
        "estate": {
            "bucket.name": text,
            "trails.0.arn": f"arn:aws:cloudtrail:eu-central-1:111111111111:trail/{text}",
            "trails.0.status.latest_delivery_error": text,
            "organization.id": text,
        }
    }
    mute = Mute(control="trail.insights", reason=text, expires="2027-01-01")
    plain = _read(
        report(audit(subject({"estate": {"trails.0.status.latest_delivery_error": "x"}}), mutes=[mute]))
    )
    reader = _read(report(audit(subject(case), mutes=[mute])))
    assert reader.tags == plain.tags
    assert {name for name, _ in reader.attributes} == {name for name, _ in plain.attributes}
