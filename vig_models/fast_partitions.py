"""What ``kmeans`` and ``partitions`` compute, by products of matrices, several times faster.

A product rounds otherwise than the difference it stands for, and a node moves where two centers,
or two neighbors, are about equally near. Those decisions, one in hundreds, are made again as
``kmeans`` and ``partitions`` make them.
"""

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn import functional

from vig_models.kmeans import DISTANCE_EPSILON, Lloyd


class FastLloyd(Lloyd):
    """The parts of an iteration of k-means by one product of matrices for all restarts."""

    def __init__(self, nodes: Tensor) -> None:
        """Keep the nodes, (B, N, C), and their squared lengths."""
        super().__init__(nodes)
        self.squares = nodes.square().sum(dim=-1)[:, None]  # (B, 1, N)

    def nearest(self, centers: Tensor) -> Tensor:
        """Find the nearest center of each node: (B, R, clusters, C) -> (B, R, N)."""
        clusters, channels = centers.shape[2:]
        shifted = (centers - DISTANCE_EPSILON).flatten(1, 2)  # (B, R * clusters, C)
        lengths = shifted.square().sum(dim=-1)  # (B, R * clusters)
        nearness = self.nodes @ shifted.transpose(1, 2) - lengths[:, None] / 2
        nearness = nearness.view(*nearness.shape[:2], -1, clusters).transpose(
            1, 2
        )  # (B, R, N, clusters)
        best, labels = nearness.max(dim=-1)  # (B, R, N) each
        if labels.is_meta:  # without values none are close
            return labels
        longest = lengths.amax(dim=1)[:, None, None]  # (B, 1, 1)
        margin = _rounding(self.nodes) * (self.squares + longest)  # (B, 1, N)
        close = (nearness >= (best - margin)[..., None]).sum(dim=-1) > 1
        image, restart, node = close.nonzero(as_tuple=True)  # (A,) each
        if len(image):
            left = self.nodes[image, node][:, None].expand(-1, clusters, -1)
            right = centers[image, restart]  # (A, clusters, C)
            distances = functional.pairwise_distance(
                left.reshape(-1, channels), right.reshape(-1, channels), eps=DISTANCE_EPSILON
            )
            labels[close] = distances.view(-1, clusters).argmin(dim=-1)
        return labels

    def means(self, labels: Tensor, num_clusters: int) -> Tensor:
        """Average the nodes of each cluster: (B, R, N) -> (B, R, clusters, C)."""
        members = functional.one_hot(labels, num_clusters).to(self.nodes.dtype)
        shares = members / members.sum(dim=2, keepdim=True).clamp_(min=1)  # (B, R, N, clusters)
        means = shares.transpose(2, 3).flatten(1, 2) @ self.nodes  # (B, R * clusters, C)
        return means.view(*labels.shape[:2], num_clusters, -1)

    def costs(self, labels: Tensor, centers: Tensor) -> Tensor:
        """Add up the squared distances from the centers: (B, R, N), (B, R, k, C) -> (B, R)."""
        clusters = centers.shape[2]
        first = torch.arange(0, centers[..., 0].numel(), clusters, device=labels.device)
        rows = (labels + first.view(*labels.shape[:2], 1)).flatten()  # (B * R * N,)
        chosen = centers.flatten(0, 2).index_select(0, rows).view(*labels.shape, -1)
        return (self.nodes[:, None] - chosen).square().sum(dim=(2, 3))


@torch.no_grad()
def knn_in_clusters(nodes: Tensor, labels: Tensor, num_neighbors: int) -> Tensor:
    """Connect every node to its nearest nodes in its cluster, as ``knn_in_partitions`` does.

    Args:
        nodes: (B, N, C).
        labels: cluster of each node, (B, N).
        num_neighbors: K.

    Returns:
        (B, N, K), int64, nearest first up to rounding; -1 where a cluster has fewer than K nodes.
    """
    num_nodes = nodes.shape[1]
    units = functional.normalize(nodes, dim=-1)  # (B, N, C)
    apart = labels[:, :, None] != labels[:, None]  # (B, N, N)
    nearness = (units @ units.transpose(1, 2)).masked_fill_(apart, -torch.inf)
    found = nearness.topk(min(num_neighbors + 1, num_nodes), dim=-1)
    values, neighbors = found.values, found.indices[..., :num_neighbors]
    if values.shape[-1] > num_neighbors and not values.is_meta:
        close = values[..., -2] - values[..., -1] <= _rounding(nodes)  # not of -inf and -inf
        for image, asked, members in _by_cluster(close, labels):
            neighbors[image, asked] = members[
                _nearest(units[image, asked], units[image, members], num_neighbors)
            ]
    neighbors = neighbors.where(values[..., :num_neighbors] != -torch.inf, -1)  # NaN is a neighbor
    return functional.pad(neighbors, (0, num_neighbors - neighbors.shape[-1]), value=-1)


def _rounding(nodes: Tensor) -> float:
    """Bound what C roundings amount to, relative to the size of what is added up."""
    return float(8 * nodes.shape[-1] ** 0.5 * torch.finfo(nodes.dtype).eps)


def _nearest(queries: Tensor, members: Tensor, num_neighbors: int) -> Tensor:
    """Find the nearest members, K or more of them, as ``partitions`` does: (a, C) -> (a, K)."""
    distances = torch.cdist(queries, members, compute_mode="donot_use_mm_for_euclid_dist")
    return distances.topk(num_neighbors, largest=False).indices


def _by_cluster(mask: Tensor, labels: Tensor) -> Iterator[tuple[int, Tensor, Tensor]]:
    """Yield each cluster with true entries of a mask: image, these entries, and all members.

    Args:
        mask: (B, N), bool.
        labels: (B, N).
    """
    pairs = torch.stack((mask.nonzero()[:, 0], labels[mask]), dim=1)  # (A, 2)
    for image, cluster in torch.unique(pairs, dim=0).tolist():
        inside = labels[image] == cluster  # (N,)
        yield image, (inside & mask[image]).nonzero()[:, 0], inside.nonzero()[:, 0]
