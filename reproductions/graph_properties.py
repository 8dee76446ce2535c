"""Graph properties: what the edges of a model's graphs have in common, block by block.

Protocol: build the model in its fast form, which has the same edges, eval, weights from the seed,
and run two images of uniform noise. Facts over all blocks; one that does not apply is
absent, one that differs between blocks names each in turn:

* ``nodes``: rows times columns if the nodes are the positions of the map, else others.
* ``neighbors_first``, ``neighbors_last``: K of the first and of the last block;
  ``neighbors_grow``: linearly if K of every block is less than 1 off the line between them, and
  no block has less than the one before; else otherwise.
* ``self_loops``: every node, some nodes or no node is among its own neighbors; absent where the
  neighbors are pooled nodes or hyperedges.
* ``rebuilt``: in every block, some blocks or no block functions run that build a graph from
  features (graph_functions.py lists them).
* ``edges_to``: nearest nodes if the neighbors of each node, in order, are every d-th of the nodes
  nearest to it by direction, in its partition where there are some, with one d for the block (as
  far away as those, in squared distance, to 1e-5); fixed positions if both images have the same
  edges; hyperedges; else chosen nodes.
* ``which_nearest``: k nearest if that d is 1, else one in d of the nearest; where ``edges_to``
  says nearest nodes. ``which_nearest_dilation_aside``: k nearest there whatever d is, as a dilated
  search for nearest neighbors is often called by the same name.
* ``inside_partitions``: inside if no edge leaves its partition, else across.
* ``directions``: axes if every edge stays in the row or the column of its node, else anywhere.
* ``pruned_from``: how the edges stand to those that MobileViG's graph (SVGA) has on the same map
  at the same step: subset, equal or beyond; where a Grapher has a step.
* ``parts``: of each block, into how many parts, without an edge between them, the graph of the
  first image falls; ``part_nodes``: nodes of the largest.
* ``hyperedges_join``: several nodes if some hyperedge joins more than two, else pairs at most.

Cost: 5 s on a CPU. Source: the papers' words on how each family connects its nodes; Fig. 1 of the
ClusterViG paper.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import torch
from pydantic import JsonValue
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from torch import Tensor
from torch.nn import functional

from reproductions.catalog import GraphPropertiesParams
from reproductions.contract import Device, Measurement, NotMeasurableError, reproduction
from reproductions.graph_functions import BOUNDARIES
from reproductions.graph_work import watch
from reproductions.models import build_model
from vig_models.classifier import Classifier
from vig_models.graph import BlockGraph
from vig_models.mobile_layers import rolled_graph
from vig_models.mobilevig import Grapher as SVGAGrapher

IMAGES, SIDE = 2, 224
PAIR = 2
NEAR = 1e-5
"""Difference of squared distances, of vectors of length 1, that rounding in float32 may make."""


@dataclass(frozen=True, kw_only=True)
class Seen:
    """The graph of one block and the map that it is over."""

    block: BlockGraph
    grid: int
    """Rows, or columns, of the nodes."""
    step: int | None
    """Rows or columns between the candidates of a Grapher that has them on axes."""

    @property
    def neighbors(self) -> Tensor:
        """(B, N, K); -1 for none."""
        return self.block.graph.neighbors

    @property
    def num_nodes(self) -> int:
        """N."""
        return self.neighbors.shape[1]

    @property
    def is_plain(self) -> bool:
        """Whether neighbors are nodes of the same map."""
        graph = self.block.graph
        return graph.hyperedges is None and graph.keys.shape == graph.nodes.shape


@reproduction
def graph_properties(params: GraphPropertiesParams, device: Device) -> Measurement:
    """Look at the graphs of ``params.model``; on the CPU."""
    family = params.family()
    if family is None or family not in BOUNDARIES:
        raise NotMeasurableError(
            f"graph_properties: want a model of {', '.join(BOUNDARIES)}, got {params.model!r}, "
            "whose graph is not known; ask for one of these"
        )
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(params.seed)
        model = build_model(params.model, num_classes=0, implementation="fast")
        if not isinstance(model, Classifier):
            raise NotMeasurableError(
                f"graph_properties: want a model that shows its graphs, got {params.model!r}"
            )
        images = torch.rand(IMAGES, 3, SIDE, SIDE)
        seen = _seen(model, images)
        with watch(family, model=model, counting=False) as record:
            model(images[:1])
    parts = [_parts(one) for one in seen]
    applying = {name: _told(tell, seen) for name, tell in _FACTS.items()}
    return Measurement(
        values={},
        facts={
            "rebuilt": _share(record.calls, len(seen), "block"),
            **_schedule([one.neighbors.shape[2] for one in seen]),
            **{name: told for name, told in applying.items() if told},
            "parts": [number for number, _ in parts],
            "part_nodes": [largest for _, largest in parts],
        },
        evidence={
            "blocks": [_evidence(one) for one in seen],
            "blocks_that_build": record.calls,
            "ran": {"images": [IMAGES, 3, SIDE, SIDE], "weights": "seeded"},
        },
    )


def _seen(model: Classifier, images: Tensor) -> list[Seen]:
    modules = dict(model.named_modules())
    seen = []
    for block in model.forward_graphs(images):
        grid = round(block.graph.neighbors.shape[1] ** 0.5)
        step = getattr(modules[block.name].get_submodule("grapher"), "step", None)
        seen.append(Seen(block=block, grid=grid, step=step))
    return seen


def _told(tell: Callable[[Seen], str | None], seen: Sequence[Seen]) -> str:
    """Say it once where it is the same in every block to which it applies."""
    return ", ".join(dict.fromkeys(word for one in seen if (word := tell(one)) is not None))


def _share(some: int, every: int, noun: str) -> str:
    if some == every:
        return f"every {noun}"
    return f"some {noun}s" if some else f"no {noun}"


def _evidence(seen: Seen) -> JsonValue:
    known = (seen.neighbors >= 0).sum(dim=-1)
    return {
        "block": seen.block.name,
        "nodes": seen.num_nodes,
        "neighbors": [int(known.min()), int(known.max())],
        "step": seen.step,
    }


def _schedule(neighbors: list[int]) -> dict[str, JsonValue]:
    first, last = neighbors[0], neighbors[-1]
    slope = (last - first) / max(1, len(neighbors) - 1)
    off = [abs(k - first - slope * index) for index, k in enumerate(neighbors)]
    is_linear = max(off) < 1 and neighbors == sorted(neighbors)
    return {
        "neighbors_first": first,
        "neighbors_last": last,
        "neighbors_grow": "linearly" if is_linear else "otherwise",
    }


# -- what is told of one block -------------------------------------------------------------


def _nodes(seen: Seen) -> str:
    _, *sizes = seen.block.output.shape  # (C, H, W), of PVG (H, W, C)
    maps = {sizes[0] * sizes[1], sizes[1] * sizes[2]}
    return "rows times columns" if seen.num_nodes in maps else "others"


def _self_loops(seen: Seen) -> str | None:
    if not seen.is_plain:
        return None
    itself = torch.arange(seen.num_nodes)[None, :, None]
    has = (seen.neighbors == itself).any(dim=-1)
    return _share(int(has.sum()), has.numel(), "node")


def _edges_to(seen: Seen) -> str:
    if seen.block.graph.hyperedges is not None:
        return "hyperedges"
    first, second = (_sets(image) for image in seen.neighbors)
    if first == second:
        return "fixed positions"
    return "nearest nodes" if _dilation(seen) else "chosen nodes"


def _which_nearest(seen: Seen) -> str | None:
    if _edges_to(seen) != "nearest nodes":
        return None
    dilation = _dilation(seen)
    return "k nearest" if dilation == 1 else f"one in {dilation} of the nearest"


def _which_nearest_dilation_aside(seen: Seen) -> str | None:
    return "k nearest" if _edges_to(seen) == "nearest nodes" else None


def _sets(neighbors: Tensor) -> list[set[int]]:
    return [set(node) - {-1} for node in neighbors.tolist()]


def _dilation(seen: Seen) -> int | None:
    """Rank all candidates of every node by distance; find d if its neighbors are every d-th."""
    if not seen.is_plain:
        return None
    kept = seen.neighbors >= 0  # (B, N, K)
    units = functional.normalize(seen.block.nodes.double().transpose(1, 2), dim=-1)  # (B, N, C)
    distances = torch.cdist(units, units, compute_mode="donot_use_mm_for_euclid_dist").square()
    labels = seen.block.partitions
    if labels is not None:
        distances[labels[:, :, None] != labels[:, None]] = torch.inf
    found = distances.gather(2, seen.neighbors.clamp(min=0))[kept]
    ranked = distances.sort(dim=2).values  # (B, N, N)
    most = (seen.num_nodes - 1) // max(1, kept.shape[2] - 1)
    for every in range(1, most + 1):
        wanted = ranked[:, :, ::every][:, :, : kept.shape[2]][kept]
        if torch.allclose(wanted, found, rtol=0, atol=NEAR):
            return every
    return None


def _inside_partitions(seen: Seen) -> str | None:
    labels = seen.block.partitions
    if labels is None:
        return None
    image, neighbor, node = seen.block.edges
    return "inside" if torch.equal(labels[image, neighbor], labels[image, node]) else "across"


def _directions(seen: Seen) -> str | None:
    if not seen.is_plain:
        return None
    _, neighbor, node = seen.block.edges
    same_row = neighbor // seen.grid == node // seen.grid
    same_column = neighbor % seen.grid == node % seen.grid
    return "axes" if bool((same_row | same_column).all()) else "anywhere"


def _pruned_from(seen: Seen) -> str | None:
    if seen.step is None:
        return None
    as_map = torch.empty(1, 1, seen.grid, seen.grid)
    shifts = SVGAGrapher(1, seen.step, 0.0).shifts(as_map)
    whole = _sets(rolled_graph(as_map, shifts).neighbors[0])
    images = [_sets(image) for image in seen.neighbors]
    if all(kept == whole for kept in images):
        return "equal"
    pairs = [pair for kept in images for pair in zip(kept, whole, strict=True)]
    return "subset" if all(some <= every for some, every in pairs) else "beyond"


def _hyperedges_join(seen: Seen) -> str | None:
    hyperedges = seen.block.graph.hyperedges
    if hyperedges is None:
        return None
    sizes = hyperedges.sum(dim=-1)  # (B, E)
    return "several nodes" if int(sizes.max()) > PAIR else "pairs at most"


_FACTS: dict[str, Callable[[Seen], str | None]] = {
    "nodes": _nodes,
    "self_loops": _self_loops,
    "edges_to": _edges_to,
    "which_nearest": _which_nearest,
    "which_nearest_dilation_aside": _which_nearest_dilation_aside,
    "inside_partitions": _inside_partitions,
    "directions": _directions,
    "pruned_from": _pruned_from,
    "hyperedges_join": _hyperedges_join,
}


# -- parts ---------------------------------------------------------------------------------


def _parts(seen: Seen) -> tuple[int, int]:
    """Count the parts of the first image's graph, and the nodes of the largest.

    What is pooled into keys, or joined by a hyperedge, connects all that it comes from.
    """
    image, neighbor, node = seen.block.edges
    first = image == 0
    ends = [(seen.num_nodes + neighbor[first], node[first]), *_sources(seen)]
    size = seen.num_nodes + max(int(one.max()) for one, _ in ends) + 1
    rows = torch.cat([one for one, _ in ends])
    columns = torch.cat([one for _, one in ends])
    matrix = coo_array((torch.ones(len(rows)), (rows, columns)), shape=(size, size))
    _, labels = connected_components(matrix, directed=False)
    sizes = torch.from_numpy(labels)[: seen.num_nodes].long().bincount()
    return int((sizes > 0).sum()), int(sizes.max())


def _sources(seen: Seen) -> Iterable[tuple[Tensor, Tensor]]:
    """Connect each key with the nodes that it comes from: (key, node)."""
    nodes = torch.arange(seen.num_nodes)
    if seen.block.graph.hyperedges is not None:  # the edges themselves lead to hyperedges
        return []
    side = round(seen.block.graph.keys.shape[-1] ** 0.5)
    pool = seen.grid // side
    row, column = nodes // seen.grid // pool, nodes % seen.grid // pool
    return [(seen.num_nodes + row * side + column, nodes)]
