"""Run a model once and tell where it mixes tokens: its blocks, and the operations that mix.

Nothing is read from names. An element is a module with modules of its own that stands in a
row (``nn.Sequential``, ``nn.ModuleList``). Rules:

* An element is residual if an addition inside its call takes the very tensor the call was
  given, or if another element of its class is (some shortcuts are projected).
* It is a stage if a row at or below it holds two residual elements of one class, or if
  another element of its class is a stage.
* A block is a residual element that is no stage, mixes tokens and is in no other block.
* Graph: features that follow from the images are gathered by index, or rolled with no
  softmax beside it. Attention: a softmax of such features in a block without a graph.
  Pooling and convolution: their windows overlap (kernel > stride).
"""

import weakref
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import chain
from math import isqrt
from typing import Any

import torch
from torch import Tensor, nn
from torch._ops import OpOverload
from torch.nn.attention import SDPBackend, sdpa_kernel

from reproductions.contract import NotMeasurableError
from reproductions.known_shapes import known_shapes_on
from reproductions.watching import Watching, storages_in, tensors_in

_SIMPLE_KINDS = {
    "aten::_softmax": "softmax",
    "aten::_safe_softmax": "softmax",
    "aten::index": "gather",
    "aten::index_select": "gather",
    "aten::gather": "gather",
    "aten::roll": "roll",
}
_POOLINGS = ("aten::avg_pool2d", "aten::max_pool2d", "aten::max_pool2d_with_indices")
_ADDITIONS = ("aten::add", "aten::add_")
_ROWS = (nn.Sequential, nn.ModuleList)


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One operation on features that follow from the images."""

    kind: str
    """``convolution``, ``pooling``, ``softmax``, ``gather``, ``roll`` or ``topk``."""
    within: tuple[int, ...]
    """The calls it runs in, outermost first, by number."""
    kernel: int = 1
    stride: int = 1
    queries: int = 0
    """Of a ``topk``: nodes that choose."""
    keys: int = 0
    """Of a ``topk``: nodes to choose from."""
    chosen: int = 0
    """Of a ``topk``: nearest keys per node."""

    @property
    def overlaps(self) -> bool:
        """Whether neighboring windows share positions."""
        return self.kernel > self.stride


@dataclass(kw_only=True)
class Call:
    """One call of an element."""

    name: str
    module: nn.Module
    outer: tuple[int, ...]
    """The calls it runs in, outermost first, by number."""
    residual: bool = False
    shape: tuple[int, ...] = ()
    """Of what it returned."""


@dataclass(frozen=True, kw_only=True)
class Block:
    """A token-mixing block as it ran."""

    name: str
    channels: int
    grid: int
    """Rows, or columns, of the square map behind it; further tokens do not count."""
    mixing: frozenset[str]
    """Of ``attention``, ``convolution``, ``graph`` and ``pooling``."""
    operations: tuple[Operation, ...]


@dataclass(frozen=True, kw_only=True)
class Trace:
    """What one forward pass ran, in order."""

    operations: tuple[Operation, ...]
    blocks: tuple[Block, ...]
    stem: tuple[Operation, ...]
    """Convolutions and poolings, wider than one position, before the first block."""


def trace(model: nn.Module, images: Tensor) -> Trace:
    """Run ``model`` once, without gradients, and find its blocks.

    Args:
        model: a model in eval mode; it is left as it was.
        images: (B, 3, H, W), on the device of the model.

    Raises:
        NotMeasurableError: no block mixes tokens, or one does not return a square map.
    """
    recorder = _Recorder(images)
    with (
        torch.no_grad(),
        sdpa_kernel(SDPBackend.MATH),
        _hooks(model, recorder),
        known_shapes_on(images.device),
        recorder,
    ):
        model(images)
    operations = recorder.operations
    found = _find_blocks(model, recorder.calls, operations)
    if not found:
        raise NotMeasurableError(
            "architecture: want residual blocks that mix tokens in an nn.Sequential or "
            f"nn.ModuleList, found none in {type(model).__name__}"
        )
    first = next(i for i, operation in enumerate(operations) if found[0] in operation.within)
    return Trace(
        operations=tuple(operations),
        blocks=tuple(_block(recorder.calls[n], _inside(n, operations)) for n in found),
        stem=tuple(o for o in operations[:first] if o.kind in {"convolution", "pooling"}),
    )


class _Recorder(Watching):
    """Writes down calls of elements, and operations that mix tokens."""

    def __init__(self, images: Tensor) -> None:
        super().__init__()
        self.calls: list[Call] = []
        self.operations: list[Operation] = []
        self._open: list[tuple[int, object]] = []
        """Number of each call that runs now, and the memory of the tensor it was given."""
        self._activations = weakref.WeakSet((images.untyped_storage(),))

    def __torch_dispatch__(
        self,
        operation: OpOverload,
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> object:
        results = operation(*args, **(kwargs or {}))
        given = storages_in((args, kwargs))
        if any(storage in self._activations for storage in given):
            self._write_down(operation._schema.name, args, given)
            for storage in storages_in(results):
                self._activations.add(storage)
        return results

    def _write_down(self, name: str, args: tuple[Any, ...], given: Sequence[object]) -> None:
        if name in _ADDITIONS:
            for number, entered_with in self._open:
                self.calls[number].residual |= any(entered_with is storage for storage in given)
        elif isinstance(args[0], Tensor) and args[0].untyped_storage() in self._activations:
            found = _operation(name, args, tuple(number for number, _ in self._open))
            self.operations += [found] if found else []

    def enter(self, name: str, module: nn.Module, args: tuple[object, ...]) -> None:
        """Forward pre-hook of an element."""
        call = Call(name=name, module=module, outer=tuple(number for number, _ in self._open))
        given = storages_in(args)
        self._open.append((len(self.calls), given[0] if given else None))
        self.calls.append(call)

    def leave(self, _module: nn.Module, _args: object, result: object) -> None:
        """Forward hook of an element."""
        number, _ = self._open.pop()
        tensors = tensors_in(result)
        self.calls[number].shape = tuple(tensors[0].shape) if tensors else ()


def _operation(name: str, args: tuple[Any, ...], within: tuple[int, ...]) -> Operation | None:
    """Read one operation; None where it mixes nothing."""
    if name == "aten::convolution":
        kernel, stride = max(args[1].shape[2:]), max(args[3])
        kind = "convolution"
    elif name in _POOLINGS:
        kernel = max(args[1])
        stride = max(chain(*args[2:3]), default=kernel)
        kind = "pooling"
    elif name == "aten::topk":
        queries, keys = args[0].shape[-2:]
        return Operation(kind="topk", within=within, queries=queries, keys=keys, chosen=args[1])
    else:
        kind = _SIMPLE_KINDS.get(name, "")
        return Operation(kind=kind, within=within) if kind else None
    if kernel == 1:
        return None
    return Operation(kind=kind, within=within, kernel=kernel, stride=stride)


@contextmanager
def _hooks(model: nn.Module, recorder: _Recorder) -> Iterator[None]:
    with ExitStack() as hooks:
        for name, module in _elements(model):
            hooks.enter_context(module.register_forward_pre_hook(_entering(recorder, name)))
            hooks.enter_context(module.register_forward_hook(recorder.leave))
        yield


def _entering(recorder: _Recorder, name: str) -> Callable[[nn.Module, tuple[object, ...]], None]:
    return lambda module, args: recorder.enter(name, module, args)


def _elements(model: nn.Module) -> list[tuple[str, nn.Module]]:
    """Name what stands in rows and has modules of its own, each once."""
    inside_rows = {
        id(child): None
        for row in model.modules()
        if isinstance(row, _ROWS)
        for child in row.children()
        if any(True for _ in child.children())
    }
    return [(name, module) for name, module in model.named_modules() if id(module) in inside_rows]


def _find_blocks(
    model: nn.Module, calls: Sequence[Call], operations: Sequence[Operation]
) -> list[int]:
    """Number the calls that are blocks, in order."""
    is_residual = _alike(calls, lambda call: call.residual)
    residual = {id(call.module) for call in calls if is_residual(call)}
    is_stage = _alike(calls, lambda call: _holds_blocks(call.module, residual))
    blocks: list[int] = []
    for number, call in enumerate(calls):
        if not is_residual(call) or is_stage(call) or set(call.outer) & set(blocks):
            continue
        if _mixing(_inside(number, operations)):
            blocks.append(number)
    return blocks


def _alike(calls: Iterable[Call], holds: Callable[[Call], bool]) -> Callable[[Call], bool]:
    """Extend what holds for a call to elements of its class; torch's containers say nothing."""
    classes = {type(call.module) for call in calls if holds(call)} - set(_ROWS)
    return lambda call: type(call.module) in classes or holds(call)


def _holds_blocks(module: nn.Module, residual: set[int]) -> bool:
    rows = (row for row in module.modules() if isinstance(row, _ROWS))
    counts = (Counter(type(c) for c in row.children() if id(c) in residual) for row in rows)
    return any(number > 1 for count in counts for number in count.values())


def _inside(number: int, operations: Iterable[Operation]) -> tuple[Operation, ...]:
    return tuple(operation for operation in operations if number in operation.within)


def _mixing(operations: Iterable[Operation]) -> frozenset[str]:
    """Name what mixes the tokens of a block that runs these operations."""
    operations = tuple(operations)
    kinds = {operation.kind for operation in operations}
    mixing = {o.kind for o in operations if o.kind in {"convolution", "pooling"} and o.overlaps}
    if "gather" in kinds or ("roll" in kinds and "softmax" not in kinds):
        mixing.add("graph")
    elif "softmax" in kinds:
        mixing.add("attention")
    return frozenset(mixing)


def _block(call: Call, operations: tuple[Operation, ...]) -> Block:
    channels, grid = _channels_and_grid(call)
    return Block(
        name=call.name,
        channels=channels,
        grid=grid,
        mixing=_mixing(operations),
        operations=operations,
    )


def _channels_and_grid(call: Call) -> tuple[int, int]:
    """Read (B, N, C), (B, C, H, W) or (B, H, W, C); of a cube either reading says the same."""
    match call.shape:
        case (_, num_tokens, channels):
            return channels, isqrt(num_tokens)
        case (_, channels, rows, columns) if rows == columns:
            return channels, rows
        case (_, rows, columns, channels) if rows == columns:
            return channels, rows
    raise NotMeasurableError(
        f"architecture: want tokens (B, N, C) or a square map behind block {call.name!r}, "
        f"found {call.shape}"
    )
