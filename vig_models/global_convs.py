"""Graph convolutions that also read the global features of a node's partition (G-GCN).

Paper: D. Parikh et al., "ClusterViG: Efficient Globally Aware Vision GNNs via Image
Partitioning", Section IV-A, Eq. 4, Table II.
Code: https://github.com/dhruvashp/ClusterViG@250b62a (read, not copied); the released models
use the max-relative kind only. Its linear layers are PyG's, which a profiler that hooks torch's
``nn.Linear`` does not see, and it scatters over a list of edges.

N is here the number of nodes of the whole batch, E that of edges.
"""

import copy
from collections.abc import Mapping
from types import MappingProxyType
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from vig_models.errors import ModelError
from vig_models.fast_graph import largest_row
from vig_models.pyg import Linear, scatter


class GroupedLinear(nn.Module):
    """A linear layer for each group of consecutive channels."""

    def __init__(self, in_channels: int, out_channels: int, groups: int) -> None:
        """Make the layers.

        Raises:
            ModelError: if the groups do not divide the channels.
        """
        super().__init__()
        if groups < 1 or in_channels % groups or out_channels % groups:
            raise ModelError(
                "GroupedLinear: want groups that divide the channels, "
                f"got {groups} for {in_channels} and {out_channels}"
            )
        self.parts = nn.ModuleList(
            Linear(in_channels // groups, out_channels // groups) for _ in range(groups)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map each group by itself: (N, in_channels) -> (N, out_channels)."""
        chunks = x.chunk(len(self.parts), dim=-1)
        return torch.cat([part(c) for part, c in zip(self.parts, chunks, strict=True)], dim=-1)


class NodeMLP(nn.Module):
    """A grouped linear layer, batch normalization over all nodes, GELU."""

    def __init__(self, in_channels: int, out_channels: int, groups: int) -> None:
        """Make the layers."""
        super().__init__()
        self.linear = GroupedLinear(in_channels, out_channels, groups)
        self.norm: nn.Module = nn.BatchNorm1d(out_channels)
        self.act = nn.GELU()

    def forward(self, x: Tensor) -> Tensor:
        """Map every row: (N, in_channels) -> (N, out_channels)."""
        return cast(Tensor, self.act(self.norm(self.linear(x))))

    @torch.no_grad()
    def fused(self) -> nn.Module:
        """Return a copy whose linear layers have taken in the normalization."""
        merged = copy.deepcopy(self)
        norm = cast(nn.BatchNorm1d, merged.norm)
        mean, variance = cast(Tensor, norm.running_mean), cast(Tensor, norm.running_var)
        scale = norm.weight / (variance + norm.eps).sqrt()
        shift = norm.bias - mean * scale
        parts = merged.linear.parts
        groups = zip(parts, scale.chunk(len(parts)), shift.chunk(len(parts)), strict=True)
        for part, group_scale, group_shift in groups:
            cast(Tensor, part.weight).mul_(group_scale[:, None])
            cast(Tensor, part.bias).mul_(group_scale).add_(group_shift)
        merged.norm = nn.Identity()
        return merged


class GlobalMaxRelativeConv(nn.Module):
    """G-MRGCN: MLP(x_v | max_u (x_u - x_v) | z')."""

    def __init__(self, channels: int, groups: int) -> None:
        """Make the update: 3C -> 2C."""
        super().__init__()
        self.vertex = NodeMLP(3 * channels, 2 * channels, groups)

    def forward(self, nodes: Tensor, aware: Tensor, edges: Tensor) -> Tensor:
        """Update every node: nodes (N, C), z' of each (N, C), edges (2, E) -> (N, 2C)."""
        neighbor, node = edges
        differences = nodes[neighbor] - nodes[node]  # (E, C)
        largest = scatter(differences, node, dim_size=len(nodes), reduce="max")  # (N, C)
        paired = torch.stack((nodes, largest), dim=2).flatten(1)  # (N, 2C), interleaved
        return cast(Tensor, self.vertex(torch.cat((paired, aware), dim=1)))


class FastGlobalMaxRelativeConv(GlobalMaxRelativeConv):
    """The same from ranks of neighbors; what all nodes of a partition share is mapped once."""

    def from_ranks(self, nodes: Tensor, centers: Tensor, owner: Tensor, ranks: Tensor) -> Tensor:
        """Update every node.

        Args:
            nodes: (N, C).
            centers: z' of every partition, (partitions, C).
            owner: partition of each node, (N,).
            ranks: neighbors of each node, (K, N).

        Returns:
            (N, 2C).
        """
        largest = largest_row(nodes, ranks) - nodes  # (N, C)
        paired = torch.stack((nodes, largest), dim=2).flatten(1)  # (N, 2C), interleaved
        parts = self.vertex.linear.parts
        if len(parts) > 1:  # a group may read both kinds of channels
            mapped = self.vertex.linear(torch.cat((paired, centers[owner]), dim=1))
        else:
            weight, bias = cast(Tensor, parts[0].weight), cast(Tensor, parts[0].bias)
            own, shared = torch.split(weight, [paired.shape[1], centers.shape[1]], dim=1)
            once = functional.linear(centers, shared, bias)  # (partitions, 2C)
            mapped = functional.linear(paired, own) + once[owner]
        return cast(Tensor, self.vertex.act(self.vertex.norm(mapped)))


class GlobalEdgeConv(nn.Module):
    """G-EdgeConv: max_u MLP(x_v | x_u - x_v | z')."""

    def __init__(self, channels: int, groups: int) -> None:
        """Make the messages: 3C -> 2C."""
        super().__init__()
        self.vertex = NodeMLP(3 * channels, 2 * channels, groups)

    def forward(self, nodes: Tensor, aware: Tensor, edges: Tensor) -> Tensor:
        """Update every node: nodes (N, C), z' of each (N, C), edges (2, E) -> (N, 2C)."""
        neighbor, node = edges
        read = (nodes[node], nodes[neighbor] - nodes[node], aware[node])
        messages = self.vertex(torch.cat(read, dim=1))  # (E, 2C)
        return cast(Tensor, scatter(messages, node, dim_size=len(nodes), reduce="max"))


class GlobalSAGEConv(nn.Module):
    """G-GraphSAGE: MLP(x_v | max_u MLP(x_u) | z')."""

    def __init__(self, channels: int, groups: int) -> None:
        """Make the map of the neighbors, C -> C, and the update, 3C -> 2C."""
        super().__init__()
        self.neighbor = NodeMLP(channels, channels, groups)
        self.vertex = NodeMLP(3 * channels, 2 * channels, groups)

    def forward(self, nodes: Tensor, aware: Tensor, edges: Tensor) -> Tensor:
        """Update every node: nodes (N, C), z' of each (N, C), edges (2, E) -> (N, 2C)."""
        neighbor, node = edges
        messages = self.neighbor(nodes[neighbor])  # (E, C), edge by edge as in the authors' code
        largest = scatter(messages, node, dim_size=len(nodes), reduce="max")
        return cast(Tensor, self.vertex(torch.cat((nodes, largest, aware), dim=1)))


class GlobalGINConv(nn.Module):
    """G-GIN: MLP((1 + eps) x_v + sum_u x_u + (1 + delta) z')."""

    def __init__(self, channels: int, groups: int) -> None:
        """Make the update, C -> 2C, and the two learned scalars, 0 at first."""
        super().__init__()
        self.eps = nn.Parameter(torch.zeros(1))
        self.delta = nn.Parameter(torch.zeros(1))
        self.vertex = NodeMLP(channels, 2 * channels, groups)

    def forward(self, nodes: Tensor, aware: Tensor, edges: Tensor) -> Tensor:
        """Update every node: nodes (N, C), z' of each (N, C), edges (2, E) -> (N, 2C)."""
        neighbor, node = edges
        total = scatter(nodes[neighbor], node, dim_size=len(nodes), reduce="sum")
        return cast(Tensor, self.vertex((1 + self.eps) * nodes + total + (1 + self.delta) * aware))


GLOBAL_CONVS: Mapping[str, type[nn.Module]] = MappingProxyType(
    {
        "edge": GlobalEdgeConv,
        "gin": GlobalGINConv,
        "max_relative": GlobalMaxRelativeConv,
        "sage": GlobalSAGEConv,
    }
)
"""Name in a config to the rows of Table II."""

FAST_GLOBAL_CONVS: Mapping[str, type[nn.Module]] = MappingProxyType(
    {**GLOBAL_CONVS, "max_relative": FastGlobalMaxRelativeConv}
)
"""The same in the fast form, where there is one."""
