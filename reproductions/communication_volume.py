"""Communication volume: features sent in one epoch, by graph parallelism and by layers.

Protocol: draw a directed graph (``seed``) and cut its nodes into as many parts as there are
devices. Where each device holds a part, a node's feature goes, in every layer, once to each other
part that has an edge from it. Where each device holds consecutive layers and the whole graph, the
features of all nodes go from each stage to the next; there are as many stages as devices, or as
layers if these are fewer. Backward passes send as much again in both, which cancels.
``reduction`` is the first count over the second one. Facts: both counts.
Cost: under 1 s on a CPU. Source: "GNNPipe: Scaling Deep GNN Training with Pipelined Model
Parallelism", arXiv:2308.10087.
"""

import torch
from torch import Tensor

from reproductions.catalog import CommunicationVolumeParams
from reproductions.contract import Device, Measurement, Quantity, reproduction

_NEAR = 0.01
"""How far neighbors reach in a graph cut in blocks, as a part of all nodes."""


@reproduction
def communication_volume(params: CommunicationVolumeParams, device: Device) -> Measurement:
    """Count the features sent both ways; no device is needed for it."""
    sources, targets = _edges(params)
    parts = _parts(params)
    per_layer = _boundary(sources, targets, parts, params.devices)
    stages = min(params.devices, params.layers)
    by_graph, by_layers = params.layers * per_layer, (stages - 1) * params.nodes
    return Measurement(
        values={"reduction": Quantity.exact(by_graph / by_layers, "ratio")},
        facts={"by_graph": by_graph, "by_layers": by_layers},
        evidence={"sent_a_layer": per_layer, "stages": stages},
    )


def _edges(params: CommunicationVolumeParams) -> tuple[Tensor, Tensor]:
    """Draw the edges: sources and targets, (E,) each."""
    generator = torch.Generator().manual_seed(params.seed)
    targets = torch.arange(params.nodes).repeat_interleave(params.degree)
    if params.partition == "random":
        return torch.randint(params.nodes, targets.shape, generator=generator), targets
    reach = max(1, round(_NEAR * params.nodes))
    steps = torch.randint(-reach, reach + 1, targets.shape, generator=generator)
    return (targets + steps) % params.nodes, targets


def _parts(params: CommunicationVolumeParams) -> Tensor:
    """Say which device holds each node, (N,)."""
    nodes = torch.arange(params.nodes)
    if params.partition == "random":
        return nodes % params.devices
    return nodes * params.devices // params.nodes


def _boundary(sources: Tensor, targets: Tensor, parts: Tensor, devices: int) -> int:
    """Count the pairs of a node and another part that has an edge from it."""
    receivers = parts[targets]
    crossing = parts[sources] != receivers
    return int(torch.unique(sources[crossing] * devices + receivers[crossing]).numel())
