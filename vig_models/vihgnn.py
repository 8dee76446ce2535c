"""ViHGNN and Pyramid ViHGNN: hyperedges from fuzzy c-means instead of nearest neighbors.

Paper: Y. Han, P. Wang, S. Kundu, Y. Ding, Z. Wang, "Vision HGNN: An Image is More than a Graph
of Nodes", ICCV 2023, Section 3, Tables 1 and 2.
Code: https://github.com/VITA-Group/ViHGNN@25c2885, assets/vihg.py, assets/pyramid_vihg.py and
assets/gcn_lib (read, not copied); the only commit whose forward pass runs.
Deviations: the paper sums over hyperedges above a threshold and adds features of their
centers; the code averages and does not read the centers, and its lists are padded with the
last node or hyperedge, which therefore enters averages it is no part of. We follow the code.
The pyramid keeps the position tables of Pyramid ViG and pools its keys, and uses neither.
Parameter counts are those of this code; no released code has those that the paper prints.
An image's output depends on the seed and on the other images of the batch, also in evaluation
(see ``fuzzy_c_means`` and ``hyperedges``). On CUDA the authors cluster in float16.
"""

from dataclasses import dataclass
from itertools import islice
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from vig_models.classifier import Classifier
from vig_models.errors import ModelError
from vig_models.fuzzy_c_means import fuzzy_c_means, hyperedges, padded_lists, sorted_lists
from vig_models.graph import Graph, gather_nodes, relative_position_table
from vig_models.head import Head
from vig_models.layers import (
    FFN,
    IMAGE_SIZE,
    DrawingBlock,
    check_images,
    conv_bn,
    conv_stem,
    drop_path,
    initialize_convs,
    linear_schedule,
)
from vig_models.naming import Renames

GRIDS = tuple(IMAGE_SIZE // stride for stride in (4, 8, 16, 32))
"""Rows and columns of the node map in each stage of the pyramid."""

GRID = IMAGE_SIZE // 16
"""Rows and columns of the node map of the isotropic form."""

OFFICIAL_NAMES: Renames = (
    ("stem.", "stem.convs."),
    (
        "backbone.{}.grapher.graph_conv.to_hyperedges.",
        "backbone.{}.0.graph_conv.gconv.nn_node_to_hyperedge.",
    ),
    (
        "backbone.{}.grapher.graph_conv.to_nodes.",
        "backbone.{}.0.graph_conv.gconv.nn_hyperedge_to_node.",
    ),
    ("backbone.{}.grapher.graph_conv.", "backbone.{}.0.graph_conv.gconv."),
    ("backbone.{}.grapher.", "backbone.{}.0."),
    ("backbone.{}.ffn.", "backbone.{}.1."),
    ("backbone.{}.", "backbone.{}.conv."),  # downsampling
    ("head.fc.", "prediction.4."),
    ("head.hidden.", "prediction."),
)
"""Prefixes of our state-dict entries and of the authors'."""


@dataclass(frozen=True, kw_only=True)
class ViHGNNConfig:
    """One variant; tuples of one entry are isotropic, of four a pyramid."""

    channels: tuple[int, ...]  # C
    depths: tuple[int, ...]  # blocks, each a Grapher then an FFN
    hyperedges: tuple[int, int] = (25, 25)  # E in the first and in the last block, linear between
    reductions: tuple[int, ...] = (4, 2, 1, 1)  # side of the pooling that nothing reads
    num_classes: int = 1000
    in_chans: int = 3
    drop_path_rate: float = 0.0  # of the last block; grows linearly from 0
    implementation: str = "fast"  # or published: how, not what, is computed


def _isotropic(depth: int, channels: int) -> ViHGNNConfig:
    return ViHGNNConfig(channels=(channels,), depths=(depth,), hyperedges=(25, 50))


VARIANTS = {  # Tables 1 and 2
    "vihgnn_ti": _isotropic(12, 192),
    "vihgnn_s": _isotropic(16, 320),
    "vihgnn_b": _isotropic(16, 640),
    "pvihgnn_ti": ViHGNNConfig(channels=(48, 96, 240, 384), depths=(2, 2, 6, 2)),
    "pvihgnn_s": ViHGNNConfig(channels=(80, 160, 400, 640), depths=(2, 2, 6, 2)),
    "pvihgnn_m": ViHGNNConfig(channels=(96, 192, 384, 768), depths=(2, 2, 16, 2)),
    "pvihgnn_b": ViHGNNConfig(channels=(128, 256, 512, 1024), depths=(2, 2, 18, 2)),
}


class HypergraphConv(nn.Module):
    """Messages from nodes to hyperedges and back."""

    def __init__(self, channels: int) -> None:
        """Make the updates, C -> C of a hyperedge and C -> 2C of a node, in four groups each."""
        super().__init__()
        self.to_hyperedges = conv_bn(channels, channels, groups=4).append(nn.GELU())
        self.to_nodes = conv_bn(channels, 2 * channels, groups=4).append(nn.GELU())
        self.eps = nn.Parameter(torch.zeros(1))

    def forward(self, nodes: Tensor, joined: Tensor, read: Tensor) -> Tensor:
        """Update every node.

        Args:
            nodes: (B, C, N).
            joined: which nodes each hyperedge averages, (B, N, E), bool.
            read: which hyperedges each node averages, (B, N, E), bool.

        Returns:
            (B, 2C, N).
        """
        members = padded_lists(joined.transpose(1, 2))  # (B, E, P)
        averaged = gather_padded(nodes, members).mean(dim=-1)  # (B, C, E)
        edges = self.to_hyperedges(averaged[..., None])[..., 0]  # (B, C, E)
        received = gather_padded(edges, padded_lists(read)).mean(dim=-1)  # (B, C, N)
        mixed = (1 + self.eps) * nodes + received
        return cast(Tensor, self.to_nodes(mixed[..., None])[..., 0])


class FastHypergraphConv(HypergraphConv):
    """The same with masks as matrices in place of lists, on rows, which are channel-last maps."""

    def forward(self, nodes: Tensor, joined: Tensor, read: Tensor) -> Tensor:
        """Update every node: (B, C, N), twice (B, N, E) -> (B, 2C, N)."""
        rows = nodes.transpose(1, 2)  # (B, N, C)
        averaged = average_listed(rows, joined.transpose(1, 2))  # (B, E, C)
        edges = _map_rows(self.to_hyperedges, averaged)  # (B, E, C)
        mixed = (1 + self.eps) * rows + average_listed(edges, read)  # (B, N, C)
        return _map_rows(self.to_nodes, mixed).transpose(1, 2)


def average_listed(rows: Tensor, listed: Tensor) -> Tensor:
    """Average the rows of each list, filled up with the last row to the longest list of a batch.

    Args:
        rows: (B, M, C).
        listed: (B, lists, M), bool.

    Returns:
        (B, lists, C).
    """
    counts = listed.sum(dim=-1, keepdim=True)  # (B, lists, 1)
    longest = counts.max()
    # Shares, not sums, of which half precision could not hold the largest.
    shares = listed.to(rows.dtype) / longest  # (B, lists, M)
    filled = (longest - counts).to(rows.dtype) / longest  # (B, lists, 1)
    return shares @ rows + filled * rows[:, -1:]


def _map_rows(layer: nn.Module, rows: Tensor) -> Tensor:
    """Apply a layer of maps to rows, (B, rows, C), each by itself."""
    return cast(Tensor, layer(rows[:, None].permute(0, 3, 1, 2))).permute(0, 2, 3, 1)[:, 0]


def gather_padded(features: Tensor, lists: Tensor) -> Tensor:
    """Look up the features of listed nodes; -1 stands for the last one, as in the authors' code.

    Args:
        features: (B, C, M).
        lists: (B, rows, length), into the M.

    Returns:
        (B, C, rows, length).
    """
    return gather_nodes(features, lists.where(lists >= 0, features.shape[2] - 1))


class Grapher(nn.Module):
    """A hypergraph convolution between two linear layers, around a residual.

    ``relative_pos``, (1, N, M), is a frozen parameter of the pyramid that nothing reads.
    """

    make_graph_conv: type[HypergraphConv] = HypergraphConv
    keep_squares = False

    def __init__(
        self,
        channels: int,
        num_hyperedges: int,
        drop_path_rate: float,
        reduction: int = 1,
        relative_pos: Tensor | None = None,
    ) -> None:
        """Make a Grapher for maps of ``channels`` channels; ``relative_pos`` is copied."""
        super().__init__()
        self.num_hyperedges = num_hyperedges
        self.reduction = reduction
        if relative_pos is not None:
            self.relative_pos = nn.Parameter(relative_pos.clone(), requires_grad=False)
        self.fc1 = conv_bn(channels, channels)
        self.graph_conv = self.make_graph_conv(channels)
        self.fc2 = conv_bn(2 * channels, channels)
        self.drop_path = drop_path(drop_path_rate)

    def hyperedges(self, nodes: Tensor, generator: torch.Generator | None) -> tuple[Tensor, Tensor]:
        """Find the hyperedges of nodes, (B, C, N), as two masks, (B, N, E); see ``hyperedges``."""
        tokens = nodes.detach().transpose(1, 2)  # (B, N, C)
        return hyperedges(
            fuzzy_c_means(tokens, self.num_hyperedges, generator, keep_squares=self.keep_squares)
        )

    def pool_keys(self, features: Tensor) -> None:
        """Pool keys, (B, C, H, W), as the authors do in the pyramid, who read them nowhere."""
        if self.reduction > 1:
            functional.avg_pool2d(features, self.reduction, self.reduction)

    def search(
        self, x: Tensor, generator: torch.Generator | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Map (B, C, H, W) to nodes, (B, C, N), draw, and find the masks of ``hyperedges``."""
        features = self.fc1(x)
        self.pool_keys(features)
        nodes = features.flatten(2)  # (B, C, N)
        return nodes, *self.hyperedges(nodes, generator)

    def graph(self, nodes: Tensor, joined: Tensor, read: Tensor) -> Graph:
        """Describe what a search has found: (B, C, N) and twice (B, N, E)."""
        return Graph(
            nodes=nodes,
            keys=nodes,
            neighbors=sorted_lists(read),
            hyperedges=joined.transpose(1, 2),
        )

    def forward(self, x: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Update every node from its hyperedges: (B, C, H, W) -> (B, C, H, W)."""
        nodes, joined, read = self.search(x, generator)
        updated = self.graph_conv(nodes, joined, read)  # (B, 2C, N)
        as_map = updated.view(*updated.shape[:2], *x.shape[2:])  # (B, 2C, H, W)
        return cast(Tensor, self.drop_path(self.fc2(as_map)) + x)


class FastGrapher(Grapher):
    """The same without what nothing reads, and with masks in place of lists."""

    make_graph_conv = FastHypergraphConv
    keep_squares = True

    def pool_keys(self, features: Tensor) -> None:
        """Do without."""


GRAPHERS = {"published": Grapher, "fast": FastGrapher}


class ViHGNN(Classifier):
    """Vision Hypergraph Neural Network: stem, blocks in one stage or four, classifier."""

    def __init__(self, config: ViHGNNConfig) -> None:
        """Build and initialize the model that ``config`` describes.

        Raises:
            ModelError: unless there are one or four stages.
        """
        super().__init__()
        stages = len(config.channels)
        if stages not in {1, len(GRIDS)} or stages != len(config.depths):
            raise ModelError(
                "ViHGNN: want one or four entries, one per stage, in channels and depths, "
                f"got {stages} and {len(config.depths)}"
            )
        self.config = config
        first = config.channels[0]
        grids = GRIDS if stages > 1 else (GRID,)
        halves = () if stages > 1 else (first // 8, first // 4)
        strides = (2,) * (2 + len(halves))
        self.stem = conv_stem(
            config.in_chans, (*halves, first // 2, first, first), strides=(*strides, 1)
        )
        self.pos_embed = nn.Parameter(torch.zeros(1, first, grids[0], grids[0]))
        self.backbone = _backbone(config, grids)
        self.head = Head(config.channels[-1], config.num_classes)
        initialize_convs(self)

    def embed(self, images: Tensor) -> Tensor:
        """Make the nodes: (B, in_chans, 224, 224) -> (B, C, H, W).

        Raises:
            ModelError: for images of another shape.
        """
        check_images(images, self.config.in_chans)
        return cast(Tensor, self.stem(images) + self.pos_embed)


Model = ViHGNN
"""What ``create_model`` builds."""


def _backbone(config: ViHGNNConfig, grids: tuple[int, ...]) -> nn.Sequential:
    """Make the blocks of all stages in a row, with a downsampling before each further stage."""
    depth = sum(config.depths)
    counts = linear_schedule(*config.hyperedges, depth)
    rates = linear_schedule(0.0, config.drop_path_rate, depth)
    schedule = zip(counts, rates, strict=True)
    layers: list[nn.Module] = []
    stages = zip(grids, config.channels, config.depths, config.reductions, strict=False)
    for stage, (grid, channels, blocks, reduction) in enumerate(stages):
        if stage > 0:
            layers.append(conv_bn(config.channels[stage - 1], channels, kernel=3, stride=2))
        pooled, table = 1, None
        if len(grids) > 1:
            pooled, table = reduction, relative_position_table(grid, channels, reduction)
        for count, rate in islice(schedule, blocks):
            grapher = GRAPHERS[config.implementation](channels, int(count), rate, pooled, table)
            layers.append(DrawingBlock(grapher, FFN(channels, rate)))
    return nn.Sequential(*layers)
