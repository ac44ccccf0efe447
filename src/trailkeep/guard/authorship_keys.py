"""For each line of a plan about the key: the events that can have made it, as KMS writes them.

Source: https://docs.aws.amazon.com/kms/latest/developerguide/logging-using-cloudtrail.html
"""

from __future__ import annotations

from trailkeep.guard.authorship import Question
from trailkeep.guard.authorship_matches import Test, never, says
from trailkeep.guard.changes import CreateKey, EnableKeyRotation, PutKeyPolicy

__all__ = ["ask_key", "ask_key_policy", "ask_key_state"]

_KMS = "kms.amazonaws.com"
_BACK = ("EnableKey", "CancelKeyDeletion")


def ask_key(action: CreateKey | PutKeyPolicy | EnableKeyRotation) -> Question:
    """Return the question for one action about the key."""
    match action:
        case CreateKey():
            return Question(
                action=action.id,
                source=_KMS,
                names=("DeleteAlias", "CreateAlias", "UpdateAlias"),
                texts=(action.alias,),
                touches=lambda event: (
                    event.asked.get("aliasName") == action.alias and event.account == action.account
                ),
                restores=lambda event: event.name == "CreateAlias",
            )
        case PutKeyPolicy():
            return _key(action.id, action.key, ("PutKeyPolicy",), says("policy", action.document))
        case EnableKeyRotation():
            names = ("DisableKeyRotation", "EnableKeyRotation")
            return _key(action.id, action.key, names, lambda event: event.name == "EnableKeyRotation")


def _key(line: str, arn: str, names: tuple[str, ...], restores: Test, *, observed: str = "") -> Question:
    """Return a question about a key, which events name by its ARN or its id."""
    named = (arn, arn.rpartition("/")[2])
    return Question(
        action=line,
        observed=observed,
        source=_KMS,
        names=names,
        texts=named,
        touches=lambda event: event.asked.get("keyId") in named,
        restores=restores,
    )


def ask_key_state(line: str, arn: str, *, observed: str) -> Question:
    """Return the question about a key that is disabled, or to be deleted."""
    names = ("DisableKey", "ScheduleKeyDeletion", *_BACK)
    return _key(line, arn, names, lambda event: event.name in _BACK, observed=observed)


def ask_key_policy(line: str, arn: str, *, observed: str) -> Question:
    """Return the question about a key policy that lets in whom nobody asked for."""
    return _key(line, arn, ("PutKeyPolicy",), never, observed=observed)
