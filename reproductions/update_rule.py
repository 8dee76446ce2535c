"""Update rule: which of the written rules a graph convolution computes, node by node.

Protocol: take the graph convolution of a model's first block, published form, float64, with every
weight, statistic and scalar drawn from the seed; draw 20 nodes of its width, 4 neighbors of each
(itself the first) and partitions with global features. Write out each rule that the layers of the
convolution allow as plain loops over nodes and neighbors: an ``MLP`` is the convolution's own
layer, applied to one row at a time; what a rule joins with | may reach the MLP in the written
order or channel by channel, which renames the rows of its first weight and nothing else. Facts:

* ``rule``: the rule whose loop gives the same output, or none; G- in front where the rule reads
  global features. ``difference``: the largest difference from it, over the largest output; for
  none, from the nearest rule.
* ``reads``: what changes the output of a node when drawn anew: the node, its neighbors, its
  partition (global features), others (nodes that are none of these, other partitions).
* ``order_of_nodes``: irrelevant if nodes put in another order, and neighbors listed in another
  behind the node itself, give the same outputs in the order of the nodes, else relevant.
* ``eps`` and ``delta``, the scalars of (G-)GIN: learnable, fixed or none.

Cost: under 1 s on a CPU. Source: Tables I and II of the ClusterViG paper, Eq. 1 and 4.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

import torch
from torch import Tensor, nn

from reproductions.catalog import UpdateRuleParams
from reproductions.contract import (
    Device,
    Measurement,
    NotMeasurableError,
    Quantity,
    reproduction,
)
from vig_models import create_model

NODES, NEIGHBORS, PARTITIONS = 20, 4, 3
SAME = 1e-9
"""Largest difference, over the largest output, of what is the same but for rounding."""

Rows = Callable[[Tensor], Tensor]
"""An MLP: rows, (n, in), to rows, (n, out)."""


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """What a convolution is given."""

    nodes: Tensor
    """(N, C)."""
    neighbors: Tensor
    """(N, K), each node the first of its own."""
    owner: Tensor
    """Partition of each node, (N,)."""
    aware: Tensor
    """Global features of each partition, (P, C)."""


@dataclass(frozen=True, kw_only=True)
class Convolution:
    """A graph convolution, whichever layout it wants its inputs in."""

    module: nn.Module
    is_global: bool
    run: Callable[[Inputs], Tensor]
    """From inputs to outputs, (N, C')."""
    mlps: Mapping[str, Rows]
    """``update``, and ``neighbor`` where neighbors are mapped before they are aggregated."""


@reproduction
def update_rule(params: UpdateRuleParams, device: Device) -> Measurement:
    """Find the rule that the graph convolution of ``params.model`` computes; on the CPU."""
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(params.seed)
        conv, channels = _convolution(params)
        given = _draw(channels)
        output = conv.run(given)
        distances = _distances(conv, given, output)
        nearest = min(distances, key=distances.__getitem__)
        found = [name for name, distance in distances.items() if distance <= SAME]
        return Measurement(
            values={"difference": Quantity.exact(distances[nearest], "ratio")},
            facts={
                "rule": " or ".join(found) or "none",
                "reads": [*_reads(conv, given, output)],
                "order_of_nodes": _order(conv, given, output),
                "eps": _learned(conv.module, "eps"),
                "delta": _learned(conv.module, "delta"),
            },
            evidence={
                "differences": dict(distances),
                "drawn": {"nodes": NODES, "neighbors": NEIGHBORS, "channels": given.nodes.shape[1]},
                "largest_output": float(output.abs().max()),
            },
        )


def _convolution(params: UpdateRuleParams) -> tuple[Convolution, int]:
    """Make the convolution, its entries drawn, and tell the width of the nodes."""
    if params.family() not in {"vig", "clustervig"}:
        raise NotMeasurableError(
            f"update_rule: want a model of vig or clustervig, got {params.model!r}, whose "
            "convolution is not one of the tables'; ask for one of these"
        )
    kind: dict[str, Any] = {}
    if params.graph_conv != "default":
        kind = {"graph_conv": params.graph_conv}
    model = create_model(params.model, implementation="published", depth=1, **kind)
    module: nn.Module = cast(Any, model.backbone[0]).grapher.graph_conv.double().eval()
    for entry in module.state_dict().values():
        if entry.is_floating_point():
            entry.uniform_(0.5, 1.5)
            if entry.dim() > 1:
                entry.sub_(1)  # weights of both signs, so that no sum hides a difference
    is_global = params.family() == "clustervig"
    conv = Convolution(
        module=module,
        is_global=is_global,
        run=(_on_edges if is_global else _on_map)(module),
        mlps=_mlps(module, (lambda mlp: mlp) if is_global else _as_rows),
    )
    return conv, model.config.channels


def _mlps(module: nn.Module, wrap: Callable[[nn.Module], Rows]) -> dict[str, Rows]:
    """Find the layers by their names in Tables I and II: Psi updates, Phi maps neighbors."""
    parts = dict(module.named_children())
    update = parts.get("update") or parts.get("combine") or parts["vertex"]
    neighbor = {"neighbor": wrap(parts["neighbor"])} if "neighbor" in parts else {}
    return {"update": wrap(update), **neighbor}


def _as_rows(mlp: nn.Module) -> Rows:
    """Give rows to layers of 1 x 1 convolutions."""
    return lambda rows: mlp(rows.T[None, ..., None])[0, ..., 0].T


def _on_map(module: nn.Module) -> Callable[[Inputs], Tensor]:
    def run(given: Inputs) -> Tensor:
        as_map = given.nodes.T[None, :, :, None]  # (1, C, N, 1)
        return cast(Tensor, module(as_map, as_map, given.neighbors[None])[0, ..., 0].T)

    return run


def _on_edges(module: nn.Module) -> Callable[[Inputs], Tensor]:
    def run(given: Inputs) -> Tensor:
        node = torch.arange(len(given.nodes))[:, None].expand_as(given.neighbors)
        edges = torch.stack((given.neighbors.flatten(), node.flatten()))
        return cast(Tensor, module(given.nodes, given.aware[given.owner], edges))

    return run


def _draw(channels: int) -> Inputs:
    others = torch.stack([torch.randperm(NODES - 1)[: NEIGHBORS - 1] for _ in range(NODES)])
    itself = torch.arange(NODES)[:, None]
    return Inputs(
        nodes=torch.randn(NODES, channels, dtype=torch.float64),
        neighbors=torch.cat((itself, others + (others >= itself)), dim=1),
        owner=torch.arange(NODES) % PARTITIONS,
        aware=torch.randn(PARTITIONS, channels, dtype=torch.float64),
    )


# -- the rules, as they are written --------------------------------------------------------


def _distances(conv: Convolution, given: Inputs, output: Tensor) -> dict[str, float]:
    """Compare the output with the loop of every rule that the layers allow."""
    scale = float(output.abs().max())
    distances = {}
    for name, rule in RULES.items():
        needs_neighbor = name == "GraphSAGE"
        if needs_neighbor != ("neighbor" in conv.mlps):
            continue
        written = [
            loop
            for joined in (_in_order, _channel_by_channel)
            if (loop := _loop(conv, given, rule, joined)) is not None
        ]
        if written:
            label = f"G-{name}" if conv.is_global else name
            distances[label] = min(float((loop - output).abs().max()) for loop in written) / scale
    return distances


Join = Callable[[list[Tensor]], Tensor]
Update = Callable[[Tensor, Tensor, Tensor, Mapping[str, Rows], "Scalars", Join], Tensor]
"""From a node, (C,), its neighbors, (K, C), and z', (C,) or (0,), to what becomes of it."""


@dataclass(frozen=True, kw_only=True)
class Scalars:
    """Learned scalars; 0 where a convolution has none."""

    eps: Tensor
    delta: Tensor


def _edge(
    x: Tensor, around: Tensor, z: Tensor, mlps: Mapping[str, Rows], _: Scalars, join: Join
) -> Tensor:
    messages = [_mapped(mlps["update"], join([x, other - x, z])) for other in around]
    return torch.stack(messages).amax(dim=0)


def _max_relative(
    x: Tensor, around: Tensor, z: Tensor, mlps: Mapping[str, Rows], _: Scalars, join: Join
) -> Tensor:
    largest = torch.stack([other - x for other in around]).amax(dim=0)
    return _mapped(mlps["update"], join([x, largest, z]))


def _sage(
    x: Tensor, around: Tensor, z: Tensor, mlps: Mapping[str, Rows], _: Scalars, join: Join
) -> Tensor:
    largest = torch.stack([_mapped(mlps["neighbor"], other) for other in around]).amax(dim=0)
    return _mapped(mlps["update"], join([x, largest, z]))


def _gin(
    x: Tensor, around: Tensor, z: Tensor, mlps: Mapping[str, Rows], scalars: Scalars, _: Join
) -> Tensor:
    total = (1 + scalars.eps) * x
    for other in around:
        total = total + other
    return _mapped(mlps["update"], total + (1 + scalars.delta) * z if len(z) else total)


RULES: Mapping[str, Update] = {
    "EdgeConv": _edge,
    "MRGCN": _max_relative,
    "GraphSAGE": _sage,
    "GIN": _gin,
}
"""Rows of Table I; with global features those of Table II."""


def _mapped(mlp: Rows, row: Tensor) -> Tensor:
    return mlp(row[None])[0]


def _in_order(parts: list[Tensor]) -> Tensor:
    return torch.cat(parts)


def _channel_by_channel(parts: list[Tensor]) -> Tensor:
    """Join the first two channel by channel, then the global features."""
    return torch.cat((torch.stack(parts[:2], dim=1).flatten(), *parts[2:]))


def _loop(conv: Convolution, given: Inputs, rule: Update, join: Join) -> Tensor | None:
    """Update node after node; None if the MLP reads rows of another width."""
    none = given.nodes.new_empty(0)
    known = dict(conv.module.named_parameters(recurse=False))
    zero = given.nodes.new_zeros(1)
    scalars = Scalars(eps=known.get("eps", zero), delta=known.get("delta", zero))
    updated = []
    for x, around, owner in zip(given.nodes, given.neighbors, given.owner, strict=True):
        z = given.aware[owner] if conv.is_global else none
        try:
            updated.append(rule(x, given.nodes[around], z, conv.mlps, scalars, join))
        except RuntimeError:  # torch's word for shapes that do not fit
            return None
    return torch.stack(updated)


# -- what the output depends on ------------------------------------------------------------


def _reads(conv: Convolution, given: Inputs, output: Tensor) -> list[str]:
    """Draw one kind of input of a node anew at a time; name the kinds that it notices."""
    node, around, owner = 0, given.neighbors[0], given.owner[0]
    is_near = torch.zeros(NODES, dtype=torch.bool).index_fill(0, around, value=True)
    is_itself = torch.arange(NODES) == node
    is_own = torch.arange(PARTITIONS) == owner
    drawn = {
        "neighbors": replace(given, nodes=_anew(given.nodes, is_near & ~is_itself)),
        "node": replace(given, nodes=_anew(given.nodes, is_itself)),
        "others": replace(
            given, nodes=_anew(given.nodes, ~is_near), aware=_anew(given.aware, ~is_own)
        ),
        "partition": replace(given, aware=_anew(given.aware, is_own)),
    }
    return [
        what
        for what, other in drawn.items()
        if not torch.equal(conv.run(other)[node], output[node])
    ]


def _anew(rows: Tensor, mask: Tensor) -> Tensor:
    return torch.where(mask[:, None], torch.randn_like(rows), rows)


def _order(conv: Convolution, given: Inputs, output: Tensor) -> str:
    """Put the nodes in another order, and each node's neighbors; see whether the outputs follow."""
    order = torch.randperm(NODES)
    places = order.argsort()
    around = places[given.neighbors][order]
    moved = replace(
        given,
        nodes=given.nodes[order],
        neighbors=torch.cat((around[:, :1], around[:, 1:].flip(1)), dim=1),
        owner=given.owner[order],
    )
    apart = (conv.run(moved) - output[order]).abs().max() / output.abs().max()
    return "irrelevant" if float(apart) <= SAME else "relevant"


def _learned(module: nn.Module, name: str) -> str:
    found = dict(module.named_parameters(recurse=False)).get(name)
    if found is None:
        return "none"
    return "learnable" if found.numel() == 1 and found.requires_grad else "fixed"
