"""The policies of a question with some layers left out.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from trailkeep.core.errors import UsageError
from trailkeep.guard.request import Layer, Layers
from trailkeep.guard.statement import Effect, Policy

__all__ = ["present", "without_layers"]

_REMOVABLE = (
    Layer.SCP,
    Layer.RCP,
    Layer.RESOURCE,
    Layer.ENDPOINT,
    Layer.IDENTITY,
    Layer.BOUNDARY,
    Layer.SESSION,
)


def present(layers: Layers) -> Iterator[Layer]:
    """Yield the layers that can refuse something, and so can be left out."""
    for layer in _REMOVABLE:
        if without_layers(layers, frozenset({layer})) != layers:
            yield layer


def without_layers(layers: Layers, without: Iterable[Layer]) -> Layers:
    """Return the policies without some layers: they neither deny nor withhold; grants on the resource stay.

    Raises:
        UsageError: a layer that is none of policies.
    """
    for layer in without:
        match layer:
            case Layer.SCP:
                layers = replace(layers, scps=())
            case Layer.RCP:
                layers = replace(layers, rcps=())
            case Layer.RESOURCE:
                layers = replace(layers, resource_policy=_grants_of(layers.resource_policy))
            case Layer.ENDPOINT:
                layers = replace(layers, endpoint=None)
            case Layer.IDENTITY:
                layers = replace(layers, identity=None)
            case Layer.BOUNDARY:
                layers = replace(layers, boundary=None)
            case Layer.SESSION:
                layers = replace(layers, session=None)
            case Layer.ROOT | Layer.SERVICE:
                raise UsageError(f"without: expected a layer of policies, got {layer}; leave it out")
    return layers


def _grants_of(policy: Policy | None) -> Policy | None:
    if policy is None:
        return None
    kept = tuple(statement for statement in policy.statements if statement.effect is Effect.ALLOW)
    return replace(policy, statements=kept)
