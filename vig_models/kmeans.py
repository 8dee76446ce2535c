"""k-means over the nodes of each image, with restarts, as ClusterViG partitions them.

Source: the package torch_kmeans 0.2.0 (read, not copied), which the authors of ClusterViG call:
https://github.com/dhruvashp/ClusterViG@250b62a. Its distance adds 1e-6 to every difference,
the stop test looks at all images and restarts at once, and the labels follow the last means.
"""

import torch
from torch import Tensor
from torch.nn import functional

from vig_models.clustering import clustering
from vig_models.errors import ModelError

RESTARTS, MAX_ITERATIONS, TOLERANCE = 2, 25, 1e-3
"""What the released models run with."""

DISTANCE_EPSILON = 1e-6
"""What is added to every difference of two coordinates."""


class Lloyd:
    """The parts of an iteration over some nodes, as the authors compute them."""

    def __init__(self, nodes: Tensor) -> None:
        """Keep the nodes, (B, N, C)."""
        self.nodes = nodes

    def nearest(self, centers: Tensor) -> Tensor:
        """Find the nearest center of each node, the first of equally near ones.

        Every node is paired with every center.

        Args:
            centers: (B, R, clusters, C).

        Returns:
            (B, R, N), int64.
        """
        images, restarts, clusters, channels = centers.shape
        paired = (images, restarts, self.nodes.shape[1], clusters, channels)
        left = self.nodes[:, None, :, None].expand(paired).reshape(-1, channels)
        right = centers[:, :, None].expand(paired).reshape(-1, channels)
        distances = functional.pairwise_distance(left, right, eps=DISTANCE_EPSILON)
        return distances.view(paired[:-1]).argmin(dim=-1)

    def means(self, labels: Tensor, num_clusters: int) -> Tensor:
        """Average the nodes of each cluster; zero where there are none.

        Args:
            labels: (B, R, N).
            num_clusters: how many there may be.

        Returns:
            (B, R, clusters, C).
        """
        runs = self.nodes[:, None].expand(-1, labels.shape[1], -1, -1)  # (B, R, N, C)
        members = functional.one_hot(labels, num_clusters).to(runs.dtype).transpose(2, 3)
        return functional.normalize(members, p=1, dim=-1) @ runs

    def costs(self, labels: Tensor, centers: Tensor) -> Tensor:
        """Add up the squared distances from the centers: (B, R, N), (B, R, k, C) -> (B, R)."""
        index = labels[..., None].expand(-1, -1, -1, centers.shape[-1])
        chosen = centers.gather(2, index)  # (B, R, N, C)
        return (self.nodes[:, None] - chosen).square().sum(dim=(2, 3))


@torch.no_grad()
def kmeans(  # noqa: PLR0913 - the settings of one algorithm
    nodes: Tensor,
    num_clusters: int,
    generator: torch.Generator | None = None,
    *,
    restarts: int = RESTARTS,
    max_iterations: int = MAX_ITERATIONS,
    tolerance: float = TOLERANCE,
    form: type[Lloyd] = Lloyd,
) -> tuple[Tensor, Tensor]:
    """Partition the nodes of each image.

    An image's clusters depend on the other images of the batch: all iterate until the
    centers of every one move less than ``tolerance``, and all draw from one generator.

    Args:
        nodes: (B, N, C).
        num_clusters: how many; each starts at a node of its own.
        generator: where the first centers are drawn from; None is torch's default one.
        restarts: runs per image; that with the smallest squared distances counts.
        max_iterations: of each run.
        tolerance: mean movement of an image's centers below which they stand still.
        form: how the parts of an iteration are computed.

    Returns:
        Cluster of each node, (B, N), int64, and the mean of each cluster, (B, clusters, C); zero
        where a cluster is empty.

    Raises:
        ModelError: if there are fewer nodes than clusters.
    """
    images, num_nodes, channels = nodes.shape
    if not 1 <= num_clusters <= num_nodes:
        raise ModelError(
            f"kmeans: want 1 to {num_nodes} (the number of nodes) clusters, got {num_clusters}"
        )
    chances = torch.full((images * restarts, num_nodes), 1 / num_nodes, device=nodes.device)
    drawn = torch.multinomial(chances, num_clusters, replacement=False, generator=generator)
    index = drawn.view(images, -1, 1).expand(-1, -1, channels)  # (B, R * clusters, C)
    centers = nodes.gather(1, index).view(images, restarts, num_clusters, channels)
    step = form(nodes)
    with clustering(most=max_iterations) as iterations:
        for _ in iterations:
            before, centers = centers, step.means(step.nearest(centers), num_clusters)
            moved = torch.linalg.vector_norm(centers - before, dim=-1).mean(dim=-1)  # (B, R)
            if moved.is_meta or bool((moved < tolerance).all()):
                break
        labels = step.nearest(centers)  # (B, R, N)
    best = step.costs(labels, centers).argmin(dim=1)  # (B,)
    image = torch.arange(images, device=nodes.device)
    return labels[image, best], centers[image, best]
