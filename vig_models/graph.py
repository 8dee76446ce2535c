"""Graphs over nodes as the Vision-GNN papers publish them: k-NN edges, max-relative features.

These run the operations that the authors' code runs, in its order (both ends of every edge
are gathered, then subtracted), because the papers timed that. Formulations that are
faster and equal in value stand in ``fast_graph``.

Source: K. Han et al., "Vision GNN: An Image is Worth Graph of Nodes", arXiv:2206.00272,
Section 3; https://github.com/huawei-noah/Efficient-AI-Backbones@f90e129,
vig_pytorch/gcn_lib (read, not copied).
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from vig_models.errors import ModelError

POSITION_BASE = 10000.0
"""Base of the geometric series of wavelengths of the sine-cosine position code."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Graph:
    """What connects the nodes of one block."""

    nodes: Tensor
    """Features that the graph is built on and messages are made of, (B, C, N)."""
    keys: Tensor
    """Features of the nodes that may be neighbors, (B, C, M): ``nodes``, or fewer, pooled."""
    neighbors: Tensor
    """Indices into the keys, (B, N, K), int64; -1 where a node has fewer than K neighbors.

    Nearest first where they are searched for by distance. Of a hypergraph the indices are those
    of the hyperedges that a node is in.
    """
    partitions: Tensor | None = None
    """Cluster of each node, (B, N), int64, where edges stay inside clusters."""
    hyperedges: Tensor | None = None
    """Which nodes each hyperedge joins, (B, E, N), bool, where there are hyperedges."""

    def edges(self) -> Tensor:
        """List the directed edges, neighbor to node, as they occur (a node twice: two edges).

        Returns:
            (3, number of edges), int64: image, neighbor, node.

        Example:
            >>> nodes = torch.zeros(1, 4, 2)
            >>> Graph(nodes=nodes, keys=nodes, neighbors=torch.tensor([[[0, 1], [1, -1]]])).edges()
            tensor([[0, 0, 0],
                    [0, 1, 1],
                    [0, 0, 1]])
        """
        image, node, rank = (self.neighbors >= 0).nonzero(as_tuple=True)  # (E,) each
        return torch.stack((image, self.neighbors[image, node, rank], node))  # (3, E)


@dataclass(frozen=True, kw_only=True, eq=False)
class BlockGraph:
    """The graph of one block of a model while it ran."""

    name: str
    """Of the block, as in ``named_modules``."""
    graph: Graph
    output: Tensor
    """Map behind the block as the block returns it: (B, C, H, W), of PVG (B, H, W, C)."""

    @property
    def edges(self) -> Tensor:
        """Directed edges, neighbor to node: (3, number of edges), int64: image, neighbor, node."""
        return self.graph.edges()

    @property
    def nodes(self) -> Tensor:
        """Features that the graph is built on, (B, C, N)."""
        return self.graph.nodes

    @property
    def partitions(self) -> Tensor | None:
        """Cluster of each node, (B, N), where edges stay inside clusters."""
        return self.graph.partitions


def dilation_schedule(depth: int, max_dilation: int) -> list[int]:
    """Return the dilation of each of ``depth`` blocks: one more every four, up to a maximum.

    Example:
        >>> dilation_schedule(12, max_dilation=2)
        [1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2]
    """
    return [min(index // 4 + 1, max_dilation) for index in range(depth)]


def squared_distances(queries: Tensor, keys: Tensor) -> Tensor:
    """Compute the squared Euclidean distance of every query from every key.

    As |a|^2 - 2 a.b + |b|^2 also for vectors of unit length: which of two equally near
    neighbors is chosen depends on these rounding errors.

    Args:
        queries: (B, N, C).
        keys: (B, M, C).

    Returns:
        (B, N, M).
    """
    query_norms = (queries * queries).sum(dim=-1, keepdim=True)  # (B, N, 1)
    key_norms = (keys * keys).sum(dim=-1, keepdim=True)  # (B, M, 1)
    products = -2 * torch.matmul(queries, keys.transpose(2, 1))  # (B, N, M)
    return query_norms + products + key_norms.transpose(2, 1)  # (B, N, M)


@torch.no_grad()
def dilated_knn(
    queries: Tensor,
    keys: Tensor,
    num_neighbors: int,
    dilation: int = 1,
    relative_pos: Tensor | None = None,
) -> Tensor:
    """Find the neighbors of each query: every ``dilation``-th of its nearest keys.

    Features are compared by direction only: both sides are scaled to unit length.

    Args:
        queries: (B, C, N).
        keys: (B, C, M).
        num_neighbors: K.
        dilation: take the nearest, then skip ``dilation - 1`` before each next one.
        relative_pos: (1, N, M), added to the squared distances.

    Returns:
        Indices into the keys, (B, N, K), int64, nearest first.

    Raises:
        ModelError: if queries and keys differ in B or C, if there are fewer than
            K x dilation keys, or if none are asked for.

    Example:
        >>> nodes = torch.tensor([[[1.0, 1.0, 0.0], [0.0, 0.1, 1.0]]])
        >>> dilated_knn(nodes, nodes, num_neighbors=2).tolist()
        [[[0, 1], [1, 0], [2, 1]]]
    """
    nearest = check_knn(queries, keys, num_neighbors, dilation)
    unit_queries = functional.normalize(queries, dim=1).transpose(2, 1)  # (B, N, C)
    unit_keys = functional.normalize(keys, dim=1).transpose(2, 1)  # (B, M, C)
    distances = squared_distances(unit_queries, unit_keys)  # (B, N, M)
    if relative_pos is not None:
        distances += relative_pos
    indices = torch.topk(-distances, nearest).indices  # (B, N, K * dilation)
    return indices[:, :, ::dilation]  # (B, N, K)


def check_knn(queries: Tensor, keys: Tensor, num_neighbors: int, dilation: int) -> int:
    """Check what ``dilated_knn`` is given; return how many nearest keys it ranks."""
    if queries.shape[:2] != keys.shape[:2]:
        raise ModelError(
            "dilated_knn: want queries (B, C, N), keys (B, C, M), "
            f"got {tuple(queries.shape)}, {tuple(keys.shape)}"
        )
    num_keys = keys.shape[-1]
    nearest = num_neighbors * dilation
    if not 1 <= nearest <= num_keys:
        raise ModelError(
            f"dilated_knn: want 1 to {num_keys} (the number of keys) as neighbors x dilation, "
            f"got {num_neighbors} x {dilation}"
        )
    return nearest


def gather_nodes(nodes: Tensor, indices: Tensor) -> Tensor:
    """Look up the features of indexed nodes.

    Args:
        nodes: (B, C, M).
        indices: (B, N, K), into the M nodes of the same image.

    Returns:
        (B, C, N, K).
    """
    images, channels, num_nodes = nodes.shape
    first = torch.arange(images, device=nodes.device) * num_nodes  # (B,)
    rows = nodes.transpose(2, 1).reshape(images * num_nodes, channels)  # (B * M, C)
    gathered = rows[(indices + first[:, None, None]).flatten()]  # (B * N * K, C)
    gathered = gathered.view(*indices.shape, channels)  # (B, N, K, C)
    return gathered.permute(0, 3, 1, 2).contiguous()  # (B, C, N, K)


def gather_centers(nodes: Tensor, neighbors: Tensor) -> Tensor:
    """Look up every node once for each of its neighbors, as the authors do.

    Args:
        nodes: (B, C, N).
        neighbors: (B, N, K).

    Returns:
        (B, C, N, K).
    """
    centers = torch.arange(nodes.shape[-1], device=nodes.device)[None, :, None]  # (1, N, 1)
    return gather_nodes(nodes, centers.expand_as(neighbors))


def max_relative(nodes: Tensor, keys: Tensor, neighbors: Tensor) -> Tensor:
    """Compute the largest difference, neighbor minus node, in each channel.

    Args:
        nodes: (B, C, N).
        keys: (B, C, M), what ``neighbors`` points into.
        neighbors: (B, N, K).

    Returns:
        (B, C, N).

    Raises:
        ModelError: if the three do not agree on B, C or N.
    """
    images, channels, num_nodes = nodes.shape
    if keys.shape[:2] != (images, channels) or neighbors.shape[:2] != (images, num_nodes):
        raise ModelError(
            "max_relative: want nodes (B, C, N), keys (B, C, M), neighbors (B, N, K), "
            f"got {tuple(nodes.shape)}, {tuple(keys.shape)}, {tuple(neighbors.shape)}"
        )
    center_features = gather_centers(nodes, neighbors)  # (B, C, N, K)
    neighbor_features = gather_nodes(keys, neighbors)  # (B, C, N, K)
    return torch.max(neighbor_features - center_features, dim=-1).values  # (B, C, N)


def relative_position_table(grid: int, channels: int, reduction: int) -> Tensor:
    """Compute what is added to the squared distances so that near positions are preferred.

    Minus the scaled inner product of two-dimensional sine-cosine codes of the positions,
    in float64, rounded to float32 as in the authors' code; then resampled along the
    (flattened) keys where these are pooled.

    Args:
        grid: H = W, so that N = grid x grid.
        channels: length of a position's code, C.
        reduction: side of the average pooling that makes the keys, in nodes.

    Returns:
        (1, N, N / reduction^2), in the default dtype, on the default device.

    Raises:
        ModelError: if ``channels`` is not a multiple of 4.
    """
    if channels % 4:
        raise ModelError(f"relative_position_table: want channels in fours, got {channels}")
    size = (grid**2, grid**2 // reduction**2)
    if torch.get_default_device().type == "meta":
        return torch.empty(1, *size)  # resampling nothing takes longer than the rest of a model
    frequencies = POSITION_BASE ** -(torch.arange(channels // 4).double() / (channels // 4))
    angles = torch.arange(grid).double()[:, None] * frequencies  # (H, C/4)
    waves = torch.cat((angles.sin(), angles.cos()), dim=1)  # (H, C/2)
    columns = waves.repeat(grid, 1)  # (N, C/2), row-major: the column runs fastest
    rows = waves.repeat_interleave(grid, dim=0)  # (N, C/2)
    codes = torch.cat((columns, rows), dim=1)  # (N, C)
    table = (2 * codes @ codes.T / channels).float()  # (N, N)
    pooled = functional.interpolate(table[None, None], size, mode="bicubic", align_corners=False)
    return -pooled[0].to(torch.get_default_dtype())  # (1, N, M)
