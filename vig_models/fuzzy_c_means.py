"""Fuzzy c-means over the nodes of each image, and the hyperedges ViHGNN makes of it.

Paper: Y. Han, P. Wang, S. Kundu, Y. Ding, Z. Wang, "Vision HGNN: An Image is More than a Graph
of Nodes", ICCV 2023, Section 3.2.
Code: https://github.com/VITA-Group/ViHGNN@25c2885 (read, not copied).
"""

from functools import partial

import torch
from torch import Tensor

from vig_models.clustering import clustering
from vig_models.errors import ModelError

FUZZINESS = 2  # m: memberships are weighed by their square
MAX_ITERATIONS = 15
TOLERANCE = 1e-3
"""Norm of the change of all memberships of a batch below which the iteration ends."""

LEAST_DISTANCE = 1e-10
"""Squared distances are no smaller."""

MEMBER = 0.01
"""Membership above which a node is in a hyperedge."""

WEAK = 0.1
"""Largest membership below which a node is in the hyperedge of its largest one alone."""

ONLY = 0.5
"""Membership above which nodes are in a hyperedge where any node of the batch is weak."""


@torch.no_grad()
def fuzzy_c_means(
    nodes: Tensor,
    num_clusters: int,
    generator: torch.Generator | None = None,
    *,
    keep_squares: bool = False,
) -> Tensor:
    """Compute how much each node belongs to each cluster.

    All images of a batch stop together, and draw from one generator.

    Args:
        nodes: (B, N, C).
        num_clusters: how many clusters.
        generator: where the first memberships are drawn from; None is torch's default one.
        keep_squares: square the nodes once, not in each iteration, with the same result.

    Returns:
        Memberships, (B, N, clusters), drawn in the default dtype, as the authors do, and of the
        dtype of the nodes; those of a node add up to 1.

    Raises:
        ModelError: without a cluster.
    """
    if num_clusters < 1:
        raise ModelError(f"fuzzy_c_means: want 1 or more clusters, got {num_clusters}")
    images, num_nodes, _ = nodes.shape
    # The authors draw first centers and throw them away; what is drawn next depends on it.
    torch.randint(0, num_nodes, (images, num_clusters), generator=generator, device=nodes.device)
    memberships = torch.rand(
        images, num_nodes, num_clusters, generator=generator, device=nodes.device
    )
    memberships = (memberships / memberships.sum(dim=-1, keepdim=True)).to(nodes.dtype)
    update = update_memberships
    if keep_squares:
        update = partial(update_memberships, squares=squared_lengths(nodes))
    with clustering(fewest=2, most=MAX_ITERATIONS) as iterations, _in_half(nodes):
        for number in iterations:
            before, memberships = memberships, update(nodes, memberships)
            if number > 0 and _stand_still(memberships - before):
                break
    return memberships


def _stand_still(change: Tensor) -> bool:
    """Tell whether memberships move no more; on the meta device, without values, they do not."""
    return change.is_meta or bool(torch.norm(change) < TOLERANCE)


def _in_half(nodes: Tensor) -> torch.autocast:
    """Multiply matrices in float16 on a GPU, as the authors do; float64 stays what it is."""
    device = "cpu" if nodes.is_meta else nodes.device.type
    return torch.autocast(device, torch.float16, enabled=nodes.is_cuda)


def squared_lengths(nodes: Tensor) -> Tensor:
    """Square and add up: (B, N, C) -> (B, N, 1)."""
    return nodes.square().sum(dim=-1, keepdim=True)


def update_memberships(nodes: Tensor, memberships: Tensor, squares: Tensor | None = None) -> Tensor:
    """Move the centers to their members, then weigh the nodes by the inverse of distances.

    Args:
        nodes: (B, N, C).
        memberships: (B, N, clusters).
        squares: ``squared_lengths(nodes)``, where it is at hand.

    Returns:
        (B, N, clusters); equal shares where a distance is not a number.
    """
    weights = memberships**FUZZINESS
    totals = weights.sum(dim=1)[..., None]  # (B, clusters, 1)
    centers = weights.transpose(1, 2) @ nodes / totals  # (B, clusters, C)
    squares = squared_lengths(nodes) if squares is None else squares  # (B, N, 1)
    both = squares + centers.square().sum(dim=-1)[:, None]  # (B, N, clusters)
    distances = both - 2 * (nodes @ centers.transpose(1, 2))  # (B, N, clusters)
    inverses = distances.clamp(min=LEAST_DISTANCE) ** -1
    shares = inverses / inverses.sum(dim=-1, keepdim=True)
    return torch.where(shares.isnan(), 1 / memberships.shape[-1], shares)


def hyperedges(memberships: Tensor) -> tuple[Tensor, Tensor]:
    """Decide which nodes each hyperedge joins.

    One node without a membership of 0.1 changes the rule for all images of the batch: such
    nodes then count for their largest membership alone, and the others for one above 0.5.

    Args:
        memberships: (B, N, E).

    Returns:
        Whether a hyperedge joins a node, (B, N, E), bool, as the hyperedges see it and as the
        nodes do: a node in no hyperedge reads that of its largest membership.
    """
    largest = memberships.argmax(dim=-1)  # (B, N)
    single = torch.nn.functional.one_hot(largest, memberships.shape[-1]).bool()  # (B, N, E)
    weak = memberships.amax(dim=-1, keepdim=True) < WEAK  # (B, N, 1)
    if not weak.is_meta and bool(weak.any()):
        joined = torch.where(weak, single.to(memberships.dtype), memberships) > ONLY
    else:
        joined = memberships > MEMBER
    alone = ~joined.any(dim=-1, keepdim=True)  # (B, N, 1)
    return joined, torch.where(alone, single, joined)


def padded_lists(joined: Tensor) -> Tensor:
    """List, for each row, the columns that are true, in ascending order.

    Row by row, as the authors' code does; on the meta device, without values, all the columns.

    Args:
        joined: (B, rows, columns), bool.

    Returns:
        (B, rows, longest list of the batch), int64, padded with -1.
    """
    if joined.is_meta:
        return joined.new_empty(joined.shape, dtype=torch.int64)
    rows = [row.nonzero()[:, 0] for image in joined for row in image]
    longest = max(len(row) for row in rows)
    lists = joined.new_full((len(rows), longest), -1, dtype=torch.int64)
    for index, row in enumerate(rows):
        lists[index, : len(row)] = row
    return lists.view(*joined.shape[:2], longest)


def sorted_lists(joined: Tensor) -> Tensor:
    """List the same as ``padded_lists`` for all rows at once: (B, rows, columns) -> the same."""
    columns = torch.arange(joined.shape[-1], device=joined.device)
    found = columns.where(joined, joined.shape[-1]).sort(dim=-1).values
    longest = int(joined.sum(dim=-1).max())
    lists = found[..., :longest]
    return lists.where(lists < joined.shape[-1], -1)
