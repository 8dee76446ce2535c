"""ViG: a k-nearest-neighbor graph over image patches, at one resolution.

Paper: K. Han, Y. Wang, J. Guo, Y. Tang, E. Wu, "Vision GNN: An Image is Worth Graph of Nodes",
NeurIPS 2022, arXiv:2206.00272, Section 3, Table 1.
Code: https://github.com/huawei-noah/Efficient-AI-Backbones@f90e129, vig_pytorch/vig.py
(read, not copied).
Deviations: none from the code in what the variants compute. Stochastic dilation, which no
variant uses, is left out.
"""

from collections import OrderedDict
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from vig_models import fast_graph
from vig_models.classifier import Classifier
from vig_models.graph import Graph, dilated_knn, dilation_schedule
from vig_models.graph_convs import OFFICIAL_NAMES as CONV_NAMES
from vig_models.graph_convs import make_graph_conv
from vig_models.head import Head
from vig_models.layers import (
    FFN,
    IMAGE_SIZE,
    check_images,
    conv_bn,
    conv_stem,
    drop_path,
    initialize_convs,
    linear_schedule,
)
from vig_models.naming import Renames

GRID = IMAGE_SIZE // 16
"""Rows and columns of the node map behind the stem."""

OFFICIAL_NAMES: Renames = (
    ("stem.", "stem.convs."),
    *(
        (f"backbone.{{}}.grapher.{ours}", f"backbone.{{}}.0.{theirs}")
        for ours, theirs in CONV_NAMES
    ),
    ("backbone.{}.grapher.", "backbone.{}.0."),
    ("backbone.{}.ffn.", "backbone.{}.1."),
    ("head.fc.", "prediction.4."),
    ("head.hidden.", "prediction."),
)
"""Prefixes of our state-dict entries and of the authors'."""


@dataclass(frozen=True, kw_only=True)
class ViGConfig:
    """One row of Table 1."""

    depth: int  # blocks, each a Grapher then an FFN
    channels: int  # C
    neighbors: int = 9  # K in the first block; grows linearly to 2K in the last
    graph_conv: str = "max_relative"  # or edge, gin, sage: see graph_convs.py
    num_classes: int = 1000
    in_chans: int = 3
    drop_path_rate: float = 0.0  # of the last block; grows linearly from 0
    implementation: str = "fast"  # or published: how, not what, is computed


VARIANTS = {  # Table 1
    "vig_ti": ViGConfig(depth=12, channels=192),
    "vig_s": ViGConfig(depth=16, channels=320),
    "vig_b": ViGConfig(depth=16, channels=640),
}


class Grapher(nn.Module):
    """A max-relative graph convolution between two linear layers, around a residual."""

    find_neighbors = staticmethod(dilated_knn)

    def __init__(
        self, config: ViGConfig, num_neighbors: int, dilation: int, drop_path_rate: float
    ) -> None:
        """Make the Grapher of one block."""
        super().__init__()
        channels = config.channels
        self.num_neighbors = num_neighbors
        self.dilation = dilation
        self.fc1 = conv_bn(channels, channels)
        self.graph_conv = make_graph_conv(config.graph_conv, channels, config.implementation)
        self.fc2 = conv_bn(2 * channels, channels)
        self.drop_path = drop_path(drop_path_rate)

    def neighbors(self, x: Tensor) -> Tensor:
        """Find the neighbors of every node.

        Args:
            x: the map behind ``fc1``, (B, C, H, W).

        Returns:
            Node indices, (B, N, K), nearest first; usually that is the node itself.
        """
        nodes = x.flatten(2)  # (B, C, N)
        return self.find_neighbors(nodes, nodes, self.num_neighbors, self.dilation)

    def search(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Map (B, C, H, W) to features of the same shape and their neighbors, (B, N, K)."""
        features = self.fc1(x)
        return features, self.neighbors(features)

    def graph(self, features: Tensor, neighbors: Tensor) -> Graph:
        """Describe what a search has found: (B, C, H, W) and (B, N, K)."""
        nodes = features.flatten(2)  # (B, C, N)
        return Graph(nodes=nodes, keys=nodes, neighbors=neighbors)

    def forward(self, x: Tensor) -> Tensor:
        """Update every node from its neighbors: (B, C, H, W) -> (B, C, H, W)."""
        features, neighbors = self.search(x)
        updated = self.graph_conv(features, features, neighbors)  # (B, 2C, H, W)
        return cast(Tensor, self.drop_path(self.fc2(updated)) + x)


class FastGrapher(Grapher):
    """The same, with fewer passes over the distances."""

    find_neighbors = staticmethod(fast_graph.dilated_knn)


GRAPHERS = {"published": Grapher, "fast": FastGrapher}


class ViG(Classifier):
    """Isotropic Vision GNN: stem, blocks of Grapher and FFN, average pooling, classifier."""

    def __init__(self, config: ViGConfig) -> None:
        """Build and initialize the model that ``config`` describes."""
        super().__init__()
        self.config = config
        channels = config.channels
        widths = (channels // 8, channels // 4, channels // 2, channels, channels)
        self.stem = conv_stem(config.in_chans, widths, strides=(2, 2, 2, 2, 1))
        self.pos_embed = nn.Parameter(torch.zeros(1, channels, GRID, GRID))
        self.backbone = _backbone(config)
        self.head = Head(channels, config.num_classes)
        initialize_convs(self)

    def embed(self, images: Tensor) -> Tensor:
        """Make the nodes: (B, in_chans, 224, 224) -> (B, C, 14, 14).

        Raises:
            ModelError: for images of another shape.
        """
        check_images(images, self.config.in_chans)
        return cast(Tensor, self.stem(images) + self.pos_embed)


Model = ViG
"""What ``create_model`` builds."""


def _backbone(config: ViGConfig) -> nn.Sequential:
    """Make the blocks; each has its own K, dilation and drop rate."""
    neighbors = linear_schedule(config.neighbors, 2 * config.neighbors, config.depth)
    dilations = dilation_schedule(config.depth, GRID**2 // (2 * config.neighbors))
    rates = linear_schedule(0.0, config.drop_path_rate, config.depth)
    blocks = []
    for k, dilation, rate in zip(neighbors, dilations, rates, strict=True):
        grapher = GRAPHERS[config.implementation](config, int(k), dilation, rate)
        ffn = FFN(config.channels, rate)
        blocks.append(nn.Sequential(OrderedDict(grapher=grapher, ffn=ffn)))
    return nn.Sequential(*blocks)
