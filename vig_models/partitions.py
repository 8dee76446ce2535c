"""Graphs inside the clusters of each image, as ClusterViG's authors build them.

Nodes are put in the order of their clusters ("organized"), and all images of a batch make one
list of B * N nodes. Source: https://github.com/dhruvashp/ClusterViG@250b62a (read, not copied).
The authors search with the kernel of torch_cluster. It is used for CUDA tensors where it can be
imported; elsewhere plain torch stands in for it, with the same neighbors in the same order where
no two are equally near, so that what is counted on a CPU depends on no installed kernel.
"""

from collections.abc import Callable
from importlib import import_module
from typing import cast

import torch
from torch import Tensor
from torch.nn import functional


def _kernel() -> Callable[..., Tensor] | None:
    try:
        knn: Callable[..., Tensor] = import_module("torch_cluster").knn
    except (ImportError, OSError):  # absent, or built for another torch
        return None
    return knn


_KNN = _kernel()


def kernel_on(device: torch.device | str) -> str:
    """Name what searches for neighbors on a device: ``torch_cluster`` or its ``substitute``."""
    is_kernel = _KNN is not None and torch.device(device).type == "cuda"
    return "torch_cluster" if is_kernel else "substitute"


def organize(labels: Tensor, num_partitions: int) -> Tensor:
    """Order the nodes of each image by cluster, and within a cluster as they stand.

    Image by image and cluster by cluster, as the authors' code does.

    Args:
        labels: cluster of each node, (B, N).
        num_partitions: how many clusters there may be.

    Returns:
        Node at each place of the new order, (B, N), int64.
    """
    return torch.stack(
        [
            torch.cat([(image == cluster).nonzero()[:, 0] for cluster in range(num_partitions)])
            for image in labels
        ]
    )


@torch.no_grad()
def knn_in_partitions(nodes: Tensor, labels: Tensor, order: Tensor, num_neighbors: int) -> Tensor:
    """Connect every node to its nearest nodes in its cluster, itself included.

    Features are compared by direction only. A cluster with fewer than K nodes gives each of
    them all of its nodes.

    Args:
        nodes: (B, N, C).
        labels: cluster of each node, (B, N).
        order: ``organize(labels, ...)``.
        num_neighbors: K.

    Returns:
        Neighbor and node of each edge, (2, E), int64, both as places in the organized list of
        all B * N nodes; the edges of a node stand together, nearest first.
    """
    image = torch.arange(len(nodes), device=nodes.device)[:, None]
    units = functional.normalize(nodes[image, order], dim=-1).flatten(0, 1)  # (B * N, C)
    cluster = image * (int(labels.max()) + 1) + labels[image, order]
    _, owner = torch.unique(cluster.flatten(), return_inverse=True)  # (B * N,)
    if _KNN is not None and kernel_on(nodes.device) == "torch_cluster":
        node, neighbor = _KNN(units, units, num_neighbors, owner, owner)  # (E,) each
        return torch.stack((neighbor, node))
    sizes = cast(list[int], owner.bincount().tolist())
    edges, first = [], 0
    for members in torch.split(units, sizes):
        edges.append(first + _nearest(members, num_neighbors))
        first += len(members)
    return torch.cat(edges, dim=1)


def _nearest(units: Tensor, num_neighbors: int) -> Tensor:
    """Connect the nodes of one cluster, (n, C): neighbor and node of each edge, (2, E)."""
    # Of differences, not by a product: in float32 that would reorder nearly parallel nodes.
    distances = torch.cdist(units, units, compute_mode="donot_use_mm_for_euclid_dist")  # (n, n)
    found = torch.topk(distances, min(num_neighbors, len(units)), largest=False).indices
    node = torch.arange(len(units), device=units.device)[:, None].expand_as(found)
    return torch.stack((found.flatten(), node.flatten()))


def complete_edges(images: int, centers: Tensor) -> Tensor:
    """Connect all centers of an image with each other and themselves.

    Args:
        images: B.
        centers: (B, kappa, C).

    Returns:
        Source and target of each edge, (2, B * kappa^2), int64, over all B * kappa centers.
    """
    count = centers.shape[1]
    within = torch.cartesian_prod(*2 * [torch.arange(count, device=centers.device)])
    first = torch.arange(images, device=centers.device).repeat_interleave(count**2) * count
    return within.repeat(images, 1).T.flip(0) + first  # (2, B * kappa^2)


def padded_neighbors(edges: Tensor, order: Tensor, num_neighbors: int) -> Tensor:
    """Write edges as neighbors of each node, in the order in which the nodes stand on the map.

    Args:
        edges: what ``knn_in_partitions`` returned.
        order: (B, N).
        num_neighbors: K.

    Returns:
        (B, N, K), int64, nearest first; -1 where a cluster has fewer than K nodes.
    """
    images, num_nodes = order.shape
    neighbor, node = edges
    degrees = node.bincount(minlength=order.numel())  # (B * N,)
    rank = torch.arange(len(node), device=node.device) - (degrees.cumsum(0) - degrees)[node]
    flat = torch.full((order.numel(), num_neighbors), -1, device=order.device)
    flat[node, rank] = order.flatten()[neighbor]
    image = torch.arange(images, device=order.device)[:, None]
    padded = torch.empty_like(flat).view(images, num_nodes, num_neighbors)
    padded[image, order] = flat.view_as(padded)
    return padded
