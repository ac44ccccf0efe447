"""The evidence report: written, signed, checked by Trailkeep and by verify.sh."""

from __future__ import annotations

import base64
import gzip
import json
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

import evidence as made
from trailkeep.cli.verify_html import page
from trailkeep.core.errors import UsageError
from trailkeep.core.verdict import VerdictKind
from trailkeep.keep import dsse
from trailkeep.keep.statement import LIMITS, PAYLOAD_TYPE
from trailkeep.workflows.report import sha256_of, write_report
from trailkeep.workflows.verify_report import verify_report

SIGNER = dsse.read_signer(dsse.new_key(), name="key")
FILES = (
    "statement.dsse.json",
    "verification.json",
    "report.html",
    "objects.csv",
    "findings.csv",
    "chains.csv",
    "coverage.csv",
    "keys/keys.json",
    f"keys/{made.REGION}/FINGERPRINT.pem",
    "digests/digests.tsv",
    "digests/logs.tsv",
    "public-key.pem",
    "verify.sh",
)
needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a copy of a bucket and its signed report, which tests copy."""
    folder = tmp_path_factory.mktemp("written")
    report(folder)
    return folder


@pytest.fixture
def place(written: Path, tmp_path: Path) -> Path:
    """Return a copy that a test may change."""
    return Path(shutil.copytree(written, tmp_path / "place"))


def report(folder: Path, *, signer: dsse.Signer | None = SIGNER) -> None:
    """Write a bucket's copy and its report."""
    proof = made.archive(folder / "bucket")
    made.write(folder / "report", proof, signer=signer)
    (folder / "signer.pem").write_bytes(SIGNER.public_pem)


def _named(name: str) -> str:
    """Return a file's name with the fingerprint of the key, which is another in each process."""
    return name.replace("FINGERPRINT", made.key_use().fingerprint)


def shell(
    folder: Path, *arguments: str | Path, script: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the verify.sh of a report."""
    command = ["sh", str(script or folder / "report/verify.sh"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def judged(folder: Path) -> VerdictKind:
    """Return what Trailkeep says of a report and its bucket's copy."""
    return verify_report(folder / "report", key=SIGNER.public_pem, archive=folder / "bucket").verdict


def test_a_report_holds_every_file(written: Path) -> None:
    """A signed report holds exactly the files that the how-to names."""
    found = {
        path.relative_to(written / "report").as_posix()
        for path in (written / "report").rglob("*")
        if path.is_file()
    }
    assert found == {_named(name) for name in FILES}


def test_a_genuine_report_passes(written: Path) -> None:
    """A report as it was signed by the named key is a PASS, and counts digests and logs of the copy."""
    found = verify_report(written / "report", key=SIGNER.public_pem, archive=written / "bucket")
    assert (found.verdict, found.problems, found.digests, found.logs, found.rows, found.stated) == (
        VerdictKind.PASS,
        (),
        3,
        4,
        7,
        "PASS",
    )


@needs_openssl
def test_the_script_accepts_a_genuine_report(written: Path) -> None:
    """verify.sh proves the report, every digest and every log with openssl alone, and exits 0."""
    done = shell(written, "--key", written / "signer.pem", written / "bucket")
    assert done.returncode == 0, done.stdout
    assert "3 digests are signed by CloudTrail" in done.stdout
    assert "4 logs are as their digests list them" in done.stdout
    assert done.stderr == ""


@needs_openssl
@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("how", ["changed", "appended", "removed"])
def test_no_file_of_a_report_can_be_changed(written: Path, place: Path, name: str, how: str) -> None:
    """Whatever file is changed, grown or taken away, Trailkeep and an unchanged verify.sh both say so."""
    path = place / "report" / _named(name)
    data = path.read_bytes()
    middle = len(data) // 2
    match how:
        case "changed":
            path.write_bytes(data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :])
        case "appended":
            path.write_bytes(data + b"\n")
        case _:
            path.unlink()
    script = place / "report" / "verify.sh"
    if name == "verify.sh":  # the auditor's own copy is run where the changed one lies
        changed = script.read_bytes() if script.exists() else None
        (place / "report" / "trusted.sh").write_bytes((written / "report" / "verify.sh").read_bytes())
        script = place / "report" / "trusted.sh"
        assert changed != data
    assert shell(place, "--key", place / "signer.pem", script=script).returncode == 1
    if name == "statement.dsse.json" and how == "removed":
        with pytest.raises(UsageError, match="expected the statement of a report, got none"):
            judged(place)
    else:
        assert judged(place) is VerdictKind.FAIL


@needs_openssl
def test_a_file_beside_the_report_is_found(place: Path) -> None:
    """A file that was not signed does not pass as part of the report."""
    (place / "report/keys/extra.pem").write_text("x")
    assert judged(place) is VerdictKind.FAIL
    done = shell(place)
    assert (done.returncode, "keys/extra.pem: not a file of the report" in done.stdout) == (1, True)


@needs_openssl
def test_a_report_signed_by_somebody_else_is_refused(tmp_path: Path) -> None:
    """A report that a forger signed with a key of their own does not pass for one of the named key."""
    report(tmp_path, signer=dsse.read_signer(dsse.new_key(), name="key"))
    assert judged(tmp_path) is VerdictKind.FAIL
    assert shell(tmp_path, "--key", tmp_path / "signer.pem").returncode == 1


class OtherSigner:
    """Signs as KMS does, with a key of another type than Ed25519."""

    def __init__(self, key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> None:
        self.key = key
        spki = serialization.PublicFormat.SubjectPublicKeyInfo
        self.public_pem = key.public_key().public_bytes(serialization.Encoding.PEM, spki)

    def sign(self, message: bytes) -> bytes:
        """Return the signature."""
        if isinstance(self.key, rsa.RSAPrivateKey):
            return self.key.sign(message, padding.PKCS1v15(), hashes.SHA256())
        return self.key.sign(message, ec.ECDSA(hashes.SHA256()))


@needs_openssl
@pytest.mark.parametrize("kind", ["ec", "rsa"])
def test_the_script_checks_the_signatures_of_kms_keys(tmp_path: Path, kind: str) -> None:
    """verify.sh accepts a report signed as KMS signs, and refuses it when the statement was changed."""
    key = ec.generate_private_key(ec.SECP256R1()) if kind == "ec" else made.rsa_key()
    report(tmp_path, signer=OtherSigner(key))
    assert shell(tmp_path, tmp_path / "bucket").returncode == 0
    statement = tmp_path / "report/statement.dsse.json"
    envelope = json.loads(statement.read_bytes())
    body = base64.b64decode(envelope["payload"]).replace(b'"verdict":"PASS"', b'"verdict":"FAIL"')
    envelope["payload"] = base64.b64encode(body).decode()
    statement.write_text(json.dumps(envelope, separators=(",", ":")) + "\n")
    done = shell(tmp_path)
    assert (done.returncode, "the signature is not by this key" in done.stdout) == (1, True)


@needs_openssl
def test_the_script_refuses_arguments_that_it_does_not_know(place: Path) -> None:
    """A key that is named in the wrong place is refused, not ignored."""
    assert shell(place, place / "bucket", "--key", place / "signer.pem").returncode == 1
    assert shell(place, "--key").returncode == 1
    (place / "report" / ".*").write_text("x")
    assert shell(place).returncode == 1


@needs_openssl
def test_a_report_without_a_signature_proves_nothing(tmp_path: Path) -> None:
    """An unsigned report is UNKNOWN, FAIL where a key is asked for, and verify.sh exits 1."""
    report(tmp_path, signer=None)
    found = verify_report(tmp_path / "report")
    assert (found.verdict, found.reason) == (
        VerdictKind.UNKNOWN,
        "the report is not signed; nothing shows who made it",
    )
    assert judged(tmp_path) is VerdictKind.FAIL
    done = shell(tmp_path)
    assert (done.returncode, "the report is not signed" in done.stdout) == (1, True)


def test_rows_that_have_another_root_are_found(place: Path) -> None:
    """Rows that do not have the signed Merkle root are a FAIL, even where the signer signed their file."""
    statement, rows = place / "report/statement.dsse.json", place / "report/objects.csv"
    before = sha256_of(rows)
    rows.write_bytes(rows.read_bytes().replace(b"CloudTrail_eu", b"CloudTrail_us", 1))
    body = dsse.decode(statement.read_bytes(), name="s").body.replace(
        before.encode(), sha256_of(rows).encode()
    )
    statement.write_bytes(dsse.encode(dsse.seal(body, PAYLOAD_TYPE, SIGNER)))
    found = verify_report(place / "report", key=SIGNER.public_pem)
    assert [problem.file for problem in found.problems] == ["objects.csv"]
    assert "expected the Merkle root" in found.reason


def test_a_statement_of_something_else_is_refused(place: Path) -> None:
    """A signed statement of another kind does not pass for a report."""
    body = b'{"_type":"https://in-toto.io/Statement/v1","subject":[],"predicateType":"other","predicate":{}}'
    envelope = dsse.seal(body, PAYLOAD_TYPE, SIGNER)
    (place / "report/statement.dsse.json").write_bytes(dsse.encode(envelope))
    assert judged(place) is VerdictKind.FAIL


def test_a_key_that_came_with_the_report_is_not_trusted(written: Path) -> None:
    """Without a key of your own the outcome is UNKNOWN, and names the key."""
    found = verify_report(written / "report")
    assert found.verdict is VerdictKind.UNKNOWN
    assert found.signed_by == dsse.key_id(SIGNER.public_pem)


@needs_openssl
@pytest.mark.parametrize("how", ["forged", "appended", "removed", "swapped", "inserted"])
def test_no_log_of_the_copy_can_be_changed(place: Path, how: str) -> None:
    """A log of the copy that was changed, grown, removed, swapped or forged makes verify.sh exit 1."""
    first, second, *_ = sorted((place / "bucket").glob("AWSLogs/*/CloudTrail/**/*.json.gz"))
    match how:
        case "forged":
            first.write_bytes(gzip.compress(b'{"Records": []}'))
        case "appended":
            first.write_bytes(first.read_bytes() + gzip.compress(b"{}"))
        case "removed":
            first.unlink()
        case "swapped":
            ours, theirs = first.read_bytes(), second.read_bytes()
            first.write_bytes(theirs)
            second.write_bytes(ours)
        case _:
            shutil.copy(first, first.with_name(first.name.replace("0000000000000000", "forged0000000000")))
    assert shell(place, "--key", place / "signer.pem", place / "bucket").returncode == 1
    assert judged(place) is VerdictKind.FAIL


@needs_openssl
@pytest.mark.parametrize("how", ["shortened", "reissued", "swapped", "removed", "appended", "inserted"])
def test_no_digest_of_the_copy_can_be_changed(place: Path, how: str) -> None:
    """A digest of the copy that was changed, swapped, removed or forged fails verify-report and verify.sh."""
    first, second, _ = sorted((place / "bucket").glob("AWSLogs/*/CloudTrail-Digest/**/*.json.gz"))
    named = second
    match how:
        case "shortened":
            document = json.loads(gzip.decompress(second.read_bytes()))
            document["logFiles"].pop()
            second.write_bytes(gzip.compress(json.dumps(document).encode()))
        case "reissued":
            document = json.loads(gzip.decompress(second.read_bytes()))
            second.write_bytes(gzip.compress(json.dumps(document, indent=1).encode()))
        case "swapped":
            ours, theirs = first.read_bytes(), second.read_bytes()
            first.write_bytes(theirs)
            second.write_bytes(ours)
        case "removed":
            second.unlink()
        case "appended":
            second.write_bytes(second.read_bytes() + gzip.compress(b"{}"))
        case _:
            named = Path(shutil.copy(first, first.with_name(first.name.replace("T00", "T23"))))
    found = verify_report(place / "report", key=SIGNER.public_pem, archive=place / "bucket")
    assert found.verdict is VerdictKind.FAIL
    assert named.relative_to(place / "bucket").as_posix() in {one.file for one in found.problems}
    assert found.digests == {"swapped": 1, "inserted": 3}.get(how, 2)
    assert shell(place, place / "bucket").returncode == 1


def test_a_digest_is_proven_by_its_key_and_not_by_the_report(tmp_path: Path) -> None:
    """A digest whose recorded signature another key made is not proven, though the report is signed well."""
    proof = made.archive(tmp_path / "bucket")
    one, *others = proof.digests
    forged = msgspec.structs.replace(one, signature=others[0].signature)
    made.write(tmp_path / "report", replace(proof, digests=(forged, *others)), signer=SIGNER)
    found = verify_report(tmp_path / "report", key=SIGNER.public_pem, archive=tmp_path / "bucket")
    assert [(one.file, one.message) for one in found.problems] == [
        (forged.key, f"the signature is not by CloudTrail's key {forged.fingerprint}")
    ]


def test_a_log_needs_a_proven_digest_that_lists_it(tmp_path: Path) -> None:
    """A log whose digest the report does not prove is not as the report says, whatever its hash is."""
    proof = made.archive(tmp_path / "bucket")
    made.write(tmp_path / "report", replace(proof, digests=proof.digests[:2]), signer=SIGNER)
    found = verify_report(tmp_path / "report", key=SIGNER.public_pem, archive=tmp_path / "bucket")
    assert (found.verdict, found.digests, found.logs) == (VerdictKind.FAIL, 2, 2)
    assert all("expected a proven digest that lists it" in one.message for one in found.problems)


def test_a_digest_without_a_signature_is_proven_by_its_hash(tmp_path: Path) -> None:
    """A digest that a trusted head proved has no signature in the report; its hash is compared."""
    proof = made.archive(tmp_path / "bucket")
    one, *others = proof.digests
    anchored = msgspec.structs.replace(one, signature="")
    made.write(tmp_path / "report", replace(proof, digests=(anchored, *others)), signer=SIGNER)
    assert judged(tmp_path) is VerdictKind.PASS
    path = tmp_path / "bucket" / one.key
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()) + b" "))
    assert judged(tmp_path) is VerdictKind.FAIL


def test_a_report_is_written_into_an_empty_folder_only(written: Path) -> None:
    """A report never mixes with files that are there."""
    proof = made.archive(written / "bucket")
    with pytest.raises(UsageError, match="expected no folder or an empty one"):
        made.write(written / "report", proof, signer=None)


def test_a_version_that_looks_like_a_formula_keeps_its_root(tmp_path: Path) -> None:
    """Versions are written as S3 names them, so that the rows have the root that was signed."""
    proof = made.archive(tmp_path / "bucket")
    objects = [msgspec.structs.replace(one, version="-x=") for one in proof.objects]
    write_report(
        tmp_path / "report", proof.found, objects=objects, digests=proof.digests, render=page, signer=SIGNER
    )
    assert verify_report(tmp_path / "report", key=SIGNER.public_pem).verdict is VerdictKind.PASS


def test_rows_out_of_order_are_refused(tmp_path: Path) -> None:
    """Rows that are not in order would hide a row that is there twice, so no report is made of them."""
    proof = made.archive(tmp_path / "bucket")
    with pytest.raises(ValueError, match="expected them in order"):
        write_report(
            tmp_path / "report",
            proof.found,
            objects=(proof.objects[0], proof.objects[0]),
            digests=(),
            render=page,
            signer=None,
        )


def test_the_page_escapes_what_others_name(tmp_path: Path) -> None:
    """Text of the archive cannot become markup of the page, and no page loads anything or runs a script."""
    proof = made.archive(tmp_path)
    found = msgspec.structs.replace(
        proof.found,
        verdict=VerdictKind.FAIL,
        reason="x",
        findings=(made.finding(message="<script>alert(1)</script>"),),
    )
    text = page(found)
    assert "&lt;script&gt;" in text
    assert "<script" not in text
    assert LIMITS[0] in text


def test_the_summary_is_the_documented_one(tmp_path: Path) -> None:
    """The counts of verify --json are the sums over the chains."""
    assert made.archive(tmp_path).found.summary == {
        "digests": {"expected": 3, "verified": 3, "failed": 0},
        "logs": {"listed": 4, "verified": 4, "failed": 0, "unlisted": 0, "unread": 0},
        "chains": 1,
        "hours": {"covered": 3, "explained": 0, "uncovered": 0},
    }
