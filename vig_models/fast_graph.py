"""What ``graph`` computes, equal in value and several times faster.

Rounding keeps order, so that max_j (x_j - x_i) is (max_j x_j) - x_i to the last bit: only
neighbors are read, one rank of them after the other, and one subtraction ends it. Nothing of
size B C N K is made. Distances stay the sum that ``graph`` computes, to the last bit, since
near ties decide which neighbors are chosen.
"""

import torch
from torch import Tensor
from torch.nn import functional

from vig_models.graph import check_knn


@torch.no_grad()
def dilated_knn(
    queries: Tensor,
    keys: Tensor,
    num_neighbors: int,
    dilation: int = 1,
    relative_pos: Tensor | None = None,
) -> Tensor:
    """Find the neighbors of each query, as ``graph.dilated_knn`` does.

    Args:
        queries: (B, C, N).
        keys: (B, C, M).
        num_neighbors: K.
        dilation: take the nearest, then skip ``dilation - 1`` before each next one.
        relative_pos: (1, N, M), added to the squared distances.

    Returns:
        Indices into the keys, (B, N, K), int64, nearest first.

    Raises:
        ModelError: as ``graph.dilated_knn``.
    """
    nearest = check_knn(queries, keys, num_neighbors, dilation)
    units, norms = _units(queries)
    others, other_norms = (units, norms) if keys is queries else _units(keys)
    # Minus the distances: doubling and changing signs are exact, so this rounds as they do.
    products = torch.matmul(2 * units, others.transpose(2, 1))  # (B, N, M)
    in_place = products.dtype == norms.dtype  # not under autocast
    closeness = products.sub_(norms) if in_place else products - norms
    closeness.sub_(other_norms.transpose(2, 1))
    if relative_pos is not None:
        closeness.sub_(relative_pos)
    return torch.topk(closeness, nearest).indices[:, :, ::dilation]  # (B, N, K)


def _units(nodes: Tensor) -> tuple[Tensor, Tensor]:
    """Scale nodes, (B, C, N), to unit length, (B, N, C), and square their lengths, (B, N, 1)."""
    units = functional.normalize(nodes, dim=1).transpose(2, 1)
    return units, (units * units).sum(dim=-1, keepdim=True)


def neighbor_rows(keys: Tensor, neighbors: Tensor) -> tuple[Tensor, Tensor]:
    """Lay keys out as rows, and say which rows the neighbors are.

    Args:
        keys: (B, C, M).
        neighbors: (B, N, K), into the keys of the same image.

    Returns:
        Rows, (B * M, C), and their numbers, (K, B * N), nearest neighbors first.
    """
    images, channels, num_keys = keys.shape
    rows = keys.transpose(1, 2).reshape(images * num_keys, channels)
    first = torch.arange(0, images * num_keys, num_keys, device=keys.device)  # (B,)
    ranks = (neighbors + first[:, None, None]).permute(2, 0, 1).flatten(1)  # (K, B * N)
    return rows, ranks


def largest_row(rows: Tensor, ranks: Tensor) -> Tensor:
    """Find the largest of the listed rows in each channel.

    Args:
        rows: (R, C).
        ranks: (K, L), rows of each of L lists.

    Returns:
        (L, C).
    """
    if rows.requires_grad and torch.is_grad_enabled():
        # One of equal rows gets the gradient, as in ``graph``; the chain below would share it.
        return _gathered(rows, ranks).max(dim=0).values
    largest = rows.index_select(0, ranks[0])
    for rank in ranks[1:]:
        torch.maximum(largest, rows.index_select(0, rank), out=largest)
    return largest


def mean_and_largest_row(rows: Tensor, ranks: Tensor) -> tuple[Tensor, Tensor]:
    """Average the listed rows, and find the largest in each channel.

    Args:
        rows: (R, C).
        ranks: (K, L), rows of each of L lists.

    Returns:
        Twice (L, C).
    """
    if rows.requires_grad and torch.is_grad_enabled():
        gathered = _gathered(rows, ranks)
        return gathered.mean(dim=0), gathered.max(dim=0).values
    largest = rows.index_select(0, ranks[0])
    total = largest.to(torch.promote_types(rows.dtype, torch.float32), copy=True)
    for rank in ranks[1:]:
        row = rows.index_select(0, rank)
        total.add_(row)
        torch.maximum(largest, row, out=largest)
    return total.div_(len(ranks)).to(rows.dtype), largest


def _gathered(rows: Tensor, ranks: Tensor) -> Tensor:
    """Look the listed rows up, (K, L, C), so that gradients add up in one order."""
    return rows.index_select(0, ranks.flatten()).view(*ranks.shape, -1)


def max_relative_rows(nodes: Tensor, keys: Tensor, neighbors: Tensor) -> Tensor:
    """Compute the largest difference, neighbor minus node, in each channel.

    Args:
        nodes: (B, N, C).
        keys: (B, C, M), what ``neighbors`` points into.
        neighbors: (B, N, K).

    Returns:
        (B, N, C).
    """
    return largest_row(*neighbor_rows(keys, neighbors)).view_as(nodes) - nodes
