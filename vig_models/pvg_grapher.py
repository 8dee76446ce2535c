"""What mixes the nodes of PVG: a branch that reads surroundings beside one that builds a graph.

The paper and the code that pvg.py names; deviations stand there.
"""

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from vig_models import fast_graph
from vig_models.graph import Graph, dilated_knn, gather_centers, gather_nodes
from vig_models.graph_convs import GROUPS
from vig_models.layers import conv_bn

NEIGHBORS, DILATION = 9, 2
"""K, and what is skipped between neighbors, in every block."""


class GraphLU(nn.Module):
    """GELU with a learned width: x (1 + erf(x / (sqrt 2 + sigma))) / 2 (Section 3.3)."""

    def __init__(self) -> None:
        """Make the activation; sigma starts at the square root of 2."""
        super().__init__()
        self.sigma = nn.Parameter(torch.full((1,), 2.0).sqrt())

    def forward(self, x: Tensor) -> Tensor:
        """Activate element by element."""
        return 0.5 * x * (1 + torch.erf(x / (2**0.5 + self.sigma)))


class FastGraphLU(GraphLU):
    """The same as a scaled GELU, which is one operation."""

    def forward(self, x: Tensor) -> Tensor:
        """Activate element by element."""
        narrowing = 2**0.5 / (2**0.5 + self.sigma)
        return functional.gelu(x * narrowing) / narrowing


class LocalBranch(nn.Module):
    """A linear layer and a 3 x 3 depthwise convolution, twice as wide."""

    def __init__(self, channels: int) -> None:
        """Make the branch for ``channels`` channels."""
        super().__init__()
        self.linear = nn.Conv2d(channels, 2 * channels, kernel_size=1, bias=False)
        self.depthwise = _depthwise(2 * channels)
        self.act = nn.GELU()

    def forward(self, x: Tensor) -> Tensor:
        """Read the surroundings of every position: (B, s, H, W) -> (B, 2s, H, W)."""
        return cast(Tensor, self.act(self.depthwise(self.linear(x))))


class DynamicBranch(nn.Module):
    """MaxE: mean and largest difference over the nearest nodes (Section 3.2)."""

    find_neighbors = staticmethod(dilated_knn)
    act: type[GraphLU] = GraphLU

    def __init__(self, channels: int, reduction: int) -> None:
        """Make the branch for ``channels`` channels, keys pooled by ``reduction``."""
        super().__init__()
        self.reduction = reduction
        self.update = conv_bn(3 * channels, channels, groups=GROUPS).append(self.act())

    def search(self, x: Tensor) -> Graph:
        """Find the neighbors of every node of (B, d, H, W)."""
        keys = functional.avg_pool2d(x, self.reduction, self.reduction)  # also by 1, as there
        nodes, keys = x.flatten(2), keys.flatten(2)  # (B, d, N), (B, d, M)
        neighbors = self.find_neighbors(nodes, keys, NEIGHBORS, DILATION)
        return Graph(nodes=nodes, keys=keys, neighbors=neighbors)

    def forward(self, x: Tensor, graph: Graph) -> Tensor:
        """Update every node from its neighbors in ``search(x)``: (B, d, H, W) -> the same."""
        centers = gather_centers(graph.nodes, graph.neighbors)  # (B, d, N, K)
        around = gather_nodes(graph.keys, graph.neighbors)  # (B, d, N, K)
        largest = torch.max(around - centers, dim=-1).values  # (B, d, N)
        read = torch.cat((graph.nodes, around.mean(dim=-1), largest), dim=1)  # (B, 3d, N)
        return cast(Tensor, self.update(read[..., None]).view_as(x))


class FastDynamicBranch(DynamicBranch):
    """The same, reading each neighbor once, for the mean and for the largest difference."""

    find_neighbors = staticmethod(fast_graph.dilated_knn)
    act = FastGraphLU

    def search(self, x: Tensor) -> Graph:
        """Find the neighbors of every node of (B, d, H, W)."""
        if self.reduction > 1:
            return super().search(x)
        nodes = x.flatten(2)  # (B, d, N)
        neighbors = self.find_neighbors(nodes, nodes, NEIGHBORS, DILATION)
        return Graph(nodes=nodes, keys=nodes, neighbors=neighbors)

    def forward(self, x: Tensor, graph: Graph) -> Tensor:
        """Update every node from its neighbors in ``search(x)``: (B, d, H, W) -> the same."""
        nodes = graph.nodes.transpose(1, 2)  # (B, N, d)
        mean, largest = fast_graph.mean_and_largest_row(
            *fast_graph.neighbor_rows(graph.keys, graph.neighbors)
        )
        read = torch.cat((nodes, mean.view_as(nodes), largest.view_as(nodes) - nodes), dim=-1)
        return cast(Tensor, self.update(read.view(len(x), *x.shape[2:], -1).permute(0, 3, 1, 2)))


class Grapher(nn.Module):
    """Both branches side by side, mixed by a depthwise and a linear layer."""

    def __init__(self, channels: int, dynamic: int, reduction: int, implementation: str) -> None:
        """Make a Grapher whose last ``dynamic`` channels form the graph."""
        super().__init__()
        self.split = [channels - dynamic, dynamic]
        mixed = 2 * (channels - dynamic) + dynamic
        self.local = LocalBranch(channels - dynamic)
        branch = DynamicBranch if implementation == "published" else FastDynamicBranch
        self.dynamic = branch(dynamic, reduction)
        self.enhance = _depthwise(mixed)
        self.proj = nn.Conv2d(mixed, channels, kernel_size=1)

    def search(self, x: Tensor) -> tuple[Tensor, Tensor, Graph]:
        """Split (B, H, W, C) into (B, C - d, H, W) and (B, d, H, W), and connect the nodes."""
        local, dynamic = self._branches(x)
        return local, dynamic, self.dynamic.search(dynamic)

    def graph(self, _local: Tensor, _dynamic: Tensor, graph: Graph) -> Graph:
        """Return the graph among what ``search`` returns."""
        return graph

    def forward(self, x: Tensor) -> Tensor:
        """Compute the update of every node: (B, H, W, C) -> (B, H, W, C)."""
        local, dynamic, graph = self.search(x)
        mixed = torch.cat((self.local(local), self.dynamic(dynamic, graph)), dim=1)
        update = self.proj(mixed + self.enhance(mixed))  # (B, C, H, W)
        return cast(Tensor, update.permute(0, 2, 3, 1).contiguous())

    def _branches(self, x: Tensor) -> list[Tensor]:
        """Split the channels; each part lies channel first in memory, as in the authors' code."""
        parts = torch.split(x.permute(0, 3, 1, 2), self.split, dim=1)
        return [part.contiguous() for part in parts]


def _depthwise(channels: int) -> nn.Conv2d:
    return nn.Conv2d(channels, channels, kernel_size=3, padding=1, groups=channels, bias=False)
