"""The statistics of every block of a model for one batch: which are defined, one number an image.

What a family's graph does not have is left away, and named with the reason.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import torch
from pydantic import JsonValue
from torch import Tensor
from torch.nn import functional

from reproductions.graph_measures import (
    Cosines,
    Edges,
    Grid,
    Simple,
    all_pairs_distance,
    object_patches,
    patches_of,
    spatial_distance,
)
from reproductions.hypergraph_measures import joined_distance, joined_similarity, reads_of
from reproductions.image_sets import Batch
from vig_models import pvg, pvg_grapher
from vig_models.classifier import Classifier
from vig_models.graph import BlockGraph, Graph

Readings = dict[str, Tensor]
"""Statistic to (B,), float64, on the CPU; NaN where an image has none."""

POOLED = (
    "where neighbors are chosen from a pooled map: its entries are other patches than the nodes"
)
HYPERGRAPH = "the graph joins nodes by hyperedges, not by pairs"
STAGES = "the head reads the last stage alone"
NO_LABELS = "generated images have no class"
NO_MASKS = "no masks were asked for"
NOT_DILATED = "the graph has no dilation to leave away"


@dataclass(frozen=True, eq=False)
class View:
    """A batch as the statistics see it: on one grid of patches, each made once."""

    batch: Batch
    inputs: Tensor
    """What the model was given, (B, 3, H, W)."""
    shuffles: torch.Generator
    """Draws the order in which masks are shuffled."""
    _cosines: dict[Grid, dict[str, Cosines]] = field(default_factory=dict)

    def pixels(self, grid: Grid) -> Mapping[str, Cosines]:
        """Compare the pixels of patches, in both readings; once for all blocks of a grid."""
        if grid not in self._cosines:
            raw = self.batch.pixels.to(self.inputs)
            self._cosines[grid] = {
                "visual_similarity_normalized": Cosines(patches_of(self.inputs, grid)),
                "visual_similarity_raw": Cosines(patches_of(raw, grid)),
            }
        return self._cosines[grid]

    def by_chance(self) -> Readings:
        """Average the cosines of pixels over all pairs of patches, on every grid looked at."""
        return {
            f"{name}_all_pairs_{grid[0]}x{grid[1]}": cosines.of_all_pairs().cpu()
            for grid, its in self._cosines.items()
            for name, cosines in its.items()
        }

    def objects(self, grid: Grid) -> Tensor | None:
        """Tell which patches are of the object, (B, N); None without masks."""
        masks = self.batch.masks
        return None if masks is None else object_patches(masks, grid).to(self.inputs.device)


@dataclass(frozen=True, eq=False)
class Block:
    """One block that ran, with its grid."""

    graph: Graph
    output: Tensor
    """(B, C, H, W)."""
    grapher: Any

    @classmethod
    def of(cls, model: Classifier, found: BlockGraph) -> "Block":
        """Bring what a block returns into one layout."""
        output = found.output
        if isinstance(model, pvg.PVG):
            output = output.permute(0, 3, 1, 2)
        return cls(found.graph, output, cast(Any, model.get_submodule(found.name)).grapher)

    @property
    def grid(self) -> Grid:
        """Rows and columns of nodes."""
        return self.output.shape[2], self.output.shape[3]

    @property
    def reduction(self) -> int:
        """Side of the pooling that makes the keys, in nodes."""
        ratio = self.graph.nodes.shape[-1] / self.graph.keys.shape[-1]
        return round(math.sqrt(ratio))

    @property
    def key_grid(self) -> Grid | None:
        """Rows and columns of the keys, where they are not the nodes."""
        rows, columns = self.grid
        r = self.reduction
        return (rows // r, columns // r) if r > 1 else None

    @property
    def neighbors(self) -> Tensor:
        """The neighbor lists with the node itself, or what stands for it, in column 0."""
        return self.listed(self.graph.neighbors)

    def listed(self, neighbors: Tensor) -> Tensor:
        """Put a column before lists that hold no node itself, since no edge is read from it."""
        return functional.pad(neighbors, (1, 0)) if self.reduction > 1 else neighbors

    @property
    def dilation(self) -> int | None:
        """How many ranks each neighbor stands for; None where no ranks are skipped anywhere."""
        if isinstance(self.grapher, pvg_grapher.Grapher):
            return pvg_grapher.DILATION
        return cast(int | None, getattr(self.grapher, "dilation", None))

    def undilated(self) -> Tensor:
        """Find as many neighbors without skipping any: (B, N, K)."""
        graph = self.graph
        if self.dilation == 1:
            return graph.neighbors
        owner = (
            self.grapher.dynamic if isinstance(self.grapher, pvg_grapher.Grapher) else self.grapher
        )
        positions = getattr(owner, "relative_pos", None)
        k = graph.neighbors.shape[-1]
        more = () if positions is None else (positions,)
        return cast(Tensor, owner.find_neighbors(graph.nodes, graph.keys, k, 1, *more))


def read_blocks(
    model: Classifier, found: Sequence[BlockGraph], view: View
) -> tuple[list[Readings], dict[str, str]]:
    """Compute every statistic of every block that has it.

    Args:
        model: what ran.
        found: its graphs on the inputs of the view.
        view: the batch.

    Returns:
        The readings of each block, in order, and why a statistic is not defined somewhere.
    """
    absent: dict[str, str] = {}
    blocks = [Block.of(model, one) for one in found]
    has_head = all(block.output.shape[1] == model.num_features for block in blocks)
    readings = []
    for block in blocks:
        its: Readings = {}
        if block.graph.hyperedges is not None:
            its |= _hypergraph(block, block.graph.hyperedges, absent)
        else:
            its |= _pairs(block, view, absent)
        its |= _probability(model, block, view, absent) if has_head else {}
        readings.append({name: value.cpu() for name, value in its.items()})
    if not has_head:
        absent["class_probability"] = STAGES
    return readings, absent


def _features(output: Tensor) -> Tensor:
    return output.flatten(2).transpose(1, 2)  # (B, N, C)


def _hypergraph(block: Block, joins: Tensor, absent: dict[str, str]) -> Readings:
    reads = reads_of(block.graph.neighbors, joins.shape[1])
    absent |= dict.fromkeys(("visual_similarity", "modularity", "undilated"), HYPERGRAPH)
    nodes = block.graph.nodes.transpose(1, 2)
    return {
        "spatial_distance": joined_distance(reads, joins, block.grid),
        "embedding_similarity": joined_similarity(reads, joins, _features(block.output)),
        "embedding_similarity_all_pairs": Cosines(_features(block.output)).of_all_pairs(),
        "embedding_similarity_searched": joined_similarity(reads, joins, nodes),
    }


def _pairs(block: Block, view: View, absent: dict[str, str]) -> Readings:
    graph, lists = block.graph, {"": block.neighbors}
    if block.dilation is None:
        absent["undilated"] = NOT_DILATED
    else:
        lists["_undilated"] = block.listed(block.undilated())
    edges = {name: Edges(neighbors) for name, neighbors in lists.items()}
    embeddings = _embeddings(block)
    keys = None if block.key_grid is None else graph.keys.transpose(1, 2)
    searched = Cosines(graph.nodes.transpose(1, 2), keys)
    found: Readings = {
        "embedding_similarity_all_pairs": embeddings.of_all_pairs(),
        "embedding_similarity_searched": searched.mean(edges[""]),
    }
    for name, neighbors in lists.items():
        distance = spatial_distance(neighbors, block.grid, block.key_grid)
        found[f"spatial_distance{name}"] = distance
        found[f"embedding_similarity{name}"] = embeddings.mean(edges[name])
    if graph.partitions is not None:
        found["partition_modularity"] = Simple(block.neighbors).modularity(graph.partitions)
    if block.key_grid is not None:
        absent |= dict.fromkeys(("visual_similarity", "modularity"), POOLED)
        return found
    for pixels, cosines in view.pixels(block.grid).items():
        found |= {f"{pixels}{name}": cosines.mean(given) for name, given in edges.items()}
    return found | dict(_objects(block, view, absent))


def _embeddings(block: Block) -> Cosines:
    """Compare what the block returns; keys that are pooled with the same of it pooled."""
    pooled = functional.avg_pool2d(block.output, block.reduction)
    keys = None if block.key_grid is None else _features(pooled)
    return Cosines(_features(block.output), keys)


def _objects(block: Block, view: View, absent: dict[str, str]) -> Iterator[tuple[str, Tensor]]:
    """Yield how well the graph keeps the object apart; NaN for images without a mask."""
    objects, masked = view.objects(block.grid), view.batch.masked
    if objects is None or masked is None:
        absent["modularity"] = NO_MASKS
        return
    known, graph = masked.to(objects.device), Simple(block.neighbors)
    found = graph.modularity(objects).where(known, torch.nan)
    yield "modularity", found
    proper = objects.any(dim=-1) & ~objects.all(dim=-1)
    yield "modularity_proper", found.where(proper, torch.nan)
    drawn = torch.rand(objects.shape, generator=view.shuffles).argsort(dim=-1)
    shuffled = objects.gather(1, drawn.to(objects.device))
    yield "modularity_shuffled", graph.modularity(shuffled).where(known, torch.nan)


def _probability(model: Classifier, block: Block, view: View, absent: dict[str, str]) -> Readings:
    if view.batch.labels is None:
        absent["class_probability"] = NO_LABELS
        return {}
    logits = cast(Tensor, model.forward_head(block.output)).double()
    labels = view.batch.labels.to(logits.device)[:, None]
    return {"class_probability": logits.softmax(dim=-1).gather(1, labels)[:, 0]}


def describe(model: Classifier, found: Sequence[BlockGraph]) -> list[JsonValue]:
    """Say what each block's graph is, and how far apart a pair is by chance."""
    blocks = [(one, Block.of(model, one)) for one in found]
    return [
        {
            "block": one.name,
            "grid": list(block.grid),
            "keys": list(block.key_grid or block.grid),
            "neighbors": one.graph.neighbors.shape[-1],
            "dilation": block.dilation,
            "spatial_distance_all_pairs": all_pairs_distance(block.grid, block.key_grid),
        }
        for one, block in blocks
    ]
