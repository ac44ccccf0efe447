"""Which requirement of which framework asks a control.

The numbers are facts with a source each; where none says that a requirement asks a question, it is left out.

* CIS AWS Foundations Benchmark 3.0.0, 4.0.1, 5.0.0, 6.0.0, 7.0.0, PCI DSS 4.0, NIST SP 800-53 revision 5,
  the HIPAA security rule, SOC 2 and FedRAMP Moderate: the compliance tables of Prowler 5.46.0
  (Apache-2.0), of which the requirement numbers are taken. Of PCI DSS its running numbers are cut off.
* AWS Security Hub, whose Foundational Security Best Practices have most of these controls:
  https://docs.aws.amazon.com/securityhub/latest/userguide/cloudtrail-controls.html,
  https://docs.aws.amazon.com/securityhub/latest/userguide/s3-controls.html,
  https://docs.aws.amazon.com/securityhub/latest/userguide/kms-controls.html
  CloudTrail.8 is not in its list ("Control IDs may skip numbers"), and CloudTrail.10 is about event data
  stores of CloudTrail Lake, which no control looks at.
* AU-4(1), AU-9, AU-9(2), AU-11, AU-12 of NIST SP 800-53 revision 5: https://doi.org/10.6028/NIST.SP.800-53r5
* Retention: PCI DSS 4.0 10.5.1 (12 months), HIPAA 164.316(b)(2)(i) (6 years), FedRAMP Moderate
  AU-11 (90 days).
"""

from __future__ import annotations

from dataclasses import dataclass

from trailkeep.core.errors import UsageError

__all__ = ["FRAMEWORKS", "Framework", "Mapping", "find_framework", "mappings_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Framework:
    """A framework; ``retention_days`` is how long it wants audit records kept, 0 where it names no number."""

    key: str
    name: str
    retention_days: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Mapping:
    """One requirement of a framework."""

    framework: str
    requirement: str


FRAMEWORKS = (
    Framework(key="cis-3.0", name="CIS AWS Foundations Benchmark 3.0.0"),
    Framework(key="cis-4.0", name="CIS AWS Foundations Benchmark 4.0.1"),
    Framework(key="cis-5.0", name="CIS AWS Foundations Benchmark 5.0.0"),
    Framework(key="cis-6.0", name="CIS AWS Foundations Benchmark 6.0.0"),
    Framework(key="cis-7.0", name="CIS AWS Foundations Benchmark 7.0.0"),
    Framework(key="fsbp", name="AWS Security Hub controls"),
    Framework(key="pci-4.0", name="PCI DSS 4.0", retention_days=365),
    Framework(key="nist-800-53-r5", name="NIST SP 800-53 revision 5"),
    Framework(key="hipaa", name="HIPAA security rule", retention_days=2190),
    Framework(key="soc2", name="SOC 2"),
    Framework(key="fedramp-moderate", name="FedRAMP Moderate, revision 4", retention_days=90),
)
_SHORT = {"cis": "cis-7.0", "pci": "pci-4.0", "nist": "nist-800-53-r5", "fedramp": "fedramp-moderate"}
_OLD_CIS = ("cis-3.0", "cis-4.0", "cis-5.0")
_NEW_CIS = ("cis-6.0", "cis-7.0")

# framework: requirements, where "cis" is "<number in 3.0 to 5.0>/<number in 6.0 and 7.0>"
_TABLE: dict[str, dict[str, str]] = {
    "trail.exists": {
        "fsbp": "CloudTrail.3",
        "pci-4.0": "10.2.1",
        "nist-800-53-r5": "AU-2(b) AU-12(a) AU-12(c)",
        "hipaa": "164.312(b)",
    },
    "trail.organization": {"nist-800-53-r5": "AU-12(a)"},
    "trail.logging": {
        "pci-4.0": "10.2.1",
        "nist-800-53-r5": "AU-12(a) AU-12(c)",
        "hipaa": "164.312(b)",
        "soc2": "CC7.2",
        "fedramp-moderate": "AU-12(a)(c)",
    },
    "trail.every_region": {"nist-800-53-r5": "AU-12(a)"},
    "trail.multi_region": {
        "cis": "3.1/4.1",
        "fsbp": "CloudTrail.1",
        "pci-4.0": "10.2.1 10.2.1.1 10.2.1.2 10.2.1.3 10.2.1.4 10.2.1.5 10.2.1.6 10.2.1.7 10.2.2 10.3.1 "
        "10.6.3",
        "nist-800-53-r5": "AU-2(b) AU-3(a) AU-3(b) AU-3(c) AU-3(d) AU-3(e) AU-3(f) AU-6(3) AU-10 AU-12(a) "
        "AU-12(c)",
        "hipaa": "164.308(a)(1)(ii)(D) 164.308(a)(6)(ii) 164.312(b)",
        "soc2": "CC2.1 CC7.2 A1.2 PI1.3",
        "fedramp-moderate": "AU-2(a)(d) AU-3 AU-6(1)(3) AU-12(a)(c)",
    },
    "trail.management_events": {
        "cis": "3.1/4.1",
        "fsbp": "CloudTrail.1",
        "nist-800-53-r5": "AU-2(b) AU-12(a) AU-12(c)",
        "hipaa": "164.308(a)(1)(ii)(D) 164.312(b)",
        "soc2": "CC7.2",
        "fedramp-moderate": "AU-2(a)(d) AU-12(a)(c)",
    },
    "trail.validation": {
        "cis": "3.2/4.2",
        "fsbp": "CloudTrail.4",
        "pci-4.0": "10.3.2 10.3.3 10.3.4",
        "nist-800-53-r5": "AU-9(a) SI-7(1) SI-7(3) SI-7(7)",
        "hipaa": "164.308(a)(1)(ii)(D) 164.312(b) 164.312(c)(1) 164.312(c)(2)",
        "soc2": "CC7.3 PI1.3",
        "fedramp-moderate": "AU-9 SI-7 SI-7(1)",
    },
    "trail.encryption": {
        "cis": "3.5/4.5",
        "fsbp": "CloudTrail.2",
        "pci-4.0": "10.3.2 10.3.3 10.3.4 3.5.1",
        "nist-800-53-r5": "AU-9(3) SC-28(1)",
        "hipaa": "164.312(a)(2)(iv) 164.312(c)(1) 164.312(c)(2) 164.312(e)(2)(ii)",
        "fedramp-moderate": "AU-9 SC-28",
    },
    "trail.tags": {"fsbp": "CloudTrail.9"},
    "trail.insights": {"pci-4.0": "10.3.2 10.3.3 10.3.4 10.5.1"},
    "trail.s3_writes": {
        "cis": "3.8/4.8",
        "pci-4.0": "10.2.1 10.2.1.1 10.2.2 10.3.1 10.6.3",
        "nist-800-53-r5": "AU-2(b) AU-12(a) AU-12(c) AU-14(a)",
        "hipaa": "164.308(a)(1)(ii)(D) 164.312(b)",
        "soc2": "CC2.1 CC7.2 PI1.2",
        "fedramp-moderate": "AU-2(a)(d) AU-12(a)(c)",
    },
    "trail.s3_reads": {
        "cis": "3.9/4.9",
        "nist-800-53-r5": "AU-2(b) AU-12(a) AU-12(c) AU-14(a)",
        "hipaa": "164.308(a)(1)(ii)(D) 164.312(b)",
        "soc2": "CC2.1 CC7.2",
        "fedramp-moderate": "AU-2(a)(d) AU-12(a)(c)",
    },
    "trail.cloudwatch": {
        "fsbp": "CloudTrail.5",
        "pci-4.0": "10.2.1 10.2.2 10.3.1 10.4.1.1 10.6.3 11.5.2 12.10.5",
        "nist-800-53-r5": "AU-4(1) AU-6(1) AU-6(3) AU-6(4) AU-7(1) AU-9(7) AU-10 AU-12(a) AU-12(c)",
        "hipaa": "164.308(a)(1)(ii)(D) 164.308(a)(6)(ii) 164.312(b)",
        "soc2": "CC7.2 CC7.3 A1.2 PI1.3",
        "fedramp-moderate": "AU-2(a)(d) AU-3 AU-6(1)(3) AU-7(1) AU-12(a)(c)",
    },
    "delivery.accounts": {"nist-800-53-r5": "AU-12(a)"},
    "delivery.regions": {"nist-800-53-r5": "AU-12(a)"},
    "delivery.joined": {"nist-800-53-r5": "AU-12(a)"},
    "archive.separate_account": {"nist-800-53-r5": "AU-4(1) AU-9(2)"},
    "archive.versioning": {
        "fsbp": "S3.14",
        "pci-4.0": "10.3.4",
        "nist-800-53-r5": "AU-9(2)",
        "hipaa": "164.308(a)(1)(ii)(B) 164.312(c)(1) 164.312(c)(2)",
        "soc2": "CC7.4 A1.2 C1.2 PI1.5",
        "fedramp-moderate": "AU-9(2)",
    },
    "archive.object_lock": {
        "fsbp": "S3.15",
        "pci-4.0": "10.3.4",
        "nist-800-53-r5": "AU-9(a)",
        "soc2": "PI1.5",
    },
    "archive.lock_mode": {"nist-800-53-r5": "AU-9(a)"},
    "archive.retention": {
        "pci-4.0": "10.5.1",
        "nist-800-53-r5": "AU-11",
        "hipaa": "164.316(b)(2)(i)",
        "fedramp-moderate": "AU-11",
    },
    "archive.lifecycle": {"pci-4.0": "10.5.1", "nist-800-53-r5": "AU-11", "fedramp-moderate": "AU-11"},
    "archive.lifecycle_rules": {"fsbp": "S3.13", "pci-4.0": "10.5.1"},
    "archive.public_access_block": {"cis": "2.1.4/3.1.4", "fsbp": "S3.8"},
    "archive.account_public_access_block": {
        "cis": "2.1.4/3.1.4",
        "fsbp": "S3.1",
        "pci-4.0": "10.3.2",
        "nist-800-53-r5": "AC-3 AC-6",
        "hipaa": "164.308(a)(1)(ii)(B) 164.308(a)(3)(i)",
        "fedramp-moderate": "AC-3 AC-6",
    },
    "archive.not_public": {
        "cis": "/2.21",
        "fsbp": "CloudTrail.6 S3.3",
        "pci-4.0": "10.3.2 10.3.3 10.3.4",
        "nist-800-53-r5": "AC-3 AC-6",
        "hipaa": "164.308(a)(1)(ii)(B) 164.308(a)(3)(i) 164.312(a)(1)",
        "soc2": "CC6.1",
        "fedramp-moderate": "AC-3 AC-6",
    },
    "archive.ownership": {"fsbp": "S3.12"},
    "archive.delete_markers": {"nist-800-53-r5": "AU-9(a)"},
    "archive.access_logging": {
        "cis": "3.4/4.4",
        "fsbp": "CloudTrail.7 S3.9",
        "pci-4.0": "10.2.1 10.2.2 10.3.1 10.6.3",
        "nist-800-53-r5": "AU-2(b) AU-12(a) AU-12(c) AU-14(a)",
        "hipaa": "164.308(a)(1)(ii)(D) 164.312(b)",
        "soc2": "CC7.2 CC7.3 A1.2",
        "fedramp-moderate": "AU-2(a)(d) AU-12(a)(c)",
    },
    "archive.mfa_delete": {"cis": "2.1.2/3.1.2", "fsbp": "S3.20", "pci-4.0": "10.3.2"},
    "archive.notifications": {"pci-4.0": "11.5.2 12.10.5"},
    "archive.kms_encryption": {"fsbp": "S3.17", "pci-4.0": "3.5.1", "soc2": "PI1.4"},
    "archive.tls": {
        "cis": "2.1.1/3.1.1",
        "fsbp": "S3.5",
        "pci-4.0": "4.2.1",
        "nist-800-53-r5": "AU-9(3) SC-8 SC-8(1)",
        "hipaa": "164.312(a)(2)(iv) 164.312(e)(1) 164.312(e)(2)(i)",
        "fedramp-moderate": "SC-8 SC-8(1)",
    },
    "archive.outsiders": {"fsbp": "S3.6 S3.7", "pci-4.0": "10.6.3"},
    "key.state": {"fsbp": "KMS.3", "pci-4.0": "3.6.1 3.7.1"},
    "key.rotation": {
        "cis": "3.6/4.6",
        "fsbp": "KMS.4",
        "pci-4.0": "3.7.4 3.7.5",
        "nist-800-53-r5": "SC-12 SC-12(2)",
        "hipaa": "164.312(a)(2)(iv)",
        "soc2": "PI1.5",
        "fedramp-moderate": "SC-12",
    },
    "key.not_public": {"cis": "/2.21", "fsbp": "KMS.5"},
    "guards.destroy": {"pci-4.0": "10.3.2", "nist-800-53-r5": "AU-9(a)"},
    "guards.forge": {"pci-4.0": "10.3.2", "nist-800-53-r5": "AU-9(a)"},
    "guards.reconfigure": {"pci-4.0": "10.3.2", "nist-800-53-r5": "AU-9(a)"},
    "guards.trail": {"nist-800-53-r5": "AU-9(a)"},
    "organization.root_credentials": {"cis": "/2.1.1"},
    "watch.changes": {"cis": "4.5/5.5", "soc2": "CC5.2"},
}
_ONLY_IN_SEVEN = frozenset({"2.21", "2.1.1"})


def find_framework(name: str) -> Framework:
    """Return the framework of a key such as ``pci-4.0``; ``cis``, ``pci``, ``nist`` and ``fedramp`` do too.

    Raises:
        UsageError: there is none of that name.
    """
    key = _SHORT.get(name, name)
    for framework in FRAMEWORKS:
        if framework.key == key:
            return framework
    known = ", ".join([*_SHORT, *(framework.key for framework in FRAMEWORKS)])
    raise UsageError(f"--framework: expected one of {known}, got {name!r}; see docs/reference/controls.md")


def mappings_of(control: str) -> tuple[Mapping, ...]:
    """Return the requirements that ask a control, in the order of FRAMEWORKS."""
    found = [
        Mapping(framework=framework, requirement=requirement)
        for name, text in _TABLE.get(control, {}).items()
        for framework, requirement in (_cis(text) if name == "cis" else _each(name, text))
    ]
    order = [framework.key for framework in FRAMEWORKS]
    return tuple(sorted(found, key=lambda mapping: order.index(mapping.framework)))


def _each(framework: str, text: str) -> list[tuple[str, str]]:
    return [(framework, requirement) for requirement in text.split()]


def _cis(text: str) -> list[tuple[str, str]]:
    old, new = text.split("/")
    if new in _ONLY_IN_SEVEN and not old:
        return [("cis-7.0", new)]
    return [*((key, old) for key in _OLD_CIS), *((key, new) for key in _NEW_CIS)]
