"""Reports signed by a key of KMS."""

from __future__ import annotations

from typing import Any

import pytest

from trailkeep.aws.kms_signer import KmsSigner
from trailkeep.aws.session import Accounts
from trailkeep.core.errors import AwsCallError, UsageError
from trailkeep.keep.dsse import seal, signed_by
from trailkeep.sandbox.organization import MANAGEMENT_ACCOUNT_ID, Sandbox

pytestmark = pytest.mark.sandbox


@pytest.fixture
def accounts(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Accounts:
    """Return the accounts of the embedded organization, reached as a user reaches them."""
    for name, value in sandbox.environment().items():
        monkeypatch.setenv(name, value)
    return Accounts(region=sandbox.region, role="OrganizationAccountAccessRole")


def key(sandbox: Sandbox, **members: Any) -> str:
    """Make a key of the management account and return its ARN."""
    kms = sandbox.client("kms", MANAGEMENT_ACCOUNT_ID)
    return str(kms.create_key(**members)["KeyMetadata"]["Arn"])


@pytest.mark.parametrize(
    ("spec", "algorithm"),
    [("ECC_NIST_P256", "ECDSA_SHA_256"), ("RSA_2048", "RSASSA_PKCS1_V1_5_SHA_256")],
)
def test_a_key_of_kms_signs_what_anybody_can_check(
    sandbox: Sandbox, accounts: Accounts, spec: str, algorithm: str
) -> None:
    """A statement longer than KMS takes as a message is signed, and its public key checks it."""
    signer = KmsSigner.of(accounts, key(sandbox, KeySpec=spec, KeyUsage="SIGN_VERIFY"))
    assert signer.algorithm == algorithm
    envelope = seal(b"x" * 10_000, "text/plain", signer)
    assert signed_by(envelope, signer.public_pem)
    assert not signed_by(seal(b"y", "text/plain", None), signer.public_pem)


def test_a_key_of_another_kind_is_refused(sandbox: Sandbox, accounts: Accounts) -> None:
    """A curve that signs with another hash, a key that is not there and a name that is no ARN are refused."""
    curve = key(sandbox, KeySpec="ECC_NIST_P384", KeyUsage="SIGN_VERIFY")
    with pytest.raises(UsageError, match="expected a key that signs with one of ECDSA_SHA_256"):
        KmsSigner.of(accounts, curve)
    absent = f"{curve.rpartition('/')[0]}/00000000-0000-0000-0000-000000000000"
    with pytest.raises(AwsCallError, match="kms:GetPublicKey"):
        KmsSigner.of(accounts, absent)
    with pytest.raises(UsageError, match="report-key: expected the ARN of a KMS key"):
        KmsSigner.of(accounts, "report-key")
