"""Graph convolutions over given neighbors: the four that Vision GNNs choose from.

Source: https://github.com/huawei-noah/Efficient-AI-Backbones@f90e129,
vig_pytorch/gcn_lib/torch_vertex.py (read, not copied), of K. Han et al., "Vision GNN: An Image is
Worth Graph of Nodes", arXiv:2206.00272: each MLP is one linear layer in four groups, BatchNorm
and GELU. The same four stand in Table I of the ClusterViG paper. The variants use the
max-relative one.

As in ``graph``, these run the operations that the authors' code runs, because papers timed that;
what is named fast is our formulation, equal in value.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import cast

import torch
from torch import Tensor, nn

from vig_models.errors import ModelError, did_you_mean
from vig_models.fast_graph import max_relative_rows
from vig_models.graph import gather_centers, gather_nodes, max_relative
from vig_models.layers import conv_bn
from vig_models.naming import Renames

GROUPS = 4
"""Groups of channels in every linear layer."""

OFFICIAL_NAMES: Renames = (
    ("graph_conv.update.", "graph_conv.gconv.nn."),
    ("graph_conv.neighbor.", "graph_conv.gconv.nn1."),  # GraphSAGE has two
    ("graph_conv.combine.", "graph_conv.gconv.nn2."),
    ("graph_conv.eps", "graph_conv.gconv.eps"),
)
"""Prefixes inside a Grapher: of our state-dict entries and of the authors'."""


class MaxRelativeConv(nn.Module):
    """MRConv: MLP(x_i | max_j (x_j - x_i)) (ViG, Section 3.1)."""

    def __init__(self, channels: int) -> None:
        """Make the update of nodes with ``channels`` features: 2C -> 2C in four groups."""
        super().__init__()
        self.update = _mlp(2 * channels, 2 * channels)

    def forward(self, x: Tensor, keys: Tensor, neighbors: Tensor) -> Tensor:
        """Aggregate the neighbors of each node and update it.

        Args:
            x: nodes as a map, (B, C, H, W).
            keys: nodes that may be neighbors, as a map of M positions.
            neighbors: (B, N, K), into the keys.

        Returns:
            (B, 2C, H, W).
        """
        nodes = x.flatten(2)  # (B, C, N)
        relative = max_relative(nodes, keys.flatten(2), neighbors)  # (B, C, N)
        # Interleaved, so that each of the four groups sees both halves of its channels.
        paired = torch.stack((nodes, relative), dim=2).flatten(1, 2)  # (B, 2C, N)
        return _as_map(self.update(paired.unsqueeze(-1)), x)


class FastMaxRelativeConv(MaxRelativeConv):
    """The same, reading neighbors only and working on rows, which are channel-last maps."""

    def forward(self, x: Tensor, keys: Tensor, neighbors: Tensor) -> Tensor:
        """Aggregate the neighbors of each node and update it: (B, C, H, W) -> (B, 2C, H, W)."""
        nodes = x.flatten(2).transpose(1, 2)  # (B, N, C)
        relative = max_relative_rows(nodes, keys.flatten(2), neighbors)  # (B, N, C)
        paired = torch.stack((nodes, relative), dim=-1).flatten(2)  # (B, N, 2C), interleaved
        return cast(Tensor, self.update(paired.view(len(x), *x.shape[2:], -1).permute(0, 3, 1, 2)))


class EdgeConv(nn.Module):
    """EdgeConv: max_j MLP(x_i | x_j - x_i); forward as ``MaxRelativeConv``."""

    def __init__(self, channels: int) -> None:
        """Make the map of each edge: 2C -> 2C in four groups."""
        super().__init__()
        self.update = _mlp(2 * channels, 2 * channels)

    def forward(self, x: Tensor, keys: Tensor, neighbors: Tensor) -> Tensor:
        """Aggregate the edges of each node: (B, C, H, W) -> (B, 2C, H, W)."""
        centers = gather_centers(x.flatten(2), neighbors)  # (B, C, N, K)
        around = gather_nodes(keys.flatten(2), neighbors)  # (B, C, N, K)
        edges = self.update(torch.cat((centers, around - centers), dim=1))  # (B, 2C, N, K)
        return _as_map(torch.max(edges, dim=-1, keepdim=True).values, x)


class SAGEConv(nn.Module):
    """GraphSAGE: MLP(x_i | max_j MLP(x_j)); forward as ``MaxRelativeConv``."""

    def __init__(self, channels: int) -> None:
        """Make the map of the neighbors, C -> C, and the update, 2C -> 2C."""
        super().__init__()
        self.neighbor = _mlp(channels, channels)
        self.combine = _mlp(2 * channels, 2 * channels)

    def forward(self, x: Tensor, keys: Tensor, neighbors: Tensor) -> Tensor:
        """Aggregate the mapped neighbors of each node: (B, C, H, W) -> (B, 2C, H, W)."""
        around = self.neighbor(gather_nodes(keys.flatten(2), neighbors))  # (B, C, N, K)
        largest = torch.max(around, dim=-1, keepdim=True).values  # (B, C, N, 1)
        read = torch.cat((x.flatten(2)[..., None], largest), dim=1)  # (B, 2C, N, 1)
        return _as_map(self.combine(read), x)


class GINConv(nn.Module):
    """GIN: MLP((1 + eps) x_i + sum_j x_j); forward as ``MaxRelativeConv``."""

    def __init__(self, channels: int) -> None:
        """Make the update, C -> 2C, and the learned scalar, 0 at first."""
        super().__init__()
        self.eps = nn.Parameter(torch.zeros(1))
        self.update = _mlp(channels, 2 * channels)

    def forward(self, x: Tensor, keys: Tensor, neighbors: Tensor) -> Tensor:
        """Add up the neighbors of each node: (B, C, H, W) -> (B, 2C, H, W)."""
        around = gather_nodes(keys.flatten(2), neighbors)  # (B, C, N, K)
        total = around.sum(dim=-1, keepdim=True)  # (B, C, N, 1)
        return _as_map(self.update((1 + self.eps) * x.flatten(2)[..., None] + total), x)


GRAPH_CONVS: Mapping[str, type[nn.Module]] = MappingProxyType(
    {"edge": EdgeConv, "gin": GINConv, "max_relative": MaxRelativeConv, "sage": SAGEConv}
)
"""Name in a config to the convolution."""

FAST_GRAPH_CONVS: Mapping[str, type[nn.Module]] = MappingProxyType(
    {**GRAPH_CONVS, "max_relative": FastMaxRelativeConv}
)
"""The same in the fast form, where there is one."""


def make_graph_conv(kind: str, channels: int, implementation: str) -> nn.Module:
    """Make the convolution that a config names.

    Raises:
        ModelError: there is no such kind, or the groups do not divide the channels.
    """
    if kind not in GRAPH_CONVS:
        guess = did_you_mean(str(kind), GRAPH_CONVS)
        raise ModelError(
            f"create_model: want a graph_conv out of {', '.join(GRAPH_CONVS)}, got {kind!r}"
            + (f";{guess}" if guess else "")
        )
    forms = GRAPH_CONVS if implementation == "published" else FAST_GRAPH_CONVS
    return forms[kind](channels)


def _mlp(in_channels: int, out_channels: int) -> nn.Sequential:
    if in_channels % GROUPS or out_channels % GROUPS:
        raise ModelError(
            f"create_model: want channels that {GROUPS} groups divide in every linear layer of "
            f"graph_conv, got {in_channels} to {out_channels}"
        )
    return conv_bn(in_channels, out_channels, groups=GROUPS).append(nn.GELU())


def _as_map(nodes: Tensor, like: Tensor) -> Tensor:
    """Lay nodes, (B, C, N, 1), out as the map ``like``."""
    return nodes.reshape(*nodes.shape[:2], *like.shape[2:])
