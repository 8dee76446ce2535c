"""Which BatchNorms fold exactly into the convolution or linear layer directly before them.

The order in which modules are registered does not say what feeds what, so the model
runs once, on any device, and every operation on the output of a convolution or linear
layer is recorded. A BatchNorm folds into a layer if

* it normalizes with running statistics (eval mode),
* each of its inputs is the whole output of that layer, or a view of it that leaves
  the channels where BatchNorm expects them,
* nothing else reads or changes that output, in any call of the layer, and
* neither shares a parameter with another module.

Then scale and shift go into the weight and bias of the layer: the BatchNorm's own
parameters are gone, and the layer has a bias. A BatchNorm without parameters folds too.
"""

import weakref
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial

import torch
from torch import Tensor, nn
from torch._ops import OpOverload
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd

from reproductions.known_shapes import known_shapes_on
from reproductions.watching import Watching, tensors_in

Layer = _ConvNd | nn.Linear


@dataclass(frozen=True, kw_only=True)
class Folding:
    """What folding every foldable BatchNorm of a model would do."""

    folded: dict[str, str]
    """BatchNorm to the layer that takes it in, by module name."""
    left: tuple[str, ...]
    """BatchNorms that stay."""
    parameters_removed: int
    """Weights and biases of the folded BatchNorms."""
    biases_added: int
    """Elements of the biases of layers that had none."""


def fold_batchnorms(model: nn.Module, images: Tensor) -> Folding:
    """Find out what folds, by running ``model`` once.

    Args:
        model: a model in eval mode; it is left as it was.
        images: (B, 3, H, W), on the device of the model.
    """
    layers = {name: part for name, part in model.named_modules() if isinstance(part, Layer)}
    norms = {name: part for name, part in model.named_modules() if isinstance(part, _BatchNorm)}
    trace = _run(model, images, layers, norms)
    shared = _modules_sharing_parameters(model)
    folded = {
        name: layer
        for name, norm in norms.items()
        if (layer := trace.layer_feeding(name)) is not None
        if _uses_running_statistics(norm) and shared.isdisjoint((name, layer))
    }
    return Folding(
        folded=folded,
        left=tuple(name for name in norms if name not in folded),
        parameters_removed=sum(
            parameter.numel()
            for name in folded
            for parameter in norms[name].parameters(recurse=False)
        ),
        biases_added=sum(
            norms[name].num_features for name, layer in folded.items() if layers[layer].bias is None
        ),
    )


def _run(
    model: nn.Module,
    images: Tensor,
    layers: Mapping[str, Layer],
    norms: Mapping[str, _BatchNorm],
) -> "_Trace":
    trace = _Trace()
    with torch.no_grad(), ExitStack() as hooks:
        for name, layer in layers.items():
            hooks.enter_context(layer.register_forward_hook(partial(trace.leave_layer, name)))
        for name, norm in norms.items():
            hooks.enter_context(norm.register_forward_pre_hook(partial(trace.enter_norm, name)))
            hooks.enter_context(norm.register_forward_hook(trace.leave_norm))
        with known_shapes_on(images.device), _Watch(trace):
            returned = model(images)
    trace.record_use(tensors_in(returned), None)
    return trace


@dataclass(frozen=True, kw_only=True)
class _Output:
    """One tensor that a convolution or linear layer returned."""

    layer: str
    numel: int
    channels: int
    stride: int
    """Of the channels."""
    users: set[str | None] = field(default_factory=set)
    """BatchNorms that normalize it; None stands for any other reader or writer."""

    def is_whole(self, seen: Tensor) -> bool:
        """Tell whether ``seen`` (B, C, ...), a view of this, is all of it, channel for channel."""
        return (
            seen.numel() == self.numel
            and seen.shape[1] == self.channels
            and (self.channels == 1 or seen.stride(1) == self.stride)
        )


class _Trace:
    """What became of each layer's output while a model ran."""

    def __init__(self) -> None:
        self._outputs: list[_Output] = []
        self._behind = weakref.WeakKeyDictionary[torch.UntypedStorage, _Output]()
        """What a layer wrote into memory that still lives."""
        self._sources: defaultdict[str, set[str | None]] = defaultdict(set)
        self._norm: str | None = None

    def layer_feeding(self, norm: str) -> str | None:
        """Name the one layer whose outputs go to ``norm``, all of them and nowhere else."""
        sources = self._sources[norm]
        layer = next(iter(sources)) if len(sources) == 1 else None
        users = [output.users for output in self._outputs if output.layer == layer]
        return layer if all(user == {norm} for user in users) else None

    def leave_layer(self, name: str, layer: Layer, _args: object, result: Tensor) -> None:
        """Forward hook: remember what the layer returned."""
        axis = -1 if isinstance(layer, nn.Linear) else -1 - len(layer.kernel_size)
        memory = result.untyped_storage()
        if memory not in self._behind:
            output = _Output(
                layer=name,
                numel=result.numel(),
                channels=result.shape[axis],
                stride=result.stride(axis),
            )
            self._outputs.append(output)
            self._behind[memory] = output

    def enter_norm(self, name: str, _norm: nn.Module, args: tuple[Tensor, ...]) -> None:
        """Forward pre-hook: remember which layer the BatchNorm reads."""
        self._norm = name
        output = self._behind.get(args[0].untyped_storage())
        is_whole = output is not None and output.is_whole(args[0])
        self._sources[name].add(output.layer if output is not None and is_whole else None)

    def leave_norm(self, *_: object) -> None:
        """Forward hook: the BatchNorm is done."""
        self._norm = None

    def record_operation(self, operation: OpOverload, inputs: object, results: object) -> None:
        """Note the operation as a use of its inputs unless it merely views them."""
        read = tensors_in(inputs)
        made = {tensor.untyped_storage() for tensor in tensors_in(results)}
        is_view = made and made <= {tensor.untyped_storage() for tensor in read}
        if operation._schema.is_mutable or not is_view:
            normalizes = "batch_norm" in operation._schema.name
            self.record_use(read, self._norm if normalizes else None)

    def record_use(self, tensors: Iterable[Tensor], user: str | None) -> None:
        """Note that ``user`` (None: no BatchNorm) reads or writes ``tensors``."""
        for tensor in tensors:
            output = self._behind.get(tensor.untyped_storage())
            if output is not None:
                output.users.add(user)


class _Watch(Watching):
    """Hands every operation to a trace."""

    def __init__(self, trace: _Trace) -> None:
        super().__init__()
        self._trace = trace

    def __torch_dispatch__(
        self,
        operation: OpOverload,
        types: Sequence[type],
        args: tuple[object, ...] = (),
        kwargs: Mapping[str, object] | None = None,
    ) -> object:
        results = operation(*args, **(kwargs or {}))
        self._trace.record_operation(operation, (args, kwargs), results)
        return results


def _uses_running_statistics(norm: _BatchNorm) -> bool:
    return not norm.training and norm.running_mean is not None


def _modules_sharing_parameters(model: nn.Module) -> set[str]:
    owned = {name: list(part.parameters(recurse=False)) for name, part in model.named_modules()}
    owners = Counter(id(parameter) for parameters in owned.values() for parameter in parameters)
    return {
        name
        for name, parameters in owned.items()
        if any(owners[id(parameter)] > 1 for parameter in parameters)
    }
