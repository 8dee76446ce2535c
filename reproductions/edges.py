"""Which edges a model's graphs have on two different images.

A Grapher is any module with a method ``neighbors`` that returns node indices, (B, N, K), and
that its ``forward`` calls. Nothing else is asked of it.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True, kw_only=True)
class Graph:
    """The edges one Grapher made."""

    name: str
    neighbors: Tensor
    """(B, N, K)."""

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

    def _adjacency(self) -> Tensor:
        images, num_nodes, _ = self.neighbors.shape
        num_keys = int(self.neighbors.max()) + 1
        none = torch.zeros(images, num_nodes, num_keys, dtype=torch.bool)
        return none.scatter(-1, self.neighbors, value=True)  # (B, N, M)


@torch.no_grad()
def find_graphs(model: nn.Module, images: Tensor) -> list[Graph]:
    """Run ``model`` once and keep what its Graphers chose, in the order in which they ran.

    Args:
        model: a model in eval mode; it is left as it was.
        images: (B, 3, H, W), two or more, on the device of the model.
    """
    graphs: list[Graph] = []
    with _listening(model, graphs):
        model(images)
    return graphs


@contextmanager
def _listening(model: nn.Module, graphs: list[Graph]) -> Iterator[None]:
    graphers = [
        (name, module)
        for name, module in model.named_modules()
        if callable(getattr(type(module), "neighbors", None))
    ]
    try:
        for name, grapher in graphers:
            # An attribute of the instance hides the method until it is deleted.
            grapher.__dict__["neighbors"] = _recording(name, grapher, graphs)
        yield
    finally:
        for _, grapher in graphers:
            grapher.__dict__.pop("neighbors", None)


def _recording(name: str, grapher: nn.Module, graphs: list[Graph]) -> Callable[..., Tensor]:
    find: Callable[..., Tensor] = type(grapher).neighbors  # type: ignore[attr-defined]  # it has

    def neighbors(*args: Tensor, **kwargs: Tensor) -> Tensor:
        found = find(grapher, *args, **kwargs)
        graphs.append(Graph(name=name, neighbors=found))
        return found

    return neighbors
