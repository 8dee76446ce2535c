"""Run a model once and tell what it executes, operation by operation, and who could see it.

What a matrix product is depends on its factors: if both follow from the images it is a
product of two activations, else a linear layer, whatever became of the weight on its way
(views, copies, functions of weights alone). So the memory that follows from the images is
marked while the model runs. What runs inside a clustering is kept apart, by iteration.

Beside it stands what a profiler writes down that hooks modules: only a call of exactly
``nn.Conv2d``, ``nn.Linear`` or ``nn.BatchNorm*d`` is visible to it.
"""

import re
import weakref
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from torch._ops import OpOverload
from torch.nn.attention import SDPBackend, sdpa_kernel

from reproductions.known_shapes import known_shapes_on
from reproductions.operations import Work, work_of
from reproductions.watching import Watching, tensors_in
from vig_models.clustering import Clustering, running

MULTIPLYING = ("convolution", "linear", "product", "distances")
"""Kinds of operations whose work is multiply-accumulates, as a tally names them."""

BATCH_NORM_HOOK = 4
"""Multiply-accumulates per element that the usual hooks write down for a BatchNorm."""

_HOOKED = (nn.Conv2d, nn.Linear, nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)

_SHAPE_ONLY = re.compile(r"(_like|::new_\w+)$")


@dataclass(kw_only=True)
class Tally:
    """What one forward pass executed."""

    macs: Counter[str] = field(default_factory=Counter)
    """Multiply-accumulates outside of clustering, by kind."""
    elements: Counter[str] = field(default_factory=Counter)
    """Input elements of ``batch_norm``, ``other_norm`` (LayerNorm, GroupNorm), ``pooling``."""
    clusterings: dict[Clustering, Counter[int]] = field(default_factory=dict)
    """Multiply-accumulates of each, by iteration from 1; 0 is what runs once."""
    hooked: Counter[str] = field(default_factory=Counter)
    """What the hooks wrote down, by kind."""
    missed: int = 0
    """Multiply-accumulates outside of clustering that ran in no hooked module."""


def count(model: nn.Module, images: Tensor) -> Tally:
    """Run ``model`` once, without gradients, and tally what it executes.

    Attention runs as the matrix products that it is, not as one fused operation.

    Args:
        model: a model in eval mode; it is left as it was.
        images: (B, 3, H, W), on the device of the model.

    Raises:
        NotMeasurableError: the model runs an operation that multiplies in a way unknown here.
    """
    counter = _Counter(images)
    with (
        torch.no_grad(),
        sdpa_kernel(SDPBackend.MATH),
        _no_fused_encoder(),
        _hooks(model, counter),
        known_shapes_on(images.device),
        counter,
    ):
        model(images)
    return counter.tally


class _Counter(Watching):
    """Adds up the work of every operation."""

    def __init__(self, images: Tensor) -> None:
        super().__init__()
        self.tally = Tally()
        self._hooked_module: nn.Module | None = None
        self._activations = weakref.WeakSet((images.untyped_storage(),))
        """Memory whose content follows from the images."""

    def __torch_dispatch__(
        self,
        operation: OpOverload,
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> object:
        kwargs = kwargs or {}
        if _is_made_of_others(operation):  # these arrive whole in inference mode only
            with self:
                return operation.decompose(*args, **kwargs)
        results = operation(*args, **kwargs)
        work = work_of(operation, args, results)
        if work is not None:
            self._add(work)
        self._follow(operation, (args, kwargs), results)
        return results

    def _add(self, work: Work) -> None:
        run = running()
        kind = self._kind(work)
        if run is not None and (kind in MULTIPLYING or kind == "norm"):
            iteration = run.taken if run.iterating else 0
            self.tally.clusterings.setdefault(run, Counter())[iteration] += work.amount
        elif kind in MULTIPLYING:
            self.tally.macs[kind] += work.amount
            self.tally.missed += work.amount if self._hooked_module is None else 0
        elif kind != "norm":
            self.tally.elements[kind] += work.amount

    def _kind(self, work: Work) -> str:
        if work.kind != "matrix_product":
            return work.kind
        return "product" if all(map(self._is_activation, work.factors)) else "linear"

    def _is_activation(self, tensor: Tensor) -> bool:
        return tensor.untyped_storage() in self._activations

    def _follow(self, operation: OpOverload, inputs: object, results: object) -> None:
        """Mark what was made or changed from something that follows from the images."""
        if not _is_shape_only(operation) and any(map(self._is_activation, tensors_in(inputs))):
            for tensor in tensors_in(results):  # an operation returns what it changes
                self._activations.add(tensor.untyped_storage())

    def enter(self, module: nn.Module, _args: object) -> None:
        """Forward pre-hook of a hooked module."""
        self._hooked_module = module

    def leave(self, module: nn.Module, args: tuple[Tensor, ...], result: Tensor) -> None:
        """Forward hook of a hooked module: write down what the usual hooks do."""
        self._hooked_module = None
        if isinstance(module, nn.Conv2d):
            self.tally.hooked["convolution"] += result.numel() * module.weight[0].numel()
        elif isinstance(module, nn.Linear):
            self.tally.hooked["linear"] += result.numel() * module.in_features
        else:
            self.tally.hooked["batch_norm"] += args[0].numel() * BATCH_NORM_HOOK


@contextmanager
def _hooks(model: nn.Module, counter: _Counter) -> Iterator[None]:
    with ExitStack() as hooks:
        for module in model.modules():
            if type(module) in _HOOKED:
                hooks.enter_context(module.register_forward_pre_hook(counter.enter))
                hooks.enter_context(module.register_forward_hook(counter.leave))
        yield


@contextmanager
def _no_fused_encoder() -> Iterator[None]:
    """Keep torch from running an encoder layer as one operation that says nothing of its inside."""
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(before)


@cache
def _is_shape_only(operation: OpOverload) -> bool:
    """Tell operations that take only the shape of what they read."""
    return _SHAPE_ONLY.search(operation._schema.name) is not None


@cache
def _is_made_of_others(operation: OpOverload) -> bool:
    name = operation.name()  # type: ignore[no-untyped-call]  # torch leaves it untyped
    return torch._C._dispatch_has_kernel_for_dispatch_key(name, "CompositeImplicitAutograd")
