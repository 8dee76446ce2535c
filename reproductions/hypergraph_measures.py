"""What hyperedges join, node by node: the statistics of ``graph_measures`` for hypergraphs.

A node reads hyperedges, and a hyperedge joins nodes. Its edges here are all (i, j) of different
nodes where i reads a hyperedge that joins j, once for each such hyperedge. They are never listed:
a sum of products over them is one of E products of sums, and distances on a grid are sums over
rows and over columns, so that the cost grows with N x E instead of N x N.
"""

import torch
from torch import Tensor
from torch.nn import functional

from reproductions.graph_measures import Grid

__all__ = ["joined_distance", "joined_similarity", "reads_of"]


def reads_of(neighbors: Tensor, hyperedges: int) -> Tensor:
    """Turn lists of hyperedges into a table.

    Args:
        neighbors: the hyperedges of each node, (B, N, K), int64; -1 stands for none.
        hyperedges: how many there are.

    Returns:
        (B, E, N), bool; a hyperedge listed twice counts once.
    """
    images, nodes, _ = neighbors.shape
    found = torch.zeros(images, nodes, 1 + hyperedges, dtype=torch.bool, device=neighbors.device)
    return found.scatter(-1, neighbors + 1, value=True)[..., 1:].transpose(1, 2)


@torch.no_grad()
def joined_distance(reads: Tensor, joins: Tensor, grid: Grid) -> Tensor:
    """Compute the mean Manhattan distance over the edges, in patches.

    Args:
        reads: which nodes read each hyperedge, (B, E, N), bool.
        joins: which nodes each hyperedge joins, (B, E, N), bool.
        grid: rows and columns of nodes.

    Returns:
        (B,), float64; NaN without an edge.
    """
    total = torch.zeros(len(reads), dtype=torch.float64, device=reads.device)
    maps = [given.view(*given.shape[:2], *grid).double() for given in (reads, joins)]
    for axis, length in ((3, grid[0]), (2, grid[1])):
        readers, joined = (one.sum(dim=axis) for one in maps)  # (B, E, length)
        at = torch.arange(length, dtype=torch.float64, device=reads.device)
        apart = (at[:, None] - at[None]).abs()
        total += ((readers @ apart) * joined).sum(dim=(1, 2))
    return total / _count(reads, joins)


@torch.no_grad()
def joined_similarity(reads: Tensor, joins: Tensor, features: Tensor) -> Tensor:
    """Compute the mean cosine over the edges.

    Args:
        reads: which nodes read each hyperedge, (B, E, N), bool.
        joins: which nodes each hyperedge joins, (B, E, N), bool.
        features: (B, N, C).

    Returns:
        (B,), float64; NaN without an edge.
    """
    units = functional.normalize(features, dim=-1).double()  # (B, N, C)
    readers, joined = (given.double() @ units for given in (reads, joins))  # (B, E, C)
    itself = ((reads & joins).sum(dim=1) * (units**2).sum(dim=-1)).sum(dim=-1)
    return ((readers * joined).sum(dim=(1, 2)) - itself) / _count(reads, joins)


def _count(reads: Tensor, joins: Tensor) -> Tensor:
    pairs = reads.sum(dim=-1).double() * joins.sum(dim=-1)  # (B, E)
    return pairs.sum(dim=-1) - (reads & joins).sum(dim=(1, 2))
