"""DEGC module: each step of ClusterViG's Dynamic Efficient Graph Convolution by its definition.

Protocol: build the model, published form, weights from the seed; what is zero or one in fresh
weights (biases, normalizations) is drawn too, so that no term is without effect. Run two images of
uniform noise and take what goes into the Grapher of every block; there run each step of the module
in float64 and hold it against its definition, written out as plain loops. What is the same but for
rounding differs by no more than 1e-9 of the largest value. Facts, over all blocks:

* ``partitions``: kappa. ``cover``: every node once if the nodes, put in the order of their
  partitions, are all nodes of the image, each once; else not every node once.
* ``assignment``: nearest center if every node is in the partition whose center is nearest to it.
* ``centroid``: mean if the center that k-means hands on is the mean of its partition's nodes in
  every partition; else not always the mean. Asked of the blocks and, so that a run is among them
  that gives up, of nodes that vary in two directions only, drawn until one does (80 at most).
  ``centroid_where_settled``: the same, asked only of images whose last assignment moved no node.
* ``global_graph`` of the centers: complete with self-loops if every ordered pair is an edge, and
  none between images; ``global_edges``: of one image.
* ``attention``: as written if the layer's output is that of Eq. 2 and 3 (its bias at the end read
  as part of LIN_L, and taken from LIN_R), else otherwise; ``attention_layers``: how many.
* ``round_trip``: unchanged if nodes put in order and back, the convolution left away, are the
  nodes, bit for bit. ``by_partition``: the same if the batch gives what each partition gives that
  is run by itself. ``neighbors``: nearest of the partition if each node's are the K nearest of
  its own by direction (all, where there are fewer), itself included.
* ``shapes``: of Algorithm 2, in its order: centers, labels, updated centers, arranged nodes, their
  partitions, updated nodes, result; each size named by the letter that fits it.
* ``saving``: the power of kappa by which all searches for neighbors together take fewer pairs than
  one search over all nodes, where partitions are equally large (2, 4, 7 and 14 of 196 nodes);
  ``saving_in_parallel``: the same of one partition, as if all others ran beside it.
* ``starts``: single if k-means runs from one draw of centers, else how many it runs from;
  ``iterations``: after how many it gives up.

Cost: 10 s on a CPU, a minute for the largest model. Source: Section IV and Algorithms 1 and 2 of
the ClusterViG paper.
"""

from collections.abc import Iterable, Iterator, Sequence
from math import isfinite
from typing import Any, cast

import torch
from pydantic import JsonValue
from torch import Tensor, nn
from torch.nn import functional

from reproductions.catalog import DEGCModuleParams
from reproductions.contract import Device, Measurement, NotMeasurableError, reproduction
from reproductions.counting import count
from reproductions.degc_steps import IMAGES, SIDE, Step, flat_step, steps_of
from reproductions.growth import exponent
from reproductions.models import build_model
from vig_models.partitions import complete_edges, knn_in_partitions, organize
from vig_models.pyg import GATv2Conv

SAME = 1e-9
"""Largest difference, over the largest value, of what is the same but for rounding."""
ROUGHLY = 1e-3
"""What the authors' distances, which add 1e-6 to every difference, may be off."""
EQUAL_PARTS = (2, 4, 7, 14)
"""Numbers of partitions that divide 196 nodes."""


@reproduction
def degc_module(params: DEGCModuleParams, device: Device) -> Measurement:
    """Hold each step of the module in ``params.model`` against its definition; on the CPU."""
    if params.family() != "clustervig":
        raise NotMeasurableError(
            f"degc_module: want a model of clustervig, got {params.model!r}, which has no such "
            "module; ask for one of these"
        )
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(params.seed)
        steps = steps_of(build_model(params.model, num_classes=0))
        return _measure(steps, flat_step(steps[0]))


def _measure(steps: Sequence[Step], flat: Step) -> Measurement:
    centroids = {step.name: _centroids(step) for step in (*steps, flat)}
    settled = [apart for found in centroids.values() for apart, stood in found if stood]
    apart = {
        "attention": _largest(map(_attention, steps)),
        "by_partition": _largest(map(_by_partition, steps)),
        "centroid": _largest(apart for found in centroids.values() for apart, _ in found),
    }
    powers = _powers(steps[0].nodes.shape[2])
    starts = {step.assignments[0].shape[1] for step in steps}
    facts: dict[str, JsonValue] = {
        "partitions": max(step.kappa for step in steps),
        "cover": _if_all(map(_covers, steps), "every node once", "not every node once"),
        "assignment": _if_all(map(_is_assigned, steps), "nearest center", "others"),
        "centroid": _if(apart["centroid"] <= SAME, "mean", "not always the mean"),
        **_global_graph(steps),
        "attention": _if(apart["attention"] <= SAME, "as written", "otherwise"),
        "attention_layers": _number({_layers(step) for step in steps}),
        "round_trip": _if_all(map(_returns, steps), "unchanged", "changed"),
        "by_partition": _if(apart["by_partition"] <= SAME, "the same", "different"),
        "neighbors": _if_all(map(_is_nearest, steps), "nearest of the partition", "others"),
        "shapes": [*_shapes(steps[0])],
        "saving": _power(powers["all"]),
        "saving_in_parallel": _power(powers["one"]),
        "starts": _number(starts),
        "iterations": max(step.run.most for step in steps),
        "centroid_where_settled": _if(
            _largest([0.0, *settled]) <= SAME, "mean", "not always the mean"
        ),
    }
    return Measurement(
        values={},
        facts=facts,
        evidence={
            "largest_differences": dict(apart),
            "centroids": [
                {
                    "nodes": step.name,
                    "iterations": step.run.taken,
                    "images": _listed(step, centroids),
                }
                for step in (*steps, flat)
            ],
            "powers_of_kappa": dict(powers),
            "ran": {"images": [IMAGES, 3, SIDE, SIDE], "weights": "seeded"},
        },
    )


def _listed(step: Step, centroids: dict[str, list[tuple[float, bool]]]) -> list[JsonValue]:
    return [{"difference": apart, "settled": stood} for apart, stood in centroids[step.name]]


def _largest(differences: Iterable[float]) -> float:
    """Give the largest difference; what is no number is no small one.

    Raises:
        NotMeasurableError: one is not a number, so that nothing was compared.
    """
    found = list(differences)
    if not all(map(isfinite, found)):
        raise NotMeasurableError(
            "degc_module: want differences that are numbers, found one that overflowed; nothing "
            "was compared there"
        )
    return max(found)


def _if(holds: bool, yes: str, no: str) -> str:
    return yes if holds else no


def _if_all(answers: Iterator[bool], yes: str, no: str) -> str:
    return _if(all(answers), yes, no)


def _number(found: set[int]) -> str:
    """Write a number that is the same everywhere; 1 is single."""
    return " or ".join("single" if one == 1 else str(one) for one in sorted(found))


# -- the steps by their definitions --------------------------------------------------------


def _covers(step: Step) -> bool:
    order = organize(step.labels, step.kappa)
    every = torch.arange(step.nodes.shape[1])
    return all(torch.equal(image.sort().values, every) for image in order)


def _is_assigned(step: Step) -> bool:
    """Ask whether every node is in the partition of the center nearest to it, as k-means wants."""
    for nodes, labels, centers in zip(step.nodes, step.labels, step.centers, strict=True):
        for node, label in zip(nodes, labels, strict=True):
            distances = (centers - node).square().sum(dim=1)
            if float(distances[label]) > float(distances.min()) * (1 + ROUGHLY):
                return False
    return True


def _centroids(step: Step) -> list[tuple[float, bool]]:
    """Compare the centers of each image with the means of their members.

    Returns:
        The largest difference, over the largest coordinate of a node, and whether the last
        assignment of k-means moved no node of the image.
    """
    found = []
    for image, (nodes, labels) in enumerate(zip(step.nodes, step.labels, strict=True)):
        apart = 0.0
        for cluster, center in enumerate(step.centers[image]):
            members = [node for node, label in zip(nodes, labels, strict=True) if label == cluster]
            if members:
                mean = sum(members[1:], start=members[0]) / len(members)
                apart = _largest([apart, float((center - mean).abs().max())])
        found.append((apart / float(nodes.abs().max()), step.has_settled(image)))
    return found


def _global_graph(steps: Sequence[Step]) -> dict[str, JsonValue]:
    wanted, found = [], []
    for step in steps:
        kappa = step.kappa
        ends = [range(image * kappa, (image + 1) * kappa) for image in range(IMAGES)]
        wanted.append(sorted((a, b) for own in ends for a in own for b in own))
        found.append(sorted((a, b) for a, b in step.heard.edges.T.tolist()))
    complete = _if(wanted == found, "complete with self-loops", "otherwise")
    return {"global_graph": complete, "global_edges": len(found[0]) // IMAGES}


def _attention(step: Step) -> float:
    """Compare the layer over the centers with Eq. 2 and 3, over its largest output."""
    layer, output = step.grapher.centers, step.heard.aware.view_as(step.centers)
    bias_l, bias_r = layer.lin_l.bias + layer.bias, layer.lin_r.bias - layer.bias
    updated = []
    for centers in step.centers:
        left = [layer.lin_l.weight @ z + bias_l for z in centers]
        right = [layer.lin_r.weight @ z + bias_r for z in centers]
        for own in right:
            scores = torch.stack([_score(layer, own + other) for other in left])
            powers = (scores - scores.max()).exp()  # the same shares, and none overflows
            shares = powers / powers.sum()
            updated.append(sum(share * other for share, other in zip(shares, left, strict=True)))
    written = torch.stack(cast(list[Tensor], updated)).view_as(output)
    return float((written - output).abs().max() / output.abs().max())


def _score(layer: Any, added: Tensor) -> Tensor:
    return cast(Tensor, layer.att.flatten() @ functional.leaky_relu(added, layer.negative_slope))


def _layers(step: Step) -> int:
    return sum(isinstance(module, GATv2Conv) for module in step.grapher.modules())


def _returns(step: Step) -> bool:
    """Leave the convolution away: nodes that are put in order have to come back as they were."""
    grapher, conv = step.grapher, step.grapher.graph_conv
    grapher.graph_conv = _Unchanged()
    returned = grapher.update(step.nodes, step.labels, step.centers)
    grapher.graph_conv = conv
    return torch.equal(returned, step.nodes)


class _Unchanged(nn.Module):
    def forward(self, nodes: Tensor, _aware: Tensor, _edges: Tensor) -> Tensor:
        return nodes


def _nearest(units: Tensor, num_neighbors: int) -> list[list[int]]:
    """Rank the nodes of one partition, (n, C), for each of them: the K nearest, itself too."""
    ranked = [(units - one).square().sum(dim=1).sort().indices for one in units]
    return [ranks[:num_neighbors].tolist() for ranks in ranked]


def _members(step: Step) -> Iterator[tuple[int, int, Tensor]]:
    """Go through the partitions: image, number, its nodes."""
    for image, labels in enumerate(step.labels):
        for cluster in labels.unique().tolist():
            yield image, cluster, (labels == cluster).nonzero()[:, 0]


def _is_nearest(step: Step) -> bool:
    neighbors = step.grapher.neighbors(step.nodes, step.labels)  # (B, N, K)
    for image, _, members in _members(step):
        units = functional.normalize(step.nodes[image, members], dim=-1)
        wanted = _nearest(units, step.grapher.num_neighbors)
        for node, near in zip(members.tolist(), wanted, strict=True):
            if set(neighbors[image, node].tolist()) - {-1} != set(members[near].tolist()):
                return False
    return True


def _by_partition(step: Step) -> float:
    """Run each partition by itself; give the largest difference over the largest output."""
    grapher, batched = step.grapher, step.heard.result  # (B, N, 2C)
    alone = torch.empty_like(batched)
    for image, cluster, members in _members(step):
        centers = step.centers[image : image + 1]
        aware = grapher.centers(centers[0], complete_edges(1, centers))[cluster]
        nodes = step.nodes[image, members]
        near = _nearest(functional.normalize(nodes, dim=-1), grapher.num_neighbors)
        pairs = [(other, node) for node, others in enumerate(near) for other in others]
        edges = torch.tensor(pairs).T
        alone[image, members] = grapher.graph_conv(nodes, aware.expand_as(nodes), edges)
    return float((alone - batched).abs().max() / batched.abs().max())


def _shapes(step: Step) -> Iterator[str]:
    """Name the sizes of what Algorithm 2 makes, in its order."""
    (images, kappa, channels), nodes = step.centers.shape, step.nodes.shape[1]
    names = {
        images: "B",
        kappa: "kappa",
        nodes: "N",
        channels: "C",
        images * kappa: "B kappa",
        images * nodes: "B N",
        step.grapher.fc2[0].in_channels: "C'",
    }
    heard = step.heard
    made = (step.centers, step.labels, heard.aware, heard.arranged, heard.updated, heard.result)
    for tensor in made:
        yield " x ".join(names.get(size, str(size)) for size in tensor.shape)


# -- what partitions save ------------------------------------------------------------------


class _Search(nn.Module):
    """Searches for neighbors in equally large partitions."""

    def __init__(self, partitions: int, *, one: bool) -> None:
        super().__init__()
        self.partitions, self.one = partitions, one

    def forward(self, nodes: Tensor) -> Tensor:
        """Find neighbors in every partition, or in one of them: (1, N, C) -> (2, E)."""
        if self.one:
            nodes = nodes[:, : nodes.shape[1] // self.partitions]
        parts = 1 if self.one else self.partitions
        labels = (torch.arange(nodes.shape[1]) % parts)[None]
        return knn_in_partitions(nodes, labels, organize(labels, parts), 2)


def _powers(channels: int) -> dict[str, float]:
    """Tell the power of kappa that divides the pairs searched, for all partitions and for one."""
    nodes = torch.rand(1, 196, channels)
    return {
        name: -exponent(
            EQUAL_PARTS,
            [count(_Search(parts, one=one), nodes).macs["distances"] for parts in EQUAL_PARTS],
        )
        for name, one in (("all", False), ("one", True))
    }


def _power(found: float) -> str:
    words = {1: "kappa", 2: "kappa squared"}
    is_whole = abs(found - round(found)) <= SAME
    return words.get(round(found), "another power") if is_whole else "another power"
