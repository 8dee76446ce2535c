"""How many of the true nearest neighbors a search restricted to partitions can find.

Pure functions of nodes and labels; no model runs here. A node itself, always its own nearest,
is no edge here: nobody has to search for it.
"""

import torch
from torch import Tensor
from torch.nn import functional

from reproductions.errors import ReproductionError


@torch.no_grad()
def true_neighbors(nodes: Tensor, num_neighbors: int) -> Tensor:
    """Rank the other nodes of an image by distance, over all of them.

    Features are compared by direction only, as the families that search in partitions do; in
    float64, by differences, so that rounding decides nothing that it need not.

    Args:
        nodes: (B, N, C).
        num_neighbors: how many, the node itself not among them.

    Returns:
        (B, N, num_neighbors), int64, nearest first.

    Raises:
        ReproductionError: an image has not so many other nodes, or none are asked for.

    Example:
        >>> nodes = torch.tensor([[[1.0, 0.0], [1.0, 0.1], [0.0, 1.0]]])
        >>> true_neighbors(nodes, 1).tolist()
        [[[1], [0], [1]]]
    """
    others = nodes.shape[1] - 1
    if not 1 <= num_neighbors <= others:
        raise ReproductionError(
            f"true_neighbors: want 1 to {others} (the number of other nodes) neighbors, "
            f"got {num_neighbors}"
        )
    units = functional.normalize(nodes.double(), dim=-1)  # (B, N, C)
    distances = torch.cdist(units, units, compute_mode="donot_use_mm_for_euclid_dist")
    distances.diagonal(dim1=1, dim2=2).fill_(torch.inf)  # (B, N, N)
    return distances.topk(num_neighbors, largest=False).indices


def inside_partitions(neighbors: Tensor, labels: Tensor) -> float:
    """Compute the share of edges whose two ends lie in one partition.

    Args:
        neighbors: (B, N, K), int64.
        labels: partition of each node, (B, N), int64.

    Returns:
        From 0 to 1.

    Example:
        >>> neighbors = torch.tensor([[[1], [0], [1]]])
        >>> inside_partitions(neighbors, torch.tensor([[5, 5, 5]]))
        1.0
        >>> round(inside_partitions(neighbors, torch.tensor([[0, 0, 1]])), 3)
        0.667
    """
    ends = labels.gather(1, neighbors.flatten(1)).view_as(neighbors)  # (B, N, K)
    return float((ends == labels[..., None]).double().mean())


def found(neighbors: Tensor, graph: Tensor) -> float:
    """Compute the share of edges that a graph has.

    Args:
        neighbors: the edges looked for, (B, N, K), int64.
        graph: the edges there are, (B, N, K'), int64; -1 stands for none.

    Returns:
        From 0 to 1.

    Example:
        >>> graph = torch.tensor([[[0, 1], [1, 0], [2, -1]]])
        >>> round(found(torch.tensor([[[1, 2], [0, 2], [1, 0]]]), graph), 3)
        0.333
    """
    return float((neighbors[..., None] == graph[:, :, None]).any(dim=-1).double().mean())
