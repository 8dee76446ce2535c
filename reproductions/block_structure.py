"""Block structure: what a model with a graph is put together from, in the order in which it runs.

Protocol: build the model in its published form, eval, and run it once on a 224 x 224 image, seed
0; write down the operations that run in the stem, the head, and the Grapher and FFN of the first
block with a graph. A linear map is a matrix product or a 1 x 1 convolution; its width is told over
the channels of the block (same, double, triple, fourfold). Facts; what does not apply is absent:

* ``blocks_with_graph``; ``backbone``: what runs in such a block, in order.
* ``position_encoding``: conditional if a depthwise convolution is added to what it reads, else
  none. ``position_embedding``: learned if the model adds a parameter to the first map, else none.
* ``order``: of a Grapher: position_encoding; sparsification, where the nodes that are connected
  are first picked (rolled or gathered); graph, where they are aggregated.
  ``order_by_construction``: the same where connections no input changes count as picked first.
* ``residuals``: parts that add their input to what they make. ``activations``: functions.
* ``grapher_widths``, ``ffn_widths``: of the linear maps of every node. ``update_reads``: width of
  what the second of the Grapher's reads, which updates the nodes. ``global_width``: of the linear
  maps of partitions.
* ``stem_input``: channels; ``stem_kernels``: side of the kernels (one where all are alike);
  ``stem_behind``: what stands behind each convolution but the last; ``stem_last``: behind that.
* ``head``: its operations; ``head_pooling``: average or none; ``head_layers``: fully connected if
  it has no other layers with weights than linear maps and normalizations.

Cost: 1 s on a CPU. Source: the papers' figures and words on their blocks, stems and heads.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, cast

import torch
from pydantic import JsonValue
from torch import Tensor, nn
from torch._ops import OpOverload

from reproductions.catalog import BlockStructureParams
from reproductions.contract import Device, Measurement, NotMeasurableError, reproduction
from reproductions.models import build_model
from reproductions.watching import Watching
from vig_models.classifier import Classifier

SIDE = 224
WIDTHS = {1: "same", 2: "double", 3: "triple", 4: "fourfold"}


@dataclass(frozen=True, kw_only=True)
class Ran:
    """One operation."""

    kind: str
    """``linear``, ``depthwise``, ``convolution``, ``norm``, ``activation``, ``pooling``, ``pick``,
    ``aggregation``, ``encoding`` or ``residual``."""
    name: str
    reads: int = 0
    """Channels that a layer reads, per group."""
    width: int = 0
    """Channels that it makes."""
    positions: int = 0
    """Nodes, or partitions, that a linear map maps."""
    kernel: int = 1


@reproduction
def block_structure(params: BlockStructureParams, device: Device) -> Measurement:
    """List the parts of ``params.model``; on the CPU."""
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(0)
        model = build_model(params.model, num_classes=10)
        blocks = [block for block in model.modules() if "grapher" in block._modules]
        if not isinstance(model, Classifier) or not blocks:
            raise NotMeasurableError(
                f"block_structure: want a model with blocks that have a graph, got "
                f"{params.model!r}; ask for a variant of vig_models"
            )
        parts = {name: cast(nn.Module, part) for name, part in _parts(model, blocks[0])}
        image = torch.rand(1, 3, SIDE, SIDE)
        ran = _run(model, parts, image)
        static = _is_static(cast(Any, blocks[0]).grapher, ran.grapher_input)
    return Measurement(
        values={},
        facts={
            "blocks_with_graph": len(blocks),
            "backbone": [*ran.order],
            **_of_grapher(ran.operations["grapher"], ran.grapher_input, static=static),
            "position_embedding": _embedding(model),
            **_of_block(ran, ran.grapher_input.shape[1]),
            **_of_stem(ran.operations.get("stem", [])),
            **_of_head(ran.operations["head"]),
        },
        evidence={
            name: [f"{one.kind} {one.reads} -> {one.width}" for one in operations]
            for name, operations in ran.operations.items()
        },
    )


def _parts(model: Classifier, block: nn.Module) -> Iterator[tuple[str, object]]:
    yield from block.named_children()
    yield from ((name, part) for name, part in model.named_children() if name in {"stem", "head"})


@dataclass(frozen=True, kw_only=True)
class _Run:
    operations: dict[str, list[Ran]]
    """By part."""
    order: list[str]
    """Parts of the block as they ran."""
    grapher_input: Tensor
    """(1, C, H, W)."""


def _run(model: nn.Module, parts: Mapping[str, nn.Module], image: Tensor) -> _Run:
    block = parts.keys() - {"stem", "head"}
    recorder = _Recorder()
    with _hooks(parts, recorder), recorder:
        model(image)
    return _Run(
        operations=recorder.operations,
        order=[name for name, ran in recorder.operations.items() if ran and name in block],
        grapher_input=recorder.inputs["grapher"],
    )


class _Recorder(Watching):
    """Writes down the operations of each part while it runs."""

    def __init__(self) -> None:
        super().__init__()
        self.operations: dict[str, list[Ran]] = {}
        self.inputs: dict[str, Tensor] = {}
        self._open: str | None = None
        self._encoding: tuple[Tensor, Tensor] | None = None
        """What the last depthwise convolution read and made."""

    def __torch_dispatch__(
        self,
        operation: OpOverload,
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> object:
        result = operation(*args, **(kwargs or {}))
        if self._open is not None:
            name = operation._schema.name.removeprefix("aten::")
            ran = self._addition(args) if name in {"add", "add_"} else _ran(name, args, result)
            if ran is not None:
                self.operations[self._open].append(ran)
                if ran.kind == "depthwise":
                    self._encoding = (args[0], cast(Tensor, result))
        return result

    def _addition(self, args: tuple[Any, ...]) -> Ran | None:
        """Tell an encoding that is added to what it read from a residual of the whole part."""
        added = [one for one in args[:2] if isinstance(one, Tensor)]
        if self._encoding and all(any(a is b for b in self._encoding) for a in added):
            return Ran(kind="encoding", name="add")
        whole = self.inputs[cast(str, self._open)]
        is_residual = any(one is whole for one in added)
        return Ran(kind="residual", name="add") if is_residual else None

    def enter(self, name: str) -> Callable[..., None]:
        """Make the forward pre-hook of a part; only its first run is written down."""

        def hook(_module: nn.Module, args: tuple[Any, ...]) -> None:
            if name not in self.operations:
                self.operations[name] = []
                self.inputs[name] = args[0]
                self._open = name

        return hook

    def leave(self, *_: object) -> None:
        """Forward hook of a part."""
        self._open = None


@contextmanager
def _hooks(parts: Mapping[str, nn.Module], recorder: _Recorder) -> Iterator[None]:
    with ExitStack() as hooks:
        for name, part in parts.items():
            hooks.enter_context(part.register_forward_pre_hook(recorder.enter(name)))
            hooks.enter_context(part.register_forward_hook(recorder.leave))
        yield


_PLAIN = {
    **dict.fromkeys(("gelu", "relu", "silu", "hardswish"), "activation"),
    "native_batch_norm": "norm",
    "native_layer_norm": "norm",
    "_adaptive_avg_pool2d": "pooling",
    "mean": "pooling",
    "roll": "pick",
    "index": "pick",
    "index_select": "pick",
    "maximum": "aggregation",
    "max": "aggregation",
    "amax": "aggregation",
    "scatter_reduce": "aggregation",
    "scatter_reduce_": "aggregation",
}


def _ran(name: str, args: Sequence[Any], result: Any) -> Ran | None:
    """Describe an operation; None if it does not count."""
    if name == "convolution":
        return _convolution(args[0], args[1], groups=args[8], result=result)
    if name in {"addmm", "mm"}:
        rows, weight = args[-2], args[-1]
        reads, width = weight.shape
        return Ran(kind="linear", name=name, reads=reads, width=width, positions=len(rows))
    if name in _PLAIN and not (name == "mean" and args[0].dim() < len("BCHW")):
        return Ran(kind=_PLAIN[name], name=name)
    return None


def _convolution(images: Tensor, weight: Tensor, *, groups: int, result: Tensor) -> Ran:
    kernel = weight.shape[-1]
    is_depthwise = groups == images.shape[1] and kernel > 1
    kind = "depthwise" if is_depthwise else "linear" if kernel == 1 else "convolution"
    return Ran(
        kind=kind,
        name="convolution",
        reads=images.shape[1],
        width=weight.shape[0],
        positions=result[0, 0].numel(),
        kernel=kernel,
    )


# -- facts ---------------------------------------------------------------------------------


def _is_static(grapher: Any, x: Tensor) -> bool:
    """Tell whether another map of the same size has the same connections."""
    first, second = (
        grapher.graph(*grapher.search(one)).neighbors for one in (x, torch.randn_like(x))
    )
    return torch.equal(first, second)


def _of_grapher(ran: list[Ran], x: Tensor, *, static: bool) -> dict[str, JsonValue]:
    names = {"encoding": "position_encoding", "pick": "sparsification", "aggregation": "graph"}
    order = [*dict.fromkeys(names[one.kind] for one in ran if one.kind in names)]
    first = [name for name in order if name == "sparsification" and static]
    by_construction = [*first, *(name for name in order if name not in first)]
    linear = [one for one in ran if one.kind == "linear"]
    num_nodes, channels = x[0, 0].numel(), x.shape[1]
    of_nodes = [one for one in linear if one.positions == num_nodes]
    of_partitions = {one.width for one in linear if one.positions < num_nodes}
    facts: dict[str, JsonValue] = {
        "position_encoding": "conditional" if "position_encoding" in order else "none",
        "order": [*order],
        "order_by_construction": [*by_construction],
        "grapher_widths": [_times(one.width, channels) for one in of_nodes],
    }
    if len(of_nodes) > 1:
        facts["update_reads"] = _times(of_nodes[1].reads, channels)
    if of_partitions:
        facts["global_width"] = ", ".join(_times(one, channels) for one in sorted(of_partitions))
    return facts


def _times(width: int, channels: int) -> str:
    return WIDTHS.get(width // channels, str(width)) if width % channels == 0 else str(width)


def _embedding(model: Classifier) -> str:
    own = [one for one in model.parameters(recurse=False) if one.dim() == len("BCHW")]
    return "learned" if own else "none"


def _of_block(ran: _Run, channels: int) -> dict[str, JsonValue]:
    parts = {name: ran.operations[name] for name in ran.order}
    functions = {
        one.name for operations in parts.values() for one in operations if one.kind == "activation"
    }
    facts: dict[str, JsonValue] = {
        "residuals": [
            name for name, ops in parts.items() if any(one.kind == "residual" for one in ops)
        ],
        "activations": [*sorted(functions)],
    }
    if "ffn" in parts:
        widths = [_times(one.width, channels) for one in parts["ffn"] if one.kind == "linear"]
        facts["ffn_widths"] = [*widths]
    return facts


def _of_stem(ran: list[Ran]) -> dict[str, JsonValue]:
    convolutions = [index for index, one in enumerate(ran) if one.kind == "convolution"]
    if not convolutions:
        return {}
    ends = [*convolutions[1:], len(ran)]
    behind = [
        " and ".join(one.kind for one in ran[start + 1 : end])
        for start, end in zip(convolutions, ends, strict=True)
    ]
    kernels = sorted({ran[index].kernel for index in convolutions})
    return {
        "stem_input": ran[convolutions[0]].reads,
        "stem_kernels": kernels[0] if len(kernels) == 1 else [*kernels],
        "stem_behind": " or ".join(dict.fromkeys(behind[:-1])),
        "stem_last": behind[-1],
    }


def _of_head(ran: list[Ran]) -> dict[str, JsonValue]:
    kinds = [one.kind for one in ran]
    others = [kind for kind in kinds if kind in {"convolution", "depthwise"}]
    return {
        "head": [*kinds],
        "head_pooling": "average" if "pooling" in kinds else "none",
        "head_layers": "others" if others or "linear" not in kinds else "fully connected",
    }
