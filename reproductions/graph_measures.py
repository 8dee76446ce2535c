"""What the edges of a graph over image patches join: how far, how alike, inside an object or not.

Pure functions of neighbor lists; no model runs here. ``neighbors`` is (N, K) or (B, N, K): row i
lists the neighbors of node i, the node itself in column 0, and -1 stands for none. The edges of an
image are all (i, neighbors[i, m]) with m from 1, a neighbor listed twice counting twice; each
function gives the plain mean over them, one number an image. An image without an edge gives NaN,
which no measurement may hold: whoever averages leaves it out and counts it.

Source: the definitions in arXiv:2504.19682v1, Section 3, as its authors' code computes them.

What it costs, at the least, of N nodes with K - 1 edges each: ``spatial_distance`` reads every
index once (8 N K bytes); a similarity of C features reads them once (4 N C bytes) and multiplies
N N C times, which for these sizes is less than it takes to gather N K rows; ``modularity`` sorts
N K numbers. All blocks of ViG-S together: 0.45 GMAC, a tenth of its forward pass, and 30 MB.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional

from reproductions.errors import ReproductionError

__all__ = [
    "Cosines",
    "Edges",
    "Simple",
    "all_pairs_distance",
    "all_pairs_similarity",
    "embedding_similarity",
    "modularity",
    "object_patches",
    "patches_of",
    "spatial_distance",
    "visual_similarity",
]

Grid = tuple[int, int]
"""Rows and columns of nodes, which are numbered row by row."""

_MOST_DENSE = 1024
"""Nodes up to which all products are computed and K of each row kept; beyond, rows are gathered."""
_INTEGERS = {torch.int64}
_REALS = {torch.float16, torch.bfloat16, torch.float32, torch.float64}
_PARTS = {torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64}


@torch.no_grad()
def spatial_distance(neighbors: Tensor, grid: Grid, keys: Grid | None = None) -> Tensor:
    """Compute the mean Manhattan distance between the ends of an edge, in patches.

    Args:
        neighbors: (N, K) or (B, N, K), int64.
        grid: rows and columns of the N nodes.
        keys: rows and columns of what neighbors are chosen from, where that is another, pooled
            grid over the same image; an entry stands at its middle.

    Returns:
        () or (B,), float64.

    Raises:
        ReproductionError: there are not N nodes, or an index points beyond the grid.

    Example:
        >>> line = torch.tensor([[0, 1], [1, 0], [2, 0]])
        >>> round(float(spatial_distance(line, (1, 3))), 6)
        1.333333
    """
    _check_grid("spatial_distance", grid, keys or grid)
    _check("spatial_distance", neighbors, _size(grid), _size(keys or grid))
    device = neighbors.device
    places, around = _places(grid, grid, device), _places(keys or grid, grid, device)
    table = (places[:, None] - around[None]).abs().sum(dim=-1)  # (N, M)
    edges = Edges(neighbors)
    rows = torch.arange(len(table), device=table.device)[:, None]  # (N, 1)
    return edges.mean(table[rows, edges.ends])


@torch.no_grad()
def visual_similarity(neighbors: Tensor, patches: Tensor) -> Tensor:
    """Compute the mean cosine between the pixels of the patches that an edge joins.

    Args:
        neighbors: (N, K) or (B, N, K), int64.
        patches: (N, pixels) or (B, N, pixels), all values of a patch in a row; see
            ``patches_of``.

    Returns:
        () or (B,), float64. Pixels that are all zero have the cosine 0 with any.

    Raises:
        ReproductionError: the two do not agree on B or N.

    Example:
        >>> pixels = torch.tensor([[1.0, 0.0], [1.0, 1.0]])
        >>> round(float(visual_similarity(torch.tensor([[0, 1], [1, 0]]), pixels)), 6)
        0.707107
    """
    return _similarity("visual_similarity", neighbors, patches)


@torch.no_grad()
def embedding_similarity(neighbors: Tensor, features: Tensor) -> Tensor:
    """Compute the mean cosine between the features of the nodes that an edge joins.

    Args:
        neighbors: (N, K) or (B, N, K), int64.
        features: (N, C) or (B, N, C).

    Returns:
        () or (B,), float64. Features that are all zero have the cosine 0 with any.

    Raises:
        ReproductionError: the two do not agree on B or N.

    Example:
        >>> features = torch.tensor([[2.0, 0.0], [0.0, 3.0]])
        >>> float(embedding_similarity(torch.tensor([[0, 1], [1, 0]]), features))
        0.0
    """
    return _similarity("embedding_similarity", neighbors, features)


@torch.no_grad()
def modularity(neighbors: Tensor, mask: Tensor | None) -> Tensor | None:
    """Compute the modularity of a division of the nodes.

    Of the simple undirected graph of all pairs {i, neighbors[i, m]} of different nodes, with M
    edges: the sum over the parts of L / M - (d / 2M)^2, L edges inside and d ends of edges.

    Args:
        neighbors: (N, K) or (B, N, K), int64.
        mask: the part of each node, (N,) or (B, N): bool, object or not, or integers from 0; None
            where nobody knows the object.

    Returns:
        () or (B,), float64. 0 where all nodes are in one part, and of a graph without edges. None
        without a mask: that is no number to be averaged.

    Raises:
        ReproductionError: the two do not agree on B or N.

    Example:
        >>> two = torch.tensor([[0, 1], [1, 0], [2, 3], [3, 2]])
        >>> float(modularity(two, torch.tensor([True, True, False, False])))
        0.5
        >>> float(modularity(two, torch.tensor([True, True, True, True])))
        0.0
    """
    _check_type("modularity", "neighbors", neighbors, _INTEGERS)
    nodes = neighbors.shape[-2] if neighbors.dim() > 1 else 0
    _check("modularity", neighbors, nodes, nodes)
    if mask is None:
        return None
    _check_type("modularity", "mask", mask, _PARTS)
    if mask.shape != neighbors.shape[:-1]:
        raise ReproductionError(
            f"modularity: want a mask {tuple(neighbors.shape[:-1])}, one entry a node, got "
            f"{tuple(mask.shape)}"
        )
    if mask.numel() and (least := int(mask.min())) < 0:
        raise ReproductionError(f"modularity: want parts numbered from 0, got {least}")
    return Simple(neighbors).modularity(mask)


@torch.no_grad()
def all_pairs_distance(grid: Grid, keys: Grid | None = None) -> float:
    """Compute what ``spatial_distance`` is over all pairs, the level of chance.

    Args:
        grid: rows and columns of nodes.
        keys: as for ``spatial_distance``; without it a node makes no pair with itself.

    Example:
        >>> round(all_pairs_distance((14, 14)), 6)  # 28/3
        9.333333
    """
    _check_grid("all_pairs_distance", grid, keys or grid)
    cpu = torch.device("cpu")
    places, around = _places(grid, grid, cpu), _places(keys or grid, grid, cpu)
    total = (places[:, None] - around[None]).abs().sum()
    pairs = len(places) * len(around) - (len(places) if keys is None else 0)
    return float(total / pairs)


@torch.no_grad()
def all_pairs_similarity(features: Tensor) -> Tensor:
    """Compute the mean cosine over all pairs of different nodes, the level of chance.

    Args:
        features: (N, C) or (B, N, C), two nodes or more.

    Returns:
        () or (B,), float64.

    Example:
        >>> float(all_pairs_similarity(torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])))
        0.3333333333333333
    """
    return Cosines(features).of_all_pairs()


def object_patches(masks: Tensor, grid: Grid) -> Tensor:
    """Tell which patches have a pixel inside the object.

    Args:
        masks: (B, H, W), bool; H and W multiples of the grid's rows and columns.
        grid: rows and columns of patches.

    Returns:
        (B, N), bool.

    Raises:
        ReproductionError: the patches would not be equal.

    Example:
        >>> mask = torch.zeros(1, 4, 4, dtype=torch.bool)
        >>> mask[0, 3, 0] = True
        >>> object_patches(mask, (2, 2)).tolist()
        [[False, False, True, False]]
    """
    return patches_of(masks[:, None], grid).any(dim=-1)


def patches_of(images: Tensor, grid: Grid) -> Tensor:
    """Cut images into equal patches.

    Args:
        images: (B, C, H, W).
        grid: rows and columns of patches.

    Returns:
        (B, N, C x h x w), each patch flattened, channel by channel.

    Raises:
        ReproductionError: the patches would not be equal.
    """
    _check_grid("patches_of", grid)
    batch, channels, height, width = images.shape
    rows, columns = grid
    if height % rows or width % columns:
        raise ReproductionError(
            f"patches_of: want pixels in multiples of the grid {rows} x {columns}, got "
            f"{height} x {width}"
        )
    cut = images.reshape(batch, channels, rows, height // rows, columns, width // columns)
    return cut.permute(0, 2, 4, 1, 3, 5).reshape(batch, rows * columns, -1)


def _similarity(what: str, neighbors: Tensor, features: Tensor) -> Tensor:
    _check_type(what, "neighbors", neighbors, _INTEGERS)
    _check_type(what, "features", features, _REALS)
    if features.dim() != neighbors.dim() or features.shape[:-2] != neighbors.shape[:-2]:
        raise ReproductionError(
            f"{what}: want (N, K) and (N, C), or (B, N, K) and (B, N, C), got "
            f"{tuple(neighbors.shape)} and {tuple(features.shape)}"
        )
    nodes = features.shape[-2]
    _check(what, neighbors, nodes, nodes)
    return Cosines(features).mean(Edges(neighbors))


class Edges:
    """The edges of neighbor lists, for several statistics of one graph."""

    def __init__(self, neighbors: Tensor) -> None:
        """Read lists, (N, K) or (B, N, K), int64."""
        listed = neighbors[..., 1:]
        self.ends = listed.clamp(min=0)
        """Where each edge leads, (..., N, K - 1); anywhere, where there is none."""
        there = listed >= 0
        self._there = None if bool(there.all()) else there

    def mean(self, values: Tensor) -> Tensor:
        """Average over the edges there are: (..., N, K - 1) -> (...), float64; NaN without one."""
        if self._there is not None:
            total = values.where(self._there, 0.0).sum(dim=(-2, -1), dtype=torch.float64)
            return total / self._there.sum(dim=(-2, -1))
        return values.sum(dim=(-2, -1), dtype=torch.float64) / math.prod(values.shape[-2:])


class Cosines:
    """Cosines between nodes and what their neighbors are chosen from, for several graphs."""

    @torch.no_grad()
    def __init__(self, nodes: Tensor, keys: Tensor | None = None) -> None:
        """Prepare them.

        Args:
            nodes: (N, C) or (B, N, C).
            keys: (M, C) or (B, M, C), where neighbors are no nodes.
        """
        self._nodes = functional.normalize(nodes, dim=-1)
        self._keys = self._nodes if keys is None else functional.normalize(keys, dim=-1)
        largest = max(self._nodes.shape[-2], self._keys.shape[-2])
        dense = largest <= _MOST_DENSE
        self._table = self._nodes @ self._keys.transpose(-1, -2) if dense else None  # (..., N, M)

    @torch.no_grad()
    def mean(self, edges: Edges) -> Tensor:
        """Average over the edges of a graph, whose ends are keys: () or (B,), float64."""
        ends = edges.ends  # (..., N, K - 1)
        if self._table is not None:
            return edges.mean(self._table.gather(-1, ends))
        width = self._keys.shape[-1]
        rows = ends.flatten(-2)[..., None].expand(*ends.shape[:-2], -1, width)
        gathered = self._keys.gather(-2, rows).view(*ends.shape, width)  # (..., N, K - 1, C)
        return edges.mean((gathered * self._nodes[..., None, :]).sum(dim=-1))

    @torch.no_grad()
    def of_all_pairs(self) -> Tensor:
        """Average over all pairs of different nodes: () or (B,), float64."""
        units = self._nodes  # (..., N, C)
        together = (units.sum(dim=-2, dtype=torch.float64) ** 2).sum(dim=-1)
        itself = (units * units).sum(dim=(-2, -1), dtype=torch.float64)  # 1 each, unless it is zero
        nodes = units.shape[-2]
        return (together - itself) / (nodes * (nodes - 1))


class Simple:
    """The simple undirected graph of neighbor lists, for several divisions of its nodes.

    Each pair {i, neighbors[i, m]} of different nodes is an edge once, found by sorting: N K
    numbers an image, where a table of all pairs would have N N.
    """

    @torch.no_grad()
    def __init__(self, neighbors: Tensor) -> None:
        """Read lists, (N, K) or (B, N, K), int64."""
        nodes = neighbors.shape[-2]
        self._shape = neighbors.shape[:-2]
        lists = neighbors.reshape(-1, nodes, neighbors.shape[-1])
        itself = torch.arange(nodes, device=lists.device)[:, None]  # (N, 1)
        codes = torch.minimum(lists, itself) * nodes + torch.maximum(lists, itself)
        none = nodes * nodes
        codes = codes.where((lists >= 0) & (lists != itself), none).flatten(1).sort(dim=1).values
        again = functional.pad(codes[:, 1:] == codes[:, :-1], (1, 0))
        self._is_edge = (codes < none) & ~again  # (B, N K)
        codes = codes.clamp(max=none - 1)
        self._ends = torch.cat((codes // nodes, codes % nodes), dim=1)  # (B, 2 N K)

    @torch.no_grad()
    def modularity(self, parts: Tensor) -> Tensor:
        """Compute the modularity of a division, (N,) or (B, N): () or (B,), float64."""
        parts = parts.reshape(-1, parts.shape[-1]).long()
        its = parts.gather(1, self._ends)  # (B, 2 N K)
        one, other = its.chunk(2, dim=1)
        edges = self._is_edge.sum(dim=1).double()  # (B,), M
        inside = (self._is_edge & (one == other)).sum(dim=1).double()  # L of all parts
        counted = self._is_edge.double().repeat(1, 2)
        ends = counted.new_zeros(len(parts), int(parts.max()) + 1).scatter_add(1, its, counted)
        found = inside / edges - ((ends / (2 * edges[:, None])) ** 2).sum(dim=1)
        return found.where(edges > 0, 0.0).reshape(self._shape)


def _places(grid: Grid, over: Grid, device: torch.device) -> Tensor:
    """Give row and column of every node of a grid, in nodes of another grid: (N, 2), float64."""
    axes = []
    for count, fine in zip(grid, over, strict=True):
        step = fine / count
        at = torch.arange(count, dtype=torch.float64, device=device)
        axes.append((at + 0.5) * step - 0.5)
    rows, columns = torch.meshgrid(*axes, indexing="ij")
    return torch.stack((rows.flatten(), columns.flatten()), dim=-1)


def _size(grid: Grid) -> int:
    return grid[0] * grid[1]


def _check_type(what: str, name: str, given: object, wanted: set[torch.dtype]) -> None:
    """Refuse what torch would refuse in its own words, or round in silence."""
    if isinstance(given, Tensor) and given.dtype in wanted:
        return
    found = given.dtype if isinstance(given, Tensor) else type(given).__name__
    kinds = " or ".join(sorted(str(kind).removeprefix("torch.") for kind in wanted))
    raise ReproductionError(f"{what}: want {name} as a tensor of {kinds}, got {found}; convert it")


def _check_grid(what: str, *grids: Grid) -> None:
    for grid in grids:
        is_pair = isinstance(grid, tuple | list) and len(grid) == 2  # noqa: PLR2004 - of sides
        if not is_pair or not all(isinstance(side, int) and side > 0 for side in grid):
            raise ReproductionError(f"{what}: want a grid as (rows, columns), got {grid!r}")


def _check(what: str, neighbors: Tensor, nodes: int, keys: int) -> None:
    _check_type(what, "neighbors", neighbors, _INTEGERS)
    if neighbors.dim() not in {2, 3} or neighbors.shape[-2] != nodes:
        raise ReproductionError(
            f"{what}: want neighbors ({nodes}, K) or (B, {nodes}, K), got {tuple(neighbors.shape)}"
        )
    if neighbors.numel() and not -1 <= int(neighbors.min()) <= int(neighbors.max()) < keys:
        raise ReproductionError(
            f"{what}: want indices from 0 to {keys - 1}, or -1 for none, got "
            f"{int(neighbors.min())} to {int(neighbors.max())}"
        )
