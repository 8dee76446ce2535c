"""Which activations a training step keeps: every one, or inputs from which the rest is run again.

Works on any model of ``vig_models``: its layers, and in them the children named ``grapher``.
Nothing of a model is changed for good.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import pairwise
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from reproductions.errors import ReproductionError
from vig_models.classifier import Classifier


class CheckpointError(ReproductionError):
    """The model has no such parts to run again."""


@contextmanager
def checkpointed(model: Classifier, what: str, segments: int) -> Iterator[None]:
    """Run forward passes inside with checkpoints.

    Args:
        model: in training mode.
        what: ``none``; ``layers``, each on its own, downsampling too; ``graphers``, without what
            stands beside them in a block; ``segments``, so many rows of layers, of which the last
            is kept, since it is needed at once.
        segments: how many.

    Raises:
        CheckpointError: there are fewer layers than segments, or no grapher.
    """
    with ExitStack() as stack:
        if what == "layers":
            model.set_grad_checkpointing(True)
            stack.callback(model.set_grad_checkpointing, False)
        elif what == "segments":
            stack.enter_context(_in_segments(model, segments))
        elif what == "graphers":
            stack.enter_context(_graphers(model))
        yield


@contextmanager
def _in_segments(model: Classifier, segments: int) -> Iterator[None]:
    layers = list(model.layers())
    if not 1 <= segments <= len(layers):
        raise CheckpointError(
            f"want 1 to {len(layers)} segments, the number of layers, got {segments}; ask for fewer"
        )
    bounds = [len(layers) * number // segments for number in range(segments + 1)]
    rows = [_Row(layers[a:b], rerun=b < len(layers)) for a, b in pairwise(bounds)]
    # On the instance, where it hides the method of the class until it is taken away again.
    cast(Any, model).layers = lambda: iter(rows)
    try:
        yield
    finally:
        del cast(Any, model).layers


class _Row(nn.Module):
    """Several layers as one."""

    draws = True

    def __init__(self, layers: Sequence[nn.Module], *, rerun: bool) -> None:
        super().__init__()
        self.rerun = rerun
        self.members = tuple(layers)  # not registered: they are the model's

    def forward(self, x: Tensor, generator: torch.Generator | None = None) -> Tensor:
        if not self.rerun:
            return self._run(x, generator)
        result: Tensor = checkpoint(self._run, x, generator, use_reentrant=False)
        return result

    def _run(self, x: Tensor, generator: torch.Generator | None) -> Tensor:
        for layer in self.members:
            x = layer(x, generator) if getattr(layer, "draws", False) else layer(x)
        return x


@contextmanager
def _graphers(model: Classifier) -> Iterator[None]:
    found = [module for name, module in model.named_modules() if name.endswith(".grapher")]
    if not found:
        raise CheckpointError(
            f"want a model whose blocks have a grapher, found none in {type(model).__name__}; "
            "ask for another mode"
        )
    try:
        for grapher in found:
            cast(Any, grapher).forward = _rerun(grapher.forward)
        yield
    finally:
        for grapher in found:
            cast(Any, grapher).__dict__.pop("forward", None)


def _rerun(forward: Any) -> Any:
    def run(*args: Any) -> Any:
        return checkpoint(forward, *args, use_reentrant=False, preserve_rng_state=True)

    return run
