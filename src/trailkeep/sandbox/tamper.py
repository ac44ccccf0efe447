"""Every way to tamper with an archive, by name; each takes a ``Scene`` and returns the keys it touched.

They work past Object Lock, so a test can ask whether the damage is seen. ``digest-rolled-back`` puts back an
edition of a digest that CloudTrail signed itself: it has the sandbox's own keys.

Source: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-validation-intro.html
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from trailkeep.core.errors import UsageError
from trailkeep.core.layout import DigestKey, LogKey, format_key, parse_key
from trailkeep.sandbox.digests import sign_digest
from trailkeep.sandbox.reach import Item
from trailkeep.sandbox.scene import RUN, Scene

__all__ = ["TAMPERINGS", "Tampering", "tamper"]

_FORGED = b'{"Records":[{"eventVersion":"1.08","eventName":"ConsoleLogin","eventID":"forged"}]}'


Tampering = Callable[[Scene], list[str]]


def tamper(name: str, scene: Scene) -> tuple[str, ...]:
    """Tamper in a named way and return the keys that were touched.

    Raises:
        UsageError: there is no such tampering, or the archive has not enough in it.
    """
    if name not in TAMPERINGS:
        raise UsageError(f"{name!r}: expected one of {', '.join(TAMPERINGS)}")
    return tuple(TAMPERINGS[name](scene))


def _log_modified(scene: Scene) -> list[str]:
    key = scene.dice.choice(scene.logs())
    body = gzip.decompress(scene.reach.read(key).body)
    return _put(scene, key, gzip.compress(body.replace(b"event", b"Event", 1) + b" ", mtime=0))


def _log_deleted(scene: Scene) -> list[str]:
    return _each(scene.reach.hide, [scene.dice.choice(scene.logs())])


def _log_purged(scene: Scene) -> list[str]:
    return _each(scene.reach.purge, [scene.dice.choice(scene.logs())])


def _logs_swapped(scene: Scene) -> list[str]:
    return _swap(scene, *scene.dice.sample(scene.logs(), 2))


def _log_truncated(scene: Scene) -> list[str]:
    key = scene.dice.choice(scene.logs())
    return _put(scene, key, scene.reach.read(key).body[:-20])


def _log_appended_member(scene: Scene) -> list[str]:
    key = scene.dice.choice(scene.logs())
    return _put(scene, key, scene.reach.read(key).body + gzip.compress(_FORGED, mtime=0))


def _log_recompressed(scene: Scene) -> list[str]:
    key = scene.dice.choice(scene.logs())
    return _put(scene, key, gzip.compress(gzip.decompress(scene.reach.read(key).body), 1, mtime=1))


def _log_inserted(scene: Scene) -> list[str]:
    return _put(scene, _beside(scene), gzip.compress(_FORGED, mtime=0))


def _log_copied(scene: Scene) -> list[str]:
    body = scene.reach.read(scene.dice.choice(scene.logs())).body
    return _put(scene, _beside(scene), body)


def _digest_deleted(scene: Scene) -> list[str]:
    return _each(scene.reach.purge, [scene.dice.choice(scene.inner())])


def _digests_deleted_run(scene: Scene) -> list[str]:
    digests = scene.digests()
    begin = scene.dice.randrange(RUN, len(digests) - 2 * RUN)
    return _each(scene.reach.purge, digests[begin : begin + RUN])


def _head_deleted(scene: Scene) -> list[str]:
    return _each(scene.reach.purge, scene.digests()[:RUN])


def _digest_tail_deleted(scene: Scene) -> list[str]:
    return _each(scene.reach.purge, scene.digests()[-RUN:])


def _tail_erased(scene: Scene) -> list[str]:
    digests = scene.digests()
    since = _ends_at(digests[-RUN - 1])
    logs = [
        key
        for key in scene.everything(region=scene.region)
        if isinstance(parsed := parse_key(key), LogKey) and parsed.delivered_at >= since
    ]
    return _each(scene.reach.purge, [*digests[-RUN:], *logs])


def _chain_erased(scene: Scene) -> list[str]:
    return _each(scene.reach.purge, scene.everything(region=scene.region))


def _account_erased(scene: Scene) -> list[str]:
    return _each(scene.reach.purge, scene.everything())


def _digest_modified(scene: Scene) -> list[str]:
    return _rewrite(scene, lambda _key, document: {**document, "logFiles": document["logFiles"][1:]})


def _digest_forged(scene: Scene) -> list[str]:
    """Take a log out of a digest and give it a signature that no key made."""
    key = scene.dice.choice(scene.inner())
    document = scene.document(key)
    body, metadata = sign_digest({**document, "logFiles": []}, scene.signer(key))
    forged = scene.dice.randbytes(len(metadata["signature"]) // 2).hex()
    return _put(scene, key, gzip.compress(body, mtime=0), {**metadata, "signature": forged})


def _digest_forged_own_key(scene: Scene) -> list[str]:
    return _signed_by(scene, "attacker-1")


def _digest_wrong_region_key(scene: Scene) -> list[str]:
    return _signed_by(scene, "ap-southeast-2")


def _digest_rolled_back(scene: Scene) -> list[str]:
    """Put back an older genuine edition of a digest: signed by CloudTrail, one log shorter."""
    key = scene.dice.choice(scene.inner())
    document = scene.document(key)
    body, metadata = sign_digest({**document, "logFiles": document["logFiles"][:-1]}, scene.signer(key))
    return _put(scene, key, gzip.compress(body, mtime=0), metadata)


def _digests_swapped(scene: Scene) -> list[str]:
    return _swap(scene, *scene.dice.sample(scene.inner(), 2))


def _digest_metadata_lost(scene: Scene) -> list[str]:
    key = scene.dice.choice(scene.inner())
    return _put(scene, key, scene.reach.read(key).body, {})


def _digest_appended_member(scene: Scene) -> list[str]:
    key = scene.dice.choice(scene.inner())
    return _put(scene, key, scene.reach.read(key).body + gzip.compress(b'{"logFiles":[]}', mtime=0))


def _digest_inserted(scene: Scene) -> list[str]:
    """Lay a stray object below the digests' folder, under a name that no digest of this trail has."""
    key = scene.dice.choice(scene.inner())
    return _put(
        scene, key.replace("_CloudTrail-Digest_", "_CloudTrail-Digest_x_"), scene.reach.read(key).body
    )


TAMPERINGS: dict[str, Tampering] = {
    "log-modified": _log_modified,
    "log-deleted": _log_deleted,
    "log-purged": _log_purged,
    "logs-swapped": _logs_swapped,
    "log-truncated": _log_truncated,
    "log-appended-member": _log_appended_member,
    "log-recompressed": _log_recompressed,
    "log-inserted": _log_inserted,
    "log-copied": _log_copied,
    "digest-deleted": _digest_deleted,
    "digests-deleted-run": _digests_deleted_run,
    "head-deleted": _head_deleted,
    "digest-tail-deleted": _digest_tail_deleted,
    "tail-erased": _tail_erased,
    "chain-erased": _chain_erased,
    "account-erased": _account_erased,
    "digest-modified": _digest_modified,
    "digest-forged": _digest_forged,
    "digest-forged-own-key": _digest_forged_own_key,
    "digest-wrong-region-key": _digest_wrong_region_key,
    "digest-rolled-back": _digest_rolled_back,
    "digests-swapped": _digests_swapped,
    "digest-metadata-lost": _digest_metadata_lost,
    "digest-appended-member": _digest_appended_member,
    "digest-inserted": _digest_inserted,
}
"""Every tampering; all of them but ``log-recompressed`` are harmful."""


def _put(scene: Scene, key: str, body: bytes, metadata: dict[str, str] | None = None) -> list[str]:
    """Write an object, with the metadata it had where nothing else is said."""
    if metadata is None:
        metadata = scene.reach.read(key).metadata if key in scene.reach.listed() else {}
    scene.reach.write(key, Item(body=body, metadata=metadata))
    return [key]


def _each(do: Callable[[str], None], keys: list[str]) -> list[str]:
    for key in keys:
        do(key)
    return keys


def _swap(scene: Scene, one: str, other: str) -> list[str]:
    first, second = scene.reach.read(one), scene.reach.read(other)
    scene.reach.write(one, second)
    scene.reach.write(other, first)
    return [one, other]


def _rewrite(scene: Scene, change: Callable[[str, dict[str, Any]], dict[str, Any]]) -> list[str]:
    """Change what a digest says and leave its signature."""
    key = scene.dice.choice(scene.inner())
    document = change(key, scene.document(key))
    return _put(scene, key, gzip.compress(json.dumps(document, separators=(",", ":")).encode(), mtime=0))


def _signed_by(scene: Scene, region: str) -> list[str]:
    """Empty a digest and sign it anew with a key of another place, which it names as its own."""
    key = scene.dice.choice(scene.inner())
    signer = scene.signer(key, region=region)
    document = scene.document(key) | {"logFiles": [], "digestPublicKeyFingerprint": signer.fingerprint}
    body, metadata = sign_digest(document, signer)
    return _put(scene, key, gzip.compress(body, mtime=0), metadata)


def _beside(scene: Scene) -> str:
    """Return the key of a log that CloudTrail did not write, in the minute of one that it did."""
    parsed = parse_key(scene.dice.choice(scene.logs()))
    if not isinstance(parsed, LogKey):
        raise UsageError("expected a digest to name logs only")
    return format_key(
        LogKey(
            prefix=parsed.prefix,
            organization_id=parsed.organization_id,
            account_id=parsed.account_id,
            family=parsed.family,
            region=parsed.region,
            delivered_at=parsed.delivered_at,
            unique="Forged0123456789",
        )
    )


def _ends_at(key: str) -> datetime:
    parsed = parse_key(key)
    return parsed.ends_at if isinstance(parsed, DigestKey) else datetime.min.replace(tzinfo=UTC)
