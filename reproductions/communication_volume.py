"""Communication volume: features sent in one epoch, by graph parallelism and by layers.

Protocol: draw a directed graph (``seed``) and cut its nodes into as many parts as there are
devices. Where each device holds a part, a node's feature goes, in every layer, once to each other
part that has an edge from it. Where each device holds consecutive layers and the whole graph, the
features of all nodes go from each stage to the next; there are as many stages as devices, or as
layers if these are fewer. Backward passes send as much again in both, which cancels. The values
are the first count over the second one: ``cut_at_random`` of a graph whose edges come from
anywhere, ``cut_well`` of one whose nodes stand in a circle, with edges from the nearest hundredth
on each side, cut into arcs. Facts: what is sent where each device holds a part, and where it holds
layers.
Cost: under 1 s on a CPU. Source: "GNNPipe: Scaling Deep GNN Training with Pipelined Model
Parallelism", arXiv:2308.10087.
"""

import torch
from torch import Tensor

from reproductions.catalog import CommunicationVolumeParams
from reproductions.contract import Device, Measurement, Quantity, reproduction

_NEAR = 0.01
"""How far neighbors reach on either side of a circle, as a part of all nodes."""


@reproduction
def communication_volume(params: CommunicationVolumeParams, device: Device) -> Measurement:
    """Count the features sent both ways; no device is needed for it."""
    stages = min(params.devices, params.layers)
    by_layers = (stages - 1) * params.nodes
    by_graph = {
        cut: params.layers * _boundary(*edges(params), parts(params), params.devices)
        for cut, (edges, parts) in CUTS.items()
    }
    return Measurement(
        values={cut: Quantity.exact(sent / by_layers, "ratio") for cut, sent in by_graph.items()},
        facts={"by_graph": dict(by_graph), "by_layers": by_layers},
        evidence={"stages": stages},
    )


def _targets(params: CommunicationVolumeParams) -> Tensor:
    return torch.arange(params.nodes).repeat_interleave(params.degree)


def _edges_from_anywhere(params: CommunicationVolumeParams) -> tuple[Tensor, Tensor]:
    """Draw the edges: sources and targets, (E,) each."""
    generator = torch.Generator().manual_seed(params.seed)
    targets = _targets(params)
    return torch.randint(params.nodes, targets.shape, generator=generator), targets


def _edges_from_near(params: CommunicationVolumeParams) -> tuple[Tensor, Tensor]:
    """Likewise, around a circle."""
    generator = torch.Generator().manual_seed(params.seed)
    targets = _targets(params)
    reach = max(1, round(_NEAR * params.nodes))
    steps = torch.randint(-reach, reach + 1, targets.shape, generator=generator)
    return (targets + steps) % params.nodes, targets


def _dealt_out(params: CommunicationVolumeParams) -> Tensor:
    """Say which device holds each node, (N,)."""
    return torch.arange(params.nodes) % params.devices


def _in_arcs(params: CommunicationVolumeParams) -> Tensor:
    """Likewise, neighbors together."""
    return torch.arange(params.nodes) * params.devices // params.nodes


CUTS = {
    "cut_at_random": (_edges_from_anywhere, _dealt_out),
    "cut_well": (_edges_from_near, _in_arcs),
}
"""By convention: how edges are drawn, and how nodes are dealt out."""


def _boundary(sources: Tensor, targets: Tensor, parts: Tensor, devices: int) -> int:
    """Count the pairs of a node and another part that has an edge from it."""
    receivers = parts[targets]
    crossing = parts[sources] != receivers
    return int(torch.unique(sources[crossing] * devices + receivers[crossing]).numel())
