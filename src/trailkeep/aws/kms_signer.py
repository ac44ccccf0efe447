"""Signs reports with an asymmetric key of KMS, which never leaves KMS.

Source: https://docs.aws.amazon.com/kms/latest/APIReference/API_Sign.html,
https://docs.aws.amazon.com/kms/latest/APIReference/API_GetPublicKey.html
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Self

from trailkeep.aws.session import Accounts, aws_errors
from trailkeep.core.errors import UsageError

if TYPE_CHECKING:
    from mypy_boto3_kms import KMSClient

__all__ = ["KmsSigner"]

Algorithm = Literal["ECDSA_SHA_256", "RSASSA_PKCS1_V1_5_SHA_256"]
_ALGORITHMS: Sequence[Algorithm] = ("ECDSA_SHA_256", "RSASSA_PKCS1_V1_5_SHA_256")
_ARN = re.compile(r"arn:aws[a-z-]*:kms:(?P<region>[a-z0-9-]+):(?P<account>\d{12}):(key|alias)/.+", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class KmsSigner:
    """Signs with one key of KMS."""

    client: KMSClient
    key_arn: str
    algorithm: Algorithm
    public_pem: bytes

    @classmethod
    def of(cls, accounts: Accounts, key_arn: str) -> Self:
        """Return who signs with the key of an ARN.

        Raises:
            UsageError: it is no ARN of a key, or the key is not for SIGN_VERIFY of a type that reports take.
            AwsCallError: KMS refused.
        """
        match = _ARN.fullmatch(key_arn)
        if match is None:
            raise UsageError(f"{key_arn}: expected the ARN of a KMS key, got another; copy it from KMS")
        client = accounts.kms(match["account"], match["region"])
        with aws_errors("kms:GetPublicKey"):
            answer = client.get_public_key(KeyId=key_arn)
        offered = answer["SigningAlgorithms"] if answer["KeyUsage"] == "SIGN_VERIFY" else []
        algorithm = next((one for one in _ALGORITHMS if one in offered), None)
        if algorithm is None:
            raise UsageError(
                f"{key_arn}: expected a key that signs with one of {', '.join(_ALGORITHMS)}, "
                f"got one for {', '.join(offered) or answer['KeyUsage']}; "
                "make one of ECC_NIST_P256 for SIGN_VERIFY"
            )
        der = base64.encodebytes(answer["PublicKey"]).decode().replace("\n", "")
        lines = "\n".join(der[at : at + 64] for at in range(0, len(der), 64))
        pem = f"-----BEGIN PUBLIC KEY-----\n{lines}\n-----END PUBLIC KEY-----\n".encode()
        return cls(client=client, key_arn=key_arn, algorithm=algorithm, public_pem=pem)

    def sign(self, message: bytes) -> bytes:
        """Return KMS's signature of the SHA-256 of a message; messages as a whole end at 4096 bytes there.

        Raises:
            AwsCallError: KMS refused.
        """
        with aws_errors("kms:Sign"):
            answer = self.client.sign(
                KeyId=self.key_arn,
                Message=hashlib.sha256(message).digest(),
                MessageType="DIGEST",
                SigningAlgorithm=self.algorithm,
            )
        return answer["Signature"]
