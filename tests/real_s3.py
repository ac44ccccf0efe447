"""A real S3 server on loopback, over TLS and without: SeaweedFS, where its program is installed.

What moto cannot judge is asked here: Object Lock that really refuses, and a bucket policy that is really
evaluated. It has no Organizations and no CloudTrail.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from trailkeep.guard.documents import compact
from trailkeep.guard.s3_actions import LEVELS, Level, matched_actions

__all__ = ["OWNER", "STRANGER", "STRANGERS", "WEED", "RealS3", "real_s3", "spelled_out"]

OWNER = "000000000000"
"""The only account of SeaweedFS."""

WEED = Path(sys.executable).with_name("weed")
_KEYS = {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "not-a-secret-of-anybody"}
STRANGER = {"AWS_ACCESS_KEY_ID": "AKIAI44QH8DHBEXAMPLE", "AWS_SECRET_ACCESS_KEY": "nor-is-this-one"}
"""The keys of somebody whom the server knows, and who may use only a bucket of his own."""
STRANGERS = "strangers-bucket"
_GRPC_OFFSET = 10_000
_STARTS_WITHIN_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RealS3:
    """Where the server listens, and the certificate that makes its TLS believable."""

    tls_url: str
    plain_url: str
    certificate: Path

    def environment(self) -> dict[str, str]:
        """Return the environment in which every AWS program uses this server over TLS."""
        return {
            **_KEYS,
            "AWS_ENDPOINT_URL": self.tls_url,
            "AWS_CA_BUNDLE": str(self.certificate),
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def client(self, *, tls: bool = True, keys: Mapping[str, str] = _KEYS) -> Any:
        """Return a boto3 client, by default of the server's administrator, over TLS or without it."""
        return boto3.client(
            "s3",
            region_name="us-east-1",
            endpoint_url=self.tls_url if tls else self.plain_url,
            verify=str(self.certificate) if tls else None,
            aws_access_key_id=keys["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=keys["AWS_SECRET_ACCESS_KEY"],
            config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}),
        )


@contextmanager
def real_s3(folder: Path) -> Iterator[RealS3]:
    """Run SeaweedFS with its data in ``folder`` for the time of the ``with`` block."""
    certificate, key = _certificate(folder)
    ports = dict(zip(("master", "volume", "filer", "admin", "s3", "s3.https"), _free_ports(6), strict=True))
    data = folder / "data"
    data.mkdir()
    command = [
        str(WEED),
        "mini",
        f"-dir={data}",
        "-ip=127.0.0.1",
        "-ip.bind=127.0.0.1",
        *(f"-{name}.port={ports[name]}" for name in ("master", "volume", "filer", "admin", "s3")),
        f"-s3.port.https={ports['s3.https']}",
        f"-s3.cert.file={certificate}",
        f"-s3.key.file={key}",
        f"-s3.config={_identities(folder)}",
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
        "-webdav=false",
        "-admin.ui=false",
        "-master.telemetry=false",
    ]
    with (
        (folder / "log").open("wb") as log,
        subprocess.Popen(command, stdout=log, stderr=log, env=_KEYS, cwd=folder) as server,
    ):
        try:
            _wait(server, ports["s3.https"])
            yield RealS3(
                tls_url=f"https://127.0.0.1:{ports['s3.https']}",
                plain_url=f"http://127.0.0.1:{ports['s3']}",
                certificate=certificate,
            )
        finally:
            server.kill()


def spelled_out(policy: str) -> str:
    """Return a policy with the actions that each NotAction denies in its place, as this server has none."""
    document = json.loads(policy)
    for statement in document["Statement"]:
        if spared := statement.pop("NotAction", None):
            level = Level.OBJECT if statement["Resource"].endswith("/*") else Level.BUCKET
            kept = {action for pattern in spared for action in matched_actions(pattern)}
            statement["Action"] = [one for one, what in LEVELS.items() if what is level and one not in kept]
    return compact(document)


def _wait(server: subprocess.Popen[bytes], port: int) -> None:
    ends_at = time.monotonic() + _STARTS_WITHIN_S
    while server.poll() is None and time.monotonic() < ends_at:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        with suppress(subprocess.TimeoutExpired):
            server.wait(timeout=0.1)
    raise RuntimeError("SeaweedFS: expected it to listen, got nothing; see its log in the test's folder")


def _free_ports(count: int) -> list[int]:
    """Return ports that are free together with the one that SeaweedFS takes beside each."""
    found: list[int] = []
    while len(found) < count:
        with socket.socket() as first:
            first.bind(("127.0.0.1", 0))
            port: int = first.getsockname()[1] - _GRPC_OFFSET
        if port > 1024 and port not in found and _is_free(port) and _is_free(port + _GRPC_OFFSET):
            found.append(port)
    return found


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _identities(folder: Path) -> Path:
    """Write who may call: the administrator, and a stranger with a bucket of his own."""
    rights = [
        ("administrator", _KEYS, ["Admin", "Read", "List", "Tagging", "Write"]),
        ("stranger", STRANGER, [f"{right}:{STRANGERS}" for right in ("Read", "List", "Write")]),
    ]
    identities = [
        {
            "name": name,
            "credentials": [
                {"accessKey": keys["AWS_ACCESS_KEY_ID"], "secretKey": keys["AWS_SECRET_ACCESS_KEY"]}
            ],
            "actions": actions,
        }
        for name, keys, actions in rights
    ]
    file = folder / "identities.json"
    file.write_text(json.dumps({"identities": identities}))
    return file


def _certificate(folder: Path) -> tuple[Path, Path]:
    """Write a certificate for 127.0.0.1 and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    certificate, private = folder / "certificate.pem", folder / "key.pem"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return certificate, private
