"""Which edges a model's graphs have on two different images."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from vig_models.classifier import Classifier
from vig_models.graph import BlockGraph


@dataclass(frozen=True, kw_only=True)
class Graph:
    """The edges of one block."""

    name: str
    neighbors: Tensor
    """(B, N, K), -1 where a node has fewer than K; of a hypergraph the hyperedges of a node."""
    partitions: Tensor | None = None
    """Cluster of each node, (B, N), where edges stay inside clusters."""
    num_hyperedges: int = 0

    @property
    def num_neighbors(self) -> int:
        """K, a node itself included where it is among its neighbors."""
        return self.neighbors.shape[-1]

    @property
    def edges_per_node(self) -> int:
        """Different neighbors that a node has, at most."""
        return int(self._adjacency().sum(dim=-1).max())

    @property
    def differing_nodes(self) -> int:
        """Nodes whose set of neighbors is not the same in the first two images."""
        first, second = self._adjacency()[:2]  # (N, M) each
        return int((first != second).any(dim=-1).sum())

    @property
    def num_partitions(self) -> int:
        """Clusters with a node, in the image that has most of them; 0 without clusters."""
        if self.partitions is None:
            return 0
        return max(len(image.unique()) for image in self.partitions)

    def _adjacency(self) -> Tensor:
        images, num_nodes, _ = self.neighbors.shape
        num_keys = int(self.neighbors.max()) + 1
        none = torch.zeros(images, num_nodes, 1 + num_keys, dtype=torch.bool)
        found = none.scatter(-1, self.neighbors + 1, value=True)  # -1 goes to column 0
        return found[:, :, 1:]  # (B, N, M)


def find_graphs(model: nn.Module, images: Tensor) -> list[Graph]:
    """Run ``model`` once and keep the graph of every block, in the order in which they ran.

    Args:
        model: a model in eval mode; it is left as it was. Only the models of this project say
            what their graphs are; of any other none are found.
        images: (B, 3, H, W), two or more, on the device of the model.
    """
    if not isinstance(model, Classifier):
        return []
    graphs: list[Graph] = []

    def keep(block: BlockGraph) -> None:
        """Keep the edges and let go of the features, which take far more memory."""
        hyperedges = block.graph.hyperedges
        graphs.append(
            Graph(
                name=block.name,
                neighbors=block.graph.neighbors,
                partitions=block.partitions,
                num_hyperedges=0 if hyperedges is None else hyperedges.shape[1],
            )
        )

    model.show_graphs(images, keep)
    return graphs
