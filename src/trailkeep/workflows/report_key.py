"""The keys that reports are signed with: made once, in a file that is not written over."""

from __future__ import annotations

import os
from pathlib import Path

from trailkeep.aws.kms_signer import KmsSigner
from trailkeep.aws.session import Accounts
from trailkeep.core.errors import StoppedError, UsageError
from trailkeep.keep.dsse import Signer, key_id, new_key, read_signer

__all__ = ["file_signer", "kms_signer", "make_key"]


def make_key(path: Path) -> str:
    """Write a new private key that only its owner reads, and its public key beside; return its SHA-256.

    Raises:
        UsageError: one of the files is there.
        StoppedError: a file could not be written.
    """
    pem = new_key()
    public = read_signer(pem, name=str(path)).public_pem
    for file, data, mode in ((path, pem, 0o600), (path.with_name(f"{path.name}.pub"), public, 0o644)):
        try:
            descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
            with os.fdopen(descriptor, "wb") as opened:
                opened.write(data)
        except FileExistsError as error:
            raise UsageError(f"{file}: expected no file, got one; name another for the new key") from error
        except OSError as error:
            raise StoppedError(
                f"{file}: expected to write a key, got {error.strerror}; name another"
            ) from error
    return key_id(public)


def file_signer(path: Path) -> Signer:
    """Return who signs with the private key in a file.

    Raises:
        UsageError: there is no such file, or no private Ed25519 key in it.
    """
    try:
        pem = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path}: expected a private key, got {error.strerror}; name its file") from error
    return read_signer(pem, name=str(path))


def kms_signer(accounts: Accounts, key_arn: str) -> Signer:
    """Return who signs with a key in KMS, which never leaves it.

    Raises:
        UsageError: the ARN names no key, or the key does not sign as reports need it.
        AwsCallError: KMS refused.
    """
    return KmsSigner.of(accounts, key_arn)
