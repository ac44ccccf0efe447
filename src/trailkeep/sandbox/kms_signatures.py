"""KMS signs a digest as it is; moto hashes it once more.

Source: https://docs.aws.amazon.com/kms/latest/APIReference/API_Sign.html (MessageType)
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

__all__ = ["signs_digests"]

_TAKEN = frozenset({"ECDSA_SHA_256", "RSASSA_PKCS1_V1_5_SHA_256"})


def signs_digests(sign: Callable[[Any], str]) -> Callable[[Any], str]:
    """Return moto's ``Sign`` with digests signed as KMS signs them, for the algorithms of reports."""

    def answered(response: Any) -> str:
        members = json.loads(response.body)
        answer = sign(response)  # which refuses what is to be refused
        if members.get("MessageType") != "DIGEST" or members["SigningAlgorithm"] not in _TAKEN:
            return answer
        told = json.loads(answer)
        key = response.kms_backend.describe_key(told["KeyId"]).private_key.private_key
        signature = _sign(key, base64.b64decode(members["Message"]))
        return json.dumps({**told, "Signature": base64.b64encode(signature).decode()})

    return answered


def _sign(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, digest: bytes) -> bytes:
    algorithm = Prehashed(hashes.SHA256())
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(digest, padding.PKCS1v15(), algorithm)
    return key.sign(digest, ec.ECDSA(algorithm))
