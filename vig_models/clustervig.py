"""ClusterViG: k-nearest-neighbor graphs inside clusters, which attention tells of each other.

Paper: D. Parikh, J. Fein-Ashley, T. Ye, R. Kannan, V. Prasanna, "ClusterViG: Efficient Globally
Aware Vision GNNs via Image Partitioning", Section IV, Tables II and III.
Code: https://github.com/dhruvashp/ClusterViG@250b62a (read, not copied).
Deviations: the code subtracts the mean of an image's nodes before clustering, in place, so that
everything behind it works on centered nodes; it adds a position embedding; its two runs of
k-means draw random numbers in evaluation too. None of this is in the paper; we follow the
code. The sizes that the paper prints for S, B and B-dagger are not those of the released code
but fit the ``_g4`` variants, whose vertex layer has four groups and was never released.
An image's output depends on the seed and on the other images of the batch (see ``kmeans``).
"""

from collections import OrderedDict
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from vig_models.classifier import Classifier
from vig_models.errors import ModelError
from vig_models.fast_graph import neighbor_rows
from vig_models.fast_partitions import FastLloyd, knn_in_clusters
from vig_models.global_convs import (
    FAST_GLOBAL_CONVS,
    GLOBAL_CONVS,
    FastGlobalMaxRelativeConv,
)
from vig_models.graph import Graph
from vig_models.head import OFFICIAL_DISTILLED_NAMES, Head
from vig_models.kmeans import kmeans
from vig_models.layers import (
    FFN,
    ConditionalPositionEncoding,
    DrawingBlock,
    check_images,
    conv_bn,
    conv_stem,
    drop_path,
    initialize_convs,
    linear_schedule,
)
from vig_models.naming import Renames
from vig_models.partitions import complete_edges, knn_in_partitions, organize, padded_neighbors
from vig_models.pyg import GATv2Conv

LEAST_WIDTH = 64
"""Channels that no convolution of the stem goes below."""


@dataclass(frozen=True, kw_only=True)
class ClusterViGConfig:
    """One row of Table III."""

    depth: int  # n_b, blocks, each a Grapher then an FFN
    channels: int  # C
    grid: int = 14  # rows and columns of nodes
    partitions: int = 4  # kappa
    groups: int = 1  # of the linear layer that updates nodes
    neighbors: int = 9  # K in the first block; grows linearly to 2K in the last
    graph_conv: str = "max_relative"  # row of Table II: edge, max_relative, sage or gin
    num_classes: int = 1000
    in_chans: int = 3
    drop_path_rate: float = 0.0  # of the last block; grows linearly from 0
    implementation: str = "fast"  # or published: how, not what, is computed


VARIANTS = {  # Table III
    "clustervig_ti": ClusterViGConfig(depth=12, channels=192),
    "clustervig_s": ClusterViGConfig(depth=16, channels=320),
    "clustervig_b": ClusterViGConfig(depth=16, channels=640),
    "clustervig_b_hr": ClusterViGConfig(depth=16, channels=640, grid=28, partitions=6),
    "clustervig_s_g4": ClusterViGConfig(depth=16, channels=320, groups=4),
    "clustervig_b_g4": ClusterViGConfig(depth=16, channels=640, groups=4),
    "clustervig_b_hr_g4": ClusterViGConfig(depth=16, channels=640, grid=28, partitions=6, groups=4),
}

STEM_STRIDES = {14: (2, 2, 2, 2, 1), 28: (2, 2, 2, 1, 1)}
"""Rows of nodes to the strides that make them of 224 pixels."""

_VERTEX = "graphconv.layer.nn_vertex.layer."
OFFICIAL_NAMES: Renames = (
    ("stem.", "stem.convs."),
    *(
        pair
        for block in range(max(config.depth for config in VARIANTS.values()))
        for pair in (  # the authors number Graphers and FFNs in one row
            (
                f"backbone.{block}.grapher.graph_conv.vertex.linear.parts.",
                f"backbone.{2 * block}.{_VERTEX}lins.0.head_list.",
            ),
            (
                f"backbone.{block}.grapher.graph_conv.vertex.norm.",
                f"backbone.{2 * block}.{_VERTEX}norms.0.module.",
            ),
            (
                f"backbone.{block}.grapher.centers.",
                f"backbone.{2 * block}.graphconv.layer.nn_centroids.layer.layer.",
            ),
            (f"backbone.{block}.grapher.", f"backbone.{2 * block}."),
            (f"backbone.{block}.ffn.", f"backbone.{2 * block + 1}."),
        )
    ),
    *OFFICIAL_DISTILLED_NAMES,
)
"""Prefixes of our state-dict entries and of the authors'."""


class Grapher(nn.Module):
    """Dynamic Efficient Graph Convolution (DEGC) between two linear layers, around a residual."""

    global_convs = GLOBAL_CONVS

    def __init__(self, config: ClusterViGConfig, num_neighbors: int, drop_path_rate: float) -> None:
        """Make a Grapher whose nodes have up to ``num_neighbors`` neighbors."""
        super().__init__()
        channels = config.channels
        self.num_neighbors = num_neighbors
        self.num_partitions = config.partitions
        self.cpe = ConditionalPositionEncoding(channels)
        self.fc1 = conv_bn(channels, channels)
        self.centers = GATv2Conv(channels, channels, add_self_loops=False)  # Eq. 2 and 3
        self.graph_conv = self.global_convs[config.graph_conv](channels, config.groups)
        self.fc2 = conv_bn(2 * channels, channels)
        self.drop_path = drop_path(drop_path_rate)

    def search(
        self, x: Tensor, generator: torch.Generator | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Center and cluster the nodes of a block's input.

        Args:
            x: (B, C, H, W).
            generator: where k-means draws from.

        Returns:
            Centered nodes, (B, N, C), the cluster of each, (B, N), and the means of the
            clusters, (B, kappa, C).
        """
        nodes = self.fc1(self.cpe(x)).flatten(2).transpose(1, 2)  # (B, N, C)
        with torch.no_grad():  # so that no gradient sees it, as in the authors' code
            nodes -= nodes.mean(dim=1, keepdim=True)
        return nodes, *self.cluster(nodes, generator)

    def cluster(self, nodes: Tensor, generator: torch.Generator | None) -> tuple[Tensor, Tensor]:
        """Cluster nodes, (B, N, C): the cluster of each, (B, N), and the means, (B, kappa, C)."""
        return kmeans(nodes, self.num_partitions, generator)

    def graph(self, nodes: Tensor, labels: Tensor, centers: Tensor) -> Graph:
        """Work out the graph in clusters, as ``update`` does: (B, N, C), (B, N), (B, kappa, C)."""
        neighbors = self.neighbors(nodes, labels)  # (B, N, K)
        features = nodes.transpose(1, 2)  # (B, C, N)
        return Graph(nodes=features, keys=features, neighbors=neighbors, partitions=labels)

    def neighbors(self, nodes: Tensor, labels: Tensor) -> Tensor:
        """Find the neighbors of each node, (B, N, K), -1 for want of more in its cluster."""
        order = organize(labels, self.num_partitions)
        edges = knn_in_partitions(nodes, labels, order, self.num_neighbors)
        return padded_neighbors(edges, order, self.num_neighbors)

    def forward(self, x: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Update every node from its neighbors and all clusters: (B, C, H, W) -> the same."""
        nodes, labels, centers = self.search(x, generator)
        updated = self.update(nodes, labels, centers)  # (B, N, 2C)
        as_map = updated.transpose(1, 2).reshape(len(x), -1, *x.shape[2:])  # (B, 2C, H, W)
        return cast(Tensor, self.drop_path(self.fc2(as_map)) + x)

    def update(self, nodes: Tensor, labels: Tensor, centers: Tensor) -> Tensor:
        """Update the nodes of each image (Eq. 2 to 4).

        Args:
            nodes: (B, N, C).
            labels: cluster of each node, (B, N).
            centers: (B, kappa, C).

        Returns:
            (B, N, 2C).
        """
        images, num_nodes, channels = nodes.shape
        order = organize(labels, self.num_partitions)  # (B, N)
        edges = knn_in_partitions(nodes, labels, order, self.num_neighbors)  # (2, E)
        image = torch.arange(images, device=nodes.device)[:, None]
        organized = nodes[image, order].reshape(-1, channels)  # (B * N, C)
        aware = self.centers(centers.flatten(0, 1), complete_edges(images, centers))
        owner = (image * self.num_partitions + labels[image, order]).flatten()  # (B * N,)
        updated = self.graph_conv(organized, aware[owner], edges)  # (B * N, 2C)
        restored = torch.empty_like(updated).view(images, num_nodes, -1)
        restored[image, order] = updated.view(images, num_nodes, -1)
        return restored


class FastGrapher(Grapher):
    """The same by products of matrices, nodes staying in their order.

    Clusters and neighbors are decided in single precision at least, whatever autocast says: with
    less, next to every decision would be a close one.
    """

    global_convs = FAST_GLOBAL_CONVS

    def cluster(self, nodes: Tensor, generator: torch.Generator | None) -> tuple[Tensor, Tensor]:
        """Cluster nodes, (B, N, C): the cluster of each, (B, N), and the means, (B, kappa, C)."""
        with _whole_precision(nodes):
            labels, centers = kmeans(
                _at_least_single(nodes), self.num_partitions, generator, form=FastLloyd
            )
        return labels, centers.to(nodes.dtype)

    def neighbors(self, nodes: Tensor, labels: Tensor) -> Tensor:
        """Find the neighbors of each node, (B, N, K), -1 for want of more in its cluster."""
        with _whole_precision(nodes):
            return knn_in_clusters(_at_least_single(nodes), labels, self.num_neighbors)

    def update(self, nodes: Tensor, labels: Tensor, centers: Tensor) -> Tensor:
        """Update the nodes: (B, N, C), (B, N), (B, kappa, C) -> (B, N, 2C)."""
        neighbors = self.neighbors(nodes, labels)  # (B, N, K)
        filled = neighbors.where(neighbors >= 0, neighbors[..., :1])
        rows, ranks = neighbor_rows(nodes.transpose(1, 2), filled)  # (B * N, C), (K, B * N)
        first = torch.arange(0, labels.shape[0] * self.num_partitions, self.num_partitions)
        owner = (labels + first.to(labels)[:, None]).flatten()  # (B * N,)
        aware = self.attend(centers).flatten(0, 1)  # (B * kappa, C)
        if isinstance(self.graph_conv, FastGlobalMaxRelativeConv):
            updated = self.graph_conv.from_ranks(rows, aware, owner, ranks)
        else:
            known = (neighbors >= 0).permute(2, 0, 1).flatten(1)  # (K, B * N)
            node = torch.arange(len(rows), device=rows.device).expand_as(ranks)
            edges = torch.stack((ranks[known], node[known]))  # (2, E)
            updated = self.graph_conv(rows, aware[owner], edges)
        return updated.view(*labels.shape, -1)

    def attend(self, centers: Tensor) -> Tensor:
        """Let the centers of each image attend to each other: (B, kappa, C) -> the same.

        GATv2 over a complete graph is dense; the weights are those of PyG's layer.
        """
        layer = self.centers
        source, target = layer.lin_l(centers), layer.lin_r(centers)
        pairs = functional.leaky_relu(target[:, :, None] + source[:, None], layer.negative_slope)
        shares = (pairs * layer.att[0]).sum(dim=-1).softmax(dim=-1)  # (B, kappa, kappa)
        return cast(Tensor, shares @ source + layer.bias)


def _whole_precision(nodes: Tensor) -> torch.autocast:
    """Keep autocast away; there is none on the meta device, which computes nothing."""
    return torch.autocast("cpu" if nodes.is_meta else nodes.device.type, enabled=False)


def _at_least_single(nodes: Tensor) -> Tensor:
    return nodes.to(torch.promote_types(nodes.dtype, torch.float32))


GRAPHERS = {"published": Grapher, "fast": FastGrapher}


class ClusterViG(Classifier):
    """Stem, blocks of Grapher and FFN at one resolution, two heads."""

    def __init__(self, config: ClusterViGConfig) -> None:
        """Build and initialize the model that ``config`` describes.

        Raises:
            ModelError: for a grid that the stem cannot make or an unknown graph convolution.
        """
        super().__init__()
        _check(config)
        self.config = config
        channels = config.channels
        narrow = (max(channels // 2**power, LEAST_WIDTH) for power in (3, 2, 1, 0))
        self.stem = conv_stem(config.in_chans, (*narrow, channels), STEM_STRIDES[config.grid])
        self.pos_embed = nn.Parameter(torch.zeros(1, channels, config.grid, config.grid))
        self.backbone = _backbone(config)
        self.head = Head(channels, config.num_classes, distilled=True)
        initialize_convs(self)

    def embed(self, images: Tensor) -> Tensor:
        """Make the nodes: (B, in_chans, 224, 224) -> (B, C, H, W).

        Raises:
            ModelError: for images of another shape.
        """
        check_images(images, self.config.in_chans)
        return cast(Tensor, self.stem(images) + self.pos_embed)


Model = ClusterViG
"""What ``create_model`` builds."""


def _check(config: ClusterViGConfig) -> None:
    if config.grid not in STEM_STRIDES:
        raise ModelError(f"ClusterViG: want a grid of 14 or 28, got {config.grid}")
    if config.graph_conv not in GLOBAL_CONVS:
        raise ModelError(
            f"ClusterViG: want a graph_conv out of {', '.join(GLOBAL_CONVS)}, "
            f"got {config.graph_conv!r}"
        )


def _backbone(config: ClusterViGConfig) -> nn.Sequential:
    """Make the blocks; each has its own K and drop rate."""
    neighbors = linear_schedule(config.neighbors, 2 * config.neighbors, config.depth)
    rates = linear_schedule(0.0, config.drop_path_rate, config.depth)
    grapher = GRAPHERS[config.implementation]
    return nn.Sequential(
        OrderedDict(
            (str(index), DrawingBlock(grapher(config, int(k), rate), FFN(config.channels, rate)))
            for index, (k, rate) in enumerate(zip(neighbors, rates, strict=True))
        )
    )
